import Claims
import Rules

/// Violating rows whose windows overlap are one violation (重叠窗口合并).
extension RuleRun {
    private struct Entry {
        let verdict: Int
        /// The same number for those that share the window's SAME keys; nil: one is not known, the row stays alone.
        let group: Int?
        var start: Int128 = 0
        var end: Int128 = 0
    }

    func merge(_ rule: CompiledRule, _ verdicts: [Verdict], _ number: Int, _ partition: Int32) {
        let window = evaluator.plans[number]
        guard verdicts.count > 1 else {
            return close(rule, verdicts, [Entry(verdict: 0, group: nil)], number, partition)
        }
        var groups: [[Int128]: Int] = [:]
        var entries = verdicts.indices.map { entry($0, verdicts, window, &groups) }
        for entry in entries where entry.group == nil { close(rule, verdicts, [entry], number, partition) }
        entries.removeAll { $0.group == nil }
        entries.sort { a, b in
            if let x = a.group, let y = b.group, x != y { return x < y }
            if a.start != b.start { return a.start < b.start }
            return evaluator.precedes(rule.table, verdicts[a.verdict].row, verdicts[b.verdict].row)
        }
        var run: [Entry] = []
        var end = Value.minusInfinity
        for entry in entries {
            if let last = run.last, last.group != entry.group || entry.start > end {
                close(rule, verdicts, run, number, partition)
                run.removeAll(keepingCapacity: true)
            }
            end = run.isEmpty ? entry.end : max(end, entry.end)
            run.append(entry)
        }
        if !run.isEmpty { close(rule, verdicts, run, number, partition) }
    }

    private func entry(
        _ place: Int, _ verdicts: [Verdict], _ window: WindowPlan, _ groups: inout [[Int128]: Int]
    ) -> Entry {
        evaluator.matchRows = verdicts[place].listRows
        let row = Int(verdicts[place].row)
        guard let group = group(row, window, &groups) else { return Entry(verdict: place, group: nil) }
        guard let range = window.range else { return Entry(verdict: place, group: group) }
        let time = evaluator.evaluate(window.focusTime, row)
        guard time.isFinite else { return Entry(verdict: place, group: nil) }
        switch range {
        case .days(let low, let high), .seconds(let low, let high):
            return Entry(
                verdict: place, group: group, start: low.map { time.lo + Int128($0) } ?? Value.minusInfinity,
                end: high.map { time.hi + Int128($0) } ?? Value.infinity)
        case .run:
            var span = time
            for related in evaluator.relatedRows(window.number, row) {
                let day = evaluator.evaluate(window.relatedTime, row, Int(related))
                if day.isKnown { span = .hull(span, day) }
            }
            return Entry(verdict: place, group: group, start: span.lo, end: span.hi)
        }
    }

    /// Numbers the keys that rows must share, and the encounter where the window ends with it. The order of the numbers
    /// is of no matter: findings are put in the order of their first rows.
    private func group(_ row: Int, _ window: WindowPlan, _ groups: inout [[Int128]: Int]) -> Int? {
        if evaluator.isPlaceless { return nil }
        var keys: [Int128] = []
        for index in 0..<window.sameCount {
            let value = evaluator.evaluate(window.keys[index].focus, row)
            guard value.isKnown else { return nil }
            keys.append(value.lo)
        }
        if window.scope == .encounter { keys.append(Int128(evaluator.encounter(of: row))) }
        if let known = groups[keys] { return known }
        groups[keys] = groups.count
        return groups.count - 1
    }

    /// One finding of some rows. Where they share their evidence, it is gathered once.
    private func close(_ rule: CompiledRule, _ all: [Verdict], _ run: [Entry], _ number: Int, _ partition: Int32) {
        let window = evaluator.plans[number]
        var verdicts = run.map { all[$0.verdict] }
        if rule.sharesEvidence {
            evaluator.matchRows = verdicts[0].listRows
            if run.count == 1 || window.range == nil {
                relate(number, Int(verdicts[0].row), to: &verdicts[0].involved)
            } else {
                let start = run.map(\.start).min() ?? 0
                let end = run.map(\.end).max() ?? 0
                let rows = evaluator.sharingRows(number, Int(verdicts[0].row), from: start, to: end)
                verdicts[0].involved += rows.map { TableRow(table: Int32(window.table), row: $0) }
            }
        }
        guard verdicts.count > 1 else { return draft(rule, verdicts[0], partition) }
        // Mostly they stand in the order of time already.
        for place in 1..<verdicts.count
        where !evaluator.precedes(rule.table, verdicts[place - 1].row, verdicts[place].row) {
            verdicts.sort { evaluator.precedes(rule.table, $0.row, $1.row) }
            break
        }
        draft(rule, verdicts, partition)
    }
}
