/// What a cell of a table can hold. There are no floating numbers: money is fen, a day is its number or its text.
package enum StoreValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])

    /// The word for the kind, as error messages use it.
    var kind: String {
        switch self {
        case .null: "nothing"
        case .integer: "an integer"
        case .text: "a text"
        case .bytes: "bytes"
        }
    }
}

/// Swift types that may stand in a statement as a parameter.
package protocol StoreValueConvertible {
    var storeValue: StoreValue { get }
}

extension StoreValue: StoreValueConvertible {
    package var storeValue: StoreValue { self }
}

extension String: StoreValueConvertible {
    package var storeValue: StoreValue { .text(self) }
}

extension Int: StoreValueConvertible {
    package var storeValue: StoreValue { .integer(Int64(self)) }
}

extension Int64: StoreValueConvertible {
    package var storeValue: StoreValue { .integer(self) }
}

extension Bool: StoreValueConvertible {
    /// 0 and 1, because SQLite has no other truth.
    package var storeValue: StoreValue { .integer(self ? 1 : 0) }
}

extension [UInt8]: StoreValueConvertible {
    package var storeValue: StoreValue { .bytes(self) }
}
