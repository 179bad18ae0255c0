import Claims
import Columns

/// Reads a dataset chunk by chunk: whole timelines, reversals netted, segments merged.
///
/// With one segment a chunk is a block of the files as they are mapped; nothing is copied unless a line of it was
/// reversed. Checksums are verified by `Columns` when a buffer is first touched.
final class ClaimsReader: @unchecked Sendable {
    static let timeline: [Table] = [
        .person, .entitlement, .encounter, .diagnosis, .operation, .prescription, .line, .settlement,
    ]

    let dataset: Dataset
    private(set) var sources: [SegmentSource] = []
    private(set) var chunkCount = 0
    /// The first person of each chunk: where several segments, or chosen persons, are put together.
    private var boundaries: [[UInt8]] = []
    private var fields: [Table: [Int]] = [:]
    /// Rows of earlier segments that later ones took back or corrected.
    private var withdrawn: WithdrawnRows?
    /// Rows before each chunk, for one segment: identities of rows.
    private var firstRows: [[Int64]] = []

    /// Counts of what netting did, added up over chunks by the caller.
    struct NettingCounts {
        var reversals = 0
        var orphans = 0
    }

    init(_ dataset: Dataset) { self.dataset = dataset }

    /// Interns the item dictionary first, so that with one segment item codes need no translation.
    func internItems(_ vocabulary: Vocabulary) throws {
        for segment in dataset.segments {
            guard let file = try segment.file(Table.line.rawValue), let column = file.index(of: "item") else {
                continue
            }
            let dictionary = StringTable(try file.dictionary(column), owner: file)
            for index in 0..<dictionary.count { _ = vocabulary.intern(dictionary[index]) }
        }
        vocabulary.endItems()
    }

    /// Opens the columns that will be read. The vocabulary must not be frozen yet.
    func bind(_ used: [Table: Set<Int>], vocabulary: Vocabulary) throws {
        fields = used.mapValues { $0.sorted() }
        sources = try dataset.segments.map { try SegmentSource($0, fields, vocabulary) }
        let withdrawn = try WithdrawnRows(dataset.segments)
        if !withdrawn.isEmpty { self.withdrawn = withdrawn }
        if let lead = sources.max(by: { $0.segment.blockCount < $1.segment.blockCount }) {
            boundaries = (0..<lead.segment.blockCount).map { Array(lead.segment.firstPerson($0).utf8) }
        }
        guard sources.count != 1 else {
            chunkCount = sources[0].segment.blockCount
            var running = [Int64](repeating: 0, count: Chunk.tableCount)
            for block in 0..<chunkCount {
                firstRows.append(running)
                for table in Self.timeline {
                    running[table.position] += Int64(sources[0].segment.rows(table.rawValue, block: block))
                }
            }
            return
        }
        chunkCount = boundaries.count
    }

    /// The vocabulary codes that occur in the dictionaries of some fields.
    func codes(of fields: [(Table, String)]) -> Set<Int32> {
        var found: Set<Int32> = []
        for (table, name) in fields {
            guard let field = table.index(of: name) else { continue }
            for source in sources { found.formUnion(source.codes(table, field)) }
        }
        return found
    }

    /// The rows of a table in all segments, those included that later ones took back.
    func rows(of table: Table) -> Int { dataset.segments.reduce(0) { $0 + $1.totalRows(table.rawValue) } }

    /// Whether any segment has the table, and the field in it.
    func has(_ table: Table, field: Int? = nil) throws -> Bool {
        for segment in dataset.segments {
            guard let file = try segment.file(table.rawValue) else { continue }
            guard let field else { return true }
            if file.index(of: table.fields[field].name) != nil { return true }
        }
        return false
    }

    /// A chunk of whole timelines; with `only`, the other tables of it stay empty and nothing is netted. `spare` is a
    /// chunk that nobody needs any more: its memory may be used again.
    func chunk(
        _ number: Int, _ counts: inout NettingCounts, only tables: Set<Table>? = nil, in spare: Chunk? = nil
    ) throws -> Chunk {
        let chunk: Chunk
        if sources.count == 1 {
            chunk = try sources[0].chunk(block: number, only: tables, in: spare)
            chunk.firstRows = firstRows[number]
        } else {
            let first = number == 0 ? nil : boundaries[number]
            let next = number + 1 < boundaries.count ? boundaries[number + 1] : nil
            let fields = self.fields.filter { tables?.contains($0.key) != false }
            chunk = try MergedChunk.make(sources, fields, withdrawn, from: first, before: next)
            chunk.firstRows = Array(repeating: Int64(number) << 32, count: Chunk.tableCount)
        }
        chunk.number = number
        guard tables == nil else { return chunk }
        Netting.apply(to: chunk, fields: fields[.line] ?? [], &counts)
        Netting.dropReversedSettlements(of: chunk, fields: fields[.settlement] ?? [])
        return chunk
    }

    /// The persons of a chunk who are touched, and nobody else.
    func touchedChunk(_ number: Int, _ touched: TouchedPersons, _ counts: inout NettingCounts) throws -> Chunk {
        let first = number == 0 ? nil : boundaries[number]
        let next = number + 1 < boundaries.count ? boundaries[number + 1] : nil
        let chunk = try MergedChunk.make(sources, fields, withdrawn, from: first, before: next, only: touched)
        chunk.firstRows = Array(repeating: Int64(number) << 32, count: Chunk.tableCount)
        chunk.number = number
        Netting.apply(to: chunk, fields: fields[.line] ?? [], &counts)
        Netting.dropReversedSettlements(of: chunk, fields: fields[.settlement] ?? [])
        return chunk
    }

    /// Certain persons between two, from all segments, as delivered.
    func merged(from first: [UInt8], before next: [UInt8], only touched: TouchedPersons) throws -> Chunk {
        try MergedChunk.make(sources, fields, withdrawn, from: first, before: next, only: touched)
    }

    /// All rows of a table of movements that hold, batch by batch.
    func movement(_ table: Table) throws -> [Chunk] {
        var chunks: [Chunk] = []
        for (number, source) in sources.enumerated() {
            for chunk in try source.movement(table) {
                chunks.append(try standing(chunk, table, segment: number))
            }
        }
        return chunks
    }

    /// A batch of movements without the rows that a later segment took back.
    private func standing(_ chunk: Chunk, _ table: Table, segment: Int) throws -> Chunk {
        guard let withdrawn, withdrawn.mentions(table.rawValue) else { return chunk }
        let rows = chunk[table]
        var kept: [RowReference] = []
        for row in 0..<rows.rows where !withdrawn.hides(table.rawValue, rows.slots[0].utf8(row), segment: segment) {
            kept.append(RowReference(source: 0, row: Int32(row)))
        }
        if kept.count == rows.rows { return chunk }
        let result = Chunk()
        result.owners = [chunk]
        var target = result[table]
        target.rows = kept.count
        target.isPresent = true
        for field in fields[table] ?? [] {
            target.slots[field] = Gather.slot(field, kept, from: [rows], arena: result.arena)
        }
        result[table] = target
        return result
    }

    func release(_ number: Int, only tables: Set<Table>? = nil) {
        guard sources.count == 1 else { return }
        sources[0].release(block: number, only: tables)
    }
}

extension Table {
    /// Whether the values of a code field are numbered by the vocabulary. Settlement numbers, trace codes and the like
    /// are nearly as many as the rows: they are read as texts.
    func isNumbered(_ field: Int) -> Bool {
        guard case .code(let system) = fields[field].kind else { return false }
        return ![CodeSystem.other, .trace, .batch, .person].contains(system)
    }
}

/// The files of one segment, opened for the fields that are read.
final class SegmentSource {
    let segment: Segment
    private var columns: [(table: Table, file: ArrowFile, fields: [(field: Int, column: Int, remap: [Int32]?)])] = []
    private var remaps: [UnsafeMutablePointer<Int32>] = []
    private var remapOf: [Int: UnsafePointer<Int32>] = [:]
    private var rowsBefore: [[Int]] = []
    private var known: [Int: [Int32]] = [:]

    init(_ segment: Segment, _ fields: [Table: [Int]], _ vocabulary: Vocabulary) throws {
        self.segment = segment
        for table in ClaimsReader.timeline + [.stock, .scan] {
            guard let file = try segment.file(table.rawValue) else { continue }
            var list: [(field: Int, column: Int, remap: [Int32]?)] = []
            for field in fields[table] ?? [] {
                guard let column = file.index(of: table.fields[field].name) else { continue }
                list.append((field, column, nil))
                guard case .dictionary = file.fields[column].type, table.isNumbered(field) else { continue }
                try bindDictionary(table, field, file, column, vocabulary)
            }
            columns.append((table, file, list))
        }
        var running = [Int](repeating: 0, count: Chunk.tableCount)
        for block in 0..<segment.blockCount {
            rowsBefore.append(running)
            for table in ClaimsReader.timeline { running[table.position] += segment.rows(table.rawValue, block: block) }
        }
    }

    deinit { for remap in remaps { remap.deallocate() } }

    func codes(_ table: Table, _ field: Int) -> [Int32] { known[table.position * 64 + field] ?? [] }

    private func bindDictionary(
        _ table: Table, _ field: Int, _ file: ArrowFile, _ column: Int, _ vocabulary: Vocabulary
    ) throws {
        let dictionary = StringTable(try file.dictionary(column), owner: file)
        let remap = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, dictionary.count))
        var isIdentity = true
        for index in 0..<dictionary.count {
            remap[index] = vocabulary.intern(dictionary[index])
            if remap[index] != Int32(index) { isIdentity = false }
        }
        remaps.append(remap)
        known[table.position * 64 + field] = (0..<dictionary.count).map { remap[$0] }
        if !isIdentity { remapOf[table.position * 64 + field] = UnsafePointer(remap) }
    }

    func release(block: Int, only tables: Set<Table>?) {
        for entry in columns where entry.table.role == .timeline && tables?.contains(entry.table) != false {
            entry.file.release(batch: block)
        }
    }

    /// A block as it lies in the mapped files.
    func chunk(block: Int, only tables: Set<Table>? = nil, in spare: Chunk? = nil) throws -> Chunk {
        let chunk = spare ?? Chunk()
        spare?.clear()
        for entry in columns where entry.table.role == .timeline && tables?.contains(entry.table) != false {
            try fill(chunk, entry.table, entry.file, entry.fields, block)
        }
        try link(chunk, .encounter, parentRows: chunk[.person].rows, before: rowsBefore[block][Table.person.position])
        try link(chunk, .entitlement, parentRows: chunk[.person].rows, before: rowsBefore[block][Table.person.position])
        for table in [Table.diagnosis, .operation, .prescription, .line, .settlement]
        where tables?.contains(table) != false {
            try link(
                chunk, table, parentRows: chunk[.encounter].rows, before: rowsBefore[block][Table.encounter.position])
        }
        return chunk
    }

    /// All rows of a table of movements, batch by batch.
    func movement(_ table: Table) throws -> [Chunk] {
        guard let entry = columns.first(where: { $0.table == table }) else { return [] }
        return try (0..<entry.file.batchCount).map { batch in
            let chunk = Chunk()
            try fill(chunk, table, entry.file, entry.fields, batch)
            return chunk
        }
    }

    private func fill(
        _ chunk: Chunk, _ table: Table, _ file: ArrowFile, _ fields: [(field: Int, column: Int, remap: [Int32]?)],
        _ batch: Int
    ) throws {
        var rows = chunk[table]
        rows.rows = file.rowCount(ofBatch: batch)
        rows.isPresent = true
        for entry in fields {
            let view = try file.column(entry.column, batch: batch)
            var slot = Slot()
            slot.validity = view.nullCount == 0 ? nil : view.validity
            slot.base = view.values
            slot.isNonNegative = table.isNonNegative(entry.field)
            switch view.type {
            case .dictionary where table.isNumbered(entry.field):
                slot.kind = .code
                slot.remap = remapOf[table.position * 64 + entry.field]
            case .dictionary:
                let words = StringTable(try file.dictionary(entry.column), owner: file)
                slot.kind = .word
                slot.offsets = words.offsets
                slot.words = words.bytes
                chunk.owners.append(file)
            case .int32, .date32, .time32: slot.kind = .int32
            case .int64, .decimal64: slot.kind = .int64
            case .bool: slot.kind = .flag
            case .utf8:
                slot.kind = .text
                slot.offsets = view.offsets
            default: continue
            }
            rows.slots[entry.field] = slot
        }
        chunk[table] = rows
    }

    /// Makes the parent rows of a table count from the start of the block.
    private func link(_ chunk: Chunk, _ table: Table, parentRows: Int, before: Int) throws {
        var rows = chunk[table]
        let name = table == .encounter || table == .entitlement ? "person" : "encounter"
        let parents = chunk.arena.allocate(Int32.self, rows.rows)
        let starts = chunk.arena.allocate(Int32.self, parentRows + 1)
        starts.update(repeating: 0, count: parentRows + 1)
        if rows.rows > 0, let field = table.index(of: name), rows.slots[field].kind == .int32 {
            let source = rows.slots[field].int32s
            let base = Int32(truncatingIfNeeded: before)
            guard ColumnLoops.rebase(source, by: base, limit: parentRows, into: parents, count: rows.rows) else {
                throw ColumnsError(
                    "AUD013", "a row of the table \(table.rawValue) names a \(name) outside its block",
                    at: segment.name, advice: "Run `yijian dataset verify`; ingest the delivery again")
            }
            // The rows of the next parent begin where those of one end.
            ColumnLoops.ends(byParent: parents, count: rows.rows, into: starts + 1)
        }
        for parent in 0..<parentRows { starts[parent &+ 1] = max(starts[parent], starts[parent &+ 1]) }
        rows.parent = parents
        rows.starts = starts
        chunk[table] = rows
    }
}
