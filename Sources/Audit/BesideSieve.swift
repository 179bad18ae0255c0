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

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let own = context.tables[unit]
        let encounters = context.rows(.encounter)
        let starts = context.rows(form.table).starts
        let isUnknown = starts == nil || context.binding.isAbsent[form.table.position]
        if unit != context.binding.encounterTable, own.starts == nil { return lists[rule].append(all: 0..<own.rows) }
        for encounter in context.asked {
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

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let own = context.tables[unit]
        guard let starts = own.starts else { return lists[rule].append(all: 0..<own.rows) }
        let encounters = context.rows(.encounter)
        for encounter in context.asked where starts[encounter] < starts[encounter &+ 1] {
            guard focus.admits(encounter, encounters) else { continue }
            lists[rule].append(all: Int(starts[encounter])..<Int(starts[encounter &+ 1]))
        }
    }
}
