import Claims
import Knowledge

extension Checker {
    private static let daysMax = 36_600
    private static let secondsMax = 366 * 86_400

    mutating func aggregate(
        _ function: Aggregate.Function, _ argument: Syntax?, _ window: WindowSyntax?, _ syntax: Syntax, _ frame: Frame
    ) -> Expression? {
        let name = function == .countDistinct ? "COUNT" : function.rawValue.uppercased()
        guard allowsAggregates else {
            report(
                syntax.offset, "RUL016", "\(name) may not stand here",
                advice:
                    "aggregates belong into `when`, `value`, `limit` and, for units that are rows, `where`; they do not nest"
            )
            return nil
        }
        var table = focus
        if let window {
            if let word = window.table {
                guard let named = relatable(word) else { return nil }
                table = named
            }
        } else {
            guard case .group = frame else {
                report(
                    syntax.offset, "RUL016", "\(name) does not say over which rows",
                    advice: "write \(name)(…) OVER (SAME person, …); only a group has members without OVER")
                return nil
            }
        }
        allowsAggregates = false
        defer { allowsAggregates = true }
        return dated(by: boundSteps(of: window), syntax, frame) { checker in
            checker.aggregate(function, argument, window, over: table, syntax)
        }
    }

    private mutating func aggregate(
        _ function: Aggregate.Function, _ argument: Syntax?, _ window: WindowSyntax?, over table: Table,
        _ syntax: Syntax
    ) -> Expression? {
        var folded: Expression?
        if let argument {
            guard let checked = check(argument, .related(table)) else {
                if let window { _ = related(window, table, syntax) }
                return nil
            }
            folded = checked
        }
        var rows: Window?
        if let window {
            guard let checked = related(window, table, syntax) else { return nil }
            rows = checked
        }
        guard let type = type(of: function, over: folded, argument ?? syntax) else { return nil }
        return made(.aggregate(Aggregate(function, argument: folded, window: rows)), type, syntax)
    }

    private mutating func type(
        of function: Aggregate.Function, over argument: Expression?, _ syntax: Syntax
    ) -> ValueType? {
        switch function {
        case .exists: return .boolean
        case .count: return .number(scale: 0)
        case .countDistinct:
            guard argument?.type != .boolean else {
                mismatch(syntax, "COUNT(DISTINCT …) does not count true and false", advice: "count a code or a row")
                return nil
            }
            return .number(scale: 0)
        case .sum:
            guard let argument, argument.type.isNumber else {
                mismatch(syntax, "SUM adds numbers", advice: "to count rows write COUNT(*) … WHERE condition")
                return nil
            }
            return argument.type
        case .min, .max:
            guard let argument, argument.type.isOrdered else {
                mismatch(
                    syntax, "MIN and MAX compare numbers, days or moments",
                    advice: "count different codes: COUNT(DISTINCT x)")
                return nil
            }
            return argument.type
        }
    }

    mutating func relatable(_ word: Word) -> Table? {
        if let table = Table(rawValue: word.text), Names.tables.contains(table) { return table }
        let names = Names.tables.map(\.rawValue)
        let guess = Suggestion.nearest(to: word.text, among: names)
        report(
            word.offset, "RUL008", "there are no rows of `\(word.text)` to look at",
            advice: guess.map { "did you mean `\($0)`?" } ?? "tables: \(names.joined(separator: ", "))")
        return nil
    }

    private mutating func related(_ window: WindowSyntax, _ table: Table, _ syntax: Syntax) -> Window? {
        guard !window.same.isEmpty else {
            report(
                window.offset, "RUL015", "the window has no SAME key and would look at every row of \(table.rawValue)",
                advice: "say what the rows share: SAME person, SAME encounter …")
            return nil
        }
        var same: [Window.Same] = []
        for key in window.same {
            if let checked = self.same(key, table) { same.append(checked) }
        }
        let range = window.range.map { self.range($0, table) }
        let filter = window.filter.map { condition($0, .related(table)) }
        guard same.count == window.same.count else { return nil }
        if let range, range == nil { return nil }
        if let filter, filter == nil { return nil }
        return Window(table: table, same: same, range: range ?? nil, filter: filter ?? nil)
    }

    private mutating func same(_ key: WindowSyntax.Same, _ table: Table) -> Window.Same? {
        let before = diagnostics.count
        let related = check(key.related, .related(table))
        let focus = key.focus.map { check($0, .explicit) } ?? (related == nil ? nil : check(key.related, .focus))
        guard let related, let focus else {
            // A key that both sides lack is reported once.
            if diagnostics.count == before + 1, key.focus == nil, related != nil, let last = diagnostics.popLast() {
                diagnostics.append(
                    Diagnostic(
                        file: last.file, line: last.line, column: last.column, code: last.code,
                        message: last.message,
                        advice: "write `SAME key = this.other`, or choose a key that both rows have"))
            }
            return nil
        }
        guard related.type.joined(with: focus.type) != nil else {
            var advice = "compare keys of one type"
            if case .identity(let table) = focus.type { advice = "write `= this.\(table.rawValue).id`" }
            if case .identity(let table) = related.type { advice = "write `\(table.rawValue).id = …`" }
            mismatch(
                key.related, "the key is \(related.type.described) on the related row but \(focus.type.described) here",
                advice: advice)
            return nil
        }
        if case .boolean = related.type {
            mismatch(key.related, "a key cannot be true or false", advice: "put the condition into WHERE")
            return nil
        }
        if related.isConstant || Derivation.fields(of: related, .related).isEmpty {
            report(
                key.related.offset, "RUL015", "the key does not depend on the related row",
                advice: "write a field of \(table.rawValue) after SAME")
            return nil
        }
        return Window.Same(related: related, focus: focus)
    }

    private mutating func range(_ range: WindowSyntax.Range, _ table: Table) -> Window.Range? {
        switch range {
        case .run(let gap, let offset):
            guard let days = wholeConstant(gap) else { return nil }
            guard (0...Self.daysMax).contains(days) else {
                report(gap.offset, "RUL018", "the gap must lie in 0…\(Self.daysMax) days", advice: "write RUN 1 DAYS")
                return nil
            }
            guard table == focus else {
                report(
                    offset, "RUL018",
                    "RUN connects rows of the focus table, \(focus.rawValue), not of \(table.rawValue)",
                    advice: "leave the table out, or use DAYS")
                return nil
            }
            return .run(days: days)
        case .between(let unit, let low, let high, let offset):
            let bounds = (low.map { wholeConstant($0) }, high.map { wholeConstant($0) })
            if let a = bounds.0, a == nil { return nil }
            if let b = bounds.1, b == nil { return nil }
            let a = bounds.0 ?? nil
            let b = bounds.1 ?? nil
            if let a, let b, a > b {
                report(offset, "RUL018", "the range \(a)..\(b) is empty", advice: "write the earlier bound first")
                return nil
            }
            if unit != .days, table == .stock || focus == .stock {
                report(offset, "RUL018", "stock movements have days, not times", advice: "use DAYS")
                return nil
            }
            let factor =
                switch unit {
                case .days, .seconds: 1
                case .minutes: 60
                case .hours: 3_600
                }
            let most = unit == .days ? Self.daysMax : Self.secondsMax / factor
            guard [a, b].allSatisfy({ $0 == nil || abs($0 ?? 0) <= most }) else {
                report(offset, "RUL018", "the range is wider than \(most) \(unit.rawValue)", advice: "narrow it")
                return nil
            }
            if unit == .days { return .days(a, b) }
            return .seconds(a.map { $0 * factor }, b.map { $0 * factor })
        }
    }
}
