import Claims
import Rules

/// A row of a person's history, or of a message, as plain values: one place for each field of the table.
package struct TimelineRow: Sendable, Hashable {
    package let id: String
    /// By index in the table's fields; nil is unknown.
    package var values: [CaseValue?]

    package init(id: String, values: [CaseValue?]) {
        self.id = id
        self.values = values
    }

    package init(_ row: CaseRow, in table: Table) {
        id = row.id
        var values = [CaseValue?](repeating: nil, count: table.fields.count)
        for (field, value) in row.values { values[field] = value }
        self.values = values
    }
}

/// A row that belongs to nothing among the rows given.
package struct RowRefusal: Error, Hashable, CustomStringConvertible {
    package let table: Table
    package let row: String
    package let parent: Table

    package var description: String {
        "AUD010: \(table.rawValue) `\(row)` names no \(parent.rawValue) among the rows given; "
            + "send the \(parent.rawValue) with it"
    }
}
