import Claims
import Columns
import Rules

/// The history of single persons out of a dataset, as plain rows (参保人历史): what the online door is asked with.
///
/// Rows are as they were delivered, reversals among them; what later generations took back is left out. Shared by threads.
package final class DatasetTimelines: @unchecked Sendable {
    package let dataset: Dataset
    private let reader: ClaimsReader
    private let vocabulary = Vocabulary()
    private let master = Masters()
    private let scans: DatasetScans
    /// The tables that nobody delivered.
    package let absent: Set<Table>

    package init(_ dataset: Dataset) throws {
        self.dataset = dataset
        scans = try DatasetScans(dataset)
        reader = ClaimsReader(dataset)
        try reader.internItems(vocabulary)
        var fields: [Table: Set<Int>] = [:]
        for table in ClaimsReader.timeline { fields[table] = Set(table.fields.indices) }
        try reader.bind(fields, vocabulary: vocabulary)
        var absent: Set<Table> = []
        for table in Table.allCases {
            if table.role == .master {
                if let file = try dataset.master(table.rawValue) {
                    try master.bind(table, from: file, batchOwner: file, vocabulary: vocabulary)
                } else {
                    absent.insert(table)
                }
            } else if table.role == .movement {
                absent.insert(table)
            } else if try !reader.has(table) {
                absent.insert(table)
            }
        }
        vocabulary.freeze()
        self.absent = absent
    }

    package var coverage: CaseTables.Coverage {
        let coverage = dataset.coverage
        return CaseTables.Coverage(
            from: Day(number: coverage.from), to: Day(number: coverage.to), closed: coverage.closedWorld)
    }

    /// The rows of the master tables.
    package var masters: [Table: [CaseRow]] {
        var result: [Table: [CaseRow]] = [:]
        for table in Table.allCases where table.role == .master && !absent.contains(table) {
            let rows = master.chunk[table]
            result[table] = (0..<rows.rows).map { row in
                let values = values(table, rows, row, parent: nil)
                var known: [Int: CaseValue] = [:]
                for (field, value) in values.enumerated() { if let value { known[field] = value } }
                var id = "\(row)"
                if let name = table.identifier, let field = table.index(of: name), case .text(let code) = values[field]
                {
                    id = code
                }
                return CaseRow(id: id, values: known)
            }
        }
        return result
    }

    /// The codes of the dataset, so that sieves know them.
    package var familiarCodes: FamiliarCodes {
        var codes = FamiliarCodes()
        for code in 0..<vocabulary.itemCount { codes.add(item: vocabulary.string(Int32(code))) }
        for place in FamiliarCodes.places {
            let name = place.table.fields[place.field].name
            for code in reader.codes(of: [(place.table, name)]) {
                codes.add(vocabulary.string(code), in: place.table, field: place.field)
            }
        }
        return codes
    }

    /// Everything the dataset knows of a person; empty when it knows nobody of that name.
    package func rows(of person: String) throws -> [Table: [TimelineRow]] {
        let chunk = try reader.timeline(of: TouchedPersons(persons: [person]), person)
        guard chunk[.person].rows > 0 else { return [:] }
        var result: [Table: [TimelineRow]] = [:]
        var names: [Table: [String]] = [:]
        for table in ClaimsReader.timeline {
            let rows = chunk[table]
            guard rows.rows > 0 else { continue }
            let parentTable: Table? =
                table == .person ? nil : table == .encounter || table == .entitlement ? .person : .encounter
            let isNamed = table.identifier == "id"
            result[table] = (0..<rows.rows).map { row in
                let parent = parentTable.flatMap { owner in rows.parent.map { (owner, Int($0[row])) } }
                    .flatMap { names[$0.0]?[$0.1] }
                let id = isNamed ? String(decoding: rows.slots[0].utf8(row), as: UTF8.self) : "\(row)"
                return TimelineRow(id: id, values: values(table, rows, row, parent: parent))
            }
            if table == .person || table == .encounter { names[table] = result[table]?.map(\.id) }
        }
        return result
    }

    /// The scans of a trace code (追溯码), as they hold.
    package func scans(of trace: String) throws(ColumnsError) -> [TimelineRow] { try scans.rows(of: trace) }

    private func values(_ table: Table, _ rows: TableRows, _ row: Int, parent: String?) -> [CaseValue?] {
        table.fields.enumerated().map { index, field in
            if case .row = field.kind { return parent.map { .row($0) } }
            let slot = rows.slots[index]
            guard slot.isValid(row) else { return nil }
            switch slot.kind {
            case .absent: return nil
            case .code: return .text(vocabulary.string(slot.code(row)))
            case .text, .word: return .text(String(decoding: slot.utf8(row), as: UTF8.self))
            case .int64: return .number(slot.int64s[row])
            case .flag:
                let bits = slot.base.map { $0.assumingMemoryBound(to: UInt8.self) }
                return .flag((bits?[row >> 3] ?? 0) >> UInt8(row & 7) & 1 != 0)
            case .int32:
                switch field.kind {
                case .day: return .day(slot.int32s[row])
                case .second: return .second(slot.int32s[row])
                default: return .number(Int64(slot.int32s[row]))
                }
            }
        }
    }
}

extension ClaimsReader {
    /// The whole timeline of one person as delivered: nothing is netted.
    func timeline(of touched: TouchedPersons, _ person: String) throws -> Chunk {
        let first = Array(person.utf8)
        return try merged(from: first, before: first + [0], only: touched)
    }
}
