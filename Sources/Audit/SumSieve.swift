import Claims
import Columns
import Rules

/// Adds up what each scope has of each attribute and offers the lines whose window may exceed a rule's limit.
///
/// First one sum per scope and attribute against the smallest limit any rule has; only attributes above it are looked
/// at window by window. Negative numbers count as zero and unknown ones as very much, so a sum is never too small.
final class SumSieve {
    /// One sum. Sixteen bytes, because every line touches one wherever it lies.
    private struct Cell {
        /// The scope the sum belongs to, and behind its 32 bits the sum, cut off at `most`. Scopes only grow: the sum of an
        /// earlier one lies below every sum of this one.
        var sum: Int64 = 0
        /// Between -1 and one less than `most`.
        var smallest: Int32
        /// The scope in which a line that is asked about has the attribute.
        var askedScope: UInt32 = 0
    }

    /// The scope in which a sum was found above a limit, and the first line of the attribute there.
    private struct Head {
        var scope: UInt32 = 0
        var line: Int32 = -1
    }

    /// What a line adds, and to which sum.
    private struct Summand {
        var value: Int32
        var number: Int32
        var scope: Int32
    }

    private static let most = Int64(Int32.max)
    /// Lines that are added up together: what is put down for them stays in the nearest cache.
    private static let block = 1024

    /// A sum above a limit.
    private struct Hot {
        let scope: Int32
        let number: Int32
    }

    let table: SumTable
    /// By number of the attribute; the last one is for lines whose attribute is not known.
    private let cells: UnsafeMutablePointer<Cell>
    private let heads: UnsafeMutablePointer<Head>
    /// By item: the number of the attribute; `SumTable.ignored` for items whose lines are only looked at.
    private let summed: UnsafeMutablePointer<Int32>
    private let numbers: UnsafeMutablePointer<Int32>
    private let isCounted: UnsafeMutablePointer<Bool>
    private let condition: EncounterFilter?
    /// No limit is below zero: what is zero takes no sum above one.
    private let skipsZero: Bool
    /// What an unknown number counts as.
    private let unknown: Int64
    /// Scopes of the chunks before.
    private var scopes: UInt32 = 0
    private var hot: [Hot] = []
    private let numbered = Scratch<Int32>()
    private let chosen = Scratch<Int32>()
    private let summands = Scratch<Summand>()
    private let following = Scratch<Int32>()
    /// Which encounters of the chunk the sum counts: 1, else 0; nil: all.
    private var admitted: UnsafePointer<UInt8>?
    private let windows = SumWindows()

    init(_ table: SumTable, _ plan: SievePlan) {
        self.table = table
        let count = table.smallest.count
        cells = .allocate(capacity: count + 1)
        for (index, smallest) in (table.smallest + [0]).enumerated() {
            // Too small a limit opens sums that need not be; too large a one would hide them.
            let own = Int32(max(-1, min(smallest, Self.most - 1)))
            (cells + index).initialize(to: Cell(smallest: own))
        }
        heads = .allocate(capacity: count + 1)
        heads.initialize(repeating: Head(), count: count + 1)
        numbers = .allocate(capacity: max(1, table.numbers.count))
        numbers.initialize(from: table.numbers, count: table.numbers.count)
        // One more, for items that the tables do not know.
        summed = .allocate(capacity: table.numbers.count + 1)
        (summed + table.numbers.count).initialize(to: SumTable.ignored)
        for (item, number) in table.numbers.enumerated() {
            let own = number == SumTable.unknown ? Int32(count) : number
            (summed + item).initialize(to: table.isCounted[item] ? own : SumTable.ignored)
        }
        isCounted = .allocate(capacity: max(1, table.isCounted.count))
        isCounted.initialize(from: table.isCounted, count: table.isCounted.count)
        skipsZero = table.smallest.allSatisfy { $0 >= 0 }
        unknown = table.form.skipsUnknown ? 0 : SumTable.ceiling
        condition = table.form.conditions.isEmpty ? nil : EncounterFilter(table.form.conditions, plan.binding)
    }

    deinit {
        cells.deallocate()
        heads.deallocate()
        summed.deallocate()
        numbers.deallocate()
        isCounted.deallocate()
    }

    func run(
        _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>, _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        guard let base = lines.baseAddress, lines.count > 0 else { return }
        let slot = table.form.field.map { context.rows(.line).slots[$0] } ?? Slot()
        admitted = condition.map { context.flags(admittedBy: $0) }
        let first = firstScope(table.form.isPersonal ? context.persons : context.encounters)
        let isEveryAsked = !table.keepsAttribute || !context.isNarrowed || !mark(lines, context, from: first)
        hot.removeAll(keepingCapacity: true)
        // Chosen here, so that the loops hold no choice.
        switch (table.form.field == nil, slot.kind, slot.validity == nil) {
        case (true, _, _): addUp(lines, context, from: first, isEveryAsked) { _ in 1 }
        case (_, .int64, true):
            let values = slot.int64s
            addUp(lines, context, from: first, isEveryAsked) {
                Int32(truncatingIfNeeded: min(max(0, values[$0]), Self.most))
            }
        case (_, .int32, let isWhole):
            let (values, unknown) = (slot.int32s, Int32(clamping: unknown))
            // Often few lines have such a number: then the column is gone through, not the lines of the items.
            let own =
                skipsZero && !context.hasUnknownItems && !context.isNarrowed && lines.count > context.lines / 8
                ? above(zero: slot, context.lines) : lines
            if isWhole {
                addUp(own, context, from: first, isEveryAsked) { max(0, values[$0]) }
            } else {
                addUp(own, context, from: first, isEveryAsked) { slot.isValid($0) ? max(0, values[$0]) : unknown }
            }
        default:
            let unknown = unknown
            addUp(lines, context, from: first, isEveryAsked) { Int32(clamping: Self.value(slot, $0, unknown)) }
        }
        if !hot.isEmpty { open(base, lines.count, context, from: first, lists) }
    }

    /// The lines, of whatever item, whose number is above zero or counts as such.
    private func above(zero slot: Slot, _ lines: Int) -> UnsafeBufferPointer<Int32> {
        let target = numbered.pointer(lines + ColumnLoops.slack)
        let count = ColumnLoops.rows(
            aboveZero: slot.int32s, validity: slot.validity, keepsUnknown: unknown > 0, count: lines, into: target)
        return UnsafeBufferPointer(start: target, count: count)
    }

    /// One sum per scope and attribute; those above the smallest limit that are asked about are put down as hot.
    @inline(__always) private func addUp(
        _ lines: UnsafeBufferPointer<Int32>, _ context: SieveContext, from first: UInt32, _ isEveryAsked: Bool,
        _ value: (Int) -> Int32
    ) {
        guard let base = lines.baseAddress else { return }
        let summands = summands.pointer(Self.block)
        var start = 0
        while start < lines.count {
            let end = min(lines.count, start &+ Self.block)
            let (own, count) = choose(base + start, end &- start, context, value)
            add(collect(own, count, context, summands, value), from: first, isEveryAsked)
            start = end
        }
    }

    /// Those of some lines that have a number and whose encounter counts: often few of many.
    @inline(__always) private func choose(
        _ lines: UnsafePointer<Int32>, _ count: Int, _ context: SieveContext, _ value: (Int) -> Int32
    ) -> (UnsafePointer<Int32>, Int) {
        guard let admitted else { return (lines, count) }
        let encounterOf = context.encounterOf
        let chosen = chosen.pointer(Self.block)
        let keepsZero: UInt8 = skipsZero ? 0 : 1
        var kept = 0
        var index = 0
        while index < count {
            let line = lines[index]
            chosen[kept] = line
            let isNumbered: UInt8 = value(Int(line)) != 0 ? 1 : 0
            kept &+= Int((isNumbered | keepsZero) & admitted[Int(encounterOf[Int(line)])])
            index &+= 1
        }
        return (UnsafePointer(chosen), kept)
    }

    /// Puts down, without branches, what each line adds to which sum; answers how many add anything.
    @inline(__always) private func collect(
        _ lines: UnsafePointer<Int32>, _ count: Int, _ context: SieveContext, _ summands: UnsafeMutablePointer<Summand>,
        _ value: (Int) -> Int32
    ) -> Int {
        let (items, summed) = (context.items, summed)
        let (encounterOf, personOf) = (context.encounterOf, context.personOf)
        let isPersonal = table.form.isPersonal
        var kept = 0
        var index = 0
        while index < count {
            let line = lines[index]
            let encounter = encounterOf[Int(line)]
            let number = summed[Int(items[Int(line)])]
            summands[kept] = Summand(
                value: value(Int(line)), number: number, scope: isPersonal ? personOf[Int(encounter)] : encounter)
            kept &+= number >= 0 ? 1 : 0
            index &+= 1
        }
        return kept
    }

    /// Marks the attributes of the lines that a message writes; false when one of them may have any.
    private func mark(_ lines: UnsafeBufferPointer<Int32>, _ context: SieveContext, from first: UInt32) -> Bool {
        let asked = context.narrowLines
        for line in lines where Int(line) >= asked.lowerBound && Int(line) < asked.upperBound {
            let number = numbers[Int(context.items[Int(line)])]
            guard number >= 0 else {
                if number == SumTable.unknown { return false }
                continue
            }
            let encounter = context.encounterOf[Int(line)]
            let scope = table.form.isPersonal ? context.personOf[Int(encounter)] : encounter
            cells[Int(number)].askedScope = first &+ UInt32(bitPattern: scope)
        }
        return true
    }

    private func add(_ count: Int, from first: UInt32, _ isEveryAsked: Bool) {
        let anywhere = Int32(table.smallest.count)
        let summands = UnsafePointer(summands.base)
        let cells = cells
        var index = 0
        while index < count {
            let summand = summands + index
            let cell = cells + Int(summand.pointee.number)
            let scope = first &+ UInt32(bitPattern: summand.pointee.scope)
            let nothing = Int64(scope) &<< 32
            // Below zero where the sum is an earlier scope's. No branch, which would often be guessed wrong.
            let before = cell.pointee.sum &- nothing
            let after = min(max(before, 0) &+ Int64(summand.pointee.value), Self.most)
            cell.pointee.sum = nothing &+ after
            let smallest = Int64(cell.pointee.smallest)
            if after > smallest, before <= smallest,
                isEveryAsked || cell.pointee.askedScope == scope || summand.pointee.number == anywhere
            {
                hot.append(Hot(scope: summand.pointee.scope, number: summand.pointee.number))
            }
            index &+= 1
        }
    }

    /// The mark of the first of so many scopes; no scope before had one of theirs.
    private func firstScope(_ count: Int) -> UInt32 {
        if scopes > UInt32(Int32.max) - UInt32(count) - 1 {
            scopes = 0
            for cell in 0...table.smallest.count {
                (cells[cell].sum, cells[cell].askedScope, heads[cell].scope) = (0, 0, 0)
            }
        }
        defer { scopes += UInt32(count) }
        return scopes + 1
    }

    @inline(__always) private static func value(_ slot: Slot, _ line: Int, _ unknown: Int64) -> Int64 {
        let number = Sieve.number(slot, line)
        return number == SieveContext.unknownScalar ? unknown : min(max(0, number), SumTable.ceiling)
    }

    /// Goes through the scopes that have sums above a limit.
    private func open(
        _ base: UnsafePointer<Int32>, _ count: Int, _ context: SieveContext, from first: UInt32,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        // Hot sums stand in the order of their scopes.
        var next = 0
        var at = 0
        while next < hot.count {
            let scope = hot[next].scope
            var end = next
            var isAnywhere = false
            while end < hot.count, hot[end].scope == scope {
                heads[Int(hot[end].number)] = Head(scope: first &+ UInt32(bitPattern: scope), line: -1)
                if Int(hot[end].number) == table.smallest.count { isAnywhere = true }
                end &+= 1
            }
            let rows = lines(of: Int(scope), context)
            at += UnsafeBufferPointer(start: base + at, count: count - at).firstPlace(notBefore: Int32(rows.lowerBound))
            let rest = UnsafeBufferPointer(start: base + at, count: count - at)
            let length = rest.firstPlace(notBefore: Int32(rows.upperBound))
            if isAnywhere {
                // A line that may belong to every sum.
                for rule in table.rules { for line in at..<at + length { lists[Int(rule)].append(base[line]) } }
            } else {
                open(base + at, length, hot[next..<end], first &+ UInt32(bitPattern: scope), context, lists)
            }
            at += length
            next = end
        }
    }

    private func lines(of scope: Int, _ context: SieveContext) -> Range<Int> {
        guard table.form.isPersonal else { return context.lines(of: scope) }
        let (starts, persons) = (context.lineStarts, context.personStarts)
        return Int(starts[Int(persons[scope])])..<Int(starts[Int(persons[scope &+ 1])])
    }

    /// Looks at the windows of the attributes whose sums are above a limit in one scope.
    private func open(
        _ lines: UnsafePointer<Int32>, _ count: Int, _ hot: ArraySlice<Hot>, _ scope: UInt32, _ context: SieveContext,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        let items = context.items
        let following = following.pointer(count)
        // Few of a person's attributes are above a limit: most lines are told apart by one of 64 bits.
        var bits: UInt64 = 0
        for sum in hot { bits |= 1 &<< UInt64(truncatingIfNeeded: sum.number) }
        var index = count
        while index > 0 {
            index &-= 1
            let number = numbers[Int(items[Int(lines[index])])]
            guard number >= 0, bits &>> UInt64(truncatingIfNeeded: number) & 1 != 0 else { continue }
            let head = heads + Int(number)
            guard head.pointee.scope == scope else { continue }
            following[index] = head.pointee.line
            head.pointee.line = Int32(truncatingIfNeeded: index)
        }
        let slots = context.rows(.line).slots
        let slot = table.form.field.map { slots[$0] }
        let days = slots[context.lineDay]
        for number in hot.lazy.map(\.number) {
            windows.begin()
            var at = heads[Int(number)].line
            while at >= 0 {
                let line = lines[Int(at)]
                at = following[Int(at)]
                let row = Int(line)
                var value = slot.map { Self.value($0, row, unknown) } ?? 1
                if !isCounted[Int(items[row])] { value = 0 }
                if let admitted, admitted[Int(context.encounterOf[row])] == 0 { value = 0 }
                windows.add(line, days.isValid(row) ? days.int32s[row] : nil, value)
            }
            windows.order()
            table.entries.withUnsafeBufferPointer { entries in
                var last: SumReach?
                for place in Int(table.starts[Int(number)])..<Int(table.starts[Int(number) &+ 1]) {
                    let entry = entries[place]
                    if entry.reach != last {
                        windows.sum(entry.reach)
                        last = entry.reach
                    }
                    windows.offer(above: entry.limit, to: &lists[Int(entry.rule)])
                }
            }
        }
    }
}

/// The lines of one sum in order of days, and what lies in a window around each.
private final class SumWindows {
    private struct Line {
        var row: Int32
        var day: Int32
        var value: Int64
    }

    private var lines: [Line] = []
    private var sums: [Int64] = []
    private var hasUnknownDay = false
    private var isAscending = true

    func begin() {
        lines.removeAll(keepingCapacity: true)
        hasUnknownDay = false
        isAscending = true
    }

    func add(_ row: Int32, _ day: Int32?, _ value: Int64) {
        if day == nil { hasUnknownDay = true }
        if let last = lines.last, last.day > day ?? 0 { isAscending = false }
        lines.append(Line(row: row, day: day ?? 0, value: value))
    }

    func order() {
        if !isAscending { lines.sort { $0.day != $1.day ? $0.day < $1.day : $0.row < $1.row } }
    }

    /// Sums the window of every line. A line of unknown day may lie in any window.
    func sum(_ reach: SumReach) {
        sums.removeAll(keepingCapacity: true)
        if hasUnknownDay || reach == .scope {
            var total: Int64 = 0
            for line in lines { total = min(total &+ line.value, SumTable.ceiling) }
            sums.append(contentsOf: repeatElement(total, count: lines.count))
            return
        }
        switch reach {
        case .days(let low, let high): slide(low, high)
        case .day: sumRuns { $0 }
        case .period(let period): sumRuns { Calendar.periodStart($0, period) }
        case .scope: break
        }
    }

    private func sumRuns(_ key: (Int32) -> Int32) {
        var start = 0
        while start < lines.count {
            let own = key(lines[start].day)
            var total: Int64 = 0
            var end = start
            while end < lines.count, lines[end].day == lines[start].day || key(lines[end].day) == own {
                total = min(total &+ lines[end].value, SumTable.ceiling)
                end &+= 1
            }
            sums.append(contentsOf: repeatElement(total, count: end - start))
            start = end
        }
    }

    /// Two ends move over the ordered lines. What is cut off cannot be taken away again, so very large values are
    /// counted, not added.
    private func slide(_ low: Int32, _ high: Int32) {
        var first = 0
        var end = 0
        var total: Int64 = 0
        var huge = 0
        let large = SumTable.ceiling >> 24
        for line in lines {
            while end < lines.count, lines[end].day <= line.day &+ high {
                if lines[end].value >= large { huge &+= 1 } else { total &+= lines[end].value }
                end &+= 1
            }
            while first < end, lines[first].day < line.day &+ low {
                if lines[first].value >= large { huge &-= 1 } else { total &-= lines[first].value }
                first &+= 1
            }
            sums.append(huge > 0 ? SumTable.ceiling : total)
        }
    }

    func offer(above limit: Int64, to list: inout CandidateList) {
        for index in lines.indices where sums[index] > limit { list.append(lines[index].row) }
    }
}
