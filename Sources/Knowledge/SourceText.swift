/// A text taken out of a file, which still knows where each of its bytes stood (原文位置).
///
/// YAML unfolds, unindents and unescapes; what is left is parsed as an expression, a table of examples or a message,
/// and a mistake in it must be shown in the file that the author has open.
package struct SourceText: Sendable {
    package let file: String
    package let bytes: [UInt8]
    /// Line and column of each byte, and of the place after the last.
    private let lines: [Int32]
    private let columns: [Int32]

    init(file: String, bytes: [UInt8], lines: [Int32], columns: [Int32]) {
        precondition(lines.count == bytes.count + 1 && columns.count == lines.count)
        self.file = file
        self.bytes = bytes
        self.lines = lines
        self.columns = columns
    }

    /// A text that is its own file.
    package init(_ text: String, file: String) {
        let bytes = Array(text.utf8)
        var lines: [Int32] = []
        var columns: [Int32] = []
        var line: Int32 = 1
        var column: Int32 = 0
        for byte in bytes {
            if byte & 0xC0 != 0x80 { column += 1 }
            lines.append(line)
            columns.append(max(column, 1))
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 0
            }
        }
        lines.append(line)
        columns.append(column + 1)
        self.init(file: file, bytes: bytes, lines: lines, columns: columns)
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package func line(at offset: Int) -> Int { Int(lines[clamp(offset)]) }

    package func column(at offset: Int) -> Int { Int(columns[clamp(offset)]) }

    package func diagnostic(
        at offset: Int, _ code: String, severity: Diagnostic.Severity = .error, _ message: String, advice: String
    ) -> Diagnostic {
        Diagnostic(
            file: file, line: line(at: offset), column: column(at: offset), code: code, severity: severity,
            message: message, advice: advice)
    }

    private func clamp(_ offset: Int) -> Int { min(max(offset, 0), bytes.count) }
}
