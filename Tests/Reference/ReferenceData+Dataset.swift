import Claims
import Columns

extension ReferenceData {
    /// Everything a dataset holds. Segments are merged: of rows with the same identifier the newest segment's counts.
    package init(reading dataset: Dataset) throws {
        self.init()
        coverage = ReferenceCoverage(
            from: dataset.coverage.from, to: dataset.coverage.to, closedWorld: dataset.coverage.closedWorld)
        var isPresent: Set<Table> = []
        // References lead to rows of the same segment; they become identifiers until all segments are read.
        var merged: [Table: [(row: ReferenceRow, owner: String?)]] = [:]
        var place: [Table: [String: Int]] = [:]
        for segment in dataset.segments {
            var names: [Table: [String]] = [:]
            for table in Table.allCases where table.role != .master {
                guard let file = try segment.file(table.rawValue) else { continue }
                isPresent.insert(table)
                let rows = try Self.rows(of: table, in: file)
                names[table] = rows.map(\.id)
                for row in rows {
                    let owner = table.ownerField.flatMap { row.owner(in: $0, names) }
                    if table.identifier != nil, let old = place[table]?[row.id] {
                        merged[table]?[old] = (row, owner)
                    } else {
                        place[table, default: [:]][row.id] = merged[table]?.count ?? 0
                        merged[table, default: []].append((row, owner))
                    }
                }
            }
        }
        for (table, list) in merged {
            rows[table] = list.map { row, owner in
                var row = row
                if let (field, target) = table.ownerField {
                    row.values[field] = owner.flatMap { place[target]?[$0] }.map { .row($0) }
                }
                return row
            }
        }
        for table in Table.allCases where table.role == .master {
            guard let file = try dataset.master(table.rawValue) else { continue }
            isPresent.insert(table)
            rows[table] = try Self.rows(of: table, in: file)
        }
        absent = Set(Table.allCases).subtracting(isPresent)
    }

    private static func rows(of table: Table, in file: ArrowFile) throws -> [ReferenceRow] {
        var rows: [ReferenceRow] = []
        for batch in 0..<file.batchCount {
            var columns: [(field: Int, view: ColumnView, words: ColumnView?)] = []
            for (field, declaration) in table.fields.enumerated() {
                guard let column = file.index(of: declaration.name) else { continue }
                let words = file.fields[column].type == .dictionary ? try file.dictionary(column) : nil
                columns.append((field, try file.column(column, batch: batch), words))
            }
            for index in 0..<file.rowCount(ofBatch: batch) {
                var row = ReferenceRow(id: "", values: table.fields.map { _ in nil })
                for (field, view, words) in columns where view.isValid(index) {
                    row.values[field] = value(table.fields[field].kind, view, words, index)
                }
                if let identifier = table.identifier.flatMap(table.index(of:)),
                    case .text(let id) = row.values[identifier]
                {
                    row.id = id
                } else {
                    row.id = "\(table.rawValue)\(rows.count)"
                }
                rows.append(row)
            }
        }
        return rows
    }

    private static func value(_ kind: FieldKind, _ view: ColumnView, _ words: ColumnView?, _ index: Int) -> FieldValue {
        switch kind {
        case .identifier, .text, .code:
            .text(words.map { $0.string(Int(view.int32[index])) } ?? view.string(index))
        case .row: .row(Int(view.int32[index]))
        case .day: .day(view.int32[index])
        case .second: .second(view.int32[index])
        case .decimal: .number(view.int64[index])
        case .integer: .number(Int64(view.int32[index]))
        case .flag: .flag(view.bool(index))
        }
    }
}

extension ReferenceRow {
    /// The identifier of the row that this one belongs to.
    fileprivate func owner(in reference: (field: Int, target: Table), _ names: [Table: [String]]) -> String? {
        guard case .row(let index) = values[reference.field], let known = names[reference.target],
            known.indices.contains(index)
        else { return nil }
        return known[index]
    }
}

extension Table {
    /// The field that leads to the row's encounter or person.
    var ownerField: (field: Int, target: Table)? {
        for (index, field) in fields.enumerated() {
            if case .row(let target) = field.kind { return (index, target) }
        }
        return nil
    }
}
