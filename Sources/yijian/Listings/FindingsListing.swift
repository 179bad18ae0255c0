import Audit
import Claims
import Documents

/// Findings as rows of a list: a short form for the screen, the full one for machines and spreadsheets.
struct FindingsListing {
    let wording: FindingsWording
    let isFull: Bool

    static let shortHeads = [
        ColumnHead("id", "疑点编号", width: 14), ColumnHead("rule", "规则", width: 18),
        ColumnHead("outcome", "结论", width: 8), ColumnHead("institution", "定点机构", width: 20),
        ColumnHead("person", "人员", width: 10), ColumnHead("day", "日期", .day, width: 11),
        ColumnHead("rows", "行数", .integer, width: 6), ColumnHead("gross", "涉及金额", .decimal(scale: 2)),
        ColumnHead("loss", "基金损失", .decimal(scale: 2)), ColumnHead("statement", "说明", width: 40),
    ]

    static let fullHeads = [
        ColumnHead("id", "疑点编号", width: 34), ColumnHead("rule", "规则编码", width: 18),
        ColumnHead("rule_name", "规则名称", width: 28), ColumnHead("version", "规则版本", width: 14),
        ColumnHead("category", "规则类别"), ColumnHead("outcome", "结论", width: 8),
        ColumnHead("grade", "严重程度", .integer, width: 8), ColumnHead("unit", "审核单元"),
        ColumnHead("key", "分组键", width: 30), ColumnHead("person", "人员"),
        ColumnHead("institution", "定点机构代码", width: 16), ColumnHead("institution_name", "定点机构", width: 24),
        ColumnHead("encounter", "就诊号", width: 18), ColumnHead("day", "日期", .day),
        ColumnHead("item", "项目编码", width: 18), ColumnHead("item_name", "项目名称", width: 24),
        ColumnHead("list", "清单"), ColumnHead("list_row", "清单行", .integer),
        ColumnHead("value", "数值", .decimal(scale: 6)), ColumnHead("limit", "限值", .decimal(scale: 6)),
        ColumnHead("violating_table", "违规数据表"), ColumnHead("violating", "违规行", width: 24),
        ColumnHead("involved_table", "涉及数据表"), ColumnHead("involved", "涉及行", width: 24),
        ColumnHead("gross", "涉及金额", .decimal(scale: 2)), ColumnHead("in_scope", "符合范围金额", .decimal(scale: 2)),
        ColumnHead("loss", "基金损失", .decimal(scale: 2)), ColumnHead("pool", "统筹区"),
        ColumnHead("loss_method", "损失算法"), ColumnHead("cause", "未决原因"), ColumnHead("source", "来源"),
        ColumnHead("stated", "来源认定金额", .decimal(scale: 2)), ColumnHead("package", "知识包"),
        ColumnHead("package_hash", "知识包摘要", width: 20), ColumnHead("statement", "说明", width: 60),
    ]

    var heads: [ColumnHead] { isFull ? Self.fullHeads : Self.shortHeads }

    func row(_ record: FindingsRecord) -> [Cell] {
        let shown = wording.mask.apply(to: record)
        return isFull ? fullRow(shown, of: record) : shortRow(shown, of: record)
    }

    private func shortRow(_ shown: FindingsRecord, of record: FindingsRecord) -> [Cell] {
        let institution = shown.institution.map { wording.names.name(of: $0, in: .institution) ?? $0 }
        return [
            .text(String(shown.id.prefix(12))), .text(shown.rule),
            .text(FindingsWording.outcomeName(shown.outcome)), Cell(institution), Cell(shown.person),
            shown.day.map(Cell.day) ?? .empty, .integer(Int64(shown.violating.count)),
            .money(shown.gross ?? shown.stated), .money(shown.loss), .text(wording.statement(of: record)),
        ]
    }

    private func fullRow(_ shown: FindingsRecord, of record: FindingsRecord) -> [Cell] {
        [
            .text(shown.id), .text(shown.rule), .text(wording.ruleName(shown.rule)), .text(shown.version),
            .text(shown.category), .text(shown.outcome), .integer(Int64(shown.grade)), .text(shown.unit),
            .text(shown.key), Cell(shown.person), Cell(shown.institution),
            Cell(shown.institution.flatMap { wording.names.name(of: $0, in: .institution) }), Cell(shown.encounter),
            shown.day.map(Cell.day) ?? .empty, Cell(shown.item),
            Cell(shown.item.flatMap { wording.names.name(of: $0, in: .item) }), Cell(shown.list),
            shown.listRow.map { .integer(Int64($0)) } ?? .empty, .measure(shown.value), .measure(shown.limit),
            .text(shown.violatingTable), .text(shown.violating.joined(separator: " ")), Cell(shown.involvedTable),
            .text(shown.involved.joined(separator: " ")), .money(shown.gross), .money(shown.inScope),
            .money(shown.loss), Cell(shown.pool), Cell(shown.lossMethod), Cell(shown.cause), .text(shown.source),
            .money(shown.stated), Cell(shown.package), Cell(shown.packageHash),
            .text(wording.statement(of: record)),
        ]
    }
}

extension Cell {
    init(_ text: String?) { self = text.map(Cell.text) ?? .empty }

    static func money(_ fen: Int64?) -> Cell { fen.map { .decimal($0, scale: Schema.moneyScale) } ?? .empty }

    static func measure(_ number: Int64?) -> Cell {
        number.map { .decimal($0, scale: FindingColumns.evidenceScale) } ?? .empty
    }
}
