import Claims
import Rules

/// Whether the data can be trusted to hold every row of a window (部分历史).
extension Evaluator {
    func isComplete(_ window: Window, in scene: Scene) -> Bool {
        if claims.coverage.closedWorld { return true }
        if window.same.contains(where: { isClosedByItself($0.related) }) { return true }
        for same in window.same {
            let focus = evaluate(same.focus, in: scene)
            if isCovered(days(keyedBy: same.related, value: focus.interval)) { return true }
        }
        switch window.range {
        case .days(let low, let high):
            return isCovered(span(around: day(of: scene.focus).interval, low, high))
        case .seconds(let low, let high):
            let moments = span(around: time(of: scene.focus).interval, low, high)
            return isCovered(moments?.mapped { Exact.floorDivide($0, by: 86_400) })
        case .run, nil: return false
        }
    }

    func isGroupComplete(in scene: Scene) -> Bool {
        if claims.coverage.closedWorld { return true }
        guard case .group(_, let keys) = rule.unit else { return true }
        return keys.contains { key in
            if isClosedByItself(key.expression) { return true }
            return isCovered(days(keyedBy: key.expression, value: evaluate(key.expression, in: scene).interval))
        }
    }

    /// One encounter, operation, prescription or settlement is delivered whole.
    private func isClosedByItself(_ key: Expression) -> Bool {
        if case .identity(let table) = key.type {
            return [.encounter, .operation, .prescription, .settlement].contains(table)
        }
        guard case .field(let path, _) = key.node, path.steps.isEmpty, case .stored(let index) = path.field,
            path.start == .line
        else { return false }
        return ["operation", "prescription", "settlement"].contains(Table.line.fields[index].name)
    }

    /// The days of the related rows when the key is a calendar period of their reference time.
    private func days(keyedBy key: Expression, value: Interval) -> Interval? {
        switch key.node {
        case .field, .dayOf:
            return isReferenceDay(key) ? value : nil
        case .period(.hour, let moment):
            guard isReferenceMoment(moment) else { return nil }
            return value.mapped { Exact.floorDivide($0, by: 24) }
        case .period(let period, let day):
            guard isReferenceDay(day), let low = value.exact else { return nil }
            return Calendar.end(of: period, beginning: low).map { Interval(.finite(low), .finite($0)) }
        default: return nil
        }
    }

    private func isReferenceDay(_ expression: Expression) -> Bool {
        switch expression.node {
        case .dayOf(let moment): return isReferenceMoment(moment)
        case .field(let path, _): return isReference(path, [.day])
        default: return false
        }
    }

    private func isReferenceMoment(_ expression: Expression) -> Bool {
        if case .field(let path, _) = expression.node { return isReference(path, [.time, .start]) }
        return false
    }

    private func isReference(_ path: FieldPath, _ leaves: [FieldPath.Leaf]) -> Bool {
        guard leaves.contains(path.field) else { return false }
        return path.steps.isEmpty || (path.start == .diagnosis && path.steps == [.encounter])
    }

    private func span(around origin: Interval, _ low: Int?, _ high: Int?) -> Interval? {
        guard let shifted = origin.adding(Interval(exactly: Int128(low ?? 0))),
            let end = origin.adding(Interval(exactly: Int128(high ?? 0)))
        else { return nil }
        return Interval(low == nil ? .minusInfinity : shifted.low, high == nil ? .plusInfinity : end.high)
    }

    private func isCovered(_ days: Interval?) -> Bool {
        guard let days else { return false }
        let from = claims.coverage.from.map { Bound.finite(Int128($0)) } ?? .minusInfinity
        let to = claims.coverage.to.map { Bound.finite(Int128($0)) } ?? .plusInfinity
        return from <= days.low && days.high <= to
    }
}
