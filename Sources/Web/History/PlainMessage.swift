import Claims
import Rules

/// An upload as one line of JSON that ingest reads with `mappings/national-messages.yaml` (规范化报文).
///
/// The message itself: deciphered, its answer beside it, its names as the national interface writes them, the sender's own
/// code tables translated into the national ones, persons by the names that the dataset knows them by. `inf_time` is there
/// also when the sender left it out, and `yj_order` orders messages of one second.
struct PlainMessage {
    private var bytes: [UInt8] = []
    private let tables: CodeTables
    private let names: PersonNames

    static func line(_ reader: UploadReader, names: @escaping PersonNames) -> [UInt8] {
        var message = PlainMessage(reader.tables, names)
        message.write(reader)
        return message.bytes
    }

    /// Takes a row back that an earlier delivery stated and that no message states any more: it was said before all that
    /// follows it.
    static func withdrawal(_ row: (table: Table, id: String), institution: String) -> [UInt8] {
        let (number, member) =
            switch row.table {
            case .settlement: ("2305", "setl_id")
            case .line: ("2302", "yj_line")
            default: ("2404", "mdtrt_id")
            }
        var writer = AnswerWriter(capacity: 256)
        writer.object { writer in
            writer.text("infno", number)
            writer.text("fixmedins_code", institution)
            writer.text("yj_order", "000000000000000000")
            writer.name("input")
            writer.object { writer in
                writer.name("data")
                writer.object { writer in
                    writer.member(member)
                    writer.text(row.id)
                }
            }
        }
        return writer.bytes + [0x0A]
    }

    private init(_ tables: CodeTables, _ names: @escaping PersonNames) {
        self.tables = tables
        self.names = names
    }

    private mutating func write(_ reader: UploadReader) {
        let envelope = reader.envelope
        let moment = reader.moment
        var writer = AnswerWriter(capacity: 256)
        writer.object { writer in
            writer.text("infno", String(envelope.number))
            writer.text("msgid", envelope.messageIdentifier)
            writer.text("fixmedins_code", envelope.institution)
            writer.text("mdtrtarea_admvs", envelope.careArea)
            writer.text("insuplc_admdvs", envelope.homeArea)
            writer.text("opter", envelope.operatorCode)
            writer.text("inf_time", Self.time(moment))
            writer.text("yj_order", reader.said.version)
        }
        bytes = writer.bytes
        bytes.removeLast()
        append(",\"input\":")
        write(envelope.input)
        if let output = reader.output {
            append(",\"output\":")
            write(output)
        }
        append("}\n")
    }

    private static func time(_ moment: Moment) -> String {
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
        let second = moment.second ?? 0
        return "\(Day(number: moment.day)) \(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func write(_ value: JSONValue) {
        let own = value.nodes[value.node]
        switch own.kind {
        case .null: append("null")
        case .yes: append("true")
        case .no: append("false")
        case .number: raw(value, own.start, own.count)
        case .string:
            append("\"")
            raw(value, own.start, own.count)
            append("\"")
        case .array:
            append("[")
            children(value, own) { message, child, _ in message.write(child) }
            append("]")
        case .object:
            append("{")
            children(value, own) { message, child, node in message.member(child, node) }
            append("}")
        }
    }

    private mutating func children(
        _ value: JSONValue, _ own: JSONTape.Node, _ body: (inout PlainMessage, JSONValue, JSONTape.Node) -> Void
    ) {
        var child = value.node + 1
        let end = Int(own.after)
        var isFirst = true
        while child < end {
            let node = value.nodes[child]
            if !isFirst { append(",") }
            isFirst = false
            body(&self, JSONValue(value, node: child), node)
            child = Int(node.after)
        }
    }

    private mutating func raw(_ value: JSONValue, _ start: Int32, _ count: Int32) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: value.bytes + Int(start), count: Int(count)))
    }

    private mutating func member(_ value: JSONValue, _ node: JSONTape.Node) {
        let start = value.bytes + Int(node.name.start)
        let name = String(decoding: UnsafeBufferPointer(start: start, count: Int(node.name.count)), as: UTF8.self)
        let isContainer = node.kind == .object || node.kind == .array
        // Names of objects and lists have capitals of their own (`selinfoDetail`).
        let plain = isContainer ? name : Self.snakeCase(name)
        append("\"")
        append(plain)
        append("\":")
        guard !isContainer, let text = value.text, let translated = translated(plain, text) else { return write(value) }
        var writer = AnswerWriter()
        writer.text(translated)
        bytes.append(contentsOf: writer.bytes)
    }

    /// nil when the value stays as it is.
    private func translated(_ name: String, _ text: String) -> String? {
        switch name {
        case "psn_no": return names(text)
        case "gend": return tables.sexes[text].flatMap { ["M": "1", "F": "2"][$0] } ?? ""
        case "med_type":
            guard let setting = tables.setting(medType: text, visitKind: nil) else { return "" }
            if CodeTables.nationalSettings[String(text.prefix(2))] == setting { return nil }
            return CodeTables.nationalSettings.filter { $0.value == setting }.keys.min() ?? ""
        default: return nil
        }
    }

    private static func snakeCase(_ name: String) -> String {
        guard name.contains(where: \.isUppercase) else { return name }
        return name.reduce(into: "") { text, letter in
            if letter.isUppercase { text += "_" }
            text += letter.lowercased()
        }
    }
}
