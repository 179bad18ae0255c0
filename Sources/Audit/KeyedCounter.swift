import Claims

/// One thread's counts of a keyed rule.
final class KeyedCounter: @unchecked Sendable {
    /// A row of a chunk and the place where it was counted.
    private struct Counted {
        let row: Int32
        let place: UInt32
    }

    let plan: KeyedPlan
    private let size: Int
    private let counts: UnsafeMutablePointer<UInt16>
    /// By number of the chunk: the rows that were counted, so that most need not be looked for again; and how many more
    /// are kept.
    private var kept: [Int: [Counted]] = [:]
    private var room: Int
    /// Partitions with rows of which no more is known than that they are in it.
    private var loose: Set<UInt64> = []
    /// For counting; whoever asks for survivors brings a scan of its own, because threads share the counter then.
    private let scan = BinScan()

    /// `rows`: about how many rows there are to count. So many bins that the rows which fall into one by chance stay far
    /// below the count that convicts, and no more: a small table stays near the processor.
    ///
    /// `room`: so many counted rows are kept, eight bytes each; chunks beyond are looked through again.
    init(_ plan: KeyedPlan, rows: Int, room: Int) {
        self.plan = plan
        self.room = room
        var size = 1
        if let bins = plan.bins {
            size = Self.sizes.lowerBound
            while size < Self.sizes.upperBound, size < rows / max(1, bins.leastCount) * 16 { size *= 2 }
        }
        self.size = size
        counts = .allocate(capacity: size)
        counts.initialize(repeating: 0, count: size)
    }

    deinit { counts.deallocate() }

    private static let sizes = 1 << 14...1 << 21

    func count(_ chunk: Chunk) {
        guard let bins = plan.bins else { return }
        let counts = counts
        let found = scan.run(bins, chunk)
        for index in 0..<found.count {
            let place = place(found.numbers[index])
            counts[place] &+= counts[place] < UInt16.max ? 1 : 0
        }
        if found.placeless.isEmpty, found.count <= room, bins.table.role == .timeline {
            room -= found.count
            kept[chunk.number] = (0..<found.count).map {
                Counted(row: found.rows[$0], place: UInt32(truncatingIfNeeded: place(found.numbers[$0])))
            }
        }
        loose.formUnion(found.placeless.lazy.compactMap(\.lead))
    }

    func add(_ other: KeyedCounter) {
        guard plan.bins != nil else { return }
        loose.formUnion(other.loose)
        kept.merge(other.kept) { own, _ in own }
        let (own, others) = (counts, other.counts)
        for index in 0..<size {
            let (sum, overflow) = own[index].addingReportingOverflow(others[index])
            own[index] = overflow ? UInt16.max : sum
        }
    }

    /// Numbers are well mixed; bins that follow each other in time lie side by side.
    @inline(__always) private func place(_ bin: UInt64) -> Int { Int(truncatingIfNeeded: bin) & (size - 1) }

    /// The rows of a chunk that may belong to a group large enough to convict, from where they were counted; nil: the
    /// chunk must be looked through again.
    func survivors(ofCounted chunk: Int) -> [Int32]? {
        guard let bins = plan.bins, loose.isEmpty, let rows = kept[chunk] else { return nil }
        let counts = counts
        let mask = UInt32(size - 1)
        // Each bin's neighbours in time as below.
        let isTimed = bins.span > 0
        var found: [Int32] = []
        for counted in rows {
            var total = Int(counts[Int(counted.place)])
            if isTimed {
                total += Int(counts[Int((counted.place &- 1) & mask)]) + Int(counts[Int((counted.place &+ 1) & mask)])
            }
            if total >= bins.leastCount { found.append(counted.row) }
        }
        return found
    }

    /// The rows that may belong to a group large enough to convict.
    func survivors(_ chunk: Chunk, _ table: Table, _ scan: BinScan) -> [Int32] {
        guard let bins = plan.bins else { return (0..<Int32(chunk[table].rows)).map { $0 } }
        var found: [Int32] = []
        let counts = counts
        func count(_ bin: UInt64) -> Int { Int(counts[place(bin)]) }
        let scanned = scan.run(bins, chunk)
        for index in 0..<scanned.count {
            let bin = scanned.numbers[index]
            // A window reaches into one neighbour on each side; so does every window this row is part of.
            let total = bins.span == 0 ? count(bin) : count(bin &- 1) + count(bin) + count(bin &+ 1)
            // A row that may belong to any bin of the partition may have any row of it beside itself.
            if total >= bins.leastCount || !loose.isEmpty && loose.contains(scanned.leads[index]) {
                found.append(scanned.rows[index])
            }
        }
        guard !scanned.placeless.isEmpty else { return found }
        found += scanned.placeless.map(\.row)
        found.sort()
        return found
    }
}
