import CPQ

/// One connection of libpq. Used by one thread at a time: whoever took it from the pool.
final class PostgresConnection: Session {
    private let connection: OpaquePointer
    private let address: StoreAddress
    /// Text and parameter types of what this connection has prepared.
    private var prepared: [String: String] = [:]
    private var preparedCount = 0
    static let preparedMax = 256
    static let connectSeconds = 5

    init(_ address: StoreAddress, text: String) throws {
        self.address = address
        let keys = ["dbname", "connect_timeout", "application_name", "client_encoding"]
        let values = [text, String(Self.connectSeconds), "yijian", "UTF8"]
        let opened = Self.withStrings(keys) { keys in
            Self.withStrings(values) { values in PQconnectdbParams(keys, values, 1) }
        }
        guard let opened else {
            throw StoreError(
                .unreachable, "libpq has no memory for a connection", at: address.shown,
                advice: StoreError.advice(for: .unreachable))
        }
        connection = opened
        yijian_silence_notices(connection)
        guard PQstatus(connection) == CONNECTION_OK else {
            throw PostgresErrors.unreachable(connection, address: address)
        }
        // Statements take milliseconds and cost estimates of long lists are high: compiling them first (jit) would take longer.
        try runScript(
            """
            SET jit = off; SET synchronous_commit = on; SET timezone = 'UTC'; SET bytea_output = 'hex';
            SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'
            """)
    }

    deinit { PQfinish(connection) }

    var isBroken: Bool { PQstatus(connection) != CONNECTION_OK }

    /// Whether the server still regards us as inside a transaction.
    var isInTransaction: Bool { PQtransactionStatus(connection) != PQTRANS_IDLE }

    func runScript(_ text: String) throws {
        let result = PQexec(connection, text)
        defer { PQclear(result) }
        try check(result)
    }

    /// Ends the transaction and says what the server made of it: `COMMIT`, or `ROLLBACK` when a statement had failed.
    func commit() throws -> String {
        let result = PQexec(connection, "COMMIT")
        defer { PQclear(result) }
        try check(result)
        return PQcmdStatus(result).map { String(cString: $0) } ?? ""
    }

    func run(_ sql: SQL, each: (Row) throws -> Void) throws -> Int {
        let (text, values) = sql.rendered { "$\($0)" }
        let name = try prepare(text, values)
        let parameters = try PostgresParameters(values)
        let result = parameters.withPointers { pointers, lengths, formats in
            PQexecPrepared(connection, name, Int32(values.count), pointers, lengths, formats, 0)
        }
        defer { PQclear(result) }
        try check(result)
        guard PQresultStatus(result) == PGRES_TUPLES_OK else {
            return PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
        }
        let answer = PostgresAnswer(result: result)
        for row in 0..<answer.count { try each(answer.row(row)) }
        return answer.count
    }

    /// The name under which this connection has prepared the statement; prepares it the first time.
    private func prepare(_ text: String, _ values: [StoreValue]) throws -> String {
        let types = values.map(PostgresParameters.type)
        let key = types.map(String.init).joined(separator: ",") + " " + text
        if let name = prepared[key] { return name }
        if prepared.count >= Self.preparedMax {
            try runScript("DEALLOCATE ALL")
            prepared.removeAll(keepingCapacity: true)
        }
        preparedCount += 1
        let name = "s\(preparedCount)"
        let result = PQprepare(connection, name, text, Int32(values.count), types)
        defer { PQclear(result) }
        try check(result)
        prepared[key] = name
        return name
    }

    private func check(_ result: OpaquePointer?) throws {
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else {
            throw PostgresErrors.error(result, connection: connection, address: address)
        }
    }

    /// A null-terminated array of C strings for the call.
    private static func withStrings<T>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> T
    ) -> T {
        let copies = texts.map { Array($0.utf8CString) }
        func descend(_ index: Int, _ pointers: [UnsafePointer<CChar>?]) -> T {
            guard index < copies.count else {
                return (pointers + [nil]).withUnsafeBufferPointer { body($0.baseAddress) }
            }
            return copies[index].withUnsafeBufferPointer { descend(index + 1, pointers + [$0.baseAddress]) }
        }
        return descend(0, [])
    }
}
