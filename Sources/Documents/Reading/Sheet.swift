/// One cell as a person would read it in the sheet.
package struct SheetCell: Sendable, Hashable {
    package enum Kind: Sendable, Hashable { case empty, text, number, day, flag, error }

    package let kind: Kind
    /// Numbers plain and without exponent, days as `yyyy-mm-dd`, flags `true` and `false`, errors such as `#N/A`.
    package let text: String

    package init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    package static let empty = SheetCell(.empty, "")
}

/// One row: its number in the sheet (of a text file: the line it begins on), and its cells from column A on.
package struct SheetRow: Sendable, Hashable {
    package let number: Int
    package let cells: [SheetCell]

    package init(number: Int, cells: [SheetCell]) {
        self.number = number
        self.cells = cells
    }

    /// The cell in a column counted from 0; empty beyond the last.
    package func cell(_ column: Int) -> SheetCell { cells.indices.contains(column) ? cells[column] : .empty }
}

/// A published file of sheets: a workbook (.xlsx), or text with separators, which is one sheet.
package enum SheetFile {
    case workbook(Workbook)
    case text(DelimitedText)

    /// Looks at the first bytes, not at the name's ending.
    package static func open(
        _ bytes: [UInt8], name: String, limits: SheetLimits = SheetLimits()
    ) throws(SheetError) -> SheetFile {
        guard bytes.count <= limits.fileBytesMax else {
            throw SheetError(
                "SHT001", file: name, "the file has \(bytes.count) bytes, more than \(limits.fileBytesMax)",
                advice: "split it")
        }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            return .workbook(try Workbook(try ZipInput(bytes, file: name, limits: limits)))
        }
        if bytes.starts(with: [0xD0, 0xCF, 0x11, 0xE0]) {
            throw SheetError(
                "SHT007", file: name, "it is an old workbook (.xls), or one with a password",
                advice: "open it in a spreadsheet program and save it as .xlsx")
        }
        let head = String(decoding: bytes.prefix(512), as: UTF8.self).lowercased()
        if head.contains("<html") || head.contains("<table") || head.hasPrefix("<?xml") {
            throw SheetError(
                "SHT007", file: name, "it is a web page or XML, whatever its name says",
                advice: "open it in a spreadsheet program and save it as .xlsx")
        }
        return .text(try DelimitedText(bytes, file: name, limits: limits))
    }

    package var sheetNames: [String] {
        switch self {
        case .workbook(let workbook): workbook.sheets.map(\.name)
        case .text: [""]
        }
    }

    /// Gives the rows that have any cell, in order, until the visitor answers false.
    package func rows(ofSheet index: Int, _ visit: (SheetRow) throws -> Bool) throws {
        switch self {
        case .workbook(let workbook): try workbook.rows(of: workbook.sheets[index], visit)
        case .text(let text): try text.rows(visit)
        }
    }

    /// `A`, `B`, … `AA` of a column counted from 0.
    package static func columnName(_ index: Int) -> String { SpreadsheetOutput.columnName(index) }
}
