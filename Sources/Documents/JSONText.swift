import Claims

/// A JSON value whose members keep their order and whose numbers are exact decimals.
package indirect enum JSONText: Sendable, Hashable {
    case null
    case flag(Bool)
    case integer(Int64)
    case decimal(Int64, scale: Int)
    case text(String)
    case array([JSONText])
    case object([Member])

    package struct Member: Sendable, Hashable {
        package let name: String
        package let value: JSONText

        package init(name: String, value: JSONText) {
            self.name = name
            self.value = value
        }
    }

    /// An object with members in the given order; members whose value is nil are left out.
    package static func members(_ members: KeyValuePairs<String, JSONText?>) -> JSONText {
        .object(members.compactMap { name, value in value.map { Member(name: name, value: $0) } })
    }

    package init(_ cell: Cell) {
        switch cell {
        case .empty: self = .null
        case .text(let text): self = .text(text)
        case .integer(let number): self = .integer(number)
        case .decimal(let mantissa, let scale): self = .decimal(mantissa, scale: scale)
        case .day(let day): self = .text(day.description)
        }
    }

    /// On one line.
    package var compact: String {
        var text = ""
        write(into: &text, indent: nil)
        return text
    }

    /// With line breaks and two blanks a level.
    package var pretty: String {
        var text = ""
        write(into: &text, indent: 0)
        return text
    }

    private func write(into text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .flag(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += String(number)
        case .decimal(let mantissa, let scale): text += DecimalText.format(mantissa, scale: scale)
        case .text(let string): Self.quote(string, into: &text)
        case .array(let values):
            Self.list(values, "[", "]", into: &text, indent: indent) { value, text, deeper in
                value.write(into: &text, indent: deeper)
            }
        case .object(let members):
            Self.list(members, "{", "}", into: &text, indent: indent) { member, text, deeper in
                Self.quote(member.name, into: &text)
                text += deeper == nil ? ":" : ": "
                member.value.write(into: &text, indent: deeper)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element], _ left: String, _ right: String, into text: inout String, indent: Int?,
        _ write: (Element, inout String, Int?) -> Void
    ) {
        text += left
        let deeper = indent.map { $0 + 1 }
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let deeper { text += "\n" + String(repeating: "  ", count: deeper) }
            write(element, &text, deeper)
        }
        if let indent, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += right
    }

    private static func quote(_ string: String, into text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

/// Rows as NDJSON: one object a line, named by the columns' keys; empty cells are null.
package final class NDJSONOutput: RowOutput {
    private let keys: [String]
    private let file: OutputFile

    package init(_ heads: [ColumnHead], to file: OutputFile) {
        keys = heads.map(\.key)
        self.file = file
    }

    package func write(_ row: [Cell]) throws {
        let members = zip(keys, row).map { JSONText.Member(name: $0, value: JSONText($1)) }
        try file.write(JSONText.object(members).compact + "\n")
    }

    package func finish() throws { try file.finish() }
}
