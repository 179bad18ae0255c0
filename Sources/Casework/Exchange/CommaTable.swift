/// A table of texts as it came in a CSV file (RFC 4180), and the same table as a file again.
///
/// Small tables that people send each other: a list from above has hundreds or thousands of rows. Claims go through `Ingest`.
package struct CommaTable: Sendable, Equatable {
    package static let bytesMax = 64 << 20

    package var head: [String]
    package var rows: [[String]]
    /// The line of the file on which each row begins.
    package let lines: [Int]

    /// A table that was read elsewhere; without line numbers, the head is line 1.
    package init(head: [String], rows: [[String]], lines: [Int]? = nil) {
        self.head = head
        self.rows = rows
        self.lines = lines ?? rows.indices.map { $0 + 2 }
    }

    /// nil: no head, too large, or a quote that never ends. Rows that are shorter than the head are filled up with nothing.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.bytesMax else { return nil }
        var rows: [[String]] = []
        var starts: [Int] = []
        var row: [String] = []
        var cell = ""
        var line = 1
        var start = 1
        var quoted = false
        var wasQuoted = false
        let scalars = Array((text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]).unicodeScalars)
        var index = 0
        func endRow() {
            row.append(cell)
            cell = ""
            wasQuoted = false
            if row != [""] {
                rows.append(row)
                starts.append(start)
            }
            row = []
        }
        while index < scalars.count {
            let scalar = scalars[index]
            let next = index + 1 < scalars.count ? scalars[index + 1] : " "
            if scalar == "\n" { line += 1 }
            if quoted {
                if scalar == "\"", next == "\"" {
                    cell.unicodeScalars.append(scalar)
                    index += 1
                } else if scalar == "\"" {
                    quoted = false
                } else {
                    cell.unicodeScalars.append(scalar)
                }
            } else if scalar == "\"", cell.isEmpty, !wasQuoted {
                quoted = true
                wasQuoted = true
            } else if scalar == "," {
                row.append(cell)
                cell = ""
                wasQuoted = false
            } else if scalar == "\n" {
                endRow()
                start = line
            } else if scalar != "\r" || next != "\n" {
                cell.unicodeScalars.append(scalar)
            }
            index += 1
        }
        guard !quoted else { return nil }
        if !cell.isEmpty || !row.isEmpty || wasQuoted { endRow() }
        guard let head = rows.first else { return nil }
        self.head = head
        self.rows = rows.dropFirst().map { $0 + Array(repeating: "", count: max(0, head.count - $0.count)) }
        lines = Array(starts.dropFirst())
    }

    /// As a file: quotes only where they are needed.
    package var text: String {
        ([head] + rows).map { $0.map(Self.written).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func written(_ cell: String) -> String {
        guard cell.unicodeScalars.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }) else {
            return cell
        }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }
}
