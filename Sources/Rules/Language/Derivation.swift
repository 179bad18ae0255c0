import Claims

/// Which fields an expression reads, and whether a group's keys determine it.
package enum Derivation {
    /// Calls `visit` with every part of the expression until it says not to go deeper.
    package static func walk(_ expression: Expression, _ visit: (Expression) -> Bool) {
        guard visit(expression) else { return }
        for part in parts(of: expression) { walk(part, visit) }
    }

    /// The direct parts, in the order of evaluation; those of an aggregate's window included.
    package static func parts(of expression: Expression) -> [Expression] {
        switch expression.node {
        case .number, .text, .boolean, .field, .listColumn: []
        case .not(let inner), .startsWith(let inner, _), .isKnown(let inner), .negate(let inner),
            .absolute(let inner), .dayOf(let inner), .period(_, let inner), .prefix(let inner, _):
            [inner]
        case .and(let terms), .or(let terms), .greatest(let terms), .least(let terms), .coalesce(let terms): terms
        case .compare(_, let a, let b), .arithmetic(_, let a, let b): [a, b]
        case .inList(_, _, let arguments): arguments
        case .round(let above, let below, _): [above] + (below.map { [$0] } ?? [])
        case .age(let birth, let day): [birth, day]
        case .choose(let branches, let otherwise): branches.flatMap { [$0.condition, $0.result] } + [otherwise]
        case .covered(_, let key, let day): [key, day]
        case .aggregate(let aggregate):
            (aggregate.window?.same.flatMap { [$0.related, $0.focus] } ?? [])
                + (aggregate.window?.filter.map { [$0] } ?? []) + (aggregate.argument.map { [$0] } ?? [])
        }
    }

    package static func fields(of expression: Expression, _ scope: RowScope) -> [FieldPath] {
        var found: [FieldPath] = []
        walk(expression) { part in
            if case .field(let path, scope) = part.node { found.append(path) }
            return true
        }
        return found
    }

    package static func contains(_ expression: Expression, where test: (Expression) -> Bool) -> Bool {
        var found = false
        walk(expression) { part in
            if !found, test(part) { found = true }
            return !found
        }
        return found
    }

    /// The first part that reads the focus row and does not follow from the keys.
    static func firstFree(_ expression: Expression, keys: [Rule.Key]) -> Expression? {
        var free: Expression?
        walk(expression) { part in
            guard free == nil else { return false }
            if keys.contains(where: { ExpressionText.same($0.expression, part) }) { return false }
            if case .aggregate(let aggregate) = part.node, let range = aggregate.window?.range,
                !determines(range, start: part, keys: keys)
            {
                free = part
                return false
            }
            guard case .field(let path, .focus) = part.node else { return true }
            if !keys.contains(where: { determines($0.expression, path) }) { free = part }
            return true
        }
        return free
    }

    /// Whether rows that agree in the key agree in the field: the key is a row or a code that the path walks through.
    private static func determines(_ key: Expression, _ path: FieldPath) -> Bool {
        guard case .field(let reached, _) = key.node else { return false }
        if reached == path { return true }
        let through: [Table]
        switch reached.field {
        case .identity: through = reached.steps
        case .stored(let index):
            guard reached.table.fields.indices.contains(index),
                case .code(let system) = reached.table.fields[index].kind,
                let master = Table(rawValue: system.rawValue), master.role == .master
            else { return false }
            through = reached.steps + [master]
        case .time, .start, .end, .day: return false
        }
        return !through.isEmpty && path.steps.starts(with: through)
    }

    /// A range counts from the focus row's day or moment: it must be a key.
    private static func determines(_ range: Window.Range, start: Expression, keys: [Rule.Key]) -> Bool {
        keys.contains { key in
            guard case .field(let path, _) = key.expression.node else { return false }
            switch (path.field, range) {
            case (.day, .days), (.day, .run), (.time, _): return path.steps.isEmpty || path.start == .diagnosis
            case (.identity, _):
                return path.table == path.start || (path.start == .diagnosis && path.table == .encounter)
            default: return false
            }
        }
    }
}
