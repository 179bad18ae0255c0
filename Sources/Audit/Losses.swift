import Claims

/// What the funds lost (基金损失), derived from the settlements that paid the lines.
///
/// By ratio: the in-scope part at stake times what a fund paid, over the settlement's in-scope total; rounded once,
/// half up, to the fen, and shared among the funds by largest remainder. Never above what the settlement's funds paid.
struct Losses {
    private let dictionaries: FindingDictionaries
    private let lineTable: Int
    private let encounterTable: Int
    private let settlementOfLine = Table.line.index(of: "settlement") ?? 0
    private let amount = Table.line.index(of: "amount") ?? 0
    private let inScope = Table.line.index(of: "in_scope") ?? 0
    private let reverses = Table.settlement.index(of: "reverses") ?? 0
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
        lineTable = binding.lineTable
        encounterTable = binding.encounterTable
    }

    func append(_ draft: Draft, _ rule: CompiledRule, _ chunk: Chunk, to encoder: FindingEncoder) {
        guard draft.outcome != .undetermined, draft.gross != nil, chunk[.settlement].isPresent,
            let stakes = stakedLines(draft, rule, chunk), let loss = loss(stakes, chunk)
        else {
            encoder.optional(.loss, Int64?.none)
            for column in Self.columns { encoder.optional(column, Int64?.none) }
            encoder.optional(.pool, Int32?.none)
            encoder.optional(.lossMethod, draft.gross == nil ? Int32?.none : Int32?.some(1))
            return
        }
        encoder.optional(.loss, loss.perFund.reduce(0, &+))
        for (index, column) in Self.columns.enumerated() { encoder.optional(column, loss.perFund[index]) }
        encoder.optional(.pool, loss.pool)
        encoder.optional(.lossMethod, Int32?.some(0))
    }

    private struct Loss {
        var perFund = [Int64](repeating: 0, count: 6)
        var pool: Int32?
    }

    /// The lines at stake, each with the fen at stake; nil when the rule's money is not about lines.
    private func stakedLines(_ draft: Draft, _ rule: CompiledRule, _ chunk: Chunk) -> [(row: Int32, stake: Int64)]? {
        if case .encounter = rule.rule.amount {
            let parent = chunk.tables[rule.table].parent
            let encounters = Set(draft.violating.map { rule.table == encounterTable ? $0 : parent?[Int($0)] ?? -1 })
            var lines: [(row: Int32, stake: Int64)] = []
            for encounter in encounters.sorted() where encounter >= 0 {
                for row in chunk.rows(lineTable, encounters: Int(encounter)..<Int(encounter) + 1) {
                    guard chunk[.line].slots[amount].isValid(row) else { return nil }
                    lines.append((Int32(row), chunk[.line].slots[amount].int64s[row]))
                }
            }
            return lines
        }
        guard rule.table == lineTable else { return nil }
        return Array(zip(draft.violating, draft.stakes))
    }

    private func loss(_ staked: [(row: Int32, stake: Int64)], _ chunk: Chunk) -> Loss? {
        let settlements = chunk[.settlement]
        let lines = chunk[.line]
        var stakes: [Int32: Int128] = [:]
        for (row, stake) in staked {
            guard let settlement = settlement(of: Int(row), chunk) else { return nil }
            let scoped = lines.slots[inScope]
            let gross = lines.slots[amount]
            guard scoped.isValid(Int(row)), gross.isValid(Int(row)) else { return nil }
            // The part at stake of the line's in-scope amount.
            let whole = gross.int64s[Int(row)]
            let part =
                whole == 0
                ? 0
                : Value.roundedHalfUp(Int128(scoped.int64s[Int(row)]) * Int128(stake), Int128(whole))
            stakes[settlement, default: 0] += part
        }
        var result = Loss()
        var pools: Set<Int32> = []
        for (settlement, stake) in stakes.sorted(by: { $0.key < $1.key }) {
            let row = Int(settlement)
            guard settlements.slots[total].isValid(row), settlements.slots[total].int64s[row] > 0 else { return nil }
            let whole = Int128(settlements.slots[total].int64s[row])
            let paid = funds.map { field -> Int128 in
                let slot = settlements.slots[field]
                return slot.isValid(row) ? Int128(slot.int64s[row]) : 0
            }
            for (index, part) in Self.share(min(stake, whole), of: whole, paid).enumerated() {
                result.perFund[index] += Int64(truncatingIfNeeded: part)
            }
            pools.insert(settlements.slots[pool].code(row))
        }
        pools.remove(-1)
        if pools.count == 1, let only = pools.first { result.pool = dictionaries.poolOf[Int(only)] }
        if pools.count > 1 {
            result.pool = Int32((dictionaries.tables[FindingColumns.Column.pool.rawValue]?.count ?? 1) - 1)
        }
        return result
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

    /// The settlement a line names, else the only one of its encounter that was not reversed.
    private func settlement(of line: Int, _ chunk: Chunk) -> Int32? {
        guard let parent = chunk[.line].parent, let encounterParent = chunk[.encounter].parent,
            let persons = chunk[.encounter].starts
        else { return nil }
        let encounter = Int(parent[line])
        let settlements = chunk[.settlement]
        let named = chunk[.line].slots[settlementOfLine]
        if named.isValid(line) {
            let name = named.utf8(line)
            let own = chunk.rows(Table.settlement.position, encounters: encounter..<encounter + 1)
            for row in own where settlements.slots[0].utf8(row).elementsEqual(name) { return Int32(row) }
            let person = Int(encounterParent[encounter])
            let all = chunk.rows(
                Table.settlement.position, encounters: Int(persons[person])..<Int(persons[person + 1]))
            for row in all where settlements.slots[0].utf8(row).elementsEqual(name) { return Int32(row) }
            return nil
        }
        var found: Int32?
        for row in chunk.rows(Table.settlement.position, encounters: encounter..<encounter + 1) {
            let isReversal = settlements.slots[reverses].isValid(row)
            let isReversed = chunk.rows(Table.settlement.position, encounters: encounter..<encounter + 1).contains {
                settlements.slots[reverses].isValid($0)
                    && settlements.slots[reverses].utf8($0).elementsEqual(settlements.slots[0].utf8(row))
            }
            if isReversal || isReversed { continue }
            if found != nil { return nil }
            found = Int32(row)
        }
        return found
    }
}
