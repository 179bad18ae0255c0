import Claims
import Documents

/// What a value of the API looks like (数据形状): read against it, written by it, described by it. One declaration gives the check of
/// what comes in, the JSON Schema in the description, and the words of the reference page.
package indirect enum Shape: Sendable, Equatable {
    /// Text without control characters, so many characters long (as Unicode scalars, the way JSON Schema counts).
    case line(ClosedRange<Int>)
    /// Text that may have several lines.
    case prose(ClosedRange<Int>)
    case form(Form)
    case choice([String])
    case integer(ClosedRange<Int>)
    case flag
    case list(Shape, max: Int)
    /// Names that are content, each with a value of one shape.
    case map(Shape, max: Int)
    case object([Member])
    /// A shape of its own name in the description.
    case named(String, Shape)
    case orNone(Shape)
    /// Any JSON object, described elsewhere.
    case anyObject

    package struct Member: Sendable, Equatable {
        package let name: String
        package let shape: Shape
        package let isRequired: Bool
        package let note: String

        package init(_ name: String, _ shape: Shape, required isRequired: Bool = true, _ note: String = "") {
            self.name = name
            self.shape = shape
            self.isRequired = isRequired
            self.note = note
        }
    }

    /// Texts of a fixed form. The pattern is what the description says; both say the same.
    package enum Form: String, Sendable, CaseIterable {
        /// `yyyy-mm-dd`, a day there is.
        case day
        /// SHA-256 in lower-case hexadecimal digits: how a file of evidence is named.
        case digest
        /// Identifiers of matters, accounts, posts …: letters, digits, `.`, `_`, `-`.
        case identifier
        /// What a page gave as `next`.
        case mark

        var pattern: String {
            switch self {
            case .day: "^[12][0-9]{3}-[01][0-9]-[0-3][0-9]$"
            case .digest: "^[0-9a-f]{64}$"
            case .identifier: "^[A-Za-z0-9_][A-Za-z0-9._-]{0,119}$"
            case .mark: "^[A-Za-z0-9_.-]{1,2000}$"
            }
        }

        func holds(_ text: String) -> Bool {
            func isPlain(_ byte: UInt8, _ others: StaticString) -> Bool {
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: UnsafeBufferPointer(start: others.utf8Start, count: others.utf8CodeUnitCount).contains(byte)
                }
            }
            let bytes = text.utf8
            switch self {
            case .day: return bytes.count == 10 && Day(text) != nil
            case .digest:
                return bytes.count == 64
                    && bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
            case .identifier:
                return (1...120).contains(bytes.count) && bytes.first.map { isPlain($0, "_") } == true
                    && bytes.allSatisfy { isPlain($0, "._-") }
            case .mark: return (1...2000).contains(bytes.count) && bytes.allSatisfy { isPlain($0, "_.-") }
            }
        }
    }

    static let linePattern = "^[^\\x00-\\x1f\\x7f]*$"
    static let prosePattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f]*$"

    // MARK: Reading

    /// What does not fit, with its place as a JSON pointer; nil: it fits.
    package func mistake(in value: JSONText, at place: String = "") -> Mistake? {
        switch (self, value) {
        case (.named(_, let shape), _): return shape.mistake(in: value, at: place)
        case (.orNone, .null): return nil
        case (.orNone(let shape), _): return shape.mistake(in: value, at: place)
        case (.line(let range), .text(let text)):
            return Self.length(text, range, place)
                ?? (text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
                    ? Mistake(place, "不得含控制字符") : nil)
        case (.prose(let range), .text(let text)):
            return Self.length(text, range, place)
                ?? (text.unicodeScalars.contains {
                    ($0.value < 0x20 && $0.value != 9 && $0.value != 10) || $0.value == 0x7F
                }
                    ? Mistake(place, "不得含控制字符") : nil)
        case (.form(let form), .text(let text)):
            return form.holds(text) ? nil : Mistake(place, "不合规定的格式 \(form.pattern)")
        case (.choice(let choices), .text(let text)):
            return choices.contains(text) ? nil : Mistake(place, "只能是 \(choices.joined(separator: "、"))")
        case (.integer(let range), .integer(let number)):
            return range.contains(Int(number)) ? nil : Mistake(place, "应在 \(range.lowerBound) 至 \(range.upperBound) 之间")
        case (.flag, .flag), (.anyObject, .object): return nil
        case (.list(let shape, let max), .array(let values)):
            if values.count > max { return Mistake(place, "最多 \(max) 项") }
            for (index, value) in values.enumerated() {
                if let mistake = shape.mistake(in: value, at: "\(place)/\(index)") { return mistake }
            }
            return nil
        case (.map(let shape, let max), .object(let members)):
            if members.count > max { return Mistake(place, "最多 \(max) 项") }
            for member in members {
                if let mistake = shape.mistake(in: member.value, at: Self.pointer(place, member.name)) {
                    return mistake
                }
            }
            return nil
        case (.object(let known), .object(let members)): return Self.mistake(known, members, place)
        default: return Mistake(place, "应为\(word)")
        }
    }

    private static func mistake(_ known: [Member], _ members: [JSONText.Member], _ place: String) -> Mistake? {
        for member in members {
            guard let own = known.first(where: { $0.name == member.name }) else {
                return Mistake(pointer(place, member.name), "没有这一项；已知：\(known.map(\.name).joined(separator: "、"))")
            }
            if let mistake = own.shape.mistake(in: member.value, at: pointer(place, member.name)) { return mistake }
        }
        for own in known where own.isRequired && !members.contains(where: { $0.name == own.name }) {
            return Mistake(pointer(place, own.name), "缺少这一项")
        }
        return nil
    }

    private static func length(_ text: String, _ range: ClosedRange<Int>, _ place: String) -> Mistake? {
        range.contains(text.unicodeScalars.count)
            ? nil : Mistake(place, "长度应为 \(range.lowerBound) 至 \(range.upperBound) 个字符")
    }

    private static func pointer(_ place: String, _ name: String) -> String {
        place + "/" + name.prefix(80).replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// The kind of value, as a person calls it.
    var word: String {
        switch self {
        case .line, .prose, .form, .choice: "文本"
        case .integer: "整数"
        case .flag: "true 或 false"
        case .list: "数组"
        case .map, .object, .anyObject: "对象"
        case .named(_, let shape): shape.word
        case .orNone(let shape): shape.word + "或 null"
        }
    }

    package struct Mistake: Equatable, Sendable {
        /// A JSON pointer, or the name of a parameter.
        package let place: String
        package let message: String

        init(_ place: String, _ message: String) {
            self.place = place
            self.message = message
        }
    }

    // MARK: Describing

    /// The JSON Schema (2020-12) of the shape; named shapes are references.
    package var schema: JSONText {
        switch self {
        case .line(let range): Self.text(range, Self.linePattern)
        case .prose(let range): Self.text(range, Self.prosePattern)
        case .form(.day):
            .members(["type": .text("string"), "format": .text("date"), "pattern": .text(Form.day.pattern)])
        case .form(let form): .members(["type": .text("string"), "pattern": .text(form.pattern)])
        case .choice(let choices):
            .members(["type": .text("string"), "enum": .array(choices.map(JSONText.text))])
        case .integer(let range):
            .members([
                "type": .text("integer"), "minimum": .integer(Int64(range.lowerBound)),
                "maximum": .integer(Int64(range.upperBound)),
            ])
        case .flag: .members(["type": .text("boolean")])
        case .list(let shape, let max):
            .members(["type": .text("array"), "items": shape.schema, "maxItems": .integer(Int64(max))])
        case .map(let shape, let max):
            .members([
                "type": .text("object"), "additionalProperties": shape.schema, "maxProperties": .integer(Int64(max)),
            ])
        case .object(let members): Self.schema(members)
        case .named(let name, _): .members(["$ref": .text("#/components/schemas/\(name)")])
        case .orNone(let shape): .members(["anyOf": .array([shape.schema, .members(["type": .text("null")])])])
        case .anyObject: .members(["type": .text("object")])
        }
    }

    private static func text(_ range: ClosedRange<Int>, _ pattern: String) -> JSONText {
        .members([
            "type": .text("string"), "minLength": .integer(Int64(range.lowerBound)),
            "maxLength": .integer(Int64(range.upperBound)), "pattern": .text(pattern),
        ])
    }

    private static func schema(_ members: [Member]) -> JSONText {
        let properties = members.map { member in
            guard !member.note.isEmpty, case .object(let own) = member.shape.schema else {
                return JSONText.Member(name: member.name, value: member.shape.schema)
            }
            return JSONText.Member(
                name: member.name, value: .object(own + [.init(name: "description", value: .text(member.note))]))
        }
        let required = members.filter(\.isRequired).map { JSONText.text($0.name) }
        return .members([
            "type": .text("object"), "properties": .object(properties),
            "required": required.isEmpty ? nil : .array(required), "additionalProperties": .flag(false),
        ])
    }

    /// The named shapes in it, the outer ones first.
    var names: [(name: String, shape: Shape)] {
        switch self {
        case .named(let name, let shape): [(name, shape)] + shape.names
        case .list(let shape, _), .map(let shape, _), .orNone(let shape): shape.names
        case .object(let members): members.flatMap(\.shape.names)
        default: []
        }
    }
}
