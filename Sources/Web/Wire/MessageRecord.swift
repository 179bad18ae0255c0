import Claims
import Columns
import Rules

/// The members of one object of a message that a reader asked for, as values of the claims model.
///
/// Nothing is guessed: what cannot be read is unknown, and is noted in `Tolerance` so that the sender can be told.
package struct MessageRecord {
    private let object: JSONValue
    private var cells: InlineArray<32, Int32>

    /// How many members of one object a table may ask for.
    static let membersMax = 32

    /// Takes the members out of an object in one pass over it.
    package init(_ value: JSONValue, _ table: NameTable) {
        object = value
        cells = InlineArray(repeating: -1)
        guard value.kind == .object else { return }
        var child = value.node + 1
        let end = Int(value.nodes[value.node].after)
        while child < end {
            let node = value.nodes + child
            if let place = table.place(node.pointee.name, in: value.bytes), cells[place] < 0 {
                cells[place] = Int32(truncatingIfNeeded: child)
            }
            child = Int(node.pointee.after)
        }
    }

    package func value(_ place: Int) -> JSONValue? {
        cells[place] < 0 ? nil : JSONValue(object, node: Int(cells[place]))
    }

    /// Whether the object has the member at all.
    func has(_ place: Int) -> Bool { cells[place] >= 0 }

    package func text(_ place: Int) -> String? { value(place)?.text }

    /// Whether it says `1` or `true`; nil where it says nothing.
    package func flag(_ place: Int) -> Bool? {
        guard let value = value(place) else { return nil }
        switch value.kind {
        case .yes: return true
        case .no: return false
        case .null, .object, .array: return nil
        case .string, .number: break
        }
        if value.nodes[value.node].isEscaped { return value.text.map { $0 == "1" || $0 == "true" } }
        let (start, count) = value.trimmedBytes
        guard count > 0, !value.isNothing(start, count) else { return nil }
        let word: StaticString = "true"
        return count == 1 ? start[0] == 0x31 : count == 4 && NameTable.equal(start, word.utf8Start, 4)
    }

    /// A code: `--`, `-` say nothing.
    package func code(_ place: Int) -> String? {
        guard let text = text(place), text != "-", text != "--" else { return nil }
        return text
    }

    /// The number of the text among `texts`, nil where it says nothing; of a code, `--` and `-` say nothing either.
    package func number(_ place: Int, _ texts: StringDictionary, isCode: Bool = true) -> Int32? {
        guard let value = value(place) else { return nil }
        switch value.kind {
        case .null, .object, .array: return nil
        case .string, .number:
            guard !value.nodes[value.node].isEscaped else { break }
            let (start, count) = value.trimmedBytes
            guard count > 0, !value.isNothing(start, count) else { return nil }
            if isCode, count <= 2, start[0] == 0x2D, start[count - 1] == 0x2D { return nil }
            return texts.code(for: UnsafeBufferPointer(start: start, count: count))
        case .yes, .no: break
        }
        return (isCode ? code(place) : text(place)).map { texts.code(for: $0) }
    }

    /// An exact decimal at a scale; nil when it says nothing or cannot be held exactly (then noted).
    package func decimal(_ place: Int, scale: Int, _ tolerance: inout Tolerance, name: StaticString) -> Int64? {
        guard let value = value(place) else { return nil }
        switch value.kind {
        case .null, .object, .array, .yes, .no: return nil
        case .string: tolerance.note(.numberAsText)
        case .number: break
        }
        let (start, count) = value.trimmedBytes
        if count == 0 || (count <= 2 && start[0] == 0x2D && start[count - 1] == 0x2D) { return nil }
        if count == 4, start[0] | 0x20 == 0x6E { return nil }
        guard let number = Self.decimal(start, count, scale: scale) else {
            tolerance.unreadable(name)
            return nil
        }
        return number
    }

    /// Digits, one point, a sign; an exponent or more decimals than the scale holds (zeros aside) is not exact.
    static func decimal(_ start: UnsafePointer<UInt8>, _ count: Int, scale: Int) -> Int64? {
        var index = 0
        var isNegative = false
        if start[0] == 0x2D || start[0] == 0x2B {
            isNegative = start[0] == 0x2D
            index = 1
        }
        var magnitude: Int64 = 0
        var decimals = -1
        var digits = 0
        while index < count {
            let byte = start[index]
            index &+= 1
            if byte == 0x2E, decimals < 0 {
                decimals = 0
                continue
            }
            let digit = byte &- 0x30
            guard digit <= 9 else { return nil }
            digits &+= 1
            if decimals >= 0 {
                if decimals >= scale {
                    if digit == 0 { continue }
                    return nil
                }
                decimals &+= 1
            }
            let (scaled, isOver) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, isCarried) = scaled.addingReportingOverflow(Int64(digit))
            if isOver || isCarried { return nil }
            magnitude = sum
        }
        guard digits > 0 else { return nil }
        var missing = scale - max(0, decimals)
        while missing > 0 {
            let (scaled, isOver) = magnitude.multipliedReportingOverflow(by: 10)
            if isOver { return nil }
            magnitude = scaled
            missing &-= 1
        }
        return isNegative ? -magnitude : magnitude
    }

    /// A day, with its second where the sender wrote a time of day (China Standard Time).
    package func moment(_ place: Int, _ tolerance: inout Tolerance, name: StaticString) -> Moment? {
        guard let value = value(place), value.kind == .string || value.kind == .number else { return nil }
        let (start, count) = value.trimmedBytes
        if count == 0 || (count == 4 && start[0] | 0x20 == 0x6E) || start[0] == 0x2D { return nil }
        // Some writers escape what needs no escape: 2025\/5\/1.
        let isEscaped = value.nodes[value.node].isEscaped
        let plain = isEscaped ? Array((value.text ?? "").utf8) : []
        let read =
            isEscaped
            ? plain.withUnsafeBufferPointer { $0.baseAddress.flatMap { Moment($0, plain.count) } }
            : Moment(start, count)
        guard let moment = read else {
            tolerance.unreadable(name)
            return nil
        }
        return moment
    }
}

/// A point in time as a message writes it.
package struct Moment: Equatable, Sendable {
    package let day: Int32
    package let second: Int32?

    package init(day: Int32, second: Int32?) {
        self.day = day
        self.second = second
    }

    /// `yyyy-MM-dd HH:mm:ss`, `yyyy-MM-dd`, `yyyyMMdd`, `yyyyMMddHHmmss` with or without milliseconds; `/`, `.` and `T`,
    /// single digits, a zone (brought to China Standard Time) and 24:00:00 are met too: what ingest reads, and nothing else.
    package init?(_ start: UnsafePointer<UInt8>, _ count: Int) {
        if let moment = Self.plain(start, count) {
            self = moment
            return
        }
        // year, month, day, hour, minute, second
        var parts = (0, 0, 0, 0, 0, 0)
        var known = 0
        func set(_ index: Int, _ value: Int) {
            switch index {
            case 0: parts.0 = value
            case 1: parts.1 = value
            case 2: parts.2 = value
            case 3: parts.3 = value
            case 4: parts.4 = value
            default: parts.5 = value
            }
        }
        var digits = 0
        var zone: Int?
        while digits < count, start[digits] &- 0x30 <= 9 { digits += 1 }
        if digits >= 8 {
            guard digits == count, digits == 8 || digits == 12 || digits == 14 || digits == 17 else { return nil }
            let widths = [4, 2, 2, 2, 2, 2]
            var at = 0
            for (index, width) in widths.enumerated() where at + width <= min(digits, 14) {
                var value = 0
                for place in at..<at + width { value = value * 10 + Int(start[place] &- 0x30) }
                set(index, value)
                at += width
                known = index + 1
            }
        } else {
            var at = 0
            while at < count, known < 6 {
                var value = 0
                var length = 0
                while at < count, start[at] &- 0x30 <= 9, length < 4 {
                    value = value * 10 + Int(start[at] &- 0x30)
                    at += 1
                    length += 1
                }
                guard length > 0, known == 0 ? length == 4 : length <= 2 else { return nil }
                set(known, value)
                known += 1
                guard at < count else { break }
                let mark = start[at]
                if known >= 5, mark != 0x3A || known == 6 {
                    guard let tail = Self.tail(start + at, count - at, hasFraction: known == 6) else { return nil }
                    zone = tail.zone
                    break
                }
                let isFit =
                    switch known {
                    case 1, 2: mark == 0x2D || mark == 0x2F || mark == 0x2E
                    case 3: mark == 0x20 || mark == 0x54
                    default: mark == 0x3A
                    }
                guard isFit else { return nil }
                at += 1
            }
        }
        guard known >= 3, known != 4, let day = Day(year: parts.0, month: parts.1, day: parts.2) else { return nil }
        // 24:00:00 is how some systems write the end of a day.
        let isEnd = parts.3 == 24 && parts.4 == 0 && parts.5 == 0
        guard isEnd || (parts.3 < 24 && parts.4 < 60 && parts.5 < 60) else { return nil }
        guard known > 3 else {
            self.day = day.number
            second = nil
            return
        }
        let shift = isEnd ? 0 : zone.map { (480 - $0) * 60 } ?? 0
        let total = parts.3 * 3600 + parts.4 * 60 + parts.5 + shift
        let days = total >= 86_400 ? 1 : total < 0 ? -1 : 0
        self.day = day.number + Int32(days)
        second = Int32(total - days * 86_400)
    }

    /// `yyyy-MM-dd` and `yyyy-MM-dd HH:mm:ss`, as nearly all are written; nil: to be read with more patience.
    private static func plain(_ start: UnsafePointer<UInt8>, _ count: Int) -> Moment? {
        guard count == 19 || count == 10, start[4] == 0x2D, start[7] == 0x2D else { return nil }
        var isPlain = true
        @inline(__always) func two(_ at: Int) -> Int {
            let (tens, ones) = (start[at] &- 0x30, start[at &+ 1] &- 0x30)
            if tens > 9 || ones > 9 { isPlain = false }
            return Int(tens) &* 10 &+ Int(ones)
        }
        let (year, month, date) = (two(0) &* 100 &+ two(2), two(5), two(8))
        guard isPlain, let day = Day(year: year, month: month, day: date) else { return nil }
        if count == 10 { return Moment(day: day.number, second: nil) }
        guard start[10] == 0x20 || start[10] == 0x54, start[13] == 0x3A, start[16] == 0x3A else { return nil }
        let (hour, minute, second) = (two(11), two(14), two(17))
        guard isPlain, hour < 24, minute < 60, second < 60 else { return nil }
        return Moment(day: day.number, second: Int32(hour &* 3600 &+ minute &* 60 &+ second))
    }

    private struct Tail {
        let zone: Int?
    }

    /// A fraction of a second, which is left out, and a zone, in minutes east of Greenwich; nil when it is neither.
    private static func tail(
        _ start: UnsafePointer<UInt8>, _ count: Int, hasFraction: Bool
    ) -> Tail? {
        var at = 0
        if hasFraction, start[0] == 0x2E {
            at = 1
            while at < count, start[at] &- 0x30 <= 9 { at += 1 }
            guard at > 1 else { return nil }
        }
        if at == count { return Tail(zone: nil) }
        if start[at] | 0x20 == 0x7A { return at + 1 == count ? Tail(zone: 0) : nil }
        let rest = count - at - 1
        guard start[at] == 0x2B || start[at] == 0x2D, rest == 2 || rest == 4 || rest == 5 else { return nil }
        func two(_ from: Int) -> Int? {
            guard start[from] &- 0x30 <= 9, start[from + 1] &- 0x30 <= 9 else { return nil }
            return Int(start[from] &- 0x30) * 10 + Int(start[from + 1] &- 0x30)
        }
        guard let hours = two(at + 1), hours <= 14 else { return nil }
        var minutes = 0
        if rest > 2 {
            guard let written = two(count - 2), written < 60, rest == 4 || start[at + 3] == 0x3A else { return nil }
            minutes = written
        }
        return Tail(zone: (hours * 60 + minutes) * (start[at] == 0x2D ? -1 : 1))
    }
}

/// What was tolerated while reading a message (宽容读取): kept with the log and the counters.
package struct Tolerance: Sendable, Equatable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// An object where a list belongs; a list of one where an object does.
        case objectForList, numberAsText, inputAsText, siblingsOfData, noMessageIdentifier, noCurrentFlag
        case flagAsNumber, unknownScene, byteOrderMark, lineRepeated
    }

    package private(set) var kinds: UInt32 = 0
    /// Members that could not be read and count as unknown; the first few, by name.
    package private(set) var unreadableNames: [String] = []
    package private(set) var unreadableCount = 0

    package init() {}

    package mutating func note(_ kind: Kind) { kinds |= 1 << UInt32(kind.rawValue) }

    package mutating func unreadable(_ name: StaticString) {
        unreadableCount += 1
        guard unreadableNames.count < 8 else { return }
        let text = name.description
        if !unreadableNames.contains(text) { unreadableNames.append(text) }
    }

    /// Notes what was noted elsewhere.
    package mutating func note(_ other: Tolerance) {
        kinds |= other.kinds
        unreadableCount += other.unreadableCount
        for name in other.unreadableNames where unreadableNames.count < 8 && !unreadableNames.contains(name) {
            unreadableNames.append(name)
        }
    }

    package func has(_ kind: Kind) -> Bool { kinds & (1 << UInt32(kind.rawValue)) != 0 }

    package var list: [Kind] { Kind.allCases.filter { has($0) } }
}
