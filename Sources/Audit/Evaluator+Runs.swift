import Claims
import Rules

/// Windows that reach as far as rows follow each other without a gap (连续).
extension Evaluator {
    /// The rows connected to the focus row by steps of at most `days` days (连续).
    ///
    /// Not known when the focus row's day is not, or when a row of the run only may belong to it: then each of the rows
    /// that share the keys may belong.
    func rowsOfRun(_ window: WindowPlan, _ focus: Int, days: Int) -> (rows: [Int32], isKnown: Bool) {
        let own = evaluate(window.focusTime, focus)
        var entries: [(day: Int128, row: Int32, isSure: Bool)] = []
        var undated: [Int32] = []
        forEachSharing(window, focus) { row, truth in
            let day = evaluate(window.relatedTime, focus, row)
            if day.isKnown { entries.append((day.lo, Int32(row), truth.isTrue)) } else { undated.append(Int32(row)) }
            return true
        }
        func all() -> [Int32] { (entries.map(\.row) + undated).sorted() }
        guard own.isKnown, undated.isEmpty else { return (all(), false) }
        entries.sort { ($0.day, $0.row) < ($1.day, $1.row) }
        let step = Int128(days)
        var first = entries.firstIndex { $0.day >= own.lo } ?? entries.count
        var last = first
        var reached = own.lo
        while last < entries.count, entries[last].day - reached <= step {
            reached = entries[last].day
            last += 1
        }
        reached = own.lo
        while first > 0, reached - entries[first - 1].day <= step {
            reached = entries[first - 1].day
            first -= 1
        }
        let run = entries[first..<last]
        guard run.allSatisfy(\.isSure) else { return (all(), false) }
        return (run.map(\.row).sorted(), true)
    }
}
