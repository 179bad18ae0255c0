/// Findings counted by something they share: rule, institution, month … (分组统计).
package struct FindingsGroups {
    package enum By: String, Sendable, Hashable, CaseIterable {
        case rule, category, outcome, grade, institution, person, item, month, pool, cause, unit, source

        package var chinese: String {
            switch self {
            case .rule: "规则"
            case .category: "规则类别"
            case .outcome: "结论"
            case .grade: "严重程度"
            case .institution: "定点机构"
            case .person: "人员"
            case .item: "项目"
            case .month: "月份"
            case .pool: "统筹区"
            case .cause: "未决原因"
            case .unit: "审核单元"
            case .source: "来源"
            }
        }

        func value(in record: FindingsRecord) -> String? {
            switch self {
            case .rule: record.rule
            case .category: record.category
            case .outcome: record.outcome
            case .grade: String(record.grade)
            case .institution: record.institution
            case .person: record.person
            case .item: record.item
            case .month: record.month
            case .pool: record.pool
            case .cause: record.cause
            case .unit: record.unit
            case .source: record.source
            }
        }
    }

    package struct Group: Sendable {
        /// nil: the findings do not say.
        package let value: String?
        package let conclusions: FindingsTotals.Sums
        package let undetermined: Int
        /// What foreign sources stated, in fen.
        package let stated: Int
        package let statedAmount: Int64
    }

    private struct Tally {
        var undetermined = 0
        var stated = 0
        var statedAmount: Int64 = 0
    }

    package let by: By
    private var totals = FindingsTotals()
    private var tallies: [Tally] = []
    private var numbers: [String?: Int] = [:]

    package init(by: By) { self.by = by }

    package mutating func add(_ record: FindingsRecord, encounterOf: (String) -> String? = { _ in nil }) {
        let value = by.value(in: record)
        let number = numbers[value] ?? tallies.count
        if number == tallies.count {
            numbers[value] = number
            tallies.append(Tally())
        }
        totals.add(record, group: number, encounterOf: encounterOf)
        if record.outcome == "undetermined" { tallies[number].undetermined += 1 }
        if record.outcome == "stated" {
            tallies[number].stated += 1
            let (sum, overflow) = tallies[number].statedAmount.addingReportingOverflow(record.stated ?? 0)
            tallies[number].statedAmount = overflow ? .max : sum
        }
    }

    /// Months in their order; everything else by money, then by name; what names no value comes last.
    package func groups() -> [Group] {
        let sums = totals.results()
        let groups = numbers.map { value, number in
            Group(
                value: value, conclusions: sums[number], undetermined: tallies[number].undetermined,
                stated: tallies[number].stated, statedAmount: tallies[number].statedAmount)
        }
        return groups.sorted { left, right in
            guard let leftName = left.value else { return false }
            guard let rightName = right.value else { return true }
            if by != .month, left.conclusions.gross != right.conclusions.gross {
                return left.conclusions.gross > right.conclusions.gross
            }
            return leftName < rightName
        }
    }
}
