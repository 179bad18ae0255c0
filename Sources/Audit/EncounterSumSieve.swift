import Claims
import Rules

/// `SUM(x) OVER (line SAME encounter WHERE <items>) > limit`, where the limit comes from the encounter itself.
struct EncounterSumForm {
    /// The limit as arithmetic over whole numbers of the encounter, at the limit's own scale.
    indirect enum Term {
        case number(Int64)
        case startDay, endDay
        case add(Term, Term)
        case subtract(Term, Term)
        case greatest([Term])
        case least([Term])
    }

    let window: Window
    /// Stored number of the line that is added up; nil counts lines.
    let field: Int?
    let limit: Term
    /// Factors that bring sum and limit to one scale.
    let sumFactor: Int64
    let limitFactor: Int64
    let isStrict: Bool

    init?(_ expression: Expression) {
        guard let bound = SieveForms.bound(expression), let window = bound.aggregate.window, window.table == .line,
            window.same.contains(where: {
                $0.related.isIdentity(of: .encounter) && $0.focus.isIdentity(of: .encounter)
            }), let limit = Self.term(bound.limit)
        else { return nil }
        var scale = 0
        switch bound.aggregate.function {
        case .sum:
            guard let argument = bound.aggregate.argument, case .field(let path, .related) = argument.node,
                path.start == .line, path.steps.isEmpty, case .stored(let field) = path.field,
                Table.line.isNonNegative(field)
            else { return nil }
            self.field = field
            scale = argument.scale
        case .count, .countDistinct: field = nil
        default: return nil
        }
        let common = max(scale, bound.limit.scale)
        guard common <= 9 else { return nil }
        sumFactor = Int64.power(ofTen: common - scale)
        limitFactor = Int64.power(ofTen: common - bound.limit.scale)
        self.window = window
        self.limit = limit
        isStrict = bound.isStrict
    }

    private static func term(_ expression: Expression) -> Term? {
        func list(_ operands: [Expression]) -> [Term]? {
            let terms = operands.compactMap { $0.scale == expression.scale ? term($0) : nil }
            return terms.count == operands.count ? terms : nil
        }
        switch expression.node {
        case .number(let value): return abs(value) < 1 << 40 ? .number(value) : nil
        case .dayOf(let operand):
            guard case .field(let path, .focus) = operand.node, path.start == .encounter, path.steps.isEmpty else {
                return nil
            }
            return path.field == .start || path.field == .time ? .startDay : path.field == .end ? .endDay : nil
        case .field(let path, .focus):
            return path.start == .encounter && path.steps.isEmpty && path.field == .day ? .startDay : nil
        case .arithmetic(let operation, let a, let b):
            guard operation != .multiply, let terms = list([a, b]) else { return nil }
            return operation == .add ? .add(terms[0], terms[1]) : .subtract(terms[0], terms[1])
        case .greatest(let operands): return list(operands).map { .greatest($0) }
        case .least(let operands): return list(operands).map { .least($0) }
        default: return nil
        }
    }
}

/// A rule of the form, with the items that are added up.
final class EncounterSumTable: @unchecked Sendable {
    let rule: Int
    let form: EncounterSumForm
    let gate: ItemGate
    let filter: EncounterFilter
    var role = 0

    init(rule: Int, form: EncounterSumForm, gate: ItemGate, filter: EncounterFilter) {
        self.rule = rule
        self.form = form
        self.gate = gate
        self.filter = filter
    }
}

/// Encounters whose sum may exceed their limit.
enum EncounterSumSieve {
    static func run(
        _ table: EncounterSumTable, _ context: SieveContext, _ lines: UnsafeBufferPointer<Int32>,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        let rows = context.rows(.encounter)
        let slot = table.form.field.map { context.rows(.line).slots[$0] }
        // A limit below zero convicts an encounter without lines too.
        var seen = context.asked.lowerBound
        var index = 0
        while index < lines.count {
            let encounter = Int(context.encounterOf[Int(lines[index])])
            var sum: Int64 = 0
            while index < lines.count, Int(context.encounterOf[Int(lines[index])]) == encounter {
                let line = Int(lines[index])
                index &+= 1
                guard table.gate.admits(context.items[line]) else { continue }
                let number = slot.map { Sieve.number($0, line) } ?? 1
                let value =
                    number == SieveContext.unknownScalar ? SumTable.ceiling : min(max(0, number), SumTable.ceiling)
                sum = min(sum &+ value, SumTable.ceiling)
            }
            offerEmpty(seen..<encounter, table, context, rows, lists)
            offer(encounter, sum, table, context, rows, lists)
            seen = encounter + 1
        }
        offerEmpty(seen..<max(seen, context.asked.upperBound), table, context, rows, lists)
    }

    private static func offerEmpty(
        _ encounters: Range<Int>, _ table: EncounterSumTable, _ context: SieveContext, _ rows: TableRows,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        if case .greatest(let terms) = table.form.limit,
            terms.contains(where: { if case .number(let value) = $0 { value >= 0 } else { false } }),
            table.form.isStrict
        {
            return
        }
        for encounter in encounters { offer(encounter, 0, table, context, rows, lists) }
    }

    private static func offer(
        _ encounter: Int, _ sum: Int64, _ table: EncounterSumTable, _ context: SieveContext, _ rows: TableRows,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        guard table.filter.admits(encounter, rows) else { return }
        let form = table.form
        if let limit = least(form.limit, encounter, context.binding, rows) {
            let (a, x) = sum.multipliedReportingOverflow(by: form.sumFactor)
            let (b, y) = limit.multipliedReportingOverflow(by: form.limitFactor)
            if !x && !y && (form.isStrict ? a <= b : a < b) { return }
        }
        lists[table.rule].append(Int32(truncatingIfNeeded: encounter))
    }

    /// The limit, when everything it needs is known. Days and constants are far from the ends of 64 bits.
    private static func least(
        _ term: EncounterSumForm.Term, _ row: Int, _ binding: Binding, _ rows: TableRows
    ) -> Int64? {
        switch term {
        case .number(let value): return value
        case .startDay:
            let slot = rows.slots[binding.startDay]
            return slot.isValid(row) ? Int64(slot.int32s[row]) : nil
        case .endDay:
            let slot = rows.slots[binding.endDay]
            return slot.isValid(row) ? Int64(slot.int32s[row]) : Int64(binding.horizonDay)
        case .add(let a, let b):
            guard let x = least(a, row, binding, rows), let y = least(b, row, binding, rows) else { return nil }
            return x &+ y
        case .subtract(let a, let b):
            guard let x = least(a, row, binding, rows), let y = least(b, row, binding, rows) else { return nil }
            return x &- y
        case .greatest(let list), .least(let list):
            var result: Int64?
            for operand in list {
                guard let value = least(operand, row, binding, rows) else { return nil }
                if case .greatest = term {
                    result = max(result ?? value, value)
                } else {
                    result = min(result ?? value, value)
                }
            }
            return result
        }
    }
}
