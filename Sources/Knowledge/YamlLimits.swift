/// Looks at a YAML file before it is parsed: nothing that passes can nest or multiply without bound.
///
/// The look is coarse and errs on the strict side. An anchor may stand only before a text: aliases of collections are
/// what makes small files large. Brackets are counted wherever they stand.
enum YamlLimits {
    struct Excess {
        let offset: Int
        let message: String
        let advice: String
    }

    static let indentMax = 120

    static func firstExcess(in bytes: [UInt8]) -> Excess? {
        var depth = 0
        var index = 0
        var atLineStart = true
        while index < bytes.count {
            let byte = bytes[index]
            if atLineStart {
                if let excess = lineStart(bytes, index) { return excess }
                atLineStart = false
            }
            switch byte {
            case 0x0A, 0x0D: atLineStart = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > YamlDocument.nestingMax {
                    return Excess(
                        offset: index, message: "more than \(YamlDocument.nestingMax) brackets are open",
                        advice: "close the brackets before this one")
                }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
            case UInt8(ascii: "&"):
                if isAnchorOfCollection(bytes, index) {
                    return Excess(
                        offset: index, message: "this anchor does not name a text",
                        advice: "anchor texts only: `given: &tables |`")
                }
            default: break
            }
            index += 1
        }
        return nil
    }

    /// Nesting by indentation and by `- - -` on one line.
    private static func lineStart(_ bytes: [UInt8], _ start: Int) -> Excess? {
        var index = start
        var dashes = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x20 || byte == 0x09 {
                index += 1
            } else if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: ":"),
                index + 1 < bytes.count, bytes[index + 1] == 0x20 || bytes[index + 1] == 0x09
            {
                dashes += 1
                index += 1
            } else {
                break
            }
        }
        if dashes > 8 {
            return Excess(offset: start, message: "a line nests \(dashes) lists", advice: "write fewer `- ` on a line")
        }
        if index - start > indentMax {
            return Excess(
                offset: start, message: "a line is indented by more than \(indentMax) blanks",
                advice: "indent by two blanks a level")
        }
        return nil
    }

    private static func isAnchorOfCollection(_ bytes: [UInt8], _ at: Int) -> Bool {
        if at > 0 {
            let before = bytes[at - 1]
            guard
                before <= 0x20 || before == UInt8(ascii: "[") || before == UInt8(ascii: "{")
                    || before == UInt8(ascii: ",")
            else { return false }
        }
        var index = at + 1
        while index < bytes.count, isNameByte(bytes[index]) { index += 1 }
        guard index > at + 1 else { return false }
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        guard index < bytes.count else { return false }
        switch bytes[index] {
        case UInt8(ascii: "|"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "'"): return false
        case 0x0A, 0x0D, UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "-"), UInt8(ascii: "?"),
            UInt8(ascii: "!"), UInt8(ascii: "&"), UInt8(ascii: "#"), UInt8(ascii: "*"):
            return true
        default: return false
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "[") && byte != UInt8(ascii: "]")
            && byte != UInt8(ascii: "{") && byte != UInt8(ascii: "}")
    }
}
