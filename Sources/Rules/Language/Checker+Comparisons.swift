import Claims

extension Checker {
    mutating func compare(
        _ comparison: Comparison, _ left: Expression, _ right: Expression, _ syntax: Syntax
    ) -> Expression? {
        guard left.type.joined(with: right.type) != nil else {
            mismatch(
                syntax, "\(left.type.described) cannot be compared with \(right.type.described)",
                advice: advice(left, right))
            return nil
        }
        let needsOrder = comparison != .equal && comparison != .notEqual
        guard !needsOrder || left.type.isOrdered else {
            mismatch(
                syntax, "\(left.type.described) has no order", advice: "compare it with = or <>")
            return nil
        }
        checkCodes(left, right, syntax)
        return made(.compare(comparison, left, right), .boolean, syntax)
    }

    private func advice(_ left: Expression, _ right: Expression) -> String {
        switch (left.type, right.type) {
        case (.day, .moment), (.moment, .day): "take the day of the moment: DAY(…)"
        case (.day, .text), (.text, .day): "write the day as DATE 'yyyy-mm-dd'"
        case (.identity(let table), .text), (.text, .identity(let table)): "compare `\(table.rawValue).id`"
        case (.number, .text), (.text, .number): "write numbers without quotes and codes with"
        default: "compare two values of one type"
        }
    }

    /// Codes of different systems are never equal; a literal outside a small vocabulary never matches.
    private mutating func checkCodes(_ left: Expression, _ right: Expression, _ syntax: Syntax) {
        let declarations = lists.map(\.declaration)
        let systems = (left.codeSystem(lists: declarations), right.codeSystem(lists: declarations))
        if let a = systems.0, let b = systems.1, a != b {
            report(
                syntax.offset, "RUL022", "a code of \(a.rawValue) is compared with a code of \(b.rawValue)",
                advice: "compare fields of the same code system")
        }
        for (system, other) in [(systems.0, right), (systems.1, left)] {
            guard let system, case .text(let word) = other.node, let words = Vocabulary.words(of: system),
                !words.contains(word)
            else { continue }
            let guess = Suggestion.nearest(to: word, among: words)
            report(
                syntax.offset, "RUL020", severity: .warning, "'\(word)' is not among the values of \(system.rawValue)",
                advice: guess.map { "did you mean '\($0)'?" } ?? "values: \(words.joined(separator: ", "))")
        }
        for side in [left, right] {
            guard case .listColumn(let match, let column) = side.node, declarations.indices.contains(match),
                case .prefix = declarations[match].columns[column].kind
            else { continue }
            report(
                syntax.offset, "RUL023", severity: .warning,
                "the column `\(declarations[match].columns[column].name)` holds beginnings of codes, and = compares whole codes",
                advice: "write IN LIST, which matches by the beginning")
        }
    }

    mutating func between(
        _ value: Syntax, _ low: Syntax, _ high: Syntax, _ syntax: Syntax, _ frame: Frame
    ) -> Expression? {
        let checked = (check(value, frame), check(low, frame), check(high, frame))
        guard let value = checked.0, let low = checked.1, let high = checked.2,
            let lower = compare(.greaterOrEqual, value, low, syntax),
            let upper = compare(.lessOrEqual, value, high, syntax)
        else { return nil }
        return made(.and([lower, upper]), .boolean, syntax)
    }

    mutating func oneOf(_ value: Syntax, _ choices: [Syntax], _ syntax: Syntax, _ frame: Frame) -> Expression? {
        let checked = check(value, frame)
        var comparisons: [Expression] = []
        for choice in choices {
            guard let other = check(choice, frame), let checked else { continue }
            // The place of a wrong choice is the choice.
            let place = Syntax(offset: choice.offset, node: syntax.node)
            if let comparison = compare(.equal, checked, other, place) { comparisons.append(comparison) }
        }
        guard comparisons.count == choices.count, let first = comparisons.first else { return nil }
        return comparisons.count == 1 ? first : made(.or(comparisons), .boolean, syntax)
    }

    mutating func startsWith(_ value: Syntax, _ prefix: Syntax, _ syntax: Syntax, _ frame: Frame) -> Expression? {
        guard let checked = check(value, frame), let beginning = check(prefix, frame) else { return nil }
        guard checked.type == .text else {
            mismatch(value, "only texts have a beginning, and this is \(checked.type.described)", advice: "test a code")
            return nil
        }
        guard case .text(let literal) = beginning.node, !literal.isEmpty else {
            mismatch(
                prefix, "STARTS WITH needs a 'text' here",
                advice: "for many beginnings declare a prefix column and write IN LIST")
            return nil
        }
        return made(.startsWith(checked, literal), .boolean, syntax)
    }
}
