/// A JSON text taken apart without loss: numbers stay the digits that were written, strings their bytes.
///
/// Strict (RFC 8259) and bounded: depth, number of values, and duplicate members are refused with a reason. It never
/// makes a floating-point number.
struct JSONDocument {
    enum Kind: UInt8 { case object, array, string, number, yes, no, null }

    struct Value {
        var kind: Kind
        /// The text of a string (between its quotes) or number.
        var start = 0
        var count = 0
        var isEscaped = false
        var nameStart = 0
        var nameCount = 0
        /// First member or element, and the next one beside this; −1 for none.
        var first: Int32 = -1
        var next: Int32 = -1
        var parent: Int32 = -1
    }

    struct Limits {
        var depth = 32
        var values = 500_000
    }

    enum Failure: Error, Equatable {
        case malformed(at: Int)
        case tooDeep, tooMany
        case duplicate(at: Int)
    }

    let bytes: UnsafePointer<UInt8>
    let count: Int
    private(set) var values: [Value] = []
    private var at = 0
    private let limits: Limits

    init(_ bytes: UnsafePointer<UInt8>, _ count: Int, limits: Limits = Limits()) throws(Failure) {
        self.bytes = bytes
        self.count = count
        self.limits = limits
        skipBlanks()
        _ = try value(parent: -1, depth: 0)
        skipBlanks()
        if at != count { throw .malformed(at: at) }
    }

    private mutating func skipBlanks() {
        while at < count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
    }

    private mutating func value(parent: Int32, depth: Int) throws(Failure) -> Int32 {
        guard depth <= limits.depth else { throw .tooDeep }
        guard values.count < limits.values else { throw .tooMany }
        guard at < count else { throw .malformed(at: at) }
        let number = Int32(values.count)
        var made = Value(kind: .null)
        made.parent = parent
        values.append(made)
        switch bytes[at] {
        case 0x7B: try object(number, depth)
        case 0x5B: try array(number, depth)
        case 0x22:
            values[Int(number)].kind = .string
            let (start, length, escaped) = try string()
            values[Int(number)].start = start
            values[Int(number)].count = length
            values[Int(number)].isEscaped = escaped
        case 0x74: try word("true", .yes, number)
        case 0x66: try word("false", .no, number)
        case 0x6E: try word("null", .null, number)
        default: try digits(number)
        }
        return number
    }

    private mutating func object(_ number: Int32, _ depth: Int) throws(Failure) {
        values[Int(number)].kind = .object
        at += 1
        skipBlanks()
        if at < count, bytes[at] == 0x7D {
            at += 1
            return
        }
        var last: Int32 = -1
        var seen = 0
        while true {
            skipBlanks()
            guard at < count, bytes[at] == 0x22 else { throw .malformed(at: at) }
            let (start, length, _) = try string()
            if seen < 64, member(Cell(start: bytes + start, count: length), of: number) != nil {
                throw .duplicate(at: start)
            }
            skipBlanks()
            guard at < count, bytes[at] == 0x3A else { throw .malformed(at: at) }
            at += 1
            skipBlanks()
            let child = try value(parent: number, depth: depth + 1)
            values[Int(child)].nameStart = start
            values[Int(child)].nameCount = length
            if last < 0 { values[Int(number)].first = child } else { values[Int(last)].next = child }
            last = child
            seen += 1
            skipBlanks()
            guard at < count else { throw .malformed(at: at) }
            if bytes[at] == 0x2C {
                at += 1
                continue
            }
            guard bytes[at] == 0x7D else { throw .malformed(at: at) }
            at += 1
            if seen > 64 { try refuseDuplicates(number) }
            return
        }
    }

    /// Large objects are checked once at their end, so that a hostile one does not cost the square of its size.
    private func refuseDuplicates(_ number: Int32) throws(Failure) {
        let names = ByteIndex(expecting: 128)
        var child = values[Int(number)].first
        while child >= 0 {
            let value = values[Int(child)]
            let before = names.count
            if names.insert(Cell(start: bytes + value.nameStart, count: value.nameCount)) < before {
                throw .duplicate(at: value.nameStart)
            }
            child = value.next
        }
    }

    private mutating func array(_ number: Int32, _ depth: Int) throws(Failure) {
        values[Int(number)].kind = .array
        at += 1
        skipBlanks()
        if at < count, bytes[at] == 0x5D {
            at += 1
            return
        }
        var last: Int32 = -1
        while true {
            skipBlanks()
            let child = try value(parent: number, depth: depth + 1)
            if last < 0 { values[Int(number)].first = child } else { values[Int(last)].next = child }
            last = child
            skipBlanks()
            guard at < count else { throw .malformed(at: at) }
            if bytes[at] == 0x2C {
                at += 1
                continue
            }
            guard bytes[at] == 0x5D else { throw .malformed(at: at) }
            at += 1
            return
        }
    }

    private mutating func string() throws(Failure) -> (Int, Int, Bool) {
        at += 1
        let start = at
        var escaped = false
        while at < count, bytes[at] != 0x22 {
            if bytes[at] < 0x20 { throw .malformed(at: at) }
            if bytes[at] == 0x5C {
                escaped = true
                at += 1
                guard at < count else { throw .malformed(at: at) }
                if bytes[at] == 0x75 {
                    guard at + 4 < count, (1...4).allSatisfy({ JSONDocument.hex(bytes[at + $0]) != nil }) else {
                        throw .malformed(at: at)
                    }
                    at += 4
                } else if !"\"\\/bfnrt".utf8.contains(bytes[at]) {
                    throw .malformed(at: at)
                }
            }
            at += 1
        }
        guard at < count else { throw .malformed(at: at) }
        at += 1
        return (start, at - 1 - start, escaped)
    }

    private mutating func digits(_ number: Int32) throws(Failure) {
        let start = at
        if bytes[at] == 0x2D { at += 1 }
        func isDigit() -> Bool { at < count && bytes[at] &- 0x30 <= 9 }
        guard isDigit() else { throw .malformed(at: at) }
        if bytes[at] == 0x30 { at += 1 } else { while isDigit() { at += 1 } }
        if at < count, bytes[at] == 0x2E {
            at += 1
            guard isDigit() else { throw .malformed(at: at) }
            while isDigit() { at += 1 }
        }
        if at < count, bytes[at] | 0x20 == 0x65 {
            at += 1
            if at < count, bytes[at] == 0x2B || bytes[at] == 0x2D { at += 1 }
            guard isDigit() else { throw .malformed(at: at) }
            while isDigit() { at += 1 }
        }
        values[Int(number)].kind = .number
        values[Int(number)].start = start
        values[Int(number)].count = at - start
    }

    private mutating func word(_ text: StaticString, _ kind: Kind, _ number: Int32) throws(Failure) {
        guard at + text.utf8CodeUnitCount <= count,
            compareBytes(bytes + at, text.utf8Start, text.utf8CodeUnitCount) == 0
        else { throw .malformed(at: at) }
        at += text.utf8CodeUnitCount
        values[Int(number)].kind = kind
    }

    static func hex(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46: UInt32(byte - 0x41 + 10)
        case 0x61...0x66: UInt32(byte - 0x61 + 10)
        default: nil
        }
    }
}
