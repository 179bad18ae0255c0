import Claims
import Rules

/// Rules whose unit is a group of rows that share keys.
extension RuleRun {
    /// A row that may be a member of a group.
    private struct Candidate {
        let row: Int32
        let keys: [Value]
        /// What was unknown in the keys.
        let keyCause: Int32
        /// In force and admitted by the filter, as far as that does not depend on a list row.
        let selected: Value
        let cause: Int32
        var isKeyed: Bool { keys.allSatisfy(\.isKnown) }
    }

    func runGroups(_ rule: CompiledRule, _ rows: UnsafeBufferPointer<Int32>, _ partition: Int32) {
        var keyed: [Candidate] = []
        var strays: [Candidate] = []
        evaluator.members.removeAll(keepingCapacity: true)
        for row in rows {
            let candidate = candidate(rule, row)
            if candidate.selected.isFalse { continue }
            if candidate.isKeyed { keyed.append(candidate) } else { strays.append(candidate) }
        }
        for stray in strays { judge(rule, stray: stray, among: keyed, strays, partition) }
        keyed.sort { a, b in
            for index in a.keys.indices where a.keys[index].lo != b.keys[index].lo {
                return a.keys[index].lo < b.keys[index].lo
            }
            return evaluator.precedes(rule.table, a.row, b.row)
        }
        var start = 0
        while start < keyed.count {
            var end = start + 1
            while end < keyed.count, keyed[end].keys == keyed[start].keys { end += 1 }
            let own = keyed[start..<end]
            let near = strays.filter { mayShare($0.keys, own[own.startIndex].keys) }
            judge(rule, group: own, near: near, partition)
            start = end
        }
        evaluator.members.removeAll(keepingCapacity: true)
    }

    private func candidate(_ rule: CompiledRule, _ row: Int32) -> Candidate {
        evaluator.matchRows = MatchedRows(lists: rule.matches.count)
        let (selected, cause) = selects(rule, row)
        evaluator.firstUnknown = -1
        let keys = selected.isFalse ? [] : rule.keys.map { evaluator.evaluate($0, Int(row)) }
        return Candidate(row: row, keys: keys, keyCause: evaluator.firstUnknown, selected: selected, cause: cause)
    }

    /// Whether the rule is in force on the row's day and the row is one it looks at, under the list rows at hand.
    private func selects(_ rule: CompiledRule, _ row: Int32) -> (truth: Value, cause: Int32) {
        evaluator.firstUnknown = -1
        var truth = isInForce(rule, Int(row))
        if !truth.isFalse, rule.filter >= 0 {
            let cause = evaluator.firstUnknown
            let filter = evaluator.evaluate(rule.filter, Int(row))
            if filter.isTrue { evaluator.firstUnknown = cause }
            truth = Evaluator.and(truth, filter)
        }
        return (truth, truth.isTrue ? -1 : evaluator.firstUnknown)
    }

    private func mayShare(_ a: [Value], _ b: [Value]) -> Bool {
        for index in a.indices where Value.equal(a[index], b[index]).isFalse { return false }
        return true
    }

    // MARK: Groups

    private func judge(
        _ rule: CompiledRule, group own: ArraySlice<Candidate>, near: [Candidate], _ partition: Int32
    ) {
        guard let first = own.first else { return }
        let row = Int(first.row)
        if period.from != nil || period.to != nil, !own.contains(where: { isInPeriod(rule, Int($0.row)) }) { return }
        evaluator.areMembersComplete =
            binding.isClosedWorld || rule.isMemberBounded
            || rule.calendarKeys.contains { evaluator.isCovered($0, row) }
        var best: Verdict?
        evaluator.firstUnknown = -1
        forEachMatch(rule, row) { matched in
            let (members, cause) = members(rule, own, near)
            guard !members.isEmpty else { return }
            evaluator.members = members
            let hasMember = members.contains(where: \.isSure)
            let known = evaluator.firstUnknown
            if !hasMember && known == -1 { evaluator.firstUnknown = cause }
            let presumed = Evaluator.and(matched, hasMember ? .yes : .maybe)
            if var verdict = judge(rule, row, presumed: presumed, evidence: rule.evidenceWindows) {
                if verdict.cause == Draft.causeOverflow, cause != -1 { verdict.cause = cause }
                verdict.members = members
                verdict.involved += possible(rule, members)
                Self.join(verdict, to: &best)
            }
            evaluator.members.removeAll(keepingCapacity: true)
        }
        guard let best else { return }
        if best.isTrue {
            draft(rule, group: best, first.keys, partition)
        } else {
            note(
                undetermined: rule, best, keys: first.keys,
                violating: best.members.filter(\.isSure).map(\.row),
                partition)
        }
    }

    /// Certain and possible members in the order of time, and what makes the first of these only possible.
    private func members(
        _ rule: CompiledRule, _ own: ArraySlice<Candidate>, _ near: [Candidate]
    ) -> (members: [Evaluator.Member], cause: Int32) {
        var members: [Evaluator.Member] = []
        members.reserveCapacity(own.count + near.count)
        var cause: Int32 = -1
        func add(_ candidate: Candidate, isOwn: Bool) {
            var selected = (truth: candidate.selected, cause: candidate.cause)
            if rule.filterUsesLists {
                let known = evaluator.firstUnknown
                selected = selects(rule, candidate.row)
                evaluator.firstUnknown = known
            }
            if selected.truth.isFalse { return }
            let isSure = isOwn && selected.truth.isTrue
            if !isSure, cause == -1 { cause = isOwn ? selected.cause : candidate.keyCause }
            members.append(Evaluator.Member(row: candidate.row, isSure: isSure))
        }
        for candidate in own { add(candidate, isOwn: true) }
        for candidate in near { add(candidate, isOwn: false) }
        if !near.isEmpty { members.sort { evaluator.precedes(rule.table, $0.row, $1.row) } }
        return (members, cause)
    }

    // MARK: Rows without a group

    /// A row of which a key is not known is a unit of its own: with all rows that may share its group it is at most
    /// undetermined.
    private func judge(
        _ rule: CompiledRule, stray: Candidate, among keyed: [Candidate], _ strays: [Candidate], _ partition: Int32
    ) {
        guard isInPeriod(rule, Int(stray.row)) else { return }
        let others = (keyed + strays).filter { $0.row != stray.row && mayShare($0.keys, stray.keys) }
        evaluator.areMembersComplete = true
        judge(rule, alone: stray, partition) {
            members(rule, [stray], others).members
        }
    }

    /// Of a row without partition key it is not known what else belongs to its group: the test is not asked.
    func runPlacelessMember(_ rule: CompiledRule, _ row: Int32, _ partition: Int32) {
        let candidate = candidate(rule, row)
        if candidate.selected.isFalse || !isInPeriod(rule, Int(row)) { return }
        judge(rule, alone: candidate, partition) { nil }
    }

    /// `members` gives the members under the list rows at hand; nil: nothing is known of them.
    private func judge(
        _ rule: CompiledRule, alone candidate: Candidate, _ partition: Int32, _ members: () -> [Evaluator.Member]?
    ) {
        var best: Verdict?
        let row = Int(candidate.row)
        evaluator.firstUnknown = candidate.keyCause
        forEachMatch(rule, row) { _ in
            let cause = evaluator.firstUnknown
            if rule.filterUsesLists, selects(rule, candidate.row).truth.isFalse { return }
            evaluator.firstUnknown = cause
            guard let members = members() else {
                let verdict = Verdict(
                    row: candidate.row, isTrue: false, cause: cause, listRows: evaluator.matchRows, involved: [])
                return Self.join(verdict, to: &best)
            }
            evaluator.members = members
            if var verdict = judge(rule, row, presumed: .maybe, evidence: rule.evidenceWindows) {
                verdict.members = members
                verdict.cause = candidate.keyCause
                Self.join(verdict, to: &best)
            }
            evaluator.members.removeAll(keepingCapacity: true)
        }
        guard let best else { return }
        note(undetermined: rule, best, keys: [], violating: [candidate.row], partition)
    }
}

extension Evaluator {
    /// The order of rows everywhere: day, second, bytes of the identifier; unknown before known.
    func precedes(_ table: Int, _ a: Int32, _ b: Int32) -> Bool {
        if a == b { return false }
        let rows = tables[table]
        if table == Table.diagnosis.position, let parent = rows.parent {
            // Diagnoses have neither time nor identifier: they follow their encounters, and keep their place there.
            let (x, y) = (parent[Int(a)], parent[Int(b)])
            let encounters = binding.encounterTable
            if chunk.identity(encounters, Int(x)) == chunk.identity(encounters, Int(y)) { return a < b }
            return precedes(encounters, x, y)
        }
        let days = rows.slots[binding.referenceDay[table]]
        let second = binding.referenceSecond[table]
        func time(_ row: Int32) -> (Int32, Int32) {
            let row = Int(row)
            guard days.isValid(row) else { return (Int32.min, Int32.min) }
            let isTimed = second >= 0 && rows.slots[second].isValid(row)
            return (days.int32s[row], isTimed ? rows.slots[second].int32s[row] : Int32.min)
        }
        let (x, y) = (time(a), time(b))
        if x != y { return x < y }
        let (p, q) = (rows.slots[0].utf8(Int(a)), rows.slots[0].utf8(Int(b)))
        if p.lexicographicallyPrecedes(q) { return true }
        if q.lexicographicallyPrecedes(p) { return false }
        return a < b
    }
}
