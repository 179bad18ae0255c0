import Claims
import Knowledge
import Rules

/// Rules that can never speak: because a list is empty, days do not meet, or conditions exclude each other.
extension LawCheck {
    mutating func checkCanFire(_ rule: Rule) {
        for match in rule.lists {
            guard let list = plan.lists[match.list] else { continue }
            if list.rowCount == 0, list.awaitsAreas {
                continue
            } else if list.rowCount == 0 {
                note(
                    "LAW007", (rule.file, 0), "the rule \(rule.id) never speaks: its list `\(list.id)` is empty",
                    advice: "fill the list, or retire the rule")
            } else if !list.from.isEmpty {
                let view = ListView(list)
                let days = span(rule)
                if !(0..<list.rowCount).contains(where: { view.span($0).overlaps(days) }) {
                    note(
                        "LAW007", (rule.file, 0),
                        "the rule \(rule.id) never speaks: no row of `\(list.id)` holds on a day of the rule",
                        advice: "look at `from` and `to` of both")
                }
            }
        }
        var conjuncts = [rule.filter, Optional(rule.test)].compactMap { $0 }.flatMap(Self.conjuncts)
        conjuncts = conjuncts.filter {
            !Derivation.contains($0) { if case .aggregate = $0.node { true } else { false } }
        }
        checkConditions(conjuncts, of: rule)
        checkMemberships(conjuncts, of: rule)
    }

    private static func conjuncts(_ expression: Expression) -> [Expression] {
        if case .and(let terms) = expression.node { return terms.flatMap(conjuncts) }
        return [expression]
    }

    /// What a condition leaves of a field's values.
    private struct Domain {
        var texts: Set<String>?
        var least: (value: Int64, expression: Expression)?
        var most: (value: Int64, expression: Expression)?
    }

    private mutating func checkConditions(_ conjuncts: [Expression], of rule: Rule) {
        var domains: [FieldPath: Domain] = [:]
        for condition in conjuncts {
            guard let (path, texts) = Self.texts(condition) else {
                if let bound = Self.bound(condition) {
                    narrow(&domains, bound, condition, rule)
                }
                continue
            }
            var domain = domains[path] ?? Domain()
            let left = domain.texts.map { $0.intersection(texts) } ?? texts
            if left.isEmpty, domain.texts?.isEmpty == false {
                note(
                    "LAW007", (condition.position.file, condition.position.line),
                    "the rule \(rule.id) never speaks: `\(ExpressionText.text(condition))` excludes what is asked before",
                    advice: "write OR, or delete one of the conditions")
            }
            domain.texts = left
            domains[path] = domain
        }
    }

    private mutating func narrow(
        _ domains: inout [FieldPath: Domain], _ bound: (path: FieldPath, least: Int64?, most: Int64?),
        _ condition: Expression, _ rule: Rule
    ) {
        var domain = domains[bound.path] ?? Domain()
        if let least = bound.least, domain.least.map({ $0.value < least }) ?? true { domain.least = (least, condition) }
        if let most = bound.most, domain.most.map({ $0.value > most }) ?? true { domain.most = (most, condition) }
        if let least = domain.least, let most = domain.most, least.value > most.value {
            note(
                "LAW007", (condition.position.file, condition.position.line),
                "the rule \(rule.id) never speaks: `\(ExpressionText.text(least.expression))` and "
                    + "`\(ExpressionText.text(most.expression))` exclude each other",
                advice: "look at the signs")
        }
        domains[bound.path] = domain
    }

    /// `field = 'A'`, or an OR of such on one field.
    private static func texts(_ condition: Expression) -> (FieldPath, Set<String>)? {
        switch condition.node {
        case .compare(.equal, let a, let b):
            for (left, right) in [(a, b), (b, a)] {
                if case .field(let path, .focus) = left.node, case .text(let text) = right.node {
                    return (path, [text])
                }
            }
            return nil
        case .or(let terms):
            let parts = terms.compactMap(texts)
            guard parts.count == terms.count, let path = parts.first?.0, parts.allSatisfy({ $0.0 == path }) else {
                return nil
            }
            return (path, parts.reduce(into: []) { $0.formUnion($1.1) })
        default: return nil
        }
    }

    /// `field > 5` and its like on whole units of the field's own scale; strict signs move by one unit.
    private static func bound(_ condition: Expression) -> (path: FieldPath, least: Int64?, most: Int64?)? {
        guard case .compare(let sign, let a, let b) = condition.node, case .field(let path, .focus) = a.node,
            case .number(let literal) = b.node, a.type != .moment
        else { return nil }
        let own = a.type.decimals ?? 0
        let other = b.type.decimals ?? 0
        guard other <= own, own - other <= 12 else { return nil }
        let (value, overflow) = literal.multipliedReportingOverflow(
            by: (0..<(own - other)).reduce(Int64(1)) { value, _ in value * 10 })
        guard !overflow, abs(value) < .max / 2 else { return nil }
        switch sign {
        case .greater: return (path, value + 1, nil)
        case .greaterOrEqual: return (path, value, nil)
        case .less: return (path, nil, value - 1)
        case .lessOrEqual: return (path, nil, value)
        case .equal: return (path, value, value)
        case .notEqual: return nil
        }
    }

    /// A code that must stand in two lists which have none in common.
    private mutating func checkMemberships(_ conjuncts: [Expression], of rule: Rule) {
        var sets: [(name: String, path: String, codes: Set<String>)] = []
        func add(_ list: String, _ column: Int, _ expression: Expression) {
            guard let found = plan.lists[list], case .code = found.columns[column].kind else { return }
            sets.append((list, ExpressionText.text(expression), Set(found.columns[column].texts.strings)))
        }
        for match in rule.lists { for part in match.on { add(match.list, part.column, part.expression) } }
        for condition in conjuncts {
            if case .inList(let list, let columns, let arguments) = condition.node, arguments.count == 1,
                let column = columns.first
            {
                add(list, column, arguments[0])
            }
        }
        for (index, a) in sets.enumerated() {
            for b in sets.dropFirst(index + 1) where a.path == b.path && a.name != b.name {
                guard !a.codes.isEmpty, !b.codes.isEmpty, a.codes.isDisjoint(with: b.codes) else { continue }
                note(
                    "LAW007", (rule.file, 0),
                    "the rule \(rule.id) never speaks: no code stands in both `\(a.name)` and `\(b.name)`",
                    advice: "look whether the lists write codes in one way")
            }
        }
    }

    // MARK: Cost

    mutating func checkCost(_ rule: Rule) {
        let cost = RuleCost(rule, lists: plan.lists)
        for stage in StageBudget.stages {
            guard rule.disposition[stage] != nil, let most = budget.rows[stage] else { continue }
            if cost.rows > most {
                note(
                    "LAW008", (rule.file, 0),
                    "the rule \(rule.id) may look at \(cost.rows) rows for one finding, more than the \(most) of the stage `\(stage)`: "
                        + cost.explanation,
                    advice: "narrow the window, add a key, or take the stage out of its disposition")
            }
        }
    }
}
