/// Pulls elements and text out of XML, piece by piece: as much of the language as spreadsheets use, and no more.
///
/// There are no document types, so no entities but the five and numbers, and nothing is ever fetched. Names lose their
/// prefix. Depth, attributes and the length of a text are limited, and tags must match.
package struct XMLReader {
    package enum Event: Sendable, Equatable {
        case start(String, [Attribute])
        case end(String)
        case text(String)
    }

    package struct Attribute: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    private let source: () throws(SheetError) -> [UInt8]?
    private let file: String
    private let part: String
    private let limits: SheetLimits
    private var piece: [UInt8] = []
    private var index = 0
    private var isAtEnd = false
    private var open: [String] = []
    private var pendingEnd: String?
    private var hasRoot = false

    package init(
        file: String, part: String, limits: SheetLimits = SheetLimits(),
        source: @escaping () throws(SheetError) -> [UInt8]?
    ) {
        self.file = file
        self.part = part
        self.limits = limits
        self.source = source
    }

    /// The next event; nil after the root element's end.
    package mutating func next() throws(SheetError) -> Event? {
        if let name = pendingEnd {
            pendingEnd = nil
            open.removeLast()
            return .end(name)
        }
        while true {
            guard let byte = try peek() else {
                guard open.isEmpty, hasRoot else { throw broken("it ends within <\(open.last ?? "")>") }
                return nil
            }
            guard byte == UInt8(ascii: "<") else {
                let text = try readText()
                if open.isEmpty {
                    guard text.allSatisfy({ $0.isWhitespace || $0 == "\u{FEFF}" }) else {
                        throw broken("there is text outside of the root element")
                    }
                    continue
                }
                if !text.isEmpty { return .text(text) }
                continue
            }
            index += 1
            switch try peek() {
            case UInt8(ascii: "/"):
                index += 1
                return try readEnd()
            case UInt8(ascii: "?"): try skip(through: "?>")
            case UInt8(ascii: "!"):
                index += 1
                if let text = try readDeclaration() { return .text(text) }
            case nil: throw broken("it ends within a tag")
            default: return try readStart()
            }
        }
    }

    // MARK: Tags

    private mutating func readStart() throws(SheetError) -> Event {
        guard !(open.isEmpty && hasRoot) else { throw broken("there are two root elements") }
        guard open.count < limits.depthMax else { throw broken("elements are nested deeper than \(limits.depthMax)") }
        let name = try readName()
        hasRoot = true
        open.append(name)
        var attributes: [Attribute] = []
        while true {
            try skipBlanks()
            switch try peek() {
            case UInt8(ascii: ">"):
                index += 1
                return .start(name, attributes)
            case UInt8(ascii: "/"):
                index += 1
                try expect(UInt8(ascii: ">"))
                pendingEnd = name
                return .start(name, attributes)
            case nil: throw broken("it ends within a tag")
            default:
                guard attributes.count < limits.attributesMax else {
                    throw broken("<\(name)> has more than \(limits.attributesMax) attributes")
                }
                let key = try readName()
                try skipBlanks()
                try expect(UInt8(ascii: "="))
                try skipBlanks()
                attributes.append(Attribute(name: key, value: try readQuoted()))
            }
        }
    }

    private mutating func readEnd() throws(SheetError) -> Event {
        let name = try readName()
        try skipBlanks()
        try expect(UInt8(ascii: ">"))
        guard let opened = open.popLast(), opened == name else {
            throw broken("</\(name)> closes what was not opened")
        }
        return .end(name)
    }

    /// After `<!`: a comment is skipped, CDATA is text, a document type is refused.
    private mutating func readDeclaration() throws(SheetError) -> String? {
        switch try take() {
        case UInt8(ascii: "-"):
            try expect(UInt8(ascii: "-"))
            try skip(through: "-->")
            return nil
        case UInt8(ascii: "["):
            for byte in "CDATA[".utf8 { try expect(byte) }
            guard !open.isEmpty else { throw broken("there is text outside of the root element") }
            var bytes: [UInt8] = []
            while !bytes.suffix(3).elementsEqual("]]>".utf8) { try append(try take(), to: &bytes) }
            return try text(Array(bytes.dropLast(3)))
        default:
            throw SheetError(
                "SHT006", file: file, place: part, "it declares a document type or entities, which are never read",
                advice: "no spreadsheet program writes this: ask where the file comes from")
        }
    }

    private mutating func readName() throws(SheetError) -> String {
        var bytes: [UInt8] = []
        while let byte = try peek(), !Self.isBlank(byte), !Self.endsName.contains(byte) {
            index += 1
            // A prefix is dropped.
            if byte == UInt8(ascii: ":") { bytes.removeAll() } else { bytes.append(byte) }
            guard bytes.count <= 256 else { throw broken("a name is longer than 256 bytes") }
        }
        guard !bytes.isEmpty else { throw broken("a name is missing") }
        return try text(bytes)
    }

    private mutating func readQuoted() throws(SheetError) -> String {
        let quote = try take()
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { throw broken("a value is not quoted") }
        var bytes: [UInt8] = []
        while true {
            let byte = try take()
            if byte == quote { return try text(bytes) }
            guard byte != UInt8(ascii: "<") else { throw broken("`<` stands within a value") }
            if byte == UInt8(ascii: "&") {
                for part in try readReference() { try append(part, to: &bytes) }
            } else {
                try append(byte, to: &bytes)
            }
        }
    }

    // MARK: Text

    private mutating func readText() throws(SheetError) -> String {
        var bytes: [UInt8] = []
        while let byte = try peek(), byte != UInt8(ascii: "<") {
            index += 1
            if byte == UInt8(ascii: "&") {
                for part in try readReference() { try append(part, to: &bytes) }
            } else {
                try append(byte, to: &bytes)
            }
        }
        return try text(bytes)
    }

    private mutating func readReference() throws(SheetError) -> [UInt8] {
        var name: [UInt8] = []
        while true {
            let byte = try take()
            if byte == UInt8(ascii: ";") { break }
            name.append(byte)
            guard name.count <= 10 else { throw broken("`&` does not begin a reference") }
        }
        let text = String(decoding: name, as: UTF8.self)
        switch text {
        case "amp": return [UInt8(ascii: "&")]
        case "lt": return [UInt8(ascii: "<")]
        case "gt": return [UInt8(ascii: ">")]
        case "quot": return [UInt8(ascii: "\"")]
        case "apos": return [UInt8(ascii: "'")]
        default: break
        }
        let value =
            text.hasPrefix("#x")
            ? UInt32(text.dropFirst(2), radix: 16) : text.hasPrefix("#") ? UInt32(text.dropFirst(1)) : nil
        guard let value, let scalar = UnicodeScalar(value), value == 9 || value == 10 || value == 13 || value >= 32
        else { throw broken("`&\(text.prefix(12));` is not a reference that is read") }
        return Array(String(Character(scalar)).utf8)
    }

    private func text(_ bytes: [UInt8]) throws(SheetError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw broken("it is not UTF-8") }
        return text
    }

    private func append(_ byte: UInt8, to bytes: inout [UInt8]) throws(SheetError) {
        guard bytes.count < limits.tokenBytesMax else {
            throw broken("a text is longer than \(limits.tokenBytesMax) bytes")
        }
        bytes.append(byte)
    }

    // MARK: Bytes

    private mutating func peek() throws(SheetError) -> UInt8? {
        while index == piece.count {
            guard !isAtEnd, let more = try source() else {
                isAtEnd = true
                return nil
            }
            piece = more
            index = 0
        }
        return piece[index]
    }

    private mutating func take() throws(SheetError) -> UInt8 {
        guard let byte = try peek() else { throw broken("it ends in the middle") }
        index += 1
        return byte
    }

    private mutating func expect(_ byte: UInt8) throws(SheetError) {
        guard try take() == byte else { throw broken("`\(Character(UnicodeScalar(byte)))` is missing") }
    }

    private mutating func skipBlanks() throws(SheetError) {
        while let byte = try peek(), Self.isBlank(byte) { index += 1 }
    }

    private mutating func skip(through end: String) throws(SheetError) {
        let wanted = Array(end.utf8)
        var last: [UInt8] = []
        while last != wanted {
            last.append(try take())
            if last.count > wanted.count { last.removeFirst() }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    private static let endsName: Set<UInt8> = [
        UInt8(ascii: ">"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "<"), UInt8(ascii: "\""),
        UInt8(ascii: "&"),
    ]

    private func broken(_ message: String) -> SheetError {
        SheetError(
            "SHT005", file: file, place: part, "the part is not well-formed: \(message)",
            advice: "open the file in a spreadsheet program and save it again as .xlsx")
    }
}
