import Claims
import Rules

/// Calendar periods and ages over plain day and second numbers; nil outside the days that have a date.
enum Calendar {
    /// The first day of the period that holds the day; for `hour`, the hours since 1970 of a moment.
    static func start(of period: Period, holding number: Int128) -> Int128? {
        if period == .hour { return Exact.floorDivide(number, by: 3600) }
        guard let day = Int32(exactly: number) else { return nil }
        let (year, month, _) = Day(number: day).parts
        switch period {
        // 1970-01-01 was a Thursday, three days after its Monday.
        case .week: return number - (number + 3 - Exact.floorDivide(number + 3, by: 7) * 7)
        case .month: return first(year, month)
        case .quarter: return first(year, (month - 1) / 3 * 3 + 1)
        case .year: return first(year, 1)
        case .hour: return nil
        }
    }

    /// The last day of the period that begins on the day.
    static func end(of period: Period, beginning number: Int128) -> Int128? {
        if period == .hour { return nil }
        if period == .week { return number + 6 }
        guard let day = Int32(exactly: number) else { return nil }
        let (year, month, _) = Day(number: day).parts
        let months = period == .month ? 1 : (period == .quarter ? 3 : 12)
        let next = month - 1 + months
        return first(year + next / 12, next % 12 + 1).map { $0 - 1 }
    }

    static func wholeYears(from birth: Int128, to day: Int128) -> Int128? {
        guard let birth = Int32(exactly: birth), let day = Int32(exactly: day) else { return nil }
        let (birthYear, birthMonth, birthDay) = Day(number: birth).parts
        let (year, month, dayOfMonth) = Day(number: day).parts
        let isBefore = (month, dayOfMonth) < (birthMonth, birthDay)
        return Int128(year - birthYear - (isBefore ? 1 : 0))
    }

    private static func first(_ year: Int, _ month: Int) -> Int128? {
        Day(year: year, month: month, day: 1).map { Int128($0.number) }
    }
}
