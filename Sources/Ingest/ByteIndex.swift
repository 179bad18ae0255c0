import Glibc

/// Numbers for byte strings in the order they were first seen: the look-up behind dictionaries and joins.
///
/// Open addressing over 64-bit slots (upper half: hash, lower half: number + 1); the strings lie one after the other
/// in one arena. The seed differs from process to process, so no sender can prepare colliding values.
final class ByteIndex: @unchecked Sendable {
    private(set) var count = 0
    private var slots: UnsafeMutablePointer<UInt64>
    private var mask: Int
    private var arena: UnsafeMutablePointer<UInt8>
    private var arenaCapacity: Int
    private var arenaCount = 0
    private var ends: UnsafeMutablePointer<Int>
    private var endsCapacity: Int

    init(expecting expected: Int = 64) {
        var capacity = 128
        while capacity < expected &* 2 { capacity &*= 2 }
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)
        mask = capacity &- 1
        arenaCapacity = max(1024, expected &* 12)
        arena = .allocate(capacity: arenaCapacity)
        endsCapacity = max(64, expected) &+ 1
        ends = .allocate(capacity: endsCapacity)
        ends[0] = 0
    }

    deinit {
        slots.deallocate()
        arena.deallocate()
        ends.deallocate()
    }

    /// Bytes of memory this index holds.
    var footprint: Int { (mask &+ 1) &* 8 &+ arenaCapacity &+ endsCapacity &* 8 }

    subscript(number: Int) -> Cell {
        @inline(__always) get { Cell(start: arena + ends[number], count: ends[number &+ 1] &- ends[number]) }
    }

    /// The number of a string, or −1.
    @inline(__always)
    func find(_ cell: Cell) -> Int { find(cell, hash: hashBytes(cell)) }

    @inline(__always)
    func find(_ cell: Cell, hash: UInt64) -> Int {
        let tag = hash >> 32
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let entry = slots[slot]
            if entry == 0 { return -1 }
            if entry >> 32 == tag {
                let number = Int(entry & 0xFFFF_FFFF) &- 1
                let begin = ends[number]
                if ends[number &+ 1] &- begin == cell.count, compareBytes(arena + begin, cell.start, cell.count) == 0 {
                    return number
                }
            }
            slot = (slot &+ 1) & mask
        }
    }

    @discardableResult
    func insert(text: String) -> Int {
        var text = text
        return text.withUTF8 { bytes in
            insert(Cell(start: bytes.baseAddress ?? Cell.absent.start, count: bytes.count))
        }
    }

    /// The number of a string, giving it the next one when it is new.
    func insert(_ cell: Cell) -> Int { insert(cell, hash: hashBytes(cell)) }

    func insert(_ cell: Cell, hash: UInt64) -> Int {
        let found = find(cell, hash: hash)
        if found >= 0 { return found }
        precondition(count < 0x7FFF_FFF0, "more than 2^31 distinct values")
        if count &* 2 > mask { grow() }
        if arenaCount &+ cell.count > arenaCapacity {
            let capacity = max(arenaCapacity &* 2, arenaCount &+ cell.count)
            let next = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
            next.update(from: arena, count: arenaCount)
            arena.deallocate()
            arena = next
            arenaCapacity = capacity
        }
        if count &+ 2 > endsCapacity {
            let capacity = endsCapacity &* 2
            let next = UnsafeMutablePointer<Int>.allocate(capacity: capacity)
            next.update(from: ends, count: count &+ 1)
            ends.deallocate()
            ends = next
            endsCapacity = capacity
        }
        (arena + arenaCount).update(from: cell.start, count: cell.count)
        arenaCount &+= cell.count
        ends[count &+ 1] = arenaCount
        place(hash: hash, number: count)
        count &+= 1
        return count &- 1
    }

    private func place(hash: UInt64, number: Int) {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 { slot = (slot &+ 1) & mask }
        slots[slot] = (hash >> 32) << 32 | UInt64(number &+ 1)
    }

    private func grow() {
        let capacity = (mask &+ 1) &* 2
        slots.deallocate()
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)
        mask = capacity &- 1
        for number in 0..<count { place(hash: hashBytes(self[number]), number: number) }
    }

    /// The numbers in byte order of their strings.
    func sortedNumbers() -> [Int32] {
        // Eight leading bytes decide most comparisons.
        var keys = (0..<count).map { number in (prefix: leadingBytes(self[number]), number: Int32(number)) }
        keys.sort { a, b in
            a.prefix != b.prefix ? a.prefix < b.prefix : orderBytes(self[Int(a.number)], self[Int(b.number)]) < 0
        }
        return keys.map(\.number)
    }
}

/// The first eight bytes as a number that sorts like the bytes.
@inline(__always)
func leadingBytes(_ cell: Cell) -> UInt64 {
    var value: UInt64 = 0
    var index = 0
    while index < 8 {
        value = value << 8 | (index < cell.count ? UInt64(cell.start[index]) : 0)
        index &+= 1
    }
    return value
}

private let hashSeed: (UInt64, UInt64) = (UInt64.random(in: 1 ... .max) | 1, UInt64.random(in: 1 ... .max) | 1)
private let seed0 = hashSeed.0
private let seed1 = hashSeed.1

/// A keyed 64-bit hash of short strings: 128-bit multiplications over overlapping words.
@inline(__always)
func hashBytes(_ cell: Cell) -> UInt64 {
    let raw = UnsafeRawPointer(cell.start)
    let count = cell.count
    var a: UInt64
    var b: UInt64
    var state = seed0 &+ UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    if count >= 8 {
        var index = 0
        while index &+ 16 < count {
            let first = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let second = raw.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
            let product = (first ^ seed1).multipliedFullWidth(by: second ^ state)
            state = product.high ^ product.low
            index &+= 16
        }
        a = raw.loadUnaligned(fromByteOffset: max(0, count &- 16), as: UInt64.self)
        b = raw.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
    } else if count >= 4 {
        a = UInt64(raw.loadUnaligned(as: UInt32.self))
        b = UInt64(raw.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
    } else if count > 0 {
        a = UInt64(cell.start[0]) << 16 | UInt64(cell.start[count >> 1]) << 8 | UInt64(cell.start[count &- 1])
        b = 0
    } else {
        a = 0
        b = 0
    }
    let product = (a ^ seed1).multipliedFullWidth(by: b ^ state)
    let mixed = (product.high ^ product.low ^ seed0).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return mixed.high ^ mixed.low
}
