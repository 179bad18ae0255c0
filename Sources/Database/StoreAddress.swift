/// Where the store is: a file of SQLite, or a database of a PostgreSQL server.
package enum StoreAddress: Hashable, Sendable {
    case file(path: String)
    /// libpq's connection text, `postgresql://user@host/database` or `host=… dbname=…`.
    case server(connection: String)

    package init(_ text: String) throws(StoreError) {
        let isServer =
            text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") || text.hasPrefix("host=")
            || text.hasPrefix("service=")
        if isServer {
            self = .server(connection: text)
        } else if text.isEmpty || text.contains("://") || text.utf8.contains(0) {
            throw StoreError(
                .badAddress, "`\(text)` is neither a path nor a PostgreSQL address", at: "the store's address",
                advice: StoreError.advice(for: .badAddress))
        } else {
            self = .file(path: text)
        }
    }

    /// For messages and logs: without password.
    package var shown: String {
        switch self {
        case .file(let path): return path
        case .server(let connection):
            guard let scheme = connection.range(of: "://") else {
                return connection.split(separator: " ").map { part in
                    part.hasPrefix("password=") ? "password=…" : String(part)
                }.joined(separator: " ")
            }
            let rest = connection[scheme.upperBound...]
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            let tail = rest.dropFirst(authority.count).replacingPassword()
            guard let at = authority.lastIndex(of: "@") else {
                return connection[..<scheme.upperBound] + authority + tail
            }
            let user = authority[..<at].prefix { $0 != ":" }
            return connection[..<scheme.upperBound] + user + authority[at...] + tail
        }
    }
}

extension Substring {
    /// A password given as a parameter of the address.
    fileprivate func replacingPassword() -> String {
        split(separator: "&", omittingEmptySubsequences: false).map { part in
            guard let key = part.range(of: "password=") else { return String(part) }
            return part[..<key.upperBound] + "…"
        }.joined(separator: "&")
    }
}
