import Claims
import Rules

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

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let rows = context.rows(.encounter)
        let (starts, ends) = (rows.slots[start], rows.slots[end])
        let horizon = Int64(context.binding.horizonDay)
        let isFocus = context.flags(admittedBy: focus)
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
