/// One row of an answer. A cell is asked for by its column's name and by its type; what does not fit is an error with
/// the column's name, never a trap.
package struct Row: Sendable {
    let columns: RowColumns
    package let values: [StoreValue]

    package func value(_ column: String) throws(StoreError) -> StoreValue {
        guard let index = columns.index[column] else {
            throw StoreError.wrongColumn(column, known: columns.names)
        }
        return values[index]
    }

    package func text(_ column: String) throws(StoreError) -> String {
        guard case .text(let text) = try value(column) else { throw wrong(column, "a text") }
        return text
    }

    package func integer(_ column: String) throws(StoreError) -> Int {
        guard case .integer(let integer) = try value(column) else { throw wrong(column, "an integer") }
        return Int(integer)
    }

    package func truth(_ column: String) throws(StoreError) -> Bool { try integer(column) != 0 }

    package func bytes(_ column: String) throws(StoreError) -> [UInt8] {
        guard case .bytes(let bytes) = try value(column) else { throw wrong(column, "bytes") }
        return bytes
    }

    package func textIfAny(_ column: String) throws(StoreError) -> String? {
        try value(column) == .null ? nil : text(column)
    }

    package func integerIfAny(_ column: String) throws(StoreError) -> Int? {
        try value(column) == .null ? nil : integer(column)
    }

    package func bytesIfAny(_ column: String) throws(StoreError) -> [UInt8]? {
        try value(column) == .null ? nil : bytes(column)
    }

    private func wrong(_ column: String, _ wanted: String) -> StoreError {
        let found = columns.index[column].map { values[$0].kind } ?? "nothing"
        return StoreError(
            .wrongType, "the column `\(column)` holds \(found) where \(wanted) is expected", at: "the store",
            advice: "the store was written by another program or is damaged; run `yijian doctor`")
    }
}

/// The names of an answer's columns, shared by its rows.
final class RowColumns: Sendable {
    let names: [String]
    let index: [String: Int]

    init(_ names: [String]) {
        self.names = names
        index = Dictionary(zip(names, names.indices)) { first, _ in first }
    }
}
