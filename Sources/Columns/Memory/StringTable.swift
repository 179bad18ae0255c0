import Glibc

/// Strings laid out flat: one run of bytes and the offsets that cut it.
///
/// A value: it never changes after it was made and keeps the memory it points into alive.
package struct StringTable: Equatable, @unchecked Sendable {
    package let count: Int
    package let offsets: UnsafePointer<Int32>
    package let bytes: UnsafePointer<UInt8>
    private let owner: AnyObject?

    /// Copies the strings. Their bytes must fit into 2 GiB together.
    package init(_ strings: [String]) {
        let buffer = ColumnBuffer(.utf8)
        for string in strings { buffer.append(string) }
        precondition(!buffer.isOverfull, "a string table holds at most 2 GiB of bytes")
        self.init(buffer)
    }

    /// Takes over a finished `utf8` buffer, which must not be changed afterwards.
    package init(_ buffer: ColumnBuffer) {
        precondition(buffer.type == .utf8, "a string table is made of a utf8 column, not \(buffer.type)")
        self.init(buffer.view, owner: buffer)
    }

    /// Looks at a `utf8` view; `owner` keeps its memory alive.
    package init(_ view: ColumnView, owner: AnyObject?) {
        count = view.count
        offsets = view.offsets ?? Zeros.offsets
        bytes = view.values.assumingMemoryBound(to: UInt8.self)
        self.owner = owner
    }

    @inline(__always)
    package subscript(_ index: Int) -> UnsafeBufferPointer<UInt8> {
        let start = offsets[index]
        return UnsafeBufferPointer(start: bytes + Int(start), count: Int(offsets[index &+ 1] &- start))
    }

    /// Whether both hold the same strings in the same order.
    package static func == (a: StringTable, b: StringTable) -> Bool {
        guard a.count == b.count else { return false }
        if a.bytes == b.bytes, a.offsets == b.offsets { return true }
        let (first, other) = (a.offsets[0], b.offsets[0])
        for place in 1..<a.count + 1 where a.offsets[place] &- first != b.offsets[place] &- other { return false }
        return memcmp(a.bytes + Int(first), b.bytes + Int(other), Int(a.offsets[a.count] &- first)) == 0
    }

    package func string(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

    package var strings: [String] { (0..<count).map(string) }

    /// The table as a column without nulls.
    package var view: ColumnView {
        ColumnView(type: .utf8, count: count, nullCount: 0, validity: nil, values: bytes, offsets: offsets)
    }

    /// Orders two byte strings as the files order them: byte by byte, a prefix first.
    @inline(__always)
    package static func precedes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        compare(left, right) < 0
    }
}
