import Claims
import Columns

/// One column as the evaluator reads it: a pointer, what lies there, and how codes become vocabulary codes.
struct Slot {
    /// `word` is a dictionary column too large to be numbered by the vocabulary: read as text through its dictionary.
    enum Kind: UInt8 { case absent, code, int32, int64, flag, text, word }

    var kind = Kind.absent
    /// An unknown value of this field is at least zero (quantities and money after netting).
    var isNonNegative = false
    var base = UnsafeRawPointer(bitPattern: 16)
    var validity: UnsafePointer<UInt8>?
    /// Segment code → vocabulary code; nil when they are equal.
    var remap: UnsafePointer<Int32>?
    /// Of the rows for texts, of the dictionary for words.
    var offsets: UnsafePointer<Int32>?
    var words: UnsafePointer<UInt8>?

    @inline(__always) func isValid(_ row: Int) -> Bool {
        guard kind != .absent else { return false }
        guard let validity else { return true }
        return (validity[row &>> 3] &>> UInt8(truncatingIfNeeded: row & 7)) & 1 != 0
    }

    @inline(__always) var int32s: UnsafePointer<Int32> {
        // An absent slot is never read: callers test `kind` or `isValid` first.
        base.unsafelyUnwrapped.assumingMemoryBound(to: Int32.self)
    }

    @inline(__always) var int64s: UnsafePointer<Int64> {
        base.unsafelyUnwrapped.assumingMemoryBound(to: Int64.self)
    }

    /// The vocabulary code of a code column; -1 when unknown.
    @inline(__always) func code(_ row: Int) -> Int32 {
        guard isValid(row) else { return -1 }
        let raw = int32s[row]
        guard let remap else { return raw }
        return remap[Int(raw)]
    }

    @inline(__always) func utf8(_ row: Int) -> UnsafeBufferPointer<UInt8> {
        guard isValid(row), let offsets, let base else { return UnsafeBufferPointer(start: nil, count: 0) }
        if let words {
            let code = Int(int32s[row])
            return UnsafeBufferPointer(
                start: words + Int(offsets[code]), count: Int(offsets[code &+ 1] &- offsets[code]))
        }
        let start = offsets[row]
        return UnsafeBufferPointer(
            start: base.assumingMemoryBound(to: UInt8.self) + Int(start), count: Int(offsets[row &+ 1] &- start))
    }
}

/// The rows of one table inside a chunk.
struct TableRows {
    var rows = 0
    /// One slot a field of the canonical table.
    var slots: UnsafeMutablePointer<Slot>
    /// Row of the parent: the encounter (children of an encounter), the person (encounters, entitlements).
    var parent: UnsafeMutablePointer<Int32>?
    /// For children of an encounter: rows of encounter e are `starts[e]..<starts[e + 1]`; for encounters: of person p.
    var starts: UnsafeMutablePointer<Int32>?
    /// Whether the dataset has this table at all.
    var isPresent = false
}

/// Whole timelines of some persons, or gathered rows of one partition: what the evaluator works on.
///
/// Rows of every table are in timeline order: persons by identifier, encounters by start and identifier, lines by
/// encounter, day, second and identifier.
final class Chunk: @unchecked Sendable {
    static let tableCount = Table.allCases.count
    private static let slotCounts = Table.allCases.map { max(1, $0.fields.count) }

    /// Number of the chunk in timeline order, and of its first person among all.
    var number = 0
    var firstPerson = 0
    let tables: UnsafeMutablePointer<TableRows>
    let arena = Arena()
    /// What must stay mapped or allocated while the chunk lives.
    var owners: [AnyObject] = []

    init() {
        tables = .allocate(capacity: Chunk.tableCount)
        for (index, count) in Self.slotCounts.enumerated() {
            let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
            slots.initialize(repeating: Slot(), count: count)
            (tables + index).initialize(to: TableRows(slots: slots))
        }
    }

    /// Empties the chunk for other rows; its memory is used again.
    func clear() {
        for (index, table) in Table.allCases.enumerated() {
            let slots = tables[index].slots
            slots.update(repeating: Slot(), count: max(1, table.fields.count))
            tables[index] = TableRows(slots: slots)
            identities[index] = nil
            firstRows[index] = 0
        }
        encounterLines?.slots.deallocate()
        encounterSettlements?.slots.deallocate()
        (encounterLines, encounterSettlements) = (nil, nil)
        encounterSettlementIdentities = []
        owners = []
        arena.clear()
    }

    deinit {
        for index in 0..<Chunk.tableCount { tables[index].slots.deallocate() }
        encounterLines?.slots.deallocate()
        encounterSettlements?.slots.deallocate()
        tables.deallocate()
    }

    @inline(__always) subscript(_ table: Table) -> TableRows {
        get { tables[table.position] }
        set { tables[table.position] = newValue }
    }

    func slot(_ table: Table, _ field: String) -> Slot {
        guard let index = table.index(of: field) else { return Slot() }
        return self[table].slots[index]
    }

    /// All lines, and settlements, of the encounters: where rows of the table were gathered one by one, and the table
    /// holds only those.
    var encounterLines: TableRows?
    var encounterSettlements: TableRows?
    var encounterSettlementIdentities: [Int64] = []
    /// The settlements among which those of a row are looked for.
    var settlements: TableRows { encounterSettlements ?? self[.settlement] }

    /// Gathered rows keep the identity they had; nil where rows lie in timeline order.
    var identities: [UnsafeMutablePointer<Int64>?] = Array(repeating: nil, count: Chunk.tableCount)
    /// Identity of the first row of each table; rows follow one by one.
    var firstRows: [Int64] = Array(repeating: 0, count: Chunk.tableCount)

    @inline(__always) func identity(_ table: Int, _ row: Int) -> Int64 {
        if let identities = identities[table] { return identities[row] }
        return firstRows[table] &+ Int64(row)
    }

    private static let entitled = (
        from: Table.entitlement.index(of: "from") ?? 0, to: Table.entitlement.index(of: "to") ?? 0
    )

    private let spansOfPerson = Scratch<Masters.Span>()

    /// The entitlement spans of a person of this chunk; nil when the table is absent or has none for the person. Valid until the next call.
    func entitlements(person: Int) -> UnsafeBufferPointer<Masters.Span>? {
        let rows = self[.entitlement]
        let (from, to) = Self.entitled
        guard rows.isPresent, let starts = rows.starts, person >= 0, person < self[.person].rows else { return nil }
        let own = Int(starts[person])..<Int(starts[person + 1])
        guard !own.isEmpty else { return nil }
        let spans = spansOfPerson.pointer(own.count)
        for (place, row) in own.enumerated() {
            (spans + place).initialize(to: Masters.Span(rows.slots[from], rows.slots[to], row))
        }
        return UnsafeBufferPointer(start: spans, count: own.count)
    }

    /// The lines of an encounter, and the table in which they lie.
    func lines(ofEncounter encounter: Int) -> (rows: Range<Int>, table: TableRows) {
        let table = encounterLines ?? self[.line]
        guard let starts = table.starts else { return (0..<0, table) }
        return (Int(starts[encounter])..<Int(starts[encounter + 1]), table)
    }

    /// Rows of a table that belong to a range of encounters.
    @inline(__always) func rows(_ table: Int, encounters: Range<Int>) -> Range<Int> {
        guard let starts = tables[table].starts else { return 0..<0 }
        return Int(starts[encounters.lowerBound])..<Int(starts[encounters.upperBound])
    }
}

/// Memory that a chunk needs while it is read; freed, or used again, as a whole.
final class Arena {
    private struct Block {
        let base: UnsafeMutableRawPointer
        let bytes: Int
    }

    private var blocks: [Block] = []
    /// Blocks that nothing lies in since the arena was cleared.
    private var free: [Block] = []
    /// The block that small pieces are cut from.
    private var next: UnsafeMutableRawPointer?
    private var left = 0

    private static let alignment = 64
    private static let blockBytes = 1 << 16

    func allocate<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
        piece(Self.aligned(max(1, count) * MemoryLayout<T>.stride)).bindMemory(to: T.self, capacity: max(1, count))
    }

    /// Takes all memory back; what was allocated is no longer valid.
    func clear() {
        for block in free { block.base.deallocate() }
        free = blocks
        blocks = []
        (next, left) = (nil, 0)
    }

    private static func aligned(_ bytes: Int) -> Int { (bytes + alignment - 1) & ~(alignment - 1) }

    private func piece(_ bytes: Int) -> UnsafeMutableRawPointer {
        if let next, bytes <= left {
            self.next = next + bytes
            left -= bytes
            return next
        }
        guard bytes <= Self.blockBytes / 8 else { return block(bytes) }
        let fresh = block(Self.blockBytes)
        next = fresh + bytes
        left = Self.blockBytes - bytes
        return fresh
    }

    /// One used before that is large enough and not too large, or a new one; a large one has room for somewhat more.
    private func block(_ bytes: Int) -> UnsafeMutableRawPointer {
        let block: Block
        if let place = free.firstIndex(where: { $0.bytes >= bytes && $0.bytes <= 2 * bytes }) {
            block = free.remove(at: place)
        } else {
            let room = bytes > Self.blockBytes ? Self.aligned(bytes + bytes / 4) : bytes
            block = Block(base: .allocate(byteCount: room, alignment: Self.alignment), bytes: room)
        }
        blocks.append(block)
        return block.base
    }

    deinit { for block in blocks + free { block.base.deallocate() } }
}
