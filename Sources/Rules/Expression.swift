import Claims

/// The type of an expression. Numbers are exact: an integer mantissa with a statically known scale.
package enum ValueType: Sendable, Hashable {
    case boolean
    case number(scale: Int)
    case text
    case day
    case moment
    /// A row of a table; comparable for equality only.
    case identity(Table)
}

/// Which row a field is read from.
package enum RowScope: Sendable, Hashable {
    /// The row (or, in a group rule, any member of the group) that the rule flags.
    case focus
    /// The related row inside `OVER ( … )` and `EXISTS ( … )`, or the member inside a group aggregate.
    case related
}

/// A field reached from a row, through at most a few references: `encounter.setting`, `institution.level`.
package struct FieldPath: Sendable, Hashable {
    /// The table of the row it starts from.
    package let start: Table
    /// The references walked, in order; each is a table reached (`.encounter`, `.person`, `.institution`, `.item` …).
    package let steps: [Table]
    /// The field of the last table.
    package let field: Leaf

    package enum Leaf: Sendable, Hashable {
        /// A stored field, by its index in `Table.fields`.
        case stored(Int)
        /// The row itself: its identity (rows of timeline tables) or its code (master data).
        case identity
        /// The moment of the reference time (line, scan …) or of an encounter's start or end.
        case time
        case start
        case end
        /// The reference day of the row.
        case day
    }

    package init(start: Table, steps: [Table], field: Leaf) {
        self.start = start
        self.steps = steps
        self.field = field
    }

    package var table: Table { steps.last ?? start }
}

/// A typed, checked expression. `position` points into the rule file.
package struct Expression: Sendable {
    package let node: Node
    package let type: ValueType
    package let position: SourcePosition

    package init(_ node: Node, type: ValueType, at position: SourcePosition) {
        self.node = node
        self.type = type
        self.position = position
    }

    package indirect enum Node: Sendable {
        /// The mantissa at the expression's scale; a day number for days.
        case number(Int64)
        case text(String)
        case boolean(Bool)
        case field(FieldPath, RowScope)
        /// A column of the row matched by the rule's list join number `match`.
        case listColumn(match: Int, column: Int)
        case not(Expression)
        case and([Expression])
        case or([Expression])
        /// Both sides have the same kind; numbers may differ in scale.
        case compare(Comparison, Expression, Expression)
        /// Text tested against a literal prefix.
        case startsWith(Expression, String)
        /// Membership in a list, positionally over the given columns (index into the list's columns).
        case inList(list: String, columns: [Int], arguments: [Expression])
        /// `IS KNOWN`.
        case isKnown(Expression)
        /// The result's scale is the node's type's.
        case arithmetic(Arithmetic, Expression, Expression)
        case negate(Expression)
        case absolute(Expression)
        case greatest([Expression])
        case least([Expression])
        case coalesce([Expression])
        /// `ROUND(numerator / denominator, digits)`, half up; or ROUND(x, digits) with denominator nil.
        case round(Expression, Expression?, digits: Int)
        /// Whole years from birth to the day.
        case age(birth: Expression, day: Expression)
        /// The calendar day of a moment.
        case dayOf(Expression)
        /// The start of the calendar period that holds a day (a day), or the clock hour of a moment (hours since 1970).
        case period(Period, Expression)
        /// The first `count` characters of a text.
        case prefix(Expression, count: Int)
        case choose(branches: [(condition: Expression, result: Expression)], otherwise: Expression)
        /// Whether a span of `table` (agreement, eligibility, entitlement) for the code or person covers the day.
        case covered(Table, key: Expression, day: Expression)
        case aggregate(Aggregate)
    }
}

package enum Comparison: String, Sendable, Hashable {
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
}

package enum Arithmetic: Sendable, Hashable { case add, subtract, multiply }

package enum Period: String, Sendable, Hashable { case week, month, quarter, year, hour }

/// A fold over related rows, or over the members of a group.
package struct Aggregate: Sendable {
    package enum Function: String, Sendable, Hashable { case sum, count, countDistinct, min, max, exists }
    package let function: Function
    /// The summed or counted expression over the related row; nil for `COUNT(*)` and `EXISTS`.
    package let argument: Expression?
    /// nil: the members of the group (group rules only).
    package let window: Window?

    package init(_ function: Function, argument: Expression?, window: Window?) {
        self.function = function
        self.argument = argument
        self.window = window
    }
}

/// Which rows are related to the focus row.
package struct Window: Sendable {
    package struct Same: Sendable {
        package let related: Expression
        package let focus: Expression
        package init(related: Expression, focus: Expression) {
            self.related = related
            self.focus = focus
        }
    }

    package enum Range: Sendable, Hashable {
        /// Whole days from the focus row's day, inclusive; nil: unbounded on that side.
        case days(Int?, Int?)
        /// Seconds from the focus row's moment, inclusive.
        case seconds(Int?, Int?)
        /// Rows connected to the focus row by steps of at most this many days.
        case run(days: Int)
    }

    package let table: Table
    package let same: [Same]
    package let range: Range?
    package let filter: Expression?

    package init(table: Table, same: [Same], range: Range?, filter: Expression?) {
        self.table = table
        self.same = same
        self.range = range
        self.filter = filter
    }
}

/// A place in a text file, counted from 1.
package struct SourcePosition: Sendable, Hashable {
    package let file: String
    package let line: Int
    package let column: Int
    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
}
