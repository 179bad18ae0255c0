/// Parses expressions by recursive descent, with a bound on nesting.
///
///     expression = conjunction { OR conjunction }
///     conjunction = negation { AND negation }
///     negation   = NOT negation | condition
///     condition  = sum [ comparison sum | [NOT] BETWEEN sum AND sum | [NOT] IN … | STARTS WITH text | IS [UN]KNOWN ]
///     sum        = product { (+ | -) product }
///     product    = signed { (* | /) signed }
///     signed     = - signed | primary
///
/// Keywords are told from names by where they stand: `end` is a field of a stay and closes a CASE.
struct ExpressionParser {
    static let nestingMax = 48
    static let valuesMax = 256

    let bytes: [UInt8]
    let tokens: [Token]
    var index = 0
    private var nesting = 0

    init(_ bytes: [UInt8]) throws(Mistake) {
        self.bytes = bytes
        tokens = try Lexer.tokens(of: bytes)
    }

    static func expression(_ bytes: [UInt8]) throws(Mistake) -> Syntax {
        var parser = try ExpressionParser(bytes)
        let expression = try parser.expression()
        try parser.expectEnd()
        return expression
    }

    // MARK: Tokens

    var current: Token { tokens[index] }

    mutating func advance() {
        if index < tokens.count - 1 { index += 1 }
    }

    func isKeyword(_ word: String, ahead: Int = 0) -> Bool {
        guard index + ahead < tokens.count, case .name(let name) = tokens[index + ahead].kind else { return false }
        return name.utf8.count == word.utf8.count && name.uppercased() == word
    }

    func isSymbol(_ symbol: Token.Symbol, ahead: Int = 0) -> Bool {
        index + ahead < tokens.count && tokens[index + ahead].kind == .symbol(symbol)
    }

    mutating func accept(_ word: String) -> Bool {
        guard isKeyword(word) else { return false }
        advance()
        return true
    }

    mutating func accept(_ symbol: Token.Symbol) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func expect(_ word: String, _ purpose: String) throws(Mistake) {
        guard accept(word) else { throw missing(word, purpose) }
    }

    mutating func expect(_ symbol: Token.Symbol, _ purpose: String) throws(Mistake) {
        guard accept(symbol) else { throw missing(symbol.rawValue, purpose) }
    }

    func expectEnd() throws(Mistake) {
        guard current.kind != .end else { return }
        var advice = "remove what follows, or join it with AND, OR or an operator"
        if isSymbol(.equal) { advice = "equal is written with one =" }
        throw Mistake(at: current.start, "RUL004", "\(current.described) was not expected here", advice: advice)
    }

    private func missing(_ what: String, _ purpose: String) -> Mistake {
        Mistake(
            at: current.start, "RUL004", "expected `\(what)` \(purpose), but found \(current.described)",
            advice: "write `\(what)` here")
    }

    func unexpected(_ expected: String, advice: String) -> Mistake {
        Mistake(at: current.start, "RUL004", "expected \(expected), but found \(current.described)", advice: advice)
    }

    mutating func word(_ expected: String) throws(Mistake) -> Word {
        guard case .name(let name) = current.kind else { throw unexpected(expected, advice: "write its name") }
        let word = Word(text: name, offset: current.start)
        advance()
        return word
    }

    /// A name that may contain hyphens and dots, such as that of a list: `daily-cap`, `b8-1`.
    mutating func hyphenatedWord(_ expected: String) throws(Mistake) -> Word {
        guard case .name = current.kind else { throw unexpected(expected, advice: "write its name") }
        let start = current.start
        var end = start
        while end < bytes.count,
            Lexer.isNameStart(bytes[end]) || Lexer.isDigit(bytes[end]) || bytes[end] == UInt8(ascii: "-")
                || bytes[end] == UInt8(ascii: ".")
        {
            end += 1
        }
        while current.kind != .end, current.start < end { advance() }
        return Word(text: String(decoding: bytes[start..<end], as: UTF8.self), offset: start)
    }

    // MARK: Logic

    mutating func expression() throws(Mistake) -> Syntax {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.nestingMax else {
            throw Mistake(
                at: current.start, "RUL001", "expressions are nested deeper than \(Self.nestingMax)",
                advice: "split the rule")
        }
        let first = try conjunction()
        guard isKeyword("OR") else { return first }
        var terms = [first]
        while accept("OR") { terms.append(try conjunction()) }
        return Syntax(offset: first.offset, node: .or(terms))
    }

    private mutating func conjunction() throws(Mistake) -> Syntax {
        let first = try negation()
        guard isKeyword("AND") else { return first }
        var terms = [first]
        while accept("AND") { terms.append(try negation()) }
        return Syntax(offset: first.offset, node: .and(terms))
    }

    private mutating func negation() throws(Mistake) -> Syntax {
        var places: [Int] = []
        while isKeyword("NOT"), !isSymbol(.dot, ahead: 1) {
            places.append(current.start)
            advance()
            guard places.count <= Self.nestingMax else {
                throw Mistake(at: current.start, "RUL001", "too many NOT in a row", advice: "two NOT cancel each other")
            }
        }
        var result = try condition()
        for place in places.reversed() { result = Syntax(offset: place, node: .not(result)) }
        return result
    }

    private mutating func condition() throws(Mistake) -> Syntax {
        if isSymbol(.open), let list = try tupleInList() { return list }
        let left = try sum()
        if case .symbol(let symbol) = current.kind, let comparison = Comparison(rawValue: symbol.rawValue) {
            advance()
            let right = try sum()
            if case .symbol(let next) = current.kind, Comparison(rawValue: next.rawValue) != nil {
                throw Mistake(
                    at: current.start, "RUL004", "comparisons cannot be chained",
                    advice: "write `a < b AND b < c`, or BETWEEN")
            }
            return Syntax(offset: left.offset, node: .compare(comparison, left, right))
        }
        let negated = isKeyword("NOT") && (isKeyword("IN", ahead: 1) || isKeyword("BETWEEN", ahead: 1))
        if negated { advance() }
        if let result = try membership(of: left) {
            return negated ? Syntax(offset: left.offset, node: .not(result)) : result
        }
        if isKeyword("STARTS"), isKeyword("WITH", ahead: 1) {
            advance()
            advance()
            return Syntax(offset: left.offset, node: .startsWith(left, try sum()))
        }
        if accept("IS") {
            if accept("KNOWN") { return Syntax(offset: left.offset, node: .isKnown(left)) }
            if accept("UNKNOWN") {
                let known = Syntax(offset: left.offset, node: .isKnown(left))
                return Syntax(offset: left.offset, node: .not(known))
            }
            throw unexpected("KNOWN or UNKNOWN after IS", advice: "write IS KNOWN or IS UNKNOWN; there is no NULL")
        }
        return left
    }

    private mutating func membership(of left: Syntax) throws(Mistake) -> Syntax? {
        if accept("BETWEEN") {
            let low = try sum()
            try expect("AND", "between the bounds of BETWEEN")
            return Syntax(offset: left.offset, node: .between(left, low, try sum()))
        }
        guard accept("IN") else { return nil }
        if accept("LIST") { return try listMembership(of: [left]) }
        try expect(.open, "before the values of IN")
        var values = [try sum()]
        while accept(.comma) {
            values.append(try sum())
            guard values.count <= Self.valuesMax else {
                throw Mistake(
                    at: current.start, "RUL001", "IN has more than \(Self.valuesMax) values",
                    advice: "put them into a list and write IN LIST")
            }
        }
        try expect(.close, "after the values of IN")
        return Syntax(offset: left.offset, node: .oneOf(left, values))
    }

    private mutating func listMembership(of arguments: [Syntax]) throws(Mistake) -> Syntax {
        let list = try hyphenatedWord("the name of a list")
        var columns: [Word] = []
        if accept(.open) {
            repeat { columns.append(try word("a column of the list")) } while accept(.comma)
            try expect(.close, "after the columns")
        }
        let offset = arguments.first?.offset ?? list.offset
        return Syntax(offset: offset, node: .inList(arguments: arguments, list: list, columns: columns))
    }

    /// `(a, b) [NOT] IN LIST …`; nil when the bracket is an ordinary one.
    private mutating func tupleInList() throws(Mistake) -> Syntax? {
        guard opensTuple() else { return nil }
        let start = current.start
        advance()
        var arguments: [Syntax] = []
        repeat { arguments.append(try sum()) } while accept(.comma)
        try expect(.close, "after the values")
        let negated = accept("NOT")
        try expect("IN", "after several values")
        try expect("LIST", "after IN")
        guard arguments.count <= 16 else {
            throw Mistake(at: start, "RUL001", "a list has at most 16 keys", advice: "compare fewer columns")
        }
        let list = try listMembership(of: arguments)
        return negated ? Syntax(offset: start, node: .not(list)) : Syntax(offset: start, node: list.node)
    }

    /// Whether the bracket here holds a comma at its own level.
    private func opensTuple() -> Bool {
        var depth = 0
        for token in tokens[index...] {
            switch token.kind {
            case .symbol(.open): depth += 1
            case .symbol(.close):
                depth -= 1
                if depth == 0 { return false }
            case .symbol(.comma) where depth == 1: return true
            default: break
            }
        }
        return false
    }

    // MARK: Arithmetic

    mutating func sum() throws(Mistake) -> Syntax {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.nestingMax * 2 else {
            throw Mistake(at: current.start, "RUL001", "expressions are nested too deep", advice: "split the rule")
        }
        var left = try product()
        var terms = 1
        while isSymbol(.plus) || isSymbol(.minus) {
            let operation: Arithmetic = isSymbol(.plus) ? .add : .subtract
            advance()
            left = Syntax(offset: left.offset, node: .arithmetic(operation, left, try product()))
            try count(&terms)
        }
        return left
    }

    private mutating func product() throws(Mistake) -> Syntax {
        var left = try signed()
        var terms = 1
        while isSymbol(.times) || isSymbol(.divide) {
            let divides = isSymbol(.divide)
            advance()
            let right = try signed()
            left = Syntax(
                offset: left.offset, node: divides ? .divide(left, right) : .arithmetic(.multiply, left, right))
            try count(&terms)
        }
        return left
    }

    /// Chains lean to the left and so nest as deep as they are long.
    private func count(_ terms: inout Int) throws(Mistake) {
        terms += 1
        guard terms <= Self.nestingMax else {
            throw Mistake(
                at: current.start, "RUL001", "a sum or product has more than \(Self.nestingMax) terms",
                advice: "split the rule")
        }
    }

    private mutating func signed() throws(Mistake) -> Syntax {
        guard isSymbol(.minus) else { return try primary() }
        let start = current.start
        advance()
        guard !isSymbol(.minus) else { throw unexpected("a value", advice: "two signs cancel each other") }
        return Syntax(offset: start, node: .negate(try primary()))
    }
}
