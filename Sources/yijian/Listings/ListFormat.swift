import ArgumentParser
import Documents

/// How a list leaves: on the screen, for machines, or as a spreadsheet.
enum ListFormat: String, ExpressibleByArgument, CaseIterable {
    case table, csv, ndjson, xlsx, arrow

    /// An output for every format but `arrow`, which has columns of its own and is not a list of cells.
    func output(_ heads: [ColumnHead], title: String, path: String, byteOrderMark: Bool) throws -> any RowOutput {
        if self == .xlsx, path == "-", Terminal.isOutputTerminal {
            throw CommandError.usage(
                "YJ-202", "a spreadsheet cannot be shown on a terminal", advice: "add --output FILE.xlsx")
        }
        let file = try OutputFile(path: path)
        return switch self {
        case .table, .arrow: TextTableOutput(heads, to: file, width: Terminal.width, style: Terminal.style)
        case .csv: try CSVOutput(heads, to: file, byteOrderMark: byteOrderMark)
        case .ndjson: NDJSONOutput(heads, to: file)
        case .xlsx: try SpreadsheetOutput(heads, title: title, to: file)
        }
    }
}
