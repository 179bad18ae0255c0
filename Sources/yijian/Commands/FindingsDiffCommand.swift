import ArgumentParser
import Audit
import Documents

/// `yijian findings diff RUN1 RUN2`: what a new rule, list or delivery of data changed.
struct FindingsDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare two runs: findings gained, lost, changed, kept, with their money.")

    @Argument(help: "The earlier run.")
    var former: String

    @Argument(help: "The later run.")
    var latter: String

    @Option(name: .long, help: "table, csv, ndjson or xlsx.")
    var format: ListFormat = .table

    @Option(name: .customLong("where"), help: "Which findings; as for `findings list`.")
    var conditions: [String] = []

    @Option(name: .shortAndLong, help: "The file to write; default: standard output.")
    var output = "-"

    @Option(name: .long, help: "At most so many rows of the list.")
    var limit = 1000

    @Flag(name: .long, help: "Only the sums, as JSON.")
    var json = false

    @Flag(name: .long, help: "End with exit code 1 when anything was gained, lost or changed.")
    var check = false

    @OptionGroup var surroundings: Surroundings

    private static let heads = [
        ColumnHead("change", "变化", width: 8), ColumnHead("id", "疑点编号", width: 14),
        ColumnHead("rule", "规则", width: 18), ColumnHead("outcome", "结论", width: 8),
        ColumnHead("institution", "定点机构", width: 18), ColumnHead("person", "人员", width: 11),
        ColumnHead("gross_before", "原涉及金额", .decimal(scale: 2)), ColumnHead("gross", "涉及金额", .decimal(scale: 2)),
        ColumnHead("fields", "不同之处", width: 30),
    ]

    func validate() throws {
        if format == .arrow { throw ValidationError("a comparison cannot be written as arrow") }
        if limit < 0 { throw ValidationError("--limit must not be negative") }
    }

    func run() throws {
        let selection = try FindingsSelection(conditions.joined(separator: ","))
        let mask = surroundings.mask()
        var difference = FindingsDifference()
        try FindingsRun(folder: former).visit(where: selection) { record in
            difference.addFormer(record)
            return true
        }
        let list =
            json
            ? nil
            : try format.output(
                Self.heads, title: "两次审核的差异", path: output, byteOrderMark: false)
        var left = limit
        func write(_ entry: FindingsDifference.Entry) throws {
            guard entry.kind != .kept, left > 0, let list else { return }
            left -= 1
            try list.write(Self.row(entry, mask: mask))
        }
        try FindingsRun(folder: latter).visit(where: selection) { record in
            try Interrupt.check()
            try write(difference.addLatter(record))
            return true
        }
        for entry in difference.lost() { try write(entry) }
        try list?.finish()
        let sums = difference.sums
        if json {
            try Terminal.show([Self.json(sums).pretty])
        } else if output != "-" || format == .table {
            try Terminal.show(Self.lines(sums, hidden: left == 0))
        }
        if check, !difference.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }

    private static func row(_ entry: FindingsDifference.Entry, mask: FindingsMask) -> [Cell] {
        let record = mask.apply(to: entry.record)
        let before = entry.kind == .lost ? record : entry.former
        return [
            .text(name(entry.kind)), .text(String(record.id.prefix(12))), .text(record.rule),
            .text(FindingsWording.outcomeName(record.outcome)), Cell(record.institution), Cell(record.person),
            .money(before?.gross), entry.kind == .lost ? .empty : .money(record.gross),
            .text(entry.fields.joined(separator: ", ")),
        ]
    }

    private static func name(_ kind: FindingsDifference.Kind) -> String {
        switch kind {
        case .gained: "新增"
        case .lost: "消失"
        case .changed: "变更"
        case .kept: "不变"
        }
    }

    private static func lines(_ sums: [FindingsDifference.Kind: FindingsDifference.Sum], hidden: Bool) -> [String] {
        var table = TextTable([
            ColumnHead("change", "变化"), ColumnHead("findings", "疑点数", .integer),
            ColumnHead("gross", "涉及金额", .decimal(scale: 2)), ColumnHead("loss", "基金损失", .decimal(scale: 2)),
        ])
        for kind in FindingsDifference.Kind.allCases {
            let sum = sums[kind] ?? FindingsDifference.Sum()
            table.append([
                .text(name(kind)), .integer(Int64(sum.findings)), .money(sum.gross), .money(sum.loss),
            ])
        }
        return [""] + table.lines(width: Terminal.width, style: Terminal.style)
            + (hidden ? ["The list was cut by --limit; the sums are of everything."] : [])
    }

    private static func json(_ sums: [FindingsDifference.Kind: FindingsDifference.Sum]) -> JSONText {
        .object(
            FindingsDifference.Kind.allCases.map { kind in
                let sum = sums[kind] ?? FindingsDifference.Sum()
                return .init(
                    name: kind.rawValue,
                    value: .members([
                        "findings": .integer(Int64(sum.findings)), "gross": .decimal(sum.gross, scale: 2),
                        "loss": .decimal(sum.loss, scale: 2),
                    ]))
            })
    }
}
