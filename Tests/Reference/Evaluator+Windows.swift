import Claims
import Rules

/// The rows a window holds as seen from one focus row.
struct WindowRows {
    var certain: [RowReference] = []
    var possible: [(row: RowReference, cause: String?)] = []
    /// Why nothing at all is known about the window; nil when it could be looked at.
    var unknown: String?
    /// More rows may exist than the data show (部分历史).
    var isIncomplete = false
}

extension Evaluator {
    func fold(_ aggregate: Aggregate, in scene: Scene) -> Value {
        let rows = rows(of: aggregate, in: scene)
        let isOpen = scene.isOpened && rows.isIncomplete
        if let cause = rows.unknown {
            switch aggregate.function {
            case .exists: return .truth(nil, cause: cause)
            case .count, .countDistinct: return .number(.nonNegative, cause: cause)
            case .sum, .min, .max: return .number(.unknown, cause: cause)
            }
        }
        switch aggregate.function {
        case .exists: return exists(rows, isOpen)
        case .count: return count(rows, isOpen)
        case .countDistinct: return countDistinct(rows, of: aggregate.argument, isOpen, in: scene)
        case .sum: return sum(rows, of: aggregate.argument, isOpen, in: scene)
        case .min, .max: return extreme(rows, of: aggregate.argument, aggregate.function, isOpen, in: scene)
        }
    }

    // MARK: - Folds

    private func exists(_ rows: WindowRows, _ isOpen: Bool) -> Value {
        if !rows.certain.isEmpty { return .truth(true) }
        if let first = rows.possible.first { return .truth(nil, cause: first.cause) }
        return isOpen ? .truth(nil, cause: "coverage") : .truth(false)
    }

    private func count(_ rows: WindowRows, _ isOpen: Bool) -> Value {
        let low = Int128(rows.certain.count)
        let high: Bound = isOpen ? .plusInfinity : .finite(low + Int128(rows.possible.count))
        return .number(Interval(.finite(low), high), cause: rows.possible.first?.cause ?? "coverage")
    }

    private func countDistinct(
        _ rows: WindowRows, of argument: Expression?, _ isOpen: Bool, in scene: Scene
    ) -> Value {
        guard let argument else { return count(rows, isOpen) }
        var known: Set<Value.Content> = []
        var cause: String?
        var unknown = 0
        for entry in inOrder(rows) {
            let value = evaluate(argument, on: entry.row, in: scene)
            if !value.isExact {
                unknown += 1
            } else if entry.isCertain {
                known.insert(value.content)
            }
            cause = cause ?? entry.cause ?? value.cause
        }
        let low = max(known.count, rows.certain.isEmpty ? 0 : 1)
        for (row, _) in rows.possible {
            let value = evaluate(argument, on: row, in: scene)
            if value.isExact { known.insert(value.content) }
        }
        let high: Bound = isOpen ? .plusInfinity : .finite(Int128(known.count + unknown))
        return .number(Interval(.finite(Int128(low)), high), cause: cause ?? "coverage")
    }

    private func sum(_ rows: WindowRows, of argument: Expression?, _ isOpen: Bool, in scene: Scene) -> Value {
        guard let argument else { return .number(.unknown) }
        var total: Interval? = Interval(exactly: 0)
        var cause: String?
        for entry in inOrder(rows) {
            let value = evaluate(argument, on: entry.row, in: scene)
            let zero = Interval(exactly: 0)
            total = total?.adding(entry.isCertain ? value.interval : value.interval.hull(zero))
            cause = cause ?? entry.cause ?? value.cause
        }
        // Rows not seen add to a sum; where their values may be negative they may also take from it.
        if let seen = total, isOpen {
            total = Interval(argument.cannotBeNegative ? seen.low : .minusInfinity, .plusInfinity)
        }
        return .number(fitting: total, cause: cause ?? "coverage")
    }

    private func extreme(
        _ rows: WindowRows, of argument: Expression?, _ function: Aggregate.Function, _ isOpen: Bool, in scene: Scene
    ) -> Value {
        guard let argument else { return .number(.unknown) }
        // MIN is MAX of the negated values, negated.
        let isLeast = function == .min
        func read(_ row: RowReference) -> Interval {
            let interval = evaluate(argument, on: row, in: scene).interval
            return isLeast ? interval.negated : interval
        }
        let certain = rows.certain.map(read)
        guard let low = certain.map(\.low).max(), var high = certain.map(\.high).max() else {
            return .number(.unknown, cause: rows.possible.first?.cause ?? "empty")
        }
        high = rows.possible.map { read($0.row).high }.reduce(high, max)
        if isOpen { high = .plusInfinity }
        let result = Interval(low, high)
        let cause = inOrder(rows).lazy.compactMap { entry in
            entry.cause ?? self.evaluate(argument, on: entry.row, in: scene).cause
        }.first
        return .number(isLeast ? result.negated : result, cause: cause ?? "coverage")
    }

    private struct Entry {
        let row: RowReference
        let isCertain: Bool
        /// Why it is open whether the row belongs.
        let cause: String?
    }

    /// Members and possible members in canonical order.
    private func inOrder(_ rows: WindowRows) -> [Entry] {
        let certain = rows.certain.map { Entry(row: $0, isCertain: true, cause: nil) }
        let possible = rows.possible.map { Entry(row: $0.row, isCertain: false, cause: $0.cause) }
        return (certain + possible).sorted { $0.row.index < $1.row.index }
    }

    private func evaluate(_ argument: Expression, on row: RowReference, in scene: Scene) -> Value {
        var inner = scene
        inner.related = row
        return evaluate(argument, in: inner)
    }

    // MARK: - Membership

    func rows(of aggregate: Aggregate, in scene: Scene) -> WindowRows {
        guard let window = aggregate.window else {
            let members = scene.members ?? Scene.Members(certain: [scene.focus], possible: [])
            var rows = WindowRows(certain: members.certain, possible: members.possible)
            rows.isIncomplete = !isGroupComplete(in: scene)
            return rows
        }
        let isOwnTable = scene.members == nil && window.table == scene.focus.table
        var rows = rows(of: window, in: scene, but: aggregate.function == .exists && isOwnTable ? scene.focus : nil)
        if aggregate.function == .exists {
            // What is flagged is not its own neighbour; a row that is flagged perhaps is a neighbour at most perhaps.
            let own = Set(scene.members?.certain ?? [scene.focus])
            rows.certain.removeAll { own.contains($0) }
            rows.possible.removeAll { own.contains($0.row) }
            for (row, cause) in scene.members?.possible ?? [] where rows.certain.contains(row) {
                rows.certain.removeAll { $0 == row }
                rows.possible.append((row, cause))
            }
            rows.possible.sort { $0.row.index < $1.row.index }
        }
        return rows
    }

    func rows(of window: Window, in scene: Scene, but excluded: RowReference? = nil) -> WindowRows {
        if claims.absent.contains(window.table) { return WindowRows(unknown: window.table.rawValue) }
        let focusKeys = window.same.map { evaluate($0.focus, in: scene) }
        let partition = Partition.index(of: window.same.map(\.related.type))
        if let partition, !focusKeys[partition].isExact {
            return WindowRows(unknown: focusKeys[partition].cause ?? "partition")
        }
        var found = WindowRows(isIncomplete: !isComplete(window, in: scene))
        for index in candidates(window, partition: partition, key: partition.map { focusKeys[$0] }) {
            var inner = scene
            let row = RowReference(table: window.table, index: index)
            if row == excluded { continue }
            inner.related = row
            var conditions: [Value] = []
            for (position, same) in window.same.enumerated() {
                let related = evaluate(same.related, in: inner)
                if position == partition, !related.isExact { conditions.append(.truth(false)) }
                conditions.append(areEqual(related, same.related.type, focusKeys[position], same.focus.type))
                if conditions.last?.truth == false { break }
            }
            if conditions.contains(where: { $0.truth == false }) { continue }
            if let range = window.range { conditions.append(isInRange(range, row, of: scene.focus)) }
            if let filter = window.filter { conditions.append(evaluate(filter, in: inner)) }
            let answer = Kleene.and(conditions)
            if answer.truth == true { found.certain.append(row) }
            if answer.truth == nil { found.possible.append((row, answer.cause)) }
        }
        if case .run(let days) = window.range { keepRun(days, of: scene.focus, in: &found) }
        return found
    }

    private func candidates(_ window: Window, partition: Int?, key: Value?) -> [Int] {
        if let partition, let key, let name = name(of: key),
            case .field(let path, .related) = window.same[partition].related.node
        {
            return rows(of: window.table, where: path, is: name)
        }
        return claims.participants[window.table] ?? []
    }

    /// Equality of two values whose numbers may differ in scale.
    func areEqual(_ a: Value, _ aType: ValueType, _ b: Value, _ bType: ValueType) -> Value {
        let answer: Bool?
        switch (a.content, b.content) {
        case (.number(let x), .number(let y)):
            let scale = max(Evaluator.scale(of: aType), Evaluator.scale(of: bType))
            guard let x = x.mapped({ Exact.rescale($0, from: Evaluator.scale(of: aType), to: scale) }),
                let y = y.mapped({ Exact.rescale($0, from: Evaluator.scale(of: bType), to: scale) })
            else { return .truth(nil, cause: "overflow") }
            answer = Kleene.compare(.equal, x, y)
        case (.truth(let x), .truth(let y)):
            if let x, let y { answer = x == y } else { answer = nil }
        default:
            if let x = name(of: a), let y = name(of: b) { answer = x == y } else { answer = nil }
        }
        return .truth(answer, cause: a.cause ?? b.cause)
    }

    private func isInRange(_ range: Window.Range, _ row: RowReference, of focus: RowReference) -> Value {
        let related: Value
        let origin: Value
        let low: Int?
        let high: Int?
        switch range {
        case .days(let from, let to):
            (related, origin, low, high) = (day(of: row), day(of: focus), from, to)
        case .seconds(let from, let to):
            (related, origin, low, high) = (time(of: row), time(of: focus), from, to)
        case .run: return .truth(true)
        }
        guard let distance = related.interval.subtracting(origin.interval) else {
            return .truth(nil, cause: "overflow")
        }
        let cause = related.cause ?? origin.cause
        let after = low.map { Kleene.compare(.greaterOrEqual, distance, Interval(exactly: Int128($0))) } ?? true
        let before = high.map { Kleene.compare(.lessOrEqual, distance, Interval(exactly: Int128($0))) } ?? true
        return Kleene.and([.truth(after, cause: cause), .truth(before, cause: cause)])
    }

    /// Keeps the rows connected to the focus row by steps of at most `days` days (连续).
    private func keepRun(_ days: Int, of focus: RowReference, in found: inout WindowRows) {
        let origin = day(of: focus)
        let all = found.certain + found.possible.map(\.row)
        let whole = found
        /// How far the run reaches is not known: each of the rows may belong.
        func leaveOpen(_ why: String?) {
            found.certain = []
            found.possible = (whole.certain.map { ($0, why) } + whole.possible).sorted { $0.0.index < $1.0.index }
        }
        guard let start = origin.interval.exact else { return leaveOpen(origin.cause ?? "day") }
        func dayNumber(_ row: RowReference) -> Int128? { day(of: row).interval.exact }
        var reached: Set<Int128> = [start]
        var grew = true
        while grew {
            grew = false
            for case let other? in all.map(dayNumber)
            where !reached.contains(other) && reached.contains(where: { abs($0 - other) <= Int128(days) }) {
                reached.insert(other)
                grew = true
            }
        }
        let undated = found.certain.filter { dayNumber($0) == nil }
        found.certain.removeAll { row in dayNumber(row).map { !reached.contains($0) } ?? true }
        found.possible.removeAll { entry in dayNumber(entry.row).map { !reached.contains($0) } ?? false }
        found.possible += undated.map { ($0, day(of: $0).cause) }
        found.possible.sort { $0.row.index < $1.row.index }
        if let first = found.possible.first { leaveOpen(first.cause ?? "run") }
    }
}

extension Expression {
    /// Whether it is at least zero whatever the row holds, as far as that can be read from its form.
    var cannotBeNegative: Bool {
        switch node {
        case .number(let mantissa): return mantissa >= 0
        case .field(let path, _):
            guard case .stored(let index) = path.field else { return false }
            return Evaluator.neverNegative.contains(path.table.fields[index].name)
        case .absolute: return true
        case .arithmetic(.add, let a, let b), .arithmetic(.multiply, let a, let b):
            return a.cannotBeNegative && b.cannotBeNegative
        case .coalesce(let list), .least(let list): return list.allSatisfy(\.cannotBeNegative)
        case .greatest(let list): return list.contains(where: \.cannotBeNegative)
        case .choose(let branches, let otherwise):
            return otherwise.cannotBeNegative && branches.allSatisfy(\.result.cannotBeNegative)
        default: return false
        }
    }
}

/// Which key of a window or a group divides the work: the first that names a row, else the first text.
enum Partition {
    static func index(of types: [ValueType]) -> Int? {
        let identity = types.firstIndex { type in
            if case .identity = type { return true }
            return false
        }
        return identity ?? types.firstIndex(of: .text)
    }
}
