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
    var involved: [Int32] = []
    var involvedTable: Int32 = -1
    var value: Int128?
    var limit: Int128?
    /// Match number 0: the list and row that decided; -1 when the rule has no list.
    var listRow: Int32 = -1
    /// Access that was unknown; -2 coverage, -3 overflow.
    var cause: Int32 = -1
    /// Fen at stake per violating row, and the sum rounded once; nil when unknown or not asked for.
    var stakes: [Int64] = []
    var gross: Int64?
    var inScope: Int64?

    static let causeCoverage: Int32 = -2
    static let causeOverflow: Int32 = -3
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

    mutating func add(_ other: RuleTally) {
        evaluated += other.evaluated
        findings += other.findings
        undetermined.merge(other.undetermined, uniquingKeysWith: +)
    }
}
