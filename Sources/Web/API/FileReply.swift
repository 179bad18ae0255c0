import Documents

/// Rows as a file in an answer: CSV with the mark that spreadsheets need, or a spreadsheet. The file is made in memory; how many
/// rows there are was bounded before.
enum FileReply {
    static let csv = "text/csv; charset=utf-8"
    static let spreadsheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    static func reply(_ columns: [Operation.Column], _ rows: [[JSONText]], isSpreadsheet: Bool, name: String) throws
        -> Reply
    {
        let kept = columns.indices.filter { columns[$0].isInFile }
        return try reply(
            kept.map { columns[$0].head }, rows.map { row in kept.map { cell(row[$0]) } }, isSpreadsheet: isSpreadsheet,
            name: name)
    }

    static func reply(_ heads: [ColumnHead], _ rows: [[Cell]], isSpreadsheet: Bool, name: String) throws -> Reply {
        let file = OutputFile(gatheringUnder: name)
        let output: any RowOutput =
            isSpreadsheet
            ? try SpreadsheetOutput(heads, title: name, to: file) : try CSVOutput(heads, to: file, byteOrderMark: true)
        for row in rows { try output.write(isSpreadsheet ? row : row.map(harmless)) }
        try output.finish()
        var reply = Reply(body: file.gathered)
        reply.type = isSpreadsheet ? spreadsheet : csv
        let ending = isSpreadsheet ? "xlsx" : "csv"
        reply.headers.append(("content-disposition", "attachment; filename=\"yijian-\(name).\(ending)\""))
        return reply
    }

    /// A text that a spreadsheet would take for a formula begins with an apostrophe (CSV injection, OWASP).
    private static func harmless(_ cell: Cell) -> Cell {
        guard case .text(let text) = cell, let first = text.unicodeScalars.first,
            "=+-@\t\r".unicodeScalars.contains(first)
        else { return cell }
        return .text("'" + text)
    }

    private static func cell(_ value: JSONText) -> Cell {
        switch value {
        case .null, .object: .empty
        case .flag(let flag): .text(flag ? "是" : "否")
        case .integer(let number): .integer(number)
        case .decimal(let mantissa, let scale): .decimal(mantissa, scale: scale)
        case .text(let text): .text(text)
        case .array(let values): .text(values.map { cell($0).text }.joined(separator: "、"))
        }
    }
}
