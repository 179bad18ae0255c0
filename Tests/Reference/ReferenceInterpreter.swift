import Claims
import Rules

/// The meaning of the rule language, as slowly and as plainly as it can be said.
///
/// It shares nothing with the engine but the checked plan. Every row is looked at under every rule, every window is a
/// loop over the rows of its table, and all arithmetic is on exact intervals. Tests hold the engine to its answers.
package struct ReferenceInterpreter {
    private let plan: Plan
    private let claims: NettedClaims
    private let evidenceMost: Int

    /// `evidenceMost`: how many rows of an `EXISTS` about one person stand beside a row.
    package init(plan: Plan, data: ReferenceData, evidenceMost: Int = 20) {
        self.plan = plan
        self.evidenceMost = evidenceMost
        claims = NettedClaims(data)
    }

    /// Negative lines that could be taken off nothing, by identifier.
    package var orphans: [String] { claims.orphans }

    /// All findings, ordered by rule and key.
    package func findings(includingUndetermined: Bool = true) -> [ReferenceFinding] {
        plan.rules.flatMap { rule -> [ReferenceFinding] in
            findings(of: rule).filter { includingUndetermined || $0.outcome != .undetermined }
        }
        .sorted { a, b in
            a.rule == b.rule
                ? a.key.utf8.lexicographicallyPrecedes(b.key.utf8) : a.rule.utf8.lexicographicallyPrecedes(b.rule.utf8)
        }
    }

    package func findings(of rule: Rule) -> [ReferenceFinding] {
        if claims.absent.contains(rule.unit.table) { return [] }
        let judge = Judge(
            evaluator: Evaluator(claims: claims, lists: plan.lists, rule: rule), evidenceMost: evidenceMost)
        switch rule.unit {
        case .row(let table): return RowUnits(judge: judge, table: table).findings()
        case .group(let table, let keys): return GroupUnits(judge: judge, table: table, keys: keys).findings()
        }
    }

    /// Why the rule flags the row or does not; nil when rule or row is unknown or the rule looks at groups.
    package func explain(row id: String, rule ruleID: String) -> ReferenceExplanation? {
        guard let rule = plan.rules.first(where: { $0.id == ruleID }), case .row(let table) = rule.unit,
            let index = claims.participants[table]?.first(where: {
                claims.identifier(of: RowReference(table: table, index: $0)) == id
            })
        else { return nil }
        let judge = Judge(
            evaluator: Evaluator(claims: claims, lists: plan.lists, rule: rule), evidenceMost: evidenceMost)
        let units = RowUnits(judge: judge, table: table)
        let judgements = units.judgements(of: RowReference(table: table, index: index))
        let attempts = judgements.map { judgement in
            ReferenceExplanation.Attempt(
                listRows: judge.listRows(judgement), filter: judgement.filter, test: judgement.test,
                value: judge.text(judgement.value, as: rule.value?.type),
                limit: judge.text(judgement.limit, as: rule.limit?.type), cause: judgement.cause)
        }
        let outcome: Outcome =
            judgements.contains { $0.answer == .yes }
            ? rule.outcome : (judgements.contains { $0.answer == .open } ? .undetermined : .clear)
        return ReferenceExplanation(outcome: outcome, attempts: attempts)
    }
}

extension Judge {
    var claims: NettedClaims { evaluator.claims }

    /// Line numbers of the list rows of a combination, in the order of the rule's lists.
    func listRows(_ judgement: Judgement) -> [Int32?] {
        zip(rule.lists, judgement.scene.matches).map { join, match in
            guard case .row(let row) = match, let list = evaluator.lists[join.list] else { return nil }
            return list.lineNumbers.indices.contains(row) ? list.lineNumbers[row] : Int32(clamping: row)
        }
    }

    /// The exact value as text; nil when it is not known exactly.
    func text(_ value: Value?, as type: ValueType?) -> String? {
        guard let value, let type else { return nil }
        switch (value.content, type) {
        case (.number(let interval), .number(let scale)): return interval.exact.map { Exact.text($0, scale: scale) }
        case (.number(let interval), .day):
            return interval.exact.flatMap { Int32(exactly: $0) }.map { Day(number: $0).description }
        case (.number(let interval), .moment): return interval.exact.flatMap(KeyText.moment)
        case (.number(let interval), _): return interval.exact.map { Exact.text($0, scale: 0) }
        case (.truth(let truth), _): return truth.map { "\($0)" }
        default: return evaluator.name(of: value)
        }
    }

    /// The judgement that speaks for a unit: the first that convicts, else the first that is open.
    func decisive(_ judgements: [Judgement]) -> Judgement? {
        judgements.first { $0.answer == .yes } ?? judgements.first { $0.answer == .open }
    }

    /// Members and possible members of the deciding windows of all judgements that count.
    func involved(_ judgements: [Judgement], answer: Judgement.Answer) -> Set<RowReference> {
        var rows: Set<RowReference> = []
        for judgement in judgements where judgement.answer == answer {
            for aggregate in decidingAggregates(judgement) {
                let found = evaluator.rows(of: aggregate, in: judgement.scene)
                let all = found.certain + found.possible.map(\.row)
                rows.formUnion(isBounded(aggregate) ? Array(inPlace(all).prefix(evidenceMost)) : all)
            }
        }
        return rows
    }

    /// Beside a row of its own, the first rows of an `EXISTS` about one person prove it.
    private func isBounded(_ aggregate: Aggregate) -> Bool {
        guard aggregate.function == .exists, let window = aggregate.window, case .row = rule.unit,
            !rule.test.aggregates.contains(where: \.isTotal)
        else { return false }
        return window.same.contains { same in
            [same.focus, same.related].allSatisfy { $0.type == .identity(.person) || $0.type == .identity(.encounter) }
        }
    }

    func identifiers(_ rows: some Sequence<RowReference>) -> [String] {
        let order = Table.allCases
        return rows.sorted { a, b in
            a.table == b.table
                ? a.index < b.index : (order.firstIndex(of: a.table) ?? 0) < (order.firstIndex(of: b.table) ?? 0)
        }
        .map(claims.identifier(of:))
    }

    /// The person of the rows, when they all belong to the same one; a scan names its person itself.
    func person(_ rows: [RowReference]) -> String? {
        let persons = Set(
            rows.map { row in
                row.table == .scan
                    ? claims.text("person", of: row) : claims.person(of: row).map(claims.identifier(of:))
            })
        return persons.count == 1 ? persons.first ?? nil : nil
    }

    /// Rows in the order in which findings list them: timelines by person and encounter, the others by time.
    func inPlace(_ rows: [RowReference]) -> [RowReference] {
        func place(_ row: RowReference) -> [Int] {
            let encounter = row.table == .encounter ? row : claims.reference(.encounter, of: row)
            let person = claims.person(of: row).map { Array(claims.identifier(of: $0).utf8).map(Int.init) } ?? []
            return person + [-1, encounter?.index ?? 0, row.index]
        }
        return rows.sorted { place($0).lexicographicallyPrecedes(place($1)) }
    }

    func finding(
        _ judgement: Judgement, outcome: Outcome, unit: String, key: String, violating: [RowReference],
        involved: Set<RowReference>
    ) -> ReferenceFinding {
        let first = listRows(judgement).indices.first
        let evidence = involved.subtracting(violating)
        return ReferenceFinding(
            rule: rule.id, outcome: outcome, unit: unit, key: key,
            person: person(
                violating.isEmpty ? judgement.scene.members?.possible.map(\.row) ?? [] : violating),
            violating: identifiers(violating), involved: identifiers(evidence),
            involvedRows: evidence.map { "\($0.table.rawValue):\(claims.identifier(of: $0))" }.sorted(),
            value: text(judgement.value, as: rule.value?.type), limit: text(judgement.limit, as: rule.limit?.type),
            list: rule.lists.first?.list, listRow: first.flatMap { listRows(judgement)[$0] },
            cause: outcome == .undetermined ? judgement.cause ?? "unknown" : nil)
    }
}
