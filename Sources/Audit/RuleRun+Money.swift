import Claims
import Rules

/// From verdicts to drafts: evidence rows in order, and the money at stake.
extension RuleRun {
    func draft(_ rule: CompiledRule, _ run: [Verdict], _ partition: Int32) {
        let violating = run.map(\.row).sorted()
        // The row with the largest value speaks for the run; the first one names it.
        let speaker = run.dropFirst().reduce(run[0]) { best, next in
            (next.value?.lo ?? 0) > (best.value?.lo ?? 0) ? next : best
        }
        var draft = Draft(
            rule: Int32(rule.number), partition: partition, outcome: rule.rule.outcome, firstRow: run[0].row,
            violating: violating, value: speaker.value.known, limit: speaker.limit.known,
            listRow: speaker.listRows.first ?? -1)
        involve(rule, run.flatMap(\.involved), in: &draft)
        evaluator.matchRows = speaker.listRows
        price(rule, &draft, excessFrom: speaker)
        append(draft)
    }

    func draft(_ rule: CompiledRule, group verdict: Verdict, _ keys: [Value], _ partition: Int32) {
        var draft = Draft(
            rule: Int32(rule.number), partition: partition, outcome: rule.rule.outcome,
            firstRow: evaluator.members.map(\.row).min() ?? verdict.row, keys: keys,
            violating: evaluator.members.filter(\.isSure).map(\.row).sorted(), value: verdict.value.known,
            limit: verdict.limit.known, listRow: verdict.listRows.first ?? -1)
        involve(rule, verdict.involved, in: &draft)
        // Rows that may belong to the group are evidence, not violations.
        let possible = evaluator.members.filter { !$0.isSure }.map(\.row)
        if !possible.isEmpty, draft.involvedTable < 0 || draft.involvedTable == Int32(rule.table) {
            draft.involvedTable = Int32(rule.table)
            draft.involved = Array(Set(draft.involved + possible)).sorted()
        }
        evaluator.matchRows = verdict.listRows
        price(rule, &draft, excessFrom: verdict)
        append(draft)
    }

    /// Evidence names rows of one table: of the first window, in the order of the text, that has any.
    func involve(_ rule: CompiledRule, _ rows: [Involved], in draft: inout Draft) {
        let tables = rule.evidenceWindows.map { Int32(evaluator.windows[$0].table) }
        guard let table = tables.first(where: { table in rows.contains { $0.table == table } }) else { return }
        draft.involvedTable = table
        let own = table == Int32(rule.table) ? Set(draft.violating) : []
        var unique: [Int32] = []
        for entry in rows.sorted() where entry.table == table && unique.last != entry.row && !own.contains(entry.row) {
            unique.append(entry.row)
        }
        draft.involved = unique
        if unique.isEmpty { draft.involvedTable = -1 }
    }

    private func price(_ rule: CompiledRule, _ draft: inout Draft, excessFrom verdict: Verdict) {
        switch rule.rule.amount {
        case .none: return
        case .lines: stake(rule, &draft) { amount, _ in amount }
        case .encounter: stakeEncounters(rule, &draft)
        case .excess: stakeExcess(rule, &draft)
        case .expression: stakeExpression(rule, &draft)
        }
    }

    private var lineSlots: UnsafeMutablePointer<Slot> { evaluator.tables[binding.lineTable].slots }

    private func money(_ field: Int, _ row: Int32) -> Int64? {
        let slot = lineSlots[field]
        return slot.isValid(Int(row)) ? slot.int64s[Int(row)] : nil
    }

    private func stake(_ rule: CompiledRule, _ draft: inout Draft, _ share: (Int64, Int32) -> Int64) {
        guard rule.table == binding.lineTable else { return }
        var gross: Int64? = 0
        var inScope: Int64? = 0
        for row in draft.violating {
            let amount = money(binding.amountField, row)
            draft.stakes.append(amount.map { share($0, row) } ?? 0)
            gross = gross.plus(amount.map { share($0, row) })
            inScope = inScope.plus(money(binding.inScopeField, row).map { share($0, row) })
        }
        draft.gross = gross
        draft.inScope = inScope
    }

    /// All lines of the encounters that the violating rows are, or belong to; each encounter counts once.
    private func stakeEncounters(_ rule: CompiledRule, _ draft: inout Draft) {
        var gross: Int64? = 0
        var inScope: Int64? = 0
        var seen: Set<Int> = []
        for violating in draft.violating {
            let encounter = evaluator.encounter(of: Int(violating))
            guard encounter >= 0 else { return draft.stakes.removeAll() }
            guard seen.insert(encounter).inserted else {
                draft.stakes.append(0)
                continue
            }
            var stake: Int64? = 0
            for row in evaluator.chunk.rows(binding.lineTable, encounters: encounter..<encounter + 1) {
                stake = stake.plus(money(binding.amountField, Int32(row)))
                inScope = inScope.plus(money(binding.inScopeField, Int32(row)))
            }
            draft.stakes.append(stake ?? 0)
            gross = gross.plus(stake)
        }
        draft.gross = gross
        draft.inScope = inScope
    }

    /// (value − limit) units, taken from the latest lines (time, then identifier), each line in part of its amount.
    private func stakeExcess(_ rule: CompiledRule, _ draft: inout Draft) {
        guard rule.table == binding.lineTable, let value = draft.value, let limit = draft.limit else {
            return stake(rule, &draft) { amount, _ in amount }
        }
        let scale = max(rule.valueScale, rule.limitScale, Schema.quantityScale)
        let unit = { (number: Int128, own: Int) in number * Int128(Int64.power(ofTen: scale - own)) }
        var remaining = unit(value, rule.valueScale) - unit(limit, rule.limitScale)
        let quantity = lineSlots[binding.quantityField]
        let latestFirst = draft.violating.sorted { later($0, $1) }
        var shares: [Int32: (taken: Int128, whole: Int128)] = [:]
        for row in latestFirst where remaining > 0 {
            guard quantity.isValid(Int(row)) else { continue }
            let whole = unit(Int128(quantity.int64s[Int(row)]), Schema.quantityScale)
            let taken = min(whole, remaining)
            if taken > 0 { shares[row] = (taken, whole) }
            remaining -= taken
        }
        // Only the earliest line taken can be taken in part: one rounding in all.
        var gross: Int64? = 0
        var inScope: Int64? = 0
        for row in draft.violating {
            guard let share = shares[row] else {
                draft.stakes.append(0)
                continue
            }
            let part = { (amount: Int64?) -> Int64? in
                amount.map { Int64(truncatingIfNeeded: Value.roundedHalfUp(Int128($0) * share.taken, share.whole)) }
            }
            let stake = part(money(binding.amountField, row))
            draft.stakes.append(stake ?? 0)
            gross = gross.plus(stake)
            inScope = inScope.plus(part(money(binding.inScopeField, row)))
        }
        draft.gross = gross
        draft.inScope = inScope
    }

    private func later(_ a: Int32, _ b: Int32) -> Bool {
        let day = lineSlots[binding.lineDayField]
        let second = lineSlots[binding.lineSecondField]
        let time = { (row: Int32) -> (Int32, Int32) in
            let row = Int(row)
            return (
                day.isValid(row) ? day.int32s[row] : Int32.min, second.isValid(row) ? second.int32s[row] : Int32.min
            )
        }
        let (x, y) = (time(a), time(b))
        if x != y { return x > y }
        let id = lineSlots[0]
        return StringOrder.precedes(id.utf8(Int(b)), id.utf8(Int(a)))
    }

    /// The rule's own expression of money per violating row, in yuan.
    private func stakeExpression(_ rule: CompiledRule, _ draft: inout Draft) {
        guard let amount = rule.amount else { return }
        let divisor = Int128(Int64.power(ofTen: max(0, rule.amountScale - Schema.moneyScale)))
        let factor = Int128(Int64.power(ofTen: max(0, Schema.moneyScale - rule.amountScale)))
        var gross: Int128? = 0
        var inScope: Int64? = 0
        for row in draft.violating {
            let value = evaluator.evaluate(amount, Int(row))
            guard value.isKnown else {
                gross = nil
                draft.stakes.append(0)
                inScope = nil
                continue
            }
            gross = gross.map { $0 + value.lo * factor }
            let stake = Value.roundedHalfUp(value.lo * factor, divisor)
            draft.stakes.append(Int64(truncatingIfNeeded: stake))
            if rule.table == binding.lineTable, let whole = money(binding.amountField, row), whole != 0,
                let scoped = money(binding.inScopeField, row)
            {
                let part = Value.roundedHalfUp(Int128(scoped) * stake, Int128(whole))
                inScope = inScope.plus(Int64(truncatingIfNeeded: part))
            } else {
                inScope = nil
            }
        }
        draft.gross = gross.map { Int64(truncatingIfNeeded: Value.roundedHalfUp($0, divisor)) }
        draft.inScope = inScope
    }
}

extension Optional where Wrapped == Value {
    /// The number, when there is one and it is known.
    var known: Int128? {
        guard let self, self.isKnown else { return nil }
        return self.lo
    }
}

extension Optional where Wrapped == Int64 {
    /// Unknown plus anything is unknown.
    func plus(_ other: Int64?) -> Int64? {
        guard let self, let other else { return nil }
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? nil : sum
    }
}

enum StringOrder {
    /// Byte order, a prefix first.
    static func precedes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
        a.lexicographicallyPrecedes(b)
    }
}
