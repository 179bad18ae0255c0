/// A paper to be read or printed (文书): a title and blocks in order. What it says is decided elsewhere.
package struct Paper: Sendable {
    package struct Entry: Sendable {
        package let label: String
        package let text: String
        package init(_ label: String, _ text: String) {
            self.label = label
            self.text = text
        }
    }

    package enum Block: Sendable {
        case heading(String)
        case paragraph(String)
        /// The sentence that matters most, set apart.
        case statement(String)
        /// Label and text, one a line; entries without text are left out.
        case entries([Entry])
        case table([ColumnHead], rows: [[Cell]])
        case note(String)
    }

    package let title: String
    package let subtitle: String
    package let blocks: [Block]
    /// Stands at the foot of the paper: what it was made from.
    package let foot: String

    package init(title: String, subtitle: String = "", blocks: [Block], foot: String = "") {
        self.title = title
        self.subtitle = subtitle
        self.blocks = blocks
        self.foot = foot
    }
}

extension Paper {
    /// For a terminal of `width` cells.
    package func lines(width: Int, style: TerminalStyle = .plain) -> [String] {
        var lines = [style.bold(TextTable.oneLine(title))]
        if !subtitle.isEmpty { lines.append(style.dim(TextTable.oneLine(subtitle))) }
        for block in blocks {
            switch block {
            case .heading(let text): lines += ["", style.bold(TextTable.oneLine(text))]
            case .paragraph(let text): lines += Self.indented(text, width: width)
            case .statement(let text): lines += Self.indented(text, width: width).map(style.yellow)
            case .note(let text): lines += Self.indented(text, width: width).map(style.dim)
            case .entries(let entries): lines += Self.aligned(entries, width: width, style: style)
            case .table(let heads, let rows):
                var table = TextTable(heads)
                for row in rows { table.append(row) }
                lines += table.lines(width: max(20, width - 2), style: style).map { "  " + $0 }
            }
        }
        if !foot.isEmpty { lines += [""] + DisplayWidth.wrap(TextTable.oneLine(foot), to: width).map(style.dim) }
        return lines
    }

    private static func indented(_ text: String, width: Int) -> [String] {
        DisplayWidth.wrap(TextTable.oneLine(text), to: width - 2).map { "  " + $0 }
    }

    private static func aligned(_ entries: [Entry], width: Int, style: TerminalStyle) -> [String] {
        let shown = entries.filter { !$0.text.isEmpty }
        let margin = shown.map { DisplayWidth.of($0.label) }.max() ?? 0
        var lines: [String] = []
        for entry in shown {
            let texts = DisplayWidth.wrap(TextTable.oneLine(entry.text), to: max(20, width - margin - 4))
            for (index, text) in texts.enumerated() {
                let label = DisplayWidth.padded(index == 0 ? entry.label : "", to: margin)
                lines.append("  " + style.dim(label) + "  " + text)
            }
        }
        return lines
    }
}
