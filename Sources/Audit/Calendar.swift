import Claims

/// Calendar arithmetic on day numbers, for values that may be intervals.
enum Calendar {
    /// The first day of the week (Monday), month, quarter or year that holds the day.
    static func periodStart(_ day: Int32, _ period: Int64) -> Int32 {
        // 1970-01-01 was a Thursday: day 4 is a Monday.
        if period == 0 {
            let weekday = ((day - 4) % 7 + 7) % 7
            return day - weekday
        }
        let parts = Day(number: day).parts
        let month: Int
        switch period {
        case 1: month = parts.month
        case 2: month = (parts.month - 1) / 3 * 3 + 1
        default: month = 1
        }
        return Day(year: parts.year, month: month, day: 1)?.number ?? day
    }

    /// The last day of the period that starts on the day.
    static func periodEnd(_ start: Int32, _ period: Int64) -> Int32 {
        switch period {
        case 0: start + 6
        case 1: periodStart(start + 31, 1) - 1
        case 2: periodStart(start + 95, 1) - 1
        default: periodStart(start + 366, 3) - 1
        }
    }

    /// Months since year 0, for counting by month.
    static func monthNumber(_ day: Int32) -> Int32 {
        let parts = Day(number: day).parts
        return Int32(parts.year * 12 + parts.month - 1)
    }

    /// Whole years from a birth to a day (周岁).
    static func age(birth: Value, day: Value) -> Value {
        guard birth.isFinite, day.isFinite else { return .unknown }
        return Value(lo: years(birth.hi, day.lo), hi: years(birth.lo, day.hi))
    }

    private static func years(_ birth: Int128, _ day: Int128) -> Int128 {
        let b = Day(number: Int32(truncatingIfNeeded: birth)).parts
        let d = Day(number: Int32(truncatingIfNeeded: day)).parts
        return Int128(d.year - b.year - ((d.month, d.day) < (b.month, b.day) ? 1 : 0))
    }
}

extension Value {
    var isFinite: Bool { lo != Value.minusInfinity && hi != Value.infinity }

    /// Applies a non-decreasing function to both ends; unbounded values stay unknown.
    @inline(__always) func mapMonotone(_ transform: (Int128) -> Int128) -> Value {
        guard isFinite else { return .unknown }
        if lo == hi {
            let known = transform(lo)
            return Value(lo: known, hi: known)
        }
        return Value(lo: transform(lo), hi: transform(hi))
    }

    static func floorDivide(_ a: Int128, _ b: Int128) -> Int128 {
        let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
