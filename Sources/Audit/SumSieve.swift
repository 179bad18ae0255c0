import Claims
import Columns
import Rules

/// Adds up what each scope has of each attribute and offers the lines whose window may exceed a rule's limit.
///
/// First one sum per scope and attribute against the smallest limit any rule has; only attributes above it are looked
/// at window by window. Negative numbers count as zero and unknown ones as very much, so a sum is never too small.
final class SumSieve {
    private struct Cell {
        var sum: Int64
        var smallest: Int64
        /// The scope the sum belongs to; another one's sum is as good as none.
        var scope: UInt32
        /// The scope in which the sum was found above a limit, and the first line of the attribute there.
        var hotScope: UInt32
        var head: Int32
        /// The scope in which a line that is asked about has the attribute.
        var askedScope: UInt32
    }

    /// What a line adds, and to which sum.
    private struct Summand {
        var value: Int64
        var number: Int32
        var scope: Int32
    }

    /// A sum above a limit.
    private struct Hot {
        let scope: Int32
        let number: Int32
    }

    let table: SumTable
    /// By number of the attribute; the last one is for lines whose attribute is not known.
    private let cells: UnsafeMutablePointer<Cell>
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
    /// Which encounters of the chunk the sum counts: 1, else 0.
    private var admitted: UnsafePointer<UInt8>
    private let everyone = Scratch<UInt8>()
    private let windows = SumWindows()

    init(_ table: SumTable, _ plan: SievePlan) {
        self.table = table
        admitted = UnsafePointer(everyone.base)
        let count = table.smallest.count
        cells = .allocate(capacity: count + 1)
        for (index, smallest) in (table.smallest + [0]).enumerated() {
            (cells + index).initialize(
                to: Cell(sum: 0, smallest: smallest, scope: 0, hotScope: 0, head: -1, askedScope: 0))
        }
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
        summed.deallocate()
        numbers.deallocate()
        isCounted.deallocate()
    }

    func run(
        _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>, _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        guard let base = lines.baseAddress, lines.count > 0 else { return }
        let slot = table.form.field.map { context.rows(.line).slots[$0] } ?? Slot()
        if let condition {
            admitted = context.flags(admittedBy: condition)
        } else {
            let all = everyone.pointer(context.encounters + 1)
            all.update(repeating: 1, count: context.encounters)
            admitted = UnsafePointer(all)
        }
        // Chosen here, so that the loops hold no choice.
        let count: Int
        switch (table.form.field == nil, slot.kind, slot.validity == nil) {
        case (true, _, _): count = collect(context, base, lines.count) { _ in 1 }
        case (_, .int64, true):
            let values = slot.int64s
            count = collect(context, base, lines.count) { min(max(0, values[$0]), SumTable.ceiling) }
        case (_, .int32, let isWhole):
            let (values, unknown) = (slot.int32s, unknown)
            // Often few lines have such a number: then the column is gone through, not the lines of the items.
            let own =
                skipsZero && !context.hasUnknownItems && !context.isNarrowed && lines.count > context.lines / 8
                ? above(zero: slot, context.lines) : lines
            count =
                isWhole
                ? collect(context, own.baseAddress ?? base, own.count) { Int64(max(0, values[$0])) }
                : collect(context, own.baseAddress ?? base, own.count) {
                    slot.isValid($0) ? Int64(max(0, values[$0])) : unknown
                }
        default:
            let unknown = unknown
            count = collect(context, base, lines.count) { Self.value(slot, $0, unknown) }
        }
        let first = firstScope(table.form.isPersonal ? context.persons : context.encounters)
        let isEveryAsked = !table.keepsAttribute || !context.isNarrowed || !mark(lines, context, from: first)
        addUp(count, from: first, isEveryAsked)
        if !hot.isEmpty { open(base, lines.count, context, from: first, lists) }
    }

    /// The lines, of whatever item, whose number is above zero or counts as such.
    private func above(zero slot: Slot, _ lines: Int) -> UnsafeBufferPointer<Int32> {
        let target = numbered.pointer(lines + ColumnLoops.slack)
        let count = ColumnLoops.rows(
            aboveZero: slot.int32s, validity: slot.validity, keepsUnknown: unknown > 0, count: lines, into: target)
        return UnsafeBufferPointer(start: target, count: count)
    }

    /// Puts down, without branches, the lines that are added up; answers how many.
    @inline(__always) private func collect(
        _ context: SieveContext, _ base: UnsafePointer<Int32>, _ count: Int, _ value: (Int) -> Int64
    ) -> Int {
        let (items, summed) = (context.items, summed)
        let (encounterOf, personOf) = (context.encounterOf, context.personOf)
        // First those that have a number and whose encounter counts: often few of many.
        let chosen = chosen.pointer(count + 1)
        let admitted = admitted
        let keepsZero: UInt8 = skipsZero ? 0 : 1
        var chosenCount = 0
        var index = 0
        while index < count {
            let line = base[index]
            chosen[chosenCount] = line
            let isNumbered: UInt8 = value(Int(line)) != 0 ? 1 : 0
            chosenCount &+= Int((isNumbered | keepsZero) & admitted[Int(encounterOf[Int(line)])])
            index &+= 1
        }
        let summands = summands.pointer(chosenCount + 1)
        let isPersonal = table.form.isPersonal
        var kept = 0
        index = 0
        while index < chosenCount {
            let line = chosen[index]
            let encounter = encounterOf[Int(line)]
            let number = summed[Int(items[Int(line)])]
            summands[kept] = Summand(
                value: value(Int(line)), number: number,
                scope: isPersonal ? personOf[Int(encounter)] : encounter)
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

    /// One sum per scope and attribute; those above the smallest limit that are asked about are put down as hot.
    private func addUp(_ count: Int, from first: UInt32, _ isEveryAsked: Bool) {
        let anywhere = Int32(table.smallest.count)
        let summands = UnsafePointer(summands.base)
        let cells = cells
        hot.removeAll(keepingCapacity: true)
        var index = 0
        while index < count {
            let summand = summands + index
            let cell = cells + Int(summand.pointee.number)
            let scope = first &+ UInt32(bitPattern: summand.pointee.scope)
            let before = cell.pointee.scope == scope ? cell.pointee.sum : -1
            let after = min(max(0, before) &+ summand.pointee.value, SumTable.ceiling)
            cell.pointee.scope = scope
            cell.pointee.sum = after
            if after > cell.pointee.smallest, before < 0 || before <= cell.pointee.smallest,
                isEveryAsked || cell.pointee.askedScope == scope || summand.pointee.number == anywhere
            {
                hot.append(Hot(scope: summand.pointee.scope, number: summand.pointee.number))
            }
            index &+= 1
        }
    }

    /// The mark of the first of so many scopes; no scope before had one of theirs.
    private func firstScope(_ count: Int) -> UInt32 {
        if scopes > UInt32.max - UInt32(count) - 1 {
            scopes = 0
            for cell in 0...table.smallest.count {
                (cells[cell].scope, cells[cell].hotScope, cells[cell].askedScope) = (0, 0, 0)
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
                let cell = cells + Int(hot[end].number)
                cell.pointee.hotScope = first &+ UInt32(bitPattern: scope)
                cell.pointee.head = -1
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
        var index = count
        while index > 0 {
            index &-= 1
            let number = numbers[Int(items[Int(lines[index])])]
            guard number >= 0 else { continue }
            let cell = cells[Int(number)]
            guard cell.hotScope == scope else { continue }
            following[index] = cells[Int(number)].head
            cells[Int(number)].head = Int32(truncatingIfNeeded: index)
        }
        let slots = context.rows(.line).slots
        let slot = table.form.field.map { slots[$0] }
        let days = slots[context.lineDay]
        for number in hot.lazy.map(\.number) {
            windows.begin()
            var at = cells[Int(number)].head
            while at >= 0 {
                let line = lines[Int(at)]
                at = following[Int(at)]
                let row = Int(line)
                var value = slot.map { Self.value($0, row, unknown) } ?? 1
                if !isCounted[Int(items[row])] { value = 0 }
                if condition != nil, admitted[Int(context.encounterOf[row])] == 0 { value = 0 }
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
