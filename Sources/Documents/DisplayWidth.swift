/// How many cells of a terminal a text takes (East Asian Width, UAX #11): Chinese characters take two.
package enum DisplayWidth {
    package static func of(_ text: String) -> Int {
        var width = 0
        for character in text { width += of(character) }
        return width
    }

    /// A character is as wide as its widest scalar; combining marks and joiners add nothing.
    static func of(_ character: Character) -> Int {
        var width = 0
        for scalar in character.unicodeScalars { width = max(width, of(scalar)) }
        return width
    }

    private static func of(_ scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x300 { return value < 0x20 || (0x7F..<0xA0).contains(value) ? 0 : 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        for range in wide where range.contains(value) { return 2 }
        return 1
    }

    /// Blocks whose characters are wide or full width. (Ambiguous ones, such as `…` and `·`, count as narrow.)
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
        0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x2FFFD, 0x30000...0x3FFFD,
    ]

    /// The text cut to at most `limit` cells, with `…` where something was left out.
    package static func cut(_ text: String, to limit: Int) -> String {
        guard of(text) > limit else { return text }
        guard limit > 1 else { return limit == 1 ? "…" : "" }
        var width = 0
        var kept = ""
        for character in text {
            let next = of(character)
            if width + next > limit - 1 { break }
            kept.append(character)
            width += next
        }
        return kept + "…"
    }

    /// The text broken into lines of at most `limit` cells; Chinese may break anywhere, other text at blanks.
    package static func wrap(_ text: String, to limit: Int) -> [String] {
        let limit = max(limit, 2)
        var lines: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            var width = 0
            var lastBlank: String.Index?
            for character in paragraph {
                let next = of(character)
                if width + next > limit, !line.isEmpty {
                    if next < 2, character != " ", let blank = lastBlank {
                        let rest = String(line[line.index(after: blank)...])
                        lines.append(String(line[..<blank]))
                        line = rest
                        width = of(rest)
                    } else {
                        lines.append(line)
                        line = ""
                        width = 0
                    }
                    lastBlank = nil
                    if character == " " && line.isEmpty { continue }
                }
                if character == " " || next == 2 { lastBlank = character == " " ? line.endIndex : nil }
                line.append(character)
                width += next
            }
            lines.append(line)
        }
        return lines
    }

    package static func padded(_ text: String, to width: Int, right: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max(0, width - of(text)))
        return right ? blanks + text : text + blanks
    }
}
