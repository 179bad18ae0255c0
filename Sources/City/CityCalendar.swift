import Claims

/// The days of the city's year, counted from 0 on the first of January.
///
/// Days before and after the year are known too, because a stay may reach over new year. Texts are kept ready, since
/// every fee line prints one.
struct CityCalendar {
    let year: Int
    /// The first of January.
    let first: Day
    /// 365 or 366.
    let count: Int
    /// The month (0…11) of each day of the year.
    let month: [Int]
    private let texts: [[UInt8]]

    private static let margin = 40

    init(year: Int) {
        guard let first = Day(year: year, month: 1, day: 1), let next = Day(year: year + 1, month: 1, day: 1) else {
            preconditionFailure("a city plan allows no such year: \(year)")
        }
        self.year = year
        self.first = first
        count = Int(next.number - first.number)
        month = (0..<count).map { Day(number: first.number + Int32($0)).parts.month - 1 }
        texts = (-CityCalendar.margin..<(count + CityCalendar.margin)).map { offset in
            Array(Day(number: first.number + Int32(offset)).description.utf8)
        }
    }

    /// `2025-03-01`.
    @inline(__always)
    func text(_ day: Int) -> [UInt8] { texts[day + CityCalendar.margin] }

    /// The text of any day, also decades ago.
    func anyText(_ day: Int) -> String { Day(number: first.number + Int32(day)).description }

    /// 0 = Monday … 6 = Sunday. 1970-01-01 was a Thursday.
    func weekday(_ day: Int) -> Int { (((Int(first.number) + day + 3) % 7) + 7) % 7 }

    func isWeekend(_ day: Int) -> Bool { weekday(day) >= 5 }

    /// The day (from 0) of a date in the year; a date of ours that does not exist is a mistake.
    func day(_ month: Int, _ day: Int) -> Int {
        guard let date = Day(year: year, month: month, day: day) else {
            preconditionFailure("no such day: \(month)-\(day)")
        }
        return Int(date.number - first.number)
    }

    /// Whole years of age on a day, for a birth day counted like the days of the year.
    func age(birth: Int, on day: Int) -> Int {
        let then = Day(number: first.number + Int32(birth)).parts
        let now = Day(number: first.number + Int32(day)).parts
        return now.year - then.year - ((now.month, now.day) < (then.month, then.day) ? 1 : 0)
    }
}
