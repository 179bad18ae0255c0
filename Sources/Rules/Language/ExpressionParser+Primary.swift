extension ExpressionParser {
    /// A value: literal, name, call, aggregate, CASE or bracket.
    mutating func primary() throws(Mistake) -> Syntax {
        let start = current.start
        switch current.kind {
        case .number(let digits):
            advance()
            return Syntax(offset: start, node: .number(digits))
        case .text(let text):
            advance()
            return Syntax(offset: start, node: .text(text))
        case .parameter(let name):
            advance()
            return Syntax(offset: start, node: .parameter(name))
        case .symbol(.open):
            advance()
            let inner = try expression()
            try expect(.close, "to close the bracket")
            return Syntax(offset: start, node: inner.node)
        case .name(let name):
            return try named(name, start)
        case .symbol, .end:
            let advice =
                isSymbol(.equal) ? "equal is written with one =" : "write a name, a number, a 'text' or a function"
            throw unexpected("a value", advice: advice)
        }
    }

    private mutating func named(_ name: String, _ start: Int) throws(Mistake) -> Syntax {
        let upper = name.utf8.count <= 16 ? name.uppercased() : name
        if isSymbol(.open, ahead: 1) {
            if let aggregate = try aggregate(upper, start) { return aggregate }
            guard let function = Syntax.Function(rawValue: upper) else {
                let known = Syntax.Function.allCases.map(\.rawValue) + ["SUM", "COUNT", "MIN", "MAX", "EXISTS"]
                let guess = Suggestion.nearest(to: upper, among: known)
                throw Mistake(
                    at: start, "RUL005", "there is no function `\(name)`",
                    advice: guess.map { "did you mean \($0)?" } ?? "functions: \(known.joined(separator: ", "))")
            }
            return try call(function, start)
        }
        switch upper {
        case "TRUE", "FALSE":
            guard !isSymbol(.dot, ahead: 1) else { break }
            advance()
            return Syntax(offset: start, node: .boolean(upper == "TRUE"))
        case "DATE":
            guard index + 1 < tokens.count, case .text(let day) = tokens[index + 1].kind else { break }
            advance()
            advance()
            return Syntax(offset: start, node: .date(day))
        case "CASE":
            if isKeyword("WHEN", ahead: 1) { return try choice(start) }
        case "NULL":
            throw Mistake(
                at: start, "RUL004", "there is no NULL",
                advice: "an absent value is unknown: write IS KNOWN or IS UNKNOWN")
        default: break
        }
        return try path(start)
    }

    private mutating func path(_ start: Int) throws(Mistake) -> Syntax {
        var parts = [try word("a name").text]
        while accept(.dot) {
            parts.append(try word("a field after the dot").text)
            guard parts.count <= 8 else {
                throw Mistake(at: start, "RUL001", "a path has more than 8 steps", advice: "shorten it")
            }
        }
        return Syntax(offset: start, node: .path(parts))
    }

    private mutating func call(_ function: Syntax.Function, _ start: Int) throws(Mistake) -> Syntax {
        advance()
        advance()
        var arguments: [Syntax] = []
        if !isSymbol(.close) {
            repeat { arguments.append(try expression()) } while accept(.comma) && arguments.count <= 64
        }
        try expect(.close, "after the arguments of \(function.rawValue)")
        guard function.arity.contains(arguments.count) else {
            let wanted =
                function.arity.count == 1 ? "\(function.arity.lowerBound)" : "at least \(function.arity.lowerBound)"
            throw Mistake(
                at: start, "RUL006", "\(function.rawValue) takes \(wanted) arguments, not \(arguments.count)",
                advice: "see the list of functions")
        }
        return Syntax(offset: start, node: .call(function, arguments))
    }

    private mutating func choice(_ start: Int) throws(Mistake) -> Syntax {
        advance()
        var branches: [(condition: Syntax, result: Syntax)] = []
        while accept("WHEN") {
            let condition = try expression()
            try expect("THEN", "after the condition of WHEN")
            branches.append((condition, try expression()))
            guard branches.count <= 64 else {
                throw Mistake(
                    at: start, "RUL001", "CASE has more than 64 branches", advice: "put the values into a list")
            }
        }
        try expect("ELSE", "in CASE: every case must have a result")
        let otherwise = try expression()
        try expect("END", "to close CASE")
        return Syntax(offset: start, node: .choose(branches, otherwise))
    }

    // MARK: Aggregates

    private mutating func aggregate(_ name: String, _ start: Int) throws(Mistake) -> Syntax? {
        var function: Aggregate.Function
        switch name {
        case "EXISTS": function = .exists
        case "SUM": function = .sum
        case "COUNT": function = .count
        case "MIN": function = .min
        case "MAX": function = .max
        default: return nil
        }
        advance()
        if function == .exists {
            let window = try window()
            return Syntax(offset: start, node: .aggregate(.exists, nil, window))
        }
        advance()
        var argument: Syntax?
        if function == .count {
            if accept("DISTINCT") {
                function = .countDistinct
                argument = try expression()
            } else {
                guard accept(.times) else {
                    throw unexpected("* or DISTINCT", advice: "write COUNT(*) or COUNT(DISTINCT x)")
                }
            }
        } else {
            argument = try expression()
        }
        try expect(.close, "after the argument of \(name)")
        let window = accept("OVER") ? try window() : nil
        return Syntax(offset: start, node: .aggregate(function, argument, window))
    }

    /// `( [table] SAME k, … [range] [WHERE condition] )`.
    private mutating func window() throws(Mistake) -> WindowSyntax {
        let start = current.start
        try expect(.open, "before the related rows")
        var table: Word?
        if case .name = current.kind, !isKeyword("SAME"), !isKeyword("WHERE"), !beginsRange() {
            table = try word("a table")
        }
        var same: [WindowSyntax.Same] = []
        if accept("SAME") {
            repeat {
                let related = try sum()
                same.append(WindowSyntax.Same(related: related, focus: accept(.equal) ? try sum() : nil))
            } while accept(.comma) && same.count <= 16
        }
        let range = try range()
        let filter = accept("WHERE") ? try expression() : nil
        guard isSymbol(.close) else {
            throw unexpected(
                "DAYS, SECONDS, MINUTES, HOURS, RUN, WHERE or `)`",
                advice: "the order is: table, SAME keys, range, WHERE condition")
        }
        advance()
        return WindowSyntax(offset: start, table: table, same: same, range: range, filter: filter)
    }

    private func beginsRange() -> Bool {
        ["DAYS", "SECONDS", "MINUTES", "HOURS", "RUN"].contains { isKeyword($0) }
    }

    private mutating func range() throws(Mistake) -> WindowSyntax.Range? {
        let start = current.start
        if accept("RUN") {
            let days = try bound()
            try expect("DAYS", "after the gap of RUN")
            return .run(days, offset: start)
        }
        guard case .name(let name) = current.kind, let unit = WindowSyntax.Unit(rawValue: name.uppercased()) else {
            return nil
        }
        advance()
        let low = isSymbol(.range) ? nil : try bound()
        try expect(.range, "between the bounds of \(unit.rawValue)")
        let high = isSymbol(.close) || isKeyword("WHERE") ? nil : try bound()
        guard low != nil || high != nil else {
            throw Mistake(at: start, "RUL004", "the range has no bound", advice: "write DAYS -6..0, or leave DAYS out")
        }
        return .between(unit, low, high, offset: start)
    }

    /// A whole number or a parameter, with or without a sign.
    private mutating func bound() throws(Mistake) -> Syntax {
        let start = current.start
        let negative = accept(.minus)
        let place = current.start
        let value: Syntax
        switch current.kind {
        case .number(let digits): value = Syntax(offset: place, node: .number(digits))
        case .parameter(let name): value = Syntax(offset: place, node: .parameter(name))
        default: throw unexpected("a whole number or $parameter", advice: "bounds are constants: DAYS -6..0")
        }
        advance()
        return negative ? Syntax(offset: start, node: .negate(value)) : value
    }
}
