import Claims
import Knowledge
import Rules

/// Takes typed values out of a YAML file and collects what is wrong with it.
struct YamlReading {
    let document: YamlDocument
    private(set) var diagnostics: [Diagnostic] = []

    init(_ document: YamlDocument) { self.document = document }

    mutating func note(
        _ node: YamlNode?, _ code: String, severity: Diagnostic.Severity = .error, _ message: String, advice: String
    ) {
        let node = node ?? document.root
        diagnostics.append(
            Diagnostic(
                file: document.file, line: node.line, column: node.column, code: code, severity: severity,
                message: message, advice: advice))
    }

    mutating func take(_ found: [Diagnostic]) { diagnostics += found }

    /// Objects to every key that is not among these.
    mutating func only(_ node: YamlNode, _ keys: [String], in what: String) {
        for pair in node.pairs ?? [] {
            let key = pair.key.string ?? ""
            guard !keys.contains(key) else { continue }
            let guess = Suggestion.nearest(to: key, among: keys)
            note(
                pair.key, "PRC002", "\(what) has no key `\(key)`",
                advice: guess.map { "did you mean `\($0)`?" } ?? "keys: \(keys.joined(separator: ", "))")
        }
    }

    mutating func text(_ node: YamlNode?, _ key: String, of what: String, under parent: YamlNode? = nil) -> String? {
        guard let node else {
            note(parent, "PRC001", "\(what) has no `\(key)`", advice: "write `\(key): …`")
            return nil
        }
        guard let text = node.string, !text.isEmpty else {
            note(node, "PRC003", "`\(key)` must be a text", advice: "write one value")
            return nil
        }
        return text
    }

    /// A list of words, or one word.
    mutating func words(_ node: YamlNode?, _ key: String) -> [(word: String, node: YamlNode)] {
        guard let node, !node.isNull else { return [] }
        if let one = node.string { return [(one, node)] }
        guard let elements = node.elements else {
            note(node, "PRC003", "`\(key)` must be a list", advice: "write `\(key): [a, b]`")
            return []
        }
        return elements.compactMap { element in
            guard let word = element.string, !word.isEmpty else {
                note(element, "PRC003", "`\(key)` must be a list of words", advice: "write `\(key): [a, b]`")
                return nil
            }
            return (word, element)
        }
    }

    mutating func flag(_ node: YamlNode?, _ key: String) -> Bool? {
        guard let node else { return nil }
        switch node.string {
        case "yes", "true": return true
        case "no", "false": return false
        default:
            note(node, "PRC003", "`\(key)` is yes or no", advice: "write `\(key): yes`")
            return nil
        }
    }

    mutating func whole(_ node: YamlNode?, _ key: String) -> Int? {
        guard let node else { return nil }
        guard let text = node.string, let number = Int(text), number >= 0 else {
            note(node, "PRC003", "`\(key)` must be a whole number", advice: "write a number of 0 or more")
            return nil
        }
        return number
    }

    mutating func day(_ node: YamlNode?, _ key: String) -> Day? {
        guard let node else { return nil }
        guard let text = node.string, let day = Day(text) else {
            note(node, "PRC003", "`\(key)` must be a day", advice: "write yyyy-mm-dd")
            return nil
        }
        return day
    }

    /// The pairs of a mapping whose keys are identifiers, each once.
    mutating func named(_ node: YamlNode?, _ key: String) -> [(id: String, key: YamlNode, value: YamlNode)] {
        guard let node, !node.isNull else { return [] }
        guard let pairs = node.pairs else {
            note(node, "PRC003", "`\(key)` must name its entries", advice: "write `\(key):` and below it `name: …`")
            return []
        }
        return pairs.compactMap { pair in
            guard let id = pair.key.string, Self.isIdentifier(id) else {
                note(
                    pair.key, "PRC004", "`\(pair.key.string ?? "")` is not a name",
                    advice: "write small letters, digits and _, beginning with a letter")
                return nil
            }
            return (id, pair.key, pair.value)
        }
    }

    static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.utf8.first, first &- 97 < 26, text.utf8.count <= 48 else { return false }
        return text.utf8.allSatisfy { $0 &- 97 < 26 || $0 &- 48 < 10 || $0 == UInt8(ascii: "_") }
    }

    /// A number, day, flag or text as it stands without quotes.
    static func scalar(_ node: YamlNode) -> ScalarValue? {
        guard let text = node.string, !text.isEmpty else { return nil }
        guard node.isPlain else { return .text(text) }
        if let day = Day(text) { return .day(day) }
        if text == "true" || text == "false" { return .flag(text == "true") }
        let scale = text.firstIndex(of: ".").map { text.distance(from: $0, to: text.endIndex) - 1 } ?? 0
        if let mantissa = Field.number(text, scale) { return .number(mantissa, scale: scale) }
        return .text(text)
    }
}
