import Claims
import Rules

/// Adds up what each scope has of each attribute and opens those above the smallest limit.
final class SumSieve {
    private let table: SumTable
    private let rules: [CompiledRule]
    private let sums: UnsafeMutablePointer<Int64>
    private let tags: UnsafeMutablePointer<Int32>
    private let smallest: UnsafeMutablePointer<Int64>
    private let attributes: UnsafeMutablePointer<Int32>
    private let conditionColumn: Int?
    private let conditionValues: [Int64]
    private let hasAnyCondition: Bool
    private var hot: [Int32] = []
    private let width: Int

    init(_ table: SumTable, _ plan: SievePlan) {
        self.table = table
        rules = plan.rules
        width = table.smallest.count
        sums = .allocate(capacity: width)
        tags = .allocate(capacity: width)
        smallest = .allocate(capacity: width)
        attributes = .allocate(capacity: max(1, table.attributes.count))
        sums.initialize(repeating: 0, count: width)
        tags.initialize(repeating: -1, count: width)
        smallest.initialize(from: table.smallest, count: width)
        attributes.initialize(from: table.attributes, count: table.attributes.count)
        conditionColumn = nil
        conditionValues = table.form.condition?.values.map { Int64(plan.binding.vocabulary.intern(known: $0)) } ?? []
        hasAnyCondition = table.form.condition != nil
    }

    deinit {
        sums.deallocate()
        tags.deallocate()
        smallest.deallocate()
        attributes.deallocate()
    }

    func run(
        _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>, _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        for code in 0..<width { tags[code] = -1 }
        let slots = context.chunk[.line].slots
        let field = table.form.field.map { slots[$0] }
        let settings =
            hasAnyCondition ? context.chunk[.encounter].slots[Table.encounter.index(of: "setting") ?? 0] : nil
        let isPersonal = table.form.isPersonal
        let items = context.items
        var index = 0
        while index < lines.count {
            let scope = scope(Int(lines[index]), context, isPersonal)
            hot.removeAll(keepingCapacity: true)
            var lastEncounter: Int32 = -1
            var isExcluded = false
            let start = index
            while index < lines.count {
                let line = Int(lines[index])
                let encounter = context.encounterOf[line]
                if encounter != lastEncounter {
                    if self.scope(line, context, isPersonal) != scope { break }
                    lastEncounter = encounter
                    isExcluded = settings.map { !admits($0, Int(encounter)) } ?? false
                }
                index &+= 1
                if isExcluded { continue }
                let attribute = Int(attributes[Int(items[line])])
                guard attribute >= 0 else { continue }
                // An unknown number may be anything: the attribute is looked at.
                let value: Int64
                if let field {
                    let number = Sieve.number(field, line)
                    value = number == SieveContext.unknownScalar ? Int64.max / 4 : max(0, number)
                } else {
                    value = 1
                }
                if tags[attribute] != scope {
                    tags[attribute] = scope
                    sums[attribute] = 0
                }
                let before = sums[attribute]
                let after = before > Int64.max / 2 ? before : before &+ value
                sums[attribute] = after
                if after > smallest[attribute] && before <= smallest[attribute] {
                    hot.append(Int32(attribute))
                } else if before == 0 && smallest[attribute] < 0 && !hot.contains(Int32(attribute)) {
                    hot.append(Int32(attribute))
                }
            }
            if !hot.isEmpty { open(lines, start..<index, items, lists) }
        }
    }

    @inline(__always) private func scope(_ line: Int, _ context: SieveContext, _ isPersonal: Bool) -> Int32 {
        let encounter = context.encounterOf[line]
        return isPersonal ? context.personOf[Int(encounter)] : encounter
    }

    private func admits(_ slot: Slot, _ encounter: Int) -> Bool {
        let code = slot.code(encounter)
        return code < 0 || conditionValues.contains(Int64(code))
    }

    /// All lines of the scope that belong to a sum above a rule's limit are candidates of the rule.
    private func open(
        _ lines: UnsafeBufferPointer<Int32>, _ range: Range<Int>, _ items: UnsafePointer<Int32>,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        for attribute in hot {
            let sum = sums[Int(attribute)]
            for (rule, limit) in table.limits[Int(attribute)] where sum > limit {
                for index in range {
                    let line = lines[index]
                    if attributes[Int(items[Int(line)])] == attribute { lists[Int(rule)].append(line) }
                }
            }
        }
    }
}

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
