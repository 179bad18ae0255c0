import Claims
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
        /// First line of the attribute in this scope, once the sum is above a limit.
        var head: Int32
    }

    private let table: SumTable
    private let cells: UnsafeMutablePointer<Cell>
    private let numbers: UnsafeMutablePointer<Int32>
    private let isCounted: UnsafeMutablePointer<Bool>
    private let condition: EncounterFilter?
    /// No limit is below zero: what is zero takes no sum above one.
    private let skipsZero: Bool
    /// What an unknown number counts as.
    private let unknown: Int64
    private var scopes: UInt32 = 0
    private var hot: [Int32] = []
    private let following = Scratch<Int32>()
    /// Which encounters of the chunk the sum counts.
    private let admitted = Scratch<UInt8>()
    private let windows = SumWindows()

    init(_ table: SumTable, _ plan: SievePlan) {
        self.table = table
        cells = .allocate(capacity: max(1, table.smallest.count))
        for index in table.smallest.indices {
            (cells + index).initialize(
                to: Cell(sum: 0, smallest: table.smallest[index], scope: 0, head: -1))
        }
        numbers = .allocate(capacity: max(1, table.numbers.count))
        numbers.initialize(from: table.numbers, count: table.numbers.count)
        isCounted = .allocate(capacity: max(1, table.isCounted.count))
        isCounted.initialize(from: table.isCounted, count: table.isCounted.count)
        skipsZero = table.smallest.allSatisfy { $0 >= 0 }
        unknown = table.form.skipsUnknown ? 0 : SumTable.ceiling
        condition = table.form.conditions.isEmpty ? nil : EncounterFilter(table.form.conditions, plan.binding)
    }

    deinit {
        cells.deallocate()
        numbers.deallocate()
        isCounted.deallocate()
    }

    func run(
        _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>, _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        guard lines.count > 0 else { return }
        let slot = table.form.field.map { context.chunk[.line].slots[$0] } ?? Slot()
        if let condition {
            condition.admitAll(context.chunk[.encounter], into: admitted.pointer(context.encounters + 1))
        }
        // Chosen here, so that the loops hold no choice.
        switch (table.form.field == nil, slot.kind, slot.validity == nil) {
        case (true, _, _): run(context, lines, lists) { _ in 1 }
        case (_, .int64, true):
            let values = slot.int64s
            run(context, lines, lists) { min(max(0, values[$0]), SumTable.ceiling) }
        case (_, .int32, true):
            let values = slot.int32s
            run(context, lines, lists) { Int64(max(0, values[$0])) }
        default:
            let unknown = unknown
            run(context, lines, lists) { Self.value(slot, $0, unknown) }
        }
    }

    @inline(__always) private func run(
        _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>, _ lists: UnsafeMutablePointer<CandidateList>,
        _ value: (Int) -> Int64
    ) {
        guard let base = lines.baseAddress else { return }
        let (items, numbers, cells) = (context.items, numbers, cells)
        let (encounterOf, lineStarts) = (context.encounterOf, context.lineStarts)
        let (personOf, personStarts) = (context.personOf, context.personStarts)
        let isPersonal = table.form.isPersonal
        let (countsAll, isCounted, skipsZero) = (table.countsAll, isCounted, skipsZero)
        let admitted = condition == nil ? nil : UnsafePointer(admitted.base)
        let count = lines.count
        var index = 0
        while index < count {
            let first = index
            let encounter = Int(encounterOf[Int(base[index])])
            let end =
                isPersonal
                ? lineStarts[Int(personStarts[Int(personOf[encounter]) &+ 1])] : lineStarts[encounter &+ 1]
            let scope = nextScope()
            var isAnywhere = false
            repeat {
                let line = Int(base[index])
                index &+= 1
                let value = value(line)
                if value == 0 && skipsZero { continue }
                if let admitted, admitted[Int(encounterOf[line])] == 0 { continue }
                let item = Int(items[line])
                if !countsAll && !isCounted[item] { continue }
                let number = numbers[item]
                guard number >= 0 else {
                    if number == SumTable.unknown && value > 0 { isAnywhere = true }
                    continue
                }
                let cell = cells + Int(number)
                let before = cell.pointee.scope == scope ? cell.pointee.sum : -1
                let after = min(max(0, before) &+ value, SumTable.ceiling)
                cell.pointee.scope = scope
                cell.pointee.sum = after
                if after > cell.pointee.smallest, before < 0 || before <= cell.pointee.smallest {
                    cell.pointee.head = -1
                    hot.append(number)
                }
            } while index < count && base[index] < end
            if isAnywhere {
                // A line that may belong to every sum.
                for rule in table.rules { for line in first..<index { lists[Int(rule)].append(base[line]) } }
            } else if !hot.isEmpty {
                open(base + first, index &- first, context, lists)
            }
            if !hot.isEmpty { hot.removeAll(keepingCapacity: true) }
        }
    }

    @inline(__always) private func nextScope() -> UInt32 {
        if scopes == UInt32.max {
            scopes = 0
            for cell in table.smallest.indices { cells[cell].scope = 0 }
        }
        scopes &+= 1
        return scopes
    }

    @inline(__always) private static func value(_ slot: Slot, _ line: Int, _ unknown: Int64) -> Int64 {
        let number = Sieve.number(slot, line)
        return number == SieveContext.unknownScalar ? unknown : min(max(0, number), SumTable.ceiling)
    }

    /// Looks at the windows of the attributes whose sums are above a limit.
    private func open(
        _ lines: UnsafePointer<Int32>, _ count: Int, _ context: SieveContext,
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
            guard cell.scope == scopes, cell.sum > cell.smallest else { continue }
            following[index] = cells[Int(number)].head
            cells[Int(number)].head = Int32(truncatingIfNeeded: index)
        }
        let slots = context.chunk[.line].slots
        let slot = table.form.field.map { slots[$0] }
        let days = slots[context.binding.lineDayField]
        for number in hot {
            windows.begin()
            var at = cells[Int(number)].head
            while at >= 0 {
                let line = lines[Int(at)]
                at = following[Int(at)]
                let row = Int(line)
                var value = slot.map { Self.value($0, row, unknown) } ?? 1
                if !isCounted[Int(items[row])] { value = 0 }
                if condition != nil, admitted.base[Int(context.encounterOf[row])] == 0 { value = 0 }
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
