/// Writes JSON straight into bytes: the answers of the national interface and of the state pages.
package struct AnswerWriter {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(capacity: Int = 1024) { bytes.reserveCapacity(capacity) }

    package mutating func object(_ body: (inout AnswerWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func list(_ body: (inout AnswerWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    package mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func text(_ text: String) {
        separate()
        quote(text)
    }

    package mutating func text(_ name: StaticString, _ text: String?) {
        self.name(name)
        if let text { self.text(text) } else { raw("null") }
    }

    package mutating func number(_ name: StaticString, _ number: Int) {
        self.name(name)
        raw(String(number))
    }

    /// Digits that are a JSON number already, or `null`, `true`, `false`.
    package mutating func raw(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func raw(_ name: StaticString, _ text: String) {
        self.name(name)
        raw(text)
    }

    /// After a name that was written as a text.
    mutating func colon() {
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { source in
            var start = 0
            for index in source.indices {
                let byte = source[index]
                guard byte < 0x20 || byte == 0x22 || byte == 0x5C else { continue }
                bytes.append(contentsOf: source[start..<index])
                start = index + 1
                bytes.append(UInt8(ascii: "\\"))
                switch byte {
                case 0x22, 0x5C: bytes.append(byte)
                case 0x0A: bytes.append(UInt8(ascii: "n"))
                case 0x0D: bytes.append(UInt8(ascii: "r"))
                case 0x09: bytes.append(UInt8(ascii: "t"))
                default:
                    bytes.append(contentsOf: "u00".utf8)
                    bytes.append(Array("0123456789abcdef".utf8)[Int(byte >> 4)])
                    bytes.append(Array("0123456789abcdef".utf8)[Int(byte & 15)])
                }
            }
            bytes.append(contentsOf: source[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension String {
    /// At most so many characters, as the lengths of the interface say; an ellipsis tells that something is missing.
    package func limited(to count: Int) -> String {
        guard self.count > count else { return self }
        return String(prefix(count - 1)) + "…"
    }
}
