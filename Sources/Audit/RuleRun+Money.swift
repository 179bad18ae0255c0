import Claims
import Rules

/// The money at stake in a finding (涉及金额).
extension RuleRun {
    private var lineSlots: UnsafeMutablePointer<Slot> { evaluator.tables[binding.lineTable].slots }

    private func money(_ field: Int, _ row: Int32, in slots: UnsafeMutablePointer<Slot>? = nil) -> Int64? {
        let slot = (slots ?? lineSlots)[field]
        return slot.isValid(Int(row)) ? slot.int64s[Int(row)] : nil
    }

    /// `speaker` is the row, or group, whose value and limit stand in the finding; `listRows` are those of each
    /// violating row, in their order.
    func price(_ rule: CompiledRule, _ draft: inout Draft, listRows: @autoclosure () -> [MatchedRows]) {
        let isAboutLines = rule.table == binding.lineTable
        switch rule.rule.amount {
        case .none: return
        case .lines where isAboutLines: stakeLines(&draft)
        case .excess where isAboutLines: stakeExcess(rule, &draft)
        case .encounter: stakeEncounters(&draft)
        case .expression: stakeExpression(rule, &draft, listRows())
        case .lines, .excess: nothingKnown(&draft)
        }
    }

    private func nothingKnown(_ draft: inout Draft) {
        draft.stakes = draft.violating.map { _ in nil }
        draft.lines = nil
    }

    private func stakeLines(_ draft: inout Draft) {
        var sum = Stakes()
        draft.stakes.reserveCapacity(draft.violating.count)
        sum.lines.reserveCapacity(draft.violating.count)
        for row in draft.violating {
            let gross = money(binding.amountField, row)
            draft.stakes.append(gross)
            sum.add(row, gross, money(binding.inScopeField, row))
        }
        sum.settle(&draft)
    }

    /// All lines of the encounters that the violating rows are, or belong to; each encounter counts once.
    private func stakeEncounters(_ draft: inout Draft) {
        var sum = Stakes()
        var seen: Set<Int64> = []
        for violating in draft.violating {
            let encounter = evaluator.encounter(of: Int(violating))
            guard encounter >= 0 else { return nothingKnown(&draft) }
            guard seen.insert(evaluator.chunk.identity(binding.encounterTable, encounter)).inserted else {
                draft.stakes.append(0)
                continue
            }
            var stake: Int64? = 0
            let (rows, table) = evaluator.chunk.lines(ofEncounter: encounter)
            for row in rows {
                let gross = money(binding.amountField, Int32(row), in: table.slots)
                stake = stake.plus(gross)
                sum.add(Int32(row), gross, money(binding.inScopeField, Int32(row), in: table.slots))
            }
            draft.stakes.append(stake)
        }
        sum.settle(&draft)
    }

    /// (value − limit) units, taken from the latest lines (time, then identifier), each line in part of its amount.
    private func stakeExcess(_ rule: CompiledRule, _ draft: inout Draft) {
        let scale = max(rule.valueScale, rule.limitScale, Schema.quantityScale)
        func unit(_ number: Int128, _ own: Int) -> Int128? {
            let (product, overflow) = number.multipliedReportingOverflow(by: Int128(Int64.power(ofTen: scale - own)))
            return overflow ? nil : product
        }
        guard let value = draft.value.flatMap({ unit($0, rule.valueScale) }),
            let limit = draft.limit.flatMap({ unit($0, rule.limitScale) }), value < Int128.max / 2,
            limit > Int128.min / 2
        else { return nothingKnown(&draft) }
        var remaining = max(0, value - limit)
        let latestFirst = draft.violating.indices.sorted {
            evaluator.precedes(rule.table, draft.violating[$1], draft.violating[$0])
        }
        var sum = Stakes()
        draft.stakes = draft.violating.map { _ in nil }
        for index in latestFirst {
            let row = draft.violating[index]
            let quantity = money(binding.quantityField, row)
            if remaining == 0 || quantity == 0 {
                draft.stakes[index] = 0
                sum.add(row, 0, 0)
                continue
            }
            guard let quantity, let amount = money(binding.amountField, row),
                let whole = unit(Int128(quantity), Schema.quantityScale)
            else {
                sum.add(row, nil, nil)
                continue
            }
            let taken = min(whole, remaining)
            remaining -= taken
            let gross = part(amount, taken, of: whole)
            draft.stakes[index] = gross
            sum.add(row, gross, money(binding.inScopeField, row).flatMap { part($0, taken, of: whole) })
        }
        sum.settle(&draft)
    }

    /// `whole × share / all`, rounded half up; nil when it cannot be had.
    private func part(_ whole: Int64, _ share: Int128, of all: Int128) -> Int64? {
        let (product, overflow) = Int128(whole).multipliedReportingOverflow(by: share)
        guard !overflow, product != Int128.min, all != 0 else { return nil }
        return Int64(exactly: Value.roundedHalfUp(product, all))
    }

    /// The rule's own expression of money per violating row, in yuan; summed exactly and rounded once.
    private func stakeExpression(_ rule: CompiledRule, _ draft: inout Draft, _ listRows: [MatchedRows]) {
        guard let amount = rule.amount else { return }
        let divisor = Int128(Int64.power(ofTen: max(0, rule.amountScale - Schema.moneyScale)))
        let factor = Int128(Int64.power(ofTen: max(0, Schema.moneyScale - rule.amountScale)))
        func fen(_ value: Int128) -> Int64? {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: factor)
            return overflow || scaled == Int128.min ? nil : Int64(exactly: Value.roundedHalfUp(scaled, divisor))
        }
        var exact: Value? = Value(0)
        var sum = Stakes()
        for (row, matched) in zip(draft.violating, listRows) {
            evaluator.matchRows = matched
            let value = evaluator.evaluate(amount, Int(row))
            exact = value.isKnown ? exact.map { .add($0, value) } : nil
            let gross = value.isKnown ? fen(value.lo) : nil
            draft.stakes.append(gross)
            sum.add(row, gross, rule.table == binding.lineTable ? inScope(of: gross, row) : nil)
        }
        sum.settle(&draft)
        draft.gross = exact.known.flatMap(fen)
        if rule.table != binding.lineTable { draft.lines = nil }
    }

    /// The part of a line's in-scope amount that corresponds to a stake.
    private func inScope(of gross: Int64?, _ row: Int32) -> Int64? {
        guard let gross, let whole = money(binding.inScopeField, row) else { return nil }
        if gross == 0 { return 0 }
        guard let amount = money(binding.amountField, row),
            let share = part(whole, Int128(gross), of: Int128(amount))
        else { return nil }
        return min(max(share, 0), whole)
    }
}

/// Sums of the stakes of a finding; unknown plus anything is unknown.
private struct Stakes {
    var gross: Int64? = 0
    var inScope: Int64? = 0
    var lines: [LineAtStake] = []

    mutating func add(_ row: Int32, _ gross: Int64?, _ inScope: Int64?) {
        self.gross = self.gross.plus(gross)
        self.inScope = self.inScope.plus(inScope)
        lines.append(LineAtStake(row: row, inScope: inScope))
    }

    func settle(_ draft: inout Draft) {
        draft.gross = gross
        draft.inScope = inScope
        draft.lines = lines
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
