/// A JSON message taken apart in one pass: nodes that point into its bytes, nothing copied.
///
/// Strict inside (RFC 8259) and bounded: depth, number of nodes, length of names and texts, members given twice and bytes
/// that are no UTF-8 are refused with the offset. Numbers stay the digits that were written; no binary floating-point
/// number is ever made. A tape is used again for the next message by the thread that owns it.
package final class JSONTape {
    package enum Kind: UInt8 { case object, array, string, number, yes, no, null }

    package struct Limits: Sendable {
        package var bytes = 4 << 20
        package var depth = 32
        package var nodes = 400_000
        /// Of one text, in bytes.
        package var text = 65_536
        package init() {}
    }

    package struct Failure: Error, Equatable {
        package enum Reason: Sendable {
            case malformed, tooDeep, tooMany, tooLong, repeatedName, notUTF8, tooLarge
        }
        package let reason: Reason
        /// Offset in bytes from the beginning of the message.
        package let offset: Int
    }

    struct Node {
        var kind: Kind
        var isEscaped: Bool
        var nameCount: UInt16
        var nameHash: UInt32
        var nameStart: Int32
        var start: Int32
        /// Bytes of a text or number; children of an object or array.
        var count: Int32
        /// The node after this one and all that is inside it.
        var after: Int32
    }

    private(set) var bytes: UnsafePointer<UInt8>
    private var length = 0
    private(set) var nodes: UnsafeMutablePointer<Node>
    private(set) var nodeCount = 0
    private var capacity = 1024
    private var limits: Limits
    private var at = 0
    /// One set of 1,024 bits for each depth: names seen in the object at hand.
    private let seen: UnsafeMutablePointer<UInt64>
    private static let seenWords = 16

    package init(limits: Limits = Limits()) {
        self.limits = limits
        nodes = .allocate(capacity: 1024)
        bytes = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: 1))
        nothing = bytes
        seen = .allocate(capacity: (limits.depth + 2) * Self.seenWords)
    }

    private let nothing: UnsafePointer<UInt8>

    deinit {
        nodes.deallocate()
        nothing.deallocate()
        seen.deallocate()
    }

    /// Reads a message. The bytes must outlive what is asked of the tape afterwards.
    package func read(_ text: UnsafeBufferPointer<UInt8>) throws(Failure) {
        nodeCount = 0
        at = 0
        length = text.count
        guard let base = text.baseAddress, text.count > 0 else { throw Failure(reason: .malformed, offset: 0) }
        guard text.count <= limits.bytes else { throw Failure(reason: .tooLarge, offset: limits.bytes) }
        bytes = base
        try checkEncoding(text)
        // A byte-order mark is what some Windows clients begin with.
        if length >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { at = 3 }
        skipBlanks()
        try value(depth: 0)
        skipBlanks()
        if at != length { throw Failure(reason: .malformed, offset: at) }
    }

    private func checkEncoding(_ text: UnsafeBufferPointer<UInt8>) throws(Failure) {
        do {
            _ = try UTF8Span(validating: text.span)
        } catch {
            throw Failure(reason: .notUTF8, offset: error.byteOffsets.lowerBound)
        }
    }

    // MARK: Grammar

    @inline(__always) private func skipBlanks() {
        while at < length {
            let byte = bytes[at]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            at &+= 1
        }
    }

    @inline(__always) private func malformed() -> Failure { Failure(reason: .malformed, offset: at) }

    @inline(__always) private func add(_ kind: Kind) throws(Failure) -> Int {
        if nodeCount == capacity { try grow() }
        let number = nodeCount
        nodes[number] = Node(
            kind: kind, isEscaped: false, nameCount: 0, nameHash: 0, nameStart: 0, start: Int32(truncatingIfNeeded: at),
            count: 0, after: Int32(truncatingIfNeeded: number &+ 1))
        nodeCount &+= 1
        return number
    }

    private func grow() throws(Failure) {
        guard capacity < limits.nodes else { throw Failure(reason: .tooMany, offset: at) }
        let larger = min(limits.nodes, capacity * 2)
        let fresh = UnsafeMutablePointer<Node>.allocate(capacity: larger)
        fresh.update(from: nodes, count: nodeCount)
        nodes.deallocate()
        nodes = fresh
        capacity = larger
    }

    private func value(depth: Int) throws(Failure) {
        guard depth <= limits.depth else { throw Failure(reason: .tooDeep, offset: at) }
        guard at < length else { throw malformed() }
        switch bytes[at] {
        case 0x22: try text(add(.string))
        case 0x7B: try object(add(.object), depth)
        case 0x5B: try array(add(.array), depth)
        case 0x74: try word("true", .yes)
        case 0x66: try word("false", .no)
        case 0x6E: try word("null", .null)
        default: try number(add(.number))
        }
    }

    private func object(_ own: Int, _ depth: Int) throws(Failure) {
        at &+= 1
        skipBlanks()
        if at < length, bytes[at] == 0x7D {
            at &+= 1
            return
        }
        let filter = seen + depth * Self.seenWords
        filter.update(repeating: 0, count: Self.seenWords)
        var members: Int32 = 0
        while true {
            skipBlanks()
            guard at < length, bytes[at] == 0x22 else { throw malformed() }
            let child = nodeCount
            let name = try quoted()
            guard name.count <= 1024 else { throw Failure(reason: .tooLong, offset: name.start) }
            let hash = NameTable.hash(bytes + name.start, name.count)
            let bit = Int(hash & 1023)
            if filter[bit &>> 6] & (1 &<< UInt64(bit & 63)) != 0 {
                try refuseRepeated(own, child, name.start, name.count, hash)
            }
            filter[bit &>> 6] |= 1 &<< UInt64(bit & 63)
            skipBlanks()
            guard at < length, bytes[at] == 0x3A else { throw malformed() }
            at &+= 1
            skipBlanks()
            try value(depth: depth &+ 1)
            nodes[child].nameStart = Int32(truncatingIfNeeded: name.start)
            nodes[child].nameCount = UInt16(truncatingIfNeeded: name.count)
            nodes[child].nameHash = hash
            members &+= 1
            skipBlanks()
            guard at < length else { throw malformed() }
            if bytes[at] == 0x2C {
                at &+= 1
                continue
            }
            guard bytes[at] == 0x7D else { throw malformed() }
            at &+= 1
            break
        }
        nodes[own].count = members
        nodes[own].after = Int32(truncatingIfNeeded: nodeCount)
    }

    /// A name may be there already: look. An object of very many members is refused before the search is a burden.
    private func refuseRepeated(
        _ own: Int, _ end: Int, _ start: Int, _ count: Int, _ hash: UInt32
    ) throws(Failure) {
        var child = own + 1
        var looked = 0
        while child < end {
            let node = nodes[child]
            if node.nameHash == hash, Int(node.nameCount) == count,
                NameTable.equal(bytes + Int(node.nameStart), bytes + start, count)
            {
                throw Failure(reason: .repeatedName, offset: start)
            }
            looked += 1
            guard looked <= 4096 else { throw Failure(reason: .tooMany, offset: start) }
            child = Int(node.after)
        }
    }

    private func array(_ own: Int, _ depth: Int) throws(Failure) {
        at &+= 1
        skipBlanks()
        if at < length, bytes[at] == 0x5D {
            at &+= 1
            return
        }
        var elements: Int32 = 0
        while true {
            skipBlanks()
            try value(depth: depth &+ 1)
            elements &+= 1
            skipBlanks()
            guard at < length else { throw malformed() }
            if bytes[at] == 0x2C {
                at &+= 1
                continue
            }
            guard bytes[at] == 0x5D else { throw malformed() }
            at &+= 1
            break
        }
        nodes[own].count = elements
        nodes[own].after = Int32(truncatingIfNeeded: nodeCount)
    }

    private func text(_ own: Int) throws(Failure) {
        let found = try quoted()
        nodes[own].start = Int32(truncatingIfNeeded: found.start)
        nodes[own].count = Int32(truncatingIfNeeded: found.count)
        nodes[own].isEscaped = found.isEscaped
    }

    /// A text between quotes, eight bytes at a time where there are that many.
    @inline(__always) private func quoted() throws(Failure) -> (start: Int, count: Int, isEscaped: Bool) {
        at &+= 1
        let start = at
        var isEscaped = false
        let raw = UnsafeRawPointer(bytes)
        while true {
            while at &+ 8 <= length {
                let word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                let stops = Self.stops(word)
                if stops == 0 {
                    at &+= 8
                    continue
                }
                at &+= stops.trailingZeroBitCount &>> 3
                break
            }
            guard at < length else { throw malformed() }
            let byte = bytes[at]
            if byte == 0x22 {
                let count = at &- start
                guard count <= limits.text else { throw Failure(reason: .tooLong, offset: start) }
                at &+= 1
                return (start, count, isEscaped)
            }
            if byte == 0x5C {
                isEscaped = true
                try escape()
            } else if byte < 0x20 {
                throw malformed()
            } else {
                at &+= 1
            }
        }
    }

    /// The top bit of every byte that is a quote, a backslash or a control character (little-endian words).
    @inline(__always) private static func stops(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let slash = word ^ (ones &* 0x5C)
        // Exact for the lowest set byte, which is the one that is looked at.
        let isQuote = (quote &- ones) & ~quote
        let isSlash = (slash &- ones) & ~slash
        let isControl = (word &- ones &* 0x20) & ~word
        return (isQuote | isSlash | isControl) & tops
    }

    private func escape() throws(Failure) {
        guard at &+ 1 < length else { throw malformed() }
        switch bytes[at &+ 1] {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: at &+= 2
        case 0x75:
            guard at &+ 5 < length else { throw malformed() }
            for place in 2...5 where JSONTape.hexadecimal(bytes[at &+ place]) == nil { throw malformed() }
            at &+= 6
        default: throw malformed()
        }
    }

    private func number(_ own: Int) throws(Failure) {
        let start = at
        if bytes[at] == 0x2D { at &+= 1 }
        guard isDigit else { throw malformed() }
        if bytes[at] == 0x30 { at &+= 1 } else { skipDigits() }
        if at < length, bytes[at] == 0x2E {
            at &+= 1
            guard isDigit else { throw malformed() }
            skipDigits()
        }
        if at < length, bytes[at] | 0x20 == 0x65 {
            at &+= 1
            if at < length, bytes[at] == 0x2B || bytes[at] == 0x2D { at &+= 1 }
            guard isDigit else { throw malformed() }
            skipDigits()
        }
        guard at &- start <= 400 else { throw Failure(reason: .tooLong, offset: start) }
        nodes[own].count = Int32(truncatingIfNeeded: at &- start)
    }

    @inline(__always) private var isDigit: Bool { at < length && bytes[at] &- 0x30 <= 9 }

    @inline(__always) private func skipDigits() { while isDigit { at &+= 1 } }

    private func word(_ text: StaticString, _ kind: Kind) throws(Failure) {
        let count = text.utf8CodeUnitCount
        guard at &+ count <= length, NameTable.equal(bytes + at, text.utf8Start, count) else { throw malformed() }
        _ = try add(kind)
        at &+= count
    }

    static func hexadecimal(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46: UInt32(byte - 0x41 + 10)
        case 0x61...0x66: UInt32(byte - 0x61 + 10)
        default: nil
        }
    }
}
