import Claims
import Rules

/// `EXISTS (table SAME encounter …)`: without a row of that table in the encounter nothing of it is a candidate.
struct BesideForm {
    let table: Table
    /// The window looks at the rule's own table, where a row is not its own neighbour.
    let isOwn: Bool

    init?(_ expression: Expression, _ unit: Table, _ binding: Binding) {
        guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
            let window = aggregate.window, window.table.role == .timeline, window.table != .person,
            window.table != .encounter, window.table != .entitlement, unit.role == .timeline, unit != .person,
            unit != .entitlement,
            window.same.contains(where: {
                $0.related.isIdentity(of: .encounter) && $0.focus.isIdentity(of: .encounter)
            })
        else { return nil }
        table = window.table
        isOwn = window.table == unit
    }
}

/// Rows of encounters that have a row of another table, where the rule's conditions on the encounter may hold.
final class BesideSieve: SieveOperator {
    private let rule: Int
    private let unit: Int
    private let form: BesideForm
    private let focus: EncounterFilter

    init(_ rule: Int, unit: Int, _ form: BesideForm, _ focus: EncounterFilter) {
        self.rule = rule
        self.unit = unit
        self.form = form
        self.focus = focus
    }

    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let own = context.chunk.tables[unit]
        let encounters = context.chunk[.encounter]
        let starts = context.chunk[form.table].starts
        let isUnknown = starts == nil || context.binding.isAbsent[form.table.position]
        if unit != context.binding.encounterTable, own.starts == nil { return lists[rule].append(all: 0..<own.rows) }
        for encounter in 0..<context.encounters {
            if !isUnknown, let starts, starts[encounter &+ 1] &- starts[encounter] < (form.isOwn ? 2 : 1) { continue }
            guard focus.admits(encounter, encounters) else { continue }
            if let rows = own.starts, unit != context.binding.encounterTable {
                lists[rule].append(all: Int(rows[encounter])..<Int(rows[encounter &+ 1]))
            } else {
                lists[rule].append(Int32(truncatingIfNeeded: encounter))
            }
        }
    }
}

/// Rows of encounters on which the rule's own conditions may hold; nothing else is known of the rule.
final class FilteredRows: SieveOperator {
    private let rule: Int
    private let unit: Int
    private let focus: EncounterFilter

    init(_ rule: Int, unit: Int, _ focus: EncounterFilter) {
        self.rule = rule
        self.unit = unit
        self.focus = focus
    }

    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let own = context.chunk.tables[unit]
        guard let starts = own.starts else { return lists[rule].append(all: 0..<own.rows) }
        let encounters = context.chunk[.encounter]
        for encounter in 0..<context.encounters where starts[encounter] < starts[encounter &+ 1] {
            guard focus.admits(encounter, encounters) else { continue }
            lists[rule].append(all: Int(starts[encounter])..<Int(starts[encounter &+ 1]))
        }
    }
}

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
            let scaled = Int128(mantissa) * Int128(Int64.power(ofTen: max(0, scale - bound.limit.scale)))
            let divisor = Int128(Int64.power(ofTen: max(0, bound.limit.scale - scale)))
            let largest =
                bound.isStrict
                ? Value.floorDivide(scaled, divisor) : -Value.floorDivide(-scaled, divisor) - 1
            guard largest >= 0 else { continue }
            field = stored
            limit = Int64(clamping: largest)
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

    func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let own = context.chunk.tables[unit]
        let isEncounter = unit == context.binding.encounterTable
        let encounters = context.chunk[.encounter]
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
