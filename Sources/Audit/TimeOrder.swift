/// The rows of a large scope by the latest moment at which they may lie.
final class TimeOrder {
    let scope: Range<Int>
    private let ends: [Int128]
    private let starts: [Int128]
    private let ordered: [Int32]
    /// The longest a row's time is uncertain (a day, where only the day is known).
    private let slack: Int128
    private let timeless: [Int32]

    init(_ scope: Range<Int>, time: (Int) -> Value) {
        self.scope = scope
        var entries: [(time: Value, row: Int32)] = []
        var timeless: [Int32] = []
        var slack: Int128 = 0
        for row in scope {
            let value = time(row)
            guard value.isFinite else {
                timeless.append(Int32(row))
                continue
            }
            slack = max(slack, value.hi - value.lo)
            entries.append((value, Int32(row)))
        }
        entries.sort { ($0.time.hi, $0.row) < ($1.time.hi, $1.row) }
        ends = entries.map(\.time.hi)
        starts = entries.map(\.time.lo)
        ordered = entries.map(\.row)
        self.slack = slack
        self.timeless = timeless
    }

    /// Rows that may lie between two moments, in timeline order; rows of unknown time may lie anywhere.
    func rows(from: Int128, to: Int128) -> [Int32] {
        var found = timeless
        var place = ends.firstPlace(notBefore: from)
        while place < ends.count {
            let (latest, overflow) = to.addingReportingOverflow(slack)
            if !overflow && ends[place] > latest { break }
            if starts[place] <= to { found.append(ordered[place]) }
            place += 1
        }
        found.sort()
        return found
    }
}

extension Evaluator {
    /// The order by time of a window's scope, made on first use.
    func timeOrder(_ window: WindowPlan, _ focus: Int, _ rows: Range<Int>) -> TimeOrder {
        memory.enter(window.table, rows)
        let isSeconds: Bool
        if case .seconds = window.range { isSeconds = true } else { isSeconds = false }
        let key = window.table * 2 + (isSeconds ? 1 : 0)
        if let known = memory.orders[key], known.scope == rows { return known }
        let order = TimeOrder(rows) { evaluate(window.relatedTime, focus, $0) }
        memory.orders[key] = order
        return order
    }
}
