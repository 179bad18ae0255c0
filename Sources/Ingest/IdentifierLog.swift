/// Hashes of the identifiers of one table, so that rows with one identifier are found wherever they lie.
///
/// 64 buckets by hash; in an entry the upper 54 bits are hash, the lower ten the partition the row went to.
final class IdentifierLog: @unchecked Sendable {
    static let buckets = 64

    struct Bucket {
        /// The block that is being filled, and those that are full.
        fileprivate var entries: UnsafeMutablePointer<UInt64>
        fileprivate var used = 0
        fileprivate var full: [UnsafeMutablePointer<UInt64>] = []

        fileprivate var count: Int { full.count * IdentifierLog.blockEntries + used }

        @inline(__always) fileprivate func each(_ body: (UInt64) -> Void) {
            for block in full { for index in 0..<IdentifierLog.blockEntries { body(block[index]) } }
            for index in 0..<used { body(entries[index]) }
        }
    }

    fileprivate static let blockEntries = 1024

    private let table: UnsafeMutablePointer<Bucket>
    private let work: WorkMemory

    init(in work: WorkMemory) {
        self.work = work
        table = .allocate(capacity: IdentifierLog.buckets)
        for number in 0..<IdentifierLog.buckets {
            (table + number).initialize(to: Bucket(entries: work.allocate(UInt64.self, IdentifierLog.blockEntries)))
        }
    }

    deinit {
        table.deinitialize(count: IdentifierLog.buckets)
        table.deallocate()
    }

    /// For the loop over rows, which must not count references. The log outlives it.
    struct Pen {
        fileprivate let table: UnsafeMutablePointer<Bucket>
        fileprivate let log: Unmanaged<IdentifierLog>

        @inline(__always)
        func note(_ hash: UInt64, partition: Int) {
            let bucket = table + Int(truncatingIfNeeded: hash >> 58)
            if bucket.pointee.used == IdentifierLog.blockEntries {
                log._withUnsafeGuaranteedRef { $0.turnOver(bucket) }
            }
            bucket.pointee.entries[bucket.pointee.used] = hash & ~1023 | UInt64(truncatingIfNeeded: partition)
            bucket.pointee.used &+= 1
        }
    }

    var pen: Pen { Pen(table: table, log: .passUnretained(self)) }

    @inline(never)
    fileprivate func turnOver(_ bucket: UnsafeMutablePointer<Bucket>) {
        bucket.pointee.full.append(bucket.pointee.entries)
        bucket.pointee.entries = work.allocate(UInt64.self, IdentifierLog.blockEntries)
        bucket.pointee.used = 0
    }

    static func key(_ hash: UInt64) -> UInt64 { hash & ~1023 }

    /// How many rows were noted.
    var count: Int { (0..<IdentifierLog.buckets).reduce(0) { $0 + table[$1].count } }

    fileprivate func forEachKey(_ body: (UInt64) -> Void) {
        for number in 0..<IdentifierLog.buckets { table[number].each { body(IdentifierLog.key($0)) } }
    }

    /// Hashes of a bucket that occur more than once: inside one partition, and across partitions.
    static func repeated(_ logs: [IdentifierLog], bucket: Int) -> (within: Set<UInt64>, across: Set<UInt64>) {
        let count = logs.reduce(0) { $0 + $1.table[bucket].count }
        var within: Set<UInt64> = []
        var across: Set<UInt64> = []
        if count == 0 { return (within, across) }
        var capacity = 16
        while capacity < count * 2 { capacity *= 2 }
        let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)
        defer { slots.deallocate() }
        let mask = capacity - 1
        for log in logs {
            log.table[bucket].each { entry in
                let key = entry & ~1023
                var slot = Int(truncatingIfNeeded: entry >> 10) & mask
                // An entry of all zeros cannot be told from an empty slot: one row in 2^64 is not looked at.
                while true {
                    let other = slots[slot]
                    if other == 0 {
                        slots[slot] = entry
                        break
                    }
                    if other & ~1023 == key {
                        if other == entry { within.insert(key) } else { across.insert(key) }
                        break
                    }
                    slot = (slot &+ 1) & mask
                }
            }
        }
        return (within, across)
    }
}

/// The keys of all rows that some logs noted, for fast questions.
final class KeySet {
    private let slots: UnsafeMutablePointer<UInt64>
    private let mask: Int

    init(_ logs: [IdentifierLog]) {
        var capacity = 64
        while capacity < logs.reduce(0, { $0 + $1.count }) * 2 { capacity *= 2 }
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)
        mask = capacity - 1
        let (slots, mask) = (slots, mask)
        for log in logs {
            log.forEachKey { key in
                // The lowest ten bits are free: one of them tells a key of zeros from an empty slot.
                var place = Int(truncatingIfNeeded: key >> 10) & mask
                while slots[place] != 0, slots[place] != key | 1 { place = (place &+ 1) & mask }
                slots[place] = key | 1
            }
        }
    }

    deinit { slots.deallocate() }

    @inline(__always) func contains(_ key: UInt64) -> Bool {
        var place = Int(truncatingIfNeeded: key >> 10) & mask
        while slots[place] != 0 {
            if slots[place] == key | 1 { return true }
            place = (place &+ 1) & mask
        }
        return false
    }
}
