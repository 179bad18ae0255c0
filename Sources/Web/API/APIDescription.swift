import Documents

extension API {
    /// The operation that describes all others.
    static let description = Operation(
        "describe", .get, "/api/openapi.json", "接口描述", "This description (OpenAPI 3.1).", group: "Description",
        open: true,
        .json(.anyObject)
    ) { _ in .json(openAPI) }

    /// The OpenAPI 3.1 description of every operation.
    package static let openAPI: JSONText = {
        var paths: [JSONText.Member] = []
        for path in distinct(operations.map(\.path)) {
            let own = operations.filter { $0.path == path }.map { operation in
                JSONText.Member(name: operation.method.rawValue.lowercased(), value: describe(operation))
            }
            paths.append(.init(name: path, value: .object(own)))
        }
        return .members([
            "openapi": .text("3.1.0"),
            "info": .members([
                "title": .text("Yijian 医鉴"), "version": .text("1"),
                "description": .text(
                    "Casework of the supervision of medical-insurance funds (医保基金监管). Errors are application/problem+json with the project's codes."
                ),
                "license": .members(["name": .text("Apache-2.0"), "identifier": .text("Apache-2.0")]),
            ]),
            "paths": .object(paths),
            "components": .members([
                "schemas": .object(schemas),
                "securitySchemes": .members([
                    "bearer": .members(["type": .text("http"), "scheme": .text("bearer")]),
                    "cookie": .members([
                        "type": .text("apiKey"), "in": .text("cookie"), "name": .text(APIRequest.cookieName),
                    ]),
                ]),
            ]),
        ])
    }()

    /// Each once, in the order in which they come.
    private static func distinct(_ texts: [String]) -> [String] {
        var known: Set<String> = []
        return texts.filter { known.insert($0).inserted }
    }

    private static var schemas: [JSONText.Member] {
        var members: [JSONText.Member] = []
        let shapes = operations.flatMap { [$0.body, $0.answer].compactMap(\.self) } + [Problem.shape]
        for (name, shape) in shapes.flatMap(\.names) where !members.contains(where: { $0.name == name }) {
            members.append(.init(name: name, value: shape.schema))
        }
        return members
    }

    private static func describe(_ operation: Operation) -> JSONText {
        .members([
            "operationId": .text(operation.id), "summary": .text(operation.chinese),
            "description": .text(operation.summary), "tags": .array([.text(operation.group)]),
            "security": operation.isOpen
                ? .array([])
                : .array([.members(["bearer": .array([])]), .members(["cookie": .array([])])]),
            "parameters": operation.parameters.isEmpty ? nil : .array(operation.parameters.map(describe)),
            "requestBody": operation.body.map { body in
                .members([
                    "required": .flag(true),
                    "content": .members(["application/json": .members(["schema": body.schema])]),
                ])
            },
            "responses": .object(responses(operation)),
        ])
    }

    private static func describe(_ parameter: Operation.Parameter) -> JSONText {
        var schema = parameter.shape.schema
        if let otherwise = parameter.otherwise, case .object(let members) = schema {
            schema = .object(members + [.init(name: "default", value: otherwise)])
        }
        return .members([
            "name": .text(parameter.name), "in": .text(parameter.place.rawValue),
            "required": .flag(parameter.isRequired),
            "description": .text(parameter.note), "schema": schema,
        ])
    }

    /// What an operation may answer: its own, and the problems that any call or its kind of call may meet.
    private static func responses(_ operation: Operation) -> [JSONText.Member] {
        let files = ["text/csv", FileReply.spreadsheet].map {
            JSONText.Member(name: $0, value: .members(["schema": .members([:])]))
        }
        let content: JSONText?
        switch operation.outcome {
        case .nothing: content = nil
        case .json(let shape): content = .members(["application/json": .members(["schema": shape.schema])])
        case .file: content = .object(files)
        case .rows:
            content = .object(
                [.init(name: "application/json", value: .members(["schema": operation.answer?.schema]))] + files)
        }
        let done = JSONText.members(["description": .text("done"), "content": content])
        var problems: [(Int, String)] = [
            (400, "what came in does not fit"), (431, "the address or the head is too long"), (500, "our fault"),
            (503, "busy; come again"),
        ]
        if !operation.isOpen || operation.group == "Session" {
            problems += [(401, "nobody is signed in"), (403, "not granted, not by this person, or from another site")]
        }
        if operation.group == "Session" { problems.append((429, "locked after too many failures")) }
        if !operation.isOpen || operation.body != nil {
            problems += [
                (404, "not there, or not to be known"), (409, "it does not stand where this could be done"),
                (422, "values do not fit"),
            ]
        }
        if operation.body != nil { problems += [(413, "the body is too long"), (415, "the body is not JSON")] }
        let problem = JSONText.members(["application/problem+json": .members(["schema": Problem.shape.schema])])
        return [.init(name: "\(operation.status)", value: done)]
            + problems.sorted { $0.0 < $1.0 }.map { status, words in
                .init(
                    name: "\(status)", value: .members(["description": .text(words), "content": problem]))
            }
    }

    /// The reference page (`docs/api-reference.md`), printed by `yijian schema api`.
    package static var page: String {
        var lines = [
            "# Reference of the HTTP/JSON API (接口参考)", "",
            "Printed by `yijian schema --api`; [api.md](api.md) shows how it is used. `…?format=csv|xlsx` gives any list as a file.",
            "",
        ]
        for group in distinct(operations.map(\.group)) {
            lines += ["## \(group)", ""]
            for operation in operations where operation.group == group {
                lines += [
                    "### `\(operation.method.rawValue) \(operation.path)` \(operation.chinese)", "", operation.summary,
                    "",
                ]
                for parameter in operation.parameters where parameter.name != "format" {
                    let usual = parameter.otherwise.map { " (default \($0.compact))" } ?? ""
                    lines.append("- `\(parameter.name)` \(parameter.shape.english): \(parameter.note)\(usual)")
                }
                for member in operation.body?.members ?? [] {
                    let optional = member.isRequired ? "" : ", optional"
                    lines.append(
                        "- body `\(member.name)` \(member.shape.english)\(optional)\(member.note.isEmpty ? "" : ": " + member.note)"
                    )
                }
                let answer: String =
                    switch operation.outcome {
                    case .nothing: "nothing"
                    case .file: "a file"
                    case .json(let shape): shape.english
                    case .rows(let columns): "rows of " + columns.map { "`\($0.head.key)`" }.joined(separator: ", ")
                    }
                lines += [
                    "- answers \(operation.status): \(answer)\(operation.isOpen ? "; no session is needed" : "")", "",
                ]
            }
        }
        return lines.joined(separator: "\n")
    }
}

extension Shape {
    /// The members of an object, by whatever name it has.
    var members: [Member] {
        switch self {
        case .named(_, let shape): shape.members
        case .object(let members): members
        default: []
        }
    }

    /// What it is, in a word or two of English.
    var english: String {
        switch self {
        case .line, .prose: "text"
        case .form(let form): form.rawValue
        case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
        case .integer: "integer"
        case .flag: "true or false"
        case .list(let shape, _): "list of \(shape.english)"
        case .map(let shape, _): "names with \(shape.english)"
        case .named(let name, _): "`\(name)`"
        case .object: "object with " + members.map { "`\($0.name)`" }.joined(separator: ", ")
        case .orNone(let shape): shape.english + " or null"
        case .anyObject: "object"
        }
    }
}
