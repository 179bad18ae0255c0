import Foundation
import GRDB

/// SQLite in WAL mode through GRDB: one writer, readers that see one unchanging state, one file and its log.
final class SQLiteEngine: Engine {
    let kind = StoreKind.sqlite
    private let pool: DatabasePool
    private let path: String

    /// How long a writer of another process is waited for.
    static let patienceSeconds = 10.0

    init(path: String, connectionsMax: Int) throws {
        self.path = path
        var configuration = Configuration()
        configuration.maximumReaderCount = max(1, connectionsMax - 1)
        configuration.busyMode = .timeout(Self.patienceSeconds)
        configuration.foreignKeysEnabled = true
        configuration.label = "store"
        configuration.prepareDatabase { database in
            // FULL: what was acknowledged is on the disk. secure_delete: what was forgotten is not in free pages.
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cell_size_check = ON;
                    PRAGMA trusted_schema = OFF;
                    """)
        }
        // The file is made here, so that nobody else may read it at any moment.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(
                .unreachable, "the store cannot be opened: \(String(cString: strerror(errno)))", at: path,
                advice: "make the folder, or give the program's user the right to write there")
        }
        Glibc.close(descriptor)
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
        } catch {
            throw SQLiteEngine.error(error, path: path)
        }
    }

    func transact<T>(_ access: Access, _ body: (any Session) throws -> T) throws -> T {
        do {
            switch access {
            case .read: return try pool.read { try body(SQLiteSession(database: $0, path: path)) }
            case .write: return try pool.write { try body(SQLiteSession(database: $0, path: path)) }
            }
        } catch {
            throw Self.error(error, path: path)
        }
    }

    func copy(to target: String) throws {
        guard access(target, F_OK) != 0 else {
            throw StoreError(
                .badAddress, "there is a file already", at: target, advice: "name a file that does not exist")
        }
        do {
            let copy = try DatabaseQueue(path: target)
            try pool.backup(to: copy)
            try copy.close()
        } catch {
            throw Self.error(error, path: target)
        }
        chmod(target, 0o600)
    }

    func close() { try? pool.close() }

    /// GRDB's error as one of ours; any other error as it is.
    static func error(_ error: any Error, path: String) -> any Error {
        guard let error = error as? GRDB.DatabaseError else { return error }
        let kind: StoreError.Kind =
            switch error.extendedResultCode {
            case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY: .notUnique
            default:
                switch error.resultCode {
                case .SQLITE_CONSTRAINT: .refusedBySchema
                case .SQLITE_BUSY, .SQLITE_LOCKED: .busy
                case .SQLITE_FULL: .full
                case .SQLITE_READONLY, .SQLITE_PERM: .readOnly
                case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt
                case .SQLITE_CANTOPEN: .unreachable
                case .SQLITE_ERROR, .SQLITE_RANGE, .SQLITE_MISMATCH, .SQLITE_MISUSE: .badStatement
                default: .other
                }
            }
        // Only SQLite's own words: the statement's parameters may be personal data.
        let words = error.message ?? "result code \(error.extendedResultCode.rawValue)"
        return StoreError(kind, "SQLite: \(words)", at: path, advice: StoreError.advice(for: kind))
    }
}
