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
    struct Bins {
        enum Component {
            /// A code column of the encounter.
            case code(Int)
            /// The first characters of a code column, as a number by code.
            case prefix(Int, [Int32])
            case day
        }

        let components: [Component]
        let leastCount: Int
        /// For windows of seconds: their length; neighbouring bins are looked at together.
        let seconds: Int64?
        let filter: EncounterFilter
    }

    let rule: CompiledRule
    let parts: [Part]
    let bins: Bins?
    var path: String { bins == nil ? "gathered" : "counted" }

    init(_ rule: CompiledRule, _ binding: Binding, isGeneral: Bool) {
        self.rule = rule
        guard case .keyed(let key) = rule.partition else { preconditionFailure("rule \(rule.rule.id) has no key across persons") }
        var parts = [Part(table: rule.rule.unit.table, key: binding.partitionNodes[rule.number] ?? -1, isRelated: false)]
        for (table, node) in binding.relatedPartitionNodes[rule.number] ?? [] where table != rule.rule.unit.table {
            if !parts.contains(where: { $0.table == table }) { parts.append(Part(table: table, key: node, isRelated: true)) }
        }
        self.parts = parts
        _ = key
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
            var seconds: Int64?
            var keys: [Expression]
            if let window = bound.aggregate.window {
                guard window.table == .encounter, window.same.allSatisfy({ $0.focus.isMirror(of: $0.related) }),
                    case .seconds(let low?, let high?) = window.range, low <= 0, high >= 0
                else { continue }
                seconds = Int64(high - low)
                keys = window.same.map(\.focus)
            } else {
                guard case .group(_, let list) = rule.rule.unit else { continue }
                keys = list.map(\.expression)
            }
            let components = keys.compactMap { component($0, binding) }
            guard components.count == keys.count else { continue }
            let scope: RowScope = bound.aggregate.window == nil ? .focus : .related
            let conditions = bound.aggregate.window == nil
                ? rule.filterConjuncts.map(\.expression) : bound.aggregate.window?.filter?.conjuncts ?? []
            return Bins(
                components: components, leastCount: Int(limit) + (bound.isStrict ? 1 : 0), seconds: seconds,
                filter: EncounterFilter(conditions, forms, binding, scope: scope))
        }
        return nil
    }

    private static func component(_ expression: Expression, _ binding: Binding) -> Bins.Component? {
        if expression.isReferenceDay { return .day }
        switch expression.node {
        case .field(let path, _):
            guard path.start == .encounter, path.steps.isEmpty, case .stored(let field) = path.field,
                Table.encounter.isNumbered(field)
            else { return nil }
            return .code(field)
        case .prefix(let operand, let count):
            guard case .field(let path, _) = operand.node, path.start == .encounter, path.steps.isEmpty,
                case .stored(let field) = path.field, Table.encounter.isNumbered(field)
            else { return nil }
            var numbers: [String: Int32] = [:]
            var table = [Int32](repeating: -1, count: binding.vocabulary.count)
            for code in binding.encounterCodes[field] ?? [] {
                let text = String(binding.vocabulary.string(code).prefix(count))
                let number = numbers[text] ?? Int32(numbers.count)
                numbers[text] = number
                table[Int(code)] = number
            }
            return .prefix(field, table)
        default: return nil
        }
    }
}

/// One thread's counts of a keyed rule.
final class KeyedCounter: @unchecked Sendable {
    static let size = 1 << 21

    let plan: KeyedPlan
    private(set) var counts: [UInt16]

    init(_ plan: KeyedPlan) {
        self.plan = plan
        counts = plan.bins == nil ? [] : Array(repeating: 0, count: Self.size)
    }

    func count(_ chunk: Chunk) {
        guard let bins = plan.bins else { return }
        let rows = chunk[.encounter]
        counts.withUnsafeMutableBufferPointer { counts in
            for encounter in 0..<rows.rows where bins.filter.admits(encounter, rows) {
                guard let bin = bins.bin(encounter, rows) else { continue }
                let place = Int(truncatingIfNeeded: bin &* KeyedPlan.Bins.spread) & (Self.size - 1)
                if counts[place] < UInt16.max { counts[place] &+= 1 }
            }
        }
    }

    func add(_ other: KeyedCounter) {
        for index in counts.indices { counts[index] = UInt16(min(Int(counts[index]) + Int(other.counts[index]), Int(UInt16.max))) }
    }

    /// Whether the row may belong to a group large enough to convict.
    func passes(_ encounter: Int, _ rows: TableRows) -> Bool {
        guard let bins = plan.bins else { return true }
        guard bins.filter.admits(encounter, rows) else { return false }
        guard let bin = bins.bin(encounter, rows) else { return true }
        func count(_ bin: UInt64) -> Int { Int(counts[Int(truncatingIfNeeded: bin &* KeyedPlan.Bins.spread) & (Self.size - 1)]) }
        if bins.seconds == nil { return count(bin) >= bins.leastCount }
        // A window reaches into one neighbour on each side; so does every window this row is part of.
        return count(bin &- 1) + count(bin) + count(bin &+ 1) >= bins.leastCount
    }
}

extension KeyedPlan.Bins {
    static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15 | 1

    /// The number of a row's bin before spreading; nil when a key is not known.
    func bin(_ encounter: Int, _ rows: TableRows) -> UInt64? {
        var hash: UInt64 = 0
        for component in components {
            let value: Int32
            switch component {
            case .code(let field): value = rows.slots[field].code(encounter)
            case .prefix(let field, let table):
                let code = rows.slots[field].code(encounter)
                value = code >= 0 && Int(code) < table.count ? table[Int(code)] : -1
            case .day:
                let slot = rows.slots[Self.startDay]
                value = slot.isValid(encounter) ? slot.int32s[encounter] : -1
            }
            if value < 0 { return nil }
            hash = (hash ^ UInt64(UInt32(bitPattern: value))) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash &>> 32
        }
        guard let seconds else { return mixed(hash) }
        let day = rows.slots[Self.startDay]
        let second = rows.slots[Self.startSecond]
        guard day.isValid(encounter), second.isValid(encounter) else { return nil }
        let time = Int64(day.int32s[encounter]) * 86_400 + Int64(second.int32s[encounter])
        return mixed(hash) &+ UInt64(bitPattern: time / max(1, seconds))
    }

    @inline(__always) private func mixed(_ hash: UInt64) -> UInt64 {
        let x = (hash ^ (hash &>> 29)) &* 0xC4CE_B9FE_1A85_EC53
        return x ^ (x &>> 32)
    }

    private static let startDay = Table.encounter.index(of: "start_day") ?? 0
    private static let startSecond = Table.encounter.index(of: "start_second") ?? 0
}
