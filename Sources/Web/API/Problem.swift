import Casework
import Columns
import Documents
import Supervision

/// Why a call was not done (问题详情, RFC 9457): the project's code, what, where, why and what to do, and the status of HTTP.
package struct Problem: Error, Sendable, Equatable {
    package let status: Int
    package let code: String
    package let title: String
    package let place: String
    /// The provision, where the law refuses.
    package let provision: String
    package let advice: String
    /// Seconds after which to come again.
    package let retryAfter: Int?

    init(
        _ status: Int, _ code: String, _ title: String, at place: String = "", provision: String = "",
        advice: String = "",
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.code = code
        self.title = title
        // What was sent comes back in it; control characters do not.
        self.place = String(
            String.UnicodeScalarView(place.unicodeScalars.prefix(400).filter { $0.value >= 0x20 && $0.value != 0x7F }))
        self.provision = provision
        self.advice = advice
        self.retryAfter = retryAfter
    }

    /// Any error of a call. What nobody foresaw is told by its code alone; its text goes to the log.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as DoorRefusal:
            self.init(
                Self.status(of: refusal.kind), refusal.code, refusal.message, at: refusal.place, advice: refusal.advice,
                retryAfter: refusal.kind == .locked ? 60 : nil)
        case let refusal as Refusal:
            self.init(
                Self.status(ofAct: refusal.code), refusal.code, refusal.message, provision: refusal.provision,
                advice: refusal.advice)
        case let error as any ExplainedError:
            let status = Self.status(ofStore: error.code)
            // What the store says of itself is for operations, not for whoever called.
            self.init(
                status, error.code, status < 500 ? error.message : "暂时无法办理", at: status < 500 ? error.place : "",
                advice: status < 500 ? error.advice : "请稍后再试；运行日志中有原因", retryAfter: status == 503 ? 1 : nil)
        default: self.init(500, "WEB140", "服务内部错误", advice: "请稍后再试；如仍出现，请将编号与时间告知运维人员")
        }
    }

    private static func status(of kind: DoorRefusal.Kind) -> Int {
        switch kind {
        case .notSignedIn, .wrongCredentials: 401
        case .locked: 429
        case .passwordTooOld, .notGranted, .samePerson, .notHeld: 403
        case .unknown: 404
        case .notExclusive, .openWork: 409
        case .badPassword, .badInput, .reasonMissing, .badFile, .noFile: 422
        case .setUp: 500
        }
    }

    /// The kernel's refusals: not this person, not known, not these values; else the matter does not stand where this could be done.
    private static func status(ofAct code: String) -> Int {
        switch code {
        case "CAS003", "CAS004", "CAS005", "CAS018", "CAS019": 403
        case "CAS023": 404
        case "CAS001", "CAS008", "CAS009", "CAS010", "CAS026", "CAS028": 422
        default: 409
        }
    }

    private static func status(ofStore code: String) -> Int {
        switch code {
        case "DBS001", "DBS002", "DBS008": 503
        case "DBS006", "DBS007", "DBS009": 409
        case "DBS014": 400
        default: 500
        }
    }

    static let contentType = "application/problem+json"

    package static let shape = Shape.named(
        "Problem",
        .object([
            .init("type", .line(1...200), "the address of the code's explanation"),
            .init("title", .prose(1...4_000), "what happened (发生了什么)"), .init("status", .integer(400...599)),
            .init("code", .line(1...20), "the project's code"),
            .init("instance", .prose(0...4_000), required: false, "where: a parameter, a JSON pointer, an identifier"),
            .init("provision", .prose(0...1_000), required: false, "the provision that refuses it"),
            .init("advice", .prose(0...4_000), required: false, "what to do"),
        ]))

    package var json: JSONText {
        .members([
            "type": .text("urn:yijian:" + code), "title": .text(title), "status": .integer(Int64(status)),
            "code": .text(code), "instance": place.isEmpty ? nil : .text(place),
            "provision": provision.isEmpty ? nil : .text(provision), "advice": advice.isEmpty ? nil : .text(advice),
        ])
    }
}

extension Problem {
    static func parameter(_ mistake: Shape.Mistake) -> Problem {
        Problem(
            400, "WEB131", "请求的内容不合要求：\(mistake.message)", at: mistake.place,
            advice: "对照 /api/openapi.json 或 docs/api-reference.md 修改后重发")
    }

    static let noSuchPath = Problem(404, "WEB130", "没有这一地址", advice: "地址见 /api/openapi.json")
    static let wrongMethod = Problem(405, "WEB132", "该地址不支持这一方法", advice: "可用的方法见应答的 Allow 头")
    static let wrongType = Problem(415, "WEB133", "请求体须为 application/json", advice: "设置 Content-Type: application/json")
    static func tooLarge(_ limit: Int) -> Problem {
        Problem(413, "WEB134", "请求体超过 \(limit >> 10) KiB", advice: "分批提交")
    }
    static let headTooLarge = Problem(431, "WEB141", "地址或请求头过长", advice: "缩短地址，条件过多时分次查询")
    static let twoLengths = Problem(400, "WEB142", "请求体长度有两种写法", advice: "只写 Content-Length 或只用分块传输")
    static let busy = Problem(503, "WEB121", "服务繁忙", advice: "请稍后再试", retryAfter: 1)
    static let crossSite = Problem(
        403, "WEB135", "来自其他站点的请求不予受理", at: "X-Yijian-Request", advice: "用 Cookie 时须带 X-Yijian-Request: 1，且来自本站页面")
}
