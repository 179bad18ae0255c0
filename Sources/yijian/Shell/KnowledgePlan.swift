import ArgumentParser
import Claims
import Knowledge
import Rules

extension Surroundings {
    /// The checked rules and lists; nil where no package is named or found, and then rules are shown by identifier.
    func plan() throws -> Plan? {
        guard let folder = knowledgeFolder else { return nil }
        return try KnowledgePlan.load(folder, areas: [], rules: nil)
    }
}

/// Reading the experts' package for a command that needs it whole.
enum KnowledgePlan {
    /// The plan, or an error that quotes the first diagnostics; warnings stay silent here, `rules check` shows them.
    static func load(
        _ folder: String, areas: [String], rules: [String]?, version: PlanLoader.Version = .inForce,
        asOf day: Day? = nil
    ) throws -> Plan {
        let (plan, diagnostics) = PlanLoader.load(
            package: folder, areas: areas, rules: rules, version: version, asOf: day)
        let errors = diagnostics.filter { $0.severity == .error }
        guard let plan, errors.isEmpty else {
            let shown =
                errors.prefix(5).map(\.description) + (errors.count > 5 ? ["… and \(errors.count - 5) more"] : [])
            throw CommandError(
                code: "YJ-320", what: "the experts' package cannot be used (\(errors.count) errors)", place: folder,
                why: shown.joined(separator: "\n         "),
                advice: "run `yijian rules check --knowledge \(folder)` and mend what it names")
        }
        return plan
    }
}

/// A day on the command line, `yyyy-mm-dd`.
struct DayArgument: ExpressibleByArgument {
    let day: Day

    init?(argument: String) {
        guard let day = Day(argument) else { return nil }
        self.day = day
    }
}
