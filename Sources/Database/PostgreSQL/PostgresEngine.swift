import Foundation

/// PostgreSQL through libpq: a bounded pool of connections, each used by one thread at a time.
final class PostgresEngine: Engine, @unchecked Sendable {
    let kind = StoreKind.postgresql
    private let address: StoreAddress
    private let text: String
    private let connectionsMax: Int
    private let condition = NSCondition()
    private var idle: [PostgresConnection] = []
    private var openCount = 0
    private var isClosed = false

    /// How long a free connection is waited for.
    static let patienceSeconds = 10.0

    init(address: StoreAddress, text: String, connectionsMax: Int) throws {
        self.address = address
        self.text = text
        self.connectionsMax = max(1, connectionsMax)
        // A wrong address is said at once, not at the first question.
        giveBack(try take())
    }

    func transact<T>(_ access: Access, _ body: (any Session) throws -> T) throws -> T {
        let connection = try begin(access)
        defer { giveBack(connection) }
        let result: T
        do {
            result = try body(connection)
        } catch {
            if !connection.isBroken { try? connection.runScript("ROLLBACK") }
            throw error
        }
        do {
            let tag = try connection.commit()
            guard tag == "COMMIT" else {
                throw StoreError(
                    .badStatement, "the transaction was rolled back because a statement in it had failed",
                    at: address.shown, advice: StoreError.advice(for: .badStatement))
            }
        } catch let error as StoreError where error.kind == .unreachable && access == .write {
            throw StoreError(
                .outcomeUnknown, "the connection broke while the transaction was being made final",
                at: address.shown, advice: StoreError.advice(for: .outcomeUnknown))
        }
        return result
    }

    func copy(to path: String) throws {
        throw StoreError(
            .badStatement, "a PostgreSQL store is copied by PostgreSQL's own tools", at: address.shown,
            advice: "use pg_basebackup, or pg_dump -Fc")
    }

    func close() {
        condition.lock()
        isClosed = true
        openCount -= idle.count
        idle.removeAll()
        condition.broadcast()
        condition.unlock()
    }

    /// A connection inside a new transaction. Idle ones may have died with their server, so others are tried.
    private func begin(_ access: Access) throws -> PostgresConnection {
        let begin =
            access == .read
            ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
        for _ in 0...connectionsMax {
            let connection = try take()
            do {
                try connection.runScript(begin)
                return connection
            } catch {
                let isBroken = connection.isBroken
                giveBack(connection)
                if !isBroken { throw error }
            }
        }
        throw StoreError(
            .unreachable, "every connection of the pool is broken", at: address.shown,
            advice: StoreError.advice(for: .unreachable))
    }

    private func take() throws -> PostgresConnection {
        let deadline = Date(timeIntervalSinceNow: Self.patienceSeconds)
        condition.lock()
        while idle.isEmpty, openCount >= connectionsMax, !isClosed {
            guard condition.wait(until: deadline) else {
                condition.unlock()
                throw StoreError(
                    .busy, "all \(connectionsMax) connections were in use for \(Int(Self.patienceSeconds)) seconds",
                    at: address.shown, advice: StoreError.advice(for: .busy))
            }
        }
        if isClosed {
            condition.unlock()
            throw StoreError(
                .unreachable, "the store was closed", at: address.shown, advice: "the program is ending")
        }
        if let connection = idle.popLast() {
            condition.unlock()
            return connection
        }
        openCount += 1
        condition.unlock()
        do {
            return try PostgresConnection(address, text: text)
        } catch {
            condition.lock()
            openCount -= 1
            condition.signal()
            condition.unlock()
            throw error
        }
    }

    private func giveBack(_ connection: PostgresConnection) {
        condition.lock()
        if isClosed || connection.isBroken || connection.isInTransaction {
            openCount -= 1
        } else {
            idle.append(connection)
        }
        condition.signal()
        condition.unlock()
    }
}
