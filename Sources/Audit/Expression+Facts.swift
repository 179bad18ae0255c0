import Claims
import Rules

/// What can be said of an expression before any data is seen.
extension Expression {
    var scale: Int {
        if case .number(let scale) = type { return scale }
        return 0
    }

    func isIdentity(of table: Table) -> Bool {
        if case .field(let path, _) = node { return path.field == .identity && path.table == table }
        return false
    }

    /// The conjuncts of a condition, outermost first.
    var conjuncts: [Expression] {
        if case .and(let list) = node { return list.flatMap(\.conjuncts) }
        return [self]
    }

    /// Direct operands, not looking into windows.
    var operands: [Expression] {
        switch node {
        case .number, .text, .boolean, .field, .listColumn: []
        case .not(let a), .startsWith(let a, _), .isKnown(let a), .negate(let a), .absolute(let a), .dayOf(let a),
            .period(_, let a), .prefix(let a, _):
            [a]
        case .and(let list), .or(let list), .greatest(let list), .least(let list), .coalesce(let list): list
        case .compare(_, let a, let b), .arithmetic(_, let a, let b): [a, b]
        case .inList(_, _, let list): list
        case .round(let a, let b, _): b.map { [a, $0] } ?? [a]
        case .age(let a, let b), .covered(_, let a, let b): [a, b]
        case .choose(let branches, let otherwise): branches.flatMap { [$0.condition, $0.result] } + [otherwise]
        case .aggregate: []
        }
    }

    /// Whether the predicate holds for this expression or any operand, windows included.
    func contains(where predicate: (Expression) -> Bool) -> Bool {
        if predicate(self) { return true }
        if operands.contains(where: { $0.contains(where: predicate) }) { return true }
        if case .aggregate(let aggregate) = node {
            if aggregate.argument?.contains(where: predicate) == true { return true }
            if let window = aggregate.window {
                if window.filter?.contains(where: predicate) == true { return true }
                if window.same.contains(where: {
                    $0.related.contains(where: predicate) || $0.focus.contains(where: predicate)
                }) {
                    return true
                }
            }
        }
        return false
    }

    var hasAggregate: Bool {
        contains { if case .aggregate = $0.node { true } else { false } }
    }

    var usesList: Bool {
        contains { if case .listColumn = $0.node { true } else { false } }
    }

    /// Whether it reads the focus row or a matched list row.
    var readsFocus: Bool {
        contains {
            switch $0.node {
            case .field(_, .focus), .listColumn: true
            default: false
            }
        }
    }

    /// Whether an unknown value of it is still known to be at least zero.
    var isNonNegative: Bool {
        switch node {
        case .number(let value): value >= 0
        case .field(let path, _):
            if case .stored(let field) = path.field { path.table.isNonNegative(field) } else { false }
        case .arithmetic(.multiply, let a, let b), .arithmetic(.add, let a, let b): a.isNonNegative && b.isNonNegative
        case .absolute: true
        case .coalesce(let list), .least(let list): list.allSatisfy(\.isNonNegative)
        case .greatest(let list): list.contains(where: \.isNonNegative)
        case .choose(let branches, let otherwise):
            otherwise.isNonNegative && branches.allSatisfy(\.result.isNonNegative)
        default: false
        }
    }

    /// Every field path it reads, with the scope, windows included.
    var paths: [(FieldPath, RowScope)] {
        var found: [(FieldPath, RowScope)] = []
        _ = contains {
            if case .field(let path, let scope) = $0.node { found.append((path, scope)) }
            return false
        }
        return found
    }
}

extension Table {
    /// Quantities, prices, money, days and minutes: never negative once reversals are netted.
    func isNonNegative(_ field: Int) -> Bool {
        switch fields[field].kind {
        case .decimal: true
        case .integer: ["days_supply", "minutes", "beds"].contains(fields[field].name)
        default: false
        }
    }
}

extension Rule {
    /// All expressions of the rule.
    var expressions: [Expression] {
        var list = [test]
        if let filter { list.append(filter) }
        if case .group(_, let keys) = unit { list += keys.map(\.expression) }
        for match in lists { list += match.on.map(\.expression) }
        if case .expression(let amount) = amount { list.append(amount) }
        return list
    }

    /// For windows on other tables: the expression of their rows that must equal the partition key.
    func relatedKeys(of key: Expression) -> [(Table, Expression)] {
        var found: [(Table, Expression)] = []
        for expression in expressions {
            _ = expression.contains {
                if case .aggregate(let aggregate) = $0.node, let window = aggregate.window,
                    let same = window.same.first(where: { $0.focus.isSame(as: key) })
                {
                    found.append((window.table, same.related))
                }
                return false
            }
        }
        return found
    }
}

extension Expression {
    /// Tables of the windows it looks into.
    var windowTables: [Table] {
        var found: [Table] = []
        _ = contains {
            if case .aggregate(let aggregate) = $0.node, let window = aggregate.window { found.append(window.table) }
            return false
        }
        return found
    }
}
