import Claims
import Knowledge

/// An expression of the rule language over single values (标量表达式), without rows, lists or windows.
///
/// Procedures use it for conditions and amounts: the same lexer, parser and three-valued logic as rules, so that an
/// expert learns one language. Names are what the reader of the text says they are; `$name` is a parameter. What is
/// unknown stays unknown: `value` gives nil for it, and `unknowns` names what was missing.
package struct ScalarExpression: Sendable {
    package let source: String
    package let type: ValueType
    /// The names it reads, parameters with `$`, in the order of their first use.
    package let names: [String]
    let root: Syntax

    /// The expression, or what is wrong with it. `type` gives the type of a name, nil when there is none such; `known`
    /// are the names to suggest; `wanted` nil accepts any type.
    package static func read(
        _ source: SourceText, wanted: ValueType?, known: [String], type: @escaping (String) -> ValueType?
    ) -> (expression: ScalarExpression?, diagnostics: [Diagnostic]) {
        do throws(Mistake) {
            let syntax = try ExpressionParser.expression(source.bytes)
            var check = Check(type: type, known: known)
            let found = try check.type(of: syntax)
            if let wanted, wanted.joined(with: found) == nil {
                throw Mistake(
                    at: syntax.offset, "RUL012", "this is \(found.described), and \(wanted.described) is needed here",
                    advice: wanted == .boolean ? "write a condition, such as `amount > 0`" : "compute the value needed")
            }
            return (
                ScalarExpression(source: source.text, type: found, names: check.names, root: syntax), []
            )
        } catch {
            return (nil, [source.diagnostic(at: error.offset, error.code, error.message, advice: error.advice)])
        }
    }
}

private struct Check {
    let type: (String) -> ValueType?
    let known: [String]
    var names: [String] = []

    mutating func name(_ name: String, at offset: Int) throws(Mistake) -> ValueType {
        guard let type = type(name) else {
            let guess = Suggestion.nearest(to: name, among: known)
            throw Mistake(
                at: offset, "RUL007", "there is no `\(name)` here",
                advice: guess.map { "did you mean `\($0)`?" } ?? "names: \(known.prefix(40).joined(separator: ", "))")
        }
        if !names.contains(name) { names.append(name) }
        return type
    }

    mutating func condition(_ syntax: Syntax) throws(Mistake) {
        let found = try type(of: syntax)
        guard found == .boolean else {
            throw Mistake(
                at: syntax.offset, "RUL012", "this is \(found.described), and a condition is needed here",
                advice: "compare it with something")
        }
    }

    mutating func joined(_ terms: [Syntax], _ what: String) throws(Mistake) -> ValueType {
        var result: ValueType?
        for term in terms {
            let found = try type(of: term)
            guard let before = result else {
                result = found
                continue
            }
            guard let joined = before.joined(with: found) else {
                throw Mistake(
                    at: term.offset, "RUL012", "\(what) \(before.described) and \(found.described)",
                    advice: "give both sides one type; a day is written DATE 'yyyy-mm-dd'")
            }
            result = joined
        }
        return result ?? .boolean
    }

    mutating func number(_ syntax: Syntax) throws(Mistake) -> Int {
        let found = try type(of: syntax)
        guard case .number(let scale) = found else {
            throw Mistake(
                at: syntax.offset, "RUL012", "this is \(found.described), and a number is needed here",
                advice: "use a number")
        }
        return scale
    }

    mutating func type(of syntax: Syntax) throws(Mistake) -> ValueType {
        switch syntax.node {
        case .number(let digits):
            return .number(
                scale: digits.firstIndex(of: ".").map { digits.distance(from: $0, to: digits.endIndex) - 1 } ?? 0)
        case .text: return .text
        case .boolean: return .boolean
        case .date(let text):
            guard Day(text) != nil else {
                throw Mistake(
                    at: syntax.offset, "RUL019", "there is no day '\(text)'", advice: "write DATE 'yyyy-mm-dd'")
            }
            return .day
        case .parameter(let name): return try self.name("$" + name, at: syntax.offset)
        case .path(let parts): return try name(parts.joined(separator: "."), at: syntax.offset)
        case .not(let inner):
            try condition(inner)
            return .boolean
        case .and(let terms), .or(let terms):
            for term in terms { try condition(term) }
            return .boolean
        case .compare(let comparison, let a, let b):
            let joined = try joined([a, b], "these cannot be compared:")
            guard joined.isOrdered || comparison == .equal || comparison == .notEqual else {
                throw Mistake(
                    at: syntax.offset, "RUL012", "\(joined.described) has no order", advice: "compare it with = or <>")
            }
            return .boolean
        case .between(let value, let low, let high):
            let joined = try joined([value, low, high], "these cannot be compared:")
            guard joined.isOrdered else {
                throw Mistake(
                    at: syntax.offset, "RUL012", "\(joined.described) has no order", advice: "use IN (…)")
            }
            return .boolean
        case .oneOf(let value, let choices):
            _ = try joined([value] + choices, "these cannot be compared:")
            return .boolean
        case .startsWith(let a, let b):
            guard try type(of: a) == .text, try type(of: b) == .text else {
                throw Mistake(at: syntax.offset, "RUL012", "STARTS WITH takes texts", advice: "test a code")
            }
            return .boolean
        case .isKnown(let inner):
            _ = try type(of: inner)
            return .boolean
        case .arithmetic(let operation, let a, let b):
            let (left, right) = (try type(of: a), try type(of: b))
            switch (left, right) {
            case (.number(let x), .number(let y)):
                return .number(scale: operation == .multiply ? x + y : max(x, y))
            case (.day, .day) where operation == .subtract: return .number(scale: 0)
            case (.day, .number(scale: 0)) where operation != .multiply: return .day
            default:
                throw Mistake(
                    at: syntax.offset, "RUL012", "\(left.described) and \(right.described) do not compute",
                    advice: "numbers, day - day, and day ± whole number are possible")
            }
        case .negate(let inner): return .number(scale: try number(inner))
        case .call(let function, let arguments): return try call(function, arguments, syntax)
        case .choose(let branches, let otherwise):
            for branch in branches { try condition(branch.condition) }
            return try joined(branches.map(\.result) + [otherwise], "the results of CASE differ:")
        case .divide:
            throw Mistake(
                at: syntax.offset, "RUL013", "a division must be rounded", advice: "write ROUND(a / b, 2)")
        case .inList, .aggregate:
            throw Mistake(
                at: syntax.offset, "RUL015", "there are no rows and lists here",
                advice: "use the names of the procedure")
        }
    }

    mutating func call(_ function: Syntax.Function, _ arguments: [Syntax], _ syntax: Syntax) throws(Mistake)
        -> ValueType
    {
        switch function {
        case .round:
            guard case .number(let digits) = arguments[1].node, let digits = Int(digits), (0...12).contains(digits)
            else {
                throw Mistake(
                    at: arguments[1].offset, "RUL018", "ROUND keeps 0 to 12 decimals", advice: "write ROUND(x / y, 2)")
            }
            if case .divide(let above, let below) = arguments[0].node {
                _ = try number(above)
                _ = try number(below)
            } else {
                _ = try number(arguments[0])
            }
            return .number(scale: digits)
        case .absolute: return .number(scale: try number(arguments[0]))
        case .greatest, .least, .coalesce: return try joined(arguments, "the arguments differ:")
        case .age, .day, .prefix, .eligible, .contracted, .entitled:
            throw Mistake(
                at: syntax.offset, "RUL015", "\(function.rawValue) is for claims, not for procedures",
                advice: "functions here: ROUND, ABS, GREATEST, LEAST, COALESCE")
        }
    }
}
