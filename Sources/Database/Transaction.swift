/// What can be done inside a transaction. Lists are bounded: a caller says how many rows can come, or pages by key.
package final class Transaction {
    private let session: any Session
    private let access: Access
    private let kind: StoreKind
    private(set) var failure: StoreError?
    private var savepoints = 0

    package static let rowsMax = 10_000

    init(session: any Session, access: Access, kind: StoreKind) {
        self.session = session
        self.access = access
        self.kind = kind
    }

    /// Whether it may change anything.
    package var isWriting: Bool { access == .write }

    /// Every row of the answer. More than `max` is an error, never a list cut short in silence.
    package func rows(_ sql: SQL, max: Int = rowsMax) throws -> [Row] {
        var rows: [Row] = []
        _ = try run(sql) { row in
            guard rows.count < max else {
                throw StoreError(
                    .tooManyRows, "the answer has more than \(max) rows", at: "the store",
                    advice: "ask for a page, or for fewer")
            }
            rows.append(row)
        }
        return rows
    }

    /// The only row, or nil. Several are an error.
    package func row(_ sql: SQL) throws -> Row? { try rows(sql, max: 1).first }

    /// The answer's only integer: a count, a sum.
    package func integer(_ sql: SQL) throws -> Int {
        guard let row = try row(sql), case .integer(let integer) = row.values.first else { return 0 }
        return Int(integer)
    }

    /// Runs a statement that changes rows; says how many.
    @discardableResult
    package func change(_ sql: SQL) throws -> Int {
        precondition(access == .write, "a reading transaction changes nothing")
        return try run(sql) { _ in }
    }

    /// Runs a statement that must change exactly one row, as `… WHERE id = … AND version = …` does; otherwise somebody
    /// else changed `what` since it was read.
    package func changeOne(_ what: String, _ sql: SQL) throws {
        guard try change(sql) == 1 else {
            throw StoreError(
                .changedMeanwhile, "\(what) was changed by somebody else since it was read", at: "the store",
                advice: StoreError.advice(for: .changedMeanwhile))
        }
    }

    /// The rows with these keys, locked until the transaction ends, taken in the order of the keys so that two
    /// transactions never wait for each other. On SQLite the writer is alone and the lock is the transaction.
    package func locked(_ table: StaticString, key: StaticString, in keys: [String]) throws -> [Row] {
        precondition(access == .write, "a reading transaction locks nothing")
        let select: SQL = "SELECT * FROM \(name: table) WHERE \(name: key) IN (\(list: keys)) ORDER BY \(name: key)"
        return try rows(kind == .postgresql ? select + " FOR UPDATE" : select)
    }

    /// The row with this key, locked until the transaction ends; nil when there is none or somebody else has it. On SQLite the
    /// writer is alone and always has it.
    package func lockedIfFree(_ table: StaticString, key: StaticString, _ value: String) throws -> Row? {
        precondition(access == .write, "a reading transaction locks nothing")
        let select: SQL = "SELECT * FROM \(name: table) WHERE \(name: key) = \(value)"
        return try row(kind == .postgresql ? select + " FOR UPDATE SKIP LOCKED" : select)
    }

    /// Inserts many rows in few statements. `columns` is the list between the parentheses; every row has a value for each.
    package func insert(into table: StaticString, columns: StaticString, _ rows: [[StoreValue]]) throws {
        var rest = rows[...]
        // Few lengths, so that the store keeps few prepared statements.
        for count in [128, 16, 1] {
            while rest.count >= count {
                var sql: SQL = "INSERT INTO \(name: table) (\(name: columns)) VALUES "
                for (index, row) in rest.prefix(count).enumerated() {
                    sql = sql + (index == 0 ? "(\(list: row))" : ", (\(list: row))")
                }
                try change(sql)
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Runs the body so that, when it throws, only what it did is undone and the transaction goes on: one row of many.
    @discardableResult
    package func attempt<T>(_ body: () throws -> T) throws -> T {
        savepoints += 1
        let name = "attempt\(savepoints)"
        defer { savepoints -= 1 }
        let before = failure
        try session.runScript("SAVEPOINT \(name)")
        do {
            let result = try body()
            if let failure, before == nil { throw failure }
            try session.runScript("RELEASE SAVEPOINT \(name)")
            return result
        } catch {
            // With the connection gone this fails too, and that error is the one that counts.
            try session.runScript("ROLLBACK TO SAVEPOINT \(name)")
            try session.runScript("RELEASE SAVEPOINT \(name)")
            failure = before
            throw error
        }
    }

    /// Gives each row of an answer of any length to the closure.
    func stream(_ sql: SQL, _ body: (Row) throws -> Void) throws { _ = try run(sql, each: body) }

    /// Statements without parameters and without rows, for migrations.
    func runScript(_ text: String) throws {
        do { try session.runScript(text) } catch { throw noted(error) }
    }

    var storeKind: StoreKind { kind }

    private func run(_ sql: SQL, each: (Row) throws -> Void) throws -> Int {
        for case .value(.text(let text)) in sql.pieces where text.utf8.contains(0) {
            throw noted(
                StoreError(
                    .badStatement, "a text holds the character NUL, which PostgreSQL cannot store", at: "the store",
                    advice: "refuse such a text where it comes in"))
        }
        do { return try session.run(sql, each: each) } catch { throw noted(error) }
    }

    private func noted(_ error: any Error) -> any Error {
        // Too many rows is the caller's question, not a failed statement.
        if failure == nil, let error = error as? StoreError, error.kind != .tooManyRows, error.kind != .wrongType {
            failure = error
        }
        return error
    }
}
