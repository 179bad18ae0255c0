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
        self.needsChildren = needsChildren
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

    init(_ plan: KeyedPlan) {
        self.plan = plan
        let size = plan.bins == nil ? 1 : Self.size
        counts = .allocate(capacity: size)
        counts.initialize(repeating: 0, count: size)
    }

    deinit { counts.deallocate() }

    func count(_ chunk: Chunk) {
        guard let bins = plan.bins else { return }
        let rows = chunk[.encounter]
        for encounter in 0..<rows.rows where bins.filter.admits(encounter, rows) {
            guard let bin = bins.bin(encounter, rows) else { continue }
            let place = Self.place(bin)
            if counts[place] < UInt16.max { counts[place] &+= 1 }
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
        Int(truncatingIfNeeded: (bin &* KeyedPlan.Bins.spread) &>> 43)
    }

    /// Whether the row may belong to a group large enough to convict.
    func passes(_ encounter: Int, _ rows: TableRows) -> Bool {
        guard let bins = plan.bins else { return true }
        guard bins.filter.admits(encounter, rows) else { return false }
        guard let bin = bins.bin(encounter, rows) else { return true }
        func count(_ bin: UInt64) -> Int { Int(counts[Self.place(bin)]) }
        if bins.seconds == 0 { return count(bin) >= bins.leastCount }
        // A window reaches into one neighbour on each side; so does every window this row is part of.
        return count(bin &- 1) + count(bin) + count(bin &+ 1) >= bins.leastCount
    }
}

extension KeyedPlan.Bins {
    static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15 | 1

    /// The number of a row's bin before spreading; nil when a key is not known.
    func bin(_ encounter: Int, _ rows: TableRows) -> UInt64? {
        var hash: UInt64 = 0
        var index = 0
        while index < componentCount {
            let component = components[index]
            index &+= 1
            let value: Int32
            if component.field < 0 {
                let slot = rows.slots + startDay
                value = slot.pointee.isValid(encounter) ? slot.pointee.int32s[encounter] : -1
            } else {
                let code = (rows.slots + component.field).pointee.code(encounter)
                if let numbers = component.numbers {
                    value = code >= 0 && Int(code) < component.count ? numbers[Int(code)] : -1
                } else {
                    value = code
                }
            }
            if value < 0 { return nil }
            hash = (hash ^ UInt64(UInt32(bitPattern: value))) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash &>> 32
        }
        guard seconds > 0 else { return mixed(hash) }
        let day = rows.slots[startDay]
        let second = rows.slots[startSecond]
        guard day.isValid(encounter), second.isValid(encounter) else { return nil }
        let time = Int64(day.int32s[encounter]) * 86_400 + Int64(second.int32s[encounter])
        return mixed(hash) &+ UInt64(bitPattern: time / seconds)
    }

    @inline(__always) private func mixed(_ hash: UInt64) -> UInt64 {
        let x = (hash ^ (hash &>> 29)) &* 0xC4CE_B9FE_1A85_EC53
        return x ^ (x &>> 32)
    }

}
