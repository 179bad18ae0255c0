import Claims
import Rules

/// Turns the checked expressions of rules into a `Program`.
struct Compiler {
    var program = Program()
    let knowledge: BoundKnowledge
    /// Per table position: the nodes that select list rows by date and area.
    private(set) var selections: [Binding.Selection]
    /// The aggregates of the test at hand, by their place in the text: its value and limit are parts of it.
    private var tested: [SourcePosition: Int32] = [:]
    private var isPartOfTest = false

    init(knowledge: BoundKnowledge) {
        self.knowledge = knowledge
        selections = Array(repeating: Binding.Selection(), count: Chunk.tableCount)
        for table in Table.allCases where table.role != .master { selections[table.position] = selection(table) }
    }

    func bind(_ match: Rule.ListMatch) -> (list: Int, index: ListIndex) {
        let number = knowledge.number(of: match.list)
        let list = knowledge.lists[number]
        let lead =
            match.on.first { list.columns[$0.column].isCode } ?? match.on.first { list.columns[$0.column].isPrefix }
        return (number, list.index(column: (lead ?? match.on[0]).column))
    }

    /// What the compiled expressions of one rule may refer to.
    struct Context {
        let rule: Rule
        /// The table of related rows while a window is compiled.
        var related: Table?
    }

    mutating func compile(_ expression: Expression, _ context: Context) -> Int32 {
        switch expression.node {
        case .number(let mantissa): return constant(mantissa)
        case .text(let text): return constant(Int64(knowledge.vocabulary.intern(text)))
        case .boolean(let truth): return constant(truth ? 1 : 0)
        case .field(let path, let scope):
            return program.append(
                Node(operation: .access, isRelated: scope == .related, a: program.access(path)))
        case .listColumn(let match, let column):
            let join = context.rule.lists[match]
            let list = knowledge.lists[knowledge.number(of: join.list)]
            let cause = program.otherCause("\(join.alias).\(list.source.columns[column].name)")
            return program.append(
                Node(
                    operation: .listColumn, a: Int32(match), b: Int32(column), k: Int64(cause),
                    first: Int32(knowledge.twin(of: knowledge.number(of: join.list)))))
        case .not(let operand): return unary(.not, operand, context)
        case .and(let list): return variadic(.and, list.map { compile($0, context) })
        case .or(let list): return variadic(.or, list.map { compile($0, context) })
        case .compare(let comparison, let left, let right):
            let scale = max(left.scale, right.scale)
            return program.append(
                Node(
                    operation: comparison.operation, a: aligned(left, scale, context),
                    b: aligned(right, scale, context)))
        case .startsWith(let operand, let prefix):
            return program.append(
                Node(
                    operation: .startsWith, a: compile(operand, context),
                    b: Int32(knowledge.vocabulary.intern(prefix))))
        case .inList(let list, let columns, let arguments):
            let key = knowledge.membership(
                list: list, columns: columns, scales: arguments.map { $0.isNumeric ? $0.scale : nil })
            let scales = knowledge.memberships[key].columns
            return program.append(
                .inList, list: zip(arguments, scales).map { aligned($0, $1.scale, context) }, k: Int64(key))
        case .isKnown(let operand): return unary(.isKnown, operand, context)
        case .arithmetic(let operation, let left, let right):
            switch operation {
            case .multiply:
                return program.append(
                    Node(operation: .multiply, a: compile(left, context), b: compile(right, context)))
            case .add, .subtract:
                let scale = expression.scale
                return program.append(
                    Node(
                        operation: operation == .add ? .add : .subtract, a: aligned(left, scale, context),
                        b: aligned(right, scale, context)))
            }
        case .negate(let operand): return unary(.negate, operand, context)
        case .absolute(let operand): return unary(.absolute, operand, context)
        case .greatest(let list): return variadic(.greatest, list.map { aligned($0, expression.scale, context) })
        case .least(let list): return variadic(.least, list.map { aligned($0, expression.scale, context) })
        case .coalesce(let list): return variadic(.coalesce, list.map { aligned($0, expression.scale, context) })
        case .round(let numerator, let denominator, let digits):
            return round(numerator, denominator, digits: digits, context)
        case .age(let birth, let day):
            return program.append(Node(operation: .age, a: compile(birth, context), b: compile(day, context)))
        case .dayOf(let operand): return unary(.dayOf, operand, context)
        case .period(let period, let operand):
            return program.append(
                Node(operation: .period, a: compile(operand, context), k: period.number))
        case .prefix(let operand, let count):
            return program.append(Node(operation: .prefix, a: compile(operand, context), k: Int64(count)))
        case .choose(let branches, let otherwise):
            var list: [Int32] = []
            for branch in branches {
                list.append(compile(branch.condition, context))
                list.append(aligned(branch.result, expression.scale, context))
            }
            list.append(aligned(otherwise, expression.scale, context))
            // The hull of two texts is no interval of codes: it is just unknown.
            return program.append(.choose, list: list, k: expression.isOrdered ? 0 : 1)
        case .covered(let table, let key, let day):
            return program.append(
                Node(
                    operation: .covered, a: compile(key, context), b: compile(day, context),
                    k: Int64(table.position)))
        case .aggregate(let aggregate):
            if isPartOfTest, let known = tested[expression.position] { return known }
            let number = self.aggregate(aggregate, context)
            if !isPartOfTest { tested[expression.position] = number }
            return number
        }
    }

    private mutating func constant(_ value: Int64) -> Int32 {
        program.append(Node(operation: .constant, k: value))
    }

    private mutating func unary(_ operation: Node.Operation, _ operand: Expression, _ context: Context) -> Int32 {
        program.append(Node(operation: operation, a: compile(operand, context)))
    }

    private mutating func variadic(_ operation: Node.Operation, _ list: [Int32]) -> Int32 {
        program.append(operation, list: list)
    }

    /// The operand at a scale at least its own.
    mutating func aligned(_ expression: Expression, _ scale: Int, _ context: Context) -> Int32 {
        let node = compile(expression, context)
        guard case .number(let own) = expression.type, own < scale else { return node }
        return program.append(Node(operation: .scale, a: node, k: Int64.power(ofTen: scale - own)))
    }

    private mutating func round(
        _ numerator: Expression, _ denominator: Expression?, digits: Int, _ context: Context
    ) -> Int32 {
        let a = compile(numerator, context)
        // result · 10^digits = numerator · 10^(digits − scale of numerator + scale of denominator) / denominator
        let exponent = digits - numerator.scale + (denominator?.scale ?? 0)
        let b = denominator.map { compile($0, context) } ?? constant(1)
        let divisor =
            exponent >= 0
            ? b : program.append(Node(operation: .scale, a: b, k: Int64.power(ofTen: -exponent)))
        return program.append(
            Node(operation: .divide, a: a, b: divisor, k: exponent > 0 ? Int64.power(ofTen: exponent) : 1))
    }
}

extension Compiler {
    /// Compiles what was taken out of the expression that was compiled last.
    mutating func compile(partOfTest expression: Expression, _ context: Context) -> Int32 {
        isPartOfTest = true
        defer { isPartOfTest = false }
        return compile(expression, context)
    }

    /// Before a test whose parts will be asked for.
    mutating func forgetTest() { tested.removeAll(keepingCapacity: true) }

    private mutating func aggregate(_ aggregate: Aggregate, _ context: Context) -> Int32 {
        let table = aggregate.window?.table ?? context.rule.unit.table
        var inner = context
        inner.related = table
        var window = CompiledWindow(
            function: aggregate.function, table: UInt8(table.position),
            scope: aggregate.window == nil ? .members : .partition)
        let before = program.nodes.count
        if let argument = aggregate.argument {
            window.argument = compile(argument, inner)
            window.argumentIsNonNegative = argument.isNonNegative
            if readsFocus(argument) { window.isStatic = false }
        }
        if let source = aggregate.window { resolve(source, of: aggregate, into: &window, inner) }
        window.focusInputs = (before..<program.nodes.count).filter { number in
            let node = program.nodes[number]
            return (node.operation == .access && !node.isRelated) || node.operation == .listColumn
        }.map { Int32($0) }
        let lists = (before..<program.nodes.count).filter { program.nodes[$0].operation == .inList }
        if lists.contains(where: { !knowledge.lists[knowledge.memberships[Int(program.nodes[$0].k)].list].isPlain }) {
            // The focus row's date and area choose the rows of the list.
            window.focusInputs += selections[context.rule.unit.table.position].nodes
        }
        window.tableCause = program.otherCause(table.rawValue)
        window.number = program.windows.count
        program.windows.append(window)
        return program.append(Node(operation: .aggregate, a: Int32(program.windows.count - 1)))
    }

    private mutating func resolve(
        _ source: Window, of aggregate: Aggregate, into window: inout CompiledWindow, _ context: Context
    ) {
        let focusTable = context.rule.unit.table
        for same in source.same {
            if same.related.isIdentity(of: .encounter) && same.focus.isIdentity(of: .encounter) {
                window.scope = .encounter
                window.isBounded = true
                continue
            }
            if same.related.isIdentity(of: .person) && same.focus.isIdentity(of: .person) {
                if window.scope != .encounter { window.scope = .person }
                continue
            }
            var key = CompiledWindow.Key(
                related: compile(same.related, context), focus: compile(same.focus, context))
            if case .field(let path, .related) = same.related.node, path.steps.isEmpty,
                case .stored(let field) = path.field, path.start.isNumbered(field)
            {
                key.codeField = Int32(field)
            }
            if case .field(let path, .related) = same.related.node, path.start == .line, path.steps == [.item],
                case .stored(let field) = path.field, case .code = Table.item.fields[field].kind
            {
                key.itemField = Int32(field)
            }
            if same.related.isClosedByItself { window.isBounded = true }
            if case .field(let path, .related) = same.related.node, path.steps.isEmpty, path.field == .day,
                let day = path.start.referenceTime?.day
            {
                key.dayField = Int32(path.start.index(of: day) ?? -1)
            }
            if let key = calendarKey(same.related, key.focus) { window.calendarKeys.append(key) }
            window.keys.append(key)
        }
        window.sameCount = window.keys.count
        if let range = source.range {
            window.range = range
            window.relatedTime = time(range, source.table, .related)
            window.focusTime = time(range, focusTable, .focus)
        }
        var rest: [Int32] = []
        var restExpressions: [Expression] = []
        for condition in source.filter?.conjuncts ?? [] {
            if let key = equalityKey(condition, context) {
                window.keys.append(key)
            } else {
                rest.append(compile(condition, context))
                restExpressions.append(condition)
                if readsFocus(condition) { window.isStatic = false }
            }
        }
        window.filter = rest.isEmpty ? -1 : rest.count == 1 ? rest[0] : program.append(.and, list: rest)
        window.filterRest = restExpressions
        window.excludesFocus = aggregate.function == .exists && source.table == focusTable
    }

    /// `field of the related row = something of the focus row` in a WHERE is a key like any other.
    private mutating func equalityKey(_ condition: Expression, _ context: Context) -> CompiledWindow.Key? {
        guard case .compare(.equal, let left, let right) = condition.node else { return nil }
        for (related, focus) in [(left, right), (right, left)] {
            guard case .field(let path, .related) = related.node, path.steps.isEmpty,
                case .stored(let field) = path.field, path.start.isNumbered(field),
                !focus.contains(where: { if case .field(_, .related) = $0.node { true } else { false } }),
                !focus.hasAggregate
            else { continue }
            return CompiledWindow.Key(
                related: compile(related, context), focus: compile(focus, context), codeField: Int32(field))
        }
        return nil
    }

    /// The key, when its related side is the day, or a calendar period, of the related row's reference time.
    func calendarKey(_ related: Expression, _ focus: Int32) -> CalendarKey? {
        switch related.node {
        case .field, .dayOf: related.isOwnDay ? CalendarKey(node: focus, period: nil) : nil
        case .period(.hour, let moment): moment.isOwnMoment ? CalendarKey(node: focus, period: .hour) : nil
        case .period(let period, let day): day.isOwnDay ? CalendarKey(node: focus, period: period) : nil
        default: nil
        }
    }

    /// Whether an expression reads the focus row or a matched list row, if only to choose the rows of a list.
    private func readsFocus(_ expression: Expression) -> Bool {
        expression.contains {
            if case .inList(let list, _, _) = $0.node { return !knowledge.lists[knowledge.number(of: list)].isPlain }
            return false
        } || expression.readsFocus
    }

    private mutating func time(_ range: Window.Range, _ table: Table, _ scope: RowScope) -> Int32 {
        if case .seconds = range { return moment(of: table, scope) }
        return day(of: table, scope)
    }

    mutating func day(of table: Table, _ scope: RowScope) -> Int32 {
        program.append(Node(operation: .access, isRelated: scope == .related, a: program.access(table.dayPath)))
    }

    private mutating func moment(of table: Table, _ scope: RowScope) -> Int32 {
        let start = table.dayPath
        let path = FieldPath(start: start.start, steps: start.steps, field: .time)
        return program.append(Node(operation: .access, isRelated: scope == .related, a: program.access(path)))
    }
}

extension Table {
    /// The day of the reference time; rows without one take their encounter's.
    var dayPath: FieldPath {
        referenceTime == nil && role == .timeline && self != .person && self != .entitlement
            ? FieldPath(start: self, steps: [.encounter], field: .day)
            : FieldPath(start: self, steps: [], field: .day)
    }
}

extension Expression {
    /// The day of the row's own reference time.
    var isOwnDay: Bool {
        switch node {
        case .dayOf(let moment): moment.isOwnMoment
        case .field(let path, _): path.field == .day && path.isOwnTime
        default: false
        }
    }

    var isOwnMoment: Bool {
        if case .field(let path, _) = node { return (path.field == .time || path.field == .start) && path.isOwnTime }
        return false
    }

    /// Intervals of it mean something: numbers, days, moments and truth, not texts and rows.
    var isOrdered: Bool {
        switch type {
        case .number, .day, .moment, .boolean: true
        case .text, .identity: false
        }
    }

    var isNumeric: Bool {
        if case .number = type { return true }
        return false
    }
}

extension FieldPath {
    /// A diagnosis has its encounter's reference time.
    var isOwnTime: Bool { steps.isEmpty || (start == .diagnosis && steps == [.encounter]) }
}

extension Comparison {
    fileprivate var operation: Node.Operation {
        switch self {
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        }
    }
}

extension Period {
    var number: Int64 {
        switch self {
        case .week: 0
        case .month: 1
        case .quarter: 2
        case .year: 3
        case .hour: 4
        }
    }
}

extension Int64 {
    static func power(ofTen exponent: Int) -> Int64 {
        var result: Int64 = 1
        for _ in 0..<Swift.min(Swift.max(0, exponent), 18) { result *= 10 }
        return result
    }
}
