import Claims
import Knowledge

/// A parameter of a rule, or a literal.
enum Constant: Sendable, Equatable {
    case number(Int64, scale: Int)
    case text(String)
    case boolean(Bool)
    case day(Int32)

    var type: ValueType {
        switch self {
        case .number(_, let scale): .number(scale: scale)
        case .text: .text
        case .boolean: .boolean
        case .day: .day
        }
    }

    /// Digits with at most one dot; nil when they exceed 18 digits.
    init?(digits: String) {
        var mantissa: Int64 = 0
        var scale = 0
        var sawDot = false
        var count = 0
        for byte in digits.utf8 {
            if byte == UInt8(ascii: "."), !sawDot {
                sawDot = true
                continue
            }
            guard Lexer.isDigit(byte) else { return nil }
            if mantissa != 0 || byte != 48 { count += 1 }
            if sawDot { scale += 1 }
            guard count <= 18, scale <= 12 else { return nil }
            mantissa = mantissa * 10 + Int64(byte - 48)
        }
        self = .number(mantissa, scale: scale)
    }
}

/// Gives names their meaning and expressions their types, and refuses what has none.
///
/// Collects every mistake it finds in a text; an expression with a mistake becomes nil, its neighbours go on.
struct Checker {
    /// What a bare name stands for.
    enum Frame {
        /// The focus row, or a member of the group.
        case focus
        /// The group as a whole: names must follow from its keys (checked afterwards).
        case group
        /// The related row of a window.
        case related(Table)
        /// The row at hand must be named: `this.…` or a list.
        case explicit
    }

    struct BoundList {
        let alias: String
        let declaration: ListDeclaration
    }

    let source: SourceText
    let focus: Table
    let keys: [Rule.Key]
    let lists: [BoundList]
    let declarations: [String: ListDeclaration]
    let parameters: [String: Parameter]
    /// Whether aggregates may stand here.
    var allowsAggregates = false
    /// The service day whose values the bounds of windows take; nil: those before any dated change.
    var boundsDay: Int32?
    var diagnostics: [Diagnostic] = []

    init(
        source: SourceText, focus: Table, keys: [Rule.Key] = [], lists: [BoundList] = [],
        declarations: [String: ListDeclaration], parameters: [String: Parameter]
    ) {
        self.source = source
        self.focus = focus
        self.keys = keys
        self.lists = lists
        self.declarations = declarations
        self.parameters = parameters
    }

    // MARK: Reports

    mutating func report(
        _ offset: Int, _ code: String, severity: Diagnostic.Severity = .error, _ message: String, advice: String
    ) {
        diagnostics.append(source.diagnostic(at: offset, code, severity: severity, message, advice: advice))
    }

    mutating func mismatch(_ syntax: Syntax, _ message: String, advice: String) {
        report(syntax.offset, "RUL012", message, advice: advice)
    }

    func position(_ offset: Int) -> SourcePosition {
        SourcePosition(file: source.file, line: source.line(at: offset), column: source.column(at: offset))
    }

    func made(_ node: Expression.Node, _ type: ValueType, _ syntax: Syntax) -> Expression {
        Expression(node, type: type, at: position(syntax.offset))
    }

    // MARK: Expressions

    /// The expression, which must be true or false.
    mutating func condition(_ syntax: Syntax, _ frame: Frame) -> Expression? {
        guard let checked = check(syntax, frame) else { return nil }
        guard checked.type == .boolean else {
            mismatch(
                syntax, "a condition is needed here, but this is \(checked.type.described)",
                advice: "compare it with something")
            return nil
        }
        return checked
    }

    mutating func number(_ syntax: Syntax, _ frame: Frame) -> Expression? {
        guard let checked = check(syntax, frame) else { return nil }
        guard checked.type.isNumber else {
            mismatch(syntax, "a number is needed here, but this is \(checked.type.described)", advice: "write a number")
            return nil
        }
        return checked
    }

    mutating func check(_ syntax: Syntax, _ frame: Frame) -> Expression? {
        switch syntax.node {
        case .number(let digits): return literal(digits, syntax, negative: false)
        case .text(let text): return made(.text(text), .text, syntax)
        case .boolean(let flag): return made(.boolean(flag), .boolean, syntax)
        case .date(let text):
            guard let day = Day(text) else {
                report(syntax.offset, "RUL021", "'\(text)' is not a day", advice: "write DATE 'yyyy-mm-dd'")
                return nil
            }
            return made(.number(Int64(day.number)), .day, syntax)
        case .parameter(let name): return parameter(name, syntax, frame)
        case .path(let parts): return path(parts, syntax, frame)
        case .not(let inner):
            guard let checked = condition(inner, frame) else { return nil }
            return made(.not(checked), .boolean, syntax)
        case .and(let terms): return junction(terms, syntax, frame) { .and($0) }
        case .or(let terms): return junction(terms, syntax, frame) { .or($0) }
        case .compare(let comparison, let left, let right):
            let a = check(left, frame)
            let b = check(right, frame)
            guard let a, let b else { return nil }
            return compare(comparison, a, b, syntax)
        case .between(let value, let low, let high): return between(value, low, high, syntax, frame)
        case .oneOf(let value, let choices): return oneOf(value, choices, syntax, frame)
        case .inList(let arguments, let list, let columns):
            return inList(arguments, list, columns, syntax, frame)
        case .startsWith(let value, let prefix): return startsWith(value, prefix, syntax, frame)
        case .isKnown(let inner):
            guard let checked = check(inner, frame) else { return nil }
            return made(.isKnown(checked), .boolean, syntax)
        case .arithmetic(let operation, let left, let right):
            return arithmetic(operation, left, right, syntax, frame)
        case .divide:
            report(
                syntax.offset, "RUL013", "a quotient must be rounded", advice: "write ROUND(x / y, n) with n decimals")
            return nil
        case .negate(let inner):
            if case .number(let digits) = inner.node { return literal(digits, syntax, negative: true) }
            guard let checked = number(inner, frame) else { return nil }
            return made(.negate(checked), checked.type, syntax)
        case .call(let function, let arguments): return call(function, arguments, syntax, frame)
        case .choose(let branches, let otherwise): return choose(branches, otherwise, syntax, frame)
        case .aggregate(let function, let argument, let window):
            return aggregate(function, argument, window, syntax, frame)
        }
    }

    private mutating func literal(_ digits: String, _ syntax: Syntax, negative: Bool) -> Expression? {
        guard case .number(let mantissa, let scale)? = Constant(digits: digits) else {
            report(
                syntax.offset, "RUL014", "the number has more than 18 digits or more than 12 decimals",
                advice: "write a smaller number")
            return nil
        }
        return made(.number(negative ? -mantissa : mantissa), .number(scale: scale), syntax)
    }

    /// A whole number that is known when the rule is read: literal or parameter, perhaps with a sign.
    mutating func wholeConstant(_ syntax: Syntax) -> Int? {
        if case .negate(let inner) = syntax.node { return wholeConstant(inner).map { -$0 } }
        var constant: Constant?
        switch syntax.node {
        case .number(let digits): constant = Constant(digits: digits)
        case .parameter(let name):
            guard let known = parameters[name] else {
                reportUnknownParameter(name, syntax)
                return nil
            }
            constant = known.value(on: boundsDay)
        default: break
        }
        guard case .number(let mantissa, scale: 0)? = constant else {
            report(
                syntax.offset, "RUL018", "a whole number is needed here", advice: "write a constant such as 7, or $days"
            )
            return nil
        }
        return Int(mantissa)
    }

    private mutating func junction(
        _ terms: [Syntax], _ syntax: Syntax, _ frame: Frame, make: ([Expression]) -> Expression.Node
    ) -> Expression? {
        var checked: [Expression] = []
        for term in terms {
            if let expression = condition(term, frame) { checked.append(expression) }
        }
        return checked.count == terms.count ? made(make(checked), .boolean, syntax) : nil
    }
}
