import Claims
import Testing

@testable import Casework

struct CalendarTests {
    let calendar: WorkCalendar

    init() throws { calendar = try #require(Golden.shipped).calendar }

    /// The number of working days of a year, counted from the notices: 52 weeks' weekdays, less days off, plus days made up.
    @Test(arguments: [(2022, 249), (2024, 251), (2025, 248), (2026, 248)]) func workingDaysOfAYear(
        year: Int, expected: Int
    ) throws {
        let first = try #require(Day(year: year, month: 1, day: 1))
        let next = try #require(Day(year: year + 1, month: 1, day: 1))
        let working = (first.number..<next.number).filter { calendar.isWorkingDay(Day(number: $0)) == true }
        #expect(working.count == expected)
    }

    @Test func unknownYearsAreUnknown() throws {
        let inside = try #require(Day("2026-12-30"))
        let beyond = try #require(Day("2027-01-04"))
        #expect(calendar.isWorkingDay(beyond) == nil)
        #expect(calendar.day(workingDays: 1, after: inside) == Day("2026-12-31"))
        #expect(calendar.day(workingDays: 2, after: inside) == nil)
    }

    @Test func daysMadeUpAreWorkingDays() throws {
        for (text, works) in [
            ("2026-02-14", true), ("2026-02-15", false), ("2026-02-23", false), ("2026-02-28", true),
            ("2025-10-08", false), ("2025-09-28", true), ("2022-12-31", false), ("2026-03-07", false),
        ] {
            #expect(calendar.isWorkingDay(try #require(Day(text))) == works, "\(text)")
        }
    }

    @Test func monthsEndWhereMonthsEnd() throws {
        func later(_ text: String, _ count: Int) -> String? {
            Day(text).flatMap { RunningClock.months(count, after: $0) }?.description
        }
        #expect(later("2025-11-30", 3) == "2026-02-28")
        #expect(later("2024-01-31", 1) == "2024-02-29")
        #expect(later("2025-12-15", 1) == "2026-01-15")
        #expect(RunningClock.settlementDay(31, month: "2026-01", later: 1)?.description == "2026-02-28")
        #expect(RunningClock.settlementDay(21, month: "2026-12", later: 1)?.description == "2027-01-21")
    }
}
