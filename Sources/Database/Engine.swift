/// What the two stores have in common: transactions on sessions. Everything above is written once.
protocol Engine: Sendable {
    var kind: StoreKind { get }
    /// Runs the body inside one transaction and makes it final; rolls back when the body throws.
    func transact<T>(_ access: Access, _ body: (any Session) throws -> T) throws -> T
    /// Copies the whole store, while others write, to a new file.
    func copy(to path: String) throws
    func close()
}

/// Which of the two stores it is.
package enum StoreKind: String, Sendable {
    case sqlite = "SQLite"
    case postgresql = "PostgreSQL"
}

enum Access: Sendable {
    /// One unchanging state of the store.
    case read
    case write
}

/// One connection inside a transaction.
protocol Session {
    /// Runs one statement; gives each row to the closure; says how many rows were changed, or given when it asks.
    func run(_ sql: SQL, each: (Row) throws -> Void) throws -> Int
    /// Runs several statements without parameters: a migration, `SAVEPOINT`.
    func runScript(_ text: String) throws
}
