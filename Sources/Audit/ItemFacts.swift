import Claims
import Rules

/// The item codes for which a rule, or a window, can hold at all.
struct ItemGate {
    /// 0 no, 1 yes, 2 perhaps; by vocabulary code.
    let truth: [UInt8]
    let codes: [Int]

    init(_ truth: [UInt8]) {
        self.truth = truth
        codes = truth.indices.filter { truth[$0] != 0 }
    }

    @inline(__always) func isSure(_ code: Int32) -> Bool { code >= 0 && truth[Int(code)] == 1 }

    @inline(__always) func admits(_ code: Int32) -> Bool { code >= 0 && truth[Int(code)] != 0 }
}

/// What the conditions of a window say of a line by its item: 0 no, 1 yes, 2 perhaps.
struct WindowGate {
    let truth: [UInt8]
    /// Whether there are no other conditions.
    let isWhole: Bool
}

/// Evaluates conditions that depend on nothing but an item, for every item there is.
///
/// A chunk of its own holds one line per item code; the ordinary evaluator runs on it.
final class ItemFacts {
    let binding: Binding
    private let evaluator: Evaluator
    private let chunk = Chunk()
    private let codes: Int
    private var isItem: [Bool]

    init(_ binding: Binding) {
        self.binding = binding
        codes = binding.vocabulary.itemCount
        evaluator = Evaluator(binding)
        let items = chunk.arena.allocate(Int32.self, codes)
        for code in 0..<codes { items[code] = Int32(code) }
        var lines = chunk[.line]
        lines.rows = codes
        lines.isPresent = true
        lines.slots[binding.lineItemField].kind = .code
        lines.slots[binding.lineItemField].base = UnsafeRawPointer(items)
        chunk[.line] = lines
        isItem = []
        binding.windowGates = Array(repeating: nil, count: binding.program.windows.count)
        evaluator.enter(chunk)
        evaluator.focusTable = binding.lineTable
    }

    /// Items for which the rule's list match and item-only conditions do not fail; nil when there are none of them.
    func gate(_ rule: CompiledRule, _ forms: SieveForms) -> ItemGate? {
        var truth: [UInt8]?
        if let match = forms.itemMatch {
            let index = rule.matches[match].index
            truth = (0..<codes).map { index.hasRows($0) ? 1 : 0 }
        }
        for conjunct in rule.filterConjuncts + rule.testConjuncts
        where forms.isItemOnly(conjunct.expression, .focus) && !conjunct.expression.paths.isEmpty {
            truth = combine(truth, conjunct.node, related: false)
        }
        return truth.map { ItemGate($0) }
    }

    /// Every item.
    var all: ItemGate { ItemGate(Array(repeating: 1, count: codes)) }

    /// Items of the lines that a window may count; nil when its filter says nothing about items.
    func gate(of window: Window?, _ rule: CompiledRule, _ forms: SieveForms) -> ItemGate? {
        guard let window, let compiled = compiled(window) else { return nil }
        return binding.windowGates[compiled.number].map { ItemGate($0.truth) }
    }

    /// For each window with conditions about nothing but the related line's item: what they say by item code.
    func windowGates() -> [WindowGate?] {
        binding.program.windows.map { window in
            guard window.table == UInt8(binding.lineTable), window.filter >= 0, !window.filterRest.isEmpty else {
                return nil
            }
            let forms = SieveForms(rule: binding.rules[0], binding: binding)
            if window.filterRest.allSatisfy({ forms.isItemOnly($0, .related) }) {
                return WindowGate(truth: combine(nil, window.filter, related: true), isWhole: true)
            }
            // Conditions that are not about items are left out: what they say stays open.
            var truth: [UInt8]?
            let filter = binding.program.nodes[Int(window.filter)]
            for (index, condition) in window.filterRest.enumerated() {
                let node =
                    window.filterRest.count == 1
                    ? window.filter : binding.program.operands[Int(filter.first) + index]
                if forms.isItemOnly(condition, .related) && !condition.paths.isEmpty {
                    truth = combine(truth, node, related: true)
                } else if let index = itemsListed(node) {
                    truth = (0..<codes).map { truth?[$0] == 0 || !index.hasRows($0) ? 0 : 2 }
                }
            }
            return truth.map { WindowGate(truth: $0.map { $0 == 0 ? 0 : 2 }, isWhole: false) }
        }
    }

    /// Whether none of the conditions is known to fail for a line of one item and another line of the other.
    func mayHold(_ conditions: [Int32], _ own: Int, _ other: Int) -> Bool {
        conditions.allSatisfy { !evaluator.evaluate($0, own, other).isFalse }
    }

    /// Items of which every group of the rule has one: `SUM(CASE WHEN item IN LIST x THEN … ELSE 0 END) > 0`.
    func needed(_ rule: CompiledRule, _ forms: SieveForms) -> ItemGate? {
        guard rule.isGroup else { return nil }
        for conjunct in rule.testConjuncts {
            guard let bound = SieveForms.bound(conjunct.expression), bound.aggregate.window == nil,
                bound.aggregate.function == .sum, case .number(let limit) = bound.limit.node,
                limit >= (bound.isStrict ? 0 : 1),
                case .choose(let branches, let otherwise)? = bound.aggregate.argument?.node, branches.count == 1,
                case .number(0) = otherwise.node,
                case .inList(let name, let columns, let arguments) = branches[0].condition.node, arguments.count == 1,
                forms.isItem(arguments[0], .related)
            else { continue }
            let index = binding.knowledge.lists[binding.knowledge.number(of: name)].index(column: columns[0])
            return ItemGate((0..<codes).map { index.hasRows($0) ? 1 : 0 })
        }
        return nil
    }

    private func combine(_ truth: [UInt8]?, _ node: Int32, related: Bool) -> [UInt8] {
        if let listed = listed(node) {
            return (0..<codes).map { code in truth?[code] == 0 || !listed.hasRows(code) ? 0 : truth?[code] ?? 1 }
        }
        return (0..<codes).map { code -> UInt8 in
            if let truth, truth[code] == 0 { return 0 }
            let value = related ? evaluator.evaluate(node, 0, code) : evaluator.evaluate(node, code)
            let own: UInt8 = value.isFalse ? 0 : value.isTrue ? 1 : 2
            return own == 0 ? 0 : truth.map { max($0[code], own) } ?? own
        }
    }

    /// The index of a plain list when the node is `item IN LIST` over its first column.
    private func listed(_ number: Int32) -> ListIndex? {
        let node = binding.program.nodes[Int(number)]
        guard node.operation == .inList, node.count == 1 else { return nil }
        let membership = binding.knowledge.memberships[Int(node.k)]
        let list = binding.knowledge.lists[membership.list]
        let argument = binding.program.nodes[Int(binding.program.operands[Int(node.first)])]
        guard list.isPlain, list.columns[membership.columns[0].column].isCode, argument.operation == .access,
            binding.program.accesses[Int(argument.a)].path == SieveForms.itemPath
        else { return nil }
        return membership.index
    }

    /// The index by items of a list when the node is `(item, …) IN LIST`: an item without rows is not in it.
    private func itemsListed(_ number: Int32) -> ListIndex? {
        let node = binding.program.nodes[Int(number)]
        guard node.operation == .inList else { return nil }
        let membership = binding.knowledge.memberships[Int(node.k)]
        let lead = binding.program.nodes[Int(binding.program.operands[Int(node.first) + membership.lead])]
        guard membership.index.isExact, lead.operation == .access, lead.isRelated,
            binding.program.accesses[Int(lead.a)].path == SieveForms.itemPath
        else { return nil }
        return membership.index
    }

    /// The attribute of an item that sums are kept by: the item itself, or a code of its master row (ingredient …).
    func attribute(_ path: FieldPath?) -> [Int32] {
        guard let path else { return Array(repeating: 0, count: codes) }
        if path == SieveForms.itemPath { return (0..<Int32(codes)).map { $0 } }
        guard case .stored(let field) = path.field else { return Array(repeating: 0, count: codes) }
        let slot = binding.masters.chunk[.item].slots[field]
        return (0..<codes).map { code in
            let row = binding.masters.row(Table.item.position, code: Int32(code))
            return row >= 0 ? slot.code(Int(row)) : -1
        }
    }
}
