import Claims

/// One table mapping bound to the columns of one file: turns batches of cells into typed rows.
///
/// Shared by threads; what a thread needs for itself is in `TypedBatch`.
final class TableProgram: @unchecked Sendable {
    /// What becomes of a value.
    enum Target {
        case text(slot: Int)
        case code(slot: Int, CodeDictionary)
        case decimal(slot: Int, scale: Int, shift: Int)
        case integer(slot: Int)
        case flag(slot: Int)
        case day(slot: Int, pattern: String)
        /// The second of a day, as a number or a time.
        case second(slot: Int)
        /// A day and, where the field exists, its second.
        case moment(day: Int, second: Int?, pattern: String)
        /// The encounter or person the row belongs to, resolved to its rank.
        case owner
        case version
    }

    enum Failure: Sendable { case reject, unknown }

    struct Step {
        let field: String
        let expression: CellExpression
        let target: Target
        let isRequired: Bool
        let onMalformed: Failure
        let onUnmapped: Failure
    }

    enum Condition {
        case isOneOf(CellExpression, ByteIndex, negated: Bool)
        case isAbsent(CellExpression, negated: Bool)
    }

    enum Action: Sendable { case rows, merge, withdraw }

    let layout: RowLayout
    let action: Action
    let steps: [Step]
    let conditions: [Condition]
    /// A record without these values makes no row and is no fault: the empty places of wide columns.
    let skipWhenAbsent: [CellExpression]
    /// Slots set to "unknown" in the row merged into, e.g. the end of a stay whose discharge is taken back.
    let clears: UInt32
    /// Number of the mapping in the file, for counts.
    let number: Int

    init(
        layout: RowLayout, action: Action, steps: [Step], conditions: [Condition], skipWhenAbsent: [CellExpression],
        clears: UInt32, number: Int
    ) {
        self.layout = layout
        self.action = action
        self.steps = steps
        self.conditions = conditions
        self.skipWhenAbsent = skipWhenAbsent
        self.clears = clears
        self.number = number
    }
}

extension CellExpression {
    /// Whether reading the column needs a look at null words.
    var hasNulls: Bool { !nullWords.isEmpty }
}
