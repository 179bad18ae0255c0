import Claims
import Columns

/// Writes reference data as a dataset, cut into segments and blocks in a chosen way, so that the engine can be shown
/// that neither cut matters. Every row must belong to a person, as in any dataset.
package struct DatasetMaker {
    private let data: ReferenceData
    private let claims: NettedClaims
    private let segments: Int
    private let personsPerBlock: Int

    /// Makes the dataset at a path where nothing is, and opens it.
    package static func write(
        _ data: ReferenceData, to path: String, segments: Int = 1, personsPerBlock: Int = 2
    ) throws -> Dataset {
        let maker = DatasetMaker(
            data: data, claims: NettedClaims(data), segments: max(1, segments),
            personsPerBlock: max(1, personsPerBlock))
        let draft = try GenerationDraft(dataset: path)
        for number in 0..<maker.segments { try maker.writeSegment(number, to: draft) }
        for table in Table.allCases where table.role == .master && !data.absent.contains(table) {
            let rows = (maker.claims.rows[table] ?? []).indices.map { RowReference(table: table, index: $0) }
            let content = Content(table, rows.map { maker.values(of: $0) })
            let writer = try draft.masterWriter(
                for: table.rawValue, fields: content.fields, dictionaries: content.dictionaries)
            try writer.write(content.buffers(0..<rows.count), rows: rows.count)
            try draft.finishMaster(table.rawValue, writer)
        }
        let horizon = data.coverage.to ?? maker.claims.horizon ?? 0
        let coverage = Coverage(
            from: data.coverage.from ?? Int32.min, to: horizon, closedWorld: data.coverage.closedWorld)
        _ = try draft.commit(coverage: coverage)
        return try Dataset.open(path)
    }

    // MARK: - Segments

    private func segment(of row: RowReference) -> Int {
        switch row.table {
        case .person: 0
        case .encounter, .entitlement, .stock, .scan: row.index % segments
        default: claims.reference(.encounter, of: row).map { $0.index % segments } ?? 0
        }
    }

    private func writeSegment(_ number: Int, to draft: GenerationDraft) throws {
        let segment = try draft.addSegment("part-\(number)")
        let timeline = Table.allCases.filter { $0.role == .timeline && !data.absent.contains($0) }
        var rows: [Table: [RowReference]] = [:]
        for table in timeline + [.stock, .scan] where table != .person {
            rows[table] = (claims.rows[table] ?? []).indices.map { RowReference(table: table, index: $0) }
                .filter { self.segment(of: $0) == number }
        }
        // A person is in every segment that holds something of theirs; one without anything is in the first.
        let all = (claims.rows[.person] ?? []).indices.map { RowReference(table: .person, index: $0) }
        let used = Set(timeline.flatMap { rows[$0] ?? [] }.compactMap { claims.person(of: $0) })
        let elsewhere = Set(
            timeline.flatMap { table in (claims.rows[table] ?? []).indices.map { RowReference(table: table, index: $0) }
            }
            .filter { $0.table != .person }.compactMap { claims.person(of: $0) })
        let persons = all.filter { used.contains($0) || (number == 0 && !elsewhere.contains($0)) }
            .sorted { bytes($0).lexicographicallyPrecedes(bytes($1)) }
        rows[.person] = persons
        let rank = Dictionary(uniqueKeysWithValues: persons.enumerated().map { ($1, $0) })

        // Whole timelines in the order of persons; encounters by start, what belongs to them by encounter.
        var position: [RowReference: Int] = [:]
        for table in timeline {
            rows[table]?.sort { a, b in
                let (x, y) = (rank[claims.person(of: a) ?? a] ?? 0, rank[claims.person(of: b) ?? b] ?? 0)
                if x != y { return x < y }
                let (e, f) = (encounterPosition(a, position), encounterPosition(b, position))
                return e == f ? a.index < b.index : e < f
            }
            for (index, row) in (rows[table] ?? []).enumerated() { position[row] = index }
        }
        try write(timeline, rows, position, persons, to: segment)
        for table in [Table.stock, .scan] where !data.absent.contains(table) {
            let content = Content(table, (rows[table] ?? []).map { values(of: $0) })
            let writer = try segment.writer(
                for: table.rawValue, fields: content.fields, dictionaries: content.dictionaries)
            let count = rows[table]?.count ?? 0
            try writer.write(content.buffers(0..<count), rows: count)
            try segment.finish(table.rawValue, writer)
        }
    }

    private func encounterPosition(_ row: RowReference, _ position: [RowReference: Int]) -> Int {
        guard row.table != .encounter, let encounter = claims.reference(.encounter, of: row) else { return 0 }
        return position[encounter] ?? 0
    }

    private func bytes(_ row: RowReference) -> [UInt8] { Array(claims.identifier(of: row).utf8) }

    private func write(
        _ timeline: [Table], _ rows: [Table: [RowReference]], _ position: [RowReference: Int],
        _ persons: [RowReference], to segment: SegmentDraft
    ) throws {
        let rank = Dictionary(uniqueKeysWithValues: persons.enumerated().map { ($1, $0) })
        let blockCount = (persons.count + personsPerBlock - 1) / personsPerBlock
        func block(of row: RowReference) -> Int { (claims.person(of: row).flatMap { rank[$0] } ?? 0) / personsPerBlock }
        var counts = [[String: Int]](repeating: [:], count: blockCount)
        for table in timeline {
            let list = rows[table] ?? []
            let content = Content(table, list.map { values(of: $0, at: position) })
            let writer = try segment.writer(
                for: table.rawValue, fields: content.fields, dictionaries: content.dictionaries)
            var start = 0
            for number in 0..<blockCount {
                var end = start
                while end < list.count, block(of: list[end]) == number { end += 1 }
                try writer.write(content.buffers(start..<end), rows: end - start)
                counts[number][table.rawValue] = end - start
                start = end
            }
            try segment.finish(table.rawValue, writer)
        }
        segment.blocks = counts.enumerated().map { number, counts in
            let first = persons[number * personsPerBlock]
            let last = persons[min(persons.count, (number + 1) * personsPerBlock) - 1]
            return Block(
                rows: counts, firstPerson: claims.identifier(of: first), lastPerson: claims.identifier(of: last))
        }
    }

    /// The values as they were before netting, with references as positions in the segment.
    private func values(of row: RowReference, at position: [RowReference: Int] = [:]) -> [FieldValue?] {
        var values = claims.raw[row.table]?[row.index].values ?? []
        if let (field, target) = row.table.ownerField, case .row(let index) = values[field] {
            values[field] = position[RowReference(table: target, index: index)].map { .row($0) }
        }
        return values
    }
}

/// The columns of one table's file.
private struct Content {
    let fields: [ColumnField]
    let dictionaries: [Int: StringTable]
    private let rows: [[FieldValue?]]
    private let codes: [Int: [String: Int32]]

    init(_ table: Table, _ rows: [[FieldValue?]]) {
        self.rows = rows
        var dictionaries: [Int: StringTable] = [:]
        var codes: [Int: [String: Int32]] = [:]
        fields = table.fields.enumerated().map { column, declaration in
            switch declaration.kind {
            case .identifier, .text: return ColumnField(declaration.name, .utf8)
            case .code:
                var words: Set<String> = []
                for row in rows { if case .text(let text) = row[column] { words.insert(text) } }
                let sorted = words.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
                dictionaries[column] = StringTable(sorted)
                codes[column] = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, Int32($0)) })
                return ColumnField(declaration.name, .dictionary)
            case .row: return ColumnField(declaration.name, .int32)
            case .integer: return ColumnField(declaration.name, .int32)
            case .day: return ColumnField(declaration.name, .date32)
            case .second: return ColumnField(declaration.name, .time32)
            case .decimal(let scale): return ColumnField(declaration.name, .decimal64(scale: scale))
            case .flag: return ColumnField(declaration.name, .bool)
            }
        }
        self.dictionaries = dictionaries
        self.codes = codes
    }

    func buffers(_ range: Range<Int>) -> [ColumnBuffer] {
        fields.enumerated().map { column, field in
            let buffer = ColumnBuffer(field.type)
            for row in rows[range] { append(row[column], to: buffer, column) }
            return buffer
        }
    }

    private func append(_ value: FieldValue?, to buffer: ColumnBuffer, _ column: Int) {
        switch value {
        case nil: buffer.appendNull()
        case .text(let text):
            if let code = codes[column]?[text] { buffer.append(code) } else { buffer.append(text) }
        case .number(let number):
            if fields[column].type == .int32 { buffer.append(Int32(clamping: number)) } else { buffer.append(number) }
        case .day(let day): buffer.append(day)
        case .second(let second): buffer.append(second)
        case .flag(let flag): buffer.append(flag)
        case .row(let index): buffer.append(Int32(clamping: index))
        }
    }
}
