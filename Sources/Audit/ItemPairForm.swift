import Claims
import Rules

/// `EXISTS (line SAME encounter or person, … WHERE …)` of which some keys and conditions are about nothing but the two items: items
/// are tried beforehand, and only lines with a partner of such an item beside them are candidates. Items that the conditions cannot tell
/// apart, as those without a master row, are tried once.
struct ItemPairForm {
    let isPersonal: Bool
    private let window: CompiledWindow
    /// What must be equal of both items, by item; -1 is not known.
    private let keys: [[Int32]]
    /// Conditions on the two items.
    private let conditions: [Int32]
    /// By item: items of one number are alike to keys and conditions.
    private let kinds: [Int32]

    /// More pairs than this are not tried: binding would take longer than it saves.
    private static let triesMax = 100_000

    init?(_ expression: Expression, _ rule: CompiledRule, _ forms: SieveForms, _ items: ItemFacts) {
        guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
            let window = aggregate.window, window.table == .line, rule.rule.unit.table == .line, !rule.isGroup,
            let compiled = items.compiled(window)
        else { return nil }
        let isEncounter = window.same.contains {
            $0.related.isIdentity(of: .encounter) && $0.focus.isIdentity(of: .encounter)
        }
        let isPerson = window.same.contains { $0.related.isIdentity(of: .person) && $0.focus.isIdentity(of: .person) }
        guard isEncounter || isPerson else { return nil }
        isPersonal = !isEncounter
        self.window = compiled
        keys = window.same.compactMap { same in
            same.focus.isMirror(of: same.related) ? items.numbers(same.related, forms) : nil
        }
        let own = compiled.filterRest.filter { Self.isAboutItems($0, forms) }
        conditions = items.conditions(of: compiled) { condition in own.contains { $0.position == condition.position } }
        kinds = items.kinds(keys, read: own.flatMap { $0.paths.map(\.0) })
        // Conditions on the other item alone are the gate of the window.
        guard !keys.isEmpty || !conditions.isEmpty else { return nil }
    }

    /// Reads nothing but the items of the two lines, of each something.
    private static func isAboutItems(_ expression: Expression, _ forms: SieveForms) -> Bool {
        func reads(_ expression: Expression) -> Bool {
            switch expression.node {
            case .aggregate, .covered, .listColumn: return false
            case .field(let path, _):
                return path.start == .line && (path == SieveForms.itemPath || path.steps == [.item])
            case .inList(let list, _, let arguments):
                let knowledge = forms.binding.knowledge
                return knowledge.lists[knowledge.number(of: list)].isPlain && arguments.allSatisfy(reads)
            default: return expression.operands.allSatisfy(reads)
            }
        }
        let scopes = Set(expression.paths.map(\.1))
        return reads(expression) && scopes.contains(.focus) && scopes.contains(.related)
    }

    /// What may stand beside the items of a rule.
    struct Partners {
        /// Items of one kind, and another kind of which any may stand beside them.
        var pairs: [(own: [Int], other: Kind)] = []
        /// Items that may stand beside others of their kind, so beside themselves.
        var alone: [Int] = []
    }

    struct Kind {
        let number: Int32
        let items: [Int]
    }

    /// nil when there are too many kinds to try, or when trying them says nothing.
    func partners(_ gate: ItemGate, _ items: ItemFacts) -> Partners? {
        let others = byKind(items.counted(by: window))
        var groups: [[Int32]: [Kind]] = [:]
        for other in others { groups[keys.map { $0[other.items[0]] }, default: []].append(other) }
        // An item of which something is not known may agree with any.
        let open = groups.filter { $0.key.contains(-1) }.flatMap(\.value)
        var tries = 0
        var found = Partners()
        for own in byKind(gate.codes) {
            let key = keys.map { $0[own.items[0]] }
            let possible = key.contains(-1) ? others : (groups[key] ?? []) + open
            tries += possible.count
            guard tries <= Self.triesMax else { return nil }
            let partners = possible.filter { items.mayHold(conditions, own.items[0], $0.items[0]) }
            if partners.contains(where: { $0.number == own.number }) {
                found.alone += own.items
            } else {
                found.pairs += partners.map { (own.items, $0) }
            }
        }
        // Where every item may stand beside its like, nothing is ruled out.
        return found.alone.count < gate.codes.count ? found : nil
    }

    private func byKind(_ codes: [Int]) -> [Kind] {
        Dictionary(grouping: codes) { kinds[$0] }.map { Kind(number: $0.key, items: $0.value) }.sorted {
            $0.number < $1.number
        }
    }
}

extension ItemFacts {
    /// The window as it was compiled; nil when its conditions do not tell which it is.
    func compiled(_ window: Window) -> CompiledWindow? {
        binding.program.windows.first {
            $0.table == UInt8(binding.lineTable)
                && $0.filterRest.contains { part in
                    window.filter?.conjuncts.contains { $0.position == part.position } ?? false
                }
        }
    }

    /// A number by item, equal for items of equal keys whose fields that are read are equal.
    func kinds(_ keys: [[Int32]], read paths: [FieldPath]) -> [Int32] {
        var columns = keys
        for path in Set(paths) {
            guard path.steps == [.item], case .stored(let field) = path.field,
                case .code = path.table.fields[field].kind
            else { return all.codes.map { Int32($0) } }
            columns.append(attribute(path))
        }
        var known: [[Int32]: Int32] = [:]
        return all.codes.map { code in
            let read = columns.map { $0[code] }
            let number = known[read] ?? Int32(known.count)
            known[read] = number
            return number
        }
    }

    /// A number by item for what an expression reads of the item alone; nil for any other.
    func numbers(_ expression: Expression, _ forms: SieveForms) -> [Int32]? {
        switch expression.node {
        case .field(let path, _):
            guard path == SieveForms.itemPath || path.start == .line && path.steps == [.item],
                case .stored(let field) = path.field, case .code = path.table.fields[field].kind
            else { return nil }
            return attribute(path)
        case .prefix(let operand, let count):
            guard case .field(SieveForms.itemPath, _) = operand.node else { return nil }
            var known: [String: Int32] = [:]
            return all.codes.map { code in
                let text = String(binding.vocabulary.string(Int32(code)).prefix(count))
                let number = known[text] ?? Int32(known.count)
                known[text] = number
                return number
            }
        default: return nil
        }
    }

    /// The nodes of those conditions of a window that are wanted.
    func conditions(of window: CompiledWindow, where isWanted: (Expression) -> Bool) -> [Int32] {
        guard window.filter >= 0 else { return [] }
        let first = Int(binding.program.nodes[Int(window.filter)].first)
        return window.filterRest.indices.filter { isWanted(window.filterRest[$0]) }.map {
            window.filterRest.count == 1 ? window.filter : binding.program.operands[first + $0]
        }
    }

    /// The items of lines that a window may count.
    func counted(by window: CompiledWindow) -> [Int] {
        guard let gate = binding.windowGates[window.number] else { return all.codes }
        return gate.truth.indices.filter { gate.truth[$0] != 0 }
    }
}
