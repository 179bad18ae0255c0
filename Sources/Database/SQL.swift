/// A statement with its parameters. What is interpolated becomes a parameter and never part of the text, so a
/// statement cannot be changed by what a user wrote:
///
///     "SELECT name FROM organisation WHERE id = \(id) AND kind IN (\(list: kinds))"
///
/// The text is the SQL that SQLite 3.40 and PostgreSQL 15 share. Table and column names are literals of the program.
package struct SQL: ExpressibleByStringInterpolation, Sendable {
    enum Piece: Sendable {
        case text(String)
        case value(StoreValue)
    }

    private(set) var pieces: [Piece]

    package init(stringLiteral text: String) { pieces = [.text(text)] }

    /// A text that the program put together from the store's own catalogue of names; never from anything else.
    init(verbatim text: String) { pieces = [.text(text)] }

    package init(stringInterpolation: Interpolation) { pieces = stringInterpolation.pieces }

    package struct Interpolation: StringInterpolationProtocol {
        var pieces: [Piece] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(2 * interpolationCount + 1)
        }

        package mutating func appendLiteral(_ text: String) { pieces.append(.text(text)) }

        package mutating func appendInterpolation(_ value: some StoreValueConvertible) {
            pieces.append(.value(value.storeValue))
        }

        /// `\(optional: value)`: NULL when it is absent.
        package mutating func appendInterpolation(optional value: (some StoreValueConvertible)?) {
            pieces.append(.value(value?.storeValue ?? .null))
        }

        /// `\(list: values)` for `IN (…)`, not for `NOT IN`. An empty list matches nothing.
        package mutating func appendInterpolation(list values: [some StoreValueConvertible]) {
            guard !values.isEmpty else { return pieces.append(.text("NULL")) }
            for (index, value) in values.enumerated() {
                if index > 0 { pieces.append(.text(", ")) }
                pieces.append(.value(value.storeValue))
            }
        }

        /// The name of a table or a column, which only the program's text can give.
        package mutating func appendInterpolation(name: StaticString) { pieces.append(.text(name.description)) }

        package mutating func appendInterpolation(_ part: SQL) { pieces += part.pieces }
    }

    package static func + (a: SQL, b: SQL) -> SQL {
        var sum = a
        sum.pieces += b.pieces
        return sum
    }

    /// Text and parameters as the engine wants them: `?` for SQLite, `$1`, `$2` … for PostgreSQL.
    func rendered(placeholder: (Int) -> String) -> (text: String, values: [StoreValue]) {
        var text = ""
        var values: [StoreValue] = []
        for piece in pieces {
            switch piece {
            case .text(let part): text += part
            case .value(let value):
                values.append(value)
                text += placeholder(values.count)
            }
        }
        return (text, values)
    }
}
