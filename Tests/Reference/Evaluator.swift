import Claims
import Rules

/// Where an expression is evaluated: the rows in view and the list rows that were matched.
struct Scene {
    enum Match {
        case row(Int)
        /// A row of the list matches perhaps; nothing is known about its columns.
        case possible
    }

    /// The members of the group a group rule looks at.
    struct Members {
        var certain: [RowReference]
        /// Rows that belong to the group perhaps, each with the cause.
        var possible: [(row: RowReference, cause: String?)]
    }

    var focus: RowReference
    var related: RowReference?
    var matches: [Match] = []
    var members: Members?
    /// Second look on partial history: every incomplete window may hold more than was seen.
    var isOpened = false
}

/// Says what an expression is worth on given rows, straight from the definition of the language.
final class Evaluator {
    let claims: NettedClaims
    let lists: [String: KnowledgeList]
    let rule: Rule
    private var partitions: [PartitionIndex: [String: [Int]]] = [:]
    private var listIndexes: [ListIndex: [String: [Int]]] = [:]

    private struct PartitionIndex: Hashable {
        let table: Table
        let path: FieldPath
    }

    private struct ListIndex: Hashable {
        let list: String
        let column: Int
    }

    init(claims: NettedClaims, lists: [String: KnowledgeList], rule: Rule) {
        self.claims = claims
        self.lists = lists
        self.rule = rule
    }

    func evaluate(_ expression: Expression, in scene: Scene) -> Value {
        switch expression.node {
        case .number(let mantissa): .number(Interval(exactly: Int128(mantissa)))
        case .text(let text): .text(text)
        case .boolean(let truth): .truth(truth)
        case .field(let path, let scope): read(path, from: scope == .focus ? scene.focus : scene.related ?? scene.focus)
        case .listColumn(let match, let column): listColumn(column, ofMatch: match, in: scene)
        case .not(let operand): Kleene.not(evaluate(operand, in: scene))
        case .and(let operands): Kleene.and(operands.map { evaluate($0, in: scene) })
        case .or(let operands): Kleene.or(operands.map { evaluate($0, in: scene) })
        case .compare(let comparison, let left, let right): compare(comparison, left, right, in: scene)
        case .startsWith(let text, let start): startsWith(evaluate(text, in: scene), start)
        case .inList(let list, let columns, let arguments):
            isListed(arguments, in: list, columns: columns, scene: scene)
        case .isKnown(let operand): .truth(evaluate(operand, in: scene).isExact)
        case .arithmetic(let operation, let left, let right):
            calculate(operation, left, right, as: expression.type, in: scene)
        case .negate(let operand): map(operand, in: scene) { $0.negated }
        case .absolute(let operand): map(operand, in: scene) { $0.absolute }
        case .greatest(let operands):
            combine(operands, as: expression.type, in: scene) { Interval(max($0.low, $1.low), max($0.high, $1.high)) }
        case .least(let operands):
            combine(operands, as: expression.type, in: scene) { Interval(min($0.low, $1.low), min($0.high, $1.high)) }
        case .coalesce(let operands): firstKnown(operands, as: expression.type, in: scene)
        case .round(let numerator, let denominator, let digits):
            round(numerator, denominator, digits: digits, in: scene)
        case .age(let birth, let day): age(evaluate(birth, in: scene), evaluate(day, in: scene))
        case .dayOf(let moment): map(moment, in: scene) { $0.mapped { Exact.floorDivide($0, by: 86_400) } }
        case .period(let period, let operand):
            map(operand, in: scene) { interval in interval.mapped { Calendar.start(of: period, holding: $0) } }
        case .prefix(let text, let count): prefix(evaluate(text, in: scene), count)
        case .choose(let branches, let otherwise): choose(branches, otherwise, as: expression.type, in: scene)
        case .covered(let table, let key, let day):
            isCovered(evaluate(key, in: scene), on: evaluate(day, in: scene), in: table)
        case .aggregate(let aggregate): fold(aggregate, in: scene)
        }
    }

    // MARK: - Numbers

    /// The scale at which numbers of the type are kept; days and moments are whole.
    static func scale(of type: ValueType) -> Int {
        if case .number(let scale) = type { return scale }
        return 0
    }

    /// The value of an expression with its numbers at the given scale.
    func evaluate(_ expression: Expression, atScale scale: Int, in scene: Scene) -> Value {
        let value = evaluate(expression, in: scene)
        guard case .number(let interval) = value.content else { return value }
        let own = Evaluator.scale(of: expression.type)
        return .number(fitting: interval.mapped { Exact.rescale($0, from: own, to: scale) }, cause: value.cause)
    }

    private func map(_ operand: Expression, in scene: Scene, _ change: (Interval) -> Interval?) -> Value {
        let value = evaluate(operand, in: scene)
        return .number(fitting: change(value.interval), cause: value.cause)
    }

    private func combine(
        _ operands: [Expression], as type: ValueType, in scene: Scene, _ merge: (Interval, Interval) -> Interval
    ) -> Value {
        let values = operands.map { evaluate($0, atScale: Evaluator.scale(of: type), in: scene) }
        guard let first = values.first else { return .number(.unknown) }
        let interval = values.dropFirst().reduce(first.interval) { merge($0, $1.interval) }
        return .number(interval, cause: values.compactMap(\.cause).first)
    }

    private func calculate(
        _ operation: Arithmetic, _ left: Expression, _ right: Expression, as type: ValueType, in scene: Scene
    ) -> Value {
        let scale = Evaluator.scale(of: type)
        let interval: Interval?
        let a: Value
        let b: Value
        switch operation {
        case .add, .subtract:
            a = evaluate(left, atScale: scale, in: scene)
            b = evaluate(right, atScale: scale, in: scene)
            interval = operation == .add ? a.interval.adding(b.interval) : a.interval.subtracting(b.interval)
        case .multiply:
            a = evaluate(left, in: scene)
            b = evaluate(right, in: scene)
            let own = Evaluator.scale(of: left.type) + Evaluator.scale(of: right.type)
            interval = a.interval.multiplied(by: b.interval)?.mapped { Exact.rescale($0, from: own, to: scale) }
        }
        return .number(fitting: interval, cause: a.cause ?? b.cause)
    }

    private func round(_ numerator: Expression, _ denominator: Expression?, digits: Int, in scene: Scene) -> Value {
        let a = evaluate(numerator, in: scene)
        let own = Evaluator.scale(of: numerator.type)
        guard let denominator else {
            let rounded = a.interval.mapped { Exact.divide($0, by: 1, shift: digits - own) }
            return .number(fitting: rounded, cause: a.cause)
        }
        let b = evaluate(denominator, in: scene)
        if b.interval.low.sign <= 0, b.interval.high.sign >= 0 {
            return .number(.unknown, cause: a.cause ?? b.cause ?? "division")
        }
        let shift = digits - own + Evaluator.scale(of: denominator.type)
        return .number(fitting: a.interval.divided(by: b.interval, shift: shift), cause: a.cause ?? b.cause)
    }

    private func age(_ birth: Value, _ day: Value) -> Value {
        func years(_ from: Bound, _ to: Bound, otherwise: Bound) -> Bound? {
            guard case .finite(let from) = from, case .finite(let to) = to else { return otherwise }
            return Calendar.wholeYears(from: from, to: to).map { .finite($0) }
        }
        guard let low = years(birth.interval.high, day.interval.low, otherwise: .minusInfinity),
            let high = years(birth.interval.low, day.interval.high, otherwise: .plusInfinity)
        else { return .number(.unknown, cause: "overflow") }
        return .number(Interval(low, high), cause: birth.cause ?? day.cause)
    }

    // MARK: - Comparisons and texts

    private func compare(_ comparison: Comparison, _ left: Expression, _ right: Expression, in scene: Scene) -> Value {
        let scale = max(Evaluator.scale(of: left.type), Evaluator.scale(of: right.type))
        let a = evaluate(left, atScale: scale, in: scene)
        let b = evaluate(right, atScale: scale, in: scene)
        let answer: Bool?
        switch (a.content, b.content) {
        case (.number(let x), .number(let y)): answer = Kleene.compare(comparison, x, y)
        case (.truth(let x), .truth(let y)): answer = equal(x, y, comparison)
        case (.identity(let x), .identity(let y)): answer = equal(x, y, comparison)
        // A reference compared with a code compares identifiers.
        default: answer = equal(name(of: a), name(of: b), comparison)
        }
        return .truth(answer, cause: a.cause ?? b.cause)
    }

    private func equal<Known: Equatable>(_ a: Known?, _ b: Known?, _ comparison: Comparison) -> Bool? {
        guard let a, let b else { return nil }
        return (a == b) == (comparison == .equal)
    }

    /// The text of a code, or the identifier of a row.
    func name(of value: Value) -> String? { value.text ?? value.row.map(claims.identifier(of:)) }

    private func startsWith(_ text: Value, _ start: String) -> Value {
        .truth(text.text.map { Array($0.utf8).starts(with: Array(start.utf8)) }, cause: text.cause)
    }

    private func prefix(_ text: Value, _ count: Int) -> Value {
        .text(text.text.map { String($0.prefix(count)) }, cause: text.cause)
    }

    // MARK: - Choices

    private func firstKnown(_ operands: [Expression], as type: ValueType, in scene: Scene) -> Value {
        var last: Value = .truth(nil)
        for operand in operands {
            last = evaluate(operand, atScale: Evaluator.scale(of: type), in: scene)
            if last.isExact { break }
        }
        return last
    }

    private func choose(
        _ branches: [(condition: Expression, result: Expression)], _ otherwise: Expression, as type: ValueType,
        in scene: Scene
    ) -> Value {
        let scale = Evaluator.scale(of: type)
        guard let branch = branches.first else { return evaluate(otherwise, atScale: scale, in: scene) }
        let condition = evaluate(branch.condition, in: scene)
        let rest = Array(branches.dropFirst())
        switch condition.truth {
        case true?: return evaluate(branch.result, atScale: scale, in: scene)
        case false?: return choose(rest, otherwise, as: type, in: scene)
        case nil:
            let taken = evaluate(branch.result, atScale: scale, in: scene)
            return taken.hull(choose(rest, otherwise, as: type, in: scene), cause: condition.cause)
        }
    }

    // MARK: - Lookups that are worth remembering

    /// Rows of the table whose value at the path has this name; rows in which it is unknown are in none.
    func rows(of table: Table, where path: FieldPath, is name: String) -> [Int] {
        let index = PartitionIndex(table: table, path: path)
        if let known = partitions[index] { return known[name] ?? [] }
        var built: [String: [Int]] = [:]
        for row in claims.participants[table] ?? [] {
            let value = read(path, from: RowReference(table: table, index: row))
            if let key = self.name(of: value) { built[key, default: []].append(row) }
        }
        partitions[index] = built
        return built[name] ?? []
    }

    /// Rows of the list with this text in the column.
    func rows(of list: KnowledgeList, column: Int, equal text: String) -> [Int] {
        let index = ListIndex(list: list.id, column: column)
        if let known = listIndexes[index] { return known[text] ?? [] }
        var built: [String: [Int]] = [:]
        for row in 0..<list.rowCount {
            if let cell = list.text(column: column, row: row) { built[cell, default: []].append(row) }
        }
        listIndexes[index] = built
        return built[text] ?? []
    }
}
