import Claims
import Rules

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
    /// What operands came to, by depth.
    private var parts: [Scratch<UInt8>] = []

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

    /// Puts down for every encounter that is asked about whether the test may be true or unknown for some line of it: 1, else 0.
    func mayHold(_ context: SieveContext, into target: UnsafeMutablePointer<UInt8>) {
        guard context.asked.count <= Self.few else { return mayHold(0, context, into: target, depth: 0) }
        let (first, last) = (context.firstDay.base, context.lastDay.base)
        for row in context.asked {
            target[row] = mayHold(0, context, row, Int64(first[row]), Int64(last[row])) ? 1 : 0
        }
    }

    /// So many encounters are quicker looked at one by one.
    private static let few = 16

    private func mayHold(
        _ place: Int, _ context: SieveContext, into target: UnsafeMutablePointer<UInt8>, depth: Int
    ) {
        let node = nodes[place]
        let (count, asked) = (context.encounters, context.asked)
        switch node.kind {
        case .all, .any:
            let isAll = node.kind == .all
            (target + asked.lowerBound).update(repeating: isAll ? 1 : 0, count: asked.count)
            while parts.count <= depth { parts.append(Scratch<UInt8>()) }
            let part = parts[depth].pointer(count + 1)
            for operand in node.first..<node.first + node.count {
                mayHold(operand, context, into: part, depth: depth + 1)
                if isAll {
                    for row in asked { target[row] &= part[row] }
                } else {
                    for row in asked { target[row] |= part[row] }
                }
            }
        case .isKnown:
            let values = context.column(node.left.column ?? 0)
            for row in asked { target[row] = values[row] != SieveContext.unknownScalar ? 1 : 0 }
        case .compare: mayHold(node, context, into: target)
        }
    }

    /// The least and the greatest that a side may be.
    private typealias Bounds = (low: Int64, high: Int64)

    private func mayHold(_ node: Node, _ context: SieveContext, into target: UnsafeMutablePointer<UInt8>) {
        let asked = context.asked
        let (left, right) = (node.left.offset, node.right.offset)
        let (first, last) = (context.firstDay.base, context.lastDay.base)
        func line(_ offset: Int64, _ row: Int) -> Bounds { (Int64(first[row]) &+ offset, Int64(last[row]) &+ offset) }
        func known(_ value: Int64, _ offset: Int64) -> Bounds {
            value == SieveContext.unknownScalar ? (Int64.min, Int64.max) : (value &+ offset, value &+ offset)
        }
        // Chosen here, so that the loops hold no choice.
        switch (node.left.isLineDay, node.left.column, node.right.isLineDay, node.right.column) {
        case (true, _, false, let column?):
            let values = context.column(column)
            Self.compare(node.comparison, asked, target, { line(left, $0) }, { known(values[$0], right) })
        case (false, let column?, true, _):
            let values = context.column(column)
            Self.compare(node.comparison, asked, target, { known(values[$0], left) }, { line(right, $0) })
        default:
            Self.compare(
                node.comparison, asked, target, { self.interval(node.left, context, $0, line(0, $0)) },
                { self.interval(node.right, context, $0, line(0, $0)) })
        }
    }

    @inline(__always) private static func compare(
        _ comparison: Comparison, _ rows: Range<Int>, _ target: UnsafeMutablePointer<UInt8>, _ left: (Int) -> Bounds,
        _ right: (Int) -> Bounds
    ) {
        switch comparison {
        case .less: for row in rows { target[row] = left(row).low < right(row).high ? 1 : 0 }
        case .lessOrEqual: for row in rows { target[row] = left(row).low <= right(row).high ? 1 : 0 }
        case .greater: for row in rows { target[row] = left(row).high > right(row).low ? 1 : 0 }
        case .greaterOrEqual: for row in rows { target[row] = left(row).high >= right(row).low ? 1 : 0 }
        case .equal:
            for row in rows {
                let (a, b) = (left(row), right(row))
                target[row] = a.low <= b.high && b.low <= a.high ? 1 : 0
            }
        case .notEqual:
            for row in rows {
                let (a, b) = (left(row), right(row))
                target[row] = a.low == a.high && b.low == b.high && a.low == b.low ? 0 : 1
            }
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
            let a = interval(node.pointee.left, context, encounter, (low, high))
            let b = interval(node.pointee.right, context, encounter, (low, high))
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

    /// What a side may be in an encounter, for lines between two days.
    @inline(__always) private func interval(
        _ side: ZoneTest.Side, _ context: SieveContext, _ encounter: Int, _ days: Bounds
    ) -> Bounds {
        if side.isLineDay { return (days.low &+ side.offset, days.high &+ side.offset) }
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

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let rows = context.rows(.encounter)
        let days = context.rows(.line).slots[context.lineDay]
        let isNear = isNear.pointer(context.encounters + 1)
        test.mayHold(context, into: isNear)
        for encounter in context.asked where isNear[encounter] != 0 {
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
