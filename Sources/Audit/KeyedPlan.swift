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
        struct Component {
            enum Source {
                case day
                /// A code column of the row itself or of its encounter, or a text of the row.
                case code(Int)
                case encounterCode(Int)
                case text(Int)
            }

            let source: Source
            /// From code to number, where several codes count as one.
            let numbers: UnsafeMutablePointer<Int32>?
            let count: Int
        }

        let table: Table
        let components: [Component]
        let dayField: Int
        let secondField: Int
        let leastCount: Int
        /// For windows of days or seconds: their length in seconds; neighbouring bins are looked at together. 0: none.
        let span: Int64
        /// Whether a window is measured from the moment, not from the day.
        let isTimed: Bool
        /// The window's ends, in seconds from the row's own time.
        let ends: ClosedRange<Int64>
        let filter: EncounterFilter

        init(
            _ table: Table, _ components: [Component], leastCount: Int, reach: Reach, filter: EncounterFilter,
            _ binding: Binding
        ) {
            self.table = table
            self.components = components
            dayField = binding.referenceDay[table.position]
            secondField = binding.referenceSecond[table.position]
            self.leastCount = leastCount
            span = reach.span
            isTimed = reach.isTimed
            ends = reach.ends
            self.filter = filter
        }

        /// How far a window reaches around the row it is asked for; `span` 0: without end.
        struct Reach {
            var span: Int64 = 0
            var isTimed = false
            var ends: ClosedRange<Int64> = 0...0
        }

        /// The rows of a partition whose own window may hold enough of its rows; all where a time is not known.
        func crowded(_ rows: Range<Int>, _ table: TableRows) -> [Int32] {
            let all = rows.map { Int32(truncatingIfNeeded: $0) }
            let days = table.slots[dayField]
            let seconds = isTimed && secondField >= 0 ? table.slots[secondField] : Slot()
            let areTimed = rows.allSatisfy { days.isValid($0) && (!isTimed || seconds.isValid($0)) }
            guard span > 0, areTimed else { return all }
            func time(_ row: Int32) -> Int64 {
                Int64(days.int32s[Int(row)]) &* 86_400 &+ (isTimed ? Int64(seconds.int32s[Int(row)]) : 0)
            }
            var times = all.map { (time: time($0), row: $0) }
            times.sort { $0.time < $1.time }
            var kept: [Int32] = []
            var first = 0
            var end = 0
            for own in times {
                while times[first].time < own.time &+ ends.lowerBound { first &+= 1 }
                while end < times.count, times[end].time <= own.time &+ ends.upperBound { end &+= 1 }
                if end &- first >= leastCount { kept.append(own.row) }
            }
            return kept.sorted()
        }

        deinit { for component in components { component.numbers?.deallocate() } }
    }

    let rule: CompiledRule
    let parts: [Part]
    let bins: Bins?
    /// Conditions on a row of the unit's table alone. Where one is false, the row is in no unit, and no window counts it.
    let conditions: [Int32]
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
        conditions = isGeneral ? [] : Self.conditions(rule)
        bins = isGeneral || parts.count > 1 ? nil : Self.bins(rule, binding)
    }

    private static func conditions(_ rule: CompiledRule) -> [Int32] {
        var windows: [Window] = []
        for expression in rule.rule.expressions + [rule.rule.value, rule.rule.limit].compactMap({ $0 }) {
            _ = expression.contains {
                if case .aggregate(let aggregate) = $0.node, let window = aggregate.window,
                    window.table == rule.rule.unit.table
                {
                    windows.append(window)
                }
                return false
            }
        }
        let own = rule.filterConjuncts.filter { conjunct in
            !conjunct.expression.hasAggregate && !conjunct.expression.usesList
                && windows.allSatisfy { window in
                    (window.filter?.conjuncts ?? []).contains { !$0.readsFocus && $0.isTwin(of: conjunct.expression) }
                }
        }
        return own.map(\.node)
    }

    private static func bins(_ rule: CompiledRule, _ binding: Binding) -> Bins? {
        let table = rule.rule.unit.table
        guard table.referenceTime != nil else { return nil }
        let forms = SieveForms(rule: rule, binding: binding)
        let own = EncounterFilter.conditions(rule.filterConjuncts.map(\.expression), forms, scope: .focus)
        for conjunct in rule.testConjuncts {
            guard let bound = SieveForms.bound(conjunct.expression), let least = leastCount(bound), least > 1 else {
                continue
            }
            var reach = Bins.Reach()
            let keys: [Expression]
            var conditions = own
            if let window = bound.aggregate.window {
                guard window.table == table, window.same.allSatisfy({ $0.focus.isMirror(of: $0.related) }),
                    let found = self.reach(window.range)
                else { continue }
                reach = found
                keys = window.same.map(\.focus)
                conditions = EncounterFilter.conditions(window.filter?.conjuncts ?? [], forms, scope: .related)
                // A row that its own window does not count must not be lost: the rule's filter is as narrow.
                guard Set(conditions).isSubset(of: own) else { continue }
            } else {
                guard case .group(_, let list) = rule.rule.unit else { continue }
                keys = list.map(\.expression)
            }
            // The key of the partition first: rows that have only that may belong to any bin of it.
            guard case .keyed(let key) = rule.partition, let lead = keys.firstIndex(where: { $0.isSame(as: key) })
            else {
                continue
            }
            let ordered = [keys[lead]] + keys.indices.filter { $0 != lead }.map { keys[$0] }
            let components = ordered.compactMap { component($0, table, binding) }
            guard components.count == keys.count else { continue }
            return Bins(
                table, components, leastCount: least, reach: reach,
                filter: EncounterFilter(conditions, binding), binding)
        }
        return nil
    }

    /// So many rows a window must hold before the aggregate can exceed its limit; nil: nothing can be said.
    private static func leastCount(_ bound: SieveForms.Bound) -> Int? {
        guard case .number(let limit) = bound.limit.node, limit >= 0 else { return nil }
        var most: Int64 = 1
        var scale = 0
        switch bound.aggregate.function {
        case .count, .countDistinct: break
        case .sum:
            guard let argument = bound.aggregate.argument, let value = largest(argument), value > 0 else { return nil }
            most = value
            scale = argument.scale
        default: return nil
        }
        let common = max(scale, bound.limit.scale)
        guard common <= 6, most < 1 << 30, limit < 1 << 30 else { return nil }
        let a = limit * Int64.power(ofTen: common - bound.limit.scale)
        let b = most * Int64.power(ofTen: common - scale)
        return Int(bound.isStrict ? a / b + 1 : (a + b - 1) / b)
    }

    /// The largest number that a choice between numbers can give.
    private static func largest(_ expression: Expression) -> Int64? {
        switch expression.node {
        case .number(let value): return value
        case .arithmetic(.subtract, let a, let b):
            guard case .number(let x) = a.node, case .number(let y) = b.node, a.scale == b.scale else { return nil }
            return x - y
        case .negate(let a):
            guard case .number(let value) = a.node else { return nil }
            return -value
        case .choose(let branches, let otherwise):
            var most: Int64?
            for result in branches.map(\.result) + [otherwise] {
                guard result.scale == expression.scale, let value = largest(result) else { return nil }
                most = max(most ?? value, value)
            }
            return most
        default: return nil
        }
    }

    /// How long a window is, around the row it is asked for.
    private static func reach(_ range: Window.Range?) -> Bins.Reach? {
        switch range {
        case .seconds(let low?, let high?) where low <= 0 && high >= 0:
            Bins.Reach(span: max(1, Int64(high - low)), isTimed: true, ends: Int64(low)...Int64(high))
        case .days(let low?, let high?) where low <= 0 && high >= 0:
            Bins.Reach(
                span: max(1, Int64(high - low)) * 86_400, isTimed: false,
                ends: Int64(low) * 86_400...Int64(high) * 86_400)
        case nil: Bins.Reach()
        default: nil
        }
    }

    private static func component(_ expression: Expression, _ table: Table, _ binding: Binding) -> Bins.Component? {
        if expression.isReferenceDay { return Bins.Component(source: .day, numbers: nil, count: 0) }
        switch expression.node {
        case .field(let path, _):
            guard path.start == table, case .stored(let field) = path.field,
                case .code = path.table.fields[field].kind
            else { return nil }
            if path.steps == [.encounter], table.role == .timeline, Table.encounter.isNumbered(field) {
                return Bins.Component(source: .encounterCode(field), numbers: nil, count: 0)
            }
            guard path.steps.isEmpty else { return nil }
            return Bins.Component(
                source: table.isNumbered(field) ? .code(field) : .text(field), numbers: nil, count: 0)
        case .prefix(let operand, let count):
            guard case .field(let path, _) = operand.node, path.start == .encounter, path.steps.isEmpty,
                case .stored(let field) = path.field, Table.encounter.isNumbered(field)
            else { return nil }
            let numbers = binding.prefixNumbers(field, count)
            let table = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, numbers.count))
            table.initialize(from: numbers, count: numbers.count)
            return Bins.Component(source: .code(field), numbers: table, count: numbers.count)
        default: return nil
        }
    }
}
