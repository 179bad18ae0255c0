import Claims
import Rules

/// Related rows and the folds over them.
extension Evaluator {
    /// The value of a window's aggregate for a focus row.
    func fold(_ number: Int, _ focus: Int) -> Value {
        let window = windows[number]
        let isIncomplete = isOpen && !isComplete(window, focus)
        switch window.function {
        case .exists: return exists(window, focus, isIncomplete)
        case .count: return widened(count(window, focus), isIncomplete, isNonNegative: true)
        case .sum: return widened(sum(window, focus), isIncomplete, isNonNegative: window.argumentIsNonNegative)
        case .countDistinct: return widened(countDistinct(window, focus), isIncomplete, isNonNegative: true)
        case .min, .max: return extreme(window, focus, isIncomplete)
        }
    }

    private func widened(_ value: Value, _ isIncomplete: Bool, isNonNegative: Bool) -> Value {
        guard isIncomplete else { return value }
        return Value(lo: isNonNegative ? value.lo : Value.minusInfinity, hi: Value.infinity)
    }

    private func exists(_ window: CompiledWindow, _ focus: Int, _ isIncomplete: Bool) -> Value {
        var result = Value.no
        forEachRelated(window, focus) { _, isSure in
            result = isSure ? .yes : .maybe
            return !isSure
        }
        return isIncomplete && result.isFalse ? .maybe : result
    }

    private func count(_ window: CompiledWindow, _ focus: Int) -> Value {
        var sure: Int64 = 0
        var all: Int64 = 0
        forEachRelated(window, focus) { _, isSure in
            sure &+= isSure ? 1 : 0
            all &+= 1
            return true
        }
        return Value(lo: Int128(sure), hi: Int128(all))
    }

    private func sum(_ window: CompiledWindow, _ focus: Int) -> Value {
        var total = Value(0)
        forEachRelated(window, focus) { row, isSure in
            let value = evaluate(window.argument, focus, row)
            total = .add(total, isSure ? value : .hull(Value(0), value))
            return true
        }
        return total
    }

    private func countDistinct(_ window: CompiledWindow, _ focus: Int) -> Value {
        var unknownRows: Int64 = 0
        var hasMember = false
        forEachRelated(window, focus) { row, isSure in
            let value = evaluate(window.argument, focus, row)
            if isSure { hasMember = true }
            if value.isKnown { noteDistinct(value.lo, isSure: isSure) } else { unknownRows &+= 1 }
            return true
        }
        let (sure, possible) = takeDistinct()
        var lo: Int128 = 0
        var previous: Int128?
        for value in sure where value != previous {
            lo += 1
            previous = value
        }
        var hi = lo
        previous = nil
        for value in possible where value != previous {
            previous = value
            if !sure.containsSorted(value) { hi += 1 }
        }
        return Value(lo: max(lo, hasMember ? 1 : 0), hi: max(hi + Int128(unknownRows), hasMember ? 1 : 0))
    }

    private func extreme(_ window: CompiledWindow, _ focus: Int, _ isIncomplete: Bool) -> Value {
        let isMaximum = window.function == .max
        var result: Value?
        var widening: [Value] = []
        forEachRelated(window, focus) { row, isSure in
            let value = evaluate(window.argument, focus, row)
            guard isSure else {
                widening.append(value)
                return true
            }
            guard let known = result else {
                result = value
                return true
            }
            result = isMaximum
                ? Value(lo: max(known.lo, value.lo), hi: max(known.hi, value.hi))
                : Value(lo: min(known.lo, value.lo), hi: min(known.hi, value.hi))
            return true
        }
        guard var result else { return .unknown }
        for value in widening {
            if isMaximum { result.hi = max(result.hi, value.hi) } else { result.lo = min(result.lo, value.lo) }
        }
        if isIncomplete { if isMaximum { result.hi = Value.infinity } else { result.lo = Value.minusInfinity } }
        return result
    }

    /// Calls the body with every row that is, or may be, related to the focus row; stops when it answers false.
    func forEachRelated(_ window: CompiledWindow, _ focus: Int, _ body: (Int, Bool) -> Bool) {
        if window.scope == .members {
            for member in members where !body(Int(member.row), member.isSure) { return }
            return
        }
        if case .run(let days) = window.range { return forEachInRun(window, focus, days: days, body) }
        forEachSharing(window, focus) { row, truth in
            var truth = truth
            if let range = window.range {
                truth = Self.and(truth, self.isInside(range, row, focus, window))
                if truth.isFalse { return true }
            }
            return body(row, truth.isTrue)
        }
    }

    /// Rows of the scope that share the keys and pass the filter, ranges apart.
    private func forEachSharing(_ window: CompiledWindow, _ focus: Int, _ body: (Int, Value) -> Bool) {
        let table = Int(window.table)
        let rows = scope(window, focus)
        var keys: [Value] = []
        for key in window.keys { keys.append(evaluate(key.focus, focus)) }
        let lead = window.keys.firstIndex { $0.codeField >= 0 }
        let leadSlot = lead.map { tables[table].slots[Int(window.keys[$0].codeField)] }
        let leadCode = lead.flatMap { keys[$0].isKnown ? Int32(truncatingIfNeeded: keys[$0].lo) : nil }

        let dayKey = window.keys.firstIndex { $0.dayField >= 0 }
        let daySlot = dayKey.map { tables[table].slots[Int(window.keys[$0].dayField)] }
        let day = dayKey.flatMap { keys[$0].isKnown ? Int32(truncatingIfNeeded: keys[$0].lo) : nil }
        let gate = binding.windowGates[window.number]
        let gateSlot = tables[table].slots[binding.lineItemField]

        func test(_ row: Int) -> Bool {
            if window.excludesFocus && row == focus { return true }
            var truth = Value.yes
            if let gate {
                let code = Int(gateSlot.code(row))
                if code >= 0 && code < gate.count {
                    if gate[code] == 0 { return true }
                    if gate[code] == 2 { truth = .maybe }
                } else {
                    truth = .maybe
                }
            }
            if let day, let daySlot {
                if daySlot.isValid(row) {
                    if daySlot.int32s[row] != day { return true }
                } else {
                    truth = .maybe
                }
            }
            for (index, key) in window.keys.enumerated() {
                if index == dayKey && day != nil { continue }
                if index == lead && leadCode != nil {
                    if leadSlot?.isValid(row) == false {
                        truth = .maybe
                        if firstUnknown < 0 { firstUnknown = access(key.related) }
                    }
                    continue
                }
                truth = Self.and(truth, .equal(keys[index], evaluate(key.related, focus, row)))
                if truth.isFalse { return true }
            }
            if window.filter >= 0 && gate == nil {
                truth = Self.and(truth, evaluate(window.filter, focus, row))
                if truth.isFalse { return true }
            }
            return body(row, truth)
        }

        guard let leadSlot, let leadCode, let lead else {
            for row in rows where !test(row) { return }
            return
        }
        if rows.count > 192 {
            let index = index(table, Int(window.keys[lead].codeField), rows)
            // Rows in timeline order: those with the code and those without any.
            let found = (index.rows(code: leadCode) + index.unknown)
            for row in (index.unknown.isEmpty ? found : found.sorted()) where !test(Int(row)) { return }
            return
        }
        for row in rows {
            let code = leadSlot.code(row)
            if code == leadCode || code < 0, !test(row) { return }
        }
    }

    @inline(__always) static func and(_ a: Value, _ b: Value) -> Value {
        a.isFalse || b.isFalse ? .no : a.isTrue && b.isTrue ? .yes : .maybe
    }

    private func isInside(_ range: Window.Range, _ row: Int, _ focus: Int, _ window: CompiledWindow) -> Value {
        let related = evaluate(window.relatedTime, focus, row)
        let own = evaluate(window.focusTime, focus)
        let distance = Value.add(related, .negate(own))
        switch range {
        case .days(let low, let high), .seconds(let low, let high):
            var truth = Value.yes
            if let low { truth = .lessOrEqual(Value(Int64(low)), distance) }
            if let high { truth = Self.and(truth, .lessOrEqual(distance, Value(Int64(high)))) }
            return truth
        case .run: return .yes
        }
    }

    /// Rows connected to the focus row by steps of at most `days` days; all are unsure when any of them is.
    private func forEachInRun(_ window: CompiledWindow, _ focus: Int, days: Int, _ body: (Int, Bool) -> Bool) {
        let own = evaluate(window.focusTime, focus)
        var rows: [(day: Int128, row: Int)] = []
        var isUnsure = !own.isKnown
        forEachSharing(window, focus) { row, truth in
            let day = evaluate(window.relatedTime, focus, row)
            if truth.isTrue && day.isKnown { rows.append((day.lo, row)) } else { isUnsure = true }
            return true
        }
        if isUnsure {
            // The run's extent is not known: every row may belong to it.
            forEachSharing(window, focus) { row, _ in body(row, false) }
            return
        }
        rows.sort { ($0.day, $0.row) < ($1.day, $1.row) }
        var runStart = 0
        for index in rows.indices {
            let isLast = index + 1 == rows.count
            guard isLast || rows[index + 1].day - rows[index].day > Int128(days) else { continue }
            let run = rows[runStart...index]
            if let first = run.first, let last = run.last,
                own.lo >= first.day - Int128(days), own.lo <= last.day + Int128(days)
            {
                for entry in run where !body(entry.row, true) { return }
            }
            runStart = index + 1
        }
    }

    /// The rows of the window's table that may be related at all.
    func scope(_ window: CompiledWindow, _ focus: Int) -> Range<Int> {
        let table = Int(window.table)
        switch window.scope {
        case .members: return 0..<0
        case .partition: return partition?[table] ?? 0..<tables[table].rows
        case .encounter:
            let encounter = encounter(of: focus)
            guard encounter >= 0 else { return 0..<0 }
            return table == binding.encounterTable
                ? encounter..<encounter + 1 : chunk.rows(table, encounters: encounter..<encounter + 1)
        case .person:
            let person = person(of: focus)
            guard person >= 0 else { return 0..<0 }
            return personRows(table, person)
        }
    }

    func personRows(_ table: Int, _ person: Int) -> Range<Int> {
        guard let starts = tables[binding.encounterTable].starts else { return 0..<0 }
        let encounters = Int(starts[person])..<Int(starts[person + 1])
        return table == binding.encounterTable ? encounters : chunk.rows(table, encounters: encounters)
    }

    func encounter(of focus: Int) -> Int {
        if focusTable == binding.encounterTable { return focus }
        guard let parent = tables[focusTable].parent else { return -1 }
        return Int(parent[focus])
    }

    func person(of focus: Int) -> Int {
        let encounter = encounter(of: focus)
        guard encounter >= 0, let parent = tables[binding.encounterTable].parent else { return -1 }
        return Int(parent[encounter])
    }

    /// Whether everything the window asks for lies inside what the dataset covers.
    func isComplete(_ window: CompiledWindow, _ focus: Int) -> Bool {
        if window.isBounded || binding.isClosedWorld { return true }
        if window.scope == .members { return areMembersComplete }
        let day = evaluate(window.focusDay, focus)
        guard day.isFinite else { return false }
        if window.isDayKey || window.periodKey == .hour, binding.covers(day.lo, day.hi) { return true }
        if let period = window.periodKey, period != .hour {
            let start = Calendar.periodStart(Int32(truncatingIfNeeded: day.lo), period.number)
            let last = Calendar.periodStart(Int32(truncatingIfNeeded: day.hi), period.number)
            if binding.covers(Int128(start), Int128(Calendar.periodEnd(last, period.number))) { return true }
        }
        switch window.range {
        case .days(let low?, let high?): return binding.covers(day.lo + Int128(low), day.hi + Int128(high))
        case .seconds(let low?, let high?):
            return binding.covers(
                day.lo + Value.floorDivide(Int128(low), 86_400), day.hi + Value.floorDivide(Int128(high), 86_400) + 1)
        default: return false
        }
    }
}

extension [Int128] {
    func containsSorted(_ value: Int128) -> Bool {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == value
    }
}
