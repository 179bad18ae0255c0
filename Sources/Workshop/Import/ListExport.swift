import Claims
import Documents
import Rules

/// A list as a workbook for experts, and back without a loss (清单导出).
package enum ListExport {
    /// Writes header and rows as they stand. A number is written as one when its text is what a workbook shows again;
    /// everything else, codes above all, is text.
    package static func write(_ content: ListContent, of declaration: ListDeclaration, to path: String) throws {
        let heads = content.header.map { name in ColumnHead(name, name, width: name == "name" ? 30 : 18) }
        let output = try SpreadsheetOutput(heads, title: declaration.id, to: try OutputFile(path: path))
        for row in content.rows {
            let cells = zip(content.header, row).map { name, text -> Cell in
                guard !text.isEmpty else { return .empty }
                let kind = declaration.columnIndex(name).map { declaration.columns[$0].kind }
                switch kind {
                case .integer, .decimal:
                    guard let value = Int64(text), String(value) == text, abs(value) < 1_000_000_000 else {
                        return .text(text)
                    }
                    return .integer(value)
                default: return .text(text)
                }
            }
            try output.write(cells)
        }
        try output.finish()
    }
}
