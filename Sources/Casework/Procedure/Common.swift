import Claims
import Knowledge
import Rules

/// A line of the monthly report (月报指标); the procedures say which of their steps add to it.
package struct ReportLine: Sendable, Equatable {
    package enum Counts: String, Sendable, CaseIterable {
        /// How often a step was taken.
        case times
        /// How many institutions, each once.
        case institutions
        /// Money by fund and pool, in fen.
        case money
    }

    package let id: String
    package let name: String
    package let counts: Counts
}

/// What all procedures share: the roles, the attributes that every matter is counted by, the lines of the monthly report.
package struct Common: Sendable {
    package let roles: Roles
    package let fields: [Field]
    package let report: [ReportLine]

    static func read(_ document: YamlDocument) -> (common: Common, diagnostics: [Diagnostic]) {
        var yaml = YamlReading(document)
        yaml.only(document.root, ["roles", "fields", "report"], in: "the common file")
        var roles: [Roles.Role] = []
        for entry in yaml.named(document.root["roles"], "roles") {
            yaml.only(entry.value, ["name", "kind", "side"], in: "a role")
            let kind = entry.value["kind"]?.string.flatMap(Roles.Role.Kind.init) ?? .person
            roles.append(
                Roles.Role(
                    id: entry.id, name: entry.value["name"]?.string ?? entry.id, kind: kind,
                    side: entry.value["side"]?.string ?? "body"))
        }
        var fields: [Field] = []
        for entry in yaml.named(document.root["fields"], "fields") {
            if let field = field(entry.id, entry.value, &yaml) { fields.append(field) }
        }
        var report: [ReportLine] = []
        for entry in yaml.named(document.root["report"], "report") {
            yaml.only(entry.value, ["name", "counts"], in: "a line of the report")
            guard let counts = entry.value["counts"]?.string.flatMap(ReportLine.Counts.init) else {
                yaml.note(
                    entry.value, "PRC003", "the line `\(entry.id)` does not say what it counts",
                    advice: "write `counts:` \(ReportLine.Counts.allCases.map(\.rawValue).joined(separator: ", "))")
                continue
            }
            report.append(ReportLine(id: entry.id, name: entry.value["name"]?.string ?? entry.id, counts: counts))
        }
        return (Common(roles: Roles(roles), fields: fields, report: report), yaml.diagnostics)
    }

    static func field(_ id: String, _ node: YamlNode, _ yaml: inout YamlReading) -> Field? {
        yaml.only(node, ["name", "type", "choice", "of", "counting"], in: "a field")
        var kind = Field.Kind.text
        if let choice = node["choice"] {
            var choices: [Field.Choice] = []
            for entry in yaml.named(choice, "choice") {
                choices.append(Field.Choice(id: entry.id, name: entry.value.string ?? entry.id))
            }
            if choices.count < 2 {
                yaml.note(choice, "PRC003", "a choice has two values or more", advice: "write `choice: { a: 甲, b: 乙 }`")
            }
            kind = .choice(choices)
        } else if let type = node["type"] {
            let words: [String: Field.Kind] = [
                "text": .text, "flag": .flag, "money": .money, "day": .day, "month": .month, "person": .person,
                "organisation": .organisation, "split": .split, "whole": .number(scale: 0),
                "decimal": .number(scale: 4),
            ]
            guard let word = type.string, let found = words[word] else {
                yaml.note(
                    type, "PRC003", "there is no type `\(type.string ?? "")`",
                    advice: "types: \(words.keys.sorted().joined(separator: ", "))")
                return nil
            }
            kind = found
        }
        return Field(
            id: id, name: node["name"]?.string ?? node.string ?? id, kind: kind, item: node["of"]?.string,
            counting: yaml.flag(node["counting"], "counting") ?? false)
    }
}
