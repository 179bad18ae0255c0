import Claims
import Rules

/// What an expression can come to when some tables or fields were not delivered (缺表缺字段).
///
/// It may say that a condition could be true when it could not; never the other way round.
struct Reach {
    /// Whether a table, and the field of it, is in the dataset.
    let isThere: (Table, Int?) -> Bool

    /// Why a rule cannot run; nil when it can.
    ///
    /// A table or field that nobody delivered is unknown. A rule that could convict all the same runs; one that could
    /// not would only leave every unit open, and names what is missing instead.
    func reasonNotToRun(_ rule: CompiledRule) -> String? {
        if case .none = rule.partition { return "its keys have nothing in common by which rows could be divided" }
        let unit = rule.rule.unit.table
        guard isThere(unit, nil) else { return "no table \(unit.rawValue)" }
        let conditions = (rule.rule.filter.map { [$0] } ?? []) + [rule.rule.test]
        let joins = rule.rule.lists.flatMap(\.on).map(\.expression)
        var keys: [Expression] = []
        if case .group(_, let list) = rule.rule.unit { keys = list.map(\.expression) }
        if conditions.allSatisfy({ canBeTrue($0) }), (joins + keys).allSatisfy({ canBeKnown($0) }) { return nil }
        for expression in conditions + joins + keys {
            if let name = missing(in: expression) { return name }
        }
        return nil
    }

    func canBeTrue(_ expression: Expression) -> Bool { truth(expression, true) }

    private func truth(_ expression: Expression, _ wanted: Bool) -> Bool {
        switch expression.node {
        case .not(let operand): return truth(operand, !wanted)
        case .and(let list):
            return wanted ? list.allSatisfy { truth($0, true) } : list.contains { truth($0, false) }
        case .or(let list):
            return wanted ? list.contains { truth($0, true) } : list.allSatisfy { truth($0, false) }
        case .compare(_, let left, let right): return canBeBounded(left) && canBeBounded(right)
        case .isKnown: return true
        default: return canBeKnown(expression)
        }
    }

    /// Whether a comparison with it can be decided: an unknown count, or quantity, is still at least zero.
    private func canBeBounded(_ expression: Expression) -> Bool {
        canBeKnown(expression) || expression.isNonNegative || expression.isCount
            || expression.operands.contains {
                $0.isNonNegative || $0.isCount
            }
    }

    func canBeKnown(_ expression: Expression) -> Bool {
        switch expression.node {
        case .field(let path, _): return isThere(path)
        case .coalesce(let list): return list.contains(where: canBeKnown)
        case .and, .or, .not, .compare: return truth(expression, true) || truth(expression, false)
        case .inList(_, _, let list): return list.contains(where: canBeKnown)
        case .choose: return true
        case .covered(let table, let key, let day):
            return isThere(table, nil) && canBeKnown(key) && canBeKnown(day)
        case .aggregate(let aggregate):
            guard let window = aggregate.window else { return true }
            // With nothing known of a key there may still be rows that surely do not share another.
            return isThere(window.table, nil)
        default: return expression.operands.allSatisfy(canBeKnown)
        }
    }

    private func isThere(_ path: FieldPath) -> Bool {
        var tables = [path.start] + path.steps
        let last = tables.removeLast()
        guard tables.allSatisfy({ isThere($0, nil) }) else { return false }
        if case .stored(let field) = path.field { return isThere(last, field) }
        return isThere(last, nil) || last.role == .master
    }

    /// The first table or field, in the order of the text, that is not there.
    func missing(in expression: Expression) -> String? {
        for table in expression.windowTables where !isThere(table, nil) { return "no table \(table.rawValue)" }
        for (path, _) in expression.paths where !isThere(path) {
            for table in [path.start] + path.steps where !isThere(table, nil) { return "no table \(table.rawValue)" }
            if case .stored(let field) = path.field {
                return "no field \(path.table.rawValue).\(path.table.fields[field].name)"
            }
        }
        var found: String?
        _ = expression.contains {
            if case .covered(let table, _, _) = $0.node, !isThere(table, nil) { found = "no table \(table.rawValue)" }
            return found != nil
        }
        return found
    }
}

extension Expression {
    fileprivate var isCount: Bool {
        if case .aggregate(let aggregate) = node {
            return aggregate.function == .count || aggregate.function == .countDistinct
        }
        return false
    }
}
