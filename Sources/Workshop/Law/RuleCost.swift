import Claims
import Rules

/// An upper estimate of the rows that a rule looks at for one unit (规则开销估计): per window, from its keys and range.
///
/// The figures are those of a large hospital's heavy cases, not of the mean: a stay of 3,000 lines, a person with 60
/// lines on a day of a stay and 20,000 in all, an institution with 50,000 lines a day.
package struct RuleCost: Sendable {
    package let rows: Int
    /// Each window with its estimate.
    package let explanation: String
    /// Whether every window and group stays with one person, or with one trace code.
    package let staysWithPerson: Bool

    private static let linesOfEncounter = 3_000
    private static let linesOfPersonDay = 60
    private static let linesOfPerson = 20_000
    private static let linesOfInstitutionDay = 50_000
    private static let scansOfTrace = 20
    private static let days = 366

    package init(_ rule: Rule, lists: [String: KnowledgeList]) {
        var windows: [Window] = []
        for expression in [rule.filter, rule.test, rule.value, rule.limit].compactMap({ $0 }) {
            Derivation.walk(expression) { part in
                if case .aggregate(let aggregate) = part.node, let window = aggregate.window { windows.append(window) }
                return true
            }
        }
        var parts: [String] = []
        var total = 1
        var isPersonal = true
        for window in windows {
            let keys = window.same.map(\.related)
            let (rows, personal) = Self.rows(of: keys, range: window.range)
            total = Self.sum(total, rows)
            isPersonal = isPersonal && personal
            parts.append("\(window.table.rawValue) \(rows)")
        }
        if case .group(let table, let keys) = rule.unit {
            let (rows, personal) = Self.rows(of: keys.map(\.expression), range: nil)
            total = Self.sum(total, rows)
            isPersonal = isPersonal && personal
            parts.append("the group of \(table.rawValue) \(rows)")
        }
        // Every row of a list that matches is looked at with each related row.
        var fan = 1
        for match in rule.lists {
            guard let list = lists[match.list], list.rowCount > 0, let first = match.on.first?.column else { continue }
            let distinct: Int =
                switch list.columns[first].kind {
                case .code, .prefix, .text: Set(list.columns[first].texts.strings).count
                default: Set(list.columns[first].numbers).count
                }
            let mean = (list.rowCount + max(distinct, 1) - 1) / max(distinct, 1)
            if mean > 1 { parts.append("times \(mean) rows of \(match.list)") }
            fan = fan.multipliedReportingOverflow(by: mean).overflow ? .max : fan * mean
        }
        let (product, overflow) = total.multipliedReportingOverflow(by: fan)
        rows = overflow ? .max : product
        explanation = parts.isEmpty ? "one row" : parts.joined(separator: ", ")
        staysWithPerson = isPersonal
    }

    private static func sum(_ a: Int, _ b: Int) -> Int {
        let (value, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : value
    }

    private static func rows(of keys: [Expression], range: Window.Range?) -> (rows: Int, isPersonal: Bool) {
        var isEncounter = false
        var isPerson = false
        var isItem = false
        var isTrace = false
        var span = days
        for key in keys {
            switch key.node {
            case .field(let path, _):
                switch path.field {
                case .identity where [.encounter, .operation, .prescription, .settlement].contains(path.table):
                    isEncounter = true
                case .identity where path.table == .person: isPerson = true
                case .identity where path.table == .item: isItem = true
                case .day: span = min(span, 1)
                case .stored(let index) where path.table.fields.indices.contains(index):
                    let name = path.table.fields[index].name
                    if name == "item" { isItem = true }
                    if name == "trace" { isTrace = true }
                    if ["encounter", "operation", "prescription", "settlement"].contains(name) { isEncounter = true }
                    if name == "person" { isPerson = true }
                default: break
                }
            case .period(let period, _):
                let length =
                    switch period {
                    case .week: 7
                    case .month: 31
                    case .quarter: 92
                    case .year: 366
                    case .hour: 1
                    }
                span = min(span, length)
            default: break
            }
        }
        switch range {
        case .days(let first?, let last?): span = min(span, last - first + 1)
        case .seconds(let first?, let last?): span = min(span, (last - first) / 86_400 + 1)
        default: break
        }
        // The trace code of one package has few scans, and a register of codes answers for it alone.
        if isTrace { return (scansOfTrace, true) }
        let wide: Int
        if isEncounter {
            wide = linesOfEncounter
        } else if isPerson {
            wide = min(linesOfPerson, linesOfPersonDay * span)
        } else {
            wide = linesOfInstitutionDay * span
        }
        return (isItem ? max(1, wide / 20) : wide, isEncounter || isPerson)
    }
}
