import Claims

/// One value of a message, read the way real senders need it (national interface, tolerant reader).
///
/// Where a list is expected one object, an empty text or nothing will do; where an object is, a list of one. An empty
/// text, `null`, `"null"` and a missing member are one thing: not there. A value is two places and a number: who asks keeps the
/// tape and the bytes until the next message is read.
package struct JSONValue {
    let bytes: UnsafePointer<UInt8>
    let nodes: UnsafePointer<JSONTape.Node>
    let node: Int

    init(tape: JSONTape, node: Int) {
        bytes = tape.bytes
        nodes = UnsafePointer(tape.nodes)
        self.node = node
    }

    /// Another value of the same message.
    init(_ other: JSONValue, node: Int) {
        bytes = other.bytes
        nodes = other.nodes
        self.node = node
    }

    package static func root(_ tape: JSONTape) -> JSONValue { JSONValue(tape: tape, node: 0) }

    package var kind: JSONTape.Kind { nodes[node].kind }

    /// The member of an object, by the exact name; of a list of one, of its element.
    package func member(_ name: StaticString) -> JSONValue? {
        let object = single
        guard object.kind == .object else { return nil }
        let count = name.utf8CodeUnitCount
        let hash = NameTable.hash(name.utf8Start, count, readable: count)
        var child = object.node + 1
        let end = Int(nodes[object.node].after)
        while child < end {
            let own = nodes + child
            if own.pointee.name.hash == hash, Int(own.pointee.name.count) == count,
                NameTable.equal(bytes + Int(own.pointee.name.start), name.utf8Start, count)
            {
                return JSONValue(self, node: child)
            }
            child = Int(own.pointee.after)
        }
        return nil
    }

    /// A list of one stands for its element.
    private var single: JSONValue {
        guard kind == .array, nodes[node].count == 1 else { return self }
        return JSONValue(self, node: node + 1)
    }

    /// The objects of a list; an object is a list of itself; anything else is empty.
    package var objects: [JSONValue] {
        switch kind {
        case .object: return [self]
        case .array:
            var found: [JSONValue] = []
            found.reserveCapacity(Int(nodes[node].count))
            var child = node + 1
            let end = Int(nodes[node].after)
            while child < end {
                if nodes[child].kind == .object { found.append(JSONValue(self, node: child)) }
                child = Int(nodes[child].after)
            }
            return found
        default: return []
        }
    }

    /// Every object inside, at any depth, and the value itself when it is one.
    func visitObjects(_ visit: (JSONValue) -> Void) {
        let end = Int(nodes[node].after)
        var place = node
        while place < end {
            if nodes[place].kind == .object { visit(JSONValue(self, node: place)) }
            place += 1
        }
    }

    /// The texts of a list of scalars; one scalar is a list of itself.
    package var texts: [String] {
        guard kind == .array else { return text.map { [$0] } ?? [] }
        var found: [String] = []
        var child = node + 1
        let end = Int(nodes[node].after)
        while child < end {
            if let text = JSONValue(self, node: child).text { found.append(text) }
            child = Int(nodes[child].after)
        }
        return found
    }

    /// What a scalar says, trimmed; nil where it says nothing.
    package var text: String? {
        let own = nodes[node]
        switch own.kind {
        case .yes: return "true"
        case .no: return "false"
        case .object, .array, .null: return nil
        case .number, .string:
            if own.isEscaped {
                let whole = String(decoding: unescaped, as: UTF8.self)
                return Self.trimmed(whole)
            }
            let (start, count) = trimmedBytes
            guard count > 0, !isNothing(start, count) else { return nil }
            return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
        }
    }

    /// The bytes of a scalar without blanks around them; none for what says nothing. Escapes stay as written.
    var trimmedBytes: (start: UnsafePointer<UInt8>, count: Int) {
        let own = nodes[node]
        var start = bytes + Int(own.start)
        guard own.kind == .number || own.kind == .string else { return (start, 0) }
        var count = Int(own.count)
        while count > 0, start[0] <= 0x20 {
            start += 1
            count -= 1
        }
        while count > 0, start[count - 1] <= 0x20 { count -= 1 }
        return (start, count)
    }

    /// `null`, in whatever case.
    func isNothing(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard count == 4 else { return false }
        return (start[0] | 0x20) == 0x6E && (start[1] | 0x20) == 0x75 && (start[2] | 0x20) == 0x6C
            && (start[3] | 0x20) == 0x6C
    }

    private static func trimmed(_ text: String) -> String? {
        var rest = Substring(text)
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest.isEmpty || rest.lowercased() == "null" ? nil : String(rest)
    }

    /// The text without its escapes. Half of a surrogate pair becomes the replacement character.
    package var unescaped: [UInt8] {
        let own = nodes[node]
        let raw = bytes + Int(own.start)
        let count = Int(own.count)
        var out: [UInt8] = []
        out.reserveCapacity(count)
        var index = 0
        func unit(_ from: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 << 4 | (JSONTape.hexadecimal(raw[from + $1]) ?? 0) }
        }
        while index < count {
            let byte = raw[index]
            guard byte == 0x5C, index + 1 < count else {
                out.append(byte)
                index += 1
                continue
            }
            let letter = raw[index + 1]
            index += 2
            switch letter {
            case 0x62: out.append(0x08)
            case 0x66: out.append(0x0C)
            case 0x6E: out.append(0x0A)
            case 0x72: out.append(0x0D)
            case 0x74: out.append(0x09)
            case 0x75:
                var code = unit(index)
                index += 4
                if code >= 0xD800, code < 0xDC00, index + 5 < count, raw[index] == 0x5C, raw[index + 1] == 0x75 {
                    let low = unit(index + 2)
                    if low >= 0xDC00, low < 0xE000 {
                        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                        index += 6
                    }
                }
                out.append(contentsOf: String(Character(Unicode.Scalar(code) ?? "\u{FFFD}")).utf8)
            default: out.append(letter)
            }
        }
        return out
    }
}
