/// Rows as a terminal table. Widths are settled on the first page of rows, so that any number of rows can follow.
package final class TextTableOutput: RowOutput {
    private let heads: [ColumnHead]
    private let file: OutputFile
    private let width: Int
    private let style: TerminalStyle
    private var page: TextTable
    private var rowsOnPage = 0
    private static let pageRows = 200

    package init(_ heads: [ColumnHead], to file: OutputFile, width: Int, style: TerminalStyle) {
        self.heads = heads
        self.file = file
        self.width = width
        self.style = style
        page = TextTable(heads)
    }

    package func write(_ row: [Cell]) throws {
        page.append(row)
        rowsOnPage += 1
        if rowsOnPage == Self.pageRows { try writePage() }
    }

    package func finish() throws {
        try writePage()
        try file.finish()
    }

    private func writePage() throws {
        guard !page.isEmpty else { return }
        for line in page.lines(width: width, style: style) { try file.write(line + "\n") }
        page = TextTable(heads)
        rowsOnPage = 0
    }
}
