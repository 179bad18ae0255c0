import Glibc

/// Numbers for byte strings in the order they were first seen: the look-up behind dictionaries and joins.
///
/// Open addressing; a slot tells hash, number, place and length, so that a look-up touches one slot and the string. The
/// strings lie one after the other in one arena, each at a multiple of eight. The seed differs from process to process,
/// so no sender can prepare colliding values.
final class ByteIndex: @unchecked Sendable {
    private struct Slot {
        /// Upper half of the hash.
        var tag: UInt32 = 0
        /// Number + 1; 0 for an empty slot.
        var number: UInt32 = 0
        /// Place in the arena, in units of eight bytes.
        var place: UInt32 = 0
        var length: UInt32 = 0
    }

    private(set) var count = 0
    private let seed = HashSeed.process
    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var arena: UnsafeMutablePointer<UInt8>
    private var arenaCapacity: Int
    private var arenaCount = 0
    /// By number: where the string lies.
    private var places: UnsafeMutablePointer<(place: UInt32, length: UInt32)>
    private var placesCapacity: Int
    /// Where its memory is from; nil: memory of its own.
    private let work: WorkMemory?

    /// With `work`, memory that is outgrown is given back with that alone.
    init(expecting expected: Int = 64, in work: WorkMemory? = nil) {
        self.work = work
        var capacity = 128
        while capacity < expected &* 2 { capacity &*= 2 }
        slots = Self.memory(capacity, work)
        slots.initialize(repeating: Slot(), count: capacity)
        mask = capacity &- 1
        arenaCapacity = max(1024, expected &* 16)
        arena = Self.memory(arenaCapacity, work)
        placesCapacity = max(64, expected)
        places = Self.memory(placesCapacity, work)
    }

    deinit {
        guard work == nil else { return }
        slots.deallocate()
        arena.deallocate()
        places.deallocate()
    }

    private static func memory<Element>(_ capacity: Int, _ work: WorkMemory?) -> UnsafeMutablePointer<Element> {
        work?.allocate(Element.self, capacity) ?? .allocate(capacity: capacity)
    }

    subscript(number: Int) -> Cell {
        @inline(__always) get {
            Cell(start: arena + Int(places[number].place) &* 8, count: Int(places[number].length))
        }
    }

    /// The number of a string, or −1.
    @inline(__always)
    func find(_ cell: Cell) -> Int { find(cell, hash: hashBytes(cell, seed)) }

    @inline(__always)
    func find(_ cell: Cell, hash: UInt64) -> Int {
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        let length = UInt32(truncatingIfNeeded: cell.count)
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[position]
            if slot.number == 0 { return -1 }
            if slot.tag == tag, slot.length == length,
                compareBytes(arena + Int(slot.place) &* 8, cell.start, cell.count) == 0
            {
                return Int(slot.number) &- 1
            }
            position = (position &+ 1) & mask
        }
    }

    /// Numbers of many strings at once, −1 for the unknown. The look-ups overlap: memory is waited for once, not often.
    /// `hashes` holds the hash of each unknown one afterwards; of the others, nothing of use.
    func findAll(
        _ cells: UnsafePointer<Cell>, _ rows: Int, hashes: UnsafeMutablePointer<UInt64>,
        into numbers: UnsafeMutablePointer<Int32>
    ) {
        let seed = seed
        let slots = slots
        let mask = mask
        let arena = arena
        var row = 0
        while row < rows {
            hashes[row] = hashBytes(cells[row], seed)
            row &+= 1
        }
        // The first slots only: independent loads. Where one matches, the string's place takes the place of the hash.
        row = 0
        while row < rows {
            let hash = hashes[row]
            let slot = slots[Int(truncatingIfNeeded: hash) & mask]
            let matches =
                slot.tag == UInt32(truncatingIfNeeded: hash >> 32)
                && slot.length == UInt32(truncatingIfNeeded: cells[row].count) && slot.number != 0
            numbers[row] = matches ? Int32(bitPattern: slot.number) &- 1 : slot.number == 0 ? -1 : -2
            hashes[row] = matches ? UInt64(slot.place) : hash
            row &+= 1
        }
        row = 0
        while row < rows {
            let number = numbers[row]
            let cell = cells[row]
            if number >= 0 {
                if compareBytes(arena + Int(truncatingIfNeeded: hashes[row]) &* 8, cell.start, cell.count) != 0 {
                    hashes[row] = hashBytes(cell, seed)
                    numbers[row] = Int32(truncatingIfNeeded: find(cell, hash: hashes[row]))
                }
            } else if number == -2 {
                numbers[row] = Int32(truncatingIfNeeded: find(cell, hash: hashes[row]))
            }
            row &+= 1
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
    func insert(_ cell: Cell) -> Int { insert(cell, hash: hashBytes(cell, seed)) }

    /// As `findAll`, but the unknown ones are given the next numbers, in their order.
    func insertAll(
        _ cells: UnsafePointer<Cell>, _ rows: Int, hashes: UnsafeMutablePointer<UInt64>,
        into numbers: UnsafeMutablePointer<Int32>
    ) {
        findAll(cells, rows, hashes: hashes, into: numbers)
        var row = 0
        while row < rows {
            if numbers[row] < 0 { numbers[row] = Int32(truncatingIfNeeded: insert(cells[row], hash: hashes[row])) }
            row &+= 1
        }
    }

    func insert(_ cell: Cell, hash: UInt64) -> Int {
        let found = find(cell, hash: hash)
        if found >= 0 { return found }
        precondition(count < 0x7FFF_FFF0 && arenaCount < 0x7_FFFF_0000, "more than 2^31 distinct values")
        if count &* 2 > mask { grow() }
        if arenaCount &+ cell.count &+ 8 > arenaCapacity {
            let capacity = max(arenaCapacity &* 2, arenaCount &+ cell.count &+ 8)
            let next: UnsafeMutablePointer<UInt8> = Self.memory(capacity, work)
            next.update(from: arena, count: arenaCount)
            if work == nil { arena.deallocate() }
            arena = next
            arenaCapacity = capacity
        }
        if count == placesCapacity {
            let capacity = placesCapacity &* 2
            let next: UnsafeMutablePointer<(place: UInt32, length: UInt32)> = Self.memory(capacity, work)
            next.update(from: places, count: count)
            if work == nil { places.deallocate() }
            places = next
            placesCapacity = capacity
        }
        (arena + arenaCount).update(from: cell.start, count: cell.count)
        places[count] = (UInt32(truncatingIfNeeded: arenaCount >> 3), UInt32(truncatingIfNeeded: cell.count))
        arenaCount = (arenaCount &+ cell.count &+ 7) & ~7
        place(hash: hash, number: count)
        count &+= 1
        return count &- 1
    }

    private func place(hash: UInt64, number: Int) {
        var position = Int(truncatingIfNeeded: hash) & mask
        while slots[position].number != 0 { position = (position &+ 1) & mask }
        slots[position] = Slot(
            tag: UInt32(truncatingIfNeeded: hash >> 32), number: UInt32(truncatingIfNeeded: number &+ 1),
            place: places[number].place, length: places[number].length)
    }

    private func grow() {
        let capacity = (mask &+ 1) &* 2
        if work == nil { slots.deallocate() }
        slots = Self.memory(capacity, work)
        slots.initialize(repeating: Slot(), count: capacity)
        mask = capacity &- 1
        for number in 0..<count { place(hash: hashBytes(self[number], seed), number: number) }
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

/// The key of hashes, drawn anew by each process.
struct HashSeed: Sendable {
    let first: UInt64
    let second: UInt64

    static let process = HashSeed(first: UInt64.random(in: 1 ... .max) | 1, second: UInt64.random(in: 1 ... .max) | 1)
}

/// A keyed 64-bit hash of short strings: 128-bit multiplications over overlapping words.
@inline(__always)
func hashBytes(_ cell: Cell, _ seed: HashSeed) -> UInt64 {
    let raw = UnsafeRawPointer(cell.start)
    let count = cell.count
    var a: UInt64
    var b: UInt64
    var state = seed.first &+ UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    if count >= 8 {
        var index = 0
        while index &+ 16 < count {
            let first = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let second = raw.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
            let product = (first ^ seed.second).multipliedFullWidth(by: second ^ state)
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
    let product = (a ^ seed.second).multipliedFullWidth(by: b ^ state)
    let mixed = (product.high ^ product.low ^ seed.first).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return mixed.high ^ mixed.low
}
