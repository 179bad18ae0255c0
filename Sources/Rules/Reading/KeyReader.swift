import Claims
import Knowledge

/// Takes the keys of a YAML mapping one by one, and reports those that are missing, wrong or unknown.
package struct KeyReader {
    package let document: YamlDocument
    package let node: YamlNode
    package private(set) var diagnostics: [Diagnostic] = []
    private var asked: [String] = []

    package init(_ document: YamlDocument, _ node: YamlNode) {
        self.document = document
        self.node = node
    }

    package mutating func report(
        _ place: YamlNode, _ code: String, severity: Diagnostic.Severity = .error, _ message: String, advice: String
    ) {
        diagnostics.append(
            Diagnostic(
                file: document.file, line: place.line, column: place.column, code: code, severity: severity,
                message: message, advice: advice))
    }

    /// An area changes what is so already: the change, or the national value, may be a slip.
    package mutating func warnOfNoChange(_ place: YamlNode, _ message: String) {
        report(
            place, "RUL038", severity: .warning, "this changes nothing: \(message)",
            advice: "leave it out, or write what the area wants")
    }

    package mutating func add(_ more: [Diagnostic]) { diagnostics += more }

    package mutating func optional(_ key: String) -> YamlNode? {
        asked.append(key)
        guard let value = node[key], !value.isNull else { return nil }
        return value
    }

    package mutating func required(_ key: String, advice: String) -> YamlNode? {
        if let value = optional(key) { return value }
        report(node, "RUL024", "the key `\(key)` is missing", advice: advice)
        return nil
    }

    /// A text, without blanks around it.
    package mutating func text(_ value: YamlNode?, _ key: String) -> String? {
        guard let value else { return nil }
        guard let string = value.string else {
            report(value, "RUL025", "`\(key)` must be a text", advice: "write one value")
            return nil
        }
        return Self.trimmed(string)
    }

    package mutating func source(_ value: YamlNode?, _ key: String) -> SourceText? {
        guard let value else { return nil }
        guard let source = document.source(of: value) else {
            report(
                value, "RUL025", "`\(key)` must be a text",
                advice:
                    "write the expression after `|` on a line of its own: YAML reads brackets at the start otherwise")
            return nil
        }
        return source
    }

    /// One of the words, or nil and a report.
    package mutating func word<Word: RawRepresentable<String> & CaseIterable>(_ value: YamlNode?, _ key: String)
        -> Word?
    {
        guard let value, let text = text(value, key) else { return nil }
        if let word = Word(rawValue: text) { return word }
        let words = Word.allCases.map(\.rawValue)
        report(
            value, "RUL025", "`\(key)` cannot be `\(text)`",
            advice: Suggestion.nearest(to: text, among: words).map { "did you mean `\($0)`?" }
                ?? "write one of: \(words.joined(separator: ", "))")
        return nil
    }

    package mutating func day(_ value: YamlNode?, _ key: String) -> Day? {
        guard let value, let text = text(value, key) else { return nil }
        if let day = Day(text) { return day }
        report(value, "RUL025", "`\(key)` must be a day, not `\(text)`", advice: "write yyyy-mm-dd")
        return nil
    }

    /// Reports every key that nobody asked for.
    package mutating func finish() {
        guard let pairs = node.pairs else { return }
        for (key, _) in pairs {
            let name = key.string ?? ""
            guard !asked.contains(name) else { continue }
            report(
                key, "RUL026", "there is no key `\(name)` here",
                advice: Suggestion.nearest(to: name, among: asked).map { "did you mean `\($0)`?" }
                    ?? "keys: \(asked.joined(separator: ", "))")
        }
    }

    package static func trimmed(_ text: String) -> String {
        var scalars = Substring(text)
        while let first = scalars.unicodeScalars.first, first.properties.isWhitespace {
            scalars = scalars.dropFirst()
        }
        while let last = scalars.unicodeScalars.last, last.properties.isWhitespace { scalars = scalars.dropLast() }
        return String(scalars)
    }
}
