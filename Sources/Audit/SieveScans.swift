import Claims
import Rules

/// Marks the items present in each scope and offers the second halves of pairs.
final class PairSieve {
    private let table: PairTable
    private let seen: UnsafeMutablePointer<Int32>
    private let codes: Int

    init(_ table: PairTable, _ codes: Int) {
        self.table = table
        self.codes = codes
        seen = .allocate(capacity: codes + 1)
    }

    deinit { seen.deallocate() }

    func run(
        _ context: SieveContext, _ first: UnsafeBufferPointer<Int32>, _ second: UnsafeBufferPointer<Int32>,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        guard !first.isEmpty, !second.isEmpty else { return }
        seen.initialize(repeating: -1, count: codes + 1)
        let items = context.items
        let encounterOf = context.encounterOf
        let personOf = context.personOf
        let isPersonal = table.isPersonal
        @inline(__always) func scope(_ line: Int32) -> Int32 {
            let encounter = encounterOf[Int(line)]
            return isPersonal ? personOf[Int(encounter)] : encounter
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
                            seen[Int(items[Int(first[a])])] = own
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
    static func run(
        _ table: DiagnosisTable, _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        let diagnoses = context.chunk[.diagnosis]
        let slot = diagnoses.slots[Table.diagnosis.index(of: "code") ?? 0]
        guard let starts = diagnoses.starts else { return }
        let items = context.items
        table.starts.withUnsafeBufferPointer { itemStarts in
            table.intervals.withUnsafeBufferPointer { intervals in
                table.ranks.withUnsafeBufferPointer { ranks in
                    for line in lines {
                        let code = Int(items[Int(line)])
                        let first = Int(itemStarts[code])
                        let last = Int(itemStarts[code &+ 1])
                        let encounter = Int(context.encounterOf[Int(line)])
                        var found = false
                        var unknown = false
                        var row = Int(starts[encounter])
                        let end = Int(starts[encounter &+ 1])
                        while row < end && !found {
                            let diagnosis = slot.code(row)
                            let rank = diagnosis >= 0 && Int(diagnosis) < ranks.count ? ranks[Int(diagnosis)] : -1
                            if diagnosis < 0 { unknown = true }
                            var index = first
                            while index < last {
                                let interval = intervals[index]
                                if rank >= interval.lowerBound && rank <= interval.upperBound {
                                    found = true
                                    break
                                }
                                index &+= 1
                            }
                            row &+= 1
                        }
                        // Needed and present, or forbidden and surely absent: clear.
                        if table.isNegated ? found : !found && !unknown { continue }
                        if table.gate.admits(Int32(truncatingIfNeeded: code)) { lists[table.rule].append(line) }
                    }
                }
            }
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
        var index = 0
        while index < lines.count {
            let encounter = context.encounterOf[Int(lines[index])]
            let start = index
            var first: Int32 = -1
            var isSeveral = false
            while index < lines.count, context.encounterOf[Int(lines[index])] == encounter {
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
