import Glibc

/// Gives every distinct string a code, in the order in which strings are first seen (字典编码).
///
/// Open addressing over a flat run of bytes; the hash is seeded per process, so that chosen input cannot make it slow.
/// Codes do not depend on the seed. A dictionary holds at most 2 GiB of bytes and 2^31 - 1 strings; beyond that
/// `code(for:)` answers -1 for strings it does not know.
package final class StringDictionary {
    private struct Slot {
        var tag: UInt32
        var code: Int32
    }

    package private(set) var count = 0
    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var bytes = GrowingMemory()
    private var byteCount = 0
    private var ends = GrowingMemory()
    private let seed: UInt64

    private static let processSeed = UInt64.random(in: .min ... .max)

    package init(capacity: Int = 256) {
        var size = 64
        while size < capacity &* 2 { size = size &* 2 }
        slots = Self.emptySlots(size)
        mask = size &- 1
        seed = Self.processSeed
        ends.reserve(max(64, capacity &+ 1) &* 4, used: 0)
        bytes.reserve(capacity &* 8, used: 0)
        ends.pointer.storeBytes(of: 0, as: Int32.self)
    }

    /// A dictionary that already knows the strings of `table`, under their places there.
    package convenience init(_ table: StringTable) {
        self.init(capacity: table.count)
        for index in 0..<table.count { _ = code(for: table[index]) }
    }

    deinit {
        slots.deallocate()
        bytes.free()
        ends.free()
    }

    /// The code of a string, a new one when it was not seen before; -1 when the dictionary is full.
    package func code(for string: UnsafeBufferPointer<UInt8>) -> Int32 {
        let hash = Self.hash(string, seed: seed)
        let slot = find(string, hash)
        if slots[slot].code >= 0 { return slots[slot].code }
        return insert(string, hash, at: slot)
    }

    package func code(for string: String) -> Int32 {
        var string = string
        return string.withUTF8 { code(for: $0) }
    }

    /// The code of a string that was seen before.
    package func known(_ string: UnsafeBufferPointer<UInt8>) -> Int32? {
        let code = slots[find(string, Self.hash(string, seed: seed))].code
        return code < 0 ? nil : code
    }

    package func known(_ string: String) -> Int32? {
        var string = string
        return string.withUTF8 { known($0) }
    }

    @inline(__always)
    package subscript(_ code: Int32) -> UnsafeBufferPointer<UInt8> {
        let end = ends.pointer.assumingMemoryBound(to: Int32.self)
        let start = Int(end[Int(code)])
        return UnsafeBufferPointer(
            start: UnsafePointer(bytes.pointer.assumingMemoryBound(to: UInt8.self)) + start,
            count: Int(end[Int(code) &+ 1]) &- start)
    }

    package func string(_ code: Int32) -> String { String(decoding: self[code], as: UTF8.self) }

    /// A copy of the strings in the order of their codes.
    package func table() -> StringTable {
        let buffer = ColumnBuffer(.utf8, capacity: count)
        for code in 0..<count { buffer.append(utf8: self[Int32(truncatingIfNeeded: code)]) }
        return StringTable(buffer)
    }

    /// The strings in the order of their bytes, and for every old code its place in that order.
    package func sorted() -> (table: StringTable, remap: [Int32]) {
        var order = (0..<Int32(truncatingIfNeeded: count)).map { $0 }
        order.sort { StringTable.precedes(self[$0], self[$1]) }
        let buffer = ColumnBuffer(.utf8, capacity: count)
        var remap = [Int32](repeating: 0, count: count)
        for (place, code) in order.enumerated() {
            buffer.append(utf8: self[code])
            remap[Int(code)] = Int32(truncatingIfNeeded: place)
        }
        return (StringTable(buffer), remap)
    }

    @inline(__always)
    private func find(_ string: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
        let tag = UInt32(truncatingIfNeeded: hash &>> 32)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let entry = slots[slot]
            if entry.code < 0 { return slot }
            if entry.tag == tag, Self.equal(self[entry.code], string) { return slot }
            slot = (slot &+ 1) & mask
        }
    }

    private func insert(_ string: UnsafeBufferPointer<UInt8>, _ hash: UInt64, at slot: Int) -> Int32 {
        let end = byteCount &+ string.count
        guard end <= Int(Int32.max), count < Int(Int32.max) else { return -1 }
        bytes.reserve(end, used: byteCount)
        if let start = string.baseAddress, string.count > 0 { memcpy(bytes.pointer + byteCount, start, string.count) }
        byteCount = end
        let code = Int32(truncatingIfNeeded: count)
        count &+= 1
        ends.reserve((count &+ 1) &* 4, used: count &* 4)
        ends.pointer.assumingMemoryBound(to: Int32.self)[count] = Int32(truncatingIfNeeded: end)
        slots[slot] = Slot(tag: UInt32(truncatingIfNeeded: hash &>> 32), code: code)
        if count &* 2 > mask { grow() }
        return code
    }

    private func grow() {
        let size = (mask &+ 1) &* 2
        slots.deallocate()
        slots = Self.emptySlots(size)
        mask = size &- 1
        var code: Int32 = 0
        while Int(code) < count {
            let hash = Self.hash(self[code], seed: seed)
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot].code >= 0 { slot = (slot &+ 1) & mask }
            slots[slot] = Slot(tag: UInt32(truncatingIfNeeded: hash &>> 32), code: code)
            code &+= 1
        }
    }

    private static func emptySlots(_ size: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: size)
        slots.initialize(repeating: Slot(tag: 0, code: -1), count: size)
        return slots
    }

    @inline(__always)
    private static func equal(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        guard left.count > 0, let a = left.baseAddress, let b = right.baseAddress else { return true }
        return memcmp(a, b, left.count) == 0
    }

    /// Folds the string into 64 bits with widening multiplications, 16 bytes a step.
    @inline(__always)
    private static func hash(_ string: UnsafeBufferPointer<UInt8>, seed: UInt64) -> UInt64 {
        let length = string.count
        var state = seed ^ UInt64(truncatingIfNeeded: length)
        guard let base = string.baseAddress, length > 0 else { return fold(state, 0x9E37_79B9_7F4A_7C15) }
        let raw = UnsafeRawPointer(base)
        var low: UInt64
        var high: UInt64
        if length >= 8 {
            var place = 0
            while place &+ 16 < length {
                low = raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                high = raw.loadUnaligned(fromByteOffset: place &+ 8, as: UInt64.self)
                state = fold(low ^ 0xA076_1D64_78BD_642F, high ^ state)
                place &+= 16
            }
            low = raw.loadUnaligned(fromByteOffset: max(0, length &- 16), as: UInt64.self)
            high = raw.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
        } else if length >= 4 {
            low = UInt64(raw.loadUnaligned(as: UInt32.self))
            high = UInt64(raw.loadUnaligned(fromByteOffset: length &- 4, as: UInt32.self))
        } else {
            low = UInt64(base[0]) | UInt64(base[length &>> 1]) &<< 8 | UInt64(base[length &- 1]) &<< 16
            high = 0
        }
        return fold(fold(low ^ 0xA076_1D64_78BD_642F, high ^ state), 0xE703_7ED1_A0B4_28DB ^ seed)
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
