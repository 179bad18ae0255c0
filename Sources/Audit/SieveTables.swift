import Claims
import Columns
import Rules

/// Interval guards by item code: a line is clear for a rule while its scalar lies inside the rule's interval.
///
/// Rules that look at the same scalar of the same item share a group, whose interval is the intersection of theirs:
/// the single rules are looked at only when a line falls outside. The cost follows the groups, not the rules.
final class GuardTable: @unchecked Sendable {
    enum Source: Hashable {
        case line(Int)
        case context(Int)
    }

    /// `entries[first..<first + count]` are those of the group.
    struct Group {
        var low = Int64.min
        var high = Int64.max
        var first: Int32 = 0
        var count: Int32 = 0
        /// The next group of the same item; -1: none.
        var next: Int32 = -1
        var source: Int16 = 0
        /// Of sets, whose members are looked at one by one.
        var isSet = false
    }

    struct Entry {
        var low: Int64
        var high: Int64
        var rule: Int32
        /// For sets: values[set..<set + setCount].
        var set: Int32 = 0
        var setCount: Int32 = 0
    }

    private struct Building {
        var code: Int32
        /// Lines' fields first, then context columns, then sets.
        var order: Int32
        var entry: Entry
    }

    private let itemCount: Int
    private var building: [Building] = []
    /// The first group of each item stands at its code, further ones behind all codes.
    private(set) var groups: [Group]
    /// By item: the first group as far as 32 bits hold it, for the loop that looks at every line.
    private(set) var intervals: [ColumnLoops.Interval] = []
    private(set) var entries: [Entry] = []
    private(set) var values: [Int64] = []
    private(set) var sources: [Source] = []
    private(set) var codesInUse: [Int] = []
    var isNarrow = false
    var role = 0

    init(codes: Int) {
        itemCount = codes
        groups = Array(repeating: Group(), count: codes)
    }

    func add(code: Int, rule: Int, source: Source, low: Int64, high: Int64) {
        building.append(
            Building(
                code: Int32(code), order: Self.order(source), entry: Entry(low: low, high: high, rule: Int32(rule))))
    }

    func add(code: Int, rule: Int, column: Int, set: [Int64]) {
        let entry = Entry(low: 0, high: 0, rule: Int32(rule), set: Int32(values.count), setCount: Int32(set.count))
        building.append(Building(code: Int32(code), order: 2000 + Int32(column), entry: entry))
        values.append(contentsOf: set)
    }

    func close() {
        building.sort { ($0.code, $0.order, $0.entry.rule) < ($1.code, $1.order, $1.entry.rule) }
        var numbers: [Int32: Int16] = [:]
        var next = 0
        while next < building.count {
            let (code, order) = (building[next].code, building[next].order)
            let source = numbers[order] ?? Int16(sources.count)
            if numbers[order] == nil {
                numbers[order] = source
                sources.append(order < 1000 ? .line(Int(order)) : .context(Int(order % 1000)))
            }
            var group = Group(
                low: Int64.min + 1, high: Int64.max, first: Int32(entries.count), source: source,
                isSet: order >= 2000)
            while next < building.count, building[next].code == code, building[next].order == order {
                group.low = max(group.low, building[next].entry.low)
                group.high = min(group.high, building[next].entry.high)
                group.count += 1
                entries.append(building[next].entry)
                next += 1
            }
            // Nothing lies inside a set's interval: its members are looked at one by one.
            if group.isSet { (group.low, group.high) = (Int64.max, Int64.min) }
            append(group, code: Int(code))
        }
        building = []
        intervals = groups.prefix(itemCount).map { group in
            var interval = ColumnLoops.Interval(low: group.low, high: group.high, source: Int(group.source))
            interval.next = group.next
            return interval
        }
    }

    private func append(_ group: Group, code: Int) {
        guard codesInUse.last == code else {
            codesInUse.append(code)
            groups[code] = group
            return
        }
        var last = code
        while groups[last].next >= 0 { last = Int(groups[last].next) }
        groups[last].next = Int32(groups.count)
        groups.append(group)
    }

    private static func order(_ source: Source) -> Int32 {
        switch source {
        case .line(let field): Int32(field)
        case .context(let column): 1000 + Int32(column)
        }
    }
}

/// Rules whose every line of certain items goes to the evaluator.
final class DirectTable: @unchecked Sendable {
    private var building: [(code: Int32, rule: Int32)] = []
    private(set) var starts: [Int32]
    private(set) var rules: [Int32] = []
    var isNarrow = false
    var role = 0

    init(codes: Int) { starts = Array(repeating: 0, count: codes + 1) }

    var codesInUse: [Int] { (0..<starts.count - 1).filter { starts[$0] < starts[$0 + 1] } }

    func add(_ rule: Int, _ codes: [Int]) { for code in codes { building.append((Int32(code), Int32(rule))) } }

    func close() {
        building.sort { ($0.code, $0.rule) < ($1.code, $1.rule) }
        var next = 0
        for code in 0..<starts.count - 1 {
            starts[code] = Int32(next)
            while next < building.count, Int(building[next].code) == code { next += 1 }
        }
        rules = building.map(\.rule)
        starts[starts.count - 1] = Int32(next)
        building = []
    }
}

/// Pairs (a, b): a line of item b is a candidate when its encounter, or person, has a line of item a, or of an item that stands for a.
final class PairTable: @unchecked Sendable {
    struct Pair {
        var a: Int32
        var rule: Int32
    }

    let isPersonal: Bool
    private var building: [(code: Int32, pair: Pair)] = []
    private(set) var starts: [Int32]
    private(set) var pairs: [Pair] = []
    private(set) var codesA: Set<Int> = []
    /// Places beyond those of the items, that several items stand for; by item, its own.
    private(set) var placeCount: Int
    private(set) var shared: [Int: [Int32]] = [:]
    var isNarrow = false
    var roleA = 0
    var roleB = 0

    init(isPersonal: Bool, codes: Int) {
        self.isPersonal = isPersonal
        starts = Array(repeating: 0, count: codes + 1)
        placeCount = codes
    }

    /// A place that any of the items stands for: half of a pair with each of them.
    func place(of items: [Int]) -> Int {
        if items.count == 1 { return items[0] }
        for item in items { shared[item, default: []].append(Int32(placeCount)) }
        codesA.formUnion(items)
        placeCount += 1
        return placeCount - 1
    }

    var codesB: [Int] { (0..<starts.count - 1).filter { starts[$0] < starts[$0 + 1] } }

    func add(b: Int, a: Int, rule: Int) {
        building.append((Int32(b), Pair(a: Int32(a), rule: Int32(rule))))
        if a < starts.count - 1 { codesA.insert(a) }
    }

    func close() {
        building.sort { ($0.code, $0.pair.a, $0.pair.rule) < ($1.code, $1.pair.a, $1.pair.rule) }
        var next = 0
        for code in 0..<starts.count - 1 {
            starts[code] = Int32(next)
            while next < building.count, Int(building[next].code) == code { next += 1 }
        }
        pairs = building.map(\.pair)
        starts[starts.count - 1] = Int32(next)
        building = []
    }
}

/// Items that need, or forbid, a diagnosis: the diagnoses of each as intervals of ranks.
///
/// Rules that ask the same of an item share an entry, so that the cost follows what is asked, not how often.
final class DiagnosisTable: @unchecked Sendable {
    struct Entry: Hashable {
        let isNegated: Bool
        /// `intervals[first..<first + count]`.
        let first: Int32
        let count: Int32
        /// `rules[firstRule..<firstRule + ruleCount]`.
        let firstRule: Int32
        let ruleCount: Int32
    }

    private struct Demand: Hashable {
        let isNegated: Bool
        let intervals: [ClosedRange<Int32>]
    }

    /// Entries of item code c: `entries[starts[c]..<starts[c + 1]]`.
    private(set) var starts: [Int32]
    private(set) var entries: [Entry] = []
    private(set) var intervals: [ClosedRange<Int32>] = []
    private(set) var rules: [Int32] = []
    /// Rank of a diagnosis code in byte order; -1 for codes that are not diagnoses of the dataset.
    let ranks: [Int32]
    private var building: [Int: [Demand: [Int32]]] = [:]
    /// The ranks of a text, or of what begins with it, once looked up.
    private var known: [Text: ClosedRange<Int32>?] = [:]
    var isNarrow = false
    var role = 0

    private struct Text: Hashable {
        let code: Int32
        let isPrefix: Bool
    }

    init(codes: Int, _ binding: Binding) {
        ranks = binding.diagnosisRanks.ranks
        starts = Array(repeating: 0, count: codes + 1)
    }

    var codesInUse: [Int] { (0..<starts.count - 1).filter { starts[$0] < starts[$0 + 1] } }

    func add(_ rule: Int, _ form: DiagnosisForm, _ gate: ItemGate, _ binding: Binding) {
        let index = form.list.index(column: form.itemColumn)
        let cells = form.list.columns[form.codeColumn]
        for code in gate.codes {
            var found: [ClosedRange<Int32>] = []
            for row in index.rows(Int32(code)) where cells.isKnown(Int(row)) {
                let text = Text(code: Int32(truncatingIfNeeded: cells.values[Int(row)]), isPrefix: cells.isPrefix)
                if let range = ranks(of: text, binding) { found.append(range) }
            }
            let demand = Demand(isNegated: form.isNegated, intervals: found)
            building[code, default: [:]][demand, default: []].append(Int32(rule))
        }
    }

    private func ranks(of text: Text, _ binding: Binding) -> ClosedRange<Int32>? {
        if let found = known[text] { return found }
        let found = binding.diagnosisRanks.ranks(binding.vocabulary.bytes(of: text.code), isPrefix: text.isPrefix)
        known[text] = found
        return found
    }

    /// Items that need the encounter to have a diagnosis of the set.
    func add(_ rule: Int, _ set: DiagnosisSet, _ gate: ItemGate) {
        let demand = Demand(isNegated: false, intervals: set.intervals)
        for code in gate.codes { building[code, default: [:]][demand, default: []].append(Int32(rule)) }
    }

    func close() {
        for code in 0..<starts.count - 1 {
            starts[code] = Int32(entries.count)
            let demands = (building[code] ?? [:]).sorted { ($0.value.first ?? 0) < ($1.value.first ?? 0) }
            for (demand, rules) in demands {
                entries.append(
                    Entry(
                        isNegated: demand.isNegated, first: Int32(intervals.count),
                        count: Int32(demand.intervals.count), firstRule: Int32(self.rules.count),
                        ruleCount: Int32(rules.count)))
                intervals += demand.intervals
                self.rules += rules
            }
        }
        starts[starts.count - 1] = Int32(entries.count)
        building = [:]
    }
}

/// The diagnoses of a dataset in byte order.
struct DiagnosisRanks {
    let ranks: [Int32]
    /// Vocabulary codes by rank.
    let codes: [Int32]
    private let sorted: [[UInt8]]

    init(_ codes: Set<Int32>, _ vocabulary: Vocabulary) {
        let ordered = codes.map { (vocabulary.bytes(of: $0), $0) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        var ranks = [Int32](repeating: -1, count: vocabulary.count)
        for (rank, entry) in ordered.enumerated() { ranks[Int(entry.1)] = Int32(rank) }
        self.ranks = ranks
        self.codes = ordered.map(\.1)
        sorted = ordered.map(\.0)
    }

    /// Ranks of the codes equal to, or beginning with, a text.
    func ranks(_ text: [UInt8], isPrefix: Bool) -> ClosedRange<Int32>? {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].lexicographicallyPrecedes(text) { low = middle + 1 } else { high = middle }
        }
        var end = low
        while end < sorted.count, isPrefix ? sorted[end].starts(with: text) : sorted[end] == text { end += 1 }
        return end > low ? Int32(low)...Int32(end - 1) : nil
    }
}

/// Encounters with several distinct items of a set (or only one).
final class DistinctTable: @unchecked Sendable {
    let rule: Int
    let wantsSeveral: Bool
    let isDaily: Bool
    let gate: ItemGate
    let counted: ItemGate
    var role = 0

    init(_ rule: Int, _ form: DistinctForm, gate: ItemGate, counted: ItemGate) {
        self.rule = rule
        wantsSeveral = form.wantsSeveral
        isDaily = form.isDaily
        self.gate = gate
        self.counted = counted
    }

    var codesInUse: [Int] { Array(Set(gate.codes).union(counted.codes)) }
}
