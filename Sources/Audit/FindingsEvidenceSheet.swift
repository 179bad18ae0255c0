import Claims
import Columns
import Rules

/// Everything that proves one finding (证据单), ready to be printed: which rule and list row, which article, which rows
/// with which values, what would have to differ, and what the engine could see.
///
/// It is put together from the findings table, the experts' package and the dataset; parts that are not at hand are
/// absent and never invented.
package struct FindingsEvidenceSheet: Sendable {
    package struct Rows: Sendable {
        package let table: Table?
        package let tableName: String
        /// Identifiers as the finding names them; a row of the dataset for each that was found there.
        package let ids: [String]
        package let rows: [String: FindingsEvidence.Row]
        /// Amount at stake per identifier, as the finding states it.
        package let stakes: [String: String]
        /// Where the rows were read: the encounter and institution of each.
        package let encounters: [String: FindingsEvidence.Row]
    }

    /// What the engine could see when it decided (审核视野).
    package struct Horizon: Sendable {
        package let generation: Int
        package let from: Day
        package let to: Day
        package let isClosedWorld: Bool
    }

    /// Persons in it are masked already.
    package let record: FindingsRecord
    package let rule: Rule?
    /// The rule at hand is another version than the one that made the finding.
    package let isOtherVersion: Bool
    package let statement: String
    package let counterfact: String?
    package let value: String?
    package let limit: String?
    package let listRow: (list: KnowledgeList, line: Int32, cells: [(name: String, text: String)])?
    package let violating: Rows
    package let involved: Rows
    package let horizon: Horizon?

    package init(
        _ record: FindingsRecord, wording: FindingsWording, dataset: Dataset?,
        evidence: FindingsEvidence?
    ) throws {
        self.record = wording.mask.apply(to: record)
        let rule = wording.rule(record.rule)
        self.rule = rule
        isOtherVersion = rule.map { $0.version != record.version } ?? false
        statement = wording.statement(of: record)
        counterfact = wording.counterfact(of: record)
        value = record.value.map { wording.text(of: $0, type: rule?.value?.type) }
        limit = record.limit.map { wording.text(of: $0, type: rule?.limit?.type) }
        listRow = wording.listRow(of: record)
        violating = try Self.rows(
            of: record.violating, table: record.violatingTable, stakes: record.stakes, evidence, wording.mask)
        involved = try Self.rows(
            of: record.involved, table: record.involvedTable ?? record.violatingTable, stakes: [], evidence,
            wording.mask)
        horizon = dataset.map { dataset in
            Horizon(
                generation: dataset.generation, from: Day(number: dataset.coverage.from),
                to: Day(number: dataset.coverage.to), isClosedWorld: dataset.coverage.closedWorld)
        }
    }

    private static func rows(
        of ids: [String], table name: String, stakes: [String], _ evidence: FindingsEvidence?, _ mask: FindingsMask
    ) throws -> Rows {
        let table = Table(rawValue: name)
        var rows: [String: FindingsEvidence.Row] = [:]
        var encounters: [String: FindingsEvidence.Row] = [:]
        if let table, let evidence {
            for (id, place) in try evidence.locate(ids, in: table) {
                guard let row = try evidence.row(at: place) else { continue }
                if table != .encounter { encounters[id] = try evidence.row("encounter", of: row)?.masked(by: mask) }
                rows[id] = row.masked(by: mask)
            }
        }
        let named =
            stakes.count == ids.count ? Dictionary(zip(ids, stakes), uniquingKeysWith: { first, _ in first }) : [:]
        return Rows(
            table: table, tableName: table?.chinese ?? name, ids: ids, rows: rows, stakes: named,
            encounters: encounters)
    }

    /// The fields of a table that the rule reads, and those that say what the row is; the rest only fills paper.
    package func fields(of table: Table) -> [Field] {
        var wanted = Set(Self.usual(table).compactMap { table.index(of: $0) })
        if let rule {
            for expression in [rule.filter, rule.test, rule.value, rule.limit].compactMap({ $0 }) {
                _ = expression.contains { part in
                    if case .field(let path, _) = part.node, path.table == table, case .stored(let index) = path.field {
                        wanted.insert(index)
                    }
                    return false
                }
            }
        }
        return wanted.sorted().map { table.fields[$0] }
    }

    private static func usual(_ table: Table) -> [String] {
        switch table {
        case .line: ["id", "item", "day", "quantity", "price", "amount"]
        case .encounter: ["id", "institution", "setting", "start_day", "end_day", "diagnosis"]
        case .operation: ["id", "code", "day", "second", "practitioner"]
        case .prescription: ["id", "practitioner", "day"]
        case .settlement: ["id", "day", "total", "basic"]
        case .diagnosis: ["sequence", "code"]
        case .stock: ["id", "institution", "item", "day", "kind", "quantity"]
        case .scan: ["id", "trace", "institution", "item", "day", "kind"]
        default: ["id", "code"]
        }
    }
}

extension FindingsEvidence.Row {
    /// The row with every reference to a person masked.
    func masked(by mask: FindingsMask) -> FindingsEvidence.Row {
        guard mask.isOn else { return self }
        let values = zip(table.fields, values).map { field, value -> FindingsEvidence.Value in
            switch (field.kind, value) {
            case (.row(.person), .row(let place, let id)): .row(place, id: mask.person(id))
            case (.code(.person), .text(let id)): .text(mask.person(id))
            case (.identifier, .text(let id)) where table == .person: .text(mask.person(id))
            default: value
            }
        }
        return FindingsEvidence.Row(
            table: table, id: table == .person ? mask.person(id) : id, values: values, location: location)
    }
}
