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
    ///
    /// Filled strip by strip, all columns of a strip before the next: a row is fetched from memory once, not once a
    /// column.
    func fill(_ rows: UnsafeBufferPointer<StagedRow>, owners: UnsafePointer<Int32>?, _ arena: Scratch) -> [ColumnBuffer]
    {
        var all: UInt32 = .max
        for row in rows { all &= row.presence }
        var targets = columns.map {
            Target($0, rows.count, isFull: $0.slot < 0 || all >> UInt32($0.slot) & 1 != 0, arena)
        }
        var begin = 0
        while begin < rows.count {
            let end = min(rows.count, begin &+ SegmentColumns.stripRows)
            for number in columns.indices {
                fill(&targets[number], columns[number], rows, begin..<end, owners)
            }
            begin = end
        }
        return columns.indices.map { number in
            let column = columns[number]
            if column.width == .text { return texts(rows, column, targets[number], arena) }
            return targets[number].buffer(column.slot < 0 ? .int32 : column.field.type, rows.count)
        }
    }

    /// Rows whose memory stays in the fast caches while their columns are filled.
    private static let stripRows = 2048

    /// Where a column goes.
    private struct Target {
        var values: UnsafeMutableRawPointer
        /// One bit a row; nil when every row has a value.
        var validity: UnsafeMutablePointer<UInt8>?
        var present = 0

        init(_ column: Column, _ count: Int, isFull: Bool, _ arena: Scratch) {
            let bits = (count &+ 7) / 8
            if isFull {
                validity = nil
                present = count
            } else {
                let memory = SegmentColumns.claim(bits, arena).assumingMemoryBound(to: UInt8.self)
                memory.update(repeating: 0, count: bits)
                validity = memory
            }
            switch column.width {
            case .wide: values = SegmentColumns.claim(count &* 8, arena)
            case .narrow where column.isFlag:
                values = SegmentColumns.claim(bits, arena)
                values.assumingMemoryBound(to: UInt8.self).update(repeating: 0, count: bits)
            case .narrow: values = SegmentColumns.claim(count &* 4, arena)
            case .text:
                // The offsets; the bytes follow when their number is known.
                values = SegmentColumns.claim((count &+ 1) &* 4, arena)
                values.storeBytes(of: 0, as: Int32.self)
            }
        }

        func buffer(_ type: ColumnType, _ count: Int) -> ColumnBuffer {
            let nulls = count &- present
            return ColumnBuffer(
                type, borrowing: values, count: count, validity: nulls == 0 ? nil : UnsafePointer(validity),
                nullCount: nulls)
        }
    }

    private func fill(
        _ target: inout Target, _ column: Column, _ rows: UnsafeBufferPointer<StagedRow>, _ strip: Range<Int>,
        _ owners: UnsafePointer<Int32>?
    ) {
        var row = strip.lowerBound
        let end = strip.upperBound
        let offset = column.offset
        if let validity = target.validity {
            let shift = UInt32(truncatingIfNeeded: column.slot)
            var present = 0
            while row < end {
                let bit = UInt8(truncatingIfNeeded: rows[row].presence >> shift & 1)
                validity[row >> 3] |= bit << UInt8(truncatingIfNeeded: row & 7)
                present &+= Int(bit)
                row &+= 1
            }
            target.present &+= present
            row = strip.lowerBound
        }
        switch column.width {
        case .wide:
            let values = target.values.assumingMemoryBound(to: Int64.self)
            while row < end {
                values[row] = rows[row].wide(at: offset)
                row &+= 1
            }
        case .narrow:
            let values = target.values.assumingMemoryBound(to: Int32.self)
            if column.slot < 0 {
                while row < end {
                    values[row] = owners?[row] ?? Int32(bitPattern: rows[row].rank)
                    row &+= 1
                }
            } else if column.isFlag {
                let bits = target.values.assumingMemoryBound(to: UInt8.self)
                while row < end {
                    if rows[row].narrow(at: offset) != 0 { bits[row >> 3] |= 1 << UInt8(truncatingIfNeeded: row & 7) }
                    row &+= 1
                }
            } else if column.field.type == .dictionary {
                column.remap.withUnsafeBufferPointer { remap in
                    while row < end {
                        let present = rows[row].has(column.slot)
                        values[row] = present ? remap[Int(rows[row].narrow(at: offset))] : 0
                        row &+= 1
                    }
                }
            } else {
                while row < end {
                    values[row] = rows[row].narrow(at: offset)
                    row &+= 1
                }
            }
        case .text:
            let offsets = target.values.assumingMemoryBound(to: Int32.self)
            var total = offsets[row]
            while row < end {
                total &+= Int32(bitPattern: rows[row].base.load(fromByteOffset: offset, as: UInt32.self))
                offsets[row &+ 1] = total
                row &+= 1
            }
        }
    }

    private func texts(
        _ rows: UnsafeBufferPointer<StagedRow>, _ column: Column, _ target: Target, _ arena: Scratch
    ) -> ColumnBuffer {
        let count = rows.count
        let offsets = UnsafePointer(target.values.assumingMemoryBound(to: Int32.self))
        let bytes = SegmentColumns.claim(Int(offsets[count]), arena).assumingMemoryBound(to: UInt8.self)
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
        let nulls = count &- target.present
        return ColumnBuffer(
            borrowing: ColumnView(
                type: .utf8, count: count, nullCount: nulls,
                validity: nulls == 0 ? nil : UnsafePointer(target.validity),
                values: UnsafeRawPointer(bytes), offsets: offsets))
    }

    private static func claim(_ bytes: Int, _ arena: Scratch) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(arena.allocate((bytes &+ 63) & ~63))
    }
}
