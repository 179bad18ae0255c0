/// A run of foreign bytes: one value of one record, not yet understood.
///
/// The bytes belong to the block, arena or constant they came from and are valid until the next batch.
/// An empty cell is an absent value.
struct Cell: @unchecked Sendable {
    var start: UnsafePointer<UInt8>
    var count: Int

    /// The absent value.
    static let absent = Cell(start: emptyBytes, count: 0)

    @inline(__always) var isAbsent: Bool { count == 0 }

    /// Without blanks at either end. Full-width forms and zero bytes are left alone: the latter tell of bad encoding.
    @inline(__always) var trimmed: Cell {
        if count == 0 || (start[0] > 0x20 && start[count &- 1] > 0x20) { return self }
        var first = 0
        var last = count
        while first < last, start[first] &- 1 < 0x20 { first &+= 1 }
        while last > first, start[last &- 1] &- 1 < 0x20 { last &-= 1 }
        return Cell(start: start + first, count: last &- first)
    }

    @inline(__always) func equals(_ other: Cell) -> Bool {
        count == other.count && compareBytes(start, other.start, count) == 0
    }

    func equals(_ bytes: [UInt8]) -> Bool {
        bytes.count == count
            && bytes.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return true }
                return compareBytes(start, base, count) == 0
            }
    }

    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }
    var text: String { String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) }

    /// True when the bytes are UTF-8 without a zero byte: the only text that enters a dataset.
    var isCleanText: Bool {
        var seen: UInt8 = 0
        var zero = false
        var index = 0
        while index < count {
            let byte = start[index]
            seen |= byte
            if byte == 0 { zero = true }
            index &+= 1
        }
        if zero { return false }
        return seen < 0x80 || String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) != nil
    }
}

/// One readable byte behind every absent cell, so that a pointer always points somewhere.
nonisolated(unsafe) private let emptyBytes: UnsafePointer<UInt8> = {
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
    byte.initialize(repeating: 0, count: 16)
    return UnsafePointer(byte)
}()

@inline(__always)
func compareBytes(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Int {
    var index = 0
    while index &+ 8 <= count {
        let left = UnsafeRawPointer(a + index).loadUnaligned(as: UInt64.self)
        let right = UnsafeRawPointer(b + index).loadUnaligned(as: UInt64.self)
        if left != right { return left.bigEndian < right.bigEndian ? -1 : 1 }
        index &+= 8
    }
    while index < count {
        if a[index] != b[index] { return a[index] < b[index] ? -1 : 1 }
        index &+= 1
    }
    return 0
}

/// Byte order of two runs: the shorter first when one begins the other.
@inline(__always)
func orderBytes(_ a: Cell, _ b: Cell) -> Int {
    let order = compareBytes(a.start, b.start, min(a.count, b.count))
    return order != 0 ? order : (a.count &- b.count)
}
