import Columns

/// The secret from which a person's one pseudonym (人员假名) is made: the same person has the same pseudonym in every
/// dataset and message of one bureau, whatever the source writes; without the key nobody can go back or compare.
package struct PersonKey: Sendable {
    private let key: [UInt8]

    /// `key` are at least 16 bytes; nil for fewer.
    package init?(_ key: [UInt8]) {
        guard key.count >= 16 else { return nil }
        self.key = key
    }

    /// 32 hexadecimal digits: the first half of HMAC-SHA256 over `kind|number`. `kind` is the certificate kind
    /// (`psn_cert_type`; `01` is the identity card), or the name of another numbering such as `psn_no`.
    package func pseudonym(kind: String, number: String) -> String {
        let message = Self.message(kind: kind, number: number)
        return Self.text(message.withUnsafeBytes { HMACSHA256(key: key).code(for: $0) })
    }

    /// What is authenticated: kind and normalised number.
    package static func message(kind: String, number: String) -> [UInt8] {
        Array("\(kind)|\(normalised(kind: kind, number: number))".utf8)
    }

    package static func text(_ code: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: code.prefix(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Blanks and case folded; a 15-digit identity number in its 18-digit form (GB 11643).
    package static func normalised(kind: String, number: String) -> String {
        let folded = number.uppercased().filter { !$0.isWhitespace && $0 != "-" }
        guard kind == "01" || kind == "1", folded.utf8.count == 15, folded.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return folded }
        // 15 digits were given out until 1999, so the century is 19.
        let longer = folded.prefix(6) + "19" + folded.dropFirst(6)
        return longer + IdentityNumber.checkDigit(of: Array(longer.utf8))
    }
}
