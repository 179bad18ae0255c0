import Foundation

/// Passwords that too many people use (常见口令): `knowledge/access/common-passwords.txt`, one a line, lower case.
struct CommonPasswords: Equatable, Sendable {
    static let none = CommonPasswords(text: "")
    private let text: String

    init(text: String) { self.text = text }

    static func read(knowledge folder: String) throws -> CommonPasswords {
        let file = "access/common-passwords.txt"
        guard let data = FileManager.default.contents(atPath: folder + "/" + file),
            let text = String(validating: data, as: UTF8.self)
        else {
            throw DoorRefusal(
                .setUp, "the list of common passwords is missing or no text", at: file,
                advice: "take it from the shipped package")
        }
        return CommonPasswords(text: text)
    }

    /// Whether a password in lower case is a common one: as it is, without the digits and signs around it, or with letters written
    /// as digits read as letters (`p@ssw0rd`), or one of these several times over.
    func holds(_ password: String) -> Bool {
        let words = Set(text.split(separator: "\n").lazy.filter { !$0.hasPrefix("#") })
        guard !words.isEmpty else { return false }
        let read = String(password.map { Self.letters[$0] ?? $0 })
        return [password, read].contains { text in
            let bare = Self.bare(text[...])
            // What is left of `li2026!!` is nobody's password; of `woaini2026!` it is.
            return [text[...], bare].contains { $0.count >= 5 && (words.contains($0) || words.contains(Self.once($0))) }
        }
    }

    private static let letters: [Character: Character] = [
        "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i",
    ]

    private static func bare(_ text: Substring) -> Substring {
        var rest = text.drop { !$0.isLetter }
        while let last = rest.last, !last.isLetter { rest.removeLast() }
        return rest
    }

    /// `abcabc` as `abc`; anything else as it is.
    private static func once(_ text: Substring) -> Substring {
        for count in 5..<max(5, text.count / 2 + 1) where text.count % count == 0 {
            let part = text.prefix(count)
            if String(repeating: String(part), count: text.count / count) == text { return part }
        }
        return text
    }
}
