import Claims
import Glibc

/// One table's rows of one partition in their final order, and what was found on the way.
struct OrderedRows {
    var rows: [StagedRow] = []
    /// By encounter (or person, for entitlements) of the partition: its first row, with one more at the end.
    var starts: [Int32] = []
    var balance = Balance()
    var rejects: [Reject] = []
    /// Owns rows that were made while resolving.
    var keeper: HeaderTable?
}

/// Puts the staged rows of one table and partition in order: owner, time, identifier; repeats and conflicts decided.
struct PartitionAssembly {
    let layout: RowLayout
    let dictionaries: [Int: CodeDictionary]
    let remaps: [Int: [Int32]]
    /// Hashes of identifiers that occur more than once.
    let repeated: Set<UInt64>
    let withdrawals: Withdrawals?
    let ownerOf: @Sendable (UInt32) -> Cell

    private struct Entry {
        var key: UInt64
        var row: StagedRow
    }

    func order(_ staged: [StagedRows], partition: Int, owners: Range<Int>) throws(IngestError) -> OrderedRows {
        var result = OrderedRows()
        let first = UInt32(truncatingIfNeeded: owners.lowerBound)
        let ownerCount = owners.count
        var runs: [(UnsafeMutableRawPointer, Int)] = []
        for rows in staged { runs += try rows.readBack(partition) }
        var counts = [Int32](repeating: 0, count: ownerCount &+ 1)
        var contested: [StagedRow] = []
        let identifier = layout.identifierSlot ?? -1
        let watches = !repeated.isEmpty || withdrawals != nil
        for (start, bytes) in runs {
            var at = 0
            while at < bytes {
                let row = StagedRow(base: start + at)
                at &+= row.length
                if row.rank == UInt32.max { continue }
                if watches {
                    if let withdrawals, isWithdrawn(row, identifier, withdrawals) {
                        row.rank = UInt32.max
                        result.balance.corrected += 1
                        result.balance.withdrawn += 1
                        continue
                    }
                    if identifier >= 0,
                        repeated.contains(IdentifierLog.key(hashBytes(row.text(identifier, layout), HashSeed.process)))
                    {
                        contested.append(row)
                        continue
                    }
                }
                counts[Int(row.rank &- first) &+ 1] &+= 1
            }
        }
        for row in decide(contested, &result) { counts[Int(row.rank &- first) &+ 1] &+= 1 }
        var owner = 0
        while owner < ownerCount {
            counts[owner &+ 1] &+= counts[owner]
            owner &+= 1
        }
        result.starts = counts
        let total = Int(counts[ownerCount])
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: max(1, total))
        defer { entries.deallocate() }
        let key = KeyPlan(layout, remaps)
        for (start, bytes) in runs {
            var at = 0
            while at < bytes {
                let row = StagedRow(base: start + at)
                at &+= row.length
                if row.rank == UInt32.max { continue }
                let place = Int(row.rank &- first)
                (entries + Int(counts[place])).initialize(to: Entry(key: key.key(row), row: row))
                counts[place] &+= 1
            }
        }
        result.rows.reserveCapacity(total)
        var dropped = 0
        let isStatedWhole = layout.table == .diagnosis && layout.isVersioned
        owner = 0
        while owner < ownerCount {
            let begin = Int(result.starts[owner])
            let end = Int(counts[owner])
            result.starts[owner] = Int32(truncatingIfNeeded: result.rows.count)
            sort(entries + begin, end &- begin)
            // Who states diagnoses of a visit states them all: the latest statement holds.
            var newest = Int64.min
            if isStatedWhole {
                for index in begin..<end { newest = max(newest, entries[index].row.version(layout)) }
            }
            var index = begin
            var last: StagedRow?
            while index < end {
                if isStatedWhole, entries[index].row.version(layout) != newest {
                    result.balance.corrected &+= 1
                    index &+= 1
                    continue
                }
                // Rows without identifier that say the same are one row.
                if identifier < 0, let last, entries[index].row.saysTheSame(as: last, layout) {
                    dropped &+= 1
                } else {
                    result.rows.append(entries[index].row)
                    last = entries[index].row
                }
                index &+= 1
            }
            owner &+= 1
        }
        result.starts[ownerCount] = Int32(truncatingIfNeeded: result.rows.count)
        result.balance.repeated += dropped
        result.balance.kept += result.rows.count
        return result
    }

    private func isWithdrawn(_ row: StagedRow, _ identifier: Int, _ withdrawals: Withdrawals) -> Bool {
        let version = row.version(layout)
        if identifier >= 0, withdrawals.covers(identifier: row.text(identifier, layout), version: version) {
            return true
        }
        if withdrawals.hasGroups, let slot = layout.slot(RowLayout.groupText), row.has(slot),
            withdrawals.covers(group: row.text(slot, layout), version: version)
        {
            return true
        }
        return withdrawals.hasOwners && withdrawals.covers(owner: ownerOf(row.rank), version: version)
    }

    /// Decides between rows with one identifier; the losers' rank is set to the mark for "not kept".
    func decide(_ contested: [StagedRow], _ result: inout OrderedRows) -> [StagedRow] {
        if contested.isEmpty { return [] }
        let identifier = layout.identifierSlot ?? 0
        let sorted = contested.sorted { orderBytes($0.text(identifier, layout), $1.text(identifier, layout)) < 0 }
        var kept: [StagedRow] = []
        var at = 0
        while at < sorted.count {
            var end = at + 1
            let name = sorted[at].text(identifier, layout)
            while end < sorted.count, sorted[end].text(identifier, layout).equals(name) { end += 1 }
            let outcome = RowContest.decide(Array(sorted[at..<end]), layout)
            for row in sorted[at..<end] where row.base != outcome.kept?.base { row.rank = UInt32.max }
            if let row = outcome.kept { kept.append(row) }
            result.balance.repeated += outcome.repeated
            result.balance.corrected += outcome.corrected
            result.balance.rejected += outcome.rejected.count
            for row in outcome.rejected {
                result.rejects.append(
                    Reject(origin: row.origin, length: row.sourceLength, reason: .conflict, mapping: .max, step: 255))
            }
            at = end
        }
        return kept
    }

    private func sort(_ entries: UnsafeMutablePointer<Entry>, _ count: Int) {
        if count < 2 { return }
        if count > 48 {
            var all = UnsafeMutableBufferPointer(start: entries, count: count)
            all.sort { comesBefore($0, $1) }
            return
        }
        var index = 1
        while index < count {
            if comesBefore(entries[index], entries[index &- 1]) {
                let moving = entries[index]
                var place = index
                while place > 0, comesBefore(moving, entries[place &- 1]) {
                    entries[place] = entries[place &- 1]
                    place &-= 1
                }
                entries[place] = moving
            }
            index &+= 1
        }
    }

    @inline(__always)
    private func comesBefore(_ a: Entry, _ b: Entry) -> Bool {
        if a.key != b.key { return a.key < b.key }
        if let slot = layout.identifierSlot {
            return orderBytes(a.row.text(slot, layout), b.row.text(slot, layout)) < 0
        }
        return a.row.contentOrder(b.row, layout, dictionaries) < 0
    }
}

/// The number by which rows of one owner are ordered before their identifiers are compared.
private struct KeyPlan {
    private enum Kind { case time, sequence, none }
    private let kind: Kind
    private let firstSlot: Int
    private let firstOffset: Int
    private let secondSlot: Int
    private let secondOffset: Int
    private let remap: [Int32]

    init(_ layout: RowLayout, _ remaps: [Int: [Int32]]) {
        func place(_ name: String) -> (Int, Int) {
            guard let slot = layout.slot(name) else { return (-1, 0) }
            return (slot, layout.slots[slot].offset)
        }
        switch layout.table {
        case .line:
            kind = .time
            (firstSlot, firstOffset) = place("day")
            (secondSlot, secondOffset) = place("second")
            remap = []
        case .diagnosis:
            kind = .sequence
            (firstSlot, firstOffset) = place("sequence")
            (secondSlot, secondOffset) = place("code")
            remap = layout.table.index(of: "code").flatMap { remaps[$0] } ?? []
        default:
            kind = .none
            (firstSlot, firstOffset) = (-1, 0)
            (secondSlot, secondOffset) = (-1, 0)
            remap = []
        }
    }

    /// Absent values come first.
    @inline(__always)
    func key(_ row: StagedRow) -> UInt64 {
        if kind == .none { return 0 }
        var key: UInt64 = 0
        if firstSlot >= 0, row.has(firstSlot) {
            key = (UInt64(bitPattern: Int64(row.narrow(at: firstOffset))) &+ (1 << 40)) << 22
        }
        if secondSlot >= 0, row.has(secondSlot) {
            let value = row.narrow(at: secondOffset)
            key |= UInt64(kind == .sequence ? remap[Int(value)] & 0x1F_FFFF : value) &+ 1
        }
        return key
    }
}
