import Claims

/// A value of an example's row.
package enum CaseValue: Sendable, Hashable {
    case text(String)
    /// The mantissa at the field's scale.
    case number(Int64)
    case day(Int32)
    /// The second of the day.
    case second(Int32)
    case flag(Bool)
    /// The row of another table, by its identifier in the example.
    case row(String)
}

/// A row of an example. Fields that are not mentioned are unknown.
package struct CaseRow: Sendable, Hashable {
    package let id: String
    /// By index in the table's fields.
    package let values: [Int: CaseValue]
    package init(id: String, values: [Int: CaseValue]) {
        self.id = id
        self.values = values
    }
}

/// The small world of an example: rows, lists that replace those of the package, what the data cover.
///
/// A plain value, so that every way of running a rule can be fed with it.
package struct CaseTables: Sendable {
    package struct Coverage: Sendable, Hashable {
        package let from: Day?
        package let to: Day?
        /// Whether nothing exists beyond what the tables hold.
        package let closed: Bool
        package init(from: Day?, to: Day?, closed: Bool) {
            self.from = from
            self.to = to
            self.closed = closed
        }
    }

    package var rows: [Table: [CaseRow]]
    package var lists: [String: KnowledgeList]
    package var coverage: Coverage
    /// Tables that the data set does not have, which is not the same as empty.
    package var absent: Set<Table>

    package init(
        rows: [Table: [CaseRow]] = [:], lists: [String: KnowledgeList] = [:],
        coverage: Coverage = Coverage(from: nil, to: nil, closed: true), absent: Set<Table> = []
    ) {
        self.rows = rows
        self.lists = lists
        self.coverage = coverage
        self.absent = absent
    }
}
