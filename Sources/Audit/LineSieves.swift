import Claims
import Rules

/// Sieves for line rules that no item gates.
enum LineSieves {
    static func choose(_ number: Int, _ rule: CompiledRule, _ forms: SieveForms, _ plan: SievePlan) -> String? {
        let conjuncts = (rule.filterConjuncts + rule.testConjuncts).map(\.expression)
        let condition = EncounterFilter(conjuncts, forms, plan)
        for expression in conjuncts {
            if let form = StayForm(expression, forms) {
                plan.add(number) { StaySieve(number, form, condition, plan) }
                return "stay"
            }
            if let form = DuplicateForm(expression) {
                plan.add(number) { DuplicateSieve(number, form) }
                return "duplicate"
            }
        }
        if let zone = ZoneTest(conjuncts, forms, plan) {
            plan.add(number) { ZoneSieve(number, zone, condition) }
            return "zone"
        }
        for expression in conjuncts {
            if let form = CoverForm(expression, conjuncts) {
                plan.add(number) { CoverSieve(number, form) }
                return "cover"
            }
        }
        for expression in conjuncts {
            if let vector = VectorTest(expression) {
                let known = VectorTest.knownFields(conjuncts)
                plan.add(number) { VectorSieve(number, vector, condition, known) }
                return "vector"
            }
        }
        if !rule.isGroup {
            for expression in conjuncts {
                if let form = BesideForm(expression, .line, plan.binding) {
                    plan.add(number) { BesideSieve(number, unit: rule.table, form, condition) }
                    return "beside"
                }
            }
        }
        if let total = PersonTotalForm(rule) {
            plan.add(number) { PersonTotalSieve(number, unit: rule.table, total, condition) }
            return "person total"
        }
        let filters = EncounterFilter(rule.filterConjuncts.map(\.expression), forms, plan)
        plan.add(number) { FilteredRows(number, unit: rule.table, filters) }
        return "filtered"
    }
}

/// Every row of a table: the honest general path.
final class EveryRow: SieveOperator {
    private let rule: Int
    private let table: Int

    init(_ rule: Int, _ table: Int) {
        self.rule = rule
        self.table = table
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        lists[rule].append(all: 0..<context.tables[table].rows)
    }
}
