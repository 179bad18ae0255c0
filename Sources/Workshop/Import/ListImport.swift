import Documents
import Knowledge
import Rules

/// A published file read as points of a list, compared with the version in force (清单导入).
///
/// It takes bytes and gives a report and the new content; it writes nothing. Content that has an error is never given.
package struct ListImport {
    package let mapping: ListMapping
    package let declaration: ListDeclaration
    package private(set) var report = ImportReport()
    private var points: [Point] = []

    package static let pointsMax = 1_000_000

    /// A row of the list to be, and where it came from.
    struct Point {
        var cells: [String: String]
        let place: String
        let row: Int
        let column: Int
    }

    /// `files` are name and bytes; `catalogues` are `list.column` → the codes that exist; `current` is the CSV in force.
    package static func run(
        _ mapping: ListMapping, into declaration: ListDeclaration, files: [(name: String, bytes: [UInt8])],
        current: ListContent?, catalogues: [String: Set<String>] = [:], acceptsLoss: Bool = false
    ) -> (content: ListContent?, report: ImportReport) {
        var work = ListImport(mapping: mapping, declaration: declaration)
        work.checkColumns()
        guard !work.report.hasErrors else { return (nil, work.report) }
        let tables = work.open(files)
        guard !work.report.hasErrors else { return (nil, work.report) }
        work.makePoints(of: tables, catalogues)
        work.removeTwins()
        guard !work.report.hasErrors else { return (nil, work.report) }
        let content = work.merge(into: current, acceptsLoss: acceptsLoss)
        return (work.report.hasErrors ? nil : content, work.report)
    }

    private init(mapping: ListMapping, declaration: ListDeclaration) {
        self.mapping = mapping
        self.declaration = declaration
    }

    private mutating func note(
        _ code: String, severity: Diagnostic.Severity = .error, file: String, row: Int = 0, column: Int = 0,
        _ message: String, advice: String
    ) {
        report.add(
            Diagnostic(
                file: file, line: row, column: row > 0 ? max(column, 1) : 0, code: code, severity: severity,
                message: message, advice: advice))
    }

    /// What the mapping fills must be columns of the list, and keys must be filled.
    private mutating func checkColumns() {
        let known = declaration.columns.map(\.name) + ["from", "to", "area"]
        for column in mapping.columns where !column.name.hasPrefix("#") && !known.contains(column.name) {
            note(
                "IMP004", file: "mapping \(mapping.id)", "the list `\(declaration.id)` has no column `\(column.name)`",
                advice: Suggestion.nearest(to: column.name, among: known).map { "did you mean `\($0)`?" }
                    ?? "columns: \(known.joined(separator: ", ")), or a remark that begins with #")
        }
        for key in declaration.keys.map({ declaration.columns[$0].name })
        where !mapping.columns.contains(where: { $0.name == key }) {
            note(
                "IMP004", file: "mapping \(mapping.id)", "nothing fills the key `\(key)` of `\(declaration.id)`",
                advice: "add it to `columns`")
        }
    }

    // MARK: Sheets

    private mutating func open(_ files: [(name: String, bytes: [UInt8])]) -> [FoundTable] {
        var opened: [(name: String, file: SheetFile)] = []
        var tables: [FoundTable] = []
        do {
            for (name, bytes) in files { opened.append((name, try SheetFile.open(bytes, name: name))) }
            for table in mapping.tables {
                let (found, nearest) = try FoundTable.find(
                    table, in: opened, skip: mapping.skip, rowsMax: Self.pointsMax)
                guard let found else {
                    let titles = table.headers.map { $0.titles.joined(separator: "/") }.joined(separator: ", ")
                    note(
                        "IMP005", file: files.map(\.name).joined(separator: ", "),
                        "no sheet has a row with all headers of the table `\(table.name)` (\(titles))"
                            + (nearest.isEmpty ? "" : "; " + nearest),
                        advice: "add the header that the sheet uses to the mapping, or look for the right file")
                    continue
                }
                report.add(found)
                if found.rows.isEmpty {
                    note(
                        "IMP006", file: found.place, row: found.headerRow, "there is no point below the header",
                        advice: "the file may be a half copy")
                }
                tables.append(found)
            }
        } catch let error as SheetError {
            note(
                error.code, file: error.place.isEmpty ? error.file : "\(error.file)#\(error.place)", error.message,
                advice: error.advice)
        } catch {
            note("IMP005", file: files.map(\.name).joined(separator: ", "), "\(error)", advice: "look at the file")
        }
        return tables
    }

    // MARK: Points

    private mutating func makePoints(of tables: [FoundTable], _ catalogues: [String: Set<String>]) {
        let readings = mapping.columns.map { column in
            let kind = declaration.columnIndex(column.name).map { declaration.columns[$0].kind }
            let isCode =
                switch kind {
                case .code, .prefix: column.values.isEmpty
                default: false
                }
            return CellReading(column, isCode: isCode, isProse: kind == .text || column.name.hasPrefix("#"))
        }
        guard let first = tables.first else { return }
        guard tables.count == 2, let join = mapping.join else {
            for row in first.rows { add([(first, row)], readings, catalogues) }
            return
        }
        let second = tables[1]
        func key(_ table: Int, _ row: FoundTable.Row) -> String {
            let index = mapping.tables[table].headers.firstIndex { $0.column == join } ?? 0
            return SheetText.header(row.cells[index].text)
        }
        var partners: [String: [FoundTable.Row]] = [:]
        for row in second.rows { partners[key(1, row), default: []].append(row) }
        var seen: Set<String> = []
        for row in first.rows {
            let name = key(0, row)
            seen.insert(name)
            guard let found = partners[name] else {
                note(
                    "IMP007", file: first.place, row: row.number, column: 1,
                    "`\(name.prefix(40))` is not in the table `\(second.name)`",
                    advice: "the sheets do not belong together, or one is a half copy")
                continue
            }
            for partner in found { add([(first, row), (second, partner)], readings, catalogues) }
        }
        for row in second.rows where !seen.contains(key(1, row)) {
            note(
                "IMP008", severity: .warning, file: second.place, row: row.number, column: 1,
                "`\(key(1, row).prefix(40))` has no row in the table `\(first.name)`",
                advice: "it gives no point; ask for the missing codes")
        }
    }

    private mutating func add(
        _ rows: [(table: FoundTable, row: FoundTable.Row)], _ readings: [CellReading],
        _ catalogues: [String: Set<String>]
    ) {
        var cells: [[String: String]] = [[:]]
        var isWhole = true
        for reading in readings {
            switch reading.column.origin {
            case .constant(let text): cells = cells.map { $0.merging([reading.column.name: text]) { $1 } }
            case .cell(let table, let index):
                let (found, row) = rows[table]
                let place = found.columns[index]
                do throws(CellReading.Mistake) {
                    let values = try reading.values(of: row.cells[index])
                    if let catalogue = reading.column.catalogue,
                        let known = catalogues["\(catalogue.list).\(catalogue.column)"]
                    {
                        for value in values where !known.contains(value) {
                            report.unknownCodes += 1
                            note(
                                "IMP009", severity: .warning, file: found.place, row: row.number, column: place + 1,
                                "`\(value)` is not in the catalogue \(catalogue.list)",
                                advice: "bring the catalogue up to date, or ask whose code it is")
                        }
                    }
                    cells = cells.flatMap { point in
                        values.map { point.merging([reading.column.name: $0]) { $1 } }
                    }
                } catch {
                    isWhole = false
                    let title = mapping.tables[table].headers[index].titles[0]
                    let (message, advice) = Self.words(error, title)
                    note("IMP010", file: found.place, row: row.number, column: place + 1, message, advice: advice)
                }
            }
        }
        guard isWhole, points.count < Self.pointsMax else { return }
        let (table, row) = rows[0]
        points += cells.map { Point(cells: $0, place: table.place, row: row.number, column: 1) }
    }

    private static func words(_ mistake: CellReading.Mistake, _ title: String) -> (String, String) {
        switch mistake {
        case .empty: ("\(title) is empty", "fill it in; if the row is a remark, add its first word to `skip`")
        case .notAmong(let text):
            ("`\(text.prefix(60))` is none of the values that the mapping knows for \(title)", "add it to `values`")
        case .noPattern(let text):
            ("`\(text.prefix(60))` fits none of the patterns for \(title)", "add a pattern, or `otherwise: ''`")
        case .form(let text, let form):
            ("`\(text.prefix(60))` has not the form \(form) of \(title)", "look whether columns slipped")
        case .binary(let text):
            (
                "\(title) was kept as a number, and a workbook keeps 15 digits of it: \(text)",
                "format the column as text in the source, and fill the codes in again"
            )
        case .spreadsheetError(let text): ("\(title) holds the error \(text)", "mend the formula in the source")
        case .tooLong: ("\(title) is longer than \(CellReading.searchedMax) signs", "shorten it")
        }
    }

    // MARK: Twins

    private var keyColumns: [String] { declaration.keys.map { declaration.columns[$0].name } + ["area", "from"] }

    private static func key(_ cells: [String: String], _ columns: [String]) -> String {
        columns.map { cells[$0] ?? "" }.joined(separator: "\u{1}")
    }

    /// Equal points are one; points of one key that differ contradict each other.
    private mutating func removeTwins() {
        var seen: [String: Int] = [:]
        var kept: [Point] = []
        for point in points {
            let key = Self.key(point.cells, keyColumns)
            guard let other = seen[key] else {
                seen[key] = kept.count
                kept.append(point)
                continue
            }
            let former = kept[other]
            let differing = mapping.columns.map(\.name).filter { name in
                !name.hasPrefix("#") && declaration.columnIndex(name) != nil
                    && former.cells[name] != point.cells[name]
            }
            let shown = declaration.keys.map { point.cells[declaration.columns[$0].name] ?? "" }.joined(
                separator: " × ")
            // A name spelt twice is no contradiction; a limit given twice is.
            let grave = differing.filter { name in
                declaration.columnIndex(name).map { declaration.columns[$0].kind != .text } ?? false
            }
            if grave.isEmpty {
                report.duplicates += 1
                note(
                    "IMP011", severity: .warning, file: point.place, row: point.row, column: point.column,
                    "`\(shown)` stands in row \(former.row) already", advice: "the first is taken")
            } else {
                let values = grave.map { "\($0) \(former.cells[$0] ?? "") and \(point.cells[$0] ?? "")" }
                note(
                    "IMP012", file: point.place, row: point.row, column: point.column,
                    "`\(shown)` contradicts row \(former.row): \(values.joined(separator: ", "))",
                    advice: "ask which holds, or give both their days")
            }
        }
        points = kept
        report.points = kept.count
    }

    // MARK: The version in force

    private mutating func merge(into current: ListContent?, acceptsLoss: Bool) -> ListContent {
        var header = current?.header ?? []
        for name in declaration.columns.map(\.name) + mapping.columns.map(\.name) where !header.contains(name) {
            header.append(name)
        }
        func dictionary(_ row: [String]) -> [String: String] {
            var cells: [String: String] = [:]
            for (name, cell) in zip(current?.header ?? [], row) { cells[name] = cell }
            return cells
        }
        let old = (current?.rows ?? []).map(dictionary)
        let isReplaced = old.map { cells in mapping.replaces.allSatisfy { cells[$0.column] == $0.text } }
        var incoming: [String: Point] = [:]
        for point in points { incoming[Self.key(point.cells, keyColumns)] = point }
        var rows: [[String: String]] = []
        for (cells, replaced) in zip(old, isReplaced) {
            let key = Self.key(cells, keyColumns)
            guard let point = incoming[key] else {
                if replaced { report.removed.append(shown(cells)) } else { rows.append(cells) }
                continue
            }
            guard replaced else {
                note(
                    "IMP013", file: point.place, row: point.row, column: point.column,
                    "`\(shown(cells))` is in force from another publication",
                    advice: "end the row in force with `to`, or give the new one a `from`")
                rows.append(cells)
                continue
            }
            incoming[key] = nil
            let changed = mapping.columns.filter { (cells[$0.name] ?? "") != point.cells[$0.name] }
            if changed.isEmpty { report.same += 1 }
            for column in changed.prefix(1) {
                report.changed.append(
                    "\(shown(cells)): \(column.name) \(cells[column.name] ?? "") → \(point.cells[column.name] ?? "")")
            }
            // What the mapping does not fill stays: remarks and days that experts added.
            rows.append(cells.merging(point.cells) { $1 })
        }
        for point in points where incoming[Self.key(point.cells, keyColumns)] != nil {
            report.added.append(shown(point.cells))
            rows.append(point.cells)
        }
        let scope = isReplaced.count { $0 }
        if report.removed.count * 100 > scope * mapping.lossMax, !acceptsLoss {
            note(
                "IMP014", file: "list \(declaration.id)",
                "\(report.removed.count) of \(scope) rows in force would vanish, more than \(mapping.lossMax) %",
                advice: "if this is no half copy, say --accept-loss")
        }
        return ListContent(header: header, rows: rows.map { cells in header.map { cells[$0] ?? "" } })
    }

    private func shown(_ cells: [String: String]) -> String {
        declaration.keys.map { cells[declaration.columns[$0].name] ?? "" }.joined(separator: " × ")
    }
}
