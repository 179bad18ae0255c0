import Casework
import Claims
import Documents
import Supervision

/// How acts are asked for in the API, and what is answered.
enum ActReading {
    static let fields = Shape.Member(
        "fields", .map(.prose(0...20_000), max: 200), required: false,
        "values as text: 12.50, 2026-03-01, yes, a choice's identifier, basic/370100:12.50+…")
    static let papers = Shape.Member(
        "papers", .map(.form(.digest), max: 100), required: false, "digest of the file of each kind of paper")
    static let parties = Shape.Member(
        "parties", .map(.line(1...120), max: 50), required: false, "the organisation on each side")
    static let day = Shape.Member("day", .form(.day), required: false, "on which it counts; default today")
    static let adds = Shape.Member(
        "adds",
        .list(
            .object([
                .init("kind", .line(1...120)), .init("key", .line(1...200)),
                .init("parent", .line(1...200), required: false),
                .init("fields", .map(.prose(0...20_000), max: 200), required: false),
            ]), max: 10_000), required: false, "items that come in with it")

    static let done = Shape.named(
        "Done",
        .object([
            .init("matter", .line(1...200)), .init("acts", .integer(0...10_000_000)),
            .init("act", .orNone(.integer(1...10_000_000)), "the number of the act; null: it had happened already"),
            .init("ended", .orNone(.line(1...120))), .init("states", .map(.line(1...120), max: 200)),
            .init(
                "results",
                .list(
                    .object([
                        .init("item", .line(1...200)), .init("refused", .orNone(.prose(1...4_000)), "null: done"),
                    ]), max: 1_000), required: false, "one for each item of a batch"),
        ]))

    static func json(_ outcome: Casebook.Outcome) -> JSONText { json(outcome.matter, act: outcome.act, results: nil) }

    private static func json(_ matter: Matter, act: Act?, results: [JSONText]?) -> JSONText {
        let states = matter.states.filter { $0.key.item.isEmpty }.sorted { $0.key.track < $1.key.track }
        return .members([
            "matter": .text(matter.id), "acts": .integer(Int64(matter.acts.count)),
            "act": act.map { .integer(Int64($0.number)) } ?? .null, "ended": .text(orNull: matter.ended),
            "states": .object(states.map { .init(name: $0.key.track, value: .text($0.value)) }),
            "results": results.map { .array($0) },
        ])
    }

    static func act(_ call: Call) throws -> Answer {
        let (id, token) = (call.string("matter"), try call.session())
        let known = try call.book.matter(id, by: token).matter
        if let seen = call.integer("seen"), seen != known.acts.count {
            throw Problem(
                409, "DBS009", "事项在读取之后已由他人办理：当时有\(seen)项行为，现在有\(known.acts.count)项", at: id,
                advice: "重新读取事项，再决定是否办理")
        }
        let verb: Command.Verb
        switch call.text("verb") ?? "take" {
        case "approve": verb = .approve
        case "return": verb = .sendBack
        case "conclude": verb = .conclude
        default:
            guard let step = call.text("step") else {
                throw Problem(422, "WEB138", "没有写明步骤", at: "/step", advice: "写明 step；可办的步骤见事项的 next")
            }
            verb = .take(step)
        }
        var command = try command(verb, call, of: known.procedure)
        command.target = call.text("target") ?? ""
        command.together = call.texts("together")
        command.signer = call.text("signer")
        let items = call.texts("items")
        guard items.count > 1 else {
            command.item = items.first ?? ""
            return .json(
                json(try call.book.act(command, on: id, as: call.text("role"), seen: call.integer("seen"), by: token)))
        }
        let results = try call.book.act(batch: items, command, on: id, as: call.text("role"), by: token)
        let after = try call.book.matter(id, by: token).matter
        let rows = results.map { row in
            JSONText.members(["item": .text(row.item), "refused": .text(orNull: row.refusal)])
        }
        return .json(json(after, act: nil, results: rows))
    }

    /// The command of a body: fields are read by their kinds, and what is no field or no value of it is refused by name.
    static func command(_ verb: Command.Verb, _ call: Call, of procedure: Procedure) throws -> Command {
        var command = Command(verb)
        command.fields = try values(call.pairs("fields"), procedure, call.book.library, at: "/fields")
        command.papers = Dictionary(call.pairs("papers")) { _, last in last }
        command.parties = Dictionary(call.pairs("parties")) { _, last in last }
        if let text = call.text("day") { command.effective = Day(text) }
        if case .array(let adds)? = call.body["adds"] {
            command.adds = try adds.enumerated().map { index, add in
                func text(_ name: String) -> String? { if case .text(let text)? = add[name] { text } else { nil } }
                var pairs: [(String, String)] = []
                if case .object(let members)? = add["fields"] {
                    pairs = members.compactMap { if case .text(let text) = $0.value { ($0.name, text) } else { nil } }
                }
                return Command.Item(
                    kind: text("kind") ?? "", key: text("key") ?? "", parent: text("parent"),
                    fields: try values(pairs, procedure, call.book.library, at: "/adds/\(index)/fields"))
            }
        }
        return command
    }

    private static func values(
        _ pairs: [(String, String)], _ procedure: Procedure, _ library: ProcedureLibrary, at place: String
    ) throws -> [String: FieldValue] {
        var values: [String: FieldValue] = [:]
        for (name, text) in pairs {
            guard let field = procedure.field(name) ?? library.common.fields.first(where: { $0.id == name }) else {
                throw Problem(
                    422, "WEB139", "“\(procedure.name)”没有字段 \(name)", at: "\(place)/\(name)",
                    advice: "字段见 GET /api/procedures/\(procedure.id)")
            }
            guard let value = field.value(of: text) else {
                throw Problem(
                    422, "WEB139", "“\(text.prefix(80))”不是“\(field.name)”的取值（\(field.kindName)）",
                    at: "\(place)/\(name)",
                    advice: "字段见 GET /api/procedures/\(procedure.id)")
            }
            values[name] = value
        }
        return values
    }
}
