import Claims
import Columns
import Foundation

/// What a run did: counts, times, and for every rule what it looked at and what it could not know.
package struct AuditReport: Codable, Sendable {
    package struct Phase: Codable, Sendable {
        package let name: String
        package let seconds: Double
    }

    package struct RuleCoverage: Codable, Sendable {
        package let rule: String
        package let version: String
        /// How candidates were found: a sieve's name, `general`, `counted`, `gathered`; `as X`: it
        /// says the same as rule X and was not asked again.
        package let path: String
        package let evaluated: Int
        package let findings: Int
        package let undetermined: Int
        /// Undetermined units by cause, then by month (`yyyy-mm`, `unknown`).
        package let causes: [String: [String: Int]]
        package let notRunnable: String?
    }

    package let lines: Int
    package let encounters: Int
    package let persons: Int
    package let reversals: Int
    package let orphanReversals: Int
    package let findings: Int
    package let findingsBytes: Int
    package let findingsSHA256: String
    package let generation: Int
    package let packageName: String
    package let packageVersion: String
    package let packageHash: String
    package let coverageFrom: String
    package let coverageTo: String
    package let closedWorld: Bool
    /// The days of the rows that were judged, when the run was told to keep to some.
    package var judgedFrom: String?
    package var judgedTo: String?
    /// With `since`: whom rules about one person looked at, in words; nil: at everybody.
    package var narrowed: String?
    package let rules: [RuleCoverage]
    package let phases: [Phase]
    package var seconds: Double = 0
    package var threads: Int = 1
    package var started: Date?

    init(
        _ binding: Binding, _ dataset: Dataset, _ shared: SharedRun, tallies: [RuleTally], keyed: KeyedPass,
        sieves: SievePlan, twins: RuleTwins, keyedPlans: [KeyedPlan], notRunnable: [String: String], findings: Int,
        bytes: Int,
        sha256: String, phases: [Phase]
    ) {
        let counts = shared.counts
        lines = counts.lines
        encounters = counts.encounters
        persons = counts.persons
        reversals = counts.reversals
        orphanReversals = counts.orphanReversals
        self.findings = findings
        findingsBytes = bytes
        findingsSHA256 = sha256
        generation = dataset.generation
        packageName = binding.plan.packageName
        packageVersion = binding.plan.packageVersion
        packageHash = binding.plan.packageHash
        coverageFrom = "\(Day(number: binding.coverageFrom))"
        coverageTo = "\(Day(number: binding.coverageTo))"
        closedWorld = binding.isClosedWorld
        var tallies = tallies
        for (index, tally) in keyed.tallies.enumerated() { tallies[index].add(tally) }
        var paths: [Int: String] = [:]
        for (index, rule) in sieves.rules.enumerated() { paths[rule.number] = sieves.paths[index] }
        for (rule, first) in twins.spokenFor { paths[rule] = "as \(first.rule.id)" }
        for plan in keyedPlans { paths[plan.rule.number] = plan.path }
        rules = binding.rules.map { rule in
            let tally = tallies[rule.number]
            var causes: [String: [String: Int]] = [:]
            for (key, count) in tally.undetermined {
                let cause = binding.program.causeName(key.cause)
                let month = key.month < 0 ? "unknown" : String("\(Day(number: Self.firstDay(of: key.month)))".prefix(7))
                causes[cause, default: [:]][month, default: 0] += count
            }
            return RuleCoverage(
                rule: rule.rule.id, version: rule.rule.version, path: paths[rule.number] ?? "none",
                evaluated: tally.evaluated, findings: tally.findings,
                undetermined: tally.undetermined.values.reduce(0, +), causes: causes,
                notRunnable: notRunnable[rule.rule.id])
        }
        self.phases = phases
    }

    private static func firstDay(of month: Int32) -> Int32 {
        Day(year: Int(month) / 12, month: Int(month) % 12 + 1, day: 1)?.number ?? 0
    }

    /// Findings per second and line figures belong to the phase named.
    package func seconds(of phase: String) -> Double { phases.first { $0.name == phase }?.seconds ?? 0 }

    func write(into folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.dateEncodingStrategy = .iso8601
        try encoder.encode(self).write(to: URL(fileURLWithPath: folder + "/run.json"), options: .atomic)
        try encoder.encode(rules).write(to: URL(fileURLWithPath: folder + "/coverage.json"), options: .atomic)
    }

    package static func read(_ folder: String) throws -> AuditReport {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(AuditReport.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/run.json")))
    }
}
