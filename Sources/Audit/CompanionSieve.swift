import Claims
import Rules

/// A condition between an encounter and another one of the same person, from which a pair can be ruled out.
enum PairTest {
    /// Days or moments of both encounters, added up, compared with zero.
    struct Distance {
        /// Factors of the focus encounter's start and end, and of the other one's.
        var focusStart: Int64 = 0
        var focusEnd: Int64 = 0
        var relatedStart: Int64 = 0
        var relatedEnd: Int64 = 0
        var constant: Int64 = 0
        /// Seconds since 1970, not days.
        var isMoment = false
        var comparison = Comparison.equal
    }

    case distance(Distance)
    /// The same code column, perhaps through numbers of prefixes, is equal (or differs).
    case code(field: Int, numbers: [Int32]?, isEqual: Bool)

    /// What can be said of a window over encounters; the rest is left to the exact evaluation.
    static func tests(of window: Window, _ plan: SievePlan) -> [PairTest] {
        var tests: [PairTest] = []
        for same in window.same where same.focus.isMirror(of: same.related) {
            if let code = code(same.related, isEqual: true, plan) { tests.append(code) }
        }
        if case .days(let low, let high) = window.range {
            let distance = Distance(focusStart: -1, relatedStart: 1)
            if let low { tests.append(.distance(distance.with(.greaterOrEqual, Int64(low)))) }
            if let high { tests.append(.distance(distance.with(.lessOrEqual, Int64(high)))) }
        }
        for condition in window.filter?.conjuncts ?? [] {
            guard case .compare(let comparison, let left, let right) = condition.node else { continue }
            if comparison == .equal || comparison == .notEqual, left.isMirror(of: right),
                let code = code(left, isEqual: comparison == .equal, plan)
            {
                tests.append(code)
            } else if let distance = distance(comparison, left, right) {
                tests.append(.distance(distance))
            }
        }
        return tests
    }

    private static func code(_ expression: Expression, isEqual: Bool, _ plan: SievePlan) -> PairTest? {
        switch expression.node {
        case .field(let path, _):
            guard path.start == .encounter, path.steps.isEmpty, case .stored(let field) = path.field,
                Table.encounter.isNumbered(field)
            else { return nil }
            return .code(field: field, numbers: nil, isEqual: isEqual)
        case .prefix(let operand, let count):
            guard case .code(let field, nil, _)? = code(operand, isEqual: isEqual, plan) else { return nil }
            return .code(field: field, numbers: plan.binding.prefixNumbers(field, count), isEqual: isEqual)
        default: return nil
        }
    }

    private static func distance(_ comparison: Comparison, _ left: Expression, _ right: Expression) -> Distance? {
        var distance = Distance(comparison: comparison)
        var isMoment: Bool?
        guard add(left, 1, &distance, &isMoment), add(right, -1, &distance, &isMoment), let isMoment else { return nil }
        distance.isMoment = isMoment
        return distance
    }

    /// Adds an expression times a factor; false when it holds anything else than starts, ends and whole numbers.
    private static func add(
        _ expression: Expression, _ factor: Int64, _ distance: inout Distance, _ isMoment: inout Bool?
    ) -> Bool {
        switch expression.node {
        case .number(let value):
            guard expression.scale == 0, abs(value) < 1 << 40 else { return false }
            distance.constant += factor * value
            return true
        case .arithmetic(let operation, let a, let b):
            guard operation != .multiply else { return false }
            return add(a, factor, &distance, &isMoment)
                && add(b, operation == .add ? factor : -factor, &distance, &isMoment)
        case .dayOf(let operand): return add(operand, factor, &distance, &isMoment, asMoment: false)
        case .field: return add(expression, factor, &distance, &isMoment, asMoment: true)
        default: return false
        }
    }

    private static func add(
        _ expression: Expression, _ factor: Int64, _ distance: inout Distance, _ isMoment: inout Bool?, asMoment: Bool
    ) -> Bool {
        guard case .field(let path, let scope) = expression.node, path.start == .encounter, path.steps.isEmpty else {
            return false
        }
        // A day alone is the day of the start.
        let isDay = path.field == .day
        guard isDay || path.field == .start || path.field == .time || path.field == .end, !(isDay && !asMoment) else {
            return false
        }
        let unit = asMoment && !isDay
        guard isMoment == nil || isMoment == unit else { return false }
        isMoment = unit
        switch (scope, path.field == .end) {
        case (.focus, false): distance.focusStart += factor
        case (.focus, true): distance.focusEnd += factor
        case (.related, false): distance.relatedStart += factor
        case (.related, true): distance.relatedEnd += factor
        }
        return true
    }
}

extension PairTest.Distance {
    fileprivate func with(_ comparison: Comparison, _ limit: Int64) -> Self {
        var copy = self
        copy.comparison = comparison
        copy.constant = -limit
        return copy
    }
}

/// Encounters of persons who have another one that may be the related one.
final class CompanionSieve: SieveOperator {
    /// Beyond so many pairs of one person all encounters that fit alone are evaluated.
    private static let manyPairs = 40_000

    private let rule: Int
    private let focus: EncounterFilter
    private let related: EncounterFilter
    private let tests: [PairTest]

    init(_ rule: Int, _ focus: EncounterFilter, _ related: EncounterFilter, _ tests: [PairTest]) {
        self.rule = rule
        self.focus = focus
        self.related = related
        self.tests = tests
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let rows = context.rows(.encounter)
        let isFocus = context.flags(admittedBy: focus)
        related.forEachPerson(context) { companions, encounters in
            if encounters.count < 2 { return }
            let isLarge = companions.count * encounters.count > Self.manyPairs
            for encounter in encounters where isFocus[encounter] != 0 {
                var mayHold = isLarge && (companions.count > 1 || Int(companions[0]) != encounter)
                if !isLarge {
                    for other in companions where !mayHold && Int(other) != encounter {
                        mayHold = mayBePair(encounter, Int(other), context, rows)
                    }
                }
                if mayHold { lists[rule].append(Int32(truncatingIfNeeded: encounter)) }
            }
        }
    }

    private func mayBePair(_ focus: Int, _ related: Int, _ context: SieveContext, _ rows: TableRows) -> Bool {
        for test in tests {
            switch test {
            case .code(let field, let numbers, let isEqual):
                var a = rows.slots[field].code(focus)
                var b = rows.slots[field].code(related)
                if a < 0 || b < 0 { continue }
                if let numbers {
                    a = numbers[Int(a)]
                    b = numbers[Int(b)]
                }
                if (a == b) != isEqual { return false }
            case .distance(let distance):
                if !mayHold(distance, focus, related, context.binding, rows) { return false }
            }
        }
        return true
    }

    private func mayHold(
        _ distance: PairTest.Distance, _ focus: Int, _ related: Int, _ binding: Binding, _ rows: TableRows
    ) -> Bool {
        var low = distance.constant
        var high = distance.constant
        for (factor, row, isStart) in [
            (distance.focusStart, focus, true), (distance.focusEnd, focus, false),
            (distance.relatedStart, related, true), (distance.relatedEnd, related, false),
        ] where factor != 0 {
            guard let time = time(row, isStart: isStart, isMoment: distance.isMoment, binding, rows) else {
                return true
            }
            low += factor * (factor > 0 ? time.low : time.high)
            high += factor * (factor > 0 ? time.high : time.low)
        }
        switch distance.comparison {
        case .less: return low < 0
        case .lessOrEqual: return low <= 0
        case .greater: return high > 0
        case .greaterOrEqual: return high >= 0
        case .equal: return low <= 0 && high >= 0
        case .notEqual: return low != 0 || high != 0
        }
    }

    /// Start or end of an encounter as far as it is known; an open stay ends with the horizon.
    private func time(
        _ row: Int, isStart: Bool, isMoment: Bool, _ binding: Binding, _ rows: TableRows
    ) -> (low: Int64, high: Int64)? {
        let days = rows.slots[isStart ? binding.startDay : binding.endDay]
        guard days.isValid(row) else {
            if isStart { return nil }
            let day = Int64(binding.horizonDay)
            let moment = day * 86_400 + 86_399
            return isMoment ? (moment, moment) : (day, day)
        }
        let day = Int64(days.int32s[row])
        guard isMoment else { return (day, day) }
        let seconds = rows.slots[isStart ? binding.startSecond : binding.endSecond]
        guard seconds.isValid(row) else { return (day * 86_400, day * 86_400 + 86_399) }
        let moment = day * 86_400 + Int64(seconds.int32s[row])
        return (moment, moment)
    }
}
