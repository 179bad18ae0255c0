import Claims

extension Checker {
    static let scaleMax = 18

    mutating func arithmetic(
        _ operation: Arithmetic, _ left: Syntax, _ right: Syntax, _ syntax: Syntax, _ frame: Frame
    ) -> Expression? {
        let checked = (check(left, frame), check(right, frame))
        guard let a = checked.0, let b = checked.1 else { return nil }
        if operation == .multiply {
            guard let x = a.type.scale, let y = b.type.scale else {
                mismatch(
                    syntax, "\(a.type.described) cannot be multiplied by \(b.type.described)",
                    advice: "multiply numbers")
                return nil
            }
            guard x + y <= Self.scaleMax else {
                report(
                    syntax.offset, "RUL014", "the product has \(x + y) decimals, more than \(Self.scaleMax)",
                    advice: "round a factor: ROUND(x, 4)")
                return nil
            }
            return made(.arithmetic(.multiply, a, b), .number(scale: x + y), syntax)
        }
        switch (a.type, b.type) {
        case (.number(let x), .number(let y)):
            return made(.arithmetic(operation, a, b), .number(scale: max(x, y)), syntax)
        case (.day, .day) where operation == .subtract, (.moment, .moment) where operation == .subtract:
            return made(.arithmetic(.subtract, a, b), .number(scale: 0), syntax)
        case (.day, .number(scale: 0)), (.moment, .number(scale: 0)):
            return made(.arithmetic(operation, a, b), a.type, syntax)
        case (.number(scale: 0), .day) where operation == .add, (.number(scale: 0), .moment) where operation == .add:
            return made(.arithmetic(.add, b, a), b.type, syntax)
        default:
            let sign = operation == .add ? "+" : "-"
            var advice = "numbers, day - day, moment - moment, and day ± whole number are possible"
            if a.type == .moment, b.type == .day { advice = "take the day of the moment: DAY(…)" }
            if a.type == .day, b.type == .moment { advice = "take the day of the moment: DAY(…)" }
            mismatch(syntax, "\(a.type.described) \(sign) \(b.type.described) has no meaning", advice: advice)
            return nil
        }
    }

    mutating func choose(
        _ branches: [(condition: Syntax, result: Syntax)], _ otherwise: Syntax, _ syntax: Syntax, _ frame: Frame
    ) -> Expression? {
        var checked: [(condition: Expression, result: Expression)] = []
        for branch in branches {
            let pair = (condition(branch.condition, frame), check(branch.result, frame))
            if let condition = pair.0, let result = pair.1 { checked.append((condition, result)) }
        }
        guard let last = check(otherwise, frame), checked.count == branches.count else { return nil }
        guard let type = common(checked.map(\.result) + [last], syntax, "the results of CASE") else { return nil }
        return made(.choose(branches: checked, otherwise: last), type, syntax)
    }

    /// The type that all values share.
    private mutating func common(_ expressions: [Expression], _ syntax: Syntax, _ what: String) -> ValueType? {
        guard var type = expressions.first?.type else { return nil }
        for expression in expressions.dropFirst() {
            guard let joined = type.joined(with: expression.type) else {
                mismatch(
                    syntax, "\(what) are of different types: \(type.described) and \(expression.type.described)",
                    advice: "give all of them one type")
                return nil
            }
            type = joined
        }
        return type
    }

    mutating func call(
        _ function: Syntax.Function, _ arguments: [Syntax], _ syntax: Syntax, _ frame: Frame
    ) -> Expression? {
        switch function {
        case .round: return round(arguments, syntax, frame)
        case .absolute:
            guard let x = number(arguments[0], frame) else { return nil }
            return made(.absolute(x), x.type, syntax)
        case .greatest, .least, .coalesce:
            let checked = arguments.compactMap { check($0, frame) }
            guard checked.count == arguments.count,
                let type = common(checked, syntax, "the arguments of \(function.rawValue)")
            else { return nil }
            if function == .coalesce { return made(.coalesce(checked), type, syntax) }
            guard type.isOrdered else {
                mismatch(syntax, "\(type.described) has no order", advice: "compare numbers, days or moments")
                return nil
            }
            return made(function == .greatest ? .greatest(checked) : .least(checked), type, syntax)
        case .age:
            guard let both = typed(arguments, [.day, .day], function, frame) else { return nil }
            return made(.age(birth: both[0], day: both[1]), .number(scale: 0), syntax)
        case .day:
            guard let moment = check(arguments[0], frame) else { return nil }
            if moment.type == .day { return moment }
            guard moment.type == .moment else {
                mismatch(
                    arguments[0], "DAY takes a moment, and this is \(moment.type.described)", advice: "write DAY(start)"
                )
                return nil
            }
            return made(.dayOf(moment), .day, syntax)
        case .prefix:
            guard let text = typed([arguments[0]], [.text], function, frame)?.first,
                let count = wholeConstant(arguments[1])
            else { return nil }
            guard (1...64).contains(count) else {
                report(
                    arguments[1].offset, "RUL018", "PREFIX takes 1 to 64 characters", advice: "write PREFIX(code, 3)")
                return nil
            }
            return made(.prefix(text, count: count), .text, syntax)
        case .eligible: return covered(.eligibility, .text, arguments, function, syntax, frame)
        case .contracted: return covered(.agreement, .text, arguments, function, syntax, frame)
        case .entitled: return covered(.entitlement, .identity(.person), arguments, function, syntax, frame)
        }
    }

    private mutating func covered(
        _ table: Table, _ key: ValueType, _ arguments: [Syntax], _ function: Syntax.Function, _ syntax: Syntax,
        _ frame: Frame
    ) -> Expression? {
        guard let both = typed(arguments, [key, .day], function, frame) else { return nil }
        let wanted: CodeSystem = table == .eligibility ? .practitioner : .institution
        if let system = both[0].codeSystem(lists: lists.map(\.declaration)), key == .text, system != wanted {
            report(
                arguments[0].offset, "RUL022",
                "\(function.rawValue) takes a code of \(wanted.rawValue), not of \(system.rawValue)",
                advice: "write \(function.rawValue)(\(wanted.rawValue), day)")
            return nil
        }
        return made(.covered(table, key: both[0], day: both[1]), .boolean, syntax)
    }

    /// The arguments, when each has the type that the function takes.
    private mutating func typed(
        _ arguments: [Syntax], _ types: [ValueType], _ function: Syntax.Function, _ frame: Frame
    ) -> [Expression]? {
        var checked: [Expression] = []
        for (argument, type) in zip(arguments, types) {
            guard let expression = check(argument, frame) else { continue }
            if expression.type == type {
                checked.append(expression)
            } else {
                var advice = "give it what it takes"
                if type == .day, expression.type == .moment { advice = "take the day of the moment: DAY(…)" }
                mismatch(
                    argument,
                    "\(function.rawValue) takes \(type.described) here, and this is \(expression.type.described)",
                    advice: advice)
            }
        }
        return checked.count == types.count ? checked : nil
    }

    private mutating func round(_ arguments: [Syntax], _ syntax: Syntax, _ frame: Frame) -> Expression? {
        let digits = wholeConstant(arguments[1])
        var numerator: Expression?
        var denominator: Expression?
        if case .divide(let above, let below) = arguments[0].node {
            numerator = number(above, frame)
            denominator = number(below, frame)
            guard denominator != nil else { return nil }
            if let denominator, case .number(0) = denominator.node {
                report(below.offset, "RUL013", "this divides by zero", advice: "divide by something else")
                return nil
            }
        } else {
            numerator = number(arguments[0], frame)
        }
        guard let numerator, let digits else { return nil }
        guard (0...12).contains(digits) else {
            report(arguments[1].offset, "RUL018", "ROUND keeps 0 to 12 decimals", advice: "write ROUND(x / y, 2)")
            return nil
        }
        return made(.round(numerator, denominator, digits: digits), .number(scale: digits), syntax)
    }
}
