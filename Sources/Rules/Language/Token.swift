import Knowledge

/// A word of the rule language, and where it begins and ends in its text.
struct Token: Sendable {
    enum Kind: Sendable, Hashable {
        case name(String)
        /// Digits, with a fraction or without, as written.
        case number(String)
        case text(String)
        /// `$hours`.
        case parameter(String)
        case symbol(Symbol)
        case end
    }

    enum Symbol: String, Sendable, CaseIterable {
        // Longer ones first: the lexer takes the first that fits.
        case notEqual = "<>"
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case range = ".."
        case less = "<"
        case greater = ">"
        case equal = "="
        case plus = "+"
        case minus = "-"
        case times = "*"
        case divide = "/"
        case open = "("
        case close = ")"
        case comma = ","
        case dot = "."
    }

    let kind: Kind
    let start: Int
    let end: Int

    /// How the token is named in a message.
    var described: String {
        switch kind {
        case .name(let name): "`\(name)`"
        case .number(let digits): "`\(digits)`"
        case .text(let text): "'\(text)'"
        case .parameter(let name): "`$\(name)`"
        case .symbol(let symbol): "`\(symbol.rawValue)`"
        case .end: "the end of the text"
        }
    }
}

/// A mistake in a text: where, which, and what to do. The reader of the text turns it into a diagnostic.
struct Mistake: Error {
    let offset: Int
    let code: String
    let message: String
    let advice: String

    init(at offset: Int, _ code: String, _ message: String, advice: String) {
        self.offset = offset
        self.code = code
        self.message = message
        self.advice = advice
    }
}

/// Cuts a text into tokens. Total: any bytes give tokens or a mistake, in time linear in their number.
struct Lexer {
    static let bytesMax = 16_384
    static let tokensMax = 4_096

    private let bytes: [UInt8]
    private var at = 0

    static func tokens(of bytes: [UInt8]) throws(Mistake) -> [Token] {
        guard bytes.count <= bytesMax else {
            throw Mistake(
                at: 0, "RUL001", "the text has \(bytes.count) bytes, more than \(bytesMax)",
                advice: "put values into a list")
        }
        var lexer = Lexer(bytes: bytes)
        var tokens: [Token] = []
        while let token = try lexer.next() {
            tokens.append(token)
            guard tokens.count < tokensMax else {
                throw Mistake(
                    at: token.start, "RUL001", "the text has more than \(tokensMax) words",
                    advice: "put values into a list")
            }
        }
        tokens.append(Token(kind: .end, start: bytes.count, end: bytes.count))
        return tokens
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func byte(_ ahead: Int = 0) -> UInt8 { at + ahead < bytes.count ? bytes[at + ahead] : 0 }

    private mutating func next() throws(Mistake) -> Token? {
        while at < bytes.count, byte() == 0x20 || (0x09...0x0D).contains(byte()) { at += 1 }
        guard at < bytes.count else { return nil }
        let start = at
        if Self.isDigit(byte()) { return number(from: start) }
        if Self.isNameStart(byte()) { return Token(kind: .name(name()), start: start, end: at) }
        if byte() == UInt8(ascii: "'") { return try text(from: start) }
        if byte() == UInt8(ascii: "$"), Self.isNameStart(byte(1)) {
            at += 1
            return Token(kind: .parameter(name()), start: start, end: at)
        }
        for symbol in Token.Symbol.allCases where matches(symbol.rawValue) {
            at += symbol.rawValue.utf8.count
            return Token(kind: .symbol(symbol), start: start, end: at)
        }
        throw unexpected(start)
    }

    private func matches(_ text: String) -> Bool {
        var ahead = 0
        for expected in text.utf8 {
            guard byte(ahead) == expected else { return false }
            ahead += 1
        }
        return true
    }

    private mutating func number(from start: Int) -> Token {
        while Self.isDigit(byte()) { at += 1 }
        if byte() == UInt8(ascii: "."), Self.isDigit(byte(1)) {
            at += 1
            while Self.isDigit(byte()) { at += 1 }
        }
        return Token(kind: .number(slice(start, at)), start: start, end: at)
    }

    private mutating func name() -> String {
        let start = at
        while at < bytes.count, Self.isNameStart(byte()) || Self.isDigit(byte()) { at += 1 }
        return slice(start, at)
    }

    private mutating func text(from start: Int) throws(Mistake) -> Token {
        var content: [UInt8] = []
        at += 1
        while at < bytes.count {
            if byte() == UInt8(ascii: "'") {
                guard byte(1) == UInt8(ascii: "'") else {
                    at += 1
                    return Token(kind: .text(String(decoding: content, as: UTF8.self)), start: start, end: at)
                }
                at += 1
            }
            if byte() == 0x0A { break }
            content.append(byte())
            at += 1
        }
        throw Mistake(
            at: start, "RUL002", "this text has no closing quote", advice: "end it with '; write '' for a quote inside")
    }

    private func slice(_ start: Int, _ end: Int) -> String { String(decoding: bytes[start..<end], as: UTF8.self) }

    private func unexpected(_ start: Int) -> Mistake {
        let advice =
            switch byte() {
            case UInt8(ascii: "\""): "texts stand in single quotes: 'inpatient'"
            case UInt8(ascii: "!"): "unequal is written <>"
            case UInt8(ascii: "["), UInt8(ascii: "{"): "use round brackets"
            case UInt8(ascii: "%"): "there is no remainder; use ROUND(x / y, n)"
            case UInt8(ascii: "$"): "a parameter is written $name"
            default: "remove it"
            }
        return Mistake(at: start, "RUL003", "this character has no meaning here", advice: advice)
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    /// Letters of any script: experts name list columns in Chinese.
    static func isNameStart(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 97 < 26 || byte == UInt8(ascii: "_") || byte >= 0x80
    }
}
