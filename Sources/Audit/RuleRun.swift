import Claims
import Rules

/// Evaluates one rule exactly over candidate rows and drafts its findings.
///
/// Candidates are all rows that may be flagged, or may be members of a flagged group; what is not among them was
/// proven clear by a sieve, or nothing was sieved and they are all rows.
final class RuleRun {
    let evaluator: Evaluator
    let binding: Binding
    let keepsUndetermined: Bool
    /// Only focus rows of these days.
    var period: (from: Day?, to: Day?) = (nil, nil)
    /// What was unknown about the members of the group at hand.
    private var memberCause: Int32 = -1
    private(set) var drafts: [Draft] = []
    private(set) var tallies: [RuleTally]

    init(_ binding: Binding, keepsUndetermined: Bool) {
        self.binding = binding
        self.keepsUndetermined = keepsUndetermined
        evaluator = Evaluator(binding)
        tallies = Array(repeating: RuleTally(), count: binding.rules.count)
    }

    func enter(_ chunk: Chunk) { evaluator.enter(chunk) }

    func takeDrafts() -> [Draft] {
        let taken = drafts
        drafts.removeAll(keepingCapacity: true)
        return taken
    }

    func takeTallies() -> [RuleTally] {
        let taken = tallies
        tallies = Array(repeating: RuleTally(), count: binding.rules.count)
        return taken
    }

    /// Evaluates a rule that is partitioned by person over ascending candidate rows of its table.
    func run(_ rule: CompiledRule, candidates: UnsafeBufferPointer<Int32>) {
        prepare(rule)
        var start = 0
        while start < candidates.count {
            let person = evaluator.person(of: Int(candidates[start]))
            var end = start + 1
            while end < candidates.count, evaluator.person(of: Int(candidates[end])) == person { end += 1 }
            run(rule, rows: UnsafeBufferPointer(rebasing: candidates[start..<end]), partition: Int32(person))
            start = end
        }
    }

    /// Evaluates a rule over the rows of one gathered partition.
    func run(_ rule: CompiledRule, rows: UnsafeBufferPointer<Int32>, partition: Int32) {
        if rule.isGroup { runGroups(rule, rows, partition) } else { runRows(rule, rows, partition) }
    }

    func prepare(_ rule: CompiledRule) {
        evaluator.focusTable = rule.table
        evaluator.matchLists = rule.matches.map { binding.knowledge.lists[$0.list] }
        evaluator.matchRows = Array(repeating: -1, count: rule.matches.count)
        evaluator.members.removeAll(keepingCapacity: true)
    }

    // MARK: Rows

    private func runRows(_ rule: CompiledRule, _ rows: UnsafeBufferPointer<Int32>, _ partition: Int32) {
        var verdicts: [Verdict] = []
        for row in rows {
            guard let verdict = judge(rule, Int(row)) else { continue }
            if verdict.isTrue {
                verdicts.append(verdict)
            } else {
                note(undetermined: rule, verdict, row: row, keys: [], partition)
            }
        }
        tallies[rule.number].evaluated += rows.count
        guard !verdicts.isEmpty else { return }
        if let window = rule.mergingWindow {
            merge(rule, verdicts, window, partition)
        } else {
            for verdict in verdicts { draft(rule, [verdict], partition) }
        }
    }

    struct Involved: Comparable {
        let table: Int32
        let row: Int32

        static func < (a: Involved, b: Involved) -> Bool { (a.table, a.row) < (b.table, b.row) }
    }

    private func involved(_ number: Int, _ rows: [Int32]) -> [Involved] {
        let table = Int32(evaluator.windows[number].table)
        return rows.map { Involved(table: table, row: $0) }
    }

    /// What one focus row, or group, came to. `row` is the focus row or a member of the group.
    struct Verdict {
        var row: Int32
        var isTrue: Bool
        var cause: Int32
        var listRows: [Int32]
        /// Rows of evidence windows, per list row that convicted.
        var involved: [Involved]
        var value: Value?
        var limit: Value?
    }

    /// nil when clear.
    private func judge(_ rule: CompiledRule, _ row: Int) -> Verdict? {
        guard isValid(rule, row) else { return nil }
        evaluator.firstUnknown = -1
        guard !rule.matches.isEmpty else { return judge(rule, row, matched: .yes) }
        var best: Verdict?
        forEachMatch(rule, row, 0, .yes) { truth in
            guard let verdict = judge(rule, row, matched: truth) else { return true }
            if let known = best, known.isTrue {
                if verdict.isTrue { best?.involved.append(contentsOf: verdict.involved) }
            } else if best == nil || verdict.isTrue {
                best = verdict
            }
            // An undetermined match is enough when the list row itself is not known.
            return !(truth == .maybe && best != nil)
        }
        return best
    }

    func isValid(_ rule: CompiledRule, _ row: Int) -> Bool {
        guard rule.rule.validFrom != nil || rule.rule.validTo != nil || period.from != nil || period.to != nil else {
            return true
        }
        let day = evaluator.evaluate(rule.day, row)
        if let from = period.from, day.hi < Int128(from.number) { return false }
        if let to = period.to, day.lo > Int128(to.number) { return false }
        if let from = rule.rule.validFrom, day.hi < Int128(from.number) { return false }
        if let to = rule.rule.validTo, day.lo > Int128(to.number) { return false }
        return true
    }

    private func judge(_ rule: CompiledRule, _ row: Int, matched: Value) -> Verdict? {
        let truth = truth(rule, row, matched)
        if truth.isFalse { return nil }
        var verdict = Verdict(
            row: Int32(row), isTrue: truth.isTrue, cause: evaluator.firstUnknown, listRows: evaluator.matchRows,
            involved: [], value: nil, limit: nil)
        if truth.isTrue && !binding.isClosedWorld {
            evaluator.isOpen = true
            if !self.truth(rule, row, matched).isTrue {
                verdict.isTrue = false
                verdict.cause = Draft.causeCoverage
            }
            evaluator.isOpen = false
        }
        if !verdict.isTrue {
            if verdict.cause == -1 { verdict.cause = rule.isGroup ? memberCause : -1 }
            if verdict.cause == -1 { verdict.cause = Draft.causeOverflow }
            if keepsUndetermined {
                for number in rule.evidenceWindows {
                    verdict.involved.append(contentsOf: involved(number, evaluator.relatedRows(number, row)))
                }
            }
            return verdict
        }
        verdict.value = rule.value.map { evaluator.evaluate($0, row) }
        verdict.limit = rule.limit.map { evaluator.evaluate($0, row) }
        // The rows of a merging window are gathered once for the whole run.
        for number in rule.evidenceWindows where number != rule.mergingWindow {
            verdict.involved.append(contentsOf: involved(number, evaluator.relatedRows(number, row)))
        }
        return verdict
    }

    private func truth(_ rule: CompiledRule, _ row: Int, _ matched: Value) -> Value {
        var truth = matched
        if rule.filter >= 0 && !rule.isGroup {
            truth = Evaluator.and(truth, evaluator.evaluate(rule.filter, row))
            if truth.isFalse { return truth }
        }
        return Evaluator.and(truth, evaluator.evaluate(rule.test, row))
    }

    /// Sets the evaluator's matched list rows to every combination that may belong to the row.
    func forEachMatch(_ rule: CompiledRule, _ row: Int, _ number: Int, _ truth: Value, _ body: (Value) -> Bool) {
        guard number < rule.matches.count else {
            _ = body(truth)
            return
        }
        let match = rule.matches[number]
        let list = binding.knowledge.lists[match.list]
        let values = match.columns.map { evaluator.evaluate($0.node, row) }
        var found: [Int32] = []
        var hasPossible = false
        let test: (Int32) -> Bool = { candidate in
            var matched = self.evaluator.applies(list, Int(candidate), row)
            for (index, column) in match.columns.enumerated() where index != match.lead || !match.index.isIndexed {
                guard values[index].isKnown else {
                    if !matched.isFalse { matched = .maybe }
                    continue
                }
                if !list.matches(Int(candidate), column.column, values[index].lo, self.binding.vocabulary) {
                    return true
                }
            }
            if matched.isFalse { return true }
            if matched.isTrue && values[match.lead].isKnown {
                found.append(candidate)
                return true
            }
            // One possible row is as good as many: all are judged at once, with no column known.
            hasPossible = true
            return values[match.lead].isKnown
        }
        if values[match.lead].isKnown {
            match.index.forEach(Int32(truncatingIfNeeded: values[match.lead].lo), test)
        } else {
            for candidate in 0..<Int32(list.rowCount) { if !test(candidate) { break } }
        }
        var goesOn = true
        let sure = list.mostSpecific(found)
        for candidate in hasPossible ? sure + [-1] : sure where goesOn {
            evaluator.matchRows[number] = candidate
            forEachMatch(rule, row, number + 1, candidate < 0 ? Evaluator.and(truth, .maybe) : truth) {
                goesOn = body($0)
                return goesOn
            }
        }
    }

    // MARK: Merging overlapping windows

    private func merge(_ rule: CompiledRule, _ verdicts: [Verdict], _ number: Int, _ partition: Int32) {
        let window = evaluator.windows[number]
        struct Entry {
            let keys: [Int128]
            let start: Int128
            let end: Int128
            let index: Int
        }
        var entries: [Entry] = []
        for (index, verdict) in verdicts.enumerated() {
            evaluator.matchRows = verdict.listRows
            let row = Int(verdict.row)
            var keys = window.keys.map { evaluator.evaluate($0.focus, row).lo }
            if window.scope == .encounter { keys.append(Int128(evaluator.encounter(of: row))) }
            let time = window.focusTime >= 0 ? evaluator.evaluate(window.focusTime, row) : Value(0)
            var low: Int128 = 0
            var high: Int128 = 0
            switch window.range {
            case .days(let a, let b), .seconds(let a, let b):
                low = a.map { Int128($0) } ?? -Int128(Int32.max)
                high = b.map { Int128($0) } ?? Int128(Int32.max)
            case .run(let days):
                low = -Int128(days)
                high = 0
            case nil: break
            }
            // A row of unknown time has a window of its own.
            entries.append(
                time.isFinite
                    ? Entry(keys: keys, start: time.lo + low, end: time.hi + high, index: index)
                    : Entry(keys: keys + [Int128(index)], start: 0, end: 0, index: index))
        }
        entries.sort {
            $0.keys != $1.keys
                ? $0.keys.lexicographicallyPrecedes($1.keys) : ($0.start, $0.index) < ($1.start, $1.index)
        }
        var run: [Verdict] = []
        var span: (start: Int128, end: Int128) = (0, 0)
        var previous: Entry?
        func close() {
            guard !run.isEmpty else { return }
            evaluator.matchRows = run[0].listRows
            let row = Int(run[0].row)
            if window.range == nil || !evaluator.evaluate(window.focusTime, row).isFinite {
                run[0].involved.append(contentsOf: involved(number, evaluator.relatedRows(number, row)))
            } else if case .run = window.range {
                run[0].involved.append(contentsOf: involved(number, evaluator.relatedRows(number, row)))
            } else {
                let rows = evaluator.sharingRows(number, row, from: span.start, to: span.end)
                run[0].involved.append(contentsOf: involved(number, rows))
            }
            draft(rule, run, partition)
            run.removeAll(keepingCapacity: true)
        }
        for entry in entries {
            if let last = previous, last.keys != entry.keys || entry.start > last.end { close() }
            if run.isEmpty { span = (entry.start, entry.end) }
            span.end = max(span.end, entry.end)
            run.append(verdicts[entry.index])
            previous = entry
        }
        close()
    }

    // MARK: Groups

    private func runGroups(_ rule: CompiledRule, _ rows: UnsafeBufferPointer<Int32>, _ partition: Int32) {
        struct Candidate {
            let keys: [Value]
            let row: Int32
            let isSure: Bool
            /// What was unknown in the filter or the keys.
            let cause: Int32
        }
        var candidates: [Candidate] = []
        var wild: [Candidate] = []
        for row in rows {
            guard isValid(rule, Int(row)) else { continue }
            evaluator.firstUnknown = -1
            let filter = rule.filter >= 0 ? evaluator.evaluate(rule.filter, Int(row)) : .yes
            if filter.isFalse { continue }
            let keys = rule.keys.map { evaluator.evaluate($0, Int(row)) }
            let candidate = Candidate(
                keys: keys, row: row, isSure: filter.isTrue, cause: evaluator.firstUnknown)
            if keys.allSatisfy(\.isKnown) { candidates.append(candidate) } else { wild.append(candidate) }
        }
        tallies[rule.number].evaluated += rows.count
        for candidate in wild {
            // Which group it belongs to is not known: it is a unit of its own, and at most undetermined.
            evaluator.members = [Evaluator.Member(row: candidate.row, isSure: true)]
            for other in candidates + wild where other.row != candidate.row {
                let mayShare = zip(candidate.keys, other.keys).allSatisfy { !Value.equal($0, $1).isFalse }
                if mayShare { evaluator.members.append(Evaluator.Member(row: other.row, isSure: false)) }
            }
            evaluator.areMembersComplete = true
            guard var verdict = judge(rule, Int(candidate.row)) else { continue }
            verdict.isTrue = false
            evaluator.firstUnknown = -1
            _ = rule.keys.map { evaluator.evaluate($0, Int(candidate.row)) }
            if evaluator.firstUnknown >= 0 { verdict.cause = evaluator.firstUnknown }
            evaluator.members = []
            note(undetermined: rule, verdict, row: candidate.row, keys: [], partition)
        }
        guard !candidates.isEmpty else { return }
        candidates.sort { a, b in
            for index in a.keys.indices where a.keys[index].lo != b.keys[index].lo {
                return a.keys[index].lo < b.keys[index].lo
            }
            return a.row < b.row
        }
        var start = 0
        while start < candidates.count {
            var end = start + 1
            while end < candidates.count, candidates[end].keys == candidates[start].keys { end += 1 }
            var members = candidates[start..<end].map { Evaluator.Member(row: $0.row, isSure: $0.isSure) }
            let keys = candidates[start].keys
            for candidate in wild where zip(candidate.keys, keys).allSatisfy({ !$0.isKnown || $0 == $1 }) {
                members.append(Evaluator.Member(row: candidate.row, isSure: false))
            }
            evaluator.members = members
            memberCause =
                candidates[start..<end].lazy.map(\.cause).first { $0 >= 0 }
                ?? wild.first.map(\.cause) ?? -1
            runGroup(rule, keys, partition)
            start = end
        }
        evaluator.members.removeAll(keepingCapacity: true)
    }

    private func runGroup(_ rule: CompiledRule, _ keys: [Value], _ partition: Int32) {
        guard let first = evaluator.members.first else { return }
        evaluator.areMembersComplete = areMembersComplete(rule, Int(first.row))
        guard var verdict = judge(rule, Int(first.row)) else { return }
        verdict.row = first.row
        if verdict.isTrue {
            draft(rule, group: verdict, keys, partition)
        } else {
            note(undetermined: rule, verdict, row: first.row, keys: keys, partition)
        }
    }

    private func areMembersComplete(_ rule: CompiledRule, _ row: Int) -> Bool {
        if rule.isMemberBounded || binding.isClosedWorld { return true }
        let day = evaluator.evaluate(rule.day, row)
        guard day.isFinite else { return false }
        if rule.hasMemberDay || rule.memberPeriod == .hour { return binding.covers(day.lo, day.hi) }
        guard let period = rule.memberPeriod else { return false }
        let start = Calendar.periodStart(Int32(truncatingIfNeeded: day.lo), period.number)
        return binding.covers(Int128(start), Int128(Calendar.periodEnd(start, period.number)))
    }

    func append(_ draft: Draft) {
        drafts.append(draft)
        tallies[Int(draft.rule)].findings += 1
    }

    /// A row whose partition key is not known, unless the filter clears it.
    func noteUnknownKey(_ rule: CompiledRule, _ row: Int) {
        guard isValid(rule, row) else { return }
        let cause = evaluator.firstUnknown
        if rule.filter >= 0, evaluator.evaluate(rule.filter, row).isFalse { return }
        let day = evaluator.evaluate(rule.day, row)
        let month = day.isKnown ? Calendar.monthNumber(Int32(truncatingIfNeeded: day.lo)) : -1
        tallies[rule.number].undetermined[RuleTally.UndeterminedKey(cause: cause, month: month), default: 0] += 1
    }

    private func note(
        undetermined rule: CompiledRule, _ verdict: Verdict, row: Int32, keys: [Value], _ partition: Int32
    ) {
        let day = evaluator.evaluate(rule.day, Int(row))
        let month = day.isKnown ? Calendar.monthNumber(Int32(truncatingIfNeeded: day.lo)) : -1
        tallies[rule.number].undetermined[
            RuleTally.UndeterminedKey(cause: verdict.cause, month: month), default: 0] += 1
        guard keepsUndetermined else { return }
        var draft = Draft(
            rule: Int32(rule.number), partition: partition, outcome: .undetermined, firstRow: row, keys: keys,
            violating: keys.isEmpty ? [row] : evaluator.members.filter(\.isSure).map(\.row),
            listRow: verdict.listRows.first ?? -1, cause: verdict.cause)
        involve(rule, verdict.involved, in: &draft)
        drafts.append(draft)
    }
}
