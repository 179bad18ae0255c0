import Claims
import Rules

/// Violating rows whose windows overlap are one violation (重叠窗口合并).
extension RuleRun {
    private struct Entry {
        let verdict: Verdict
        /// Values of the window's SAME keys; nil: one is not known, the row stays alone.
        let keys: [Int128]?
        let start: Int128
        let end: Int128
    }

    func merge(_ rule: CompiledRule, _ verdicts: [Verdict], _ number: Int, _ partition: Int32) {
        let window = evaluator.plans[number]
        guard verdicts.count > 1 else {
            return close(rule, [Entry(verdict: verdicts[0], keys: nil, start: 0, end: 0)], number, partition)
        }
        var entries = verdicts.map { entry($0, window) }
        for entry in entries where entry.keys == nil { close(rule, [entry], number, partition) }
        entries.removeAll { $0.keys == nil }
        entries.sort { a, b in
            if let x = a.keys, let y = b.keys, x != y { return x.lexicographicallyPrecedes(y) }
            if a.start != b.start { return a.start < b.start }
            return evaluator.precedes(rule.table, a.verdict.row, b.verdict.row)
        }
        var run: [Entry] = []
        var end = Value.minusInfinity
        for entry in entries {
            if let last = run.last, last.keys != entry.keys || entry.start > end {
                close(rule, run, number, partition)
                run.removeAll(keepingCapacity: true)
            }
            end = run.isEmpty ? entry.end : max(end, entry.end)
            run.append(entry)
        }
        if !run.isEmpty { close(rule, run, number, partition) }
    }

    private func entry(_ verdict: Verdict, _ window: WindowPlan) -> Entry {
        evaluator.matchRows = verdict.listRows
        let row = Int(verdict.row)
        var keys: [Int128]? = []
        for index in 0..<window.sameCount {
            let value = evaluator.evaluate(window.keys[index].focus, row)
            if value.isKnown { keys?.append(value.lo) } else { keys = nil }
        }
        if window.scope == .encounter { keys?.append(Int128(evaluator.encounter(of: row))) }
        if evaluator.isPlaceless { keys = nil }
        guard let range = window.range else { return Entry(verdict: verdict, keys: keys, start: 0, end: 0) }
        let time = evaluator.evaluate(window.focusTime, row)
        guard time.isFinite else { return Entry(verdict: verdict, keys: nil, start: 0, end: 0) }
        switch range {
        case .days(let low, let high), .seconds(let low, let high):
            return Entry(
                verdict: verdict, keys: keys, start: low.map { time.lo + Int128($0) } ?? Value.minusInfinity,
                end: high.map { time.hi + Int128($0) } ?? Value.infinity)
        case .run:
            var span = time
            for related in evaluator.relatedRows(window.number, row) {
                let day = evaluator.evaluate(window.relatedTime, row, Int(related))
                if day.isKnown { span = .hull(span, day) }
            }
            return Entry(verdict: verdict, keys: keys, start: span.lo, end: span.hi)
        }
    }

    /// One finding of some rows. Where they share their evidence, it is gathered once.
    private func close(_ rule: CompiledRule, _ run: [Entry], _ number: Int, _ partition: Int32) {
        let window = evaluator.plans[number]
        var verdicts = run.map(\.verdict)
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
        verdicts.sort { evaluator.precedes(rule.table, $0.row, $1.row) }
        draft(rule, verdicts, partition)
    }
}
