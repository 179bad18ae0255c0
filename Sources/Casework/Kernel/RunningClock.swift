import Claims

/// A clock that was started, as its events tell it.
package struct RunningClock: Sendable, Equatable {
    package enum Standing: Sendable, Equatable { case running, paused, stopped, lapsed }

    package let unit: ClockRule.Unit
    package let rolls: Bool
    package var since: Instant
    package var length: Int
    /// For a fixed day: the day itself.
    package var day: Day?
    /// Units used up before `since`.
    package var elapsed = 0
    /// Days by which pauses moved an end that is counted in calendar days.
    package var shift = 0
    package var extensions = 0
    package var pausedAt: Instant?
    package var standing = Standing.running

    /// The last minute that is still in time; nil: it cannot be known, because a year's notice of holidays is missing.
    package func due(in calendar: WorkCalendar) -> Instant? {
        let last: Day
        switch unit {
        case .hours: return Instant(minute: since.minute + Int64(max(0, length - elapsed)) * 60)
        case .workingDays:
            guard let day = calendar.day(workingDays: max(0, length - elapsed), after: since.day) else { return nil }
            return Self.endOf(day)
        case .days: last = Day(number: since.day.number + Int32(clamping: length + shift))
        case .months:
            guard let end = Self.months(length, after: since.day) else { return nil }
            last = Day(number: end.number + Int32(clamping: shift))
        case .settlementDay, .date:
            guard let day else { return nil }
            last = Day(number: day.number + Int32(clamping: shift))
        }
        guard rolls else { return Self.endOf(last) }
        return calendar.workingDay(onOrAfter: last).map(Self.endOf)
    }

    /// Whether the time was over at the instant; nil: unknown.
    package func hasPassed(at instant: Instant, in calendar: WorkCalendar) -> Bool? {
        switch standing {
        case .stopped, .paused: return false
        case .lapsed: return true
        case .running: return due(in: calendar).map { $0 < instant }
        }
    }

    /// Units used from `since` to the instant, for a pause.
    func elapsedUnits(at instant: Instant, in calendar: WorkCalendar) -> Int? {
        switch unit {
        case .hours: elapsed + Int((instant.minute - since.minute) / 60)
        case .workingDays: calendar.workingDays(after: since.day, through: instant.day).map { elapsed + $0 }
        case .days, .months, .settlementDay, .date: 0
        }
    }

    static func endOf(_ day: Day) -> Instant { Instant(day, hour: 23, minute: 59) }

    /// The same day of a later month, or its last day when it has no such day.
    package static func months(_ count: Int, after day: Day) -> Day? {
        let (year, month, number) = day.parts
        let index = year * 12 + month - 1 + count
        for back in 0..<4 {
            if let found = Day(year: index / 12, month: index % 12 + 1, day: number - back) { return found }
        }
        return nil
    }

    /// A day of the month that lies `later` months after `yyyy-mm`, or the month's last day.
    package static func settlementDay(_ number: Int, month: String, later: Int) -> Day? {
        guard let first = Day(month + "-01"), let start = months(later, after: first) else { return nil }
        let (year, month, _) = start.parts
        for day in stride(from: min(max(number, 1), 31), to: 0, by: -1) {
            if let found = Day(year: year, month: month, day: day) { return found }
        }
        return nil
    }
}
