import Supervision

/// A call as it came over the network, before anything of it is believed.
package struct APIRequest: Sendable {
    package var method: String
    /// As it was sent, without the query.
    package var path: String
    package var query: String
    /// Names in lower case; those of `headerNames` only.
    package var headers: [String: String]
    package var body: [UInt8]

    package init(_ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8] = []) {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.method = method
        path = halves.first.map(String.init) ?? ""
        query = halves.count > 1 ? String(halves[1]) : ""
        self.headers = headers
        self.body = body
    }

    /// Of the path with its query.
    static let targetBytesMax = 16_384

    static let headerNames = [
        "authorization", "cookie", "content-type", "sec-fetch-site", "origin", "host", "x-yijian-request",
    ]

    /// The session that the call carries, and whether a browser carried it by itself.
    var session: (token: SessionToken, isCookie: Bool)? {
        if let text = headers["authorization"] {
            let parts = text.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return SessionToken(String(parts[1])).map { ($0, false) }
        }
        for part in (headers["cookie"] ?? "").split(separator: ";") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            if pair.count == 2, pair[0] == Self.cookieName { return SessionToken(String(pair[1])).map { ($0, true) } }
        }
        return nil
    }

    /// Whether a call with a cookie comes from a page of this site: a header that other sites cannot set, and, where the browser tells,
    /// the same origin (OWASP: custom header and Fetch Metadata).
    var isOfThisSite: Bool {
        guard headers["x-yijian-request"] == "1" else { return false }
        guard let site = headers["sec-fetch-site"] else { return true }
        return site == "same-origin" || site == "none"
    }

    static let cookieName = "__Host-yijian"

    static func cookie(_ token: SessionToken?) -> String {
        "\(cookieName)=\(token?.text ?? ""); Path=/; Secure; HttpOnly; SameSite=Strict\(token == nil ? "; Max-Age=0" : "")"
    }

    /// The same list from a mark on.
    func address(after mark: String) -> String {
        let rest = query.split(separator: "&").filter { !$0.hasPrefix("after=") }
        return path + "?" + (rest.map(String.init) + ["after=\(mark)"]).joined(separator: "&")
    }
}
