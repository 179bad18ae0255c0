import Claims

/// One value in a list that is printed: exact numbers stay exact until they are written.
package enum Cell: Sendable, Hashable {
    case empty
    case text(String)
    case integer(Int64)
    case decimal(Int64, scale: Int)
    case day(Day)

    /// As a person reads it.
    package var text: String {
        switch self {
        case .empty: ""
        case .text(let text): text
        case .integer(let number): String(number)
        case .decimal(let mantissa, let scale): DecimalText.format(mantissa, scale: scale)
        case .day(let day): day.description
        }
    }

    var isNumber: Bool {
        switch self {
        case .integer, .decimal: true
        case .empty, .text, .day: false
        }
    }
}

/// The head of a column (表头): the name that machines read, the title that people read.
package struct ColumnHead: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case text
        /// A text that is copied from the list (编号): never cut.
        case identifier
        case integer
        case decimal(scale: Int)
        case day
    }

    package let key: String
    package let title: String
    package let kind: Kind
    /// The usual width in character cells; spreadsheets and pages use it as a proportion.
    package let width: Int

    package init(_ key: String, _ title: String, _ kind: Kind = .text, width: Int = 12) {
        self.key = key
        self.title = title
        self.kind = kind
        self.width = width
    }

    package var isNumber: Bool {
        switch kind {
        case .integer, .decimal: true
        case .text, .identifier, .day: false
        }
    }

    /// Whether a narrow terminal may show less of it.
    var mayBeCut: Bool { kind == .text || kind == .day }
}

/// Rows going out in some format, one after the other; memory does not grow with their number.
package protocol RowOutput: AnyObject {
    func write(_ row: [Cell]) throws
    /// Completes the file; nothing may be written after it.
    func finish() throws
}
