import Claims
import Rules

/// From verdicts to drafts: who is flagged, by which evidence, for how much.
extension RuleRun {
    /// One finding of one row.
    func draft(_ rule: CompiledRule, _ verdict: Verdict, _ partition: Int32) {
        var draft = Draft(
            rule: Int32(rule.number), partition: partition, outcome: rule.rule.outcome, firstRow: verdict.row,
            violating: [verdict.row], value: verdict.value.known, limit: verdict.limit.known,
            listRow: verdict.listRows.first)
        involve(rule, verdict.involved, in: &draft)
        setPerson(&draft, rule, among: draft.violating)
        price(rule, &draft, listRows: [verdict.listRows])
        append(draft)
    }

    /// One finding of several rows, in the order of time.
    func draft(_ rule: CompiledRule, _ run: [Verdict], _ partition: Int32) {
        // The row with the largest value speaks for the run; the first one names it.
        let speaker = run.dropFirst().reduce(run[0]) { best, next in
            guard let value = next.value.known else { return best }
            return best.value.known.map { value > $0 } ?? true ? next : best
        }
        let ordered = run.sorted { $0.row < $1.row }
        var draft = Draft(
            rule: Int32(rule.number), partition: partition, outcome: rule.rule.outcome, firstRow: run[0].row,
            violating: ordered.map(\.row), value: speaker.value.known, limit: speaker.limit.known,
            listRow: speaker.listRows.first)
        involve(rule, run.flatMap(\.involved), in: &draft)
        setPerson(&draft, rule, among: draft.violating)
        price(rule, &draft, listRows: ordered.map(\.listRows))
        append(draft)
    }

    func draft(_ rule: CompiledRule, group verdict: Verdict, _ keys: [Value], _ partition: Int32) {
        let violating = verdict.members.filter(\.isSure).map(\.row)
        var draft = Draft(
            rule: Int32(rule.number), partition: partition, outcome: rule.rule.outcome,
            firstRow: violating.first ?? verdict.row, keys: keys, violating: violating.sorted(),
            value: verdict.value.known, limit: verdict.limit.known, listRow: verdict.listRows.first)
        involve(rule, verdict.involved, in: &draft)
        setPerson(&draft, rule, among: violating)
        price(rule, &draft, listRows: violating.map { _ in verdict.listRows })
        append(draft)
    }

    /// Evidence rows: those of the first window (in the order of the text) that has any, then those of other tables.
    func involve(_ rule: CompiledRule, _ rows: [TableRow], in draft: inout Draft) {
        guard let lead = rows.first else { return }
        let own = Int32(rule.table)
        // What is flagged stands in ascending order.
        let flagged = draft.violating
        // Mostly they are the rows of one window, in ascending order.
        var isPlain = true
        for place in rows.indices.dropFirst()
        where rows[place].table != lead.table || rows[place - 1].row >= rows[place].row {
            isPlain = false
            break
        }
        if isPlain {
            draft.involved.reserveCapacity(rows.count)
            for entry in rows where entry.table != own || !flagged.containsRising(entry.row) {
                draft.involved.append(entry)
            }
            return
        }
        var evidence = rows
        evidence.removeAll { $0.table == own && flagged.containsRising($0.row) }
        guard let first = evidence.first else { return }
        if evidence.allSatisfy({ $0.table == first.table }) {
            var isAscending = true
            for place in evidence.indices.dropFirst() where evidence[place - 1].row >= evidence[place].row {
                isAscending = false
                break
            }
            if !isAscending { evidence.sort { $0.row < $1.row } }
        } else {
            let tables = rule.evidenceWindows.map { Int32(evaluator.plans[$0].table) }
            let lead = tables.first { table in evidence.contains { $0.table == table } } ?? own
            evidence.sort { a, b in (a.table == lead) != (b.table == lead) ? a.table == lead : a < b }
        }
        draft.involved.reserveCapacity(evidence.count)
        for entry in evidence where draft.involved.last != entry { draft.involved.append(entry) }
    }

    /// Whether all rows that a finding speaks of belong to one person.
    func setPerson(_ draft: inout Draft, _ rule: CompiledRule, among rows: [Int32]) {
        guard case .keyed = rule.partition else {
            draft.hasOnePerson = true
            return
        }
        guard let first = rows.first else { return }
        draft.hasOnePerson = rows.dropFirst().allSatisfy { isSamePerson(rule.table, first, $0) }
    }

    private func isSamePerson(_ table: Int, _ a: Int32, _ b: Int32) -> Bool {
        if table == Table.scan.position {
            let named = evaluator.chunk.slot(.scan, "person")
            return named.isValid(Int(a)) && named.isValid(Int(b))
                && named.utf8(Int(a)).elementsEqual(named.utf8(Int(b)))
        }
        let (x, y) = (evaluator.person(of: Int(a)), evaluator.person(of: Int(b)))
        guard x >= 0, y >= 0 else { return false }
        return evaluator.chunk.identity(binding.personTable, x) == evaluator.chunk.identity(binding.personTable, y)
    }
}
