import Claims
import Rules

/// Whether the data can be trusted to hold every row of a window (部分历史).
extension Evaluator {
    /// Whether everything the window asks for lies inside what the dataset covers.
    func isComplete(_ window: WindowPlan, _ focus: Int) -> Bool {
        if window.isBounded || binding.isClosedWorld { return true }
        if window.scope == .members { return areMembersComplete }
        for index in 0..<window.calendarKeyCount where isCovered(window.calendarKeys[index], focus) { return true }
        switch window.range {
        case .days(let low?, let high?):
            let day = evaluate(window.focusTime, focus)
            return day.isFinite && binding.covers(day.lo + Int128(low), day.hi + Int128(high))
        case .seconds(let low?, let high?):
            let moment = evaluate(window.focusTime, focus)
            return moment.isFinite
                && binding.covers(
                    Value.floorDivide(moment.lo + Int128(low), 86_400),
                    Value.floorDivide(moment.hi + Int128(high), 86_400))
        default: return false
        }
    }

    /// Whether the days of a calendar key lie inside the coverage.
    func isCovered(_ key: CalendarKey, _ focus: Int) -> Bool {
        let value = evaluate(key.node, focus)
        guard value.isFinite else { return false }
        switch key.period {
        case nil: return binding.covers(value.lo, value.hi)
        case .hour: return binding.covers(Value.floorDivide(value.lo, 24), Value.floorDivide(value.hi, 24))
        case .some(let period):
            let end = Calendar.periodEnd(Int32(truncatingIfNeeded: value.hi), period.number)
            return value.isKnown && binding.covers(value.lo, Int128(end))
        }
    }
}
