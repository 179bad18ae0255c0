import Claims
import Rules

/// The members of windows that ask nothing of the focus row but their keys, gathered once for all rows that share those.
///
/// Sums, counts and evidence of a person's candidates come from one list in the order of days; rules whose windows say
/// the same share it. Only lists in which everything is certain are kept: what is open is asked row by row, which also
/// says why it is open.
struct MemberRuns {
    /// A member, its day, and the sum of all members before it.
    struct Member {
        let row: Int32
        let day: Int32
        var sum: Int64
    }

    struct Run {
        let window: Int32
        /// First row of the scope.
        let scope: Int
        /// Its keys are `keys[firstKey..<firstKey + count of the window's keys]`.
        let firstKey: Int
        /// Its members are `members[first..<last]`; the sum of all stands at `last`.
        var first = 0
        var last = 0
        /// False: a member is uncertain, or a number is not known or too large.
        var isCertain = false
        /// The run before with the same hash.
        let next: Int32
    }

    private(set) var runs: [Run] = []
    private(set) var members: [Member] = []
    private var keys: [Int128] = []
    private var heads = [Int32](repeating: -1, count: 1 << 12)

    /// Beyond so many members, and so many times the rows of the scope at hand, the memory begins anew.
    private static let most = 1 << 16
    private static let timesScope = 4

    mutating func forget() {
        guard !runs.isEmpty else { return }
        runs.removeAll(keepingCapacity: true)
        members.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        for index in heads.indices { heads[index] = -1 }
    }

    /// The place of the run of these keys, and whether it is new: its members must be added then.
    mutating func place(
        _ window: Int32, _ rows: Range<Int>, _ values: UnsafePointer<Value>, _ count: Int
    ) -> (run: Int, isNew: Bool) {
        let scope = rows.lowerBound
        var hash = UInt64(bitPattern: Int64(window)) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(scope)
        for index in 0..<count {
            hash = (hash ^ (hash &>> 29) ^ UInt64(truncatingIfNeeded: values[index].lo)) &* 0xBF58_476D_1CE4_E5B9
        }
        let head = Int(hash &>> 52)
        var place = heads[head]
        while place >= 0 {
            let run = runs[Int(place)]
            if run.window == window, run.scope == scope {
                var index = 0
                while index < count, keys[run.firstKey &+ index] == values[index].lo { index &+= 1 }
                if index == count { return (Int(place), false) }
            }
            place = run.next
        }
        if members.count > max(Self.most, rows.count * Self.timesScope) { forget() }
        runs.append(Run(window: window, scope: scope, firstKey: keys.count, next: heads[head]))
        heads[head] = Int32(runs.count - 1)
        for index in 0..<count { keys.append(values[index].lo) }
        return (runs.count - 1, true)
    }

    /// Puts the members of a new run in order of days and adds them up. False when the sum does not fit.
    mutating func keep(_ found: [Member], as run: Int) {
        runs[run].first = members.count
        var isAscending = true
        for place in found.indices.dropFirst() where found[place - 1].day > found[place].day { isAscending = false }
        let ordered = isAscending ? found : found.sorted { ($0.day, $0.row) < ($1.day, $1.row) }
        var sum: Int64 = 0
        for member in ordered {
            let (next, overflow) = sum.addingReportingOverflow(member.sum)
            if overflow { return }
            members.append(Member(row: member.row, day: member.day, sum: sum))
            sum = next
        }
        runs[run].last = members.count
        members.append(Member(row: -1, day: Int32.max, sum: sum))
        runs[run].isCertain = true
    }

    /// The members of a run between two days, both included.
    func places(_ run: Run, from: Int64, to: Int64) -> Range<Int> {
        let first = place(run.first..<run.last, notBefore: from)
        return first..<max(first, place(first..<run.last, notBefore: to == Int64.max ? to : to &+ 1))
    }

    private func place(_ range: Range<Int>, notBefore day: Int64) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if Int64(members[middle].day) < day { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Evaluator {
    /// The certain members of a static window for a focus row; nil: to be asked row by row.
    private func gathered(_ window: WindowPlan, _ focus: Int) -> MemberRuns.Run? {
        guard window.isGathered, !isOpen else { return nil }
        let scope = scope(window, focus)
        // A row without an encounter has no scope. Where every scope is large (tests), the memory of large ones is asked.
        if scope.isEmpty || binding.largeScope == 0 { return nil }
        let keys = keyStack + keyTop
        precondition(keyTop + window.keyCount <= 256, "windows nested too deep")
        keyTop &+= window.keyCount
        defer { keyTop &-= window.keyCount }
        for index in 0..<window.keyCount {
            keys[index] = evaluate(window.keys[index].focus, focus)
            guard keys[index].isKnown else { return nil }
        }
        let (place, isNew) = runs.place(window.twin, scope, keys, window.keyCount)
        if isNew, let found = certainMembers(window, focus) { runs.keep(found, as: place) }
        let run = runs.runs[place]
        return run.isCertain ? run : nil
    }

    /// All members whatever their day, each with its own number; nil when one is uncertain.
    private func certainMembers(_ window: WindowPlan, _ focus: Int) -> [MemberRuns.Member]? {
        let cause = firstUnknown
        firstUnknown = -1
        defer { firstUnknown = cause }
        var found: [MemberRuns.Member] = []
        var isCertain = true
        forEachSharing(window, focus) { row, truth in
            var day: Int64 = 0
            var number: Int64 = 1
            isCertain =
                truth.isTrue
                && (window.range == nil || known(nodes + Int(window.relatedTime), focus, row, &day))
                && (window.function == .count || known(nodes + Int(window.argument), focus, row, &number))
            found.append(
                MemberRuns.Member(
                    row: Int32(truncatingIfNeeded: row), day: Int32(truncatingIfNeeded: day), sum: number))
            return isCertain
        }
        return isCertain && firstUnknown == -1 ? found : nil
    }

    /// The certain members that the window of a focus row holds; nil: to be asked row by row.
    private func held(_ window: WindowPlan, _ focus: Int) -> Range<Int>? {
        guard let run = gathered(window, focus) else { return nil }
        guard case .days(let low, let high) = window.range else { return run.first..<run.last }
        var own: Int64 = 0
        guard known(nodes + Int(window.focusTime), focus, -1, &own) else { return nil }
        return runs.places(
            run, from: low.map { own &+ Int64($0) } ?? Int64.min, to: high.map { own &+ Int64($0) } ?? Int64.max)
    }

    /// The sum, or the number, of the members of a static window; nil: to be asked row by row.
    func sumOfMembers(_ window: WindowPlan, _ focus: Int) -> Value? {
        guard let held = held(window, focus) else { return nil }
        return Value(runs.members[held.upperBound].sum &- runs.members[held.lowerBound].sum)
    }

    /// The members of a static window as rows of its table, rising; nil: to be asked row by row.
    func rowsOfMembers(_ window: WindowPlan, _ focus: Int) -> [Int32]? { held(window, focus).map { rows($0) } }

    /// As `rowsOfMembers`, of members between two days.
    func rowsOfMembers(_ window: WindowPlan, _ focus: Int, from: Int128, to: Int128) -> [Int32]? {
        guard let run = gathered(window, focus) else { return nil }
        return rows(runs.places(run, from: Int64(clamping: from), to: Int64(clamping: to)))
    }

    private func rows(_ places: Range<Int>) -> [Int32] {
        var rows = [Int32](unsafeUninitializedCapacity: places.count) { buffer, count in
            for place in places { buffer[place &- places.lowerBound] = runs.members[place].row }
            count = places.count
        }
        for place in rows.indices.dropFirst() where rows[place - 1] > rows[place] {
            rows.sort()
            break
        }
        return rows
    }
}
