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

/// The terms of a test in the order in which they are worked out, a block of lines at a time.
///
/// Every value is read once, so what was worked out is written over.
final class VectorProgram {
    static let block = 1024

    private struct Step {
        enum Kind { case field, constant, add, subtract, multiply, multiplyByConstant, absolute, negate }

        let kind: Kind
        /// Earlier steps, or the field.
        var a = 0
        var b = 0
        var constant: Int64 = 0
        /// Where the values go; those of a field of 64 bits are read where they lie.
        var buffer: UnsafeMutablePointer<Int64>
    }

    private let steps: UnsafeMutablePointer<Step>
    private let values: UnsafeMutablePointer<UnsafePointer<Int64>>
    private let count: Int
    private let left: Int
    private let right: Int
    private let buffers: [UnsafeMutablePointer<Int64>]

    init(_ test: VectorTest) {
        var made: [Step] = []
        var buffers: [UnsafeMutablePointer<Int64>] = []
        func fresh() -> UnsafeMutablePointer<Int64> {
            buffers.append(.allocate(capacity: Self.block))
            return buffers[buffers.count - 1]
        }
        func isFree(_ step: Int) -> Bool { made[step].kind != .field && made[step].kind != .constant }
        func step(_ kind: Step.Kind, _ a: VectorTest.Term, _ b: VectorTest.Term? = nil) -> Int {
            let first = add(a)
            let second = b.map(add) ?? first
            let buffer = isFree(first) ? made[first].buffer : isFree(second) ? made[second].buffer : fresh()
            made.append(Step(kind: kind, a: first, b: second, buffer: buffer))
            return made.count - 1
        }
        func add(_ term: VectorTest.Term) -> Int {
            switch term {
            case .field(let field): made.append(Step(kind: .field, a: field, buffer: fresh()))
            case .constant(let value):
                made.append(Step(kind: .constant, constant: value, buffer: fresh()))
                made[made.count - 1].buffer.initialize(repeating: value, count: Self.block)
            case .multiply(let a, .constant(let factor)):
                let place = step(.multiplyByConstant, a)
                made[place].constant = factor
            case .multiply(let a, let b): return step(.multiply, a, b)
            case .add(let a, let b): return step(.add, a, b)
            case .subtract(let a, let b): return step(.subtract, a, b)
            case .absolute(let a): return step(.absolute, a)
            case .negate(let a): return step(.negate, a)
            }
            return made.count - 1
        }
        left = add(test.left)
        right = add(test.right)
        count = made.count
        self.buffers = buffers
        steps = .allocate(capacity: made.count)
        steps.initialize(from: made, count: made.count)
        values = .allocate(capacity: made.count)
        for place in 0..<made.count { (values + place).initialize(to: UnsafePointer(made[place].buffer)) }
    }

    deinit {
        for buffer in buffers { buffer.deallocate() }
        steps.deallocate()
        values.deallocate()
    }

    /// Both sides of the test for the lines from `start`, a block at most. Valid until the next call.
    func run(
        _ slots: UnsafeMutablePointer<Slot>, _ start: Int, _ lines: Int
    ) -> (left: UnsafePointer<Int64>, right: UnsafePointer<Int64>) {
        for place in 0..<count {
            let step = steps + place
            let target = step.pointee.buffer
            switch step.pointee.kind {
            case .field:
                let slot = slots + step.pointee.a
                if slot.pointee.kind == .int64 {
                    values[place] = slot.pointee.int64s + start
                } else {
                    let narrow = slot.pointee.int32s + start
                    for index in 0..<lines { target[index] = Int64(narrow[index]) }
                    values[place] = UnsafePointer(target)
                }
            case .constant: break
            case .add: ColumnLoops.add(values[step.pointee.a], values[step.pointee.b], into: target, count: lines)
            case .subtract:
                ColumnLoops.subtract(values[step.pointee.a], values[step.pointee.b], into: target, count: lines)
            case .multiply:
                ColumnLoops.multiply(values[step.pointee.a], values[step.pointee.b], into: target, count: lines)
            case .multiplyByConstant:
                ColumnLoops.multiply(values[step.pointee.a], by: step.pointee.constant, into: target, count: lines)
            case .absolute: ColumnLoops.absolute(values[step.pointee.a], into: target, count: lines)
            case .negate: ColumnLoops.multiply(values[step.pointee.a], by: -1, into: target, count: lines)
            }
        }
        return (values[left], values[right])
    }
}

/// Runs a vector test over a chunk; where 64 bits might not hold a value, or one is unknown, lines pass.
final class VectorSieve: SieveOperator {
    private let rule: Int
    private let test: VectorTest
    private let program: VectorProgram
    private let relation: ColumnLoops.Relation
    private let condition: EncounterFilter
    private let safeMagnitude: Int64
    /// The fields of the test: first those that the rule wants to be known, so that a line without one is clear.
    private let fields: UnsafeMutableBufferPointer<Int>
    private let knownCount: Int
    private let found = Scratch<Int32>()
    private let magnitudes: UnsafeMutablePointer<Int64>

    init(_ rule: Int, _ test: VectorTest, _ condition: EncounterFilter, _ known: Set<Int>) {
        self.rule = rule
        self.test = test
        self.condition = condition
        program = VectorProgram(test)
        relation = Self.relation(test.comparison)
        safeMagnitude = test.safeMagnitude
        let needed = test.fields.filter { known.contains($0) }
        knownCount = needed.count
        fields = .allocate(capacity: test.fields.count)
        _ = fields.initialize(from: needed + test.fields.filter { !known.contains($0) })
        magnitudes = .allocate(capacity: Table.line.fields.count)
        magnitudes.initialize(repeating: Int64.max, count: Table.line.fields.count)
    }

    deinit {
        fields.deallocate()
        magnitudes.deallocate()
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let slots = context.rows(.line).slots
        // A field that no line has, and that must be known.
        for place in 0..<knownCount where slots[fields[place]].kind == .absent { return }
        // Long blocks are quicker than the encounters one by one, where there are many of them.
        if condition.isEmpty || context.asked.count > VectorProgram.block {
            return run(context.askedLines, slots, lists)
        }
        let rows = context.rows(.encounter)
        for encounter in context.asked where condition.admits(encounter, rows) {
            run(context.lines(of: encounter), slots, lists)
        }
    }

    private func run(
        _ range: Range<Int>, _ slots: UnsafeMutablePointer<Slot>, _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        let found = found.pointer(VectorProgram.block + ColumnLoops.slack)
        var start = range.lowerBound
        while start < range.upperBound {
            let count = min(VectorProgram.block, range.upperBound - start)
            // Each block by itself: what is looked at for its size is near when it is computed with.
            if isSafe(slots, start..<start + count) {
                let (a, b) = program.run(slots, start, count)
                for place in 0..<ColumnLoops.rows(where: relation, a, b, count: count, first: start, into: found) {
                    lists[rule].append(found[place])
                }
            } else {
                lists[rule].append(all: start..<start + count)
            }
            start += count
        }
        for field in fields[knownCount...] {
            guard slots[field].validity != nil || slots[field].kind == .absent else { continue }
            for line in range where !slots[field].isValid(line) { lists[rule].append(Int32(line)) }
        }
    }

    /// Whether 64 bits hold both sides for all of some lines; false where no line has one of the fields.
    private func isSafe(_ slots: UnsafeMutablePointer<Slot>, _ lines: Range<Int>) -> Bool {
        var largest: Int64 = 0
        for field in fields {
            magnitudes[field] = Self.magnitude(slots + field, lines)
            largest = max(largest, magnitudes[field])
        }
        if largest <= safeMagnitude { return true }
        if largest == Int64.max { return false }
        let limits = { (field: Int) in self.magnitudes[field] }
        return VectorTest.bound(test.left, limits) != nil && VectorTest.bound(test.right, limits) != nil
    }

    /// A power of two that no value in the lines exceeds in magnitude.
    private static func magnitude(_ slot: UnsafeMutablePointer<Slot>, _ lines: Range<Int>) -> Int64 {
        let length: Int
        switch slot.pointee.kind {
        case .int64: length = ColumnLoops.bits(slot.pointee.int64s + lines.lowerBound, count: lines.count)
        case .int32:
            let values = slot.pointee.int32s
            // A negative number is as long as its complement.
            var bits: Int32 = 0
            for line in lines { bits |= values[line] ^ (values[line] &>> 31) }
            length = 32 - bits.leadingZeroBitCount
        default: return Int64.max
        }
        return length > 62 ? Int64.max : 1 &<< Int64(length)
    }

    private static func relation(_ comparison: Comparison) -> ColumnLoops.Relation {
        switch comparison {
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        case .equal: .equal
        case .notEqual: .notEqual
        }
    }
}
