import Audit
import Claims
import Documents

/// The list of violating lines (违规明细表): one row for each row that a finding calls violating.
///
/// Findings are taken in pages; one pass over the dataset finds the rows of a page, so that a list of any length is
/// written in bounded memory.
final class LineListing {
    static let heads = [
        ColumnHead("number", "序号", .integer, width: 7), ColumnHead("rule", "规则编码", width: 16),
        ColumnHead("rule_name", "规则名称", width: 26), ColumnHead("behaviour", "违规类型", width: 12),
        ColumnHead("institution", "定点机构", width: 26), ColumnHead("person", "人员", width: 11),
        ColumnHead("encounter", "就诊号", width: 18), ColumnHead("line", "费用明细号", width: 20),
        ColumnHead("item", "项目编码", width: 20), ColumnHead("item_name", "项目名称", width: 26),
        ColumnHead("day", "费用日期", .day, width: 11), ColumnHead("quantity", "数量", .decimal(scale: 4), width: 9),
        ColumnHead("price", "单价", .decimal(scale: 6), width: 11), ColumnHead("amount", "金额", .decimal(scale: 2)),
        ColumnHead("stake", "涉及违规金额", .decimal(scale: 2)), ColumnHead("basis", "依据", width: 36),
        ColumnHead("statement", "说明", width: 50), ColumnHead("outcome", "结论", width: 8),
        ColumnHead("id", "疑点编号", width: 34),
    ]

    /// What the list shows of one row of the dataset.
    private struct Facts {
        var encounter: String?
        var institution: String?
        var item: String?
        var day: Day?
        var quantity: Cell = .empty
        var price: Cell = .empty
        var amount: Cell = .empty
    }

    private let wording: FindingsWording
    private let evidence: FindingsEvidence?
    private let output: any RowOutput
    private let pageRows: Int
    private var page: [FindingsRecord] = []
    private var rowsInPage = 0
    private var number: Int64 = 0

    init(wording: FindingsWording, evidence: FindingsEvidence?, output: any RowOutput, pageRows: Int = 200_000) {
        self.wording = wording
        self.evidence = evidence
        self.output = output
        self.pageRows = pageRows
    }

    func add(_ record: FindingsRecord) throws {
        page.append(record)
        rowsInPage += record.violating.count
        if rowsInPage >= pageRows { try writePage() }
    }

    func finish() throws {
        try writePage()
        try output.finish()
    }

    private func writePage() throws {
        let facts = try facts(of: page)
        for record in page {
            let shown = wording.mask.apply(to: record)
            let statement = wording.statement(of: record)
            let rule = wording.rule(record.rule)
            for (index, id) in shown.violating.enumerated() {
                let isLine = record.violatingTable == "line"
                let fact = facts[record.violatingTable]?[record.violating[index]] ?? Facts()
                let institution = fact.institution ?? record.institution
                let item = fact.item ?? record.item
                let stake = index < record.stakes.count ? DecimalText.parse(record.stakes[index], scale: 2) : nil
                number += 1
                try output.write([
                    .integer(number), .text(record.rule), .text(wording.ruleName(record.rule)),
                    Cell(rule?.behaviour), Cell(institution.map { wording.names.nameAndCode($0, in: .institution) }),
                    Cell(shown.person), Cell(fact.encounter ?? record.encounter),
                    .text(isLine ? id : record.table.map { $0.chinese + " " + id } ?? id), Cell(item),
                    Cell(item.flatMap { wording.names.name(of: $0, in: .item) }),
                    (fact.day ?? record.day).map(Cell.day) ?? .empty, fact.quantity, fact.price, fact.amount,
                    .money(stake), .text((rule?.basis ?? []).joined(separator: "；")), .text(statement),
                    .text(FindingsWording.outcomeName(record.outcome)), .text(record.id),
                ])
            }
        }
        page.removeAll(keepingCapacity: true)
        rowsInPage = 0
    }

    private func facts(of page: [FindingsRecord]) throws -> [String: [String: Facts]] {
        guard let evidence else { return [:] }
        var wanted: [Table: Set<String>] = [:]
        for record in page {
            if let table = record.table { wanted[table, default: []].formUnion(record.violating) }
        }
        var facts: [String: [String: Facts]] = [:]
        for (table, ids) in wanted {
            var found: [String: Facts] = [:]
            for (id, place) in try evidence.locate(ids, in: table) {
                if let row = try evidence.row(at: place) { found[id] = try Self.facts(of: row, in: evidence) }
            }
            facts[table.rawValue] = found
        }
        return facts
    }

    private static func facts(of row: FindingsEvidence.Row, in evidence: FindingsEvidence) throws -> Facts {
        func cell(_ field: String) -> Cell {
            if case .number(let mantissa, let scale) = row[field] { .decimal(mantissa, scale: scale) } else { .empty }
        }
        let encounter = row.table == .encounter ? row : try evidence.row("encounter", of: row)
        var facts = Facts()
        facts.encounter = encounter?.id
        facts.institution = (row["institution"].text ?? encounter?["institution"].text)
        facts.item = row["item"].text
        if case .day(let day) = row.table == .encounter ? row["start_day"] : row["day"] { facts.day = day }
        facts.quantity = cell("quantity")
        facts.price = cell("price")
        facts.amount = cell(row.table == .settlement ? "total" : "amount")
        return facts
    }
}
