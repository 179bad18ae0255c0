import Rules

/// A finding while its chunk is at hand: rows are numbers inside the chunk.
struct Draft {
    var rule: Int32
    /// Order of the partition: person inside the chunk, or number of the gathered partition.
    var partition: Int32
    var outcome: Outcome
    /// The row that names the finding and gives day, item and institution.
    var firstRow: Int32
    /// Group keys as values; empty for row units.
    var keys: [Value] = []
    var violating: [Int32]
    /// Evidence rows, those of the first table first.
    var involved: [TableRow] = []
    /// The rows that the finding speaks of all belong to the person of its first row.
    var hasOnePerson = false
    var value: Int128?
    var limit: Int128?
    /// Match number 0: the list and row that decided; -1 when the rule has no list.
    var listRow: Int32 = -1
    /// Access that was unknown, or one of the `cause…` numbers.
    var cause: Int32 = -1
    /// Fen at stake per violating row (nil is unknown), and the sum rounded once; nil when unknown or not asked for.
    var stakes: [Int64?] = []
    /// The lines at stake, from which the loss of the funds follows; nil when no line can be named.
    var lines: [LineAtStake]? = []
    var gross: Int64?
    var inScope: Int64?

    static let causeCoverage: Int32 = -2
    static let causeOverflow: Int32 = -3
    static let causeDivision: Int32 = -4
    /// Causes named by the program: this number and those below.
    static let firstOtherCause: Int32 = -16
}

/// A row of a table of a chunk.
struct TableRow: Hashable, Comparable {
    let table: Int32
    let row: Int32

    static func < (a: TableRow, b: TableRow) -> Bool { (a.table, a.row) < (b.table, b.row) }
}

/// A line, and the fen of its in-scope amount that are at stake; nil is unknown.
struct LineAtStake {
    let row: Int32
    let inScope: Int64?
}

/// What the evaluation of one rule over some partitions found.
struct RuleTally {
    var evaluated = 0
    var findings = 0
    /// Undetermined units by cause (an access number, or a `Draft.cause…`) and month (number of months since year 0).
    var undetermined: [UndeterminedKey: Int] = [:]

    struct UndeterminedKey: Hashable {
        let cause: Int32
        let month: Int32
    }

    mutating func forget() {
        evaluated = 0
        findings = 0
        if !undetermined.isEmpty { undetermined.removeAll(keepingCapacity: true) }
    }

    mutating func add(_ other: RuleTally) {
        evaluated += other.evaluated
        findings += other.findings
        undetermined.merge(other.undetermined, uniquingKeysWith: +)
    }
}

extension [Draft] {
    /// Places of the drafts by person, then rule, then first row: the same order whatever the chunk holds.
    var inFileOrder: [Int] {
        var order = indices.map { index -> (UInt64, Int32, Int32) in
            let draft = self[index]
            let key = UInt64(UInt32(bitPattern: draft.partition)) << 32 | UInt64(UInt32(bitPattern: draft.rule))
            return (key, draft.firstRow, Int32(truncatingIfNeeded: index))
        }
        order.sort { $0.0 != $1.0 ? $0.0 < $1.0 : $0.1 != $1.1 ? $0.1 < $1.1 : $0.2 < $1.2 }
        return order.map { Int($0.2) }
    }
}
