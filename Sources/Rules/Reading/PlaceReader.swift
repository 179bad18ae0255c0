import Knowledge

/// Reads where a rule stands in the national framework: `theme`, `scenes`, `window`, `subjects`.
enum PlaceReader {
    static func read(_ keys: inout KeyReader) -> Rule.Place {
        let theme = keys.text(keys.optional("theme"), "theme") ?? ""
        let scenes: [Rule.Place.Scene] = words("scenes", &keys)
        let window: Rule.Place.Window? = keys.word(keys.optional("window"), "window")
        let subjects: [Rule.Place.Subject] = words("subjects", &keys)
        return Rule.Place(theme: theme, scenes: scenes, window: window, subjects: subjects)
    }

    private static func words<Word: RawRepresentable<String> & CaseIterable & Equatable>(
        _ key: String, _ keys: inout KeyReader
    ) -> [Word] {
        let node = keys.optional(key)
        var words: [Word] = []
        for element in node?.elements ?? node.map({ [$0] }) ?? [] {
            guard let word: Word = keys.word(element, key) else { continue }
            guard !words.contains(word) else {
                keys.report(element, "RUL025", "`\(word.rawValue)` is named twice", advice: "name it once")
                continue
            }
            words.append(word)
        }
        return words
    }
}
