import Claims
import Rules

/// What depends on lists and spans: membership, dates and areas, entitlements.
extension Evaluator {
    /// `(a, b) IN LIST name`: true when a row agrees, unknown when one only may.
    func isListed(_ node: Node, _ focus: Int, _ related: Int) -> Value {
        let plan = memberships + Int(node.k)
        let lead = plan.pointee.lead
        let cause = firstUnknown
        let first = evaluate(operand(node, lead), focus, related)
        let isFound = plan.pointee.index.isIndexed && first.isKnown
        if isFound, plan.pointee.index.surelyLacks(Int32(truncatingIfNeeded: first.lo)) { return .no }
        let membership = binding.knowledge.memberships[Int(node.k)]
        let list = membership.bound
        let isPlain = list.isPlain
        let count = Int(node.count)
        let values = keyStack + keyTop
        precondition(keyTop + count <= 256, "lists nested too deep")
        keyTop &+= count
        defer { keyTop &-= count }
        for index in 0..<count {
            (values + index).initialize(to: index == lead ? first : evaluate(operand(node, index), focus, related))
        }
        var result = Value.no
        func test(_ row: Int32) -> Bool {
            var truth = Value.yes
            for index in 0..<count where index != lead || !isFound {
                truth = Self.and(truth, list.matches(Int(row), membership.columns[index], values[index]))
                if truth.isFalse { return true }
            }
            if !isPlain { truth = Self.and(truth, applies(list, Int(row), focus)) }
            if truth.isTrue {
                result = .yes
                return false
            }
            if !truth.isFalse { result = .maybe }
            return true
        }
        if isFound {
            membership.index.forEach(Int32(truncatingIfNeeded: first.lo), test)
        } else {
            for row in 0..<Int32(list.rowCount) where !test(row) { break }
        }
        if result.isKnown { firstUnknown = cause }
        return result
    }

    /// Whether a list row applies on the focus row's date and in its area.
    func applies(_ list: BoundList, _ row: Int, _ focus: Int) -> Value {
        if list.isPlain { return .yes }
        let selection = binding.selections[focusTable]
        var day = Value(0)
        if list.isDated {
            switch list.source.dateSelector {
            case .fee: day = evaluate(selection.fee, focus)
            case .discharge: day = evaluate(selection.discharge, focus)
            case .settlement: day = evaluate(selection.settlement, focus)
            }
        }
        var area: [UInt8]?
        if list.hasAreas {
            let value = evaluate(list.source.areaSelector == .home ? selection.home : selection.care, focus)
            if value.isKnown {
                area = vocabulary.bytes(of: Int32(truncatingIfNeeded: value.lo))
            } else if firstUnknown == -1 {
                firstUnknown = binding.areaCause
            }
        }
        switch list.applies(row, day: day, area: area) {
        case .some(true): return .yes
        case .some(false): return .no
        case nil: return .maybe
        }
    }

    /// The day on which a row was settled, or its own day where no settlement is known.
    func settlementDay(_ focus: Int, orElse fee: Int32) -> Value {
        guard let settlement = chunk.settlement(of: focus, in: focusTable) else { return evaluate(fee, focus) }
        let day = chunk.settlements.slots[binding.settlementDayField]
        guard day.isValid(settlement) else {
            if firstUnknown == -1 { firstUnknown = binding.settlementDayCause }
            return .unknown
        }
        return Value(Int64(day.int32s[settlement]))
    }

    /// Whether a span of the table covers the day; false only when spans are known and none does.
    func covered(_ node: Node, _ focus: Int, _ related: Int) -> Value {
        let table = Int(node.k)
        let key = evaluate(node.a, focus, related)
        let day = evaluate(node.b, focus, related)
        guard key.isKnown else { return .maybe }
        let spans: UnsafeBufferPointer<Masters.Span>?
        if table == Table.entitlement.position {
            spans = chunk.entitlements(person: person(read: node.a, focus, related))
        } else {
            spans = binding.masters.spans(table, code: Int32(truncatingIfNeeded: key.lo))
        }
        guard let spans else {
            if firstUnknown == -1 { firstUnknown = binding.tableCauses[table] }
            return .maybe
        }
        var result = Value.no
        for span in spans {
            let covers = span.covers(day)
            if covers.isTrue { return .yes }
            if !covers.isFalse { result = .maybe }
        }
        if !result.isKnown, firstUnknown == -1 { firstUnknown = binding.tableCauses[table] }
        return result
    }

    /// The row, among the chunk's persons, of the person that a node names.
    private func person(read node: Int32, _ focus: Int, _ related: Int) -> Int {
        guard let (access, isRelated) = source(of: node) else { return -1 }
        let row = isRelated ? related : focus
        guard row >= 0 else { return -1 }
        let start = Int(binding.program.accesses[Int(access)].start)
        if start == binding.personTable { return row }
        let encounter = start == binding.encounterTable ? row : Int(tables[start].parent?[row] ?? -1)
        guard encounter >= 0, let parent = tables[binding.encounterTable].parent else { return -1 }
        return Int(parent[encounter])
    }
}
