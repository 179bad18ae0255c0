import Casework
import Claims
import Documents
import Supervision

/// How matters look in the API: shapes, and the values that fit them.
enum MatterShapes {
    static let minute = Shape.line(10...20)
    static let value = Shape.named(
        "Value",
        .object([
            .init("field", .line(1...120)), .init("name", .line(1...200)),
            .init("text", .prose(0...70_000), "as people read it; money in yuan"),
            .init("masked", .flag, "whether the matrix shows it masked only (脱敏)"),
        ]))
    static let values = Shape.list(value, max: 1_000)
    static let standing = Shape.named(
        "Standing",
        .object([
            .init("track", .line(1...120)), .init("track_name", .line(1...200)), .init("state", .line(1...120)),
            .init("state_name", .line(1...200)),
        ]))
    static let need = Shape.object([
        .init("field", .line(1...120)), .init("name", .line(1...200)), .init("kind", .line(1...40)),
        .init("required", .flag),
        .init("choices", .map(.line(1...200), max: 200), "identifier of each choice and its name"),
    ])
    static let nextStep = Shape.named(
        "NextStep",
        .object([
            .init("verb", .choice(["take", "approve", "return", "conclude"])), .init("step", .line(1...120)),
            .init("name", .line(1...200)),
            .init("roles", .list(.line(1...60), max: 100), "in which of the caller's roles"),
            .init("items", .list(.line(1...200), max: 100), "the first items where the step begins"),
            .init("item_count", .integer(0...10_000_000)), .init("needs", .list(need, max: 200)),
            .init("papers", .list(.line(1...120), max: 100)), .init("together", .integer(1...100)),
            .init("proposal", .orNone(.integer(1...1_000_000)), "the act that waits for an answer"),
        ]))
    static let line = Shape.named(
        "Act",
        .object([
            .init("number", .integer(1...10_000_000)), .init("effective", .form(.day)), .init("recorded", minute),
            .init("person", .orNone(.line(1...200))), .init("role", .line(1...60)), .init("role_name", .line(1...200)),
            .init("what", .line(1...120)), .init("what_name", .line(1...200)), .init("item", .line(0...200)),
            .init("values", values), .init("papers", .list(.line(1...300), max: 1_000)), .init("annulled", .flag),
        ]))
    static let clock = Shape.named(
        "Clock",
        .object([
            .init("clock", .line(1...120)), .init("name", .line(1...200)), .init("item", .line(0...200)),
            .init("standing", .choice(["running", "paused", "stopped", "lapsed"])),
            .init("due", .orNone(minute)), .init("overdue", .flag),
        ]))
    static let account = Shape.named(
        "Account",
        .object([
            .init("account", .line(1...120)), .init("name", .line(1...200)), .init("total", .line(1...30), "yuan"),
            .init("parts", .map(.line(1...30), max: 10_000), "yuan by fund/pool"),
        ]))
    static let balance = Shape.named(
        "Balance",
        .object([
            .init("track", .line(1...120)), .init("received", .integer(0...10_000_000)),
            .init("groups", .map(.integer(0...10_000_000), max: 100)),
            .init("open", .integer(-10_000_000...10_000_000)),
        ]))
    static let matter = Shape.named(
        "Matter",
        .object([
            .init("id", .line(1...200)), .init("procedure", .line(1...120)), .init("procedure_name", .line(1...200)),
            .init("version", .integer(1...10_000)),
            .init("acts", .integer(1...10_000_000), "how many; send it back as `seen`"),
            .init("level", .choice(Secrecy.allCases.map(\.rawValue))), .init("ended", .orNone(.line(1...120))),
            .init("parent", .orNone(.line(1...200))), .init("merged_into", .orNone(.line(1...200))),
            .init("states", .list(standing, max: 200)), .init("values", values),
            .init("parties", .map(.line(0...200), max: 100)),
            .init("items", .map(.integer(0...10_000_000), max: 100), "how many of each kind"),
            .init("clocks", .list(clock, max: 1_000_000)), .init("accounts", .list(account, max: 200)),
            .init("balances", .list(balance, max: 100)),
            .init(
                "children",
                .list(
                    .object([
                        .init("kind", .line(1...120)), .init("id", .line(1...200)),
                        .init("ended", .orNone(.line(1...120))),
                    ]), max: 100_000)),
            .init(
                "papers",
                .list(
                    .object([
                        .init("kind", .line(1...120)), .init("name", .line(1...200)),
                        .init("number", .orNone(.line(0...200)), "its number, or the digest of what was handed in"),
                        .init("item", .line(0...200)), .init("day", .form(.day)), .init("received", .flag),
                    ]), max: 1_000_000)),
            .init("timeline", .list(line, max: 50), "the last acts; all of them at …/acts"),
            .init("next", .list(nextStep, max: 1_000)),
            .init("showing", .map(.choice(["plain", "masked"]), max: 20), "what of each class of field is shown"),
        ]))

    static func fen(_ amount: Int64) -> String { DecimalText.format(amount, scale: 2) }

    static func json(_ value: ShownMatter.Value) -> JSONText {
        .members([
            "field": .text(value.field), "name": .text(value.name), "text": .text(value.text),
            "masked": .flag(value.isMasked),
        ])
    }

    static func json(_ standing: ShownMatter.Standing) -> JSONText {
        .members([
            "track": .text(standing.track), "track_name": .text(standing.trackName), "state": .text(standing.state),
            "state_name": .text(standing.stateName),
        ])
    }

    static func json(_ step: NextStep) -> JSONText {
        .members([
            "verb": .text(step.verb.rawValue), "step": .text(step.step), "name": .text(step.name),
            "roles": .texts(step.roles), "items": .texts(step.items), "item_count": .integer(Int64(step.itemCount)),
            "needs": .array(
                step.needs.map { need in
                    .members([
                        "field": .text(need.field), "name": .text(need.name), "kind": .text(need.kind),
                        "required": .flag(need.isRequired),
                        "choices": .object(need.choices.map { .init(name: $0.id, value: .text($0.name)) }),
                    ])
                }), "papers": .texts(step.papers), "together": .integer(Int64(step.together)),
            "proposal": step.proposal.map { .integer(Int64($0)) } ?? .null,
        ])
    }

    static func json(_ line: ShownMatter.Line) -> JSONText {
        .members([
            "number": .integer(Int64(line.number)), "effective": .text("\(line.effective)"),
            "recorded": .text("\(line.recorded)"), "person": .text(orNull: line.person), "role": .text(line.role),
            "role_name": .text(line.roleName), "what": .text(line.what), "what_name": .text(line.whatName),
            "item": .text(line.item), "values": .array(line.values.map(json)), "papers": .texts(line.papers),
            "annulled": .flag(line.isAnnulled),
        ])
    }

    static func json(_ account: ShownMatter.Account) -> JSONText {
        let total = account.parts.values.reduce(Int64(0)) { $0.addingReportingOverflow($1).partialValue }
        return .members([
            "account": .text(account.account), "name": .text(account.name), "total": .text(fen(total)),
            "parts": .object(
                account.parts.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .text(fen($0.value))) }),
        ])
    }

    static func json(_ balance: ShownMatter.Balance) -> JSONText {
        .members([
            "track": .text(balance.track), "received": .integer(Int64(balance.received)),
            "groups": .object(balance.groups.map { .init(name: $0.name, value: .integer(Int64($0.count))) }),
            "open": .integer(Int64(balance.open)),
        ])
    }

    static func json(_ matter: ShownMatter, timeline: [ShownMatter.Line]) -> JSONText {
        let m = matter
        return .members([
            "id": .text(m.id), "procedure": .text(m.procedure), "procedure_name": .text(m.procedureName),
            "version": .integer(Int64(m.version)), "acts": .integer(Int64(m.acts)), "level": .text(m.level),
            "ended": .text(orNull: m.ended), "parent": .text(orNull: m.parent),
            "merged_into": .text(orNull: m.mergedInto),
            "states": .array(m.states.map(json)), "values": .array(m.values.map(json)),
            "parties": .object(
                m.parties.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .text($0.value)) }),
            "items": .object(m.items.map { .init(name: $0.kind, value: .integer(Int64($0.count))) }),
            "clocks": .array(
                m.clocks.map { clock in
                    .members([
                        "clock": .text(clock.clock), "name": .text(clock.name), "item": .text(clock.item),
                        "standing": .text(clock.standing), "due": .text(orNull: clock.due.map { "\($0)" }),
                        "overdue": .flag(clock.isOverdue),
                    ])
                }), "accounts": .array(m.accounts.map(json)), "balances": .array(m.balances.map(json)),
            "children": .array(
                m.children.map { child in
                    .members(["kind": .text(child.kind), "id": .text(child.id), "ended": .text(orNull: child.ended)])
                }),
            "papers": .array(
                m.papers.map { paper in
                    .members([
                        "kind": .text(paper.kind), "name": .text(paper.name), "number": .text(orNull: paper.number),
                        "item": .text(paper.item), "day": .text("\(paper.day)"), "received": .flag(paper.isReceived),
                    ])
                }), "timeline": .array(timeline.map(json)), "next": .array(m.next.map(json)),
            "showing": .object(
                m.showing.sorted { $0.key < $1.key }.filter { $0.value != .absent }.map {
                    .init(name: $0.key, value: .text($0.value == .plain ? "plain" : "masked"))
                }),
        ])
    }
}

extension API {
    /// A matter as the API answers it, for other shells.
    package static func text(of matter: ShownMatter, timeline: [ShownMatter.Line]) -> String {
        MatterShapes.json(matter, timeline: timeline).pretty
    }
}
