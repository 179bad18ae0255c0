import Claims

/// What the funds lost (基金损失), derived from the settlements that paid the lines.
///
/// By ratio: the in-scope part at stake times what a fund paid, over the settlement's in-scope total; rounded once,
/// half up, to the fen, and shared among the funds by largest remainder. Never above what the settlement's funds paid.
struct Losses {
    private let dictionaries: FindingDictionaries
    private let total = Table.settlement.index(of: "in_scope") ?? 0
    private let pool = Table.settlement.index(of: "pool") ?? 0
    private let funds = ["basic", "large", "assistance", "civil", "long_term_care", "other_funds"].map {
        Table.settlement.index(of: $0) ?? 0
    }
    private static let columns: [FindingColumns.Column] = [
        .lossBasic, .lossLarge, .lossAssistance, .lossCivil, .lossLongTermCare, .lossOther,
    ]

    static let lineFields = ["settlement"]
    static let settlementFields = [
        "id", "encounter", "reverses", "pool", "in_scope", "basic", "large", "assistance", "civil", "long_term_care",
        "other_funds",
    ]

    init(_ binding: Binding, _ dictionaries: FindingDictionaries) {
        self.dictionaries = dictionaries
    }

    func append(_ draft: UnsafePointer<Draft>, _ rule: CompiledRule, _ chunk: Chunk, to encoder: FindingEncoder) {
        var loss = Loss()
        var isAsked = false
        if draft.pointee.outcome != .undetermined {
            if case .none = rule.rule.amount {} else { isAsked = true }
        }
        // Without settlements a stake has no payer.
        if isAsked, let lines = draft.pointee.lines, lines.isEmpty || chunk.settlements.rows > 0 {
            loss = self.loss(lines, rule, chunk)
        }
        encoder.optional(.loss, loss.perFund?.reduce(0, &+))
        for (index, column) in Self.columns.enumerated() { encoder.optional(column, loss.perFund?[index]) }
        encoder.optional(.pool, loss.pool)
        encoder.optional(.lossMethod, isAsked ? (loss.perFund == nil ? 1 : 0) : Int32?.none)
    }

    private struct Loss {
        /// nil: not known.
        var perFund: [Int64]?
        var pool: Int32?
    }

    private func loss(_ staked: [LineAtStake], _ rule: CompiledRule, _ chunk: Chunk) -> Loss {
        let settlements = chunk.settlements
        // By identity: gathered rows have copies of the settlements they share.
        var stakes: [Int64: (row: Int, inScope: Int128)] = [:]
        var isKnown = true
        var isAboutEncounters = false
        if case .encounter = rule.rule.amount { isAboutEncounters = true }
        for line in staked {
            guard let settlement = chunk.settlement(ofLine: Int(line.row), amongAll: isAboutEncounters) else {
                isKnown = false
                continue
            }
            if line.inScope == nil { isKnown = false }
            let identity = chunk.identity(ofSettlement: settlement)
            stakes[identity, default: (settlement, 0)].inScope += Int128(line.inScope ?? 0)
        }
        var result = Loss()
        var pools: Set<Int32> = []
        var perFund = [Int64](repeating: 0, count: funds.count)
        for (row, stake) in stakes.values {
            pools.insert(settlements.slots[pool].code(row))
            guard isKnown, settlements.slots[total].isValid(row), settlements.slots[total].int64s[row] > 0,
                let paid = paid(settlements, row)
            else {
                isKnown = false
                continue
            }
            let whole = Int128(settlements.slots[total].int64s[row])
            for (index, part) in Self.share(min(stake, whole), of: whole, paid).enumerated() {
                perFund[index] = perFund[index] &+ Int64(truncatingIfNeeded: part)
            }
        }
        if isKnown { result.perFund = perFund }
        pools.remove(-1)
        if pools.count == 1, let only = pools.first { result.pool = dictionaries.poolOf[Int(only)] }
        if pools.count > 1 {
            result.pool = Int32(dictionaries.poolCount)
        }
        return result
    }

    /// What each fund paid; nil when one is not known.
    private func paid(_ settlements: TableRows, _ row: Int) -> [Int128]? {
        var paid: [Int128] = []
        for field in funds {
            guard settlements.slots[field].isValid(row) else { return nil }
            paid.append(Int128(settlements.slots[field].int64s[row]))
        }
        return paid
    }

    /// `stake / whole` of each payment, the sum rounded half up and the fen shared by largest remainder.
    static func share(_ stake: Int128, of whole: Int128, _ paid: [Int128]) -> [Int128] {
        let sum = paid.reduce(0, +)
        let target = min(Value.roundedHalfUp(stake * sum, whole), sum)
        var parts = paid.map { stake * $0 / whole }
        let remainders = paid.map { stake * $0 % whole }
        var missing = target - parts.reduce(0, +)
        for index in remainders.indices.sorted(by: {
            remainders[$0] != remainders[$1] ? remainders[$0] > remainders[$1] : $0 < $1
        })
        where missing > 0 && parts[index] < paid[index] {
            parts[index] += 1
            missing -= 1
        }
        return parts
    }
}
