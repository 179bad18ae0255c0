import Claims
import Rules

/// What windows come to: folds over their related rows.
extension Evaluator {
    /// The value of a window's aggregate for a focus row.
    func fold(_ number: Int, _ focus: Int) -> Value {
        let window = plans[number]
        if binding.isAbsent[window.table] { return unknown(window, window.tableCause) }
        if isPlaceless && window.scope == .partition { return unknown(window, placelessCause) }
        guard let judgement, !isOpen else {
            return sumOfMembers(window, focus) ?? remembered(number, focus) ?? scanned(number, focus)
        }
        let memory = folds + number
        if memory.pointee.judgement == judgement, memory.pointee.focus == focus { return memory.pointee.value }
        let value = sumOfMembers(window, focus) ?? remembered(number, focus) ?? scanned(number, focus)
        // What is open also says why: it is looked at again.
        if value.isKnown { memory.pointee = FoldMemory(judgement: judgement, focus: focus, value: value) }
        return value
    }

    /// The value of a window of which nothing is known.
    private func unknown(_ window: WindowPlan, _ cause: Int32) -> Value {
        if firstUnknown == -1 { firstUnknown = cause }
        switch window.function {
        case .exists: return .maybe
        case .count, .countDistinct: return .unknownCount
        case .sum, .min, .max: return .unknown
        }
    }

    /// The fold by looking at every row of the scope.
    func scanned(_ number: Int, _ focus: Int) -> Value {
        let window = plans[number]
        if case .run(let days) = window.range {
            foldedRun = rowsOfRun(window, focus, days: days)
        }
        defer { foldedRun = nil }
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

    private func exists(_ window: WindowPlan, _ focus: Int, _ isIncomplete: Bool) -> Value {
        var result = Value.no
        let cause = firstUnknown
        // Who is flagged wants the rows as evidence: then they are passed once, not some of them twice.
        let most = window.isAscending ? window.evidenceMost : Int.max
        let isKept =
            window.isEvidence && !isOpen && judgement != nil
            && (most < Int.max || scope(window, focus).count <= binding.largeScope)
        var rows: [Int32] = []
        forEachRelated(window, focus) { row, isSure in
            if isKept { rows.append(Int32(truncatingIfNeeded: row)) }
            let isWanted = isKept && rows.count < most
            if result.isTrue { return isWanted }
            // What is flagged is not its own neighbour; what is flagged perhaps is a neighbour at most perhaps.
            let isOther = members.isEmpty || !window.excludesFocus ? Value.yes : .not(membership(row))
            if isOther.isFalse { return true }
            result = isSure && isOther.isTrue ? .yes : .maybe
            return isWanted || !result.isTrue
        }
        if result.isKnown { firstUnknown = cause }
        if isKept, result.isKnown, let judgement {
            found = FoundRows(
                judgement: judgement, window: window.number, focus: focus, rows: evidence(rows, of: window))
        }
        return isIncomplete && result.isFalse ? .maybe : result
    }

    private func count(_ window: WindowPlan, _ focus: Int) -> Value {
        var sure: Int64 = 0
        var all: Int64 = 0
        forEachRelated(window, focus) { _, isSure in
            sure &+= isSure ? 1 : 0
            all &+= 1
            return true
        }
        return Value(lo: Int128(sure), hi: Int128(all))
    }

    /// Whether a row belongs to the group at hand.
    private func membership(_ row: Int) -> Value {
        if members.count > 16 {
            if certainty.isEmpty { for member in members { certainty[member.row] = member.isSure } }
            return certainty[Int32(row)].map { $0 ? .yes : .maybe } ?? .no
        }
        for member in members where Int(member.row) == row { return member.isSure ? .yes : .maybe }
        return .no
    }

    private func sum(_ window: WindowPlan, _ focus: Int) -> Value {
        var total = Value(0)
        // Known numbers are added up in 64 bits for as long as they fit.
        var plain: Int64 = 0
        let argument = nodes + Int(window.argument)
        forEachRelated(window, focus) { row, isSure in
            var number: Int64 = 0
            if isSure, argument.pointee.isSimple, known(argument, focus, row, &number) {
                let (sum, overflow) = plain.addingReportingOverflow(number)
                if !overflow {
                    plain = sum
                    return true
                }
            }
            let value = evaluate(window.argument, focus, row)
            total = .add(total, isSure ? value : .hull(Value(0), value))
            return true
        }
        return .add(total, Value(plain))
    }

    private func countDistinct(_ window: WindowPlan, _ focus: Int) -> Value {
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
            if !sure.containsRising(value) { hi += 1 }
        }
        return Value(lo: max(lo, hasMember ? 1 : 0), hi: max(hi + Int128(unknownRows), hasMember ? 1 : 0))
    }

    private func extreme(_ window: WindowPlan, _ focus: Int, _ isIncomplete: Bool) -> Value {
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
            result =
                isMaximum
                ? Value(lo: max(known.lo, value.lo), hi: max(known.hi, value.hi))
                : Value(lo: min(known.lo, value.lo), hi: min(known.hi, value.hi))
            return true
        }
        guard var result else {
            if firstUnknown == -1 { firstUnknown = binding.emptyCause }
            return .unknown
        }
        for value in widening {
            if isMaximum { result.hi = max(result.hi, value.hi) } else { result.lo = min(result.lo, value.lo) }
        }
        if isIncomplete { if isMaximum { result.hi = Value.infinity } else { result.lo = Value.minusInfinity } }
        return result
    }
}
