import Claims

/// Which days are working days (工作日), as the State Council's office ordered them year by year.
///
/// A year without its notice is unknown, not guessed: counting that touches it gives nil.
package struct WorkCalendar: Sendable {
    package struct Year: Sendable {
        package let year: Int
        package let notice: String
        package let source: String
        package let holidays: Set<Day>
        package let madeUp: Set<Day>
    }

    package let years: [Int: Year]
    private let holidays: Set<Day>
    private let madeUp: Set<Day>

    package init(_ years: [Year]) {
        self.years = Dictionary(years.map { ($0.year, $0) }) { _, last in last }
        // A notice may order days of the year before: New Year's holiday can begin on 31 December.
        holidays = years.reduce(into: []) { $0.formUnion($1.holidays) }
        madeUp = years.reduce(into: []) { $0.formUnion($1.madeUp) }
    }

    /// nil: no notice of the day's year is known.
    package func isWorkingDay(_ day: Day) -> Bool? {
        if holidays.contains(day) { return false }
        if madeUp.contains(day) { return true }
        guard years[day.parts.year] != nil else { return nil }
        // 1970-01-01 was a Thursday.
        let weekday = ((Int(day.number) % 7) + 7 + 3) % 7
        return weekday < 5
    }

    /// The day that is `count` working days after; the day itself is not counted (开始的当日不计入).
    package func day(workingDays count: Int, after day: Day) -> Day? {
        var current = day
        var left = count
        while left > 0 {
            current = Day(number: current.number + 1)
            guard let works = isWorkingDay(current) else { return nil }
            if works { left -= 1 }
        }
        return current
    }

    /// Working days after `start` up to and with `end`.
    package func workingDays(after start: Day, through end: Day) -> Int? {
        var count = 0
        var current = start
        while current < end {
            current = Day(number: current.number + 1)
            guard let works = isWorkingDay(current) else { return nil }
            if works { count += 1 }
        }
        return count
    }

    /// The day, or the next working day when it is a day off (期限届满日为节假日的顺延).
    package func workingDay(onOrAfter day: Day) -> Day? {
        var current = day
        for _ in 0..<60 {
            guard let works = isWorkingDay(current) else { return nil }
            if works { return current }
            current = Day(number: current.number + 1)
        }
        return nil
    }
}
