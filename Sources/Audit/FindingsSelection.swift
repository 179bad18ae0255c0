import Claims
import Rules

/// Which findings are meant: `rule=P17*,outcome=violation|suspicion,institution=H001,from=2025-01-01`.
///
/// Conditions on different fields must all hold; values of one field are alternatives, parted by `|`; `*` at the end
/// of a value matches any continuation.
package struct FindingsSelection: Sendable, Hashable {
    package enum Field: String, Sendable, Hashable, CaseIterable {
        case id, rule, category, outcome, grade, unit, institution, person, encounter, item, list, month, pool, cause
        case source

        func value(in record: FindingsRecord) -> String? {
            switch self {
            case .id: record.id
            case .rule: record.rule
            case .category: record.category
            case .outcome: record.outcome
            case .grade: String(record.grade)
            case .unit: record.unit
            case .institution: record.institution
            case .person: record.person
            case .encounter: record.encounter
            case .item: record.item
            case .list: record.list
            case .month: record.month
            case .pool: record.pool
            case .cause: record.cause
            case .source: record.source
            }
        }
    }

    private struct Condition: Sendable, Hashable {
        let field: Field
        let alternatives: [String]

        func holds(for record: FindingsRecord) -> Bool {
            guard let value = field.value(in: record) else { return alternatives.contains("") }
            for alternative in alternatives {
                if alternative.hasSuffix("*") ? value.hasPrefix(alternative.dropLast()) : value == alternative {
                    return true
                }
            }
            return false
        }
    }

    /// Why a condition could not be read.
    package struct Mistake: Error, Sendable, Hashable, CustomStringConvertible {
        package let text: String
        package let reason: String
        package var description: String { "`\(text)`: \(reason)" }
    }

    private var conditions: [Condition] = []
    private var from: Day?
    private var to: Day?
    private var least: Int64?
    /// Whether findings of rules in shadow are among them.
    package var includesShadow = true

    package init() {}

    package init(_ text: String) throws(Mistake) {
        for part in text.split(separator: ",") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.trimmed(halves[0])
            guard halves.count == 2 else { throw Mistake(text: String(part), reason: "write FIELD=VALUE") }
            let value = Self.trimmed(halves[1])
            switch name {
            case "from", "to":
                guard let day = Day(value) else {
                    throw Mistake(text: String(part), reason: "write the day as yyyy-mm-dd")
                }
                if name == "from" { from = day } else { to = day }
            case "least":
                guard let yuan = DecimalText.parse(value, scale: Schema.moneyScale) else {
                    throw Mistake(text: String(part), reason: "write the amount in yuan, such as 1000 or 12.50")
                }
                least = yuan
            default:
                guard let field = Field(rawValue: name) else {
                    let known = (Field.allCases.map(\.rawValue) + ["from", "to", "least"]).joined(separator: ", ")
                    throw Mistake(text: String(part), reason: "there is no field `\(name)`; there are \(known)")
                }
                let alternatives = value.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
                conditions.append(Condition(field: field, alternatives: alternatives))
            }
        }
    }

    package func keeps(_ record: FindingsRecord) -> Bool {
        if !includesShadow, Rule.isShadow(record.rule) { return false }
        for condition in conditions where !condition.holds(for: record) { return false }
        if let from { guard let day = record.day, day >= from else { return false } }
        if let to { guard let day = record.day, day <= to else { return false } }
        if let least { guard let gross = record.gross ?? record.stated, gross >= least else { return false } }
        return true
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
