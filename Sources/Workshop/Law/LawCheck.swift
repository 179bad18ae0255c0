import Claims
import Knowledge
import Rules

/// Looks for what is well written and still wrong (规则合法性检查): limits that contradict each other, points that others
/// shadow, gaps in validity, limits without a basis, codes that do not exist, overrides of nothing, rules that can never
/// speak, and rules that cost more than their stage allows.
///
/// It reads a checked plan and gives warnings with places, like the rule reader. Codes `LAW001` … `LAW008` are listed in
/// `docs/language.md`.
package struct LawCheck {
    let plan: Plan
    let budget: StageBudget
    private(set) var diagnostics: [Diagnostic] = []
    private var counts: [String: Int] = [:]

    /// At most so many of one kind in one file are named; the rest is counted.
    package static let shownMax = 20

    package static func run(_ plan: Plan, budget: StageBudget = StageBudget()) -> [Diagnostic] {
        var check = LawCheck(plan: plan, budget: budget)
        for (_, list) in plan.lists.sorted(by: { $0.key < $1.key }) where !list.isCatalogue {
            let view = ListView(list)
            check.checkLimits(view)
            check.checkValidity(view)
            check.checkPairs(view)
            check.checkPrefixes(view)
            check.checkAreas(view)
            check.checkBasis(view)
            check.checkCodes(view)
        }
        check.checkTwins()
        for rule in plan.rules {
            check.checkCanFire(rule)
            check.checkCost(rule)
        }
        check.noteWhatWasNotShown()
        return check.diagnostics.sorted()
    }

    private init(plan: Plan, budget: StageBudget) {
        self.plan = plan
        self.budget = budget
    }

    mutating func note(_ code: String, _ place: (file: String, line: Int), _ message: String, advice: String) {
        let key = code + "\u{1}" + place.file
        counts[key, default: 0] += 1
        guard counts[key, default: 0] <= Self.shownMax else { return }
        diagnostics.append(
            Diagnostic(
                file: place.file, line: place.line, column: place.line > 0 ? 1 : 0, code: code, severity: .warning,
                message: message, advice: advice))
    }

    private mutating func noteWhatWasNotShown() {
        for (key, count) in counts where count > Self.shownMax {
            let parts = key.split(separator: "\u{1}").map(String.init)
            diagnostics.append(
                Diagnostic(
                    file: parts[1], line: 0, column: 0, code: parts[0], severity: .warning,
                    message: "\(count - Self.shownMax) more of this kind", advice: "mend those that are named first"))
        }
    }

    // MARK: Two lists, one rule

    /// Rules that say the same over different lists: a code in both has two limits, or stands twice.
    private mutating func checkTwins() {
        var groups: [String: [(rule: Rule, match: Rule.ListMatch)]] = [:]
        for rule in plan.rules where rule.lists.count == 1 {
            guard let list = plan.lists[rule.lists[0].list] else { continue }
            let columns = [list.columns.map(\.name)]
            let parts = [rule.filter, Optional(rule.test)].map { part in
                part.map { ExpressionText.text($0, lists: rule.lists, columns: columns) } ?? ""
            }
            let on = rule.lists[0].on.map { "\(list.columns[$0.column].name)=\(ExpressionText.text($0.expression))" }
            // A policy limit and a medical one are two questions about one code.
            groups[(parts + on + [rule.category, Self.unit(of: rule)]).joined(separator: "\u{1}"), default: []]
                .append((rule, rule.lists[0]))
        }
        for (_, group) in groups.sorted(by: { $0.key < $1.key }) where group.count > 1 {
            for (index, former) in group.enumerated() {
                for latter in group.dropFirst(index + 1) { compare(former, latter) }
            }
        }
    }

    private static func unit(of rule: Rule) -> String {
        switch rule.unit {
        case .row(let table): table.rawValue
        case .group(let table, let keys):
            "\(table.rawValue) by " + keys.map { ExpressionText.text($0.expression) }.joined(separator: ", ")
        }
    }

    private mutating func compare(
        _ a: (rule: Rule, match: Rule.ListMatch), _ b: (rule: Rule, match: Rule.ListMatch)
    ) {
        let spans = (span(a.rule), span(b.rule))
        guard spans.0.overlaps(spans.1), let first = plan.lists[a.match.list], let second = plan.lists[b.match.list]
        else { return }
        if a.match.list == b.match.list {
            note(
                "LAW002", (b.rule.file, 0), "the rule says what \(a.rule.id) says, over the same list and days",
                advice: "retire one of them, or part their days")
            return
        }
        let (left, right) = (ListView(first), ListView(second))
        let values = left.valueColumns.compactMap { column in
            second.columnIndex(first.columns[column].name).map { (column, $0) }
        }
        var rows: [String: Int] = [:]
        for row in 0..<first.rowCount { rows[left.key(row)] = row }
        for row in 0..<second.rowCount {
            guard let other = rows[right.key(row)], left.span(other).overlaps(right.span(row)) else { continue }
            let differing = values.first { left.cell(other, $0.0) != right.cell(row, $0.1) }
            let code = right.shownKey(row)
            let place = first.place(ofRow: other)
            if let differing {
                note(
                    "LAW001", second.place(ofRow: row),
                    "`\(code)` has \(second.columns[differing.1].name) \(right.cell(row, differing.1) ?? "nothing"), and "
                        + "\(left.cell(other, differing.0) ?? "nothing") in \(place.file):\(place.line)",
                    advice: "ask which limit holds: \(a.rule.id) and \(b.rule.id) judge the same rows")
            } else {
                note(
                    "LAW002", second.place(ofRow: row),
                    "`\(code)` stands in \(place.file):\(place.line) too, for a rule that says the same",
                    advice: "keep it in one list: a bill would be charged with it twice")
            }
        }
    }

    func span(_ rule: Rule) -> ClosedRange<Int32> {
        let from = rule.validFrom?.number ?? .min
        return from...max(from, rule.validTo?.number ?? .max)
    }
}

/// The rows of a list as texts, for comparing them.
struct ListView {
    let list: KnowledgeList

    init(_ list: KnowledgeList) { self.list = list }

    /// Columns that are neither keys nor words for people: limits, ages, sexes.
    var valueColumns: [Int] {
        list.columns.indices.filter { !list.keys.contains($0) && list.columns[$0].kind != .text }
    }

    func cell(_ row: Int, _ column: Int) -> String? {
        let column = list.columns[column]
        if column.isNull.indices.contains(row), column.isNull[row] { return nil }
        switch column.kind {
        case .code, .prefix, .text: return column.texts.string(row)
        case .integer: return String(column.numbers[row])
        case .decimal(let scale): return DecimalText.text(column.numbers[row], scale: scale)
        case .day: return "\(Day(number: Int32(clamping: column.numbers[row])))"
        case .flag: return column.numbers[row] == 1 ? "true" : "false"
        }
    }

    func key(_ row: Int) -> String { list.keys.map { cell(row, $0) ?? "" }.joined(separator: "\u{1}") }

    func shownKey(_ row: Int) -> String { list.keys.map { cell(row, $0) ?? "" }.joined(separator: " × ") }

    func values(_ row: Int) -> [String?] { valueColumns.map { cell(row, $0) } }

    func area(_ row: Int) -> String { list.areas.isEmpty ? "" : list.areas[row] }

    func span(_ row: Int) -> ClosedRange<Int32> {
        guard !list.from.isEmpty else { return Int32.min...Int32.max }
        return list.from[row]...max(list.from[row], list.to[row])
    }
}

extension ValueType {
    /// Decimals of a number; nil for everything else.
    var decimals: Int? { if case .number(let scale) = self { scale } else { nil } }
}
