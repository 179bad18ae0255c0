import Documents
import Foundation

/// The rows of a list's CSV as texts: what an expert sees, with the columns that the engine does not read.
package struct ListContent: Sendable, Equatable {
    package var header: [String]
    package var rows: [[String]]

    package init(header: [String], rows: [[String]]) {
        self.header = header
        self.rows = rows
    }

    /// Reads a list's CSV. Short rows are filled up: what is wrong with them `rules check` says.
    package init(_ bytes: [UInt8], file: String) throws {
        var header: [String]?
        var rows: [[String]] = []
        try DelimitedText(bytes, file: file).rows { row in
            let cells = row.cells.map(\.text)
            guard let known = header else {
                header = cells
                return true
            }
            let missing = max(0, known.count - cells.count)
            rows.append(Array(cells.prefix(known.count)) + [String](repeating: "", count: missing))
            return true
        }
        self.init(header: header ?? [], rows: rows)
    }

    /// UTF-8 with commas; cells are quoted where they must be. Equal content gives equal bytes.
    package var text: String {
        var text = ""
        for row in [header] + rows { text += row.map(Self.quoted).joined(separator: ",") + "\n" }
        return text
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return cell }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }

    func index(_ column: String) -> Int? { header.firstIndex(of: column) }
}
