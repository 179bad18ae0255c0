/// Bytes that are not what they claim to be. The reader of the file or stream adds where, and what to do.
struct Malformed: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// A table inside a FlatBuffer, the encoding of Arrow's metadata.
///
/// Nothing is believed: each access checks that the bytes it touches lie inside the buffer. Values may lie unaligned.
struct FlatTable {
    private let bytes: UnsafeRawBufferPointer
    private let position: Int
    private let vtable: Int
    private let vtableSize: Int

    /// The root table of a buffer.
    init(root bytes: UnsafeRawBufferPointer) throws(Malformed) {
        guard bytes.count >= 8 else { throw Malformed("metadata of \(bytes.count) bytes is too short") }
        let offset = Int(bytes.loadUnaligned(as: UInt32.self))
        try self.init(bytes, at: offset)
    }

    private init(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(Malformed) {
        guard position >= 4, position <= bytes.count - 4 else {
            throw Malformed("a metadata table lies outside its buffer")
        }
        let vtable = position - Int(bytes.loadUnaligned(fromByteOffset: position, as: Int32.self))
        guard vtable >= 0, vtable <= bytes.count - 4 else {
            throw Malformed("a metadata table's layout lies outside its buffer")
        }
        let size = Int(bytes.loadUnaligned(fromByteOffset: vtable, as: UInt16.self))
        guard size >= 4, size % 2 == 0, vtable + size <= bytes.count else {
            throw Malformed("a metadata table's layout has an impossible size")
        }
        self.bytes = bytes
        self.position = position
        self.vtable = vtable
        vtableSize = size
    }

    func int8(_ slot: Int, default value: Int8 = 0) throws(Malformed) -> Int8 {
        guard let place = try place(slot, size: 1) else { return value }
        return bytes.loadUnaligned(fromByteOffset: place, as: Int8.self)
    }

    func bool(_ slot: Int) throws(Malformed) -> Bool { try int8(slot) != 0 }

    func int16(_ slot: Int, default value: Int16 = 0) throws(Malformed) -> Int16 {
        guard let place = try place(slot, size: 2) else { return value }
        return bytes.loadUnaligned(fromByteOffset: place, as: Int16.self)
    }

    func int32(_ slot: Int, default value: Int32 = 0) throws(Malformed) -> Int32 {
        guard let place = try place(slot, size: 4) else { return value }
        return bytes.loadUnaligned(fromByteOffset: place, as: Int32.self)
    }

    func int64(_ slot: Int, default value: Int64 = 0) throws(Malformed) -> Int64 {
        guard let place = try place(slot, size: 8) else { return value }
        return bytes.loadUnaligned(fromByteOffset: place, as: Int64.self)
    }

    func table(_ slot: Int) throws(Malformed) -> FlatTable? {
        guard let place = try place(slot, size: 4) else { return nil }
        return try FlatTable(bytes, at: target(place))
    }

    /// A string of at most 1 MiB; bytes that are not UTF-8 become U+FFFD.
    func string(_ slot: Int) throws(Malformed) -> String? {
        guard let vector = try vector(slot, elementSize: 1) else { return nil }
        guard vector.count <= 1 << 20 else { throw Malformed("a name of \(vector.count) bytes is too long") }
        return String(
            decoding: UnsafeRawBufferPointer(rebasing: bytes[vector.position..<(vector.position + vector.count)]),
            as: UTF8.self)
    }

    /// A vector of plain values or structs.
    func vector(_ slot: Int, elementSize: Int) throws(Malformed) -> FlatVector? {
        guard let place = try place(slot, size: 4) else { return nil }
        let start = target(place)
        guard start <= bytes.count - 4 else { throw Malformed("a metadata list lies outside its buffer") }
        let count = Int(bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self))
        guard count <= (bytes.count - start - 4) / elementSize else {
            throw Malformed("a metadata list of \(count) entries is longer than its buffer")
        }
        return FlatVector(bytes: bytes, position: start + 4, count: count, elementSize: elementSize)
    }

    /// The tables of a vector of tables, at most `limit`.
    func tables(_ slot: Int, limit: Int) throws(Malformed) -> [FlatTable] {
        guard let vector = try vector(slot, elementSize: 4) else { return [] }
        guard vector.count <= limit else {
            throw Malformed("a metadata list has \(vector.count) entries; at most \(limit) are read")
        }
        var tables: [FlatTable] = []
        for index in 0..<vector.count {
            tables.append(try FlatTable(bytes, at: target(vector.position + 4 * index)))
        }
        return tables
    }

    private func target(_ place: Int) -> Int {
        place + Int(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }

    private func place(_ slot: Int, size: Int) throws(Malformed) -> Int? {
        let entry = 4 + 2 * slot
        guard entry + 2 <= vtableSize else { return nil }
        let offset = Int(bytes.loadUnaligned(fromByteOffset: vtable + entry, as: UInt16.self))
        guard offset != 0 else { return nil }
        guard offset >= 4, position + offset + size <= bytes.count else {
            throw Malformed("a metadata field lies outside its buffer")
        }
        return position + offset
    }
}

/// A checked run of equal elements inside a FlatBuffer.
struct FlatVector {
    fileprivate let bytes: UnsafeRawBufferPointer
    fileprivate let position: Int
    let count: Int
    fileprivate let elementSize: Int

    /// The 64-bit number at a byte of an element; both must be in range.
    func int64(_ index: Int, at byte: Int = 0) -> Int64 {
        precondition(index >= 0 && index < count && byte + 8 <= elementSize, "metadata list index out of range")
        return bytes.loadUnaligned(fromByteOffset: position + index * elementSize + byte, as: Int64.self)
    }

    func int32(_ index: Int, at byte: Int) -> Int32 {
        precondition(index >= 0 && index < count && byte + 4 <= elementSize, "metadata list index out of range")
        return bytes.loadUnaligned(fromByteOffset: position + index * elementSize + byte, as: Int32.self)
    }
}
