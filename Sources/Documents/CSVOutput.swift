/// Rows as CSV (RFC 4180, UTF-8, LF). Values are exact; only spreadsheets that are opened by double click need the
/// byte-order mark.
package final class CSVOutput: RowOutput {
    private let file: OutputFile

    package init(_ heads: [ColumnHead], to file: OutputFile, byteOrderMark: Bool = false) throws {
        self.file = file
        if byteOrderMark { try file.write([0xEF, 0xBB, 0xBF]) }
        try write(heads.map { .text($0.title) })
    }

    package func write(_ row: [Cell]) throws {
        var line = ""
        for (index, cell) in row.enumerated() {
            if index > 0 { line += "," }
            line += Self.field(cell.text)
        }
        line += "\n"
        try file.write(line)
    }

    package func finish() throws { try file.finish() }

    static func field(_ text: String) -> String {
        let needsQuotes = text.utf8.contains { byte in
            byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 0x0A || byte == 0x0D
        }
        guard needsQuotes else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
