import Claims
import Glibc

/// The time of day in China Standard Time, as the interface writes it.
package enum WallClock {
    /// Milliseconds since 1970.
    package static var milliseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// Nanoseconds of a clock that never goes back.
    package static var steady: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }

    /// `yyyyMMddHHmmssSSS`.
    package static func compact(_ milliseconds: Int64) -> String {
        let local = milliseconds + 8 * 3_600_000
        let day = Day(number: Int32(truncatingIfNeeded: local / 86_400_000))
        let rest = Int(local % 86_400_000)
        let (year, month, number) = day.parts
        var digits: [UInt8] = []
        digits.reserveCapacity(17)
        func add(_ value: Int, _ width: Int) {
            var divisor = 1
            for _ in 1..<width { divisor *= 10 }
            for _ in 0..<width {
                digits.append(UInt8(0x30 + value / divisor % 10))
                divisor /= 10
            }
        }
        add(year, 4)
        add(month, 2)
        add(number, 2)
        add(rest / 3_600_000, 2)
        add(rest / 60_000 % 60, 2)
        add(rest / 1000 % 60, 2)
        add(rest % 1000, 3)
        return String(decoding: digits, as: UTF8.self)
    }
}
