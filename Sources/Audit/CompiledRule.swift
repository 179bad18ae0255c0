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
    /// Where the rows of these windows lie.
    let evidenceScopes: [CompiledWindow.Scope]
    /// The window whose overlapping runs merge into one finding.
    let mergingWindow: Int?
    /// Rows of the merging window follow from its keys and the time alone: merged rows share their evidence.
    let sharesEvidence: Bool
    /// The evidence windows that are looked at row by row.
    let gatheredEvidence: [Int]
    /// Windows of which the first rows are evidence enough.
    let boundedEvidence: [Int]
    let partition: Partition
    /// Group keys that are days or calendar periods of the members' reference time.
    let calendarKeys: [CalendarKey]
    /// Members belong to one encounter, operation, prescription or settlement: they are delivered whole.
    let isMemberBounded: Bool
    /// The group's filter reads a list row, so that members depend on the row matched.
    let filterUsesLists: Bool
    /// Day of the focus row: validity of the rule.
    let day: Int32

    init(
        number: Int, rule: Rule, table: Int, keys: [Int32], isGroup: Bool, matches: [Match], filter: Int32, test: Int32,
        filterConjuncts: [Conjunct], testConjuncts: [Conjunct], value: Int32?, valueScale: Int, limit: Int32?,
        limitScale: Int, amount: Int32?, amountScale: Int, evidenceWindows: [Int],
        evidenceScopes: [CompiledWindow.Scope], mergingWindow: Int?,
        sharesEvidence: Bool, gatheredEvidence: [Int], boundedEvidence: [Int], partition: Partition,
        calendarKeys: [CalendarKey],
        isMemberBounded: Bool, filterUsesLists: Bool, day: Int32
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
        self.evidenceScopes = evidenceScopes
        self.mergingWindow = mergingWindow
        self.sharesEvidence = sharesEvidence
        self.gatheredEvidence = gatheredEvidence
        self.boundedEvidence = boundedEvidence
        self.partition = partition
        self.calendarKeys = calendarKeys
        self.isMemberBounded = isMemberBounded
        self.filterUsesLists = filterUsesLists
        self.day = day
    }

    struct Conjunct {
        let expression: Expression
        let node: Int32
    }

    struct Match {
        let list: Int
        struct Condition {
            let column: ComparedColumn
            let node: Int32
        }

        let columns: [Condition]
        let index: ListIndex
        let lead: Int
        /// One code column, in a list whose rows apply everywhere and always: the index alone answers.
        let isExact: Bool
    }

    enum Partition {
        case person
        /// Rows of equal value of this focus-side expression belong together; windows read it through `related`.
        case keyed(Expression)
        /// The keys have nothing in common by which the rows could be divided: the rule cannot run.
        case none
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
        forgetTest()
        let testConjuncts = rule.test.conjuncts.map {
            CompiledRule.Conjunct(expression: $0, node: compile($0, context))
        }
        let test = conjunction(testConjuncts)
        let testWindows = filterWindows..<program.windows.count
        let value = rule.value.map { compile(partOfTest: $0, context) }
        let limit = rule.limit.map { compile(partOfTest: $0, context) }
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
        var sharesEvidence = false
        if let window = merging.map({ program.windows[$0] }), window.isStatic, window.keys.count == window.sameCount,
            !window.focusInputs.contains(where: { program.nodes[Int($0)].operation == .listColumn })
        {
            switch window.range {
            case nil, .days: sharesEvidence = true
            default: break
            }
        }
        return CompiledRule(
            number: number, rule: rule, table: rule.unit.table.position, keys: keys, isGroup: isGroup,
            matches: rule.lists.map { match($0, context) }, filter: filter, test: test,
            filterConjuncts: filterConjuncts, testConjuncts: testConjuncts, value: value,
            valueScale: rule.value?.scale ?? 0, limit: limit, limitScale: rule.limit?.scale ?? 0, amount: amount,
            amountScale: amountScale, evidenceWindows: evidence,
            evidenceScopes: evidence.map { program.windows[$0].scope }, mergingWindow: merging,
            sharesEvidence: sharesEvidence, gatheredEvidence: evidence.filter { !sharesEvidence || $0 != merging },
            boundedEvidence: isGroup || merging != nil ? [] : evidence.filter { isBoundedEvidence($0) },
            partition: partition(of: rule, keys: keyExpressions),
            calendarKeys: zip(keyExpressions, keys).compactMap { calendarKey($0, $1) },
            isMemberBounded: keyExpressions.contains(where: \.isClosedByItself),
            filterUsesLists: rule.filter?.usesList ?? false,
            day: day(of: rule.unit.table, .focus))
    }

    /// Whether a window says of one person that something exists.
    private func isBoundedEvidence(_ number: Int) -> Bool {
        let window = program.windows[number]
        return window.function == .exists && (window.scope == .person || window.scope == .encounter)
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
        let columns = match.on.map { on -> CompiledRule.Match.Condition in
            let column = knowledge.lists[list].compared(
                on.column, with: on.expression.isNumeric ? on.expression.scale : nil)
            return CompiledRule.Match.Condition(
                column: column, node: aligned(on.expression, column.scale, context))
        }
        let bound = knowledge.lists[list]
        return CompiledRule.Match(
            list: list, columns: columns, index: index, lead: lead,
            isExact: columns.count == 1 && index.isExact && bound.isPlain && !bound.isRanked)
    }

    /// Timelines of persons whenever a key or a window speaks of a person or an encounter; else the first key that the
    /// group and all windows share.
    private func partition(of rule: Rule, keys: [Expression]) -> CompiledRule.Partition {
        let table = rule.unit.table
        var windows: [Window] = []
        for condition in [rule.filter, rule.test] {
            _ = condition?.contains { expression in
                if case .aggregate(let aggregate) = expression.node, let window = aggregate.window {
                    windows.append(window)
                }
                return false
            }
        }
        if keys.isEmpty && windows.isEmpty { return table.role == .timeline ? .person : .keyed(anyKey(of: table)) }
        func isPersonal(_ expression: Expression) -> Bool {
            expression.isIdentity(of: .encounter) || expression.isIdentity(of: .person)
        }
        let personal = windows.filter { $0.same.contains { isPersonal($0.focus) && isPersonal($0.related) } }
        let isGroupPersonal = keys.isEmpty || keys.contains(where: isPersonal)
        if table.role == .timeline, isGroupPersonal, personal.count == windows.count { return .person }
        guard personal.isEmpty, keys.isEmpty || !isGroupPersonal else { return .none }
        let sides = (keys.isEmpty ? [] : [keys]) + windows.map { $0.same.map(\.focus) }
        let common = sides[0].filter { key in
            !key.isPeriodLike && sides.dropFirst().allSatisfy { side in side.contains { $0.isSame(as: key) } }
        }
        for key in common where isOneKey(key, in: windows, focus: table) { return .keyed(key) }
        return .none
    }

    /// Whether the key means the same field of a table in all windows that look at it.
    private func isOneKey(_ key: Expression, in windows: [Window], focus: Table) -> Bool {
        var related: [Table: Expression] = [focus: key]
        for window in windows {
            guard let same = window.same.first(where: { $0.focus.isSame(as: key) }) else { return false }
            if let known = related[window.table], !known.isSame(as: same.related) { return false }
            related[window.table] = same.related
        }
        return true
    }

    /// Rows of a rule that looks at nothing beside them may be divided in any way.
    private func anyKey(of table: Table) -> Expression {
        Expression(
            .field(FieldPath(start: table, steps: [], field: .stored(table.index(of: "item") ?? 0)), .focus),
            type: .text, at: SourcePosition(file: "", line: 0, column: 0))
    }

    /// The nodes that choose rows of dated and area-bound lists for rows of a table.
    mutating func selection(_ table: Table) -> Binding.Selection {
        var selection = Binding.Selection()
        let unknown = program.append(Node(operation: .unknown))
        selection = Binding.Selection(
            fee: unknown, discharge: unknown, settlement: unknown, care: unknown, home: unknown)
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
            let settled = table == .settlement ? table.dayPath : nil
            selection.settlement =
                settled == nil ? program.append(Node(operation: .settlementDay, a: selection.fee)) : selection.fee
            let up: [Table] = table == .encounter ? [] : [.encounter]
            selection.care = node([field(up, "care_area"), field(up + [.institution], "area")])
            selection.home = node([field(up, "home_area"), field(up + [.person], "home_area")])
            let end = program.append(
                Node(operation: .access, a: program.access(FieldPath(start: table, steps: up, field: .end))))
            selection.discharge = program.append(Node(operation: .dayOf, a: end))
        } else if table.role == .movement {
            selection.settlement = selection.fee
            selection.care = node([field([.institution], "area")])
        }
        return selection
    }
}

extension Expression {
    /// A key by which rows are delivered whole: one encounter, operation, prescription or settlement.
    var isClosedByItself: Bool {
        if case .identity(let table) = type { return table == .encounter }
        guard case .field(let path, _) = node, path.steps.isEmpty, case .stored(let index) = path.field,
            path.start == .line
        else { return false }
        return ["operation", "prescription", "settlement"].contains(Table.line.fields[index].name)
    }

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
