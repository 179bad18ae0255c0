import Claims
import Rules

/// One row of a findings table (审核结果) as a value: what was concluded, about whom, on which rows, for how much.
///
/// Money is in fen, `value` and `limit` in millionths; nil is unknown and is never shown as zero.
package struct FindingsRecord: Sendable, Hashable {
    /// What the fund lost, per fund (各基金损失).
    package struct FundParts: Sendable, Hashable {
        package var basic: Int64?
        package var large: Int64?
        package var assistance: Int64?
        package var civil: Int64?
        package var longTermCare: Int64?
        package var other: Int64?

        package init() {}

        package var isEmpty: Bool { self == FundParts() }
    }

    package var id = ""
    package var rule = ""
    package var version = ""
    package var category = ""
    /// violation, suspicion, undetermined, error, or `stated` for a foreign source's own word.
    package var outcome = ""
    package var grade: Int32 = 1
    package var unit = ""
    package var key = ""
    package var person: String?
    package var institution: String?
    package var encounter: String?
    package var day: Day?
    package var item: String?
    package var list: String?
    package var listRow: Int32?
    package var value: Int64?
    package var limit: Int64?
    package var violating: [String] = []
    package var violatingTable = ""
    package var involved: [String] = []
    package var involvedTable: String?
    /// Gross yuan at stake per violating row, in the order of `violating`.
    package var stakes: [String] = []
    package var gross: Int64?
    package var inScope: Int64?
    package var loss: Int64?
    package var lossParts = FundParts()
    package var pool: String?
    package var lossMethod: String?
    package var cause: String?
    package var source = "yijian"
    package var text: String?
    package var stated: Int64?
    /// The knowledge package that was asked, with its version, and its digest; nil for foreign findings.
    package var package: String?
    package var packageHash: String?

    package init() {}

    /// Concluded that money should not have been paid, for certain or probably; counts in totals.
    package var isConclusion: Bool { outcome == "violation" || outcome == "suspicion" }

    /// The claims table whose rows are flagged.
    package var table: Table? { Table(rawValue: violatingTable) }

    /// Evidence rows with their tables; a row of another table than the first carries its name.
    package var involvedRows: [(table: Table, id: String)] {
        let lead = involvedTable.flatMap(Table.init(rawValue:)) ?? table ?? .line
        return involved.map { name in
            guard let colon = name.firstIndex(of: ":"), let table = Table(rawValue: String(name[..<colon])) else {
                return (lead, name)
            }
            return (table, String(name[name.index(after: colon)...]))
        }
    }

    package var month: String? {
        guard let day else { return nil }
        return String(day.description.prefix(7))
    }

    /// The names of the fields in which two records differ. Another package alone is no difference: a rule that changed
    /// has another version.
    package func differences(from other: FindingsRecord) -> [String] {
        var names: [String] = []
        func note(_ name: String, _ isSame: Bool) { if !isSame { names.append(name) } }
        note("rule", rule == other.rule)
        note("version", version == other.version)
        note("outcome", outcome == other.outcome)
        note("grade", grade == other.grade)
        note("institution", institution == other.institution)
        note("encounter", encounter == other.encounter)
        note("day", day == other.day)
        note("item", item == other.item)
        note("list row", list == other.list && listRow == other.listRow)
        note("value", value == other.value)
        note("limit", limit == other.limit)
        note("violating", violating == other.violating && violatingTable == other.violatingTable)
        note("involved", involved == other.involved && involvedTable == other.involvedTable)
        note("gross", gross == other.gross && stakes == other.stakes)
        note("in_scope", inScope == other.inScope)
        note("loss", loss == other.loss && lossParts == other.lossParts && lossMethod == other.lossMethod)
        note("cause", cause == other.cause)
        note("stated", stated == other.stated && text == other.text)
        var alike = self
        alike.package = other.package
        alike.packageHash = other.packageHash
        if names.isEmpty, alike != other { names.append("other") }
        return names
    }
}

extension FindingsRecord {
    /// In the words in which examples say what they expect; nil for foreign findings.
    package var summary: FindingSummary? {
        guard let outcome = Outcome(rawValue: outcome) else { return nil }
        func text(_ number: Int64?, _ scale: Int, trimmed: Bool) -> String? {
            number.map { DecimalText.format($0, scale: scale, trimmed: trimmed) }
        }
        return FindingSummary(
            outcome: outcome, key: key, person: person, violating: violating, involved: involved,
            value: text(value, FindingColumns.evidenceScale, trimmed: true),
            limit: text(limit, FindingColumns.evidenceScale, trimmed: true),
            gross: text(gross, Schema.moneyScale, trimmed: false), loss: text(loss, Schema.moneyScale, trimmed: false),
            cause: cause)
    }
}
