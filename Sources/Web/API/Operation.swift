import Documents
import Supervision

/// One thing that the API does (接口操作), declared once: its address, what comes in, what goes out, who may, and how it is done.
/// Routing, the check of what comes in, the OpenAPI description and the reference page are derived from it.
package struct Operation: Sendable {
    package enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package struct Parameter: Sendable {
        package enum Place: String, Sendable { case path, query }
        package let name: String
        package let place: Place
        package let shape: Shape
        package let isRequired: Bool
        package let note: String
        /// What stands for it when it is not given.
        package let otherwise: JSONText?

        package static func path(_ name: String, _ note: String, _ shape: Shape = .form(.identifier)) -> Parameter {
            Parameter(name: name, place: .path, shape: shape, isRequired: true, note: note, otherwise: nil)
        }

        package static func query(
            _ name: String, _ shape: Shape, _ note: String, otherwise: JSONText? = nil, required: Bool = false
        ) -> Parameter {
            Parameter(name: name, place: .query, shape: shape, isRequired: required, note: note, otherwise: otherwise)
        }
    }

    /// What a call gives when it was done.
    package enum Outcome: Sendable {
        case json(Shape)
        /// A list: pages as JSON, or the same rows as a file.
        case rows([Column])
        /// A file: CSV or a spreadsheet.
        case file
        case nothing
    }

    /// A column of a list: a member of each row in JSON, a column of the file.
    package struct Column: Sendable {
        package let head: ColumnHead
        package let shape: Shape
        package let isInFile: Bool

        package init(_ key: String, _ title: String, _ shape: Shape, width: Int = 14, file isInFile: Bool = true) {
            head = ColumnHead(key, title, .text, width: width)
            self.shape = shape
            self.isInFile = isInFile
        }
    }

    package let id: String
    package let method: Method
    /// `/api/matters/{matter}`.
    package let path: String
    /// One English sentence for the description.
    package let summary: String
    package let chinese: String
    package let group: String
    /// Whether anybody may call it; else a session is needed.
    package let isOpen: Bool
    package let parameters: [Parameter]
    package let body: Shape?
    package let status: Int
    package let outcome: Outcome
    /// How long a body may be, in bytes.
    package let bodyBytesMax: Int
    let run: @Sendable (Call) throws -> Answer

    init(
        _ id: String, _ method: Method, _ path: String, _ chinese: String, _ summary: String, group: String,
        open isOpen: Bool = false, parameters: [Parameter] = [], body: Shape? = nil, status: Int = 200,
        _ outcome: Outcome, bodyBytesMax: Int = 1 << 20, run: @escaping @Sendable (Call) throws -> Answer
    ) {
        self.id = id
        self.method = method
        self.path = path
        self.chinese = chinese
        self.summary = summary
        self.group = group
        self.isOpen = isOpen
        var all = parameters
        if case .rows = outcome {
            all += [
                .query("format", .choice(["json", "csv", "xlsx"]), "how the rows come", otherwise: .text("json"))
            ]
        }
        self.parameters = all
        self.body = body
        self.status = status
        self.outcome = outcome
        self.bodyBytesMax = bodyBytesMax
        self.run = run
    }

    /// `/api/matters/{matter}` in its parts; a part in braces takes any text.
    var segments: [Substring] { path.dropFirst().split(separator: "/") }

    /// The shape of the JSON answer.
    package var answer: Shape? {
        switch outcome {
        case .json(let shape): shape
        case .nothing, .file: nil
        case .rows(let columns):
            .object([
                .init("rows", .list(.object(columns.map { .init($0.head.key, $0.shape) }), max: 10_000)),
                .init("next", .orNone(.form(.mark)), "asks for what follows, as `after`; null at the end"),
            ])
        }
    }
}

/// What an operation is called with: values that fit their declared shapes, and whoever is signed in.
struct Call: Sendable {
    let book: Casebook
    let token: SessionToken?
    let values: [String: JSONText]
    let body: JSONText

    var door: Door { book.door }

    /// The session; an operation that is not open has one, else it was refused before.
    func session() throws -> SessionToken {
        guard let token else { throw DoorRefusal.notSignedIn }
        return token
    }

    func text(_ name: String) -> String? {
        guard case .text(let text)? = values[name] ?? body[name] else { return nil }
        return text
    }

    func string(_ name: String) -> String { text(name) ?? "" }

    func integer(_ name: String) -> Int? {
        guard case .integer(let number)? = values[name] ?? body[name] else { return nil }
        return Int(number)
    }

    func flag(_ name: String) -> Bool? {
        guard case .flag(let flag)? = values[name] ?? body[name] else { return nil }
        return flag
    }

    func texts(_ name: String) -> [String] {
        guard case .array(let values)? = values[name] ?? body[name] else { return [] }
        return values.compactMap { if case .text(let text) = $0 { text } else { nil } }
    }

    func pairs(_ name: String) -> [(String, String)] {
        guard case .object(let members)? = body[name] else { return [] }
        return members.compactMap { member in
            if case .text(let text) = member.value { (member.name, text) } else { nil }
        }
    }

    var isFile: Bool { text("format").map { $0 != "json" } ?? false }
    var size: Int { integer("size") ?? 50 }
    var after: String? { text("after") }
}

/// What an operation answers.
enum Answer: Sendable {
    case json(JSONText)
    /// Rows in the order of the operation's columns, and what asks for the next ones.
    case rows([[JSONText]], next: String?, name: String)
    case file([ColumnHead], [[Cell]], isSpreadsheet: Bool, name: String)
    case nothing
    /// A session was opened, or ended with nil: carried by a cookie where the caller asked for one.
    case session(SessionToken?, JSONText)
}

extension JSONText {
    static func text(orNull text: String?) -> JSONText { text.map { .text($0) } ?? .null }
    static func texts(_ texts: some Sequence<String>) -> JSONText { .array(texts.map { .text($0) }) }
}
