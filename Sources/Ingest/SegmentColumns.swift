import Claims
import Columns

/// Which columns a table's file has and how they are filled from staged rows.
struct SegmentColumns: Sendable {
    struct Column: Sendable {
        let field: ColumnField
        /// −1: the rank of the owner.
        let slot: Int
        let offset: Int
        let width: RowLayout.Width
        let isFlag: Bool
        let remap: [Int32]
    }

    let table: Table
    let layout: RowLayout
    let columns: [Column]
    let dictionaries: [Int: StringTable]

    var fields: [ColumnField] { columns.map(\.field) }

    /// Fields that no mapping fills get no column: the whole dataset says they are unknown.
    init(_ layout: RowLayout, dictionaries codes: [Int: (strings: StringTable, remap: [Int32])]) {
        table = layout.table
        self.layout = layout
        var columns: [Column] = []
        var dictionaries: [Int: StringTable] = [:]
        for (index, field) in layout.table.fields.enumerated() {
            if case .row = field.kind {
                columns.append(
                    Column(
                        field: ColumnField(field.name, .int32, nullable: false), slot: -1, offset: 0, width: .narrow,
                        isFlag: false, remap: []))
                continue
            }
            guard let slot = layout.slots.firstIndex(where: { $0.field == index }) else { continue }
            let type: ColumnType
            var remap: [Int32] = []
            switch field.kind {
            case .identifier, .text: type = .utf8
            case .code:
                type = .dictionary
                if let code = codes[index] {
                    dictionaries[columns.count] = code.strings
                    remap = code.remap
                }
            case .row, .integer: type = .int32
            case .day: type = .date32
            case .second: type = .time32
            case .decimal(let scale): type = .decimal64(scale: scale)
            case .flag: type = .bool
            }
            columns.append(
                Column(
                    field: ColumnField(field.name, type), slot: slot, offset: layout.slots[slot].offset,
                    width: layout.slots[slot].width, isFlag: field.kind == .flag, remap: remap))
        }
        self.columns = columns
        self.dictionaries = dictionaries
    }

    /// One batch of `rows`, its memory taken from `arena`. `owners` are the values of the row field.
    func fill(_ rows: UnsafeBufferPointer<StagedRow>, owners: UnsafePointer<Int32>?, _ arena: Scratch) -> [ColumnBuffer]
    {
        columns.map { column in
            let count = rows.count
            if column.slot < 0 {
                let values = SegmentColumns.claim(count &* 4, arena).assumingMemoryBound(to: Int32.self)
                for row in 0..<count { values[row] = owners?[row] ?? Int32(bitPattern: rows[row].rank) }
                return ColumnBuffer(.int32, borrowing: values, count: count)
            }
            let (validity, nulls) = SegmentColumns.validity(rows, column.slot, arena)
            switch column.width {
            case .wide:
                let values = SegmentColumns.claim(count &* 8, arena).assumingMemoryBound(to: Int64.self)
                var row = 0
                while row < count {
                    values[row] = rows[row].wide(at: column.offset)
                    row &+= 1
                }
                return ColumnBuffer(
                    column.field.type, borrowing: values, count: count, validity: validity, nullCount: nulls)
            case .narrow:
                if column.isFlag { return SegmentColumns.flags(rows, column, validity, nulls, arena) }
                let values = SegmentColumns.claim(count &* 4, arena).assumingMemoryBound(to: Int32.self)
                var row = 0
                if column.field.type == .dictionary {
                    column.remap.withUnsafeBufferPointer { remap in
                        while row < count {
                            let present = rows[row].has(column.slot)
                            values[row] = present ? remap[Int(rows[row].narrow(at: column.offset))] : 0
                            row &+= 1
                        }
                    }
                } else {
                    while row < count {
                        values[row] = rows[row].narrow(at: column.offset)
                        row &+= 1
                    }
                }
                return ColumnBuffer(
                    column.field.type, borrowing: values, count: count, validity: validity, nullCount: nulls)
            case .text: return texts(rows, column, validity, nulls, arena)
            }
        }
    }

    private func texts(
        _ rows: UnsafeBufferPointer<StagedRow>, _ column: Column, _ validity: UnsafePointer<UInt8>?, _ nulls: Int,
        _ arena: Scratch
    ) -> ColumnBuffer {
        let count = rows.count
        let offsets = SegmentColumns.claim((count &+ 1) &* 4, arena).assumingMemoryBound(to: Int32.self)
        var total = 0
        offsets[0] = 0
        for row in 0..<count {
            total &+= Int(rows[row].base.load(fromByteOffset: column.offset, as: UInt32.self))
            offsets[row &+ 1] = Int32(truncatingIfNeeded: total)
        }
        let bytes = SegmentColumns.claim(total, arena).assumingMemoryBound(to: UInt8.self)
        // Texts before this one in the row.
        let earlier = layout.texts.prefix { $0 != column.slot }.map { layout.slots[$0].offset }
        var row = 0
        while row < count {
            let base = rows[row].base
            var start = layout.fixedBytes
            for offset in earlier { start &+= Int(base.load(fromByteOffset: offset, as: UInt32.self)) }
            let from = Int(offsets[row])
            let length = Int(offsets[row &+ 1]) &- from
            let source = (base + start).assumingMemoryBound(to: UInt8.self)
            var index = 0
            while index < length {
                bytes[from &+ index] = source[index]
                index &+= 1
            }
            row &+= 1
        }
        return ColumnBuffer(
            borrowing: ColumnView(
                type: .utf8, count: count, nullCount: nulls, validity: nulls == 0 ? nil : validity,
                values: UnsafeRawPointer(bytes), offsets: UnsafePointer(offsets)))
    }

    private static func flags(
        _ rows: UnsafeBufferPointer<StagedRow>, _ column: Column, _ validity: UnsafePointer<UInt8>?, _ nulls: Int,
        _ arena: Scratch
    ) -> ColumnBuffer {
        let count = rows.count
        let bits = claim((count &+ 7) / 8, arena).assumingMemoryBound(to: UInt8.self)
        for byte in 0..<((count &+ 7) / 8) { bits[byte] = 0 }
        for row in 0..<count where rows[row].narrow(at: column.offset) != 0 {
            bits[row >> 3] |= 1 << UInt8(truncatingIfNeeded: row & 7)
        }
        return ColumnBuffer(.bool, borrowing: bits, count: count, validity: validity, nullCount: nulls)
    }

    private static func validity(
        _ rows: UnsafeBufferPointer<StagedRow>, _ slot: Int, _ arena: Scratch
    ) -> (UnsafePointer<UInt8>?, Int) {
        let count = rows.count
        let shift = UInt32(truncatingIfNeeded: slot)
        var present = 0
        var row = 0
        while row < count {
            present &+= Int(rows[row].presence >> shift & 1)
            row &+= 1
        }
        if present == count { return (nil, 0) }
        let bits = claim((count &+ 7) / 8, arena).assumingMemoryBound(to: UInt8.self)
        for byte in 0..<((count &+ 7) / 8) { bits[byte] = 0 }
        row = 0
        while row < count {
            let bit = UInt8(truncatingIfNeeded: rows[row].presence >> shift & 1)
            bits[row >> 3] |= bit << UInt8(truncatingIfNeeded: row & 7)
            row &+= 1
        }
        return (UnsafePointer(bits), count &- present)
    }

    private static func claim(_ bytes: Int, _ arena: Scratch) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(arena.allocate((bytes &+ 63) & ~63))
    }
}
