import Claims
import Rules

/// Marks the items present in each scope and offers the second halves of pairs.
final class PairSieve {
    let table: PairTable
    /// By item, and by place that several stand for: the scope in which it was seen last, counted over all chunks.
    private let seen: UnsafeMutablePointer<Int32>
    /// By item: its marks, its own and those of the places that it stands for too.
    private let marks: UnsafeMutablePointer<UInt64>
    private let shared: [Int: [Int32]]
    private var base: Int32 = 0
    /// By second item: the marks of all its first ones. An item has one of 64 marks.
    private let partners: UnsafeMutablePointer<UInt64>
    /// By scope of the chunk: the marks of the first items that it has.
    private let present = Scratch<UInt64>()
    private let possible = Scratch<Int32>()

    init(_ table: PairTable, _ codes: Int) {
        self.table = table
        shared = table.shared
        seen = .allocate(capacity: table.placeCount + 1)
        seen.initialize(repeating: -1, count: table.placeCount + 1)
        marks = .allocate(capacity: max(1, codes))
        for code in 0..<codes {
            let places = [Int32(code)] + (table.shared[code] ?? [])
            (marks + code).initialize(to: places.reduce(0) { $0 | Self.mark($1) })
        }
        partners = .allocate(capacity: max(1, codes))
        for code in 0..<codes {
            let pairs = table.pairs[Int(table.starts[code])..<Int(table.starts[code + 1])]
            (partners + code).initialize(to: pairs.reduce(0) { $0 | Self.mark($1.a) })
        }
    }

    deinit {
        seen.deallocate()
        marks.deallocate()
        partners.deallocate()
    }

    @inline(__always) private static func mark(_ item: Int32) -> UInt64 {
        1 &<< UInt64((UInt32(bitPattern: item) &* 0x9E37_79B1) &>> 26)
    }

    /// The second lines in whose scope a first one has a mark of theirs; found without branches.
    private func possible(
        _ context: SieveContext, _ first: UnsafeBufferPointer<Int32>, _ second: UnsafeBufferPointer<Int32>
    ) -> UnsafeBufferPointer<Int32> {
        let isPersonal = table.isPersonal
        let (items, encounterOf, personOf) = (context.items, context.encounterOf, context.personOf)
        let scopes = isPersonal ? context.persons : context.encounters
        let present = present.pointer(scopes + 1)
        present.update(repeating: 0, count: scopes)
        for line in first {
            let encounter = Int(encounterOf[Int(line)])
            present[isPersonal ? Int(personOf[encounter]) : encounter] |= marks[Int(items[Int(line)])]
        }
        let kept = possible.pointer(second.count + 1)
        var count = 0
        for line in second {
            let encounter = Int(encounterOf[Int(line)])
            let own = present[isPersonal ? Int(personOf[encounter]) : encounter]
            kept[count] = line
            count &+= own & partners[Int(items[Int(line)])] != 0 ? 1 : 0
        }
        return UnsafeBufferPointer(start: kept, count: count)
    }

    func run(
        _ context: SieveContext, _ first: UnsafeBufferPointer<Int32>, _ all: UnsafeBufferPointer<Int32>,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        guard !first.isEmpty, !all.isEmpty else { return }
        let second = possible(context, first, all)
        guard !second.isEmpty else { return }
        let isPersonal = table.isPersonal
        let scopes = Int32(clamping: isPersonal ? context.persons : context.encounters)
        if base > Int32.max - scopes - 1 {
            seen.update(repeating: -1, count: table.placeCount + 1)
            base = 0
        }
        let base = base
        defer { self.base = base + scopes }
        let items = context.items
        let encounterOf = context.encounterOf
        let personOf = context.personOf
        let isShared = !shared.isEmpty
        @inline(__always) func scope(_ line: Int32) -> Int32 {
            let encounter = encounterOf[Int(line)]
            return base &+ (isPersonal ? personOf[Int(encounter)] : encounter)
        }
        table.starts.withUnsafeBufferPointer { starts in
            table.pairs.withUnsafeBufferPointer { pairs in
                var a = 0
                var b = 0
                while b < second.count {
                    let own = scope(second[b])
                    var sawAny = false
                    while a < first.count {
                        let other = scope(first[a])
                        if other > own { break }
                        if other == own {
                            let item = Int(items[Int(first[a])])
                            seen[item] = own
                            if isShared, let places = shared[item] { for place in places { seen[Int(place)] = own } }
                            sawAny = true
                        }
                        a &+= 1
                    }
                    while b < second.count, scope(second[b]) == own {
                        let line = second[b]
                        b &+= 1
                        guard sawAny else { continue }
                        let code = Int(items[Int(line)])
                        var next = Int(starts[code])
                        let end = Int(starts[code &+ 1])
                        while next < end {
                            let pair = pairs[next]
                            if seen[Int(pair.a)] == own { lists[Int(pair.rule)].append(line) }
                            next &+= 1
                        }
                    }
                }
            }
        }
    }
}

/// Lines whose encounter lacks (or has) one of the diagnoses listed for the item.
enum DiagnosisSieve {
    private static let codeField = Table.diagnosis.index(of: "code") ?? 0

    static func run(
        _ table: DiagnosisTable, _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        let diagnoses = context.rows(.diagnosis)
        let slot = diagnoses.slots[codeField]
        guard let starts = diagnoses.starts else { return }
        let items = context.items
        table.withDemands { demands in
            table.starts.withUnsafeBufferPointer { itemStarts in
                table.entries.withUnsafeBufferPointer { entries in
                    for line in lines {
                        let code = Int(items[Int(line)])
                        let encounter = Int(context.encounterOf[Int(line)])
                        let rows = Int(starts[encounter])..<Int(starts[encounter &+ 1])
                        for place in Int(itemStarts[code])..<Int(itemStarts[code &+ 1]) {
                            let entry = entries[place]
                            let (isFound, isOpen) = demands.find(entry, rows, slot)
                            // Needed and present, or forbidden and surely absent: clear.
                            if entry.isNegated ? isFound : !isFound && !isOpen { continue }
                            for rule in Int(entry.firstRule)..<Int(entry.firstRule &+ entry.ruleCount) {
                                lists[Int(table.rules[rule])].append(line)
                            }
                        }
                    }
                }
            }
        }
    }
}

extension DiagnosisTable {
    /// Lends the demanded ranks for one loop.
    fileprivate func withDemands(_ body: (Demands) -> Void) {
        intervals.withUnsafeBufferPointer { intervals in
            ranks.withUnsafeBufferPointer { body(Demands(intervals: intervals, ranks: $0)) }
        }
    }

    /// Which ranks are demanded: where they lie in the table.
    fileprivate struct Demands {
        let intervals: UnsafeBufferPointer<ClosedRange<Int32>>
        let ranks: UnsafeBufferPointer<Int32>

        /// Whether a diagnosis is demanded, and whether one that is not known may be. All are looked at, because a branch
        /// that is often guessed wrong takes longer than a few comparisons.
        @inline(__always) func find(_ entry: Entry, _ rows: Range<Int>, _ slot: Slot) -> (isFound: Bool, isOpen: Bool) {
            var found: UInt8 = 0
            var open: UInt8 = 0
            for row in rows {
                let diagnosis = slot.code(row)
                open |= diagnosis < 0 ? 1 : 0
                let rank = diagnosis >= 0 && Int(diagnosis) < ranks.count ? ranks[Int(diagnosis)] : -1
                for place in Int(entry.first)..<Int(entry.first &+ entry.count) {
                    let interval = intervals[place]
                    found |= (rank >= interval.lowerBound ? 1 : 0) & (rank <= interval.upperBound ? 1 : 0)
                }
            }
            return (found != 0, open != 0)
        }
    }
}

/// Encounters with two different items of a set, or with one only.
enum DistinctSieve {
    static func run(
        _ table: DistinctTable, _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        let items = context.items
        let days = context.rows(.line).slots[context.lineDay]
        // Lines of an encounter are in day order; a line of unknown day belongs to all days.
        let isDaily = table.isDaily && days.kind == .int32 && days.validity == nil
        var index = 0
        while index < lines.count {
            let encounter = context.encounterOf[Int(lines[index])]
            let day = isDaily ? days.int32s[Int(lines[index])] : 0
            let start = index
            var first: Int32 = -1
            var isSeveral = false
            while index < lines.count, context.encounterOf[Int(lines[index])] == encounter,
                !isDaily || days.int32s[Int(lines[index])] == day
            {
                let code = items[Int(lines[index])]
                // An item that only may be of the set can add to "several", and cannot take from "one".
                if table.wantsSeveral ? table.counted.admits(code) : table.counted.isSure(code) {
                    if first < 0 { first = code } else if first != code { isSeveral = true }
                }
                index &+= 1
            }
            guard isSeveral == table.wantsSeveral else { continue }
            for at in start..<index where table.gate.admits(items[Int(lines[at])]) {
                lists[table.rule].append(lines[at])
            }
        }
    }
}
