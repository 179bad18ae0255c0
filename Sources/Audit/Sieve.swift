import Claims
import Columns
import Rules

/// A way to find candidates that is not one of the shared tables over items.
///
/// A class, not a protocol, because references to it need not be counted for every chunk and message.
class SieveOperator {
    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        preconditionFailure("each way finds candidates of its own")
    }
}

/// One thread's sieves: finds the candidate rows of every timeline rule in a chunk.
final class Sieve {
    private let plan: SievePlan
    private let context: SieveContext
    private let lists: UnsafeMutablePointer<CandidateList>
    private let operators: [SieveOperator]
    /// By role: the lines of its items, and how many they are.
    private let lineLists: ScratchColumns<Int32>
    private let lineCounts: UnsafeMutablePointer<Int>
    private let outside = Scratch<Int32>()
    /// By source of the guards.
    private let guardNumbers: ScratchColumns<Int64>
    private let sums: [SumSieve]
    private let pairs: [PairSieve]
    /// What wide rules ask of the shared tables, and what narrow ones do.
    private let turns: UnsafeMutablePointer<Turn>
    /// Tables with a rule each, of wide rules and of narrow ones.
    private let distincts: (wide: [DistinctTable], narrow: [DistinctTable])
    private let encounterSums: (wide: [EncounterSumTable], narrow: [EncounterSumTable])
    private let ruleCount: Int
    private let roles: UnsafeMutablePointer<UInt32>

    init(_ plan: SievePlan, _ binding: Binding, _ evaluator: Evaluator) {
        self.plan = plan
        ruleCount = plan.rules.count
        context = SieveContext(binding, plan.contextColumns, isNarrow: plan.isColumnNarrow)
        lists = .allocate(capacity: max(1, plan.rules.count))
        for index in 0..<plan.rules.count { (lists + index).initialize(to: CandidateList()) }
        operators = plan.others.map { $0.make() }
        lineLists = ScratchColumns(plan.roleCount)
        lineCounts = .allocate(capacity: max(1, plan.roleCount))
        lineCounts.initialize(repeating: 0, count: plan.roleCount)
        guardNumbers = ScratchColumns(plan.guards.sources.count)
        distincts = (
            plan.distincts.filter { !plan.isNarrow[$0.rule] }, plan.distincts.filter { plan.isNarrow[$0.rule] }
        )
        encounterSums = (
            plan.encounterSums.filter { !plan.isNarrow[$0.rule] }, plan.encounterSums.filter { plan.isNarrow[$0.rule] }
        )
        sums = plan.sums.map { SumSieve($0, plan) }
        pairs = plan.pairs.map { PairSieve($0, plan.codes) }
        turns = .allocate(capacity: 2)
        (turns + 0).initialize(to: Turn(plan, sums, pairs, operators[..<plan.wideCount], isNarrow: false))
        (turns + 1).initialize(to: Turn(plan, sums, pairs, operators[plan.wideCount...], isNarrow: true))
        roles = .allocate(capacity: max(1, plan.roles.count))
        roles.initialize(from: plan.roles, count: plan.roles.count)
    }

    deinit {
        for index in 0..<plan.rules.count { lists[index].free() }
        lists.deallocate()
        roles.deallocate()
        lineCounts.deallocate()
        turns.deinitialize(count: 2)
        turns.deallocate()
    }

    /// The places of the rules that have candidates, rising.
    private(set) var hits: [Int] = []

    func candidates(_ rule: Int) -> UnsafeBufferPointer<Int32> { lists[rule].buffer }

    /// `written`: the encounters about which narrow rules are asked; nil: all.
    func find(in chunk: Chunk, written: Range<Int>? = nil) {
        for index in 0..<ruleCount { lists[index].reset() }
        context.enter(chunk, narrow: written)
        scan()
        run(narrowly: false)
        context.look(narrowly: true)
        run(narrowly: true)
        if context.hasUnknownItems { addUnknownItems() }
        hits.removeAll(keepingCapacity: true)
        for index in 0..<ruleCount where lists[index].count > 0 {
            lists[index].close()
            hits.append(index)
        }
    }

    /// The tables and operators of narrow rules, or those of all others.
    private func run(narrowly isNarrow: Bool) {
        let (context, lists) = (context, lists)
        let turn = turns + (isNarrow ? 1 : 0)
        if turn.pointee.asksGuards { guardLines(context) }
        if turn.pointee.asksDirect { directLines(context) }
        for sum in turn.pointee.sums {
            let lines = lines(sum.role, context)
            if !lines.isEmpty { sum.sieve._withUnsafeGuaranteedRef { $0.run(context, lines, lists) } }
        }
        for pair in turn.pointee.pairs {
            let first = lines(pair.roleA, context)
            if first.isEmpty { continue }
            let second = lines(pair.roleB, context)
            pair.sieve._withUnsafeGuaranteedRef { $0.run(context, first, second, lists) }
        }
        if turn.pointee.asksDiagnoses {
            let lines = lines(plan.diagnoses.role, context)
            if !lines.isEmpty { DiagnosisSieve.run(plan.diagnoses, context, lines, lists) }
        }
        for table in isNarrow ? distincts.narrow : distincts.wide {
            DistinctSieve.run(table, context, lines(table.role, context), lists)
        }
        for table in isNarrow ? encounterSums.narrow : encounterSums.wide {
            EncounterSumSieve.run(table, context, lines(table.role, context), lists)
        }
        for found in turn.pointee.operators { found._withUnsafeGuaranteedRef { $0.run(context, lists) } }
    }

    /// The shared tables whose rules are all narrow, or all others.
    ///
    /// A message asks so little that counting references to the sieves would take as long as some of them: they live as long as the
    /// `Sieve` that holds them.
    private struct Turn {
        let asksGuards: Bool
        let asksDirect: Bool
        let asksDiagnoses: Bool
        let sums: [(role: Int, sieve: Unmanaged<SumSieve>)]
        let pairs: [(roleA: Int, roleB: Int, sieve: Unmanaged<PairSieve>)]

        let operators: [Unmanaged<SieveOperator>]

        init(
            _ plan: SievePlan, _ sums: [SumSieve], _ pairs: [PairSieve], _ operators: ArraySlice<SieveOperator>,
            isNarrow: Bool
        ) {
            self.operators = operators.map { .passUnretained($0) }
            asksGuards = plan.guards.isNarrow == isNarrow
            asksDirect = plan.direct.isNarrow == isNarrow
            asksDiagnoses = plan.diagnoses.isNarrow == isNarrow
            self.sums = sums.filter { $0.table.isNarrow == isNarrow }.map { ($0.table.role, .passUnretained($0)) }
            self.pairs = pairs.filter { $0.table.isNarrow == isNarrow }.map {
                ($0.table.roleA, $0.table.roleB, .passUnretained($0))
            }
        }
    }

    /// The lines of a role in the encounters that are looked at.
    private func lines(_ role: Int, _ context: SieveContext) -> UnsafeBufferPointer<Int32> {
        let all = UnsafeBufferPointer(start: lineLists[role], count: lineCounts[role])
        if all.isEmpty { return all }
        guard context.askedLines.count < context.lines else { return all }
        let first = all.firstPlace(notBefore: Int32(context.askedLines.lowerBound))
        let end = all.firstPlace(notBefore: Int32(context.askedLines.upperBound))
        return UnsafeBufferPointer(rebasing: all[first..<end])
    }

    /// Sorts the lines by the roles of their items.
    private func scan() {
        lineLists.reserve(context.lines &+ ColumnLoops.slack)
        ColumnLoops.lists(
            byRoleOf: context.items, count: context.lines, roles: roles, into: UnsafeBufferPointer(lineLists.bases),
            counts: lineCounts)
    }

    private func guardLines(_ context: SieveContext) {
        let table = plan.guards
        let lines = lines(table.role, context)
        if lines.isEmpty { return }
        let items = context.items
        let encounterOf = context.encounterOf
        let lists = lists
        withUnsafeTemporaryAllocation(of: ColumnLoops.Numbers.self, capacity: table.sources.count) { sources in
            let numbers = guardNumbers
            numbers.reserve(context.lines)
            for (index, source) in table.sources.enumerated() {
                sources.initializeElement(at: index, to: Self.values(of: source, context, numbers[index]))
            }
            let sources = UnsafePointer(sources.baseAddress.unsafelyUnwrapped)
            // Those outside the first group of their item, or with more groups than one.
            let open = outside.pointer(lines.count + ColumnLoops.slack)
            let count = ColumnLoops.rows(
                lines, codes: items, parents: encounterOf, outside: table.intervals, of: sources, into: open)
            table.groups.withUnsafeBufferPointer { groups in
                let groups = groups.baseAddress.unsafelyUnwrapped
                for line in UnsafeBufferPointer(start: open, count: count) {
                    var group = groups + Int(items[Int(line)])
                    while true {
                        let source = sources + Int(group.pointee.source)
                        let value = source.pointee.values[
                            source.pointee.isByParent ? Int(encounterOf[Int(line)]) : Int(line)]
                        if value < group.pointee.low || value > group.pointee.high {
                            self.open(group.pointee, value, line, table, lists)
                        }
                        if group.pointee.next < 0 { break }
                        group = groups + Int(group.pointee.next)
                    }
                }
            }
        }
    }

    /// The numbers of a source as they lie, or copied where some are not known or are shorter.
    private static func values(
        of source: GuardTable.Source, _ context: SieveContext, _ target: UnsafeMutablePointer<Int64>
    ) -> ColumnLoops.Numbers {
        switch source {
        case .context(let column): return ColumnLoops.Numbers(UnsafePointer(context.column(column)), isByParent: true)
        case .line(let field):
            let slot = context.rows(.line).slots + field
            if slot.pointee.kind == .int64, slot.pointee.validity == nil {
                return ColumnLoops.Numbers(slot.pointee.int64s, isByParent: false)
            }
            for line in context.askedLines { target[line] = Self.number(slot, line) }
            return ColumnLoops.Numbers(UnsafePointer(target), isByParent: false)
        }
    }

    /// A line fell outside a group: look at its rules one by one.
    private func open(
        _ group: GuardTable.Group, _ value: Int64, _ line: Int32, _ table: GuardTable,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        table.entries.withUnsafeBufferPointer { entries in
            for index in Int(group.first)..<Int(group.first &+ group.count) {
                let entry = entries[index]
                if group.isSet {
                    let isAllowed = table.values.withUnsafeBufferPointer { values in
                        var at = Int(entry.set)
                        let end = at &+ Int(entry.setCount)
                        while at < end {
                            if values[at] == value { return true }
                            at &+= 1
                        }
                        return false
                    }
                    if isAllowed { continue }
                } else if value >= entry.low && value <= entry.high && value != SieveContext.unknownScalar {
                    continue
                }
                lists[Int(entry.rule)].append(line)
            }
        }
    }

    @inline(__always) private static func number(_ slot: UnsafeMutablePointer<Slot>, _ row: Int) -> Int64 {
        guard slot.pointee.isValid(row) else { return SieveContext.unknownScalar }
        return slot.pointee.kind == .int64 ? slot.pointee.int64s[row] : Int64(slot.pointee.int32s[row])
    }

    @inline(__always) static func number(_ slot: Slot, _ row: Int) -> Int64 {
        guard slot.isValid(row) else { return SieveContext.unknownScalar }
        return slot.kind == .int64 ? slot.int64s[row] : Int64(slot.int32s[row])
    }

    private func directLines(_ context: SieveContext) {
        let table = plan.direct
        let items = context.items
        let lists = lists
        table.starts.withUnsafeBufferPointer { starts in
            table.rules.withUnsafeBufferPointer { rules in
                for line in self.lines(table.role, context) {
                    let code = Int(items[Int(line)])
                    for index in Int(starts[code])..<Int(starts[code &+ 1]) { lists[Int(rules[index])].append(line) }
                }
            }
        }
    }

    /// Lines whose item is not known may be of any item: all rules about items look at them, and at the lines of
    /// their persons, to whose sums they may belong.
    private func addUnknownItems() {
        let items = context.items
        for person in 0..<context.persons {
            let first = Int(context.lineStarts[Int(context.personStarts[person])])
            let last = Int(context.lineStarts[Int(context.personStarts[person &+ 1])])
            var hasUnknown = false
            for line in first..<last where items[line] < 0 { hasUnknown = true }
            guard hasUnknown else { continue }
            for rule in plan.itemRules { lists[rule].append(all: first..<last) }
            let encounters = Int(context.personStarts[person])..<Int(context.personStarts[person &+ 1])
            for table in plan.encounterSums { lists[table.rule].append(all: encounters) }
        }
    }
}
