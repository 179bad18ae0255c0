import Claims
import Rules

/// Sieves for line rules that no item gates.
enum LineSieves {
    static func choose(_ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ plan: SievePlan) -> String? {
        let conjuncts = (rule.filterConjuncts + rule.testConjuncts).map(\.expression)
        let condition = EncounterFilter(conjuncts, forms, plan)
        for expression in conjuncts {
            if let form = StayForm(expression, forms) {
                plan.add(number) { StaySieve(number, form, condition, plan) }
                return "stay"
            }
            if let form = DuplicateForm(expression) {
                plan.add(number) { DuplicateSieve(number, form) }
                return "duplicate"
            }
        }
        if let zone = ZoneTest(conjuncts, forms, plan) {
            plan.add(number) { ZoneSieve(number, zone, condition) }
            return "zone"
        }
        for expression in conjuncts {
            if let form = CoverForm(expression, conjuncts) {
                plan.add(number) { CoverSieve(number, form) }
                return "cover"
            }
        }
        for expression in conjuncts {
            if let vector = VectorTest(expression) {
                let known = VectorTest.knownFields(conjuncts)
                plan.add(number) { VectorSieve(number, vector, condition, known) }
                return "vector"
            }
        }
        if !rule.isGroup {
            for expression in conjuncts {
                if let form = BesideForm(expression, .line, plan.binding) {
                    plan.add(number) { BesideSieve(number, unit: rule.table, form, condition) }
                    return "beside"
                }
            }
        }
        if let total = PersonTotalForm(rule) {
            plan.add(number) { PersonTotalSieve(number, unit: rule.table, total, condition) }
            return "person total"
        }
        let filters = EncounterFilter(rule.filterConjuncts.map(\.expression), forms, plan)
        plan.add(number) { FilteredRows(number, unit: rule.table, filters) }
        return "filtered"
    }
}

/// Every row of a table: the honest general path.
final class EveryRow: SieveOperator {
    private let rule: Int
    private let table: Int

    init(_ rule: Int, _ table: Int) {
        self.rule = rule
        self.table = table
    }

    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        lists[rule].append(all: 0..<context.chunk.tables[table].rows)
    }
}

/// A day that comparisons speak of, per encounter.
enum EncounterDay: Hashable {
    case column(ContextColumn)
    case constant(Int64)
    /// The day of the focus line.
    case lineDay
}

/// AND/OR of comparisons between the line's day and days of its encounter or person.
indirect enum ZoneTest {
    case compare(Comparison, Side, Side)
    case isKnown(Int)
    case all([ZoneTest])
    case any([ZoneTest])

    /// A context column, a constant, or the day of the line; plus whole days.
    struct Side {
        let column: Int?
        let isLineDay: Bool
        let offset: Int64
    }

    init?(_ conjuncts: [Expression], _ forms: SieveForms, _ plan: SievePlan) {
        let parts = conjuncts.compactMap { ZoneTest($0, plan) }
        guard parts.contains(where: \.readsLineDay) else { return nil }
        self = .all(parts)
    }

    private init?(_ expression: Expression, _ plan: SievePlan) {
        switch expression.node {
        case .or(let list):
            let parts = list.compactMap { ZoneTest($0, plan) }
            guard parts.count == list.count else { return nil }
            self = .any(parts)
        case .and(let list):
            let parts = list.compactMap { ZoneTest($0, plan) }
            guard !parts.isEmpty else { return nil }
            self = .all(parts)
        case .compare(let comparison, let left, let right):
            guard left.type == .day, let a = Self.side(left, plan), let b = Self.side(right, plan) else { return nil }
            self = .compare(comparison, a, b)
        case .isKnown(let operand):
            guard let side = Self.side(operand, plan), let column = side.column else { return nil }
            self = .isKnown(column)
        default: return nil
        }
    }

    var readsLineDay: Bool {
        switch self {
        case .compare(_, let a, let b): a.isLineDay || b.isLineDay
        case .isKnown: false
        case .all(let list), .any(let list): list.contains(where: \.readsLineDay)
        }
    }

    private static func side(_ expression: Expression, _ plan: SievePlan) -> Side? {
        switch expression.node {
        case .number(let day): return Side(column: nil, isLineDay: false, offset: day)
        case .arithmetic(let operation, let a, let b):
            guard case .number(let days) = b.node, let side = side(a, plan), operation != .multiply else { return nil }
            return Side(
                column: side.column, isLineDay: side.isLineDay, offset: side.offset + (operation == .add ? days : -days)
            )
        case .dayOf(let operand):
            guard case .field(let path, .focus) = operand.node, path.table == .encounter else { return nil }
            if path.field == .start {
                return Side(column: plan.context(ContextColumn(source: .startDay)), isLineDay: false, offset: 0)
            }
            if path.field == .end {
                return Side(column: plan.context(ContextColumn(source: .endDay)), isLineDay: false, offset: 0)
            }
            return nil
        case .field(let path, .focus):
            if path.start == .line, path.steps.isEmpty, path.field == .day {
                return Side(column: nil, isLineDay: true, offset: 0)
            }
            guard path.start == .line, path.steps.first == .encounter, case .stored(let field) = path.field,
                case .day = path.table.fields[field].kind
            else { return nil }
            return Side(column: plan.context(ContextColumn(source: .path(path))), isLineDay: false, offset: 0)
        default: return nil
        }
    }

}

/// A zone test laid out flat, for evaluation per encounter.
final class ZoneProgram {
    private struct Node {
        enum Kind: UInt8 { case compare, isKnown, all, any }
        var kind: Kind
        var comparison = Comparison.equal
        var left = ZoneTest.Side(column: nil, isLineDay: false, offset: 0)
        var right = ZoneTest.Side(column: nil, isLineDay: false, offset: 0)
        /// Operands stand side by side: `first..<first + count`.
        var first = 0
        var count = 0
    }

    private let nodes: UnsafeMutablePointer<Node>
    /// What operands came to, by depth, and the bounds of the two sides of a comparison.
    private var parts: [Scratch<UInt8>] = []
    private let lows = [Scratch<Int64>(), Scratch<Int64>()]
    private let highs = [Scratch<Int64>(), Scratch<Int64>()]

    init(_ test: ZoneTest) {
        var flat = [Node(kind: .all)]
        func fill(_ place: Int, _ test: ZoneTest) {
            switch test {
            case .compare(let comparison, let left, let right):
                flat[place] = Node(kind: .compare, comparison: comparison, left: left, right: right)
            case .isKnown(let column):
                flat[place] = Node(kind: .isKnown, left: ZoneTest.Side(column: column, isLineDay: false, offset: 0))
            case .all(let list), .any(let list):
                let first = flat.count
                flat.append(contentsOf: repeatElement(Node(kind: .all), count: list.count))
                var kind = Node.Kind.all
                if case .any = test { kind = .any }
                flat[place] = Node(kind: kind, first: first, count: list.count)
                for (index, part) in list.enumerated() { fill(first + index, part) }
            }
        }
        fill(0, test)
        nodes = .allocate(capacity: flat.count)
        nodes.initialize(from: flat, count: flat.count)
    }

    deinit { nodes.deallocate() }

    /// Puts down for every encounter whether the test may be true or unknown for some line of it: 1, else 0.
    func mayHold(_ context: SieveContext, into target: UnsafeMutablePointer<UInt8>) {
        mayHold(0, context, into: target, depth: 0)
    }

    private func mayHold(
        _ place: Int, _ context: SieveContext, into target: UnsafeMutablePointer<UInt8>, depth: Int
    ) {
        let node = nodes[place]
        let count = context.encounters
        switch node.kind {
        case .all, .any:
            let isAll = node.kind == .all
            target.update(repeating: isAll ? 1 : 0, count: count)
            while parts.count <= depth { parts.append(Scratch<UInt8>()) }
            let part = parts[depth].pointer(count + 1)
            for operand in node.first..<node.first + node.count {
                mayHold(operand, context, into: part, depth: depth + 1)
                if isAll {
                    for row in 0..<count { target[row] &= part[row] }
                } else {
                    for row in 0..<count { target[row] |= part[row] }
                }
            }
        case .isKnown:
            let values = context.column(node.left.column ?? 0)
            for row in 0..<count { target[row] = values[row] != SieveContext.unknownScalar ? 1 : 0 }
        case .compare:
            let (a, b) = (lows[0].pointer(count + 1), highs[0].pointer(count + 1))
            let (c, d) = (lows[1].pointer(count + 1), highs[1].pointer(count + 1))
            bounds(node.left, context, a, b)
            bounds(node.right, context, c, d)
            switch node.comparison {
            case .less: for row in 0..<count { target[row] = a[row] < d[row] ? 1 : 0 }
            case .lessOrEqual: for row in 0..<count { target[row] = a[row] <= d[row] ? 1 : 0 }
            case .greater: for row in 0..<count { target[row] = b[row] > c[row] ? 1 : 0 }
            case .greaterOrEqual: for row in 0..<count { target[row] = b[row] >= c[row] ? 1 : 0 }
            case .equal: for row in 0..<count { target[row] = a[row] <= d[row] && c[row] <= b[row] ? 1 : 0 }
            case .notEqual:
                for row in 0..<count { target[row] = a[row] == b[row] && c[row] == d[row] && a[row] == c[row] ? 0 : 1 }
            }
        }
    }

    /// The least and the greatest that a side may be, for every encounter.
    private func bounds(
        _ side: ZoneTest.Side, _ context: SieveContext, _ low: UnsafeMutablePointer<Int64>,
        _ high: UnsafeMutablePointer<Int64>
    ) {
        let count = context.encounters
        let offset = side.offset
        if side.isLineDay {
            let (first, last) = (context.firstDay.base, context.lastDay.base)
            for row in 0..<count {
                low[row] = Int64(first[row]) &+ offset
                high[row] = Int64(last[row]) &+ offset
            }
        } else if let column = side.column {
            let values = context.column(column)
            for row in 0..<count {
                let isKnown = values[row] != SieveContext.unknownScalar
                low[row] = isKnown ? values[row] &+ offset : Int64.min
                high[row] = isKnown ? values[row] &+ offset : Int64.max
            }
        } else {
            low.update(repeating: offset, count: count)
            high.update(repeating: offset, count: count)
        }
    }

    /// Whether the test may be true or unknown for a line of this day.
    func mayHold(_ context: SieveContext, _ encounter: Int, day: Int32) -> Bool {
        mayHold(0, context, encounter, Int64(day), Int64(day))
    }

    private func mayHold(_ place: Int, _ context: SieveContext, _ encounter: Int, _ low: Int64, _ high: Int64) -> Bool {
        let node = nodes + place
        switch node.pointee.kind {
        case .all:
            for index in 0..<node.pointee.count
            where !mayHold(node.pointee.first &+ index, context, encounter, low, high) {
                return false
            }
            return true
        case .any:
            for index in 0..<node.pointee.count
            where mayHold(node.pointee.first &+ index, context, encounter, low, high) {
                return true
            }
            return false
        case .isKnown:
            return context.column(node.pointee.left.column ?? 0)[encounter] != SieveContext.unknownScalar
        case .compare:
            let a = interval(node.pointee.left, context, encounter, low, high)
            let b = interval(node.pointee.right, context, encounter, low, high)
            switch node.pointee.comparison {
            case .less: return a.low < b.high
            case .lessOrEqual: return a.low <= b.high
            case .greater: return a.high > b.low
            case .greaterOrEqual: return a.high >= b.low
            case .equal: return a.low <= b.high && b.low <= a.high
            case .notEqual: return !(a.low == a.high && b.low == b.high && a.low == b.low)
            }
        }
    }

    @inline(__always) private func interval(
        _ side: ZoneTest.Side, _ context: SieveContext, _ encounter: Int, _ low: Int64, _ high: Int64
    ) -> (low: Int64, high: Int64) {
        if side.isLineDay { return (low &+ side.offset, high &+ side.offset) }
        guard let column = side.column else { return (side.offset, side.offset) }
        let value = context.column(column)[encounter]
        if value == SieveContext.unknownScalar { return (Int64.min, Int64.max) }
        return (value &+ side.offset, value &+ side.offset)
    }
}

/// Offers all lines of encounters whose zone of days may violate.
final class ZoneSieve: SieveOperator {
    private let rule: Int
    private let test: ZoneProgram
    private let filter: EncounterFilter
    private let isNear = Scratch<UInt8>()

    init(_ rule: Int, _ test: ZoneTest, _ filter: EncounterFilter) {
        self.rule = rule
        self.test = ZoneProgram(test)
        self.filter = filter
    }

    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let rows = context.chunk[.encounter]
        let days = context.chunk[.line].slots[context.binding.lineDayField]
        let isNear = isNear.pointer(context.encounters + 1)
        test.mayHold(context, into: isNear)
        for encounter in 0..<context.encounters where isNear[encounter] != 0 {
            let first = Int(context.lineStarts[encounter])
            let last = Int(context.lineStarts[encounter &+ 1])
            guard first < last, filter.admits(encounter, rows) else { continue }
            for line in first..<last
            where !days.isValid(line) || test.mayHold(context, encounter, day: days.int32s[line]) {
                lists[rule].append(Int32(truncatingIfNeeded: line))
            }
        }
    }
}

/// `EXISTS (encounter SAME person WHERE <text conditions> AND <day comparisons with this.day>)`.
struct StayForm {
    /// Comparison of a day of the other encounter (start or end) with the line's day plus an offset.
    struct Test {
        let isStart: Bool
        let comparison: Comparison
        let offset: Int64
    }

    let tests: [Test]
    let conditions: [Expression]

    init?(_ expression: Expression, _ forms: SieveForms) {
        guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
            let window = aggregate.window, window.table == .encounter, window.range == nil,
            window.same.contains(where: { $0.related.isIdentity(of: .person) }), let filter = window.filter
        else { return nil }
        var tests: [Test] = []
        for part in filter.conjuncts {
            guard case .compare(let comparison, let left, let right) = part.node else { continue }
            if let isStart = Self.stayDay(left), let offset = Self.lineDay(right) {
                tests.append(Test(isStart: isStart, comparison: comparison, offset: offset))
            } else if let isStart = Self.stayDay(right), let offset = Self.lineDay(left) {
                tests.append(Test(isStart: isStart, comparison: comparison.mirrored, offset: offset))
            }
        }
        guard !tests.isEmpty else { return nil }
        self.tests = tests
        conditions = filter.conjuncts
    }

    private static func stayDay(_ expression: Expression) -> Bool? {
        guard case .dayOf(let operand) = expression.node, case .field(let path, .related) = operand.node,
            path.table == .encounter, path.steps.isEmpty
        else { return nil }
        return path.field == .start ? true : path.field == .end ? false : nil
    }

    private static func lineDay(_ expression: Expression) -> Int64? {
        if case .field(let path, .focus) = expression.node, path.start == .line, path.steps.isEmpty, path.field == .day
        {
            return 0
        }
        if case .arithmetic(let operation, let a, let b) = expression.node, case .number(let days) = b.node,
            operation != .multiply, let base = lineDay(a)
        {
            return base + (operation == .add ? days : -days)
        }
        return nil
    }
}

final class StaySieve: SieveOperator {
    private let rule: Int
    private let form: StayForm
    private let focus: EncounterFilter
    private let related: EncounterFilter
    private let start: Int
    private let end: Int
    private let isFocus = Scratch<UInt8>()
    /// Beyond so many pairs of one person all of its lines are evaluated.
    private static let manyPairs = 40_000

    init(_ rule: Int, _ form: StayForm, _ focus: EncounterFilter, _ plan: SievePlan) {
        self.rule = rule
        self.form = form
        self.focus = focus
        related = EncounterFilter(
            form.conditions, SieveForms(rule: plan.rules[rule], binding: plan.binding), plan, scope: .related)
        start = plan.binding.startDay
        end = plan.binding.endDay
    }

    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let rows = context.chunk[.encounter]
        let (starts, ends) = (rows.slots[start], rows.slots[end])
        let horizon = Int64(context.binding.horizonDay)
        let isFocus = isFocus.pointer(context.encounters + 1)
        focus.admitAll(rows, into: isFocus)
        related.forEachPerson(context) { stays, encounters in
            for encounter in encounters where isFocus[encounter] != 0 {
                let first = Int(context.lineStarts[encounter])
                let last = Int(context.lineStarts[encounter &+ 1])
                guard first < last else { continue }
                let low = Int64(context.firstDay.base[encounter])
                let high = Int64(context.lastDay.base[encounter])
                var mayHold = stays.count * encounters.count > Self.manyPairs
                for stay in stays where !mayHold { mayHold = self.mayHold(Int(stay), low, high, starts, ends, horizon) }
                if mayHold { lists[rule].append(all: first..<last) }
            }
        }
    }

    /// Whether a stay may be the one asked for by a line between two days.
    private func mayHold(_ stay: Int, _ low: Int64, _ high: Int64, _ starts: Slot, _ ends: Slot, _ horizon: Int64)
        -> Bool
    {
        for test in form.tests {
            let slot = test.isStart ? starts : ends
            // A start that is not known may be any.
            if !slot.isValid(stay) && test.isStart { continue }
            let day = slot.isValid(stay) ? Int64(slot.int32s[stay]) : horizon
            let holds =
                switch test.comparison {
                case .less: day < high + test.offset
                case .lessOrEqual: day <= high + test.offset
                case .greater: day > low + test.offset
                case .greaterOrEqual: day >= low + test.offset
                case .equal: day >= low + test.offset && day <= high + test.offset
                case .notEqual: true
                }
            if !holds { return false }
        }
        return true
    }
}
