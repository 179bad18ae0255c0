/// The one pass that makes a tape: places are handed on and never kept, so that they stay in registers.
///
/// Every function takes the place where its part begins and answers the place after it.
struct TapeReader {
    typealias Failure = JSONTape.Failure
    typealias Name = JSONTape.Name

    static let seenWords = 16

    private(set) var nodes: UnsafeMutablePointer<JSONTape.Node>
    private(set) var capacity: Int
    private(set) var count = 0
    private let bytes: UnsafePointer<UInt8>
    private let length: Int
    private let limits: JSONTape.Limits
    private let seen: UnsafeMutablePointer<UInt64>
    /// In a list, the object before the one at hand; -1: none. Its names most likely come again, in the same order.
    private var before = -1

    init(
        _ bytes: UnsafePointer<UInt8>, _ length: Int, _ limits: JSONTape.Limits,
        _ nodes: UnsafeMutablePointer<JSONTape.Node>, _ capacity: Int, _ seen: UnsafeMutablePointer<UInt64>
    ) {
        self.bytes = bytes
        self.length = length
        self.limits = limits
        self.nodes = nodes
        self.capacity = capacity
        self.seen = seen
    }

    mutating func read() throws(Failure) {
        var at = 0
        // A byte-order mark is what some Windows clients begin with.
        if length >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { at = 3 }
        at = try value(blanks(at), 0, Name())
        at = blanks(at)
        if at != length { throw malformed(at) }
    }

    // MARK: Grammar

    @inline(__always) private func blanks(_ start: Int) -> Int {
        var at = start
        while at < length {
            let byte = bytes[at]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return at }
            at &+= 1
        }
        return at
    }

    private func malformed(_ at: Int) -> Failure { Failure(reason: .malformed, offset: at) }

    @inline(__always) private mutating func add(
        _ kind: JSONTape.Kind, _ name: Name, _ start: Int, _ size: Int = 0, isEscaped: Bool = false
    ) throws(Failure) -> Int {
        if count == capacity { try grow(start) }
        let number = count
        (nodes + number).initialize(
            to: JSONTape.Node(
                kind: kind, isEscaped: isEscaped, name: name, start: Int32(truncatingIfNeeded: start),
                count: Int32(truncatingIfNeeded: size), after: Int32(truncatingIfNeeded: number &+ 1)))
        count = number &+ 1
        return number
    }

    private mutating func grow(_ at: Int) throws(Failure) {
        guard capacity < limits.nodes else { throw Failure(reason: .tooMany, offset: at) }
        let larger = min(limits.nodes, capacity * 2)
        let fresh = UnsafeMutablePointer<JSONTape.Node>.allocate(capacity: larger)
        fresh.update(from: nodes, count: count)
        nodes.deallocate()
        nodes = fresh
        capacity = larger
    }

    private mutating func value(_ at: Int, _ depth: Int, _ name: Name) throws(Failure) -> Int {
        guard depth <= limits.depth else { throw Failure(reason: .tooDeep, offset: at) }
        guard at < length else { throw malformed(at) }
        switch bytes[at] {
        case 0x22:
            let (end, isEscaped) = try quoted(at &+ 1)
            _ = try add(.string, name, at &+ 1, end &- at &- 1, isEscaped: isEscaped)
            return end &+ 1
        case 0x7B: return try object(at, depth, name)
        case 0x5B: return try array(at, depth, name)
        case 0x74: return try word("true", .yes, at, name)
        case 0x66: return try word("false", .no, at, name)
        case 0x6E: return try word("null", .null, at, name)
        default: return try number(at, name)
        }
    }

    private mutating func object(_ start: Int, _ depth: Int, _ name: Name) throws(Failure) -> Int {
        let own = try add(.object, name, start)
        // While the names are those of the object before, each is looked at once, and none can be there twice.
        var expected = before < 0 ? 0 : before &+ 1
        let expectedEnd = before < 0 ? 0 : Int(nodes[before].after)
        before = -1
        var isExpected = expected < expectedEnd
        var at = blanks(start &+ 1)
        if at < length, bytes[at] == 0x7D { return at &+ 1 }
        let filter = seen + depth &* Self.seenWords
        if !isExpected { filter.update(repeating: 0, count: Self.seenWords) }
        var members: Int32 = 0
        while true {
            guard at < length, bytes[at] == 0x22 else { throw malformed(at) }
            let first = at &+ 1
            var name = Name(start: Int32(truncatingIfNeeded: first))
            var end = first
            if isExpected {
                isExpected = expected < expectedEnd && comesAgain(nodes[expected].name, first)
                if isExpected {
                    name.hash = nodes[expected].name.hash
                    name.count = nodes[expected].name.count
                    end = first &+ Int(name.count)
                    expected = Int(nodes[expected].after)
                } else {
                    fill(filter, own)
                }
            }
            if !isExpected {
                (end, _) = try quoted(first)
                let size = end &- first
                guard size <= 1024 else { throw Failure(reason: .tooLong, offset: first) }
                name.hash = NameTable.hash(bytes + first, size, readable: length &- first)
                name.count = UInt16(truncatingIfNeeded: size)
                let bit = Int(name.hash & 1023)
                if filter[bit &>> 6] & (1 &<< UInt64(bit & 63)) != 0 { try refuseRepeated(own, first, size, name.hash) }
                filter[bit &>> 6] |= 1 &<< UInt64(bit & 63)
            }
            at = blanks(end &+ 1)
            guard at < length, bytes[at] == 0x3A else { throw malformed(at) }
            at = try value(blanks(at &+ 1), depth &+ 1, name)
            members &+= 1
            at = blanks(at)
            guard at < length else { throw malformed(at) }
            if bytes[at] == 0x2C {
                at = blanks(at &+ 1)
                continue
            }
            guard bytes[at] == 0x7D else { throw malformed(at) }
            nodes[own].count = members
            nodes[own].after = Int32(truncatingIfNeeded: count)
            return at &+ 1
        }
    }

    /// Whether a name and its closing quote stand at a place.
    @inline(__always) private func comesAgain(_ name: Name, _ at: Int) -> Bool {
        let size = Int(name.count)
        return at &+ size < length && bytes[at &+ size] == 0x22
            && NameTable.equal(bytes + at, bytes + Int(name.start), size)
    }

    /// Notes the names that an object has so far.
    private func fill(_ filter: UnsafeMutablePointer<UInt64>, _ own: Int) {
        filter.update(repeating: 0, count: Self.seenWords)
        var child = own + 1
        while child < count {
            let bit = Int(nodes[child].name.hash & 1023)
            filter[bit >> 6] |= 1 << UInt64(bit & 63)
            child = Int(nodes[child].after)
        }
    }

    /// A name may be there already: look. An object of very many members is refused before the search is a burden.
    private func refuseRepeated(_ own: Int, _ start: Int, _ size: Int, _ hash: UInt32) throws(Failure) {
        var child = own + 1
        var looked = 0
        while child < count {
            let name = nodes[child].name
            if name.hash == hash, Int(name.count) == size,
                NameTable.equal(bytes + Int(name.start), bytes + start, size)
            {
                throw Failure(reason: .repeatedName, offset: start)
            }
            looked += 1
            guard looked <= 4096 else { throw Failure(reason: .tooMany, offset: start) }
            child = Int(nodes[child].after)
        }
    }

    private mutating func array(_ start: Int, _ depth: Int, _ name: Name) throws(Failure) -> Int {
        let own = try add(.array, name, start)
        var at = blanks(start &+ 1)
        if at < length, bytes[at] == 0x5D { return at &+ 1 }
        var elements: Int32 = 0
        while true {
            let element = count
            at = blanks(try value(at, depth &+ 1, Name()))
            before = nodes[element].kind == .object ? element : -1
            elements &+= 1
            guard at < length else { throw malformed(at) }
            if bytes[at] == 0x2C {
                at = blanks(at &+ 1)
                continue
            }
            guard bytes[at] == 0x5D else { throw malformed(at) }
            before = -1
            nodes[own].count = elements
            nodes[own].after = Int32(truncatingIfNeeded: count)
            return at &+ 1
        }
    }

    // MARK: Texts

    /// The end of a text that begins behind its quote: eight bytes at a time where there are that many.
    @inline(__always) private func quoted(_ start: Int) throws(Failure) -> (end: Int, isEscaped: Bool) {
        let raw = UnsafeRawPointer(bytes)
        var at = start
        var isEscaped = false
        while true {
            while at &+ 8 <= length {
                let stops = Self.stops(raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                if stops != 0 {
                    at &+= stops.trailingZeroBitCount &>> 3
                    break
                }
                at &+= 8
            }
            guard at < length else { throw malformed(at) }
            let byte = bytes[at]
            if byte == 0x22 {
                guard at &- start <= limits.text else { throw Failure(reason: .tooLong, offset: start) }
                return (at, isEscaped)
            }
            if byte >= 0x80 {
                at = try wideCharacters(at)
            } else if byte == 0x5C {
                isEscaped = true
                at = try escape(at)
            } else if byte < 0x20 {
                throw malformed(at)
            } else {
                at &+= 1
            }
        }
    }

    /// The top bit of every byte that is a quote, a backslash, a control character or no ASCII (little-endian words).
    @inline(__always) private static func stops(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let slash = word ^ (ones &* 0x5C)
        // Exact for the lowest set byte, which is the one that is looked at.
        let isQuote = (quote &- ones) & ~quote
        let isSlash = (slash &- ones) & ~slash
        let isControl = (word &- ones &* 0x20) & ~word
        return (isQuote | isSlash | isControl | word) & tops
    }

    /// Passes over characters of several bytes; refuses what is no UTF-8 (RFC 3629: nothing overlong, no surrogates).
    private func wideCharacters(_ start: Int) throws(Failure) -> Int {
        var at = start
        @inline(__always) func follows(_ place: Int) -> Bool { place < length && bytes[place] & 0xC0 == 0x80 }
        while at < length, bytes[at] >= 0x80 {
            let lead = bytes[at]
            let isWhole: Bool
            let size: Int
            switch lead {
            case 0xC2...0xDF:
                size = 2
                isWhole = follows(at &+ 1)
            case 0xE0...0xEF:
                size = 3
                isWhole =
                    follows(at &+ 1) && follows(at &+ 2)
                    && (lead == 0xE0 ? bytes[at &+ 1] >= 0xA0 : lead != 0xED || bytes[at &+ 1] < 0xA0)
            case 0xF0...0xF4:
                size = 4
                isWhole =
                    follows(at &+ 1) && follows(at &+ 2) && follows(at &+ 3)
                    && (lead == 0xF0 ? bytes[at &+ 1] >= 0x90 : lead != 0xF4 || bytes[at &+ 1] < 0x90)
            default:
                size = 1
                isWhole = false
            }
            guard isWhole else { throw Failure(reason: .notUTF8, offset: at) }
            at &+= size
        }
        return at
    }

    private func escape(_ at: Int) throws(Failure) -> Int {
        guard at &+ 1 < length else { throw malformed(at) }
        switch bytes[at &+ 1] {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return at &+ 2
        case 0x75:
            guard at &+ 5 < length else { throw malformed(at) }
            for place in 2...5 where JSONTape.hexadecimal(bytes[at &+ place]) == nil { throw malformed(at) }
            return at &+ 6
        default: throw malformed(at)
        }
    }

    // MARK: Numbers and words

    private mutating func number(_ start: Int, _ name: Name) throws(Failure) -> Int {
        var at = start
        if bytes[at] == 0x2D { at &+= 1 }
        guard isDigit(at) else { throw malformed(at) }
        at = bytes[at] == 0x30 ? at &+ 1 : digits(at)
        if at < length, bytes[at] == 0x2E {
            guard isDigit(at &+ 1) else { throw malformed(at &+ 1) }
            at = digits(at &+ 1)
        }
        if at < length, bytes[at] | 0x20 == 0x65 {
            at &+= 1
            if at < length, bytes[at] == 0x2B || bytes[at] == 0x2D { at &+= 1 }
            guard isDigit(at) else { throw malformed(at) }
            at = digits(at)
        }
        guard at &- start <= 400 else { throw Failure(reason: .tooLong, offset: start) }
        _ = try add(.number, name, start, at &- start)
        return at
    }

    @inline(__always) private func isDigit(_ at: Int) -> Bool { at < length && bytes[at] &- 0x30 <= 9 }

    @inline(__always) private func digits(_ start: Int) -> Int {
        var at = start
        while isDigit(at) { at &+= 1 }
        return at
    }

    private mutating func word(
        _ text: StaticString, _ kind: JSONTape.Kind, _ at: Int, _ name: Name
    ) throws(Failure) -> Int {
        let size = text.utf8CodeUnitCount
        guard at &+ size <= length, NameTable.equal(bytes + at, text.utf8Start, size) else { throw malformed(at) }
        _ = try add(kind, name, at)
        return at &+ size
    }
}
