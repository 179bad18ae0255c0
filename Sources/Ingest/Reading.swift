import Claims

/// Why a value could not be read. The raw value is what travels through the hot loops.
enum Misreading: UInt8 {
    case none = 0
    case malformed, tooManyDecimals, overflow, impossibleDate
}

/// Reads exact numbers, days and times from bytes. Never traps: every foreign digit goes through a bound.
enum Reading {
    /// A whole number; `30.0` is one, `30.5` is not.
    static func integer(_ cell: Cell, into result: inout Int64) -> Misreading {
        decimal(cell, scale: 0, shift: 0, into: &result)
    }

    /// A decimal as an integer of `scale` places. `shift` places are taken away first: 2 when the source counts in fen.
    @inline(__always)
    static func decimal(_ cell: Cell, scale: Int, shift: Int, into result: inout Int64) -> Misreading {
        let bytes = cell.start
        let count = cell.count
        var index = 0
        var negative = false
        if count > 0, bytes[0] == 0x2D || bytes[0] == 0x2B {
            negative = bytes[0] == 0x2D
            index = 1
        }
        var value: UInt64 = 0
        var digits = 0
        while index < count {
            let digit = bytes[index] &- 0x30
            if digit > 9 { break }
            if value > 900_000_000_000_000_000 { return .overflow }
            value = value &* 10 &+ UInt64(digit)
            digits &+= 1
            index &+= 1
        }
        var places = 0
        if index < count {
            if bytes[index] != 0x2E { return .malformed }
            index &+= 1
            let allowed = scale &- shift
            while index < count {
                let digit = bytes[index] &- 0x30
                if digit > 9 { return .malformed }
                if places < allowed {
                    if value > 900_000_000_000_000_000 { return .overflow }
                    value = value &* 10 &+ UInt64(digit)
                    places &+= 1
                } else if digit != 0 {
                    return .tooManyDecimals
                }
                digits &+= 1
                index &+= 1
            }
        }
        if digits == 0 { return .malformed }
        var raise = scale &- shift &- places
        while raise > 0 {
            if value > 900_000_000_000_000_000 { return .overflow }
            value = value &* 10
            raise &-= 1
        }
        while raise < 0 {
            if value % 10 != 0 { return .tooManyDecimals }
            value /= 10
            raise &+= 1
        }
        if value > 999_999_999_999_999_999 { return .overflow }
        result = negative ? 0 &- Int64(value) : Int64(value)
        return .none
    }

    /// Days since 1970-01-01 of a proleptic Gregorian date, or nil when it does not exist.
    @inline(__always)
    static func day(year: Int, month: Int, day: Int) -> Int32? {
        guard year >= 1, year <= 9999, month >= 1, month <= 12, day >= 1, day <= length(month: month, year: year)
        else { return nil }
        let shifted = month <= 2 ? year &- 1 : year
        let era = shifted / 400
        let yearOfEra = shifted &- era &* 400
        let monthIndex = month > 2 ? month &- 3 : month &+ 9
        let dayOfYear = (153 &* monthIndex &+ 2) / 5 &+ day &- 1
        let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
        return Int32(truncatingIfNeeded: era &* 146_097 &+ dayOfEra &- 719_468)
    }

    @inline(__always)
    private static func length(month: Int, year: Int) -> Int {
        if month == 2 { return (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) ? 29 : 28 }
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
    }
}

/// A day and, when the source tells it, the second of that day, in China Standard Time.
struct Moment {
    var day: Int32 = 0
    /// −1 when only the day is known.
    var second: Int32 = -1
}

/// Reads moments. Without a pattern it understands what exports and messages use: `2025-01-31`, `2025/1/31 8:05`,
/// `20250131`, `20250131080500123`, `2025-01-31T08:05:00Z`; a zone is converted to UTC+8.
struct MomentReader {
    /// Letters as in `yyyy-MM-dd HH:mm:ss`; empty means the tolerant reading.
    let pattern: [UInt8]
    private var cachedHead: UInt64 = 0
    private var cachedTail: UInt16 = 0
    private var cachedDay: Int32 = 0

    init(pattern: String = "") { self.pattern = Array(pattern.utf8) }

    @inline(__always)
    mutating func read(_ cell: Cell, into moment: inout Moment) -> Misreading {
        if pattern.isEmpty, cell.count >= 10 {
            let raw = UnsafeRawPointer(cell.start)
            let head = raw.loadUnaligned(as: UInt64.self)
            let tail = raw.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
            if head == cachedHead, tail == cachedTail {
                moment.day = cachedDay
            } else {
                guard cell.start[4] == 0x2D, cell.start[7] == 0x2D,
                    let year = MomentReader.number(cell.start, 4), let month = MomentReader.number(cell.start + 5, 2),
                    let day = MomentReader.number(cell.start + 8, 2)
                else { return readTolerantly(cell, into: &moment) }
                guard let number = Reading.day(year: year, month: month, day: day) else { return .impossibleDate }
                moment.day = number
                cachedHead = head
                cachedTail = tail
                cachedDay = number
            }
            if cell.count == 10 {
                moment.second = -1
                return .none
            }
            if cell.count == 19, cell.start[10] == 0x20 || cell.start[10] == 0x54, cell.start[13] == 0x3A,
                cell.start[16] == 0x3A, let hour = MomentReader.number(cell.start + 11, 2),
                let minute = MomentReader.number(cell.start + 14, 2),
                let second = MomentReader.number(cell.start + 17, 2), hour < 24, minute < 60, second < 60
            {
                moment.second = Int32(truncatingIfNeeded: hour &* 3600 &+ minute &* 60 &+ second)
                return .none
            }
        }
        return pattern.isEmpty ? readTolerantly(cell, into: &moment) : readByPattern(cell, into: &moment)
    }

    @inline(__always)
    private static func number(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        var value = 0
        var index = 0
        while index < count {
            let digit = bytes[index] &- 0x30
            if digit > 9 { return nil }
            value = value &* 10 &+ Int(digit)
            index &+= 1
        }
        return value
    }

    private func readTolerantly(_ cell: Cell, into moment: inout Moment) -> Misreading {
        // Runs of digits and what stands between them.
        var numbers: (Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0)
        var lengths: (Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0)
        var groups = 0
        var index = 0
        var zoneMinutes: Int? = nil
        if cell.count > 40 { return .malformed }
        while index < cell.count {
            let byte = cell.start[index]
            if byte &- 0x30 <= 9 {
                var value = 0
                var length = 0
                while index < cell.count, cell.start[index] &- 0x30 <= 9 {
                    if length < 17 { value = value &* 10 &+ Int(cell.start[index] &- 0x30) }
                    length &+= 1
                    index &+= 1
                }
                if groups == 7 || length > 17 { return .malformed }
                withUnsafeMutableBytes(of: &numbers) { $0.bindMemory(to: Int.self)[groups] = value }
                withUnsafeMutableBytes(of: &lengths) { $0.bindMemory(to: Int.self)[groups] = length }
                groups &+= 1
                continue
            }
            if groups >= 4, byte == 0x5A || byte == 0x7A {
                if index &+ 1 != cell.count { return .malformed }
                zoneMinutes = 0
                break
            }
            if groups >= 4, byte == 0x2B || byte == 0x2D {
                guard let minutes = MomentReader.zone(cell, from: index) else { return .malformed }
                zoneMinutes = minutes
                break
            }
            switch byte {
            case 0x2D, 0x2F: if groups == 0 || groups > 2 { return .malformed }
            case 0x3A: if groups < 4 { return .malformed }
            case 0x2E: if groups != 6 && groups != 1 && groups != 2 { return .malformed }
            case 0x20, 0x54: if groups != 3 && groups != 1 { return .malformed }
            default: return .malformed
            }
            index &+= 1
        }
        var year = numbers.0
        var month = numbers.1
        var day = numbers.2
        var hour = -1
        var minute = 0
        var second = 0
        if lengths.0 >= 8 {
            // yyyyMMdd, yyyyMMddHHmm, yyyyMMddHHmmss, yyyyMMddHHmmssSSS
            guard groups == 1, [8, 12, 14, 17].contains(lengths.0) else { return .malformed }
            var rest = numbers.0
            if lengths.0 == 17 { rest /= 1000 }
            if lengths.0 >= 14 {
                second = rest % 100
                rest /= 100
            }
            if lengths.0 >= 12 {
                minute = rest % 100
                hour = rest / 100 % 100
                rest /= 10_000
            }
            day = rest % 100
            month = rest / 100 % 100
            year = rest / 10_000
        } else {
            guard groups >= 3, lengths.0 == 4, lengths.1 <= 2, lengths.2 <= 2, groups != 4 else { return .malformed }
            if groups >= 5 {
                hour = numbers.3
                minute = numbers.4
                second = groups >= 6 ? numbers.5 : 0
            }
        }
        return MomentReader.finish(year, month, day, hour, minute, second, zoneMinutes, &moment)
    }

    private static func zone(_ cell: Cell, from index: Int) -> Int? {
        let negative = cell.start[index] == 0x2D
        let rest = cell.count &- index &- 1
        guard rest == 2 || rest == 4 || rest == 5, let hours = number(cell.start + index + 1, 2), hours <= 14
        else { return nil }
        var minutes = 0
        if rest > 2 {
            guard let tail = number(cell.start + cell.count - 2, 2), tail < 60 else { return nil }
            if rest == 5, cell.start[index &+ 3] != 0x3A { return nil }
            minutes = tail
        }
        return (hours &* 60 &+ minutes) &* (negative ? -1 : 1)
    }

    private static func finish(
        _ year: Int, _ month: Int, _ day: Int, _ hour: Int, _ minute: Int, _ second: Int, _ zoneMinutes: Int?,
        _ moment: inout Moment
    ) -> Misreading {
        guard let number = Reading.day(year: year, month: month, day: day) else { return .impossibleDate }
        moment.day = number
        moment.second = -1
        guard hour >= 0 else { return .none }
        // 24:00:00 is how some systems write the end of a day.
        if hour == 24, minute == 0, second == 0 {
            moment.day = number &+ 1
            moment.second = 0
            return .none
        }
        guard hour < 24, minute < 60, second < 60 else { return .impossibleDate }
        var total = hour &* 3600 &+ minute &* 60 &+ second
        if let zoneMinutes {
            total = total &+ (480 &- zoneMinutes) &* 60
            while total < 0 {
                total &+= 86_400
                moment.day &-= 1
            }
            while total >= 86_400 {
                total &-= 86_400
                moment.day &+= 1
            }
        }
        moment.second = Int32(truncatingIfNeeded: total)
        return .none
    }

    private func readByPattern(_ cell: Cell, into moment: inout Moment) -> Misreading {
        var year = 0
        var month = 1
        var day = 1
        var hour = -1
        var minute = 0
        var second = 0
        var at = 0
        var position = 0
        while position < pattern.count {
            let letter = pattern[position]
            var run = 1
            while position &+ run < pattern.count, pattern[position &+ run] == letter { run &+= 1 }
            let isLetter = (letter | 0x20) >= 0x61 && (letter | 0x20) <= 0x7A
            if !isLetter || letter == 0x54 {
                for _ in 0..<run {
                    guard at < cell.count, cell.start[at] == letter else { return .malformed }
                    at &+= 1
                }
                position &+= run
                continue
            }
            // One letter takes one or two digits; more letters take exactly that many.
            var value = 0
            var taken = 0
            let most = run == 1 ? 2 : run
            while taken < most, at < cell.count, cell.start[at] &- 0x30 <= 9 {
                value = value &* 10 &+ Int(cell.start[at] &- 0x30)
                taken &+= 1
                at &+= 1
            }
            if taken == 0 || (run > 1 && taken != run) { return .malformed }
            switch letter {
            case 0x79: year = run == 2 ? (value >= 70 ? 1900 &+ value : 2000 &+ value) : value
            case 0x4D: month = value
            case 0x64: day = value
            case 0x48: hour = value
            case 0x6D: minute = value
            case 0x73: second = value
            default: break
            }
            position &+= run
        }
        if at != cell.count { return .malformed }
        return MomentReader.finish(year, month, day, hour, minute, second, nil, &moment)
    }
}

extension Reading {
    /// The second of a day, written as `08:05`, `08:05:00` or `29100`; nil when it is none.
    static func secondOfDay(_ cell: Cell) -> Int32? {
        var number: Int64 = 0
        let parts = cell.text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 1 {
            guard integer(cell, into: &number) == .none, (0..<86_400).contains(number) else { return nil }
            return Int32(number)
        }
        guard (2...3).contains(parts.count), parts.allSatisfy({ (1...2).contains($0.utf8.count) }) else { return nil }
        let digits = parts.map { part in part.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? Int32(part) : nil }
        guard let hour = digits[0], let minute = digits[1], hour < 24, minute < 60 else { return nil }
        let second = parts.count == 3 ? digits[2] : 0
        guard let second, second < 60 else { return nil }
        return hour * 3600 + minute * 60 + second
    }
}
