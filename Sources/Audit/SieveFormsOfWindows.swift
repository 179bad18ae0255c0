import Claims
import Rules

/// `SUM(x) … > limit` over lines of one encounter or person that share an item or an attribute of it.
struct SumForm {
    /// What can be summed together: rules of the same shape share one pass.
    struct Shape: Hashable {
        let isPersonal: Bool
        /// The path of the code that sums are kept by; nil: one sum per scope.
        let attribute: FieldPath?
        /// A stored number of the line; nil counts lines.
        let field: Int?
        /// Only lines of encounters for which these text fields have certain values.
        let conditions: [EncounterFilter.Condition]
        /// Lines whose number is not known are left out (`x IS KNOWN`).
        let skipsUnknown: Bool
    }

    let shape: Shape
    let reach: SumReach
    let window: Window?
    let limit: Expression
    private let scale: Int
    private let isStrict: Bool

    init?(_ expression: Expression, _ rule: CompiledRule, _ forms: SieveForms) {
        guard let bound = SieveForms.bound(expression) else { return nil }
        let aggregate = bound.aggregate
        let window = aggregate.window
        guard (window?.table ?? rule.rule.unit.table) == .line else { return nil }
        var keys: [Expression]
        if let window {
            if window.same.contains(where: { !$0.focus.isSame(as: $0.related) && !$0.focus.isMirror(of: $0.related) }) {
                return nil
            }
            keys = window.same.map(\.focus)
        } else {
            guard case .group(_, let list) = rule.rule.unit else { return nil }
            keys = list.map(\.expression)
        }
        let isEncounter = keys.contains { $0.isIdentity(of: .encounter) }
        let isPerson = keys.contains { $0.isIdentity(of: .person) }
        guard isEncounter || isPerson else { return nil }
        let attribute = keys.lazy.compactMap { key -> FieldPath? in
            guard case .field(let path, _) = key.node else { return nil }
            if path == SieveForms.itemPath { return path }
            guard path.start == .line, path.steps == [.item], case .stored(let field) = path.field,
                case .code = Table.item.fields[field].kind
            else { return nil }
            return path
        }.first
        // A sum that is not kept by item must have a constant limit.
        switch bound.limit.node {
        case .number: break
        case .listColumn(let match, _):
            guard forms.itemMatch == match, attribute == SieveForms.itemPath else { return nil }
        default: return nil
        }
        switch aggregate.function {
        case .sum:
            guard let argument = aggregate.argument, case .field(let path, _) = argument.node, path.start == .line,
                path.steps.isEmpty, case .stored(let field) = path.field, Table.line.isNonNegative(field)
            else { return nil }
            shape = Shape(
                isPersonal: !isEncounter, attribute: attribute, field: field,
                conditions: Self.conditions(window, rule, forms),
                skipsUnknown: Self.conjuncts(window, rule).contains {
                    if case .isKnown(let operand) = $0.node { operand.isSame(as: argument) } else { false }
                })
            scale = aggregate.argument?.scale ?? 0
        case .count, .countDistinct:
            shape = Shape(
                isPersonal: !isEncounter, attribute: attribute, field: nil,
                conditions: Self.conditions(window, rule, forms), skipsUnknown: false)
            scale = 0
        default: return nil
        }
        self.window = window
        reach = SumReach(keys: keys, range: window?.range)
        limit = bound.limit
        isStrict = bound.isStrict
    }

    /// The largest sum, at the field's scale, that is still clear.
    func align(_ mantissa: Int64, _ own: Int) -> Int64 {
        let scaled = Int128(mantissa) * Int128(Int64.power(ofTen: max(0, scale - own)))
        let limit = Value.floorDivide(scaled, Int128(Int64.power(ofTen: max(0, own - scale))))
        return Int64(clamping: isStrict ? limit : limit - 1)
    }

    private static func conditions(
        _ window: Window?, _ rule: CompiledRule, _ forms: SieveForms
    ) -> [EncounterFilter.Condition] {
        EncounterFilter.conditions(conjuncts(window, rule), forms, scope: window == nil ? .focus : .related)
    }

    private static func conjuncts(_ window: Window?, _ rule: CompiledRule) -> [Expression] {
        guard let window else { return rule.filterConjuncts.map(\.expression) }
        return window.filter?.conjuncts ?? []
    }
}

extension Expression {
    /// The same field, once of the focus row and once of the related row.
    func isMirror(of other: Expression) -> Bool {
        switch (node, other.node) {
        case (.field(let a, _), .field(let b, _)): a == b
        case (.period(let p, let a), .period(let q, let b)): p == q && a.isMirror(of: b)
        case (.prefix(let a, let n), .prefix(let b, let m)): n == m && a.isMirror(of: b)
        case (.dayOf(let a), .dayOf(let b)): a.isMirror(of: b)
        default: false
        }
    }

    /// The same comparison of a field with a constant, once of the focus row and once of the related row.
    func isTwin(of other: Expression) -> Bool {
        switch (node, other.node) {
        case (.isKnown(let a), .isKnown(let b)): a.isMirror(of: b)
        case (.compare(let p, let a, let x), .compare(let q, let b, let y)):
            if p == q, a.isMirror(of: b), case .text(let x) = x.node, case .text(let y) = y.node {
                x == y
            } else {
                false
            }
        default: false
        }
    }
}

/// `EXISTS (line SAME encounter … WHERE item = pair.a)` for the item of a list row matched by the focus item.
struct PairForm {
    let isPersonal: Bool
    let match: Int
    let column: Int

    init?(_ expression: Expression, _ rule: CompiledRule, _ forms: SieveForms) {
        guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
            let window = aggregate.window, window.table == .line, !rule.isGroup, let match = forms.itemMatch
        else { return nil }
        let isEncounter = window.same.contains {
            $0.related.isIdentity(of: .encounter) && $0.focus.isIdentity(of: .encounter)
        }
        let isPerson = window.same.contains { $0.related.isIdentity(of: .person) && $0.focus.isIdentity(of: .person) }
        guard isEncounter || isPerson else { return nil }
        var column: Int?
        for same in window.same where forms.isItem(same.related, .related) {
            if case .listColumn(match, let c) = same.focus.node { column = c }
        }
        for condition in window.filter?.conjuncts ?? [] {
            guard case .compare(.equal, let left, let right) = condition.node else { continue }
            for (a, b) in [(left, right), (right, left)] where forms.isItem(a, .related) {
                if case .listColumn(match, let c) = b.node { column = c }
            }
        }
        guard let column, forms.binding.knowledge.lists[rule.matches[match].list].columns[column].isCode else {
            return nil
        }
        isPersonal = !isEncounter
        self.match = match
        self.column = column
    }
}

/// `EXISTS (line SAME encounter or person … WHERE (this.item, item) IN LIST x)`, as pairs of item codes.
struct ListedPairForm {
    let isPersonal: Bool
    private let list: BoundList
    private let own: Int
    private let other: Int

    /// More prefixes than this are not spelt out.
    private static let prefixesMax = 64

    init?(_ expression: Expression, _ rule: CompiledRule, _ forms: SieveForms) {
        guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
            let window = aggregate.window, window.table == .line, rule.rule.unit.table == .line, !rule.isGroup
        else { return nil }
        let isEncounter = window.same.contains {
            $0.related.isIdentity(of: .encounter) && $0.focus.isIdentity(of: .encounter)
        }
        let isPerson = window.same.contains { $0.related.isIdentity(of: .person) && $0.focus.isIdentity(of: .person) }
        guard isEncounter || isPerson else { return nil }
        for condition in window.filter?.conjuncts ?? [] {
            guard case .inList(let name, let columns, let arguments) = condition.node, arguments.count == 2 else {
                continue
            }
            let list = forms.binding.knowledge.lists[forms.binding.knowledge.number(of: name)]
            for (a, b) in [(0, 1), (1, 0)] where forms.isItem(arguments[a], .focus) {
                let cells = (list.columns[columns[a]], list.columns[columns[b]])
                guard forms.isItem(arguments[b], .related), cells.0.isCode || cells.0.isPrefix,
                    cells.1.isCode || cells.1.isPrefix,
                    !cells.1.isPrefix || Set(cells.1.values).count <= Self.prefixesMax
                else { continue }
                isPersonal = !isEncounter
                self.list = list
                own = columns[a]
                other = columns[b]
                return
            }
        }
        return nil
    }

    /// Calls the body with every item and each item that may stand beside it.
    func forEachPair(_ gate: ItemGate, _ binding: Binding, _ codes: Int, _ body: (_ own: Int, _ other: Int) -> Void) {
        let index = list.index(column: own)
        let cells = list.columns[other]
        var spelt: [Int64: [Int]] = [:]
        for code in gate.codes {
            for row in index.rows(Int32(code)) where cells.isKnown(Int(row)) {
                let cell = cells.values[Int(row)]
                guard cells.isPrefix else {
                    if cell < Int64(codes) { body(code, Int(cell)) }
                    continue
                }
                if spelt[cell] == nil {
                    let prefix = binding.vocabulary.bytes(of: Int32(truncatingIfNeeded: cell))
                    spelt[cell] = (0..<codes).filter { binding.vocabulary.view(Int32($0)).starts(with: prefix) }
                }
                for partner in spelt[cell] ?? [] { body(code, partner) }
            }
        }
    }
}

/// `[NOT] EXISTS (diagnosis SAME encounter WHERE (this.item, code) IN LIST x)`.
struct DiagnosisForm {
    let isNegated: Bool
    let list: BoundList
    let itemColumn: Int
    let codeColumn: Int

    init?(_ expression: Expression, _ rule: CompiledRule, _ forms: SieveForms) {
        var inner = expression
        var isNegated = false
        if case .not(let operand) = expression.node {
            inner = operand
            isNegated = true
        }
        guard case .aggregate(let aggregate) = inner.node, aggregate.function == .exists,
            let window = aggregate.window, window.table == .diagnosis, window.range == nil, window.same.count == 1,
            window.same[0].related.isIdentity(of: .encounter), window.same[0].focus.isIdentity(of: .encounter),
            let filter = window.filter, case .inList(let name, let columns, let arguments) = filter.node,
            arguments.count == 2
        else { return nil }
        let list = forms.binding.knowledge.lists[forms.binding.knowledge.number(of: name)]
        // Rows that apply only at times may clear nothing for certain.
        guard list.isPlain else { return nil }
        var item: Int?
        var code: Int?
        for (index, argument) in arguments.enumerated() {
            if forms.isItem(argument, .focus) { item = columns[index] }
            if case .field(let path, .related) = argument.node, path.start == .diagnosis, path.steps.isEmpty,
                case .stored(let field) = path.field, Table.diagnosis.fields[field].name == "code"
            {
                code = columns[index]
            }
        }
        guard let item, let code, list.columns[item].isCode || list.columns[item].isPrefix else { return nil }
        self.isNegated = isNegated
        self.list = list
        itemColumn = item
        codeColumn = code
    }
}

/// `COUNT(DISTINCT item) … >= 2` or `= 1` among lines of one encounter.
struct DistinctForm {
    let wantsSeveral: Bool
    /// Only lines of the same day are counted together.
    let isDaily: Bool
    let window: Window?

    init?(_ expression: Expression, _ rule: CompiledRule, _ forms: SieveForms) {
        guard case .compare(let comparison, let left, let right) = expression.node,
            case .aggregate(let aggregate) = left.node, aggregate.function == .countDistinct,
            let argument = aggregate.argument, forms.isItem(argument, .related), case .number(let limit) = right.node
        else { return nil }
        let window = aggregate.window
        guard (window?.table ?? rule.rule.unit.table) == .line else { return nil }
        let keys: [Expression]
        if let window {
            keys = window.same.map(\.focus)
        } else {
            guard case .group(_, let list) = rule.rule.unit else { return nil }
            keys = list.map(\.expression)
        }
        guard keys.contains(where: { $0.isIdentity(of: .encounter) }) else { return nil }
        switch comparison {
        case .greaterOrEqual where limit >= 2, .greater where limit >= 1: wantsSeveral = true
        case .equal where limit == 1 && keys.count == 1: wantsSeveral = false
        default: return nil
        }
        self.window = window
        isDaily = SumReach(keys: keys, range: nil) == .day
    }
}

/// `NOT ((item, x) IN LIST allowed)`: clear while x is among the values listed for the item.
struct SetTest {
    let path: FieldPath
    private let list: BoundList
    private let index: ListIndex
    private let column: Int

    init?(_ expression: Expression, _ rule: CompiledRule, _ forms: SieveForms) {
        guard case .not(let operand) = expression.node,
            case .inList(let name, let columns, let arguments) = operand.node,
            arguments.count == 2
        else { return nil }
        let list = forms.binding.knowledge.lists[forms.binding.knowledge.number(of: name)]
        guard list.isPlain else { return nil }
        for (itemIndex, other) in [(0, 1), (1, 0)] where forms.isItem(arguments[itemIndex], .focus) {
            guard case .field(let path, .focus) = arguments[other].node, path.steps.first == .encounter,
                case .stored(let field) = path.field, case .code = path.table.fields[field].kind,
                list.columns[columns[itemIndex]].isCode, list.columns[columns[other]].isCode
            else { continue }
            self.path = path
            self.list = list
            index = list.index(column: columns[itemIndex])
            column = columns[other]
            return
        }
        return nil
    }

    func values(_ code: Int32) -> [Int64] {
        index.rows(code).compactMap {
            list.columns[column].isKnown(Int($0)) ? list.columns[column].values[Int($0)] : nil
        }
    }
}
