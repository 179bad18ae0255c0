import Claims
import Rules

/// The rows that a window relates to a focus row.
extension Evaluator {
    /// Calls the body with every row that is, or may be, related to the focus row; stops when it answers false.
    func forEachRelated(_ window: WindowPlan, _ focus: Int, _ body: (Int, Bool) -> Bool) {
        if window.scope == .members {
            for member in members where !body(Int(member.row), member.isSure) { return }
            return
        }
        if case .run(let days) = window.range {
            let run = foldedRun ?? rowsOfRun(window, focus, days: days)
            for row in run.rows where !body(Int(row), run.isKnown) { return }
            return
        }
        guard let range = window.range else {
            return forEachSharing(window, focus) { row, truth in body(row, truth.isTrue) }
        }
        let days = days(of: window, focus)
        let own = shortTime(window.focusTime, focus, -1)
        forEachSharing(window, focus, among: timely(window, focus), on: days) { row, truth in
            var truth = truth
            if let own, let time = self.shortTime(window.relatedTime, focus, row) {
                if !Self.isInside(range, time &- own) { return true }
            } else {
                truth = Self.and(truth, self.isInside(range, row, focus, window))
                if truth.isFalse { return true }
            }
            return body(row, truth.isTrue)
        }
    }

    /// A day or a moment, when it is known to be one.
    @inline(__always) private func shortTime(_ number: Int32, _ focus: Int, _ related: Int) -> Int64? {
        let node = nodes + Int(number)
        var time: Int64 = 0
        return node.pointee.isSimple && known(node, focus, related, &time) ? time : nil
    }

    /// Whether a row so many days or seconds from the focus row lies in a range.
    @inline(__always) private static func isInside(_ range: Window.Range, _ distance: Int64) -> Bool {
        switch range {
        case .days(let low, let high), .seconds(let low, let high):
            if let low, distance < Int64(low) { return false }
            if let high, distance > Int64(high) { return false }
            return true
        case .run: return true
        }
    }

    /// The days on which a row must lie to be inside the window's range; all days where that is not known.
    private func days(of window: WindowPlan, _ focus: Int) -> ClosedRange<Int32> {
        let all = Int32.min...Int32.max
        let seconds: Int128
        let ends: (low: Int?, high: Int?)
        switch window.range {
        case .days(let low, let high): (seconds, ends) = (1, (low, high))
        case .seconds(let low, let high): (seconds, ends) = (86_400, (low, high))
        default: return all
        }
        guard window.rangeDayField >= 0 else { return all }
        let own = evaluate(window.focusTime, focus)
        guard own.isFinite else { return all }
        if own.isKnown, seconds == 1 {
            let day = Int64(truncatingIfNeeded: own.lo)
            let from = ends.low.map { day &+ Int64($0) } ?? Int64(Int32.min)
            let to = ends.high.map { day &+ Int64($0) } ?? Int64(Int32.max)
            return from <= to ? Int32(clamping: from)...Int32(clamping: to) : all
        }
        let from = ends.low.map { Value.floorDivide(own.lo + Int128($0), seconds) } ?? Int128(Int32.min)
        let to = ends.high.map { Value.floorDivide(own.hi + Int128($0), seconds) } ?? Int128(Int32.max)
        guard from <= to else { return all }
        return Int32(clamping: from)...Int32(clamping: to)
    }

    /// Rows of the scope that share the keys and pass the filter, ranges apart. `days`: rows of other days are left out.
    func forEachSharing(
        _ window: WindowPlan, _ focus: Int, among chosen: [Int32]? = nil,
        on days: ClosedRange<Int32> = Int32.min...Int32.max, _ body: (Int, Value) -> Bool
    ) {
        let table = window.table
        let rows = scope(window, focus)
        let keys = keyStack + keyTop
        precondition(keyTop + window.keyCount <= 256, "windows nested too deep")
        keyTop &+= window.keyCount
        defer { keyTop &-= window.keyCount }
        var isShort = true
        for index in 0..<window.keyCount {
            keys[index] = evaluate(window.keys[index].focus, focus)
            isShort = isShort && keys[index].isKnown
        }
        let lead = window.lead >= 0 && keys[window.lead].isKnown ? window.lead : -1
        let leadField = window.lead >= 0 ? Int(window.keys[window.lead].codeField) : 0
        let leadSlot = tables[table].slots + leadField
        let leadCode = lead >= 0 ? Int32(truncatingIfNeeded: keys[lead].lo) : -1
        let dayKey = window.dayKey >= 0 && keys[window.dayKey].isKnown ? window.dayKey : -1
        let daySlot = tables[table].slots + (window.dayKey >= 0 ? Int(window.keys[window.dayKey].dayField) : 0)
        let day = dayKey >= 0 ? Int32(truncatingIfNeeded: keys[dayKey].lo) : 0
        let gateSlot = tables[table].slots + binding.lineItemField
        let isRanged = window.rangeDayField >= 0 && (days.lowerBound > Int32.min || days.upperBound < Int32.max)
        let rangeSlot = tables[table].slots + max(0, window.rangeDayField)
        let attribute =
            window.attributeKey >= 0 && keys[window.attributeKey].isKnown
            ? Int32(truncatingIfNeeded: keys[window.attributeKey].lo) : -1

        let checksLead = chosen != nil || dayKey >= 0

        /// The test by the short way; it looks at the same things in the same order.
        func shortTest(_ row: Int) -> ShortTruth {
            if window.excludesFocus && row == focus && members.isEmpty { return .no }
            if isRanged {
                guard rangeSlot.pointee.isValid(row) else { return .open }
                let own = rangeSlot.pointee.int32s[row]
                if own < days.lowerBound || own > days.upperBound { return .no }
            }
            var agreed = -1
            if attribute >= 0, let attributes = window.attributes {
                let code = Int(gateSlot.pointee.code(row))
                guard code >= 0 && code < window.attributeCount, attributes[code] >= 0 else { return .open }
                if attributes[code] != attribute { return .no }
                agreed = window.attributeKey
            }
            if let gate = window.gate {
                let code = Int(gateSlot.pointee.code(row))
                guard code >= 0 && code < window.gateCount else { return .open }
                if gate[code] == 0 { return .no }
                if gate[code] == 2 && window.isGateWhole { return .open }
            }
            if dayKey >= 0 {
                guard daySlot.pointee.isValid(row) else { return .open }
                if daySlot.pointee.int32s[row] != day { return .no }
            }
            var index = 0
            while index < window.keyCount {
                if index == lead {
                    guard leadSlot.pointee.isValid(row) else { return .open }
                    if checksLead && leadSlot.pointee.code(row) != leadCode { return .no }
                } else if index != dayKey && index != agreed {
                    let related = nodes + Int(window.keys[index].related)
                    var value: Int64 = 0
                    guard related.pointee.isSimple, known(related, focus, row, &value) else { return .open }
                    if Int128(value) != keys[index].lo { return .no }
                }
                index &+= 1
            }
            return window.filter >= 0 && !window.isGateWhole ? shortTruth(window.filter, focus, row) : .yes
        }

        func test(_ row: Int) -> Bool {
            if isShort {
                switch shortTest(row) {
                case .no: return true
                case .yes: return body(row, .yes)
                case .open: break
                }
            }
            if window.excludesFocus && row == focus && members.isEmpty { return true }
            if isRanged, rangeSlot.pointee.isValid(row) {
                let own = rangeSlot.pointee.int32s[row]
                if own < days.lowerBound || own > days.upperBound { return true }
            }
            var truth = Value.yes
            var agreed = -1
            if attribute >= 0, let attributes = window.attributes {
                let code = Int(gateSlot.pointee.code(row))
                if code >= 0 && code < window.attributeCount {
                    let own = attributes[code]
                    if own >= 0 && own != attribute { return true }
                    if own >= 0 { agreed = window.attributeKey }
                }
            }
            if let gate = window.gate {
                let code = Int(gateSlot.pointee.code(row))
                if code >= 0 && code < window.gateCount {
                    if gate[code] == 0 { return true }
                    // Evaluated for the sake of the cause: which field is not known.
                    if gate[code] == 2 && window.isGateWhole { truth = evaluate(window.filter, focus, row) }
                } else if window.isGateWhole {
                    truth = evaluate(window.filter, focus, row)
                }
                if truth.isFalse { return true }
            }
            if dayKey >= 0 {
                if daySlot.pointee.isValid(row) {
                    if daySlot.pointee.int32s[row] != day { return true }
                } else {
                    truth = .maybe
                    _ = evaluate(window.keys[dayKey].related, focus, row)
                }
            }
            var index = 0
            while index < window.keyCount {
                if index == lead {
                    if leadSlot.pointee.isValid(row) {
                        // Rows chosen by their time were not chosen by their code as well.
                        if checksLead && leadSlot.pointee.code(row) != leadCode { return true }
                    } else {
                        truth = .maybe
                        if firstUnknown == -1 { firstUnknown = access(window.keys[index].related) }
                    }
                } else if index != dayKey && index != agreed {
                    truth = Self.and(truth, .equal(keys[index], evaluate(window.keys[index].related, focus, row)))
                    if truth.isFalse { return true }
                }
                index &+= 1
            }
            if window.filter >= 0 && !window.isGateWhole {
                truth = Self.and(truth, evaluate(window.filter, focus, row))
                if truth.isFalse { return true }
            }
            return body(row, truth)
        }

        if let chosen {
            for row in chosen where !test(Int(row)) { return }
            return
        }
        if rows.count > chainedScope {
            if lead >= 0 && dayKey >= 0 {
                if let chains = chains(window, code: leadSlot, day: daySlot, rows) {
                    return forEach(of: RowChains.pair(leadCode, day), in: chains, test)
                }
            } else if lead >= 0 {
                if let chains = chains(window, leadField, rows) { return forEach(of: leadCode, in: chains, test) }
            } else if dayKey >= 0 {
                if let chains = chains(window, day: daySlot, rows) {
                    return forEach(of: RowChains.day(day), in: chains, test)
                }
            } else if attribute >= 0, let chains = chains(attribute: window, rows) {
                return forEach(of: attribute, in: chains, test)
            }
        }
        guard lead >= 0 else {
            if attribute >= 0, let attributes = window.attributes {
                // Mostly the items of few rows have the attribute: the others are no more than passed.
                for row in rows {
                    let code = Int(gateSlot.pointee.code(row))
                    if code >= 0, code < window.attributeCount {
                        let own = attributes[code]
                        if own >= 0, own != attribute { continue }
                    }
                    if !test(row) { return }
                }
                return
            }
            if let gate = window.gate {
                // Mostly few items can be of the window: the other rows are no more than passed.
                for row in rows {
                    let code = Int(gateSlot.pointee.code(row))
                    if code >= 0, code < window.gateCount, gate[code] == 0 { continue }
                    if !test(row) { return }
                }
                return
            }
            for row in rows where !test(row) { return }
            return
        }
        for row in rows {
            let code = leadSlot.pointee.code(row)
            if code == leadCode || code < 0, !test(row) { return }
        }
    }

    /// Scopes of more rows than this are looked up by code, smaller ones are gone through.
    private var chainedScope: Int { min(48, binding.largeScope) }

    private func forEach(of code: Int32, in chains: RowChains, _ body: (Int) -> Bool) {
        guard chains.unknown.isEmpty else {
            for row in chains.possible(code) where !body(Int(row)) { return }
            return
        }
        var row = chains.first(of: code)
        while row >= 0, body(row) { row = chains.next(after: row) }
    }

    /// In a large scope without a leading code: the rows whose time may lie in the window, found through an order by time.
    private func timely(_ window: WindowPlan, _ focus: Int) -> [Int32]? {
        guard window.scope == .person || window.scope == .partition else { return nil }
        let low: Int?
        let high: Int?
        switch window.range {
        case .days(let a, let b), .seconds(let a, let b):
            low = a
            high = b
        default: return nil
        }
        let rows = scope(window, focus)
        guard rows.count > binding.orderedScope else { return nil }
        if window.lead >= 0, window.scope == .person { return nil }
        let own = evaluate(window.focusTime, focus)
        guard own.isFinite else { return nil }
        let order = timeOrder(window, focus, rows)
        return order.rows(
            from: low.map { own.lo + Int128($0) } ?? Value.minusInfinity,
            to: high.map { own.hi + Int128($0) } ?? Value.infinity)
    }

    @inline(__always) static func and(_ a: Value, _ b: Value) -> Value {
        a.isFalse || b.isFalse ? .no : a.isTrue && b.isTrue ? .yes : .maybe
    }

    private func isInside(_ range: Window.Range, _ row: Int, _ focus: Int, _ window: WindowPlan) -> Value {
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

    /// The rows of the window's table that may be related at all.
    func scope(_ window: WindowPlan, _ focus: Int) -> Range<Int> {
        let table = window.table
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
}
