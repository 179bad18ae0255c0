import Claims
import Rules

/// One rule, compiled: nodes of the program instead of expressions.
final class CompiledRule: @unchecked Sendable {
    let number: Int
    let rule: Rule
    let table: Int
    /// Group keys; empty for row units.
    let keys: [Int32]
    let isGroup: Bool
    let matches: [Match]
    let filter: Int32
    let test: Int32
    /// The parts that must all hold, each with its node.
    let filterConjuncts: [Conjunct]
    let testConjuncts: [Conjunct]
    /// nil when there is no deciding comparison.
    let value: Int32?
    let valueScale: Int
    let limit: Int32?
    let limitScale: Int
    let amount: Int32?
    let amountScale: Int
    /// Windows inside the test, in order: their rows are the involved rows.
    let evidenceWindows: [Int]
    /// The window whose overlapping runs merge into one finding.
    let mergingWindow: Int?
    let partition: Partition
    /// A group key, or an outer window, bounds the members in time.
    let memberPeriod: Period?
    let hasMemberDay: Bool
    let isMemberBounded: Bool
    /// Day of the focus row: validity of the rule.
    let day: Int32

    init(
        number: Int, rule: Rule, table: Int, keys: [Int32], isGroup: Bool, matches: [Match], filter: Int32, test: Int32,
        filterConjuncts: [Conjunct], testConjuncts: [Conjunct], value: Int32?, valueScale: Int, limit: Int32?,
        limitScale: Int, amount: Int32?, amountScale: Int, evidenceWindows: [Int], mergingWindow: Int?,
        partition: Partition, memberPeriod: Period?, hasMemberDay: Bool, isMemberBounded: Bool, day: Int32
    ) {
        self.number = number
        self.rule = rule
        self.table = table
        self.keys = keys
        self.isGroup = isGroup
        self.matches = matches
        self.filter = filter
        self.test = test
        self.filterConjuncts = filterConjuncts
        self.testConjuncts = testConjuncts
        self.value = value
        self.valueScale = valueScale
        self.limit = limit
        self.limitScale = limitScale
        self.amount = amount
        self.amountScale = amountScale
        self.evidenceWindows = evidenceWindows
        self.mergingWindow = mergingWindow
        self.partition = partition
        self.memberPeriod = memberPeriod
        self.hasMemberDay = hasMemberDay
        self.isMemberBounded = isMemberBounded
        self.day = day
    }

    struct Conjunct {
        let expression: Expression
        let node: Int32
    }

    struct Match {
        let list: Int
        /// Column and expression of each condition.
        let columns: [(column: Int, node: Int32)]
        let index: ListIndex
        let lead: Int
    }

    enum Partition {
        case person
        /// Rows of equal value of this focus-side expression belong together; windows read it through `related`.
        case keyed(Expression)
    }
}

extension Compiler {
    mutating func compile(rule: Rule, number: Int) -> CompiledRule {
        let context = Context(rule: rule)
        let filterConjuncts = (rule.filter?.conjuncts ?? []).map {
            CompiledRule.Conjunct(expression: $0, node: compile($0, context))
        }
        let filter = conjunction(filterConjuncts)
        let filterWindows = program.windows.count
        let testConjuncts = rule.test.conjuncts.map {
            CompiledRule.Conjunct(expression: $0, node: compile($0, context))
        }
        let test = conjunction(testConjuncts)
        let testWindows = filterWindows..<program.windows.count
        let value = rule.value.map { compile($0, context) }
        let limit = rule.limit.map { compile($0, context) }
        var keys: [Int32] = []
        var keyExpressions: [Expression] = []
        if case .group(_, let list) = rule.unit {
            keyExpressions = list.map(\.expression)
            keys = keyExpressions.map { compile($0, context) }
        }
        let isGroup = !keyExpressions.isEmpty
        var amount: Int32?
        var amountScale = 0
        if case .expression(let expression) = rule.amount {
            amount = compile(expression, context)
            amountScale = expression.scale
        }
        let evidence = testWindows.filter { program.windows[$0].scope != .members }
        let merging =
            isGroup
            ? nil
            : evidence.first { number in
                let window = program.windows[number]
                return [.sum, .count, .countDistinct].contains(window.function)
            }
        var memberPeriod: Period?
        var hasMemberDay = false
        for key in keyExpressions {
            switch key.node {
            case .period(let period, _): memberPeriod = period
            case .field(let path, _) where path.field == .day: hasMemberDay = true
            case .dayOf: hasMemberDay = true
            default: break
            }
        }
        return CompiledRule(
            number: number, rule: rule, table: rule.unit.table.position, keys: keys, isGroup: isGroup,
            matches: rule.lists.map { match($0, context) }, filter: filter, test: test,
            filterConjuncts: filterConjuncts, testConjuncts: testConjuncts, value: value,
            valueScale: rule.value?.scale ?? 0, limit: limit, limitScale: rule.limit?.scale ?? 0, amount: amount,
            amountScale: amountScale, evidenceWindows: evidence, mergingWindow: merging,
            partition: partition(of: rule, keys: keyExpressions), memberPeriod: memberPeriod,
            hasMemberDay: hasMemberDay,
            isMemberBounded: keyExpressions.contains { $0.isIdentity(of: .encounter) },
            day: day(of: rule.unit.table, .focus))
    }

    private mutating func conjunction(_ parts: [CompiledRule.Conjunct]) -> Int32 {
        switch parts.count {
        case 0: -1
        case 1: parts[0].node
        default: program.append(.and, list: parts.map(\.node))
        }
    }

    private mutating func match(_ match: Rule.ListMatch, _ context: Context) -> CompiledRule.Match {
        let (list, index) = bind(match)
        let lead = match.on.firstIndex { $0.column == index.column } ?? 0
        return CompiledRule.Match(
            list: list, columns: match.on.map { ($0.column, compile($0.expression, context)) }, index: index,
            lead: lead)
    }

    /// Timelines of persons whenever a key or a window speaks of a person or an encounter.
    private func partition(of rule: Rule, keys: [Expression]) -> CompiledRule.Partition {
        var focusSides: [[Expression]] = keys.isEmpty ? [] : [keys]
        _ = rule.test.contains { expression in
            if case .aggregate(let aggregate) = expression.node, let window = aggregate.window {
                focusSides.append(window.same.map(\.focus))
            }
            return false
        }
        let isTimeline = rule.unit.table.role == .timeline
        if focusSides.isEmpty { return .person }
        let isPersonal = focusSides.contains { side in
            side.contains { $0.isIdentity(of: .encounter) || $0.isIdentity(of: .person) }
        }
        if isTimeline && isPersonal { return .person }
        let common = focusSides[0].filter { key in
            !key.isPeriodLike && focusSides.dropFirst().allSatisfy { side in side.contains { $0.isSame(as: key) } }
        }
        return common.first.map { .keyed($0) } ?? .person
    }

    /// The nodes that choose rows of dated and area-bound lists for rows of a table.
    mutating func selection(_ table: Table) -> Binding.Selection {
        var selection = Binding.Selection()
        let unknown = program.append(Node(operation: .unknown))
        selection = Binding.Selection(fee: unknown, discharge: unknown, care: unknown, home: unknown)
        func field(_ steps: [Table], _ name: String) -> FieldPath? {
            let last = steps.last ?? table
            return last.index(of: name).map { FieldPath(start: table, steps: steps, field: .stored($0)) }
        }
        func node(_ paths: [FieldPath?]) -> Int32 {
            let list = paths.compactMap { $0 }.map { program.append(Node(operation: .access, a: program.access($0))) }
            return list.isEmpty ? unknown : list.count == 1 ? list[0] : program.append(.coalesce, list: list)
        }
        if table.referenceTime != nil || table == .diagnosis {
            selection.fee = program.append(Node(operation: .access, a: program.access(table.dayPath)))
            selection.discharge = selection.fee
        }
        if table.role == .timeline && table != .person && table != .entitlement {
            let up: [Table] = table == .encounter ? [] : [.encounter]
            selection.care = node([field(up, "care_area"), field(up + [.institution], "area")])
            selection.home = node([field(up, "home_area"), field(up + [.person], "home_area")])
            let end = program.append(
                Node(operation: .access, a: program.access(FieldPath(start: table, steps: up, field: .end))))
            selection.discharge = program.append(Node(operation: .dayOf, a: end))
        } else if table.role == .movement {
            selection.care = node([field([.institution], "area")])
        }
        return selection
    }
}

extension Expression {
    /// Days and calendar periods do not make partitions.
    var isPeriodLike: Bool {
        switch node {
        case .period, .dayOf: true
        case .field(let path, _): path.field == .day || type == .day
        default: false
        }
    }

    /// The same field of the focus row.
    func isSame(as other: Expression) -> Bool {
        if case .field(let a, _) = node, case .field(let b, _) = other.node { return a == b }
        if case .prefix(let a, let n) = node, case .prefix(let b, let m) = other.node {
            return n == m && a.isSame(as: b)
        }
        return false
    }
}
