import CKernels
import Glibc

/// Memory for columns that cannot be used as they lie, freed with its owner.
final class Spill: @unchecked Sendable {
    private var blocks: [UnsafeMutableRawPointer] = []
    private var rest: Int

    init(_ limits: ArrowLimits) { rest = limits.convertedBytes }

    /// Zeroed memory.
    func allocate(_ byteCount: Int) throws(Malformed) -> UnsafeMutableRawPointer {
        guard byteCount <= rest else {
            throw Malformed("the columns of one batch need too much memory as plain strings")
        }
        rest -= byteCount
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(64, byteCount), alignment: 64)
        memset(block, 0, max(64, byteCount))
        blocks.append(block)
        return block
    }

    var isEmpty: Bool { blocks.isEmpty }

    deinit { for block in blocks { block.deallocate() } }
}

/// Turns the buffers of one column of one batch into a view, checking everything that loops will rely on.
struct ColumnDecoder {
    let column: ArrowColumn
    let batch: BatchMetadata
    let body: UnsafeRawBufferPointer
    /// Strings in the column's dictionary.
    let dictionaryCount: Int
    /// Whether the content is to be checked; false when the same bytes were checked before.
    let isFirstTouch: Bool
    let spill: Spill

    private var rows: Int { batch.rows }

    func decode() throws(Malformed) -> ColumnView {
        let first = batch.firstBuffer(of: column)
        let claimed = batch.nodes.int64(column.firstNode, at: 8)
        guard batch.nodes.int64(column.firstNode) == Int64(rows) else {
            throw Malformed("the column has another number of rows than its batch of \(rows)")
        }
        if column.layout == .none {
            return ColumnView(type: .null, count: rows, nullCount: rows, validity: nil, values: Zeros.bytes)
        }
        guard column.layout != .skipped else { throw Malformed("the column's type is not supported") }
        let (validity, nulls) = try validity(first, rows: rows, claimed: claimed)
        func view(
            _ values: UnsafeRawPointer, offsets: UnsafePointer<Int32>? = nil, items: UnsafePointer<Int32>? = nil
        ) -> ColumnView {
            ColumnView(
                type: column.field.type, count: rows, nullCount: nulls, validity: validity, values: values,
                offsets: offsets, itemOffsets: items)
        }
        switch column.layout {
        case .plain(let width): return view(try pointer(first + 1, atLeast: rows * width))
        case .bits: return view(try pointer(first + 1, atLeast: (rows + 7) / 8))
        case .text(let isLarge):
            let (offsets, bytes) = try text(first + 1, rows: rows, isLarge: isLarge)
            return view(bytes, offsets: offsets)
        case .textView:
            let (offsets, bytes) = try views(first + 1, validity: validity)
            return view(bytes, offsets: offsets)
        case .listOfText: return try list(first, view: { view($0, offsets: $1, items: $2) })
        case .coded(let width, let isSigned, _, _):
            return view(try codes(first + 1, width: width, isSigned: isSigned, validity: validity, nulls: nulls))
        case .none, .skipped: throw Malformed("the column's type is not supported")
        }
    }

    private func pointer(_ index: Int, atLeast size: Int) throws(Malformed) -> UnsafeRawPointer {
        let buffer = try batch.buffer(index, in: body)
        guard buffer.count >= size else {
            throw Malformed("a buffer has \(buffer.count) bytes where \(rows) rows need \(size)")
        }
        return buffer.baseAddress ?? Zeros.bytes
    }

    private func validity(
        _ index: Int, rows: Int, claimed: Int64
    ) throws(Malformed) -> (UnsafePointer<UInt8>?, Int) {
        let buffer = try batch.buffer(index, in: body)
        guard buffer.count > 0, rows > 0 else {
            guard claimed <= 0 || rows == 0 else { throw Malformed("\(claimed) nulls are claimed and none is marked") }
            return (nil, 0)
        }
        guard buffer.count >= (rows + 7) / 8, let start = buffer.baseAddress else {
            throw Malformed("the null marks of \(rows) rows have only \(buffer.count) bytes")
        }
        let bits = start.assumingMemoryBound(to: UInt8.self)
        let nulls = rows - Int(yj_count_bits(bits, rows))
        guard claimed < 0 || claimed == Int64(nulls) else {
            throw Malformed("\(claimed) nulls are claimed and \(nulls) are marked")
        }
        return (nulls == 0 ? nil : bits, nulls)
    }

    private func offsets(_ index: Int, rows: Int, within limit: Int) throws(Malformed) -> UnsafePointer<Int32> {
        let buffer = try batch.buffer(index, in: body)
        if rows == 0 && buffer.count < 4 { return Zeros.offsets }
        guard buffer.count >= (rows + 1) * 4, let start = buffer.baseAddress else {
            throw Malformed("the offsets of \(rows) rows have only \(buffer.count) bytes")
        }
        let offsets = start.assumingMemoryBound(to: Int32.self)
        guard !isFirstTouch || yj_is_rising_i32(offsets, rows + 1) == 1 else { throw Malformed("an offset falls") }
        guard offsets[0] >= 0, Int(offsets[rows]) <= limit else {
            throw Malformed("an offset points outside the \(limit) entries there are")
        }
        return offsets
    }

    private func text(
        _ index: Int, rows: Int, isLarge: Bool
    ) throws(Malformed) -> (UnsafePointer<Int32>, UnsafeRawPointer) {
        let bytes = try batch.buffer(index + 1, in: body)
        let start = bytes.baseAddress ?? Zeros.bytes
        guard isLarge else { return (try offsets(index, rows: rows, within: bytes.count), start) }
        let buffer = try batch.buffer(index, in: body)
        if rows == 0 { return (Zeros.offsets, start) }
        guard buffer.count >= (rows + 1) * 8, let wide = buffer.baseAddress?.assumingMemoryBound(to: Int64.self) else {
            throw Malformed("the offsets of \(rows) rows have only \(buffer.count) bytes")
        }
        let base = wide[0]
        guard base >= 0, base <= Int64(bytes.count) else { throw Malformed("an offset points outside its strings") }
        let narrow = try spill.allocate((rows + 1) * 4).assumingMemoryBound(to: Int32.self)
        var previous = base
        for row in 0...rows {
            guard wide[row] >= previous, wide[row] <= Int64(bytes.count) else {
                throw Malformed("an offset falls or points outside its strings")
            }
            previous = wide[row]
            guard previous - base <= Int64(Int32.max) else { throw Malformed("a batch has over 2 GiB of strings") }
            narrow[row] = Int32(truncatingIfNeeded: previous - base)
        }
        return (UnsafePointer(narrow), start + Int(base))
    }

    private func list(
        _ first: Int, view: (UnsafeRawPointer, UnsafePointer<Int32>, UnsafePointer<Int32>) -> ColumnView
    ) throws(Malformed) -> ColumnView {
        let (items, claimed) = (
            batch.nodes.int64(column.firstNode + 1), batch.nodes.int64(column.firstNode + 1, at: 8)
        )
        guard items >= 0, items <= Int64(Int32.max) else { throw Malformed("a list column has \(items) items") }
        let offsets = try offsets(first + 1, rows: rows, within: Int(items))
        guard try validity(first + 2, rows: Int(items), claimed: claimed).1 == 0 else {
            throw Malformed("a list has null items")
        }
        let (itemOffsets, bytes) = try text(first + 3, rows: Int(items), isLarge: false)
        return view(bytes, offsets, itemOffsets)
    }

    /// Copies strings of 16-byte views, in which short strings lie within and long ones in data buffers.
    private func views(
        _ index: Int, validity: UnsafePointer<UInt8>?
    ) throws(Malformed) -> (UnsafePointer<Int32>, UnsafeRawPointer) {
        let views = try pointer(index, atLeast: rows * 16)
        let dataCount = Int(batch.variadics?.int64(column.firstVariadic) ?? 0)
        var data: [UnsafeRawBufferPointer] = []
        for buffer in 0..<dataCount { data.append(try batch.buffer(index + 1 + buffer, in: body)) }
        func isPresent(_ row: Int) -> Bool {
            guard let validity else { return true }
            return validity[row >> 3] >> UInt8(row & 7) & 1 != 0
        }
        var total = 0
        for row in 0..<rows where isPresent(row) {
            let length = Int(views.loadUnaligned(fromByteOffset: row * 16, as: Int32.self))
            guard length >= 0 else { throw Malformed("a string has a negative length") }
            total += length
            guard total <= Int(Int32.max) else { throw Malformed("a batch has over 2 GiB of strings") }
            guard length > 12 else { continue }
            let source = Int(views.loadUnaligned(fromByteOffset: row * 16 + 8, as: Int32.self))
            let offset = Int(views.loadUnaligned(fromByteOffset: row * 16 + 12, as: Int32.self))
            guard data.indices.contains(source), offset >= 0, length <= data[source].count - offset else {
                throw Malformed("a string lies outside its data buffer")
            }
        }
        let offsets = try spill.allocate((rows + 1) * 4).assumingMemoryBound(to: Int32.self)
        let bytes = try spill.allocate(total)
        var end = 0
        for row in 0..<rows {
            if isPresent(row) {
                let length = Int(views.loadUnaligned(fromByteOffset: row * 16, as: Int32.self))
                var source = views + row * 16 + 4
                if length > 12 {
                    let buffer = Int(views.loadUnaligned(fromByteOffset: row * 16 + 8, as: Int32.self))
                    let offset = Int(views.loadUnaligned(fromByteOffset: row * 16 + 12, as: Int32.self))
                    source = (data[buffer].baseAddress ?? Zeros.bytes) + offset
                }
                memcpy(bytes + end, source, length)
                end += length
            }
            offsets[row + 1] = Int32(truncatingIfNeeded: end)
        }
        return (UnsafePointer(offsets), UnsafeRawPointer(bytes))
    }

    /// Codes as int32, each inside the dictionary. Null slots that hold anything else are copied as 0.
    private func codes(
        _ index: Int, width: Int, isSigned: Bool, validity: UnsafePointer<UInt8>?, nulls: Int
    ) throws(Malformed) -> UnsafeRawPointer {
        let values = try pointer(index, atLeast: rows * width)
        guard dictionaryCount > 0 || nulls == rows else { throw Malformed("a code points into an empty dictionary") }
        if width == 4 {
            let limit = UInt32(truncatingIfNeeded: max(1, dictionaryCount))
            if !isFirstTouch { return values }
            if yj_max_u32(values.assumingMemoryBound(to: UInt32.self), rows) < limit || rows == 0 { return values }
        }
        let result = try spill.allocate(rows * 4).assumingMemoryBound(to: Int32.self)
        for row in 0..<rows {
            if let validity, validity[row >> 3] >> UInt8(row & 7) & 1 == 0 { continue }
            let code = Self.code(values, row, width, isSigned)
            guard code >= 0, code < Int64(dictionaryCount) else {
                throw Malformed("row \(row) has code \(code) and the dictionary \(dictionaryCount) strings")
            }
            result[row] = Int32(truncatingIfNeeded: code)
        }
        return UnsafeRawPointer(result)
    }

    private static func code(_ values: UnsafeRawPointer, _ row: Int, _ width: Int, _ isSigned: Bool) -> Int64 {
        switch (width, isSigned) {
        case (1, true): Int64(values.load(fromByteOffset: row, as: Int8.self))
        case (1, false): Int64(values.load(fromByteOffset: row, as: UInt8.self))
        case (2, true): Int64(values.load(fromByteOffset: row * 2, as: Int16.self))
        case (2, false): Int64(values.load(fromByteOffset: row * 2, as: UInt16.self))
        case (4, true): Int64(values.load(fromByteOffset: row * 4, as: Int32.self))
        case (4, false): Int64(values.load(fromByteOffset: row * 4, as: UInt32.self))
        default: Int64(bitPattern: values.load(fromByteOffset: row * 8, as: UInt64.self))
        }
    }
}
