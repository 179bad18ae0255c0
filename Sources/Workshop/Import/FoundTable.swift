import Documents
import Knowledge

/// A table of a mapping as it was found in a sheet: where, and its rows that are points.
struct FoundTable {
    struct Row {
        let number: Int
        /// In the order of the mapping's headers.
        let cells: [SheetCell]
    }

    let name: String
    let place: String
    let headerRow: Int
    let columns: [Int]
    private(set) var rows: [Row] = []
    /// Rows that are totals or remarks, with what they begin with.
    private(set) var skipped: [(row: Int, text: String)] = []
    private(set) var repeatedHeaders = 0
    private(set) var filteredOut = 0

    static let headerRowsMax = 40

    /// Looks through the sheets for the first row that holds a header of every column.
    static func find(
        _ table: ListMapping.SheetTable, in files: [(name: String, file: SheetFile)], skip: [String], rowsMax: Int
    ) throws -> (table: FoundTable?, nearest: String) {
        var nearest = (count: -1, text: "")
        for (name, file) in files {
            for (index, sheet) in file.sheetNames.enumerated() {
                if let wanted = table.sheet, !SheetText.folded(sheet).contains(wanted) { continue }
                let place = sheet.isEmpty ? name : "\(name)#\(sheet)"
                var found: FoundTable?
                var looked = 0
                try file.rows(ofSheet: index) { row in
                    if found != nil {
                        found?.take(row, of: table, skip: skip)
                        return (found?.rows.count ?? 0) <= rowsMax
                    }
                    looked += 1
                    let titles = row.cells.map { SheetText.header($0.text) }
                    let columns = table.headers.map { header in titles.firstIndex { header.titles.contains($0) } }
                    let missing = zip(table.headers, columns).filter { $0.1 == nil }.map { $0.0.titles[0] }
                    if missing.isEmpty {
                        found = FoundTable(
                            name: table.name, place: place, headerRow: row.number, columns: columns.compactMap { $0 })
                    } else if columns.count - missing.count > nearest.count {
                        nearest = (
                            columns.count - missing.count,
                            "nearest is \(place) row \(row.number), where \(missing.joined(separator: ", ")) "
                                + (missing.count == 1 ? "is" : "are") + " missing"
                        )
                    }
                    return looked < headerRowsMax
                }
                if let found { return (found, "") }
            }
        }
        return (nil, nearest.text)
    }

    private init(name: String, place: String, headerRow: Int, columns: [Int]) {
        self.name = name
        self.place = place
        self.headerRow = headerRow
        self.columns = columns
    }

    private mutating func take(_ row: SheetRow, of table: ListMapping.SheetTable, skip: [String]) {
        let cells = columns.map { row.cell($0) }
        let filled = row.cells.filter { $0.kind != .empty && !SheetText.folded($0.text).isEmpty }
        guard let first = filled.first else { return }
        let head = SheetText.folded(first.text)
        // A merged remark gives one text to all its cells.
        let isOneText = Set(filled.map(\.text)).count == 1 && cells.count > 1
        let hasGap = cells.contains { SheetText.folded($0.text).isEmpty }
        let heads = filled.prefix(2).map { SheetText.header($0.text) }
        let isTotal = heads.contains { skip.contains($0) }
        let begins = heads.contains { text in skip.contains { text.hasPrefix($0) } }
        if isTotal || begins && (hasGap || isOneText) || (isOneText && head.count > 12) {
            skipped.append((row.number, String(head.prefix(40))))
            return
        }
        if zip(table.headers, cells).allSatisfy({ $0.titles.contains(SheetText.header($1.text)) }) {
            repeatedHeaders += 1
            return
        }
        for (column, texts) in table.only {
            guard let index = table.headers.firstIndex(where: { $0.column == column }) else { continue }
            if !texts.contains(SheetText.folded(cells[index].text)) {
                filteredOut += 1
                return
            }
        }
        rows.append(Row(number: row.number, cells: cells))
    }
}
