import Claims
import Rules

/// Recognises the forms of conditions that sieves can use. Every answer is a *necessary* condition for a unit not to be
/// clear; what is not recognised is simply not used.
struct SieveForms {
    let rule: CompiledRule
    let binding: Binding

    static let itemPath = FieldPath(start: .line, steps: [], field: .stored(Table.line.index(of: "item") ?? 0))

    /// Depends on nothing but the item of the line (and list rows matched by the item).
    func isItemOnly(_ expression: Expression, _ scope: RowScope) -> Bool {
        switch expression.node {
        case .aggregate, .covered: return false
        case .field(let path, let own):
            return own == scope && path.start == .line
                && (path == Self.itemPath || path.steps == [.item])
        case .listColumn: return false
        case .inList(let list, _, let arguments):
            let bound = binding.knowledge.lists[binding.knowledge.number(of: list)]
            return bound.isPlain && arguments.allSatisfy { isItemOnly($0, scope) }
        default: return expression.operands.allSatisfy { isItemOnly($0, scope) }
        }
    }

    /// The list match that is looked up by `column = item`; its other conditions only leave fewer rows.
    var itemMatch: Int? {
        rule.rule.lists.indices.first { number in
            let match = rule.rule.lists[number]
            let list = binding.knowledge.lists[binding.knowledge.number(of: match.list)]
            return match.on.contains { on in
                isItem(on.expression, .focus) && list.columns[on.column].isCode
                    && rule.matches[number].index.column == on.column
            }
        }
    }

    func isItem(_ expression: Expression, _ scope: RowScope) -> Bool {
        if case .field(let path, let own) = expression.node { return own == scope && path == Self.itemPath }
        return false
    }

    /// Truth of a condition that reads one text field only, for one value of it; nil when it reads anything else.
    static func truth(of expression: Expression, field: FieldPath, scope: RowScope, is code: String?) -> Value? {
        switch expression.node {
        case .not(let operand):
            return truth(of: operand, field: field, scope: scope, is: code).map { .not($0) }
        case .and(let list):
            var result = Value.yes
            for operand in list {
                guard let value = truth(of: operand, field: field, scope: scope, is: code) else { return nil }
                result = Evaluator.and(result, value)
            }
            return result
        case .or(let list):
            var result = Value.no
            for operand in list {
                guard let value = truth(of: operand, field: field, scope: scope, is: code) else { return nil }
                result = .not(Evaluator.and(.not(result), .not(value)))
            }
            return result
        case .compare(let comparison, let left, let right):
            guard comparison == .equal || comparison == .notEqual else { return nil }
            for (side, other) in [(left, right), (right, left)] {
                if case .field(let path, let own) = side.node, path == field, own == scope,
                    case .text(let text) = other.node
                {
                    guard let code else { return .maybe }
                    return .truth((code == text) == (comparison == .equal))
                }
            }
            return nil
        case .startsWith(let operand, let prefix):
            guard case .field(let path, let own) = operand.node, path == field, own == scope else { return nil }
            return code.map { .truth($0.utf8.starts(with: prefix.utf8)) } ?? .maybe
        default: return nil
        }
    }

    /// The only text field of a condition on the focus (or related) row's encounter, if `truth` understands it all.
    func encounterField(_ expression: Expression, _ scope: RowScope) -> FieldPath? {
        guard !expression.hasAggregate, !expression.usesList else { return nil }
        let paths = expression.paths
        guard let first = paths.first, paths.allSatisfy({ $0.0 == first.0 && $0.1 == scope }) else { return nil }
        let path = first.0
        guard case .stored(let field) = path.field, case .code = path.table.fields[field].kind,
            path.table == .encounter, path.table.isNumbered(field),
            Self.truth(of: expression, field: path, scope: scope, is: "") != nil
        else { return nil }
        return path
    }

    /// `aggregate > limit` in either spelling, with `>=` turned into a smallest value that convicts.
    struct Bound {
        let aggregate: Aggregate
        let limit: Expression
        let isStrict: Bool
    }

    static func bound(_ expression: Expression) -> Bound? {
        guard case .compare(let comparison, let left, let right) = expression.node else { return nil }
        if case .aggregate(let aggregate) = left.node, !right.hasAggregate {
            if comparison == .greater { return Bound(aggregate: aggregate, limit: right, isStrict: true) }
            if comparison == .greaterOrEqual { return Bound(aggregate: aggregate, limit: right, isStrict: false) }
        }
        if case .aggregate(let aggregate) = right.node, !left.hasAggregate {
            if comparison == .less { return Bound(aggregate: aggregate, limit: left, isStrict: true) }
            if comparison == .lessOrEqual { return Bound(aggregate: aggregate, limit: left, isStrict: false) }
        }
        return nil
    }

    /// A comparison of a scalar with a limit: clear exactly while the scalar lies in the interval that the limit gives.
    struct ScalarTest {
        let scalar: Scalar
        /// Clear while `scalar (comparison negated) other` holds.
        let comparison: Comparison
        let other: Expression
    }

    /// Where a guard reads its number from.
    enum Scalar: Hashable {
        /// A stored number of the line.
        case line(Int)
        /// A code or number reached from the line's encounter.
        case encounter(FieldPath)
        /// Whole years between the person's birth and the line's day.
        case age
    }

    func scalar(_ expression: Expression) -> Scalar? {
        switch expression.node {
        case .field(let path, .focus):
            guard path.start == .line, case .stored(let field) = path.field else { return nil }
            if path.steps.isEmpty {
                switch path.table.fields[field].kind {
                case .decimal, .integer: return .line(field)
                default: return nil
                }
            }
            guard path.steps.first == .encounter else { return nil }
            switch path.table.fields[field].kind {
            case .code: return path.table.role == .master || path.table.isNumbered(field) ? .encounter(path) : nil
            case .integer, .day: return .encounter(path)
            default: return nil
            }
        case .age(let birth, let day):
            guard case .field(let born, .focus) = birth.node, born.table == .person,
                case .field(let path, .focus) = day.node, path.field == .day, path.steps.isEmpty
            else { return nil }
            return .age
        default: return nil
        }
    }

    /// The tests of a condition that is false only while *all* of them hold clear: a comparison, or an OR of them.
    func scalarTests(_ expression: Expression) -> [ScalarTest]? {
        switch expression.node {
        case .or(let list):
            var tests: [ScalarTest] = []
            for operand in list {
                guard let more = scalarTests(operand) else { return nil }
                tests += more
            }
            return tests
        case .compare(let comparison, let left, let right):
            if let scalar = scalar(left), isLimit(right) {
                return [ScalarTest(scalar: scalar, comparison: comparison, other: right)]
            }
            if let scalar = scalar(right), isLimit(left) {
                return [ScalarTest(scalar: scalar, comparison: comparison.mirrored, other: left)]
            }
            return nil
        default: return nil
        }
    }

    private func isLimit(_ expression: Expression) -> Bool {
        switch expression.node {
        case .number, .text, .listColumn: true
        default: false
        }
    }
}

extension Comparison {
    var mirrored: Comparison {
        switch self {
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        case .equal, .notEqual: self
        }
    }
}
