import Foundation
import GRDB

/// A connection of SQLite inside a transaction.
struct SQLiteSession: Session {
    let database: GRDB.Database
    let path: String

    func run(_ sql: SQL, each: (Row) throws -> Void) throws -> Int {
        let (text, values) = sql.rendered { _ in "?" }
        do {
            let statement = try database.cachedStatement(sql: text)
            let arguments = StatementArguments(values.map(Self.argument))
            guard statement.columnCount > 0 else {
                try statement.execute(arguments: arguments)
                return database.changesCount
            }
            let columns = RowColumns(statement.columnNames)
            let cursor = try GRDB.Row.fetchCursor(statement, arguments: arguments)
            var count = 0
            while let row = try cursor.next() {
                count += 1
                try each(Row(columns: columns, values: try Self.values(row, columns: columns)))
            }
            return count
        } catch {
            throw SQLiteEngine.error(error, path: path)
        }
    }

    func runScript(_ text: String) throws {
        do {
            try database.execute(sql: text)
        } catch {
            throw SQLiteEngine.error(error, path: path)
        }
    }

    private static func argument(_ value: StoreValue) -> GRDB.DatabaseValue {
        switch value {
        case .null: .null
        case .integer(let integer): integer.databaseValue
        case .text(let text): text.databaseValue
        case .bytes(let bytes): Data(bytes).databaseValue
        }
    }

    private static func values(_ row: GRDB.Row, columns: RowColumns) throws -> [StoreValue] {
        try row.databaseValues.enumerated().map { index, value in
            switch value.storage {
            case .null: return .null
            case .int64(let integer): return .integer(integer)
            case .string(let text): return .text(text)
            case .blob(let data): return .bytes([UInt8](data))
            case .double:
                throw StoreError(
                    .wrongType, "the column `\(columns.names[index])` holds a floating number, which no table has",
                    at: "the store", advice: StoreError.advice(for: .wrongType))
            }
        }
    }
}
