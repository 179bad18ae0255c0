/// The system of record (存储): a file of SQLite, or a PostgreSQL server that several servers share. Which of the two
/// it is, is this module's secret: the same statements, transactions, errors and migrations on both.
///
/// Reading sees one unchanging state. A write transaction is on the disk when `write` returns, or has left no trace.
/// Calls block their thread; asynchronous callers go through `StoreThreads`.
package final class Store: Sendable {
    package let address: StoreAddress
    private let engine: any Engine

    /// How often a write is repeated when two transactions could not be put in order.
    static let repeatsMax = 3

    /// `connectionsMax` bounds how many transactions run at a time (SQLite: one of them writes).
    package init(_ address: StoreAddress, connectionsMax: Int = 8) throws {
        self.address = address
        switch address {
        case .file(let path): engine = try SQLiteEngine(path: path, connectionsMax: connectionsMax)
        case .server(let text):
            engine = try PostgresEngine(address: address, text: text, connectionsMax: connectionsMax)
        }
    }

    package var kind: StoreKind { engine.kind }

    /// Runs the body on one unchanging state of the store.
    package func read<T>(_ body: (Transaction) throws -> T) throws -> T {
        try engine.transact(.read) { session in
            let transaction = Transaction(session: session, access: .read, kind: engine.kind)
            let result = try body(transaction)
            if let failure = transaction.failure { throw failure }
            return result
        }
    }

    /// Runs the body as one transaction. The body may run again when two transactions could not be put in order, so it
    /// keeps nothing outside; it does not open another transaction.
    @discardableResult
    package func write<T>(_ body: (Transaction) throws -> T) throws -> T {
        var repeats = 0
        while true {
            do {
                return try engine.transact(.write) { session in
                    let transaction = Transaction(session: session, access: .write, kind: engine.kind)
                    let result = try body(transaction)
                    // SQLite would keep what came before a failed statement, PostgreSQL never does.
                    if let failure = transaction.failure { throw failure }
                    return result
                }
            } catch let error as StoreError where error.kind == .tryAgain && repeats < Self.repeatsMax {
                repeats += 1
            }
        }
    }

    /// Copies the whole store to a new file while others go on writing. SQLite only; PostgreSQL has its own tools.
    package func copy(to path: String) throws { try engine.copy(to: path) }

    package func close() { engine.close() }
}
