import Claims
import Rules

/// A list that a rule is joined with, as it is asked for every row: no references inside.
struct JoinPlan {
    let index: ListIndex
    /// The code that is looked up, where the list is matched by one code column alone and applies everywhere and always.
    let node: Int32
    let isExact: Bool

    init(_ match: CompiledRule.Match) {
        index = match.index
        node = match.columns.first?.node ?? -1
        isExact = match.isExact
    }
}

/// The row matched in each list of a rule; -1: one that is only possible, or none. A rule with one list needs no memory
/// for it.
struct MatchedRows {
    /// Of the first list.
    private(set) var first: Int32 = -1
    private var others: [Int32] = []

    /// Of so many lists none is matched yet.
    init(lists: Int = 0) { if lists > 1 { others = Array(repeating: -1, count: lists - 1) } }

    @inline(__always) subscript(list: Int) -> Int32 {
        get { list == 0 ? first : others[list &- 1] }
        set { if list == 0 { first = newValue } else { others[list &- 1] = newValue } }
    }
}

/// Which list rows belong to a focus row (清单匹配).
extension RuleRun {
    /// Sets the evaluator's matched list rows to every combination that may belong to the row, in list order.
    ///
    /// Rows that may match but are not known to are taken together as one more: of it no column is known.
    func forEachMatch(_ rule: CompiledRule, _ row: Int, _ body: (Value) -> Void) {
        forEachMatch(rule, row, 0, .yes, body)
    }

    private func forEachMatch(_ rule: CompiledRule, _ row: Int, _ number: Int, _ truth: Value, _ body: (Value) -> Void)
    {
        guard number < rule.matches.count else { return body(truth) }
        let cause = evaluator.firstUnknown
        let plan = joins[Int(joinStarts[rule.number]) &+ number]
        if plan.isExact, let code = evaluator.knownCode(plan.node, row) {
            plan.index.forEach(code) { listRow in
                evaluator.matchRows[number] = listRow
                evaluator.firstUnknown = cause
                forEachMatch(rule, row, number + 1, truth, body)
                return true
            }
            return
        }
        let (certain, hasPossible) = matches(rule.matches[number], row)
        let open = evaluator.firstUnknown
        for listRow in certain {
            evaluator.matchRows[number] = listRow
            evaluator.firstUnknown = cause
            forEachMatch(rule, row, number + 1, truth, body)
        }
        guard hasPossible else { return }
        evaluator.matchRows[number] = -1
        evaluator.firstUnknown = open
        forEachMatch(rule, row, number + 1, Evaluator.and(truth, .maybe), body)
    }

    private func matches(_ match: CompiledRule.Match, _ row: Int) -> (certain: [Int32], hasPossible: Bool) {
        let list = binding.knowledge.lists[match.list]
        let values = match.columns.map { evaluator.evaluate($0.node, row) }
        let isFound = match.index.isIndexed && values[match.lead].isKnown
        var certain: [Int32] = []
        var possible: [Int32] = []
        let test: (Int32) -> Bool = { candidate in
            var truth = Value.yes
            for (index, condition) in match.columns.enumerated() where index != match.lead || !isFound {
                truth = Evaluator.and(truth, list.matches(Int(candidate), condition.column, values[index]))
                if truth.isFalse { return true }
            }
            truth = Evaluator.and(truth, self.evaluator.applies(list, Int(candidate), row))
            if truth.isTrue { certain.append(candidate) } else if !truth.isFalse { possible.append(candidate) }
            return true
        }
        if isFound {
            match.index.forEach(Int32(truncatingIfNeeded: values[match.lead].lo), test)
        } else {
            for candidate in 0..<Int32(list.rowCount) { _ = test(candidate) }
        }
        return (list.mostSpecific(certain, besides: possible), !possible.isEmpty)
    }
}
