import Rules

/// What an evaluator remembers while it works on one large scope (a hot timeline: dialysis, a pharmacy's year).
///
/// Small scopes are scanned anew each time: that is faster than remembering.
struct ScopeMemory {
    /// Members of a window that share key values, by day, with running sums.
    final class Run {
        let window: Int
        let keys: [Int128]

        init(_ window: Int, _ keys: [Int128]) {
            self.window = window
            self.keys = keys
        }

        var days: [Int128] = []
        /// Sum of the members before each place, and of members whose day is not known.
        var sums: [Value] = [Value(0)]
        /// Members without bounds by day: running sums over them could not be subtracted.
        var unbounded: [(day: Int128, value: Value)] = []
        var floating = Value(0)
        /// What was first found unknown about a member.
        var cause: Int32 = -1
        /// Sums that left 128 bits cannot be subtracted from each other.
        var isExact = true
    }

    struct Key: Hashable {
        let window: Int
        let values: [Int128]
    }

    var scopes: [Int: Range<Int>] = [:]
    var runs: [Key: Run] = [:]
    /// The runs asked for last: looked through before the table of all.
    var recent: [Run] = []
    /// The value of a window, and what made it open.
    struct Result {
        let value: Value
        let cause: Int32
    }

    var results: [Key: Result] = [:]
    var related: [Key: [Int32]] = [:]

    var orders: [Int: TimeOrder] = [:]

    mutating func forget() {
        orders.removeAll(keepingCapacity: true)
        scopes.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        recent.removeAll(keepingCapacity: true)
        results.removeAll(keepingCapacity: true)
        related.removeAll(keepingCapacity: true)
    }

    /// Starts anew when a table's scope is another one than before.
    mutating func enter(_ table: Int, _ scope: Range<Int>) {
        if scopes[table] == scope { return }
        if scopes[table] != nil { forget() }
        scopes[table] = scope
    }
}

extension Evaluator {
    /// A fold over a large scope, from what is remembered; nil when the window must be scanned.
    func remembered(_ number: Int, _ focus: Int) -> Value? {
        let window = plans[number]
        guard window.scope == .person || window.scope == .partition, !window.excludesFocus else { return nil }
        let scope = scope(window, focus)
        let isSliding = window.function == .sum || window.function == .count
        if isSliding, window.isStatic, scope.count > binding.largeScope {
            memory.enter(window.table, scope)
            if let value = slidingSum(window, focus) { return value }
        }
        guard scope.count > binding.largeScope else { return nil }
        memory.enter(window.table, scope)
        guard let inputs = inputs(window, focus) else { return nil }
        let key = ScopeMemory.Key(window: isOpen ? ~number : number, values: inputs)
        let cause = firstUnknown
        let known: ScopeMemory.Result
        if let found = memory.results[key] {
            known = found
        } else {
            firstUnknown = -1
            let value = scanned(number, focus)
            known = ScopeMemory.Result(value: value, cause: value.isKnown ? -1 : firstUnknown)
            memory.results[key] = known
        }
        firstUnknown = cause == -1 ? known.cause : cause
        return known.value
    }

    /// Everything the window reads of the focus row; nil when something of it is not known.
    private func inputs(_ window: WindowPlan, _ focus: Int) -> [Int128]? {
        var values: [Int128] = []
        values.reserveCapacity(window.inputCount)
        for index in 0..<window.inputCount {
            let value = evaluate(window.inputs[index], focus)
            guard value.isKnown else { return nil }
            values.append(value.lo)
        }
        return values
    }

    /// SUM or COUNT over whole days: members are ordered by day once, a window is the difference of two running sums.
    private func slidingSum(_ window: WindowPlan, _ focus: Int) -> Value? {
        var low: Int?
        var high: Int?
        switch window.range {
        case .days(let a, let b):
            low = a
            high = b
        case nil: break
        default: return nil
        }
        let keys = keyStack + keyTop
        precondition(keyTop + window.keyCount <= 256, "windows nested too deep")
        keyTop &+= window.keyCount
        defer { keyTop &-= window.keyCount }
        for index in 0..<window.keyCount {
            let value = evaluate(window.keys[index].focus, focus)
            guard value.isKnown else { return nil }
            (keys + index).initialize(to: value)
        }
        let own = window.range == nil ? Value(0) : evaluate(window.focusTime, focus)
        guard own.isKnown else { return nil }
        let run = run(window, keys, focus)
        guard run.isExact else { return nil }
        let first = low.map { run.days.firstPlace(notBefore: own.lo + Int128($0)) } ?? 0
        let last = high.map { run.days.firstPlace(notBefore: own.lo + Int128($0) + 1) } ?? run.days.count
        var total = run.floating
        if last > first { total = .add(total, .difference(run.sums[last], run.sums[first])) }
        for entry in run.unbounded {
            if let low, entry.day < own.lo + Int128(low) { continue }
            if let high, entry.day > own.lo + Int128(high) { continue }
            total = .add(total, entry.value)
        }
        if firstUnknown == -1 && !total.isKnown { firstUnknown = run.cause }
        guard isOpen && !isComplete(window, focus) else { return total }
        return Value(
            lo: window.function == .count || window.argumentIsNonNegative ? total.lo : Value.minusInfinity,
            hi: Value.infinity)
    }

    private func run(_ window: WindowPlan, _ keys: UnsafeMutablePointer<Value>, _ focus: Int) -> ScopeMemory.Run {
        for known in memory.recent where known.window == window.number {
            var index = 0
            while index < window.keyCount, known.keys[index] == keys[index].lo { index &+= 1 }
            if index == window.keyCount { return known }
        }
        let key = ScopeMemory.Key(window: window.number, values: (0..<window.keyCount).map { keys[$0].lo })
        if memory.recent.count == 16 { memory.recent.removeAll(keepingCapacity: true) }
        if let known = memory.runs[key] {
            memory.recent.append(known)
            return known
        }
        let run = ScopeMemory.Run(window.number, key.values)
        var entries: [(day: Int128, value: Value)] = []
        let cause = firstUnknown
        firstUnknown = -1
        defer {
            run.cause = firstUnknown
            firstUnknown = cause
        }
        forEachSharing(window, focus) { row, truth in
            var value = window.function == .count ? Value(1) : evaluate(window.argument, focus, row)
            let day = window.range == nil ? Value(0) : evaluate(window.relatedTime, focus, row)
            if !truth.isTrue || !day.isKnown { value = .hull(Value(0), value) }
            if day.isKnown { entries.append((day.lo, value)) } else { run.floating = .add(run.floating, value) }
            return true
        }
        run.unbounded = entries.filter { !$0.value.isFinite }
        entries.removeAll { !$0.value.isFinite }
        entries.sort { $0.day < $1.day }
        for entry in entries {
            run.days.append(entry.day)
            run.sums.append(.add(run.sums[run.sums.count - 1], entry.value))
        }
        run.isExact = run.sums.allSatisfy { $0.isFinite }
        memory.runs[key] = run
        memory.recent.append(run)
        return run
    }

    /// Related rows of a window, remembered for large scopes.
    func relatedRows(_ number: Int, _ focus: Int) -> [Int32] {
        let window = plans[number]
        if binding.isAbsent[window.table] || (isPlaceless && window.scope == .partition) { return [] }
        if let found, found.judgement == judgement, found.window == number, found.focus == focus { return found.rows }
        if let rows = rowsOfMembers(window, focus) { return rows }
        let isLarge =
            (window.scope == .person || window.scope == .partition) && !window.excludesFocus
            && scope(window, focus).count > binding.largeScope
        var key: ScopeMemory.Key?
        if isLarge, let inputs = inputs(window, focus) {
            memory.enter(window.table, scope(window, focus))
            key = ScopeMemory.Key(window: number, values: inputs)
            if let key, let known = memory.related[key] { return known }
        }
        var rows: [Int32] = []
        let most = window.isAscending ? window.evidenceMost : Int.max
        forEachRelated(window, focus) { row, _ in
            rows.append(Int32(truncatingIfNeeded: row))
            return rows.count < most
        }
        rows = evidence(rows, of: window)
        if let key { memory.related[key] = rows }
        return rows
    }

    /// Of the related rows of a window those that stand as evidence.
    func evidence(_ rows: [Int32], of window: WindowPlan) -> [Int32] {
        guard rows.count > window.evidenceMost else { return rows }
        return Array((window.isAscending ? rows : rows.sorted()).prefix(window.evidenceMost))
    }

    /// Rows that share the window's keys with the focus row and lie between two times, both included.
    func sharingRows(_ number: Int, _ focus: Int, from: Int128, to: Int128) -> [Int32] {
        let window = plans[number]
        if let rows = rowsOfMembers(window, focus, from: from, to: to) { return rows }
        var rows: [Int32] = []
        forEachSharing(window, focus) { row, _ in
            let time = evaluate(window.relatedTime, focus, row)
            if time.hi >= from && time.lo <= to { rows.append(Int32(row)) }
            return true
        }
        return rows
    }
}

extension Value {
    /// The part of a running sum between two places: ends are subtracted each from its own.
    static func difference(_ later: Value, _ earlier: Value) -> Value {
        Value(lo: later.lo - earlier.lo, hi: later.hi - earlier.hi)
    }
}
