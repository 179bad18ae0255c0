import Casework
import Documents
import Supervision

extension Operation {
    private static let stepShape = Shape.named(
        "Step",
        .object([
            .init("step", .line(1...120)), .init("name", .line(1...200)), .init("track", .line(1...120)),
            .init("from", .list(.line(1...120), max: 100)), .init("to", .list(.line(1...120), max: 100)),
            .init("who", .list(.line(1...60), max: 60)), .init("needs", .list(.line(1...120), max: 100)),
            .init("takes", .list(.line(1...120), max: 100)), .init("papers", .list(.line(1...120), max: 100)),
            .init("together", .integer(1...100)), .init("signatures", .list(.line(1...60), max: 20)),
            .init("basis", .list(.line(1...300), max: 50)),
        ]))

    private static let fieldShape = Shape.named(
        "Field",
        .object([
            .init("field", .line(1...120)), .init("name", .line(1...200)), .init("kind", .line(1...40)),
            .init("item", .orNone(.line(1...120))), .init("class", .line(1...60), "its class in the matrix"),
            .init("choices", .map(.line(1...200), max: 200)),
        ]))

    static let procedures: [Operation] = [
        Operation(
            "listProcedures", .get, "/api/procedures", "程序", "The kinds of work there are.", group: "Procedures",
            .rows([
                .init("id", "编号", .line(1...120), width: 24), .init("name", "名称", .line(1...200), width: 28),
                .init("version", "版本", .integer(1...10_000)), .init("from", "施行日", .form(.day)),
                .init("opens", "开立角色", .list(.line(1...60), max: 60), width: 20),
            ])
        ) { call in
            _ = try call.door.caller(of: try call.session())
            let names = Set(call.book.library.procedures.map(\.id)).sorted()
            return .rows(
                names.compactMap { call.book.library.procedure($0) }.map {
                    [
                        .text($0.id), .text($0.name), .integer(Int64($0.version)), .text("\($0.from)"),
                        .texts($0.opening.who),
                    ]
                }, next: nil, name: "procedures")
        },
        Operation(
            "showProcedure", .get, "/api/procedures/{procedure}", "查看程序",
            "A procedure: states, fields and steps; what a form is made of.", group: "Procedures",
            parameters: [.path("procedure", "the procedure")],
            .json(
                .named(
                    "Procedure",
                    .object([
                        .init("id", .line(1...120)), .init("name", .line(1...200)),
                        .init("version", .integer(1...10_000)),
                        .init("summary", .prose(0...2_000)), .init("basis", .list(.line(1...300), max: 50)),
                        .init(
                            "opening",
                            .object([
                                .init("who", .list(.line(1...60), max: 60)),
                                .init("needs", .list(.line(1...120), max: 100)),
                                .init("takes", .list(.line(1...120), max: 100)),
                            ])),
                        .init(
                            "tracks",
                            .list(
                                .object([
                                    .init("track", .line(1...120)), .init("name", .line(1...200)),
                                    .init("per", .orNone(.line(1...120))),
                                    .init("states", .map(.line(1...200), max: 200)),
                                ]), max: 50)),
                        .init("fields", .list(fieldShape, max: 500)), .init("steps", .list(stepShape, max: 500)),
                    ])))
        ) { call in
            _ = try call.door.caller(of: try call.session())
            guard let procedure = call.book.library.procedure(call.string("procedure")) else {
                throw Problem(404, "SUP009", "没有这一程序", at: call.string("procedure"), advice: "见 GET /api/procedures")
            }
            return .json(json(procedure, call))
        },
    ]

    private static func json(_ procedure: Procedure, _ call: Call) -> JSONText {
        let fields = procedure.fields + call.book.library.common.fields
        return .members([
            "id": .text(procedure.id), "name": .text(procedure.name), "version": .integer(Int64(procedure.version)),
            "summary": .text(procedure.summary), "basis": .texts(procedure.basis),
            "opening": .members([
                "who": .texts(procedure.opening.who), "needs": .texts(procedure.opening.needs),
                "takes": .texts(procedure.opening.takes),
            ]),
            "fields": .array(fields.map { json($0, of: procedure, call) }),
            "steps": .array(procedure.steps.map(json)),
            "tracks": .array(procedure.tracks.map(json)),
        ])
    }

    private static func json(_ track: Track) -> JSONText {
        .members([
            "track": .text(track.id), "name": .text(track.name), "per": .text(orNull: track.per),
            "states": .object(track.states.map { .init(name: $0.id, value: .text($0.name)) }),
        ])
    }

    private static func json(_ field: Field, of procedure: Procedure, _ call: Call) -> JSONText {
        var choices: [JSONText.Member] = []
        if case .choice(let known) = field.kind { choices = known.map { .init(name: $0.id, value: .text($0.name)) } }
        return .members([
            "field": .text(field.id), "name": .text(field.name), "kind": .text(field.kindName),
            "item": .text(orNull: field.item),
            "class": .text(call.door.authority.place(of: field, in: procedure.id).fieldClass),
            "choices": .object(choices),
        ])
    }

    private static func json(_ step: Step) -> JSONText {
        .members([
            "step": .text(step.id), "name": .text(step.name), "track": .text(step.track), "from": .texts(step.from),
            "to": .texts(step.targets.map(\.state)), "who": .texts(step.who), "needs": .texts(step.needs),
            "takes": .texts(step.takes), "papers": .texts(step.papers),
            "together": .integer(Int64(max(1, step.together))), "signatures": .texts(step.signatures.map(\.role)),
            "basis": .texts(step.basis),
        ])
    }
}
