import Claims
import Rules

/// `COUNT(*) > n` or `SUM(x) > n` over groups of rows of one person: all the person's rows together must exceed it.
struct PersonTotalForm {
    /// A stored number of the unit's table that is never negative; nil counts rows.
    let field: Int?
    /// The largest total, at the field's scale, that is still clear.
    let limit: Int64

    init?(_ rule: CompiledRule) {
        guard case .group(let table, let keys) = rule.rule.unit, table.role == .timeline, table != .person,
            table != .entitlement, keys.contains(where: { $0.expression.isIdentity(of: .person) })
        else { return nil }
        for conjunct in rule.testConjuncts {
            guard let bound = SieveForms.bound(conjunct.expression), bound.aggregate.window == nil,
                case .number(let mantissa) = bound.limit.node
            else { continue }
            var scale = 0
            var stored: Int?
            switch bound.aggregate.function {
            case .count: break
            case .sum:
                guard let argument = bound.aggregate.argument, case .field(let path, _) = argument.node,
                    path.start == table, path.steps.isEmpty, case .stored(let number) = path.field,
                    table.isNonNegative(number), case .decimal = table.fields[number].kind
                else { continue }
                stored = number
                scale = argument.scale
            default: continue
            }
            guard let largest = bound.largestClear(mantissa, scale), largest >= 0 else { continue }
            field = stored
            limit = largest
            return
        }
        return nil
    }
}

final class PersonTotalSieve: SieveOperator {
    private let rule: Int
    private let unit: Int
    private let form: PersonTotalForm
    private let focus: EncounterFilter

    init(_ rule: Int, unit: Int, _ form: PersonTotalForm, _ focus: EncounterFilter) {
        self.rule = rule
        self.unit = unit
        self.form = form
        self.focus = focus
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let own = context.tables[unit]
        let isEncounter = unit == context.binding.encounterTable
        let encounters = context.rows(.encounter)
        guard isEncounter || own.starts != nil else { return lists[rule].append(all: 0..<own.rows) }
        for person in 0..<context.persons {
            let range = Int(context.personStarts[person])..<Int(context.personStarts[person &+ 1])
            var total: Int64 = 0
            for encounter in range where focus.admits(encounter, encounters) {
                for row in rows(encounter, own, isEncounter) { add(row, own, &total) }
            }
            guard total > form.limit else { continue }
            for encounter in range where focus.admits(encounter, encounters) {
                lists[rule].append(all: rows(encounter, own, isEncounter))
            }
        }
    }

    @inline(__always) private func rows(_ encounter: Int, _ own: TableRows, _ isEncounter: Bool) -> Range<Int> {
        guard !isEncounter, let starts = own.starts else { return encounter..<encounter &+ 1 }
        return Int(starts[encounter])..<Int(starts[encounter &+ 1])
    }

    /// Adds a row; what is not known, or is very large, exceeds every limit.
    @inline(__always) private func add(_ row: Int, _ own: TableRows, _ total: inout Int64) {
        var value: Int64 = 1
        if let field = form.field {
            let slot = own.slots[field]
            value = slot.isValid(row) && slot.kind == .int64 ? max(0, slot.int64s[row]) : Int64.max
        }
        let (sum, overflow) = total.addingReportingOverflow(value)
        total = overflow ? Int64.max : sum
    }
}

/// `SUM(x) OVER (line SAME person … WHERE …) > n` asked of an encounter: all such lines of the person must exceed it.
struct PersonSumForm {
    let window: Window
    /// A stored number of the line that is never negative; nil counts lines.
    let field: Int?
    /// The largest sum, at the field's scale, that is still clear.
    let limit: Int64

    init?(_ expression: Expression) {
        guard let bound = SieveForms.bound(expression), let window = bound.aggregate.window, window.table == .line,
            window.same.contains(where: {
                $0.related.isIdentity(of: .person) && $0.focus.isIdentity(of: .person)
            }), case .number(let mantissa) = bound.limit.node
        else { return nil }
        var scale = 0
        switch bound.aggregate.function {
        case .count: field = nil
        case .sum:
            guard let argument = bound.aggregate.argument, case .field(let path, .related) = argument.node,
                path.start == .line, path.steps.isEmpty, case .stored(let stored) = path.field,
                Table.line.isNonNegative(stored), case .decimal = Table.line.fields[stored].kind
            else { return nil }
            field = stored
            scale = argument.scale
        default: return nil
        }
        guard let limit = bound.largestClear(mantissa, scale), limit >= 0 else { return nil }
        self.window = window
        self.limit = limit
    }
}

final class PersonSumSieve: SieveOperator {
    private let rule: Int
    private let form: PersonSumForm
    private let focus: EncounterFilter
    private let related: EncounterFilter
    private let gate: ItemGate?

    /// `gate`: the items that the window may count; nil: any.
    init(_ rule: Int, _ form: PersonSumForm, _ focus: EncounterFilter, _ related: EncounterFilter, _ gate: ItemGate?) {
        self.rule = rule
        self.form = form
        self.focus = focus
        self.related = related
        self.gate = gate
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let encounters = context.rows(.encounter)
        let slot = form.field.map { context.rows(.line).slots[$0] }
        for person in 0..<context.persons {
            let range = Int(context.personStarts[person])..<Int(context.personStarts[person &+ 1])
            guard range.contains(where: { focus.admits($0, encounters) }) else { continue }
            var total: Int64 = 0
            for encounter in range where related.admits(encounter, encounters) {
                for line in context.lines(of: encounter) {
                    if let gate, context.items[line] >= 0, !gate.admits(context.items[line]) { continue }
                    var value: Int64 = 1
                    if let slot {
                        value = slot.isValid(line) && slot.kind == .int64 ? max(0, slot.int64s[line]) : Int64.max
                    }
                    let (sum, overflow) = total.addingReportingOverflow(value)
                    total = overflow ? Int64.max : sum
                }
            }
            guard total > form.limit else { continue }
            for encounter in range where focus.admits(encounter, encounters) {
                lists[rule].append(Int32(truncatingIfNeeded: encounter))
            }
        }
    }
}

extension SieveForms.Bound {
    /// The largest number at a scale for which the comparison with the constant limit is still false; nil beyond 64 bits.
    func largestClear(_ mantissa: Int64, _ scale: Int) -> Int64? {
        let scaled = Int128(mantissa) * Int128(Int64.power(ofTen: max(0, scale - limit.scale)))
        let divisor = Int128(Int64.power(ofTen: max(0, limit.scale - scale)))
        return Int64(
            exactly: isStrict ? Value.floorDivide(scaled, divisor) : -Value.floorDivide(-scaled, divisor) - 1)
    }
}
