import Claims
import Rules

/// Which conditions, windows and rules of a program say the same (同问): an area's copy of a national rule, a new version
/// beside the released one, a condition that many rules share.
///
/// Lists count by their rows, not by their names. What says the same comes to the same on every claim.
struct Sayings {
    /// By node: the first one that says the same.
    let nodes: [Int32]
    /// By window: the first one that says the same, ranges apart; sums and counts alone share.
    let windows: [Int32]
    /// By number of rule: the first one that says the same, dispositions, grade and wording apart.
    let rules: [Int32]

    init(_ program: Program, _ rules: [CompiledRule], _ knowledge: BoundKnowledge) {
        var twins = Twins(program)
        twins.gather()
        nodes = twins.nodes
        windows = program.windows.map { twins.runsAlike($0) }
        self.rules = rules.map { twins.question(of: $0, knowledge) }
    }
}

/// Numbers nodes, windows and rules as they are met; equal ones have the number of the first.
private struct Twins {
    private struct NodeShape: Hashable {
        let operation: Node.Operation
        let isRelated: Bool
        let a: Int32
        let b: Int32
        let k: Int64
        let operands: [Int32]
    }

    private struct WindowShape: Hashable {
        let function: Aggregate.Function?
        let range: Window.Range?
        let parts: [Int32]
    }

    private struct Question: Hashable {
        let outcome: Outcome
        let days: [Day?]
        let keys: [String]
        let types: [ValueType]
        let parts: [Int32]
        let lists: [[Int]]
    }

    private let program: Program
    private var shapes: [NodeShape: Int32] = [:]
    private var whole: [WindowShape: Int32] = [:]
    private var runs: [WindowShape: Int32] = [:]
    private var questions: [Question: Int32] = [:]
    private(set) var nodes: [Int32] = []

    init(_ program: Program) { self.program = program }

    /// Operands stand before the nodes that use them, and what a window says before the node that asks it.
    mutating func gather() {
        nodes.reserveCapacity(program.nodes.count)
        for (number, node) in program.nodes.enumerated() {
            let shape = shape(of: node)
            let first = shapes[shape] ?? Int32(number)
            shapes[shape] = first
            nodes.append(first)
        }
    }

    private func twin(_ node: Int32) -> Int32 { node >= 0 ? nodes[Int(node)] : node }

    private mutating func shape(of node: Node) -> NodeShape {
        var (a, b) = (node.a, node.b)
        var operands = (0..<Int(node.count)).map { twin(program.operands[Int(node.first) + $0]) }
        switch node.operation {
        case .access: break
        // The column of a list, by the rows of that list.
        case .listColumn: operands = [node.first]
        case .startsWith: a = twin(a)
        case .aggregate: a = says(program.windows[Int(a)])
        default: (a, b) = (twin(a), twin(b))
        }
        return NodeShape(
            operation: node.operation, isRelated: node.isRelated, a: a, b: b, k: node.k, operands: operands)
    }

    /// The first window that says the same in everything.
    private mutating func says(_ window: CompiledWindow) -> Int32 {
        var parts = members(of: window)
        parts += [
            twin(window.argument), window.excludesFocus ? 1 : 0, window.isBounded ? 1 : 0, window.tableCause,
            window.argumentIsNonNegative ? 1 : 0, Int32(window.sameCount), Int32(window.calendarKeys.count),
        ]
        for key in window.calendarKeys { parts += [twin(key.node), key.period.map { Int32($0.number) } ?? -1] }
        let shape = WindowShape(function: window.function, range: window.range, parts: parts)
        let first = whole[shape] ?? Int32(window.number)
        whole[shape] = first
        return first
    }

    /// The first window whose members one gathering serves: sums of the same, or counts, ranges apart.
    mutating func runsAlike(_ window: CompiledWindow) -> Int32 {
        guard window.function == .count || window.function == .sum else { return Int32(window.number) }
        let shape = WindowShape(
            function: window.function, range: nil, parts: members(of: window) + [twin(window.argument)])
        let first = runs[shape] ?? Int32(window.number)
        runs[shape] = first
        return first
    }

    private func members(of window: CompiledWindow) -> [Int32] {
        var parts: [Int32] = [
            Int32(window.table), Int32(window.scope.rawValue), twin(window.filter), twin(window.relatedTime),
            twin(window.focusTime), window.isStatic ? 1 : 0, Int32(window.keys.count),
        ]
        for key in window.keys { parts += [twin(key.related), twin(key.focus)] }
        return parts
    }

    /// The first rule that flags the same rows on the same evidence for the same money.
    mutating func question(of rule: CompiledRule, _ knowledge: BoundKnowledge) -> Int32 {
        var parts: [Int32] = [
            Int32(rule.table), rule.isGroup ? 1 : 0, twin(rule.filter), twin(rule.test), twin(rule.value ?? -1),
            Int32(rule.valueScale), twin(rule.limit ?? -1), Int32(rule.limitScale), twin(rule.amount ?? -1),
            Int32(rule.amountScale), twin(rule.day),
        ]
        switch rule.rule.amount {
        case .lines: parts.append(0)
        case .excess: parts.append(1)
        case .encounter: parts.append(2)
        case .none: parts.append(3)
        case .expression: parts.append(4)
        }
        parts += rule.keys.map(twin)
        var keys: [Rule.Key] = []
        if case .group(_, let list) = rule.rule.unit { keys = list }
        let question = Question(
            outcome: rule.rule.outcome, days: [rule.rule.validFrom, rule.rule.validTo], keys: keys.map(\.name),
            types: keys.map(\.expression.type), parts: parts,
            lists: rule.matches.map { match in
                [knowledge.twin(of: match.list), match.index.column, match.lead, match.isExact ? 1 : 0]
                    + match.columns.flatMap {
                        [$0.column.column, $0.column.scale, Int($0.column.factor), Int(twin($0.node))]
                    }
            })
        let first = questions[question] ?? Int32(rule.number)
        questions[question] = first
        return first
    }
}
