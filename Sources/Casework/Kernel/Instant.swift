import Claims

/// A minute in China Standard Time (时刻), counted from 1970-01-01 00:00.
package struct Instant: Hashable, Comparable, Codable, Sendable {
    package let minute: Int64

    package init(minute: Int64) { self.minute = minute }

    package init(_ day: Day, hour: Int = 0, minute: Int = 0) {
        self.minute = Int64(day.number) * 1440 + Int64(hour * 60 + minute)
    }

    /// `yyyy-mm-dd` or `yyyy-mm-ddThh:mm`.
    package init?(_ text: String) {
        let halves = text.split(separator: "T", omittingEmptySubsequences: false)
        guard let first = halves.first, let day = Day(first), halves.count <= 2 else { return nil }
        guard halves.count == 2 else {
            self.init(day)
            return
        }
        let parts = halves[1].split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let hour = Int(parts[0]), let minute = Int(parts[1]), (0..<24).contains(hour),
            (0..<60).contains(minute)
        else { return nil }
        self.init(day, hour: hour, minute: minute)
    }

    package var day: Day {
        Day(number: Int32(clamping: minute >= 0 ? minute / 1440 : (minute - 1439) / 1440))
    }

    package static func < (a: Instant, b: Instant) -> Bool { a.minute < b.minute }
}

extension Instant: CustomStringConvertible {
    package var description: String {
        let within = minute - Int64(day.number) * 1440
        guard within != 0 else { return day.description }
        func two(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
        return "\(day)T\(two(within / 60)):\(two(within % 60))"
    }
}
