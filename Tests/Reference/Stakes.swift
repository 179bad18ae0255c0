import Claims
import Rules

/// The money at stake in a finding, and what the funds lost by it (涉及金额、基金损失).
struct Stakes {
    let judge: Judge
    /// The violating rows in canonical order.
    let rows: [RowReference]
    let scenes: [RowReference: Scene]
    let speaker: Judgement

    private static let funds = ["basic", "large", "assistance", "civil", "long_term_care", "other_funds"]

    /// What of one row is at stake.
    private struct Stake {
        let row: RowReference
        /// Fen; nil: unknown.
        var gross: Int128?
        var inScope: Int128?
    }

    func money() -> ReferenceFinding.Money {
        switch judge.rule.amount {
        case .none: return ReferenceFinding.Money()
        case .lines: return linesAtStake()
        case .excess: return excess()
        case .encounter: return encounters()
        case .expression(let expression): return computed(expression)
        }
    }

    private var claims: NettedClaims { judge.claims }

    private func fen(_ field: String, _ row: RowReference) -> Int128? {
        claims.number(field, of: row).map { Int128($0) }
    }

    private func wholeLine(_ row: RowReference) -> Stake {
        Stake(row: row, gross: fen("amount", row), inScope: fen("in_scope", row))
    }

    // MARK: - The four ways

    private func linesAtStake() -> ReferenceFinding.Money {
        guard judge.rule.unit.table == .line else { return nothingKnown() }
        let stakes = rows.map(wholeLine)
        return money(of: stakes, perRow: stakes.map(\.gross))
    }

    private func excess() -> ReferenceFinding.Money {
        guard judge.rule.unit.table == .line, let (over, scale) = quantityOver(scale: Schema.quantityScale) else {
            return nothingKnown()
        }
        var left = max(0, over)
        var stakes: [Stake] = []
        for row in rows.reversed() {
            let known = fen("quantity", row)
            if left == 0 || known == 0 {
                stakes.append(Stake(row: row, gross: 0, inScope: 0))
                continue
            }
            guard let quantity = known.flatMap({ Exact.rescale($0, from: Schema.quantityScale, to: scale) }),
                let amount = fen("amount", row)
            else {
                stakes.append(Stake(row: row, gross: nil, inScope: nil))
                continue
            }
            let taken = min(left, quantity)
            left -= taken
            let inScope = fen("in_scope", row).flatMap { part($0, taken, of: quantity) }
            stakes.append(Stake(row: row, gross: part(amount, taken, of: quantity), inScope: inScope))
        }
        stakes.reverse()
        return money(of: stakes, perRow: stakes.map(\.gross))
    }

    private func encounters() -> ReferenceFinding.Money {
        var owners: [RowReference] = []
        for row in rows {
            guard let encounter = judge.evaluator.encounter(of: row) else { return nothingKnown() }
            if !owners.contains(encounter) { owners.append(encounter) }
        }
        let lines = (claims.participants[.line] ?? []).map { RowReference(table: .line, index: $0) }
        let stakes = lines.filter { line in
            claims.reference(.encounter, of: line).map(owners.contains) ?? false
        }.map(wholeLine)
        // An encounter stands at the first of its rows, so that the stakes add up.
        var shown: Set<RowReference> = []
        var perRow: [RowReference: Int128?] = [:]
        for row in judge.inPlace(rows) {
            guard let owner = judge.evaluator.encounter(of: row), shown.insert(owner).inserted else {
                perRow[row] = .some(0)
                continue
            }
            perRow[row] = total(stakes.filter { claims.reference(.encounter, of: $0.row) == owner }.map(\.gross))
        }
        return money(of: stakes, perRow: rows.map { perRow[$0] ?? nil })
    }

    private func computed(_ expression: Expression) -> ReferenceFinding.Money {
        let scale = Evaluator.scale(of: expression.type)
        let exact = rows.map { row -> Int128? in
            guard let scene = scenes[row] else { return nil }
            return judge.evaluator.evaluate(expression, in: scene).interval.exact
        }
        func toFen(_ value: Int128?) -> Int128? {
            value.flatMap { Exact.divide($0, by: 1, shift: Schema.moneyScale - scale) }
        }
        let stakes = zip(rows, exact).map { row, value -> Stake in
            var inScope: Int128?
            if row.table == .line, let gross = toFen(value), let whole = fen("in_scope", row) {
                let amount = fen("amount", row)
                inScope = gross == 0 ? 0 : amount.flatMap { part(whole, gross, of: $0) }.map { min(max($0, 0), whole) }
            }
            return Stake(row: row, gross: toFen(value), inScope: inScope)
        }
        var money = money(of: stakes, perRow: stakes.map(\.gross))
        money.gross = toFen(total(exact)).map { Exact.fixedText($0, scale: Schema.moneyScale) }
        return money
    }

    /// `value − limit` and the scale of it; nil when it is not known exactly.
    private func quantityOver(scale: Int) -> (over: Int128, scale: Int)? {
        guard let value = speaker.value?.interval.exact, let limit = speaker.limit?.interval.exact,
            let valueType = judge.rule.value?.type, let limitType = judge.rule.limit?.type
        else { return nil }
        let wide = max(scale, Evaluator.scale(of: valueType), Evaluator.scale(of: limitType))
        guard let a = Exact.rescale(value, from: Evaluator.scale(of: valueType), to: wide),
            let b = Exact.rescale(limit, from: Evaluator.scale(of: limitType), to: wide)
        else { return nil }
        return (a - b, wide)
    }

    // MARK: - Sums

    private func part(_ whole: Int128, _ share: Int128, of all: Int128) -> Int128? {
        let (product, overflow) = whole.multipliedReportingOverflow(by: share)
        return overflow ? nil : Exact.divide(product, by: all)
    }

    private func total(_ values: [Int128?]) -> Int128? {
        values.reduce(0) { sum, value in
            guard let sum, let value else { return nil }
            let (next, overflow) = sum.addingReportingOverflow(value)
            return overflow ? nil : next
        }
    }

    private func nothingKnown() -> ReferenceFinding.Money {
        var money = ReferenceFinding.Money()
        money.method = "unknown"
        money.stakes = rows.map { _ in nil }
        return money
    }

    private func money(of stakes: [Stake], perRow: [Int128?]) -> ReferenceFinding.Money {
        func text(_ value: Int128?) -> String? { value.map { Exact.fixedText($0, scale: Schema.moneyScale) } }
        var money = ReferenceFinding.Money()
        money.gross = text(total(stakes.map(\.gross)))
        money.inScope = text(total(stakes.map(\.inScope)))
        money.stakes = perRow.map(text)
        money.method = "unknown"
        let loss = loss(of: stakes)
        money.pool = loss.pool
        if let perFund = loss.perFund {
            money.loss = text(perFund.reduce(0, +))
            money.lossPerFund = perFund.compactMap(text)
            money.method = "ratio"
        }
        return money
    }

    // MARK: - Loss

    /// What each fund paid for the stakes, by the ratio of each settlement.
    private func loss(of stakes: [Stake]) -> (perFund: [Int128]?, pool: String?) {
        var order: [RowReference] = []
        var stakePerSettlement: [RowReference: Int128] = [:]
        var isKnown = true
        for stake in stakes {
            guard stake.row.table == .line, let settlement = judge.evaluator.settlement(of: stake.row) else {
                isKnown = false
                continue
            }
            if stakePerSettlement[settlement] == nil { order.append(settlement) }
            if let inScope = stake.inScope {
                stakePerSettlement[settlement, default: 0] += inScope
            } else {
                stakePerSettlement[settlement, default: 0] += 0
                isKnown = false
            }
        }
        let pools = Set(order.compactMap { claims.text("pool", of: $0) })
        let pool = pools.count > 1 ? "multiple" : pools.first
        guard isKnown else { return (nil, pool) }
        var sum = [Int128](repeating: 0, count: Self.funds.count)
        for settlement in order {
            guard let shares = shares(of: stakePerSettlement[settlement] ?? 0, in: settlement) else {
                return (nil, pool)
            }
            for (fund, share) in shares.enumerated() { sum[fund] += share }
        }
        return (sum, pool)
    }

    /// The total is rounded once; its fen go to the funds by largest remainder, ties in the order of the funds.
    private func shares(of stake: Int128, in settlement: RowReference) -> [Int128]? {
        var paid: [Int128] = []
        for fund in Self.funds {
            guard let amount = fen(fund, settlement) else { return nil }
            paid.append(amount)
        }
        guard let inScope = fen("in_scope", settlement), inScope > 0,
            let total = part(stake, paid.reduce(0, +), of: inScope)
        else { return nil }
        let products = paid.map { stake * $0 }
        var shares = products.map { Exact.floorDivide($0, by: inScope) }
        let remainders = zip(products, shares).map { $0 - $1 * inScope }
        let byRemainder = remainders.indices.sorted { a, b in
            remainders[a] == remainders[b] ? a < b : remainders[a] > remainders[b]
        }
        let open = Int(clamping: total - shares.reduce(0, +))
        for fund in byRemainder.prefix(max(0, open)) { shares[fund] += 1 }
        return zip(shares, paid).map { min($0, max($1, 0)) }
    }
}
