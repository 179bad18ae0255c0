/// A read-only view of one column of one record batch.
///
/// Its pointers are valid while the file, batch or buffer it came from lives and the batch was not released.
/// Everything it leads to was checked when it was made: offsets rise and stay inside the bytes, dictionary codes are
/// inside the dictionary (a null slot of a dictionary column holds code 0), so loops may trust them.
package struct ColumnView: @unchecked Sendable {
    package let type: ColumnType
    package let count: Int
    package let nullCount: Int
    /// One bit a row, least significant first, 1 = present; nil when nothing is null.
    package let validity: UnsafePointer<UInt8>?
    /// Fixed-width values, a bitmap for `bool`, the bytes for `utf8` and `listUtf8`.
    package let values: UnsafeRawPointer
    /// `count + 1` offsets: into the bytes for `utf8`, into the items for `listUtf8`; else nil.
    package let offsets: UnsafePointer<Int32>?
    /// For `listUtf8`: offsets of the items into the bytes.
    package let itemOffsets: UnsafePointer<Int32>?

    package init(
        type: ColumnType, count: Int, nullCount: Int, validity: UnsafePointer<UInt8>?, values: UnsafeRawPointer,
        offsets: UnsafePointer<Int32>? = nil, itemOffsets: UnsafePointer<Int32>? = nil
    ) {
        self.type = type
        self.count = count
        self.nullCount = nullCount
        self.validity = validity
        self.values = values
        self.offsets = offsets
        self.itemOffsets = itemOffsets
    }

    /// A string column without rows; its pointers are valid for ever.
    static let noStrings = ColumnView(
        type: .utf8, count: 0, nullCount: 0, validity: nil, values: Zeros.bytes, offsets: Zeros.offsets)

    @inline(__always)
    package func isValid(_ row: Int) -> Bool {
        guard let validity else { return true }
        return (validity[row &>> 3] &>> UInt8(truncatingIfNeeded: row & 7)) & 1 != 0
    }

    /// The bytes of a `utf8` value; empty when null.
    @inline(__always)
    package func utf8(_ row: Int) -> UnsafeBufferPointer<UInt8> {
        guard let offsets else { return UnsafeBufferPointer(start: nil, count: 0) }
        return bytes(from: offsets[row], to: offsets[row &+ 1])
    }

    /// The `utf8` value as a string; bytes that are not UTF-8 become U+FFFD.
    package func string(_ row: Int) -> String { String(decoding: utf8(row), as: UTF8.self) }

    /// The numbers of the items of one row of a `listUtf8` column.
    package func items(_ row: Int) -> Range<Int> {
        guard let offsets else { return 0..<0 }
        return Int(offsets[row])..<Int(offsets[row &+ 1])
    }

    /// The bytes of one item of a `listUtf8` column.
    package func item(_ item: Int) -> UnsafeBufferPointer<UInt8> {
        guard let itemOffsets else { return UnsafeBufferPointer(start: nil, count: 0) }
        return bytes(from: itemOffsets[item], to: itemOffsets[item &+ 1])
    }

    /// A row of a `listUtf8` column as strings.
    package func strings(_ row: Int) -> [String] {
        items(row).map { String(decoding: item($0), as: UTF8.self) }
    }

    /// A value of a `bool` column.
    @inline(__always)
    package func bool(_ row: Int) -> Bool {
        let bits = values.assumingMemoryBound(to: UInt8.self)
        return (bits[row &>> 3] &>> UInt8(truncatingIfNeeded: row & 7)) & 1 != 0
    }

    /// The values of `int32`, `date32`, `time32` and the codes of `dictionary`.
    package var int32: UnsafePointer<Int32> { values.assumingMemoryBound(to: Int32.self) }
    /// The values of `int64` and `decimal64`.
    package var int64: UnsafePointer<Int64> { values.assumingMemoryBound(to: Int64.self) }
    package var float64: UnsafePointer<Double> { values.assumingMemoryBound(to: Double.self) }

    @inline(__always)
    private func bytes(from start: Int32, to end: Int32) -> UnsafeBufferPointer<UInt8> {
        let base = values.assumingMemoryBound(to: UInt8.self)
        return UnsafeBufferPointer(start: base + Int(start), count: Int(end &- start))
    }
}
