import Claims
import Columns

/// Master data (机构, 项目, 医师 …) bound to the vocabulary, looked up by code.
final class Masters: @unchecked Sendable {
    /// From when to when something holds (协议、资格、待遇期间).
    struct Span {
        /// nil: not known.
        let from: Int32?
        /// The last day; `Int32.max`: it lasts.
        let to: Int32

        init(_ from: Slot, _ to: Slot, _ row: Int) {
            self.from = from.isValid(row) ? from.int32s[row] : nil
            self.to = to.isValid(row) ? to.int32s[row] : Int32.max
        }

        /// Whether the span covers the day.
        func covers(_ day: Value) -> Value {
            let begun = from.map { Value.lessOrEqual(.known(Int128($0)), day) } ?? .maybe
            return Evaluator.and(begun, to == Int32.max ? .yes : .lessOrEqual(day, .known(Int128(to))))
        }
    }

    /// Held in the shape of a chunk, so that one loader reads both.
    let chunk = Chunk()
    private let rowByCode = UnsafeMutablePointer<UnsafeMutablePointer<Int32>?>.allocate(capacity: Chunk.tableCount)
    private let codeCounts = UnsafeMutablePointer<Int>.allocate(capacity: Chunk.tableCount)
    private let spans = UnsafeMutablePointer<SpanTable?>.allocate(capacity: Chunk.tableCount)

    init() {
        rowByCode.initialize(repeating: nil, count: Chunk.tableCount)
        codeCounts.initialize(repeating: 0, count: Chunk.tableCount)
        spans.initialize(repeating: nil, count: Chunk.tableCount)
    }

    deinit {
        rowByCode.deallocate()
        codeCounts.deallocate()
        spans.deallocate()
    }

    /// Binds one master table; a later row with the same code replaces an earlier one.
    func bind(_ table: Table, from file: ArrowFile, batchOwner: AnyObject, vocabulary: Vocabulary) throws {
        let position = table.position
        let rows = (0..<file.batchCount).reduce(0) { $0 + file.rowCount(ofBatch: $1) }
        var result = chunk.tables[position]
        result.rows = rows
        result.isPresent = true
        for (index, field) in table.fields.enumerated() {
            guard let column = file.index(of: field.name) else { continue }
            result.slots[index] = try slot(for: field, column: column, of: file, rows: rows, vocabulary: vocabulary)
            result.slots[index].isNonNegative = table.isNonNegative(index)
        }
        adopt(table, result, codes: vocabulary.count)
    }

    /// Takes over the rows of a master table; codes are numbered below `codes`.
    func adopt(_ table: Table, _ result: TableRows, codes: Int) {
        let position = table.position
        let slots = chunk.tables[position].slots
        if slots != result.slots {
            for field in table.fields.indices { slots[field] = result.slots[field] }
            result.slots.deallocate()
        }
        var result = result
        result.slots = slots
        let rows = result.rows
        chunk.tables[position] = result
        if let key = table.fields.first?.name == "code" ? result.slots[0] : nil {
            let byCode = chunk.arena.allocate(Int32.self, codes)
            byCode.initialize(repeating: -1, count: codes)
            for row in 0..<rows where key.code(row) >= 0 { byCode[Int(key.code(row))] = Int32(row) }
            rowByCode[position] = byCode
            codeCounts[position] = codes
        }
        if table == .agreement || table == .eligibility { bindSpans(table, result, codes: codes) }
    }

    /// The row of a master table that describes a code; -1 when it is not known there.
    @inline(__always) func row(_ table: Int, code: Int32) -> Int32 {
        guard code >= 0, Int(code) < codeCounts[table], let byCode = rowByCode[table] else { return -1 }
        return byCode[Int(code)]
    }

    /// The spans of a code; nil when the table is absent or silent about it.
    func spans(_ table: Int, code: Int32) -> UnsafeBufferPointer<Span>? {
        guard let own = spans[table], code >= 0, Int(code) < own.codes else { return nil }
        let (first, end) = (own.starts[Int(code)], own.starts[Int(code) &+ 1])
        return first < end ? UnsafeBufferPointer(start: own.spans + Int(first), count: Int(end &- first)) : nil
    }

    /// The spans of each code side by side, in the order of their rows. The memory is the arena's.
    private struct SpanTable {
        let codes: Int
        let starts: UnsafeMutablePointer<Int32>
        let spans: UnsafeMutablePointer<Span>
    }

    private func bindSpans(_ table: Table, _ rows: TableRows, codes: Int) {
        guard let from = table.index(of: "from"), let to = table.index(of: "to") else { return }
        let key = rows.slots[0]
        let starts = chunk.arena.allocate(Int32.self, codes + 1)
        starts.initialize(repeating: 0, count: codes + 1)
        for row in 0..<rows.rows where key.code(row) >= 0 { starts[Int(key.code(row)) + 1] += 1 }
        for code in 0..<codes { starts[code + 1] += starts[code] }
        let spans = chunk.arena.allocate(Span.self, max(1, Int(starts[codes])))
        var next = Array(UnsafeBufferPointer(start: starts, count: codes + 1))
        for row in 0..<rows.rows where key.code(row) >= 0 {
            let code = Int(key.code(row))
            (spans + Int(next[code])).initialize(to: Span(rows.slots[from], rows.slots[to], row))
            next[code] += 1
        }
        self.spans[table.position] = SpanTable(codes: codes, starts: starts, spans: spans)
    }

    /// Copies a column of all batches into memory of its own: master tables are small.
    private func slot(
        for field: Field, column: Int, of file: ArrowFile, rows: Int, vocabulary: Vocabulary
    ) throws -> Slot {
        var slot = Slot()
        let validity = chunk.arena.allocate(UInt8.self, rows / 8 + 1)
        validity.initialize(repeating: 0, count: rows / 8 + 1)
        slot.validity = UnsafePointer(validity)
        var dictionary: StringTable?
        if case .dictionary = file.fields[column].type {
            dictionary = StringTable(try file.dictionary(column), owner: file)
        }
        let codes = dictionary.map { table in (0..<table.count).map { vocabulary.intern(table[$0]) } } ?? []
        let narrow = chunk.arena.allocate(Int32.self, rows)
        let wide = chunk.arena.allocate(Int64.self, rows)
        var base = 0
        for batch in 0..<file.batchCount {
            let view = try file.column(column, batch: batch)
            for row in 0..<view.count where view.isValid(row) {
                let target = base + row
                validity[target >> 3] |= 1 << UInt8(target & 7)
                switch view.type {
                case .dictionary: narrow[target] = codes[Int(view.int32[row])]
                case .utf8: narrow[target] = vocabulary.intern(view.utf8(row))
                case .int32, .date32, .time32: narrow[target] = view.int32[row]
                case .int64, .decimal64: wide[target] = view.int64[row]
                case .bool: narrow[target] = view.bool(row) ? 1 : 0
                default: break
                }
            }
            base += view.count
        }
        switch file.fields[column].type {
        case .dictionary, .utf8: slot.kind = .code
        case .int64, .decimal64: slot.kind = .int64
        default: slot.kind = .int32
        }
        slot.base = slot.kind == .int64 ? UnsafeRawPointer(wide) : UnsafeRawPointer(narrow)
        return slot
    }
}
