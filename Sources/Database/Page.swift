import Foundation

/// A page of a list (分页), found by key and never by offset: what is inserted or removed meanwhile neither repeats a
/// row nor hides one, and the thousandth page costs what the first does.
package struct Page: Sendable {
    package let rows: [Row]
    /// Asks for what follows; nil at the end.
    package let next: Continuation?
}

/// Where a page ended: the key of its last row, in a form that can stand in an address.
package struct Continuation: Hashable, Sendable {
    let key: [StoreValue]

    init(key: [StoreValue]) { self.key = key }

    /// Reads what `text` wrote. What we did not write is an error, not a trap; it can at most move within the list.
    package init(_ text: String) throws(StoreError) {
        var padded = text.replacing("-", with: "+").replacing("_", with: "/")
        padded += String(repeating: "=", count: (4 - padded.utf8.count % 4) % 4)
        guard text.utf8.count <= 2_000, let data = Data(base64Encoded: padded),
            let parts = String(validating: data, as: UTF8.self)?.split(
                separator: "\0", omittingEmptySubsequences: false)
        else { throw Self.bad(text) }
        var key: [StoreValue] = []
        for part in parts {
            switch part.first {
            case "t": key.append(.text(String(part.dropFirst())))
            case "i":
                guard let integer = Int64(part.dropFirst()) else { throw Self.bad(text) }
                key.append(.integer(integer))
            default: throw Self.bad(text)
            }
        }
        self.key = key
    }

    package var text: String {
        let parts = key.map { value in
            switch value {
            case .integer(let integer): "i\(integer)"
            case .text(let text): "t" + text
            case .null, .bytes: preconditionFailure("lists are ordered by texts and integers that are never absent")
            }
        }
        return Data(parts.joined(separator: "\0").utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func bad(_ text: String) -> StoreError {
        StoreError(
            .badContinuation, "`\(text.prefix(60))` does not continue this list", at: "the list's continuation",
            advice: StoreError.advice(for: .badContinuation))
    }
}

extension Transaction {
    package enum Direction: Sendable { case ascending, descending }

    /// The next rows of a list. `keys` are columns of the list that are never absent and together tell its rows apart.
    ///
    /// An index on the keys, after the columns that the list compares with `=`, makes every page cost the same.
    package func page(
        _ list: SQL, by keys: [StaticString], _ direction: Direction = .ascending, after: Continuation? = nil, size: Int
    ) throws -> Page {
        precondition(!keys.isEmpty && size > 0 && size <= Self.rowsMax, "a page has keys and 1 to \(Self.rowsMax) rows")
        let sql = try Self.bounded(list, keys, direction, after, size)
        var found = try rows(sql, max: size + 1)
        guard found.count > size else { return Page(rows: found, next: nil) }
        found.removeLast()
        let last = try keys.map { try found[size - 1].value($0.description) }
        return Page(rows: found, next: Continuation(key: last))
    }

    /// The next rows of a list that is made of others with the same columns (`branches`). Each is bounded by itself, so that each
    /// goes along an index of its own and no more than a page of it is looked at; a row of several of them comes once.
    package func page(
        anyOf branches: [SQL], by keys: [StaticString], _ direction: Direction = .ascending, after: Continuation? = nil,
        size: Int
    ) throws -> Page {
        guard let first = branches.first else { return Page(rows: [], next: nil) }
        guard branches.count > 1 else { return try page(first, by: keys, direction, after: after, size: size) }
        let parts = try branches.map { branch -> SQL in
            try "SELECT * FROM (" + Self.bounded(branch, keys, direction, after, size) + ") AS part"
        }
        let union = parts.dropFirst().reduce(parts[0]) { $0 + " UNION " + $1 }
        return try page(union, by: keys, direction, after: after, size: size)
    }

    private static func bounded(
        _ list: SQL, _ keys: [StaticString], _ direction: Direction, _ after: Continuation?, _ size: Int
    ) throws -> SQL {
        var sql: SQL = "SELECT * FROM (" + list + ") AS list"
        if let after {
            guard after.key.count == keys.count else { throw Continuation.bad(after.text) }
            sql = sql + " WHERE (" + joined(keys) + (direction == .ascending ? ") > (" : ") < (")
            sql = sql + joined(after.key) + ")"
        }
        sql = sql + " ORDER BY " + joined(keys, suffix: direction == .ascending ? "" : " DESC")
        return sql + " LIMIT \(size + 1)"
    }

    /// Gives every row of a list to the closure, page by page: long lists in little memory.
    package func eachRow(
        _ list: SQL, by keys: [StaticString], size: Int = 1_000, _ body: (Row) throws -> Void
    ) throws {
        var after: Continuation?
        repeat {
            let page = try page(list, by: keys, after: after, size: size)
            for row in page.rows { try body(row) }
            after = page.next
        } while after != nil
    }

    private static func joined(_ names: [StaticString], suffix: StaticString = "") -> SQL {
        var sql: SQL = ""
        for (index, name) in names.enumerated() {
            if index > 0 { sql = sql + ", " }
            sql = sql + "\(name: name)\(name: suffix)"
        }
        return sql
    }

    private static func joined(_ values: [StoreValue]) -> SQL {
        var sql: SQL = ""
        for (index, value) in values.enumerated() {
            if index > 0 { sql = sql + ", " }
            sql = sql + "\(value)"
        }
        return sql
    }
}
