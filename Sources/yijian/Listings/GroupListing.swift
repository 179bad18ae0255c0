import Audit
import Claims
import Documents

/// Groups and totals in print. Two sums stand beside each other: plain, and with each line counted once (去重).
enum GroupListing {
    static func heads(by group: FindingsGroups.By) -> [ColumnHead] {
        [
            ColumnHead(group.rawValue, group.chinese, width: 28), ColumnHead("findings", "疑点数", .integer),
            ColumnHead("rows", "涉及行数", .integer), ColumnHead("gross", "涉及金额（去重）", .decimal(scale: 2)),
            ColumnHead("loss", "基金损失（去重）", .decimal(scale: 2)),
            ColumnHead("gross_plain", "涉及金额（累计）", .decimal(scale: 2)),
            ColumnHead("loss_plain", "基金损失（累计）", .decimal(scale: 2)),
            ColumnHead("loss_unknown", "损失未知", .integer), ColumnHead("undetermined", "未决", .integer),
            ColumnHead("stated", "外部疑点", .integer), ColumnHead("stated_amount", "外部认定金额", .decimal(scale: 2)),
        ]
    }

    static func row(_ group: FindingsGroups.Group, by: FindingsGroups.By, wording: FindingsWording) -> [Cell] {
        let sums = group.conclusions
        return [
            Cell(group.value.map { name($0, by: by, wording: wording) } ?? "（未注明）"),
            .integer(Int64(sums.findings)), .integer(Int64(sums.rows)), .money(sums.gross), .money(sums.loss),
            .money(sums.plainGross), .money(sums.plainLoss), .integer(Int64(sums.lossUnknown)),
            .integer(Int64(group.undetermined)), .integer(Int64(group.stated)), .money(group.statedAmount),
        ]
    }

    private static func name(_ value: String, by: FindingsGroups.By, wording: FindingsWording) -> String {
        switch by {
        case .rule: wording.rule(value).map { "\(value) \($0.name)" } ?? value
        case .institution: wording.names.nameAndCode(value, in: .institution)
        case .item: wording.names.nameAndCode(value, in: .item)
        case .person: wording.mask.person(value)
        case .outcome: FindingsWording.outcomeName(value)
        case .cause: FindingsWording.cause(value)
        default: value
        }
    }

    /// The sums over a whole selection.
    struct Totals {
        var sums = FindingsTotals.Sums()
        var outcomes: [String: Int] = [:]
        var statedAmount: Int64 = 0

        mutating func count(_ record: FindingsRecord) {
            outcomes[record.outcome, default: 0] += 1
            guard record.outcome == "stated" else { return }
            let (sum, overflow) = statedAmount.addingReportingOverflow(record.stated ?? 0)
            statedAmount = overflow ? .max : sum
        }

        private static let order = ["violation", "suspicion", "undetermined", "error", "stated"]

        func lines(style: TerminalStyle) -> [String] {
            func yuan(_ fen: Int64) -> String { DecimalText.format(fen, scale: Schema.moneyScale) }
            let counts = Self.order.compactMap { outcome in
                outcomes[outcome].map { "\(FindingsWording.outcomeName(outcome)) \($0)" }
            }
            var lines = [style.bold("合计") + "  " + (counts.isEmpty ? "无" : counts.joined(separator: "，"))]
            lines.append(
                "  涉及金额 \(yuan(sums.gross)) 元（每行只计一次；简单累计 \(yuan(sums.plainGross)) 元），涉及 \(sums.rows) 行")
            lines.append("  基金损失 \(yuan(sums.loss)) 元（简单累计 \(yuan(sums.plainLoss)) 元）")
            if sums.lossUnknown > 0 { lines.append("  其中 \(sums.lossUnknown) 条疑点的基金损失未知，未计入损失") }
            if statedAmount > 0 { lines.append("  外部来源认定金额 \(yuan(statedAmount)) 元，未计入以上合计") }
            return lines
        }

        var json: JSONText {
            .members([
                "outcomes": .object(
                    Self.order.compactMap { name in
                        outcomes[name].map { .init(name: name, value: .integer(Int64($0))) }
                    }),
                "rows": .integer(Int64(sums.rows)), "gross": .decimal(sums.gross, scale: 2),
                "loss": .decimal(sums.loss, scale: 2), "gross_plain": .decimal(sums.plainGross, scale: 2),
                "loss_plain": .decimal(sums.plainLoss, scale: 2), "loss_unknown": .integer(Int64(sums.lossUnknown)),
                "stated_amount": .decimal(statedAmount, scale: 2),
            ])
        }
    }
}

/// Which encounter a violating line belongs to, for findings that do not name it themselves; totals need it to see
/// that an encounter claimed as a whole and one of its lines overlap.
struct EncounterIndex {
    private var encounters: [String: String] = [:]

    init(_ run: FindingsRun, _ selection: FindingsSelection, _ evidence: FindingsEvidence?) throws {
        guard let evidence else { return }
        var claimsEncounters = false
        var lines: Set<String> = []
        try run.visit(where: selection) { record in
            if record.violatingTable == "encounter" { claimsEncounters = true }
            if record.violatingTable == "line", record.encounter == nil { lines.formUnion(record.violating) }
            return true
        }
        guard claimsEncounters, !lines.isEmpty else { return }
        for (id, place) in try evidence.locate(lines, in: .line) {
            guard let row = try evidence.row(at: place), let encounter = row["encounter"].text else { continue }
            encounters[id] = encounter
        }
    }

    func encounter(of line: String) -> String? { encounters[line] }

    /// As `FindingsTotals` asks for it.
    var encounter: (String) -> String? { { encounters[$0] } }
}
