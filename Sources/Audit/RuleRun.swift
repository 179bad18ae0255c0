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
    /// Only units with a row of these days.
    var period: (from: Day?, to: Day?) = (nil, nil)
    private(set) var drafts: [Draft] = []
    private(set) var tallies: [RuleTally]
    private let plain: PlainConditions
    private let passing = Scratch<Int32>()
    /// The columns of the lists of each rule, by its number.
    private let listColumns: [[UnsafeBufferPointer<BoundList.Column>]]
    /// The joins of all rules; those of a rule begin at `joinStarts` of its number.
    let joins: UnsafeMutablePointer<JoinPlan>
    let joinStarts: UnsafeMutablePointer<Int32>

    init(_ binding: Binding, keepsUndetermined: Bool) {
        self.binding = binding
        self.keepsUndetermined = keepsUndetermined
        evaluator = Evaluator(binding)
        tallies = Array(repeating: RuleTally(), count: binding.rules.count)
        plain = PlainConditions(binding.rules, evaluator)
        listColumns = binding.rules.map { rule in rule.matches.map { binding.knowledge.lists[$0.list].columns } }
        let joins = binding.rules.flatMap { $0.matches.map { JoinPlan($0) } }
        self.joins = .allocate(capacity: max(1, joins.count))
        self.joins.initialize(from: joins, count: joins.count)
        joinStarts = .allocate(capacity: binding.rules.count + 1)
        var place: Int32 = 0
        for (number, rule) in binding.rules.enumerated() {
            (joinStarts + number).initialize(to: place)
            place += Int32(rule.matches.count)
        }
    }

    deinit {
        joins.deallocate()
        joinStarts.deallocate()
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

    /// Where nobody counts what was looked at, as online.
    func forgetTally(_ rule: CompiledRule) { tallies[rule.number].forget() }

    /// Evaluates a rule that is partitioned by person over ascending candidate rows of its table.
    func run(_ rule: CompiledRule, candidates all: UnsafeBufferPointer<Int32>) {
        let kept = passing.pointer(max(1, all.count))
        var count = 0
        for row in all where plain.mayHold(rule.number, Int(row), evaluator) {
            kept[count] = row
            count &+= 1
        }
        if count < all.count { tallies[rule.number].evaluated += all.count - count }
        guard count > 0 else { return }
        let candidates = UnsafeBufferPointer(start: UnsafePointer(kept), count: count)
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
        tallies[rule.number].evaluated += rows.count
        if rule.isGroup { runGroups(rule, rows, partition) } else { runRows(rule, rows, partition) }
    }

    /// Evaluates a rule over a row whose partition key is not known: nothing is known of what lies beside it.
    func run(_ rule: CompiledRule, placeless row: Int32, partition: Int32) {
        tallies[rule.number].evaluated += 1
        if let key = binding.partitionNodes[rule.number] {
            evaluator.firstUnknown = -1
            _ = evaluator.evaluate(key, Int(row))
            evaluator.placelessCause = evaluator.firstUnknown
        }
        evaluator.isPlaceless = true
        defer { evaluator.isPlaceless = false }
        if rule.isGroup {
            runPlacelessMember(rule, row, partition)
        } else {
            withUnsafePointer(to: row) { runRows(rule, UnsafeBufferPointer(start: $0, count: 1), partition) }
        }
    }

    func prepare(_ rule: CompiledRule) {
        evaluator.focusTable = rule.table
        evaluator.matchColumns = listColumns[rule.number]
        evaluator.matchRows = MatchedRows(lists: rule.matches.count)
        evaluator.members.removeAll(keepingCapacity: true)
    }

    func append(_ draft: consuming Draft) {
        if draft.outcome != .undetermined { tallies[Int(draft.rule)].findings += 1 }
        drafts.append(draft)
    }

    // MARK: Rows

    /// What one focus row, or group, came to. `row` is the focus row or the first row of the group.
    struct Verdict {
        var row: Int32
        var isTrue: Bool
        var cause: Int32
        var listRows: MatchedRows
        /// Rows of evidence windows, of all list rows that led to the same.
        var involved: [TableRow]
        var value: Value?
        var limit: Value?
        /// Of a group: under the list rows that decided.
        var members: [Evaluator.Member] = []
    }

    private func runRows(_ rule: CompiledRule, _ rows: UnsafeBufferPointer<Int32>, _ partition: Int32) {
        var verdicts: [Verdict] = []
        for row in rows where isInPeriod(rule, Int(row)) {
            guard let verdict = judge(rule, Int(row)) else { continue }
            if !verdict.isTrue {
                note(undetermined: rule, verdict, keys: [], violating: [row], partition)
            } else if rule.mergingWindow == nil {
                draft(rule, verdict, partition)
            } else {
                verdicts.append(verdict)
            }
        }
        if let window = rule.mergingWindow, !verdicts.isEmpty { merge(rule, verdicts, window, partition) }
    }

    /// nil when clear.
    private func judge(_ rule: CompiledRule, _ row: Int) -> Verdict? {
        evaluator.firstUnknown = -1
        let inForce = isInForce(rule, row)
        if inForce.isFalse { return nil }
        // Mostly there is no list, or a code tells the one row of it.
        if rule.matches.isEmpty { return judge(rule, row, presumed: inForce, evidence: rule.gatheredEvidence) }
        let join = joins[Int(joinStarts[rule.number])]
        if join.isExact, rule.matches.count == 1 {
            let cause = evaluator.firstUnknown
            if let code = evaluator.knownCode(join.node, row), let only = join.index.only(code) {
                evaluator.matchRows[0] = only
                evaluator.firstUnknown = cause
                return judge(rule, row, presumed: inForce, evidence: rule.gatheredEvidence)
            }
            evaluator.firstUnknown = cause
        }
        var best: Verdict?
        forEachMatch(rule, row) { matched in
            let truth = Evaluator.and(inForce, matched)
            guard let verdict = judge(rule, row, presumed: truth, evidence: rule.gatheredEvidence) else { return }
            Self.join(verdict, to: &best)
        }
        return best
    }

    /// The first verdict that convicts speaks, else the first that is open; all that agree with it give evidence.
    static func join(_ verdict: Verdict, to best: inout Verdict?) {
        guard var known = best, known.isTrue || !verdict.isTrue else {
            best = verdict
            return
        }
        guard known.isTrue == verdict.isTrue else { return }
        known.involved.append(contentsOf: verdict.involved)
        best = known
    }

    /// Whether the rule is in force on the row's day.
    func isInForce(_ rule: CompiledRule, _ row: Int) -> Value {
        guard rule.rule.validFrom != nil || rule.rule.validTo != nil else { return .yes }
        let cause = evaluator.firstUnknown
        let day = evaluator.evaluate(rule.day, row)
        var truth = Value.yes
        if let from = rule.rule.validFrom { truth = .lessOrEqual(.known(Int128(from.number)), day) }
        if let to = rule.rule.validTo { truth = Evaluator.and(truth, .lessOrEqual(day, .known(Int128(to.number)))) }
        if truth.isKnown { evaluator.firstUnknown = cause }
        return truth
    }

    /// Whether the row lies, or may lie, in the days that were asked for.
    func isInPeriod(_ rule: CompiledRule, _ row: Int) -> Bool {
        guard period.from != nil || period.to != nil else { return true }
        let cause = evaluator.firstUnknown
        defer { evaluator.firstUnknown = cause }
        let day = evaluator.evaluate(rule.day, row)
        if let from = period.from, day.hi < Int128(from.number) { return false }
        if let to = period.to, day.lo > Int128(to.number) { return false }
        return true
    }

    /// Filter and test under the list rows at hand; `presumed` is what is open about the unit before them.
    func judge(_ rule: CompiledRule, _ row: Int, presumed: Value, evidence: [Int]) -> Verdict? {
        evaluator.beginJudgement()
        defer { evaluator.judgement = nil }
        let truth = truth(rule, row, presumed)
        if truth.isFalse { return nil }
        var verdict = Verdict(
            row: Int32(row), isTrue: truth.isTrue, cause: evaluator.firstUnknown, listRows: evaluator.matchRows,
            involved: [], value: nil, limit: nil)
        if truth.isTrue && !binding.isClosedWorld {
            evaluator.isOpen = true
            if !self.truth(rule, row, .yes).isTrue {
                verdict.isTrue = false
                verdict.cause = Draft.causeCoverage
            }
            evaluator.isOpen = false
        }
        if verdict.isTrue {
            verdict.value = rule.value.map { evaluator.evaluate($0, row) }
            verdict.limit = rule.limit.map { evaluator.evaluate($0, row) }
        } else {
            if verdict.cause == -1 { verdict.cause = Draft.causeOverflow }
            guard keepsUndetermined else { return verdict }
        }
        for number in verdict.isTrue ? evidence : rule.evidenceWindows { relate(number, row, to: &verdict.involved) }
        return verdict
    }

    /// Adds the rows of a window to the evidence.
    func relate(_ window: Int, _ row: Int, to evidence: inout [TableRow]) {
        let table = Int32(evaluator.plans[window].table)
        let rows = evaluator.relatedRows(window, row)
        evidence.reserveCapacity(evidence.count + rows.count)
        for row in rows { evidence.append(TableRow(table: table, row: row)) }
    }

    private func truth(_ rule: CompiledRule, _ row: Int, _ presumed: Value) -> Value {
        var truth = presumed
        if rule.filter >= 0 && !rule.isGroup {
            let cause = evaluator.firstUnknown
            let filter = evaluator.evaluate(rule.filter, row)
            if filter.isTrue { evaluator.firstUnknown = cause }
            truth = Evaluator.and(truth, filter)
            if truth.isFalse { return truth }
        }
        return Evaluator.and(truth, evaluator.evaluate(rule.test, row))
    }

    // MARK: What could not be decided

    func note(
        undetermined rule: CompiledRule, _ verdict: Verdict, keys: [Value], violating: [Int32], _ partition: Int32
    ) {
        let day = evaluator.evaluate(rule.day, Int(verdict.row))
        let month = day.isKnown ? Calendar.monthNumber(Int32(truncatingIfNeeded: day.lo)) : -1
        tallies[rule.number].undetermined[
            RuleTally.UndeterminedKey(cause: verdict.cause, month: month), default: 0] += 1
        guard keepsUndetermined else { return }
        var draft = Draft(
            rule: Int32(rule.number), partition: partition, outcome: .undetermined,
            firstRow: violating.first ?? verdict.row, keys: keys, violating: violating.sorted(),
            listRow: verdict.listRows.first, cause: verdict.cause)
        involve(rule, verdict.involved + possible(rule, verdict.members), in: &draft)
        setPerson(&draft, rule, among: violating.isEmpty ? verdict.members.map(\.row) : violating)
        append(draft)
    }

    /// Rows that may belong to a group are evidence, not violations.
    func possible(_ rule: CompiledRule, _ members: [Evaluator.Member]) -> [TableRow] {
        members.filter { !$0.isSure }.map { TableRow(table: Int32(rule.table), row: $0.row) }
    }
}
