import Claims
import Rules

/// Sieves for rules whose unit is an encounter, or a group of encounters, of one person.
enum EncounterSieves {
    static func choose(_ number: Int, _ rule: CompiledRule, _ plan: SievePlan, _ items: ItemFacts) -> String? {
        let forms = SieveForms(rule: rule, binding: plan.binding)
        let conjuncts = (rule.filterConjuncts + rule.testConjuncts).map(\.expression)
        let focus = EncounterFilter(conjuncts, forms, plan)
        if rule.isGroup { return chooseForGroups(number, rule, forms, focus, plan) }
        for expression in conjuncts {
            guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
                let window = aggregate.window, window.table == .encounter,
                window.same.contains(where: { $0.related.isIdentity(of: .person) })
            else { continue }
            if window.same.contains(where: { $0.focus.isReferenceDay && $0.focus.isMirror(of: $0.related) }) {
                let companions = EncounterFilter(window.filter?.conjuncts ?? [], forms, plan, scope: .related)
                let column = differing(window, plan)
                plan.add(number) { SameDaySieve(number, focus, companions, column) }
                return "same day"
            }
            let related = EncounterFilter(window.filter?.conjuncts ?? [], forms, plan, scope: .related)
            let tests = PairTest.tests(of: window, plan)
            plan.add(number) { CompanionSieve(number, focus, related, tests) }
            return "companion"
        }
        for expression in conjuncts {
            guard let set = DiagnosisSet(existsIn: expression, plan.binding) else { continue }
            plan.add(number) { DiagnosedSieve(number, set, focus) }
            return "diagnosed"
        }
        for expression in conjuncts {
            guard let form = EncounterSumForm(expression), let gate = items.gate(of: form.window, rule, forms) else {
                continue
            }
            plan.add(encounterSum: number, form, gate, focus)
            return "encounter sum"
        }
        for expression in conjuncts {
            guard let form = PersonSumForm(expression) else { continue }
            let related = EncounterFilter(form.window.filter?.conjuncts ?? [], forms, plan, scope: .related)
            let gate = items.gate(of: form.window, rule, forms)
            plan.add(number) { PersonSumSieve(number, form, focus, related, gate) }
            return "person sum"
        }
        plan.add(number) { FilteredEncounters(number, focus) }
        return "encounter"
    }

    /// The column that must differ between the two encounters (`x <> this.x`), if there is such a condition.
    private static func differing(_ window: Window, _ plan: SievePlan) -> Int? {
        for condition in window.filter?.conjuncts ?? [] {
            guard case .compare(.notEqual, let left, let right) = condition.node,
                case .field(let a, let x) = left.node, case .field(let b, let y) = right.node, a == b, x != y,
                a.start == .encounter, case .stored(let field) = a.field, case .code = a.table.fields[field].kind,
                a.steps.count <= 1
            else { continue }
            return plan.context(ContextColumn(source: .path(a)))
        }
        return nil
    }

    private static func chooseForGroups(
        _ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ focus: EncounterFilter, _ plan: SievePlan
    ) -> String? {
        guard case .group(_, let keys) = rule.rule.unit,
            keys.contains(where: { $0.expression.isIdentity(of: .person) })
        else { return nil }
        let isDaily = keys.contains(where: { $0.expression.isReferenceDay })
        for conjunct in rule.testConjuncts where isDaily {
            guard let bound = SieveForms.bound(conjunct.expression), bound.aggregate.window == nil,
                case .number(let limit) = bound.limit.node, limit >= (bound.isStrict ? 1 : 2),
                bound.aggregate.function == .count || bound.aggregate.function == .countDistinct
            else { continue }
            var column: Int?
            if bound.aggregate.function == .countDistinct,
                case .field(let path, _)? = bound.aggregate.argument?.node, path.start == .encounter,
                case .stored(let field) = path.field, case .code = path.table.fields[field].kind, path.steps.count <= 1
            {
                column = plan.context(ContextColumn(source: .path(path)))
            }
            plan.add(number) { SameDaySieve(number, focus, focus, column) }
            return "same day"
        }
        guard let total = PersonTotalForm(rule) else { return nil }
        plan.add(number) { PersonTotalSieve(number, unit: rule.table, total, focus) }
        return "person total"
    }

}

extension Expression {
    /// The reference day of the focus row itself.
    var isReferenceDay: Bool {
        switch node {
        case .field(let path, .focus): path.steps.isEmpty && path.field == .day
        case .dayOf(let operand):
            if case .field(let path, .focus) = operand.node {
                path.steps.isEmpty && (path.field == .start || path.field == .time)
            } else {
                false
            }
        default: false
        }
    }
}

/// Encounters that pass the text conditions of the rule.
final class FilteredEncounters: SieveOperator {
    private let rule: Int
    private let filter: EncounterFilter

    init(_ rule: Int, _ filter: EncounterFilter) {
        self.rule = rule
        self.filter = filter
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let rows = context.rows(.encounter)
        for encounter in context.asked where filter.admits(encounter, rows) {
            lists[rule].append(Int32(truncatingIfNeeded: encounter))
        }
    }
}

/// Encounters of persons with several on one day, with different values of a column when one is asked for.
final class SameDaySieve: SieveOperator {
    private let rule: Int
    private let filter: EncounterFilter
    private let companions: EncounterFilter
    private let column: Int?

    init(_ rule: Int, _ filter: EncounterFilter, _ companions: EncounterFilter, _ column: Int?) {
        self.rule = rule
        self.filter = filter
        self.companions = companions
        self.column = column
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let rows = context.rows(.encounter)
        let days = rows.slots[context.startDay]
        for person in 0..<context.persons {
            let start = Int(context.personStarts[person])
            let end = Int(context.personStarts[person &+ 1])
            if end &- start < 2 { continue }
            var index = start
            while index < end {
                var next = index &+ 1
                guard days.isValid(index) else {
                    // Encounters of unknown day may fall on any: all of the person are looked at.
                    for encounter in start..<end { lists[rule].append(Int32(truncatingIfNeeded: encounter)) }
                    break
                }
                while next < end, days.isValid(next), days.int32s[next] == days.int32s[index] { next &+= 1 }
                if next &- index > 1 { offer(index..<next, context, rows, lists) }
                index = next
            }
        }
    }

    private func offer(
        _ encounters: Range<Int>, _ context: SieveContext, _ rows: TableRows,
        _ lists: UnsafeMutablePointer<CandidateList>
    ) {
        var count = 0
        var first = SieveContext.unknownScalar
        var differs = column == nil
        for encounter in encounters
        where filter.admits(encounter, rows) || companions.admits(encounter, rows) {
            if let column {
                let value = context.column(column)[encounter]
                if value == SieveContext.unknownScalar || count > 0 && value != first { differs = true }
                if count == 0 { first = value }
            }
            count += 1
        }
        guard count > 1, differs else { return }
        for encounter in encounters where filter.admits(encounter, rows) {
            lists[rule].append(Int32(truncatingIfNeeded: encounter))
        }
    }
}
