import Claims
import Columns
import Rules

/// Lays out the small world of a rule's example as a dataset on disk, so that examples take the engine's own road.
///
/// One segment with one block: persons by the bytes of their identifier, encounters by person and start, lines by
/// encounter, day, second and identifier, as ingest orders them. Tables that the example does not mention are empty;
/// tables that it calls absent are not written. Sides of the coverage that the example leaves open end with its days.
package enum CaseDataset {
    package static func write(_ tables: CaseTables, to path: String) throws(ColumnsError) -> Dataset {
        let world = try Ordered(tables)
        let draft = try GenerationDraft(dataset: path)
        let segment = try draft.addSegment("case")
        let persons = world.rows[.person] ?? []
        var counts: [String: Int] = [:]
        for table in Table.allCases where !tables.absent.contains(table) {
            let rows = world.rows[table] ?? []
            let content = Content(table, rows, world.places)
            if table.role == .master {
                let writer = try draft.masterWriter(
                    for: table.rawValue, fields: content.fields, dictionaries: content.dictionaries)
                try writer.write(content.buffers, rows: rows.count)
                try draft.finishMaster(table.rawValue, writer)
                continue
            }
            let writer = try segment.writer(
                for: table.rawValue, fields: content.fields, dictionaries: content.dictionaries)
            if table.role == .movement || !persons.isEmpty { try writer.write(content.buffers, rows: rows.count) }
            try segment.finish(table.rawValue, writer)
            if table.role == .timeline { counts[table.rawValue] = rows.count }
        }
        if let first = persons.first, let last = persons.last {
            segment.blocks.append(Block(rows: counts, firstPerson: first.id, lastPerson: last.id))
        }
        let days = world.days
        _ = try draft.commit(
            coverage: Coverage(
                from: tables.coverage.from?.number ?? days.lowerBound,
                to: tables.coverage.to?.number ?? days.upperBound,
                closedWorld: tables.coverage.closed), notes: [:])
        return try Dataset.open(path)
    }

    /// The rows of every table in the order of the disk, and where each identifier is.
    private struct Ordered {
        var rows: [Table: [CaseRow]] = [:]
        var places: [Table: [String: Int32]] = [:]

        init(_ tables: CaseTables) throws(ColumnsError) {
            let order: [Table] = [.person, .encounter] + Table.allCases.filter { $0 != .person && $0 != .encounter }
            for table in order {
                var keyed: [(owner: Int32, day: Int32, second: Int32, row: CaseRow)] = []
                for row in tables.rows[table] ?? [] {
                    let (day, second) = Self.time(of: row, in: table)
                    keyed.append((try owner(of: row, in: table), day, second, row))
                }
                keyed.sort { a, b in
                    if a.owner != b.owner { return a.owner < b.owner }
                    if a.day != b.day { return a.day < b.day }
                    if a.second != b.second { return a.second < b.second }
                    return a.row.id.utf8.lexicographicallyPrecedes(b.row.id.utf8)
                }
                let sorted = keyed.map(\.row)
                rows[table] = sorted
                places[table] = Dictionary(
                    sorted.enumerated().map { ($0.element.id, Int32($0.offset)) },
                    uniquingKeysWith: { first, _ in first })
            }
        }

        /// The place of the person or encounter that the row belongs to.
        private func owner(of row: CaseRow, in table: Table) throws(ColumnsError) -> Int32 {
            for (index, field) in table.fields.enumerated() {
                guard case .row(let target) = field.kind else { continue }
                guard case .row(let id) = row.values[index], let place = places[target]?[id] else {
                    throw ColumnsError(
                        "YJ-323", "\(table.rawValue) `\(row.id)` names no \(target.rawValue) of the example",
                        at: "the example's tables", advice: "Write `\(field.name)=` and a row of that name")
                }
                return place
            }
            return 0
        }

        private static func time(of row: CaseRow, in table: Table) -> (Int32, Int32) {
            var day = Int32.min
            var second = Int32.min
            let names = table == .encounter ? ("start_day", "start_second") : ("day", "second")
            if let index = table.index(of: names.0), case .day(let value) = row.values[index] { day = value }
            if let index = table.index(of: names.1), case .second(let value) = row.values[index] { second = value }
            return table == .person ? (0, 0) : (day, second)
        }

        /// From the first to the last day on which something happens.
        var days: ClosedRange<Int32> {
            var found: [Int32] = []
            for table in rows.keys where table.role != .master && table != .person && table != .entitlement {
                for row in rows[table] ?? [] {
                    for case .day(let day) in row.values.values { found.append(day) }
                }
            }
            return (found.min() ?? 0)...(found.max() ?? 0)
        }
    }

    /// The columns of one table.
    private struct Content {
        let fields: [ColumnField]
        let buffers: [ColumnBuffer]
        let dictionaries: [Int: StringTable]

        init(_ table: Table, _ rows: [CaseRow], _ places: [Table: [String: Int32]]) {
            var fields: [ColumnField] = []
            var buffers: [ColumnBuffer] = []
            var dictionaries: [Int: StringTable] = [:]
            for (index, field) in table.fields.enumerated() {
                let type = Self.type(of: field.kind)
                fields.append(ColumnField(field.name, type, nullable: !Self.isReference(field.kind)))
                let buffer = ColumnBuffer(type)
                let words = StringDictionary()
                let values = rows.map { row in
                    row.values[index] ?? (field.name == table.identifier ? .text(row.id) : nil)
                }
                for case .text(let text) in values where type == .dictionary { _ = words.code(for: text) }
                let sorted = words.sorted()
                for value in values {
                    switch value {
                    case .text(let text):
                        if type == .dictionary, let code = words.known(text) {
                            buffer.append(sorted.remap[Int(code)])
                        } else {
                            buffer.append(text)
                        }
                    case .number(let number):
                        if type == .int32 { buffer.append(Int32(clamping: number)) } else { buffer.append(number) }
                    case .day(let number), .second(let number): buffer.append(number)
                    case .flag(let flag): buffer.append(flag)
                    case .row(let id):
                        guard case .row(let target) = field.kind, let place = places[target]?[id] else {
                            buffer.appendNull()
                            continue
                        }
                        buffer.append(place)
                    case nil: buffer.appendNull()
                    }
                }
                if type == .dictionary { dictionaries[index] = sorted.table }
                buffers.append(buffer)
            }
            self.fields = fields
            self.buffers = buffers
            self.dictionaries = dictionaries
        }

        private static func isReference(_ kind: FieldKind) -> Bool { if case .row = kind { true } else { false } }

        private static func type(of kind: FieldKind) -> ColumnType {
            switch kind {
            case .identifier, .text: .utf8
            case .code: .dictionary
            case .row, .integer: .int32
            case .day: .date32
            case .second: .time32
            case .decimal(let scale): .decimal64(scale: scale)
            case .flag: .bool
            }
        }
    }
}
