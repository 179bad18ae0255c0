import Claims

/// The stored value of one field of one row; a field that is nil is unknown.
package enum FieldValue: Hashable, Sendable {
    case text(String)
    /// The mantissa at the field's scale; integers have scale 0.
    case number(Int64)
    case day(Int32)
    case second(Int32)
    case flag(Bool)
    /// The position of the row in its table.
    case row(Int)
}

/// One row as it was received, with its name in findings.
package struct ReferenceRow: Hashable, Sendable {
    package var id: String
    /// One entry per field of the table.
    package var values: [FieldValue?]

    package init(id: String, values: [FieldValue?]) {
        self.id = id
        self.values = values
    }

    package init(table: Table, id: String, _ fields: [String: FieldValue] = [:]) {
        self.id = id
        values = table.fields.map { fields[$0.name] }
        if let identifier = table.identifier, let index = table.index(of: identifier), values[index] == nil {
            values[index] = .text(id)
        }
    }
}

/// What the data claim to hold (覆盖范围): the days between, and whether nothing outside them is missing.
package struct ReferenceCoverage: Hashable, Sendable {
    package var from: Int32?
    package var to: Int32?
    package var closedWorld: Bool

    package init(from: Int32? = nil, to: Int32? = nil, closedWorld: Bool = true) {
        self.from = from
        self.to = to
        self.closedWorld = closedWorld
    }
}

/// Claims as plain Swift values, before netting. Rows refer to each other by position.
package struct ReferenceData: Sendable {
    package var rows: [Table: [ReferenceRow]]
    package var coverage: ReferenceCoverage
    /// Tables nobody delivered: unknown, while an empty table says that there is none.
    package var absent: Set<Table>

    package init(
        rows: [Table: [ReferenceRow]] = [:], coverage: ReferenceCoverage = ReferenceCoverage(), absent: Set<Table> = []
    ) {
        self.rows = rows
        self.coverage = coverage
        self.absent = absent
    }
}

/// A row of the data the interpreter works on.
package struct RowReference: Hashable, Sendable {
    package let table: Table
    package let index: Int
}
