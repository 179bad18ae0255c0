/// The unified social credit code of a legal person or organisation (统一社会信用代码, GB 32100-2015).
///
/// 18 characters: registering department 1, category 1, division 6, organisation 9, check character 1. The letters
/// I, O, S, V and Z are not used.
package struct UnifiedSocialCreditCode: NationalCode {
    package static let system = "unified social credit code (统一社会信用代码)"

    package let text: String

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        try characters.length(18)
        var sum = 0
        var weight = 1
        var last = 0
        for (index, byte) in characters.bytes.enumerated() {
            guard let value = UnifiedSocialCreditCode.alphabet.firstIndex(of: byte) else {
                throw CodeFault(
                    Self.system,
                    .character(position: index + 1, expected: "a digit or a letter other than I, O, S, V, Z"))
            }
            last = value
            if index < 17 { sum += value * weight }
            weight = weight * 3 % 31
        }
        try characters.digits(2..<8)
        guard last == (31 - sum % 31) % 31 else { throw CodeFault(Self.system, .checkDigit) }
        text = characters.text
    }

    package var division: Substring { text.dropFirst(2).prefix(6) }
    /// The organisation code (组织机构代码, GB 11714) inside.
    package var organisation: Substring { text.dropFirst(8).prefix(9) }

    private static let alphabet = Array("0123456789ABCDEFGHJKLMNPQRTUWXY".utf8)
}
