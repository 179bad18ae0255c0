/// A table for terminals: columns line up even where Chinese and Latin text are mixed.
///
/// Text columns shrink, the widest first, until the table fits; numbers and identifiers are never cut.
package struct TextTable: Sendable {
    private let heads: [ColumnHead]
    private var rows: [[String]] = []

    package init(_ heads: [ColumnHead]) { self.heads = heads }

    package mutating func append(_ row: [Cell]) { rows.append(row.map { Self.oneLine($0.text) }) }

    package var isEmpty: Bool { rows.isEmpty }

    /// Lines without trailing blanks; the head is set in bold where `style` says so.
    package func lines(width limit: Int, style: TerminalStyle = .plain) -> [String] {
        let widths = columnWidths(limit: limit)
        func line(_ row: [String]) -> String {
            var parts: [String] = []
            for (index, width) in widths.enumerated() {
                let text = DisplayWidth.cut(index < row.count ? row[index] : "", to: width)
                parts.append(DisplayWidth.padded(text, to: width, right: heads[index].isNumber))
            }
            var joined = parts.joined(separator: "  ")
            while joined.last == " " { joined.removeLast() }
            return joined
        }
        return [style.bold(line(heads.map(\.title)))] + rows.map(line)
    }

    private func columnWidths(limit: Int) -> [Int] {
        var widths = heads.map { DisplayWidth.of($0.title) }
        for row in rows {
            for (index, text) in row.enumerated() where index < widths.count {
                widths[index] = max(widths[index], DisplayWidth.of(text))
            }
        }
        let floor = 8
        while widths.reduce(0, +) + 2 * (widths.count - 1) > limit {
            guard
                let widest = widths.indices.filter({ heads[$0].mayBeCut && widths[$0] > floor }).max(by: {
                    widths[$0] < widths[$1]
                })
            else { break }
            widths[widest] -= 1
        }
        return widths
    }

    /// Control characters of foreign text must not reach a terminal.
    static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }) else {
            return text
        }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) ? " " : $0 }))
    }
}

/// Colour and weight, only where a person looks at a terminal.
package struct TerminalStyle: Sendable, Hashable {
    private let isOn: Bool

    package init(colour: Bool) { isOn = colour }

    package static let plain = TerminalStyle(colour: false)
    package static let coloured = TerminalStyle(colour: true)

    package func bold(_ text: String) -> String { wrap(text, "1") }
    package func dim(_ text: String) -> String { wrap(text, "2") }
    package func red(_ text: String) -> String { wrap(text, "31") }
    package func green(_ text: String) -> String { wrap(text, "32") }
    package func yellow(_ text: String) -> String { wrap(text, "33") }
    package func cyan(_ text: String) -> String { wrap(text, "36") }

    private func wrap(_ text: String, _ code: String) -> String { isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}
