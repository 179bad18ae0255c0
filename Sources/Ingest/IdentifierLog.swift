/// Hashes of the identifiers of one table, so that rows with one identifier are found wherever they lie.
///
/// 64 buckets by hash; in an entry the upper 54 bits are hash, the lower ten the partition the row went to.
final class IdentifierLog: @unchecked Sendable {
    static let buckets = 64
    private var entries: [[UInt64]] = Array(repeating: [], count: IdentifierLog.buckets)

    @inline(__always)
    func note(_ hash: UInt64, partition: Int) {
        entries[Int(hash >> 58)].append(hash & ~1023 | UInt64(truncatingIfNeeded: partition))
    }

    static func key(_ hash: UInt64) -> UInt64 { hash & ~1023 }

    /// Hashes of a bucket that occur more than once: inside one partition, and across partitions.
    static func repeated(_ logs: [IdentifierLog], bucket: Int) -> (within: Set<UInt64>, across: Set<UInt64>) {
        let count = logs.reduce(0) { $0 + $1.entries[bucket].count }
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
            log.entries[bucket].withUnsafeBufferPointer { entries in
                for entry in entries {
                    let key = entry & ~1023
                    var slot = Int(truncatingIfNeeded: entry >> 10) & mask
                    // An entry of all zeros cannot be told from an empty slot; one in 2^64 rows is looked at twice.
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
        }
        return (within, across)
    }

    func forget() { entries = Array(repeating: [], count: IdentifierLog.buckets) }
}
