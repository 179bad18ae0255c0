import Bureau
import Casework
import Claims
import Documents

/// The monthly report, the precision of rules and the balances, as lines and as JSON.
enum ReportWording {
    // MARK: The monthly report

    static func lines(_ reports: [MonthlyReport], width: Int, style: TerminalStyle) -> [String] {
        guard let first = reports.first else { return [] }
        var heads = [ColumnHead("line", "指标")]
        for report in reports { heads.append(ColumnHead(report.month, report.month, .decimal(scale: 2))) }
        var table = TextTable(heads)
        for (index, entry) in first.entries.enumerated() {
            var row: [Cell] = [.text(entry.line.name)]
            for report in reports {
                let value = report.entries[index].value
                row.append(entry.line.counts == .money ? .decimal(value, scale: 2) : .integer(value))
            }
            table.append(row)
        }
        var lines = table.lines(width: width, style: style)
        for report in reports {
            var parts: [String] = []
            for entry in report.entries where !entry.parts.isEmpty {
                var sums: [String] = []
                for (part, fen) in entry.parts.sorted(by: { $0.key < $1.key }) {
                    sums.append("\(name(ofPart: part)) \(DecimalText.format(fen, scale: 2))")
                }
                let name = entry.line.name.replacing("（元）", with: "")
                parts.append("\(name) \(sums.joined(separator: "，"))")
            }
            if !parts.isEmpty { lines.append("\(report.month) 分基金、统筹区（元）：\(parts.joined(separator: "；"))") }
        }
        lines.append("")
        var flows = TextTable([
            ColumnHead("month", "月份"), ColumnHead("procedure", "事项"), ColumnHead("opened", "新立", .integer),
            ColumnHead("ended", "办结", .integer), ColumnHead("on_hand", "月末在办", .integer),
        ])
        for report in reports {
            for flow in report.flows {
                flows.append([
                    .text(report.month), .text(flow.name), .integer(Int64(flow.opened)), .integer(Int64(flow.ended)),
                    .integer(Int64(flow.onHand)),
                ])
            }
        }
        return lines + flows.lines(width: width, style: style)
    }

    /// Fines and the like belong to no fund.
    private static func name(ofPart part: String) -> String { part.isEmpty ? "不分基金" : part }

    static func object(_ report: MonthlyReport) -> JSONText {
        func line(_ entry: MonthlyReport.Entry) -> JSONText {
            var members: [JSONText.Member] = [
                .init(name: "line", value: .text(entry.line.id)), .init(name: "name", value: .text(entry.line.name)),
                .init(name: "counts", value: .text(entry.line.counts.rawValue)),
            ]
            guard entry.line.counts == .money else {
                members.append(.init(name: "value", value: .integer(entry.value)))
                return .object(members)
            }
            members.append(.init(name: "value", value: .decimal(entry.value, scale: 2)))
            var parts: [JSONText.Member] = []
            for (part, fen) in entry.parts.sorted(by: { $0.key < $1.key }) {
                parts.append(.init(name: name(ofPart: part), value: .decimal(fen, scale: 2)))
            }
            members.append(.init(name: "parts", value: .object(parts)))
            return .object(members)
        }
        func flow(_ flow: MonthlyReport.Flow) -> JSONText {
            .members([
                "procedure": .text(flow.procedure), "name": .text(flow.name), "opened": .integer(Int64(flow.opened)),
                "ended": .integer(Int64(flow.ended)), "on_hand": .integer(Int64(flow.onHand)),
            ])
        }
        return .members([
            "month": .text(report.month), "matters": .integer(Int64(report.matters)),
            "lines": .array(report.entries.map(line)), "flows": .array(report.flows.map(flow)),
        ])
    }

    // MARK: Rules

    static let kinds = [
        "hospital": "医疗机构", "clinic": "诊所", "pharmacy": "零售药店", "care": "长护机构", "agency": "经办机构",
        "person": "参保人", "other": "其他", "": "未知",
    ]

    private static func sorted(_ outcomes: FindingOutcomes) -> [(key: FindingOutcomes.Key, precision: RulePrecision)] {
        let precision = outcomes.precision
        let keys = precision.keys.sorted { ($0.rule, $0.institutionKind) < ($1.rule, $1.institutionKind) }
        return keys.compactMap { key in precision[key].map { (key, $0) } }
    }

    static func lines(_ outcomes: FindingOutcomes, width: Int, style: TerminalStyle) -> [String] {
        var table = TextTable([
            ColumnHead("rule", "规则"), ColumnHead("kind", "机构类别"), ColumnHead("confirmed", "成立", .integer),
            ColumnHead("dropped", "不成立", .integer), ColumnHead("share", "准确率%", .decimal(scale: 1)),
            ColumnHead("interval", "95%区间"),
        ])
        for (key, precision) in sorted(outcomes) {
            table.append([
                .text(key.rule), .text(kinds[key.institutionKind] ?? key.institutionKind),
                .integer(Int64(precision.confirmed)), .integer(Int64(precision.dropped)), percent(precision.share),
                .text(
                    precision.interval.map { "\(percent($0.lowerBound).text)至\(percent($0.upperBound).text)" } ?? ""),
            ])
        }
        return table.isEmpty ? ["还没有疑点有结论。"] : table.lines(width: width, style: style)
    }

    private static func percent(_ share: Double?) -> Cell {
        guard let share else { return .empty }
        return .decimal(Int64((share * 1_000).rounded()), scale: 1)
    }

    static func object(_ outcomes: FindingOutcomes) -> JSONText {
        .array(
            sorted(outcomes).map { key, precision in
                func share(_ value: Double?) -> JSONText? {
                    guard let value else { return nil }
                    return .decimal(Int64((value * 10_000).rounded()), scale: 4)
                }
                return .members([
                    "rule": .text(key.rule), "institution_kind": .text(key.institutionKind),
                    "confirmed": .integer(Int64(precision.confirmed)), "dropped": .integer(Int64(precision.dropped)),
                    "precision": share(precision.share), "low": share(precision.interval?.lowerBound),
                    "high": share(precision.interval?.upperBound),
                ])
            })
    }

    // MARK: Balances

    /// `收到 12 ＝ 属实 3 ＋ … ＋ 未办结 0`.
    static func line(_ what: String, received: Int, _ groups: [(name: String, count: Int)], open: Int) -> String {
        let ends = groups.map { group in "\(group.name) \(group.count)" }
        return "\(what)：收到 \(received) ＝ \(ends.joined(separator: " ＋ ")) ＋ 未办结 \(open)"
    }
}
