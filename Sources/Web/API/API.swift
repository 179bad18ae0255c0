import Documents
import Foundation
import NIOPosix
import Supervision
import Synchronization

/// The HTTP/JSON API (接口服务): finds the operation of a call, checks what comes in against its declaration, lets the door decide,
/// and puts the answer into words. It knows no connection: requests come and replies go as values.
///
/// Calls run on threads of their own, so that they never take one from the point of care; how many wait is bounded.
package final class API: Sendable {
    /// Every operation there is. What is not here is 404; what has no session is 401, before anything else is looked at.
    package static let operations: [Operation] =
        Operation.session + Operation.matters + Operation.evidence + Operation.procedures + Operation.posts + [
            description
        ]

    let book: Casebook
    private let threads: NIOThreadPool
    private let underWay = Atomic<Int>(0)
    private let underWayMax: Int
    private let log: ServiceLog

    package init(_ book: Casebook, threads: Int = 2, underWayMax: Int = 64, log: ServiceLog) {
        self.book = book
        self.underWayMax = underWayMax
        self.log = log
        self.threads = NIOThreadPool(numberOfThreads: threads)
        self.threads.start()
    }

    package func stop() { threads.shutdownGracefully { _ in } }

    /// Whether a path belongs to the API.
    static func takes(_ path: some StringProtocol) -> Bool { path == "/api" || path.hasPrefix("/api/") }

    /// Whether there is room for another call; asked before its body is read.
    var hasRoom: Bool { underWay.load(ordering: .relaxed) < underWayMax }

    /// The longest body that any operation of the path takes; 0: none takes one.
    static func bodyBytesMax(_ path: String) -> Int {
        Router.match(path).map(\.operation.bodyBytesMax).max() ?? 0
    }

    /// Takes a call; the reply comes on another thread.
    func submit(_ request: APIRequest, _ reply: @escaping @Sendable (Reply) -> Void) {
        guard underWay.add(1, ordering: .relaxed).newValue <= underWayMax else {
            underWay.subtract(1, ordering: .relaxed)
            return reply(Self.reply(.busy))
        }
        threads.submit { _ in
            let answer = self.answer(request)
            self.underWay.subtract(1, ordering: .relaxed)
            reply(answer)
        }
    }

    /// The reply to a call, on this thread.
    package func answer(_ request: APIRequest) -> Reply {
        do {
            return try perform(request)
        } catch {
            let problem = Problem(error)
            if problem.status >= 500 {
                log.event("api failed", [("code", problem.code), ("path", request.path), ("why", "\(error)")])
            }
            var reply = Self.reply(problem)
            // The answer to HEAD has no body (RFC 9110).
            if request.method == "HEAD" { reply.body = [] }
            if problem.status == 405 {
                let methods = Router.match(request.path).map(\.operation.method.rawValue)
                reply.headers.append(("allow", Array(Set(methods)).sorted().joined(separator: ", ")))
            }
            return reply
        }
    }

    private func perform(_ request: APIRequest) throws -> Reply {
        let matches = Router.match(request.path)
        guard !matches.isEmpty else { throw Problem.noSuchPath }
        guard let (operation, parts) = matches.first(where: { $0.operation.method.rawValue == request.method }) else {
            throw Problem.wrongMethod
        }
        let carried = request.session
        if carried?.isCookie == true, operation.method != .get, !request.isOfThisSite { throw Problem.crossSite }
        guard operation.isOpen || carried != nil else { throw DoorRefusal.notSignedIn }
        // Who may come in is asked before what is wanted is looked at: strangers learn nothing from what is refused.
        if !operation.isOpen, let token = carried?.token { _ = try book.door.caller(of: token) }
        var values = try parts.map { try Router.value($0, of: operation) }
        values += try Router.query(request.query, of: operation)
        let call = Call(
            book: book, token: operation.isOpen ? nil : carried?.token,
            values: Dictionary(values) { first, _ in first }, body: try body(of: request, operation))
        return try Self.reply(
            try operation.run(call), of: operation, format: call.text("format") ?? "json", path: request)
    }

    private func body(of request: APIRequest, _ operation: Operation) throws -> JSONText {
        guard let shape = operation.body else {
            guard request.body.isEmpty else {
                throw Problem(400, "WEB131", "该操作没有请求体", advice: "去掉请求体后重发")
            }
            return .null
        }
        guard request.body.count <= operation.bodyBytesMax else { throw Problem.tooLarge(operation.bodyBytesMax) }
        let type = request.headers["content-type"] ?? ""
        let kind = type.split(separator: ";").first?.trimmingCharacters(in: .whitespaces).lowercased()
        guard kind == "application/json" else { throw Problem.wrongType }
        var limits = JSONTape.Limits()
        limits.bytes = operation.bodyBytesMax
        let value: JSONText
        do {
            value = try JSONText.read(request.body, limits: limits)
        } catch {
            throw Problem(
                400, "WEB101", InterfaceError.malformed(error).sentence, at: "字节 \(error.offset)",
                advice: "请检查请求体的 JSON")
        }
        if let mistake = shape.mistake(in: value) { throw Problem.parameter(mistake) }
        return value
    }

    // MARK: Replies

    static func reply(_ problem: Problem) -> Reply {
        var reply = Reply(body: Array(problem.json.compact.utf8))
        reply.status = problem.status
        reply.type = Problem.contentType
        reply.retryAfter = problem.retryAfter
        if problem.status == 401 { reply.headers.append(("www-authenticate", "Bearer")) }
        reply.headers += Self.always
        return reply
    }

    /// What every answer says: keep no copy, guess no type, tell no other site where we came from.
    private static let always = [
        ("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
    ]

    private static func reply(
        _ answer: Answer, of operation: Operation, format: String, path request: APIRequest
    ) throws -> Reply {
        var reply: Reply
        switch answer {
        case .nothing: reply = Reply(body: [])
        case .json(let value): reply = Reply(body: Array(value.compact.utf8))
        case .session(let token, let value):
            reply = Reply(body: value == .null ? [] : Array(value.compact.utf8))
            reply.headers.append(("set-cookie", APIRequest.cookie(token)))
        case .file(let heads, let rows, let isSpreadsheet, let name):
            reply = try FileReply.reply(heads, rows, isSpreadsheet: isSpreadsheet, name: name)
        case .rows(let rows, let next, let name):
            guard case .rows(let columns) = operation.outcome else {
                preconditionFailure("\(operation.id) lists no rows")
            }
            guard format == "json" else {
                reply = try FileReply.reply(columns, rows, isSpreadsheet: format == "xlsx", name: name)
                if let next { reply.headers.append(("link", "<\(request.address(after: next))>; rel=\"next\"")) }
                break
            }
            let objects = rows.map { row in
                JSONText.object(zip(columns, row).map { .init(name: $0.head.key, value: $1) })
            }
            let page = JSONText.members(["rows": .array(objects), "next": .text(orNull: next)])
            reply = Reply(body: Array(page.compact.utf8))
        }
        reply.status = operation.status
        reply.headers += always
        return reply
    }
}
