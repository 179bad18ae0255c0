import Claims
import Columns
import Rules

/// A comparison of arithmetic over stored numbers of the line, evaluated a block of lines at a time.
final class VectorTest: Sendable {
    indirect enum Term: Sendable {
        case field(Int)
        case constant(Int64)
        case add(Term, Term)
        case subtract(Term, Term)
        case multiply(Term, Term)
        case absolute(Term)
        case negate(Term)
    }

    let comparison: Comparison
    let left: Term
    let right: Term
    let fields: [Int]
    /// While no field is larger in magnitude, 64 bits hold both sides; 0: that is not known of any.
    let safeMagnitude: Int64

    init?(_ expression: Expression) {
        guard case .compare(let comparison, let left, let right) = expression.node,
            case .number = left.type, case .number = right.type
        else { return nil }
        let scale = max(left.scale, right.scale)
        var fields: Set<Int> = []
        guard let a = Self.term(left, scale: scale, &fields), let b = Self.term(right, scale: scale, &fields),
            !fields.isEmpty
        else { return nil }
        self.comparison = comparison
        self.left = a
        self.right = b
        self.fields = fields.sorted()
        safeMagnitude =
            (1...62).reversed().lazy.map { Int64(1) << Int64($0) }.first { limit in
                Self.bound(a, { _ in limit }) != nil && Self.bound(b, { _ in limit }) != nil
            } ?? 0
    }

    private static func term(_ expression: Expression, scale: Int, _ fields: inout Set<Int>) -> Term? {
        let own = expression.scale
        func scaled(_ term: Term) -> Term {
            own < scale ? .multiply(term, .constant(Int64.power(ofTen: scale - own))) : term
        }
        switch expression.node {
        case .number(let value): return scaled(.constant(value))
        case .field(let path, .focus):
            guard path.start == .line, path.steps.isEmpty, case .stored(let field) = path.field else { return nil }
            switch Table.line.fields[field].kind {
            case .decimal, .integer:
                fields.insert(field)
                return scaled(.field(field))
            default: return nil
            }
        case .arithmetic(let operation, let a, let b):
            switch operation {
            case .multiply:
                guard let x = term(a, scale: a.scale, &fields), let y = term(b, scale: b.scale, &fields) else {
                    return nil
                }
                return scaled(.multiply(x, y))
            case .add, .subtract:
                guard let x = term(a, scale: own, &fields), let y = term(b, scale: own, &fields) else { return nil }
                return scaled(operation == .add ? .add(x, y) : .subtract(x, y))
            }
        case .absolute(let a): return term(a, scale: own, &fields).map { scaled(.absolute($0)) }
        case .negate(let a): return term(a, scale: own, &fields).map { scaled(.negate($0)) }
        default: return nil
        }
    }

    /// The stored numbers of the line that conditions want to be known.
    static func knownFields(_ conjuncts: [Expression]) -> Set<Int> {
        Set(
            conjuncts.compactMap { conjunct in
                guard case .isKnown(let operand) = conjunct.node, case .field(let path, .focus) = operand.node,
                    path.start == .line, path.steps.isEmpty, case .stored(let field) = path.field
                else { return nil }
                return field
            })
    }

    /// The largest magnitude a term can have when each field stays within its bound; nil when 64 bits may not hold it.
    static func bound(_ term: Term, _ limits: (Int) -> Int64) -> Int64? {
        switch term {
        case .field(let field): return limits(field)
        case .constant(let value): return value == Int64.min ? nil : abs(value)
        case .absolute(let a), .negate(let a): return bound(a, limits)
        case .add(let a, let b), .subtract(let a, let b):
            guard let x = bound(a, limits), let y = bound(b, limits) else { return nil }
            let (sum, overflow) = x.addingReportingOverflow(y)
            return overflow ? nil : sum
        case .multiply(let a, let b):
            guard let x = bound(a, limits), let y = bound(b, limits) else { return nil }
            let (product, overflow) = x.multipliedReportingOverflow(by: y)
            return overflow ? nil : product
        }
    }
}

/// Runs a vector test over a chunk; where 64 bits might not hold a value, or one is unknown, lines pass.
final class VectorSieve: SieveOperator {
    private static let block = 1024
    private let rule: Int
    private let test: VectorTest
    private let condition: EncounterFilter
    /// Fields that the rule wants to be known: a line without one is clear.
    private let known: Set<Int>
    /// The others.
    private let unneeded: [Int]
    private var buffers: [UnsafeMutablePointer<Int64>] = []
    private let found = Scratch<Int32>()
    private var magnitudes = [Int64](repeating: Int64.max, count: Table.line.fields.count)

    init(_ rule: Int, _ test: VectorTest, _ condition: EncounterFilter, _ known: Set<Int>) {
        self.rule = rule
        self.test = test
        self.condition = condition
        self.known = known
        unneeded = test.fields.filter { !known.contains($0) }
    }

    deinit { for buffer in buffers { buffer.deallocate() } }

    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let slots = context.rows(.line).slots
        // A field that no line has, and that must be known.
        for field in test.fields where slots[field].kind == .absent && known.contains(field) { return }
        // Long blocks are quicker than the encounters one by one, where there are many of them.
        if condition.isEmpty || context.asked.count > Self.block { return run(context.askedLines, slots, lists) }
        let rows = context.rows(.encounter)
        for encounter in context.asked where condition.admits(encounter, rows) {
            run(context.lines(of: encounter), slots, lists)
        }
    }

    private func run(
        _ range: Range<Int>, _ slots: UnsafeMutablePointer<Slot>, _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        var start = range.lowerBound
        while start < range.upperBound {
            let count = min(Self.block, range.upperBound - start)
            // Each block by itself: what is looked at for its size is near when it is computed with.
            if isSafe(slots, start..<start + count) {
                let a = evaluate(test.left, slots, start, count, depth: 0)
                let b = evaluate(test.right, slots, start, count, depth: 8)
                collect(a, b, start, count, lists)
            } else {
                lists[rule].append(all: start..<start + count)
            }
            start += count
        }
        for field in unneeded {
            guard slots[field].validity != nil || slots[field].kind == .absent else { continue }
            for line in range where !slots[field].isValid(line) { lists[rule].append(Int32(line)) }
        }
    }

    /// Whether 64 bits hold both sides for all of some lines.
    private func isSafe(_ slots: UnsafeMutablePointer<Slot>, _ lines: Range<Int>) -> Bool {
        var largest: Int64 = 0
        for field in test.fields {
            magnitudes[field] = Self.magnitude(slots[field], lines)
            largest = max(largest, magnitudes[field])
        }
        if largest <= test.safeMagnitude { return true }
        let limits = { (field: Int) in self.magnitudes[field] }
        return VectorTest.bound(test.left, limits) != nil && VectorTest.bound(test.right, limits) != nil
    }

    /// A power of two that no value in the lines exceeds in magnitude.
    private static func magnitude(_ slot: Slot, _ lines: Range<Int>) -> Int64 {
        let length: Int
        switch slot.kind {
        case .int64: length = ColumnLoops.bits(slot.int64s + lines.lowerBound, count: lines.count)
        case .int32:
            let values = slot.int32s
            // A negative number is as long as its complement.
            var bits: Int32 = 0
            for line in lines { bits |= values[line] ^ (values[line] &>> 31) }
            length = 32 - bits.leadingZeroBitCount
        default: return Int64.max
        }
        return length > 62 ? Int64.max : 1 &<< Int64(length)
    }

    private func buffer(_ depth: Int) -> UnsafeMutablePointer<Int64> {
        while buffers.count <= depth { buffers.append(.allocate(capacity: Self.block)) }
        return buffers[depth]
    }

    private func evaluate(
        _ term: VectorTest.Term, _ slots: UnsafeMutablePointer<Slot>, _ start: Int, _ count: Int, depth: Int
    ) -> UnsafePointer<Int64> {
        let target = buffer(depth)
        switch term {
        case .field(let field):
            if slots[field].kind == .int64 { return slots[field].int64s + start }
            let values = slots[field].int32s + start
            for index in 0..<count { target[index] = Int64(values[index]) }
        case .constant(let value): for index in 0..<count { target[index] = value }
        case .multiply(let x, .constant(let factor)):
            let a = evaluate(x, slots, start, count, depth: depth + 1)
            ColumnLoops.multiply(a, by: factor, into: target, count: count)
        case .add(let x, let y):
            let a = evaluate(x, slots, start, count, depth: depth + 1)
            let b = evaluate(y, slots, start, count, depth: depth + 2)
            ColumnLoops.add(a, b, into: target, count: count)
        case .subtract(let x, let y):
            let a = evaluate(x, slots, start, count, depth: depth + 1)
            let b = evaluate(y, slots, start, count, depth: depth + 2)
            ColumnLoops.subtract(a, b, into: target, count: count)
        case .multiply(let x, let y):
            let a = evaluate(x, slots, start, count, depth: depth + 1)
            let b = evaluate(y, slots, start, count, depth: depth + 2)
            ColumnLoops.multiply(a, b, into: target, count: count)
        case .absolute(let x):
            let a = evaluate(x, slots, start, count, depth: depth + 1)
            ColumnLoops.absolute(a, into: target, count: count)
        case .negate(let x):
            let a = evaluate(x, slots, start, count, depth: depth + 1)
            for index in 0..<count { target[index] = 0 &- a[index] }
        }
        return UnsafePointer(target)
    }

    private func collect(
        _ a: UnsafePointer<Int64>, _ b: UnsafePointer<Int64>, _ start: Int, _ count: Int,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        let found = found.pointer(count + ColumnLoops.slack)
        let relation: ColumnLoops.Relation =
            switch test.comparison {
            case .less: .less
            case .lessOrEqual: .lessOrEqual
            case .greater: .greater
            case .greaterOrEqual: .greaterOrEqual
            case .equal: .equal
            case .notEqual: .notEqual
            }
        for place in 0..<ColumnLoops.rows(where: relation, a, b, count: count, first: start, into: found) {
            lists[rule].append(found[place])
        }
    }
}
