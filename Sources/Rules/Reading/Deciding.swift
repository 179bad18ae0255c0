/// Finds the comparison that decides a test, whose sides are shown as value and limit (判定值与限值).
///
/// The first comparison with an aggregate; else the first of numbers or days that uses a column of a list; else the
/// first of numbers. The side with the aggregate, or the field, is the value; the other is the limit.
enum Deciding {
    static func comparison(in test: Expression) -> (value: Expression, limit: Expression)? {
        var comparisons: [(left: Expression, right: Expression)] = []
        collect(test, into: &comparisons)
        if let (left, right) = comparisons.first(where: { folds($0.left) || folds($0.right) }) {
            return folds(left) ? (left, right) : (right, left)
        }
        let measured = comparisons.filter { $0.left.type.isNumber || $0.left.type == .day }
        if let (left, right) = measured.first(where: { usesList($0.left) || usesList($0.right) }) {
            return usesList(left) && !usesList(right) ? (right, left) : (left, right)
        }
        guard let (left, right) = comparisons.first(where: { $0.left.type.isNumber }) else { return nil }
        return readsField(left) || !readsField(right) ? (left, right) : (right, left)
    }

    /// Comparisons in the order in which they are evaluated; those inside windows are not the test's own.
    private static func collect(_ expression: Expression, into found: inout [(left: Expression, right: Expression)]) {
        switch expression.node {
        case .compare(_, let left, let right): found.append((left, right))
        case .aggregate: return
        default: for part in Derivation.parts(of: expression) { collect(part, into: &found) }
        }
    }

    /// Whether a number, day or moment comes out of related rows; EXISTS has no value to show.
    private static func folds(_ expression: Expression) -> Bool {
        Derivation.contains(expression) { part in
            if case .aggregate(let aggregate) = part.node { aggregate.function != .exists } else { false }
        }
    }

    private static func usesList(_ expression: Expression) -> Bool {
        Derivation.contains(expression) { if case .listColumn = $0.node { true } else { false } }
    }

    private static func readsField(_ expression: Expression) -> Bool {
        Derivation.contains(expression) { if case .field = $0.node { true } else { false } }
    }
}

/// Evaluates what depends on no data, to warn of tests that always or never hold.
enum ConstantTruth {
    static func of(_ expression: Expression) -> Bool? {
        switch expression.node {
        case .boolean(let flag): return flag
        case .not(let inner): return of(inner).map { !$0 }
        case .and(let terms):
            let truths = terms.map(of)
            if truths.contains(false) { return false }
            return truths.allSatisfy { $0 == true } ? true : nil
        case .or(let terms):
            let truths = terms.map(of)
            if truths.contains(true) { return true }
            return truths.allSatisfy { $0 == false } ? false : nil
        case .isKnown(let inner): return inner.isConstant ? true : nil
        case .compare(let comparison, let a, let b): return compare(comparison, a, b)
        case .startsWith(let inner, let prefix):
            if case .text(let text) = inner.node { return text.hasPrefix(prefix) }
            return nil
        default: return nil
        }
    }

    private static func compare(_ comparison: Comparison, _ a: Expression, _ b: Expression) -> Bool? {
        let order: Int
        switch (a.node, b.node) {
        case (.number(let x), .number(let y)):
            let scale = max(a.type.scale ?? 0, b.type.scale ?? 0)
            let left = scaled(x, by: scale - (a.type.scale ?? 0))
            let right = scaled(y, by: scale - (b.type.scale ?? 0))
            order = left < right ? -1 : left > right ? 1 : 0
        case (.text(let x), .text(let y)): order = x == y ? 0 : 1
        case (.boolean(let x), .boolean(let y)): order = x == y ? 0 : 1
        case (.field, .field):
            // A field compared with itself is equal, or unknown.
            guard ExpressionText.same(a, b), comparison == .less || comparison == .greater || comparison == .notEqual
            else { return nil }
            return false
        default: return nil
        }
        return switch comparison {
        case .equal: order == 0
        case .notEqual: order != 0
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .greater: order > 0
        case .greaterOrEqual: order >= 0
        }
    }

    private static func scaled(_ mantissa: Int64, by digits: Int) -> Int128 {
        var result = Int128(mantissa)
        for _ in 0..<max(0, min(digits, 18)) { result *= 10 }
        return result
    }
}
