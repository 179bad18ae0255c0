import Claims
import Rules

/// A rule that looks across persons: which rows belong together, and a bound that rules most of them out.
final class KeyedPlan: @unchecked Sendable {
    /// Rows of a table that take part, and the node that gives their partition key.
    struct Part {
        let table: Table
        let key: Int32
        let isRelated: Bool
    }

    /// How rows are counted into bins by a hash of their keys; a bin below the smallest count cannot convict.
    final class Bins: @unchecked Sendable {
        /// A code column of the encounter, perhaps through a table from code to number; field -1: the day.
        struct Component {
            let field: Int
            let numbers: UnsafeMutablePointer<Int32>?
            let count: Int
        }

        let components: UnsafeMutablePointer<Component>
        let componentCount: Int
        let startDay = Table.encounter.index(of: "start_day") ?? 0
        let startSecond = Table.encounter.index(of: "start_second") ?? 0
        let leastCount: Int
        /// For windows of seconds: their length; neighbouring bins are looked at together. 0: none.
        let seconds: Int64
        let filter: EncounterFilter

        init(_ list: [Component], leastCount: Int, seconds: Int64, filter: EncounterFilter) {
            components = .allocate(capacity: max(1, list.count))
            components.initialize(from: list, count: list.count)
            componentCount = list.count
            self.leastCount = leastCount
            self.seconds = seconds
            self.filter = filter
        }

        deinit {
            for index in 0..<componentCount { components[index].numbers?.deallocate() }
            components.deallocate()
        }
    }

    let rule: CompiledRule
    let parts: [Part]
    let bins: Bins?
    /// Whether the lines and other children of gathered encounters are looked at.
    let needsChildren: Bool
    /// Whether lines that were not gathered are at stake with their encounters.
    let needsEncounterLines: Bool
    var path: String { bins == nil ? "gathered" : "counted" }

    init(_ rule: CompiledRule, _ binding: Binding, isGeneral: Bool) {
        self.rule = rule
        guard case .keyed(let key) = rule.partition else {
            preconditionFailure("rule \(rule.rule.id) has no key across persons")
        }
        var parts = [
            Part(table: rule.rule.unit.table, key: binding.partitionNodes[rule.number] ?? -1, isRelated: false)
        ]
        for (table, node) in binding.relatedPartitionNodes[rule.number] ?? [] where table != rule.rule.unit.table {
            if !parts.contains(where: { $0.table == table }) {
                parts.append(Part(table: table, key: node, isRelated: true))
            }
        }
        self.parts = parts
        _ = key
        var needsChildren = false
        // Money at stake needs the settlements, and sometimes the lines, of the encounters.
        if case .none = rule.rule.amount {} else { needsChildren = true }
        if rule.rule.expressions.contains(where: { expression in
            expression.windowTables.contains { $0.role == .timeline && $0 != .encounter && $0 != rule.rule.unit.table }
                || expression.contains { if case .covered(.entitlement, _, _) = $0.node { true } else { false } }
        }) {
            needsChildren = true
        }
        // So do the lists that the day of settlement chooses rows of.
        if binding.knowledge.lists.contains(where: { $0.isDated && $0.source.dateSelector == .settlement }) {
            needsChildren = true
        }
        self.needsChildren = needsChildren
        if case .encounter = rule.rule.amount {
            needsEncounterLines = parts.contains { $0.table == .line }
        } else {
            needsEncounterLines = false
        }
        bins = isGeneral || parts.count > 1 ? nil : Self.bins(rule, binding)
    }

    private static func bins(_ rule: CompiledRule, _ binding: Binding) -> Bins? {
        guard rule.table == binding.encounterTable else { return nil }
        let forms = SieveForms(rule: rule, binding: binding)
        for conjunct in rule.testConjuncts {
            guard let bound = SieveForms.bound(conjunct.expression),
                [.count, .countDistinct].contains(bound.aggregate.function), case .number(let limit) = bound.limit.node,
                bound.limit.scale == 0
            else { continue }
            var seconds: Int64 = 0
            var keys: [Expression]
            if let window = bound.aggregate.window {
                guard window.table == .encounter, window.same.allSatisfy({ $0.focus.isMirror(of: $0.related) }),
                    case .seconds(let low?, let high?) = window.range, low <= 0, high >= 0
                else { continue }
                seconds = max(1, Int64(high - low))
                keys = window.same.map(\.focus)
            } else {
                guard case .group(_, let list) = rule.rule.unit else { continue }
                keys = list.map(\.expression)
            }
            let components = keys.compactMap { component($0, binding) }
            guard components.count == keys.count else { continue }
            let scope: RowScope = bound.aggregate.window == nil ? .focus : .related
            let conditions =
                bound.aggregate.window == nil
                ? rule.filterConjuncts.map(\.expression) : bound.aggregate.window?.filter?.conjuncts ?? []
            return Bins(
                components, leastCount: Int(limit) + (bound.isStrict ? 1 : 0), seconds: seconds,
                filter: EncounterFilter(conditions, forms, binding, scope: scope))
        }
        return nil
    }

    private static func component(_ expression: Expression, _ binding: Binding) -> Bins.Component? {
        if expression.isReferenceDay { return Bins.Component(field: -1, numbers: nil, count: 0) }
        switch expression.node {
        case .field(let path, _):
            guard path.start == .encounter, path.steps.isEmpty, case .stored(let field) = path.field,
                Table.encounter.isNumbered(field)
            else { return nil }
            return Bins.Component(field: field, numbers: nil, count: 0)
        case .prefix(let operand, let count):
            guard case .field(let path, _) = operand.node, path.start == .encounter, path.steps.isEmpty,
                case .stored(let field) = path.field, Table.encounter.isNumbered(field)
            else { return nil }
            let numbers = binding.prefixNumbers(field, count)
            let table = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, numbers.count))
            table.initialize(from: numbers, count: numbers.count)
            return Bins.Component(field: field, numbers: table, count: numbers.count)
        default: return nil
        }
    }
}

/// One thread's counts of a keyed rule.
final class KeyedCounter: @unchecked Sendable {
    static let size = 1 << 21

    let plan: KeyedPlan
    let counts: UnsafeMutablePointer<UInt16>
    /// For counting; whoever asks for survivors brings a scan of its own, because threads share the counter then.
    private let scan = BinScan()

    init(_ plan: KeyedPlan) {
        self.plan = plan
        let size = plan.bins == nil ? 1 : Self.size
        counts = .allocate(capacity: size)
        counts.initialize(repeating: 0, count: size)
    }

    deinit { counts.deallocate() }

    func count(_ chunk: Chunk) {
        guard let bins = plan.bins else { return }
        let counts = counts
        for bin in scan.run(bins, chunk[.encounter]) where bin.isKnown {
            let place = Self.place(bin.number)
            counts[place] &+= counts[place] < UInt16.max ? 1 : 0
        }
    }

    func add(_ other: KeyedCounter) {
        guard plan.bins != nil else { return }
        for index in 0..<Self.size {
            let sum = UInt32(counts[index]) &+ UInt32(other.counts[index])
            counts[index] = UInt16(truncatingIfNeeded: min(sum, UInt32(UInt16.max)))
        }
    }

    /// The upper bits of the product are the well-mixed ones.
    @inline(__always) private static func place(_ bin: UInt64) -> Int {
        Int(truncatingIfNeeded: (bin &* BinScan.spread) &>> 43)
    }

    /// The rows that may belong to a group large enough to convict.
    func survivors(_ rows: TableRows, _ scan: BinScan) -> [Int32] {
        guard let bins = plan.bins else { return (0..<Int32(rows.rows)).map { $0 } }
        var found: [Int32] = []
        let counts = counts
        func count(_ bin: UInt64) -> Int { Int(counts[Self.place(bin)]) }
        for bin in scan.run(bins, rows) {
            guard bin.isKnown else {
                found.append(bin.row)
                continue
            }
            // A window reaches into one neighbour on each side; so does every window this row is part of.
            let total =
                bins.seconds == 0
                ? count(bin.number) : count(bin.number &- 1) + count(bin.number) + count(bin.number &+ 1)
            if total >= bins.leastCount { found.append(bin.row) }
        }
        return found
    }
}
