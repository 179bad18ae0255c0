import Claims

/// Rows as a spreadsheet (xlsx), streamed: a bold head that stays in view, filters, widths, printing on A4.
///
/// Limits: 1,048,575 rows a sheet, after which the next sheet begins; 32,767 characters a cell, after which the text
/// is cut. Texts stay texts, so that codes keep their zeros and nothing is taken for a formula.
package final class SpreadsheetOutput: RowOutput {
    private let heads: [ColumnHead]
    private let title: String
    private let archive: ZipArchive
    private let rowsPerSheet: Int
    private var sheetCount = 0
    private var rowsInSheet = 0

    package init(
        _ heads: [ColumnHead], title: String, to file: OutputFile, rowsPerSheet: Int = 1_048_575
    ) throws {
        self.heads = heads
        self.title = String(title.filter { !#"[]:*?/\"#.contains($0) }.prefix(25))
        self.rowsPerSheet = max(1, min(rowsPerSheet, 1_048_575))
        archive = ZipArchive(to: file)
        try archive.begin("_rels/.rels")
        try archive.write(
            Self.declaration
                + "<Relationships xmlns=\"\(Self.packageSpace)/relationships\"><Relationship Id=\"rId1\" Type=\"\(Self.officeSpace)/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        )
        try archive.endMember()
        try archive.begin("xl/styles.xml")
        try archive.write(Self.styles)
        try archive.endMember()
        try beginSheet()
    }

    package func write(_ row: [Cell]) throws {
        if rowsInSheet == rowsPerSheet {
            try endSheet()
            try beginSheet()
        }
        rowsInSheet += 1
        try archive.write(xml(of: row, number: rowsInSheet + 1, isHead: false))
    }

    package func finish() throws {
        try endSheet()
        try writeWorkbook()
        try archive.finish()
    }

    // MARK: Sheets

    private func beginSheet() throws {
        sheetCount += 1
        rowsInSheet = 0
        try archive.begin("xl/worksheets/sheet\(sheetCount).xml")
        var text =
            Self.declaration
            + "<worksheet xmlns=\"\(Self.mainSpace)\"><sheetPr><pageSetUpPr fitToPage=\"1\"/></sheetPr><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><cols>"
        for (index, head) in heads.enumerated() {
            text += "<col min=\"\(index + 1)\" max=\"\(index + 1)\" width=\"\(head.width)\" customWidth=\"1\"/>"
        }
        text += "</cols><sheetData>"
        text += xml(of: heads.map { .text($0.title) }, number: 1, isHead: true)
        try archive.write(text)
    }

    private func endSheet() throws {
        let last = "\(Self.columnName(heads.count - 1))\(rowsInSheet + 1)"
        try archive.write(
            "</sheetData><autoFilter ref=\"A1:\(last)\"/><pageMargins left=\"0.4\" right=\"0.4\" top=\"0.5\" bottom=\"0.5\" header=\"0.3\" footer=\"0.3\"/><pageSetup paperSize=\"9\" orientation=\"landscape\" fitToHeight=\"0\"/><headerFooter><oddFooter>&amp;C&amp;P / &amp;N</oddFooter></headerFooter></worksheet>"
        )
        try archive.endMember()
    }

    private func xml(of row: [Cell], number: Int, isHead: Bool) -> String {
        var text = "<row r=\"\(number)\">"
        for (index, cell) in row.enumerated() {
            let reference = "\(Self.columnName(index))\(number)"
            switch cell {
            case .empty: continue
            case .text(let value):
                let style = isHead ? " s=\"1\"" : ""
                text +=
                    "<c r=\"\(reference)\"\(style) t=\"inlineStr\"><is><t xml:space=\"preserve\">\(Self.escaped(value))</t></is></c>"
            case .integer(let value): text += "<c r=\"\(reference)\"><v>\(value)</v></c>"
            case .decimal(let mantissa, let scale):
                let style = scale == 2 ? 2 : 0
                text += "<c r=\"\(reference)\" s=\"\(style)\"><v>\(DecimalText.format(mantissa, scale: scale))</v></c>"
            case .day(let day):
                // Spreadsheets count days from 1899-12-30; the first they know is 1900-03-01 without doubt.
                let serial = Int(day.number) + 25_569
                text += "<c r=\"\(reference)\" s=\"3\"><v>\(serial)</v></c>"
            }
        }
        return text + "</row>"
    }

    private func writeWorkbook() throws {
        let numbers = 1...sheetCount
        let names = numbers.map { $0 == 1 ? title : "\(title) \($0)" }
        try archive.begin("xl/workbook.xml")
        var text =
            Self.declaration
            + "<workbook xmlns=\"\(Self.mainSpace)\" xmlns:r=\"\(Self.officeSpace)\"><sheets>"
        for (number, name) in zip(numbers, names) {
            text += "<sheet name=\"\(Self.escaped(name))\" sheetId=\"\(number)\" r:id=\"rId\(number)\"/>"
        }
        text += "</sheets><definedNames>"
        for (number, name) in zip(numbers, names) {
            let quoted = name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
            text +=
                "<definedName name=\"_xlnm.Print_Titles\" localSheetId=\"\(number - 1)\">'\(Self.escaped(quoted))'!$1:$1</definedName>"
        }
        try archive.write(text + "</definedNames></workbook>")
        try archive.endMember()

        try archive.begin("xl/_rels/workbook.xml.rels")
        text = Self.declaration + "<Relationships xmlns=\"\(Self.packageSpace)/relationships\">"
        for number in numbers {
            text +=
                "<Relationship Id=\"rId\(number)\" Type=\"\(Self.officeSpace)/worksheet\" Target=\"worksheets/sheet\(number).xml\"/>"
        }
        text +=
            "<Relationship Id=\"rId\(sheetCount + 1)\" Type=\"\(Self.officeSpace)/styles\" Target=\"styles.xml\"/></Relationships>"
        try archive.write(text)
        try archive.endMember()

        try archive.begin("[Content_Types].xml")
        text =
            Self.declaration
            + "<Types xmlns=\"\(Self.packageSpace)/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"\(Self.contentType).sheet.main+xml\"/><Override PartName=\"/xl/styles.xml\" ContentType=\"\(Self.contentType).styles+xml\"/>"
        for number in numbers {
            text +=
                "<Override PartName=\"/xl/worksheets/sheet\(number).xml\" ContentType=\"\(Self.contentType).worksheet+xml\"/>"
        }
        try archive.write(text + "</Types>")
        try archive.endMember()
    }

    // MARK: XML

    /// `A`, `B`, … `Z`, `AA`, …
    static func columnName(_ index: Int) -> String {
        var name = ""
        var rest = index
        repeat {
            name = String(UnicodeScalar(UInt8(65 + rest % 26))) + name
            rest = rest / 26 - 1
        } while rest >= 0
        return name
    }

    /// Text that XML can hold: characters it forbids are left out, long texts are cut.
    static func escaped(_ text: String) -> String {
        var result = ""
        var units = 0
        for scalar in text.unicodeScalars {
            units += scalar.value > 0xFFFF ? 2 : 1
            if units > 32_767 { break }
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: continue
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
    private static let mainSpace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    private static let packageSpace = "http://schemas.openxmlformats.org/package/2006"
    private static let officeSpace = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    private static let contentType = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    /// Cell formats: 0 plain, 1 head, 2 money, 3 day.
    private static let styles =
        declaration
        + "<styleSheet xmlns=\"\(mainSpace)\"><numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/></numFmts><fonts count=\"2\"><font><sz val=\"10\"/><name val=\"宋体\"/></font><font><b/><sz val=\"10\"/><name val=\"宋体\"/></font></fonts><fills count=\"3\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill><fill><patternFill patternType=\"solid\"><fgColor rgb=\"FFE8EEF2\"/></patternFill></fill></fills><borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs><cellXfs count=\"4\"><xf/><xf fontId=\"1\" fillId=\"2\" applyFont=\"1\" applyFill=\"1\"/><xf numFmtId=\"4\" applyNumberFormat=\"1\"/><xf numFmtId=\"164\" applyNumberFormat=\"1\"/></cellXfs><cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>"
}
