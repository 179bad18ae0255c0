import Claims

/// What an example says that a rule must find. Only what is written is compared.
package struct ExpectedFinding: Sendable, Hashable {
    package var outcome: Outcome
    /// The identifier of the flagged row.
    package var unit: String?
    package var key: String?
    package var person: String?
    package var violating: [String]?
    package var involved: [String]?
    package var value: String?
    package var limit: String?
    package var gross: String?
    package var loss: String?
    package var cause: String?

    package init(_ outcome: Outcome) { self.outcome = outcome }
}

/// A finding as any way of running a rule can report it, in words that compare.
package struct FindingSummary: Sendable, Hashable {
    package var outcome: Outcome
    package var key: String
    package var person: String?
    package var violating: [String]
    package var involved: [String]
    package var value: String?
    package var limit: String?
    package var gross: String?
    package var loss: String?
    package var cause: String?

    package init(
        outcome: Outcome, key: String, person: String? = nil, violating: [String] = [], involved: [String] = [],
        value: String? = nil, limit: String? = nil, gross: String? = nil, loss: String? = nil, cause: String? = nil
    ) {
        self.outcome = outcome
        self.key = key
        self.person = person
        self.violating = violating
        self.involved = involved
        self.value = value
        self.limit = limit
        self.gross = gross
        self.loss = loss
        self.cause = cause
    }

    /// What differs from the expectation; nil when nothing does.
    package func mismatch(with expected: ExpectedFinding) -> String? {
        var differences: [String] = []
        func compare(_ name: String, _ wanted: String?, _ found: String?) {
            guard let wanted, !Self.equal(wanted, found ?? "") else { return }
            differences.append("\(name) is \(found ?? "unknown"), not \(wanted)")
        }
        func compare(_ name: String, _ wanted: [String]?, _ found: [String]) {
            guard let wanted, wanted.sorted() != found.sorted() else { return }
            differences.append("\(name) is \(Self.joined(found)), not \(Self.joined(wanted))")
        }
        if outcome != expected.outcome {
            differences.append("the outcome is \(outcome.rawValue), not \(expected.outcome.rawValue)")
        }
        if let unit = expected.unit, key != unit, !key.hasSuffix(":" + unit) {
            differences.append("unit is \(key), not \(unit)")
        }
        compare("key", expected.key, key)
        compare("person", expected.person, person)
        compare("violating", expected.violating, violating)
        compare("involved", expected.involved, involved)
        compare("value", expected.value, value)
        compare("limit", expected.limit, limit)
        compare("amount", expected.gross, gross)
        compare("loss", expected.loss, loss)
        compare("cause", expected.cause, cause)
        return differences.isEmpty ? nil : differences.joined(separator: "; ")
    }

    private static func joined(_ names: [String]) -> String {
        names.isEmpty ? "nothing" : names.sorted().joined(separator: ",")
    }

    /// Numbers compare by value: `3` equals `3.0000`.
    private static func equal(_ a: String, _ b: String) -> Bool { a == b || canonical(a) == canonical(b) }

    private static func canonical(_ text: String) -> String {
        let digits = text.utf8.allSatisfy { Lexer.isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
        guard digits, text.contains("."), !text.isEmpty else { return text }
        var trimmed = Substring(text)
        while trimmed.hasSuffix("0") { trimmed = trimmed.dropLast() }
        if trimmed.hasSuffix(".") { trimmed = trimmed.dropLast() }
        return trimmed == "-0" || trimmed.isEmpty ? "0" : String(trimmed)
    }
}
