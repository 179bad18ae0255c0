/// What people mean by the text of a cell, whatever signs their program wrote it with.
package enum SheetText {
    /// Full-width letters, digits and signs become plain, odd blanks become one plain blank, and blanks around go.
    package static func folded(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var wantsBlank = false
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x200B...0x200D, 0x2060, 0xFEFF, 0xAD: continue
            default: break
            }
            if scalar.properties.isWhitespace || scalar.value < 32 {
                wantsBlank = !result.isEmpty
                continue
            }
            if wantsBlank {
                result.append(" ")
                wantsBlank = false
            }
            // U+FF01…U+FF5E stand for U+0021…U+007E.
            let plain = (0xFF01...0xFF5E).contains(scalar.value) ? UnicodeScalar(scalar.value - 0xFEE0) : scalar
            result.append(plain ?? scalar)
        }
        return String(result)
    }

    /// As `folded`, and without any blank: for headers and names that are joined by.
    package static func header(_ text: String) -> String { folded(text).filter { !$0.isWhitespace } }

    /// A text for people: blanks and line breaks become one blank, full-width signs of Chinese prose stay.
    package static func prose(_ text: String) -> String {
        text.unicodeScalars.split { $0.properties.isWhitespace || $0.value < 32 || $0.value == 0xFEFF }
            .map { String(String.UnicodeScalarView($0)) }.joined(separator: " ")
    }
}
