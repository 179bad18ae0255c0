import Claims
import Rules

/// Puts a finding into words (说明): the rule's message with the finding's values, and what would have to differ.
///
/// Findings on disk hold columns and no prose, so the wording can improve without any finding changing.
package struct FindingsWording: Sendable {
    package private(set) var names: FindingsNames
    package let mask: FindingsMask
    private let rules: [String: Rule]
    private let lists: [String: KnowledgeList]

    package init(plan: Plan?, names: FindingsNames = FindingsNames(), mask: FindingsMask = FindingsMask()) {
        self.names = names
        self.mask = mask
        rules = Dictionary((plan?.rules ?? []).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        lists = plan?.lists ?? [:]
    }

    /// The same wording for a message that itself says what its codes are called.
    package func calling(_ others: [Table: [String: String]]) -> FindingsWording {
        var result = self
        result.names = names.orElse(others)
        return result
    }

    package func rule(_ id: String) -> Rule? { rules[id] }

    /// The rule's name; its identifier when the rule is not at hand.
    package func ruleName(_ id: String) -> String { rules[id]?.name ?? id }

    // MARK: The message

    /// One sentence in Chinese: what was found.
    package func statement(of record: FindingsRecord) -> String {
        if record.outcome == "stated" { return record.text ?? "外部来源提出的疑点。" }
        guard let rule = rules[record.rule] else {
            return record.text ?? Self.outcomeName(record.outcome) + "：规则" + record.rule
        }
        let sentence = Self.filled(rule.message) { name in
            switch name {
            case "value": return record.value.map { text(of: $0, type: rule.value?.type) }
            case "limit": return record.limit.map { text(of: $0, type: rule.limit?.type) }
            case "item": return record.item.map { names.name(of: $0, in: .item) ?? $0 }
            case "day": return record.day.map(Self.chineseDay)
            case "person": return record.person.map(mask.person)
            case "institution": return record.institution.map { names.name(of: $0, in: .institution) ?? $0 }
            case "amount": return record.gross.map { DecimalText.format($0, scale: Schema.moneyScale) }
            case _ where name.hasPrefix("$"): return rule.parameter(String(name.dropFirst()), on: record.day)
            default:
                guard let dot = name.firstIndex(of: ".") else { return nil }
                let alias = String(name[..<dot])
                guard let match = rule.lists.first(where: { $0.alias == alias }) else { return nil }
                return cell(list: match.list, row: record, column: String(name[name.index(after: dot)...]))
            }
        }
        return record.outcome == "undetermined" ? "未能判定：" + sentence : sentence
    }

    /// Replaces `{name}`; a name without a value reads 「未知」, a brace without its partner stays as it is.
    package static func filled(_ template: String, _ value: (String) -> String?) -> String {
        var result = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            result += rest[..<open]
            result += value(String(rest[rest.index(after: open)..<close])) ?? "未知"
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    /// A `value` or `limit`, which findings keep in millionths, as a person writes it.
    package func text(of number: Int64, type: ValueType?) -> String {
        let whole = number / 1_000_000
        switch type {
        case .day: return Int32(exactly: whole).map { Self.chineseDay(Day(number: $0)) } ?? String(whole)
        case .moment:
            let second = ((whole % 86_400) + 86_400) % 86_400
            guard let day = Int32(exactly: (whole - second) / 86_400) else { return String(whole) }
            func two(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
            return Self.chineseDay(Day(number: day)) + " \(two(second / 3600)):\(two(second / 60 % 60))"
        default: return DecimalText.format(number, scale: FindingColumns.evidenceScale, trimmed: true)
        }
    }

    static func chineseDay(_ day: Day) -> String {
        let (year, month, number) = day.parts
        return "\(year)年\(month)月\(number)日"
    }

    package static func outcomeName(_ outcome: String) -> String {
        switch outcome {
        case "violation": "违规"
        case "suspicion": "可疑"
        case "undetermined": "未决"
        case "error": "出错"
        case "stated": "外部疑点"
        case "clear": "合规"
        default: outcome
        }
    }

    // MARK: The list row

    /// The row of the experts' list that the finding rests on: its line in the CSV and its cells.
    package func listRow(of record: FindingsRecord) -> (
        list: KnowledgeList, line: Int32, cells: [(name: String, text: String)]
    )? {
        guard let id = record.list, let list = lists[id], let line = record.listRow,
            let row = list.row(ofLine: line)
        else { return nil }
        return (list, line, list.columns.map { ($0.name, Self.text(of: $0, row: row)) })
    }

    func columnName(_ index: Int, ofList id: String) -> String? {
        guard let list = lists[id], list.columns.indices.contains(index) else { return nil }
        return list.columns[index].name
    }

    func cell(list id: String, row record: FindingsRecord, column name: String) -> String? {
        guard record.list == id, let list = lists[id], let line = record.listRow,
            let row = list.row(ofLine: line), let column = list.columnIndex(name)
        else { return nil }
        let text = Self.text(of: list.columns[column], row: row)
        return text.isEmpty ? nil : text
    }

    private static func text(of column: KnowledgeList.Column, row: Int) -> String {
        if row < column.isNull.count, column.isNull[row] { return "" }
        switch column.kind {
        case .code, .prefix, .text: return row < column.texts.count ? column.texts.string(row) : ""
        case .integer, .decimal, .day, .flag:
            guard row < column.numbers.count else { return "" }
            let number = column.numbers[row]
            switch column.kind {
            case .decimal(let scale): return DecimalText.format(number, scale: scale, trimmed: true)
            case .day: return Int32(exactly: number).map { Day(number: $0).description } ?? String(number)
            case .flag: return number == 0 ? "否" : "是"
            default: return String(number)
            }
        }
    }
}

extension KnowledgeList {
    /// The row that stands on a line of the CSV; rows keep the order of the file, so their lines rise.
    fileprivate func row(ofLine line: Int32) -> Int? {
        let place = lineNumbers.firstPlace(notBefore: line)
        return place < lineNumbers.count && lineNumbers[place] == line ? place : nil
    }
}
