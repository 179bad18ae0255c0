/// A workbook of the Office Open XML format (.xlsx, ISO/IEC 29500), read sheet by sheet and row by row.
///
/// Held in memory: the packed file, the shared strings, the merged areas. Values of merged cells are given to every cell
/// of their area, since that is how people read them. Formulas give the value that was last computed.
package final class Workbook {
    package struct Sheet: Sendable {
        package let name: String
        package let isHidden: Bool
        let part: String
    }

    private let archive: ZipInput
    package private(set) var sheets: [Sheet] = []
    private var strings: [String] = []
    /// Per cell format: whether numbers of it are days.
    private var isDay: [Bool] = []
    private var countsFrom1904 = false

    package init(_ archive: ZipInput) throws(SheetError) {
        self.archive = archive
        let main =
            try relations(of: "").values.first { $0.type.hasSuffix("/officeDocument") }?.target
            ?? "xl/workbook.xml"
        let parts = try relations(of: main)
        try readWorkbook(main, parts)
        for relation in parts.values.sorted(by: { $0.target < $1.target }) {
            if relation.type.hasSuffix("/sharedStrings") { try readStrings(relation.target) }
            if relation.type.hasSuffix("/styles") { try readStyles(relation.target) }
        }
    }

    private func reader(_ part: String) throws(SheetError) -> XMLReader? {
        guard let member = archive.members[part] else { return nil }
        let stream = try archive.open(member)
        return XMLReader(file: archive.file, part: part, limits: archive.limits) { () throws(SheetError) in
            try stream.next()
        }
    }

    private func required(_ part: String) throws(SheetError) -> XMLReader {
        if let reader = try reader(part) { return reader }
        throw SheetError(
            "SHT010", file: archive.file, place: part, "this part of the workbook is missing",
            advice: "it may be another kind of document, or incomplete: save it as .xlsx")
    }

    // MARK: Parts

    private struct Relation {
        let type: String
        let target: String
    }

    /// What a part refers to, by identifier, with targets as names within the archive.
    private func relations(of part: String) throws(SheetError) -> [String: Relation] {
        let folder = part.split(separator: "/").dropLast().joined(separator: "/")
        let name = part.split(separator: "/").last ?? ""
        let path = (folder.isEmpty ? "" : folder + "/") + "_rels/" + name + ".rels"
        guard var reader = try reader(path) else { return [:] }
        var found: [String: Relation] = [:]
        while let event = try reader.next() {
            guard case .start("Relationship", let attributes) = event, let id = attributes["Id"],
                let target = attributes["Target"], found.count < 4_096
            else { continue }
            let resolved =
                target.hasPrefix("/") ? String(target.dropFirst()) : (folder.isEmpty ? "" : folder + "/") + target
            found[id] = Relation(type: attributes["Type"] ?? "", target: resolved)
        }
        return found
    }

    private func readWorkbook(_ part: String, _ parts: [String: Relation]) throws(SheetError) {
        var reader = try required(part)
        while let event = try reader.next() {
            guard case .start(let name, let attributes) = event else { continue }
            if name == "workbookPr" { countsFrom1904 = ["1", "true"].contains(attributes["date1904"] ?? "") }
            if name == "sheet", let target = parts[attributes["id"] ?? ""], target.type.hasSuffix("/worksheet") {
                sheets.append(
                    Sheet(
                        name: attributes["name"] ?? "", isHidden: attributes["state"].map { $0 != "visible" } ?? false,
                        part: target.target))
            }
        }
        guard !sheets.isEmpty else {
            throw SheetError(
                "SHT010", file: archive.file, place: part, "the workbook has no sheet", advice: "save it as .xlsx")
        }
    }

    private func readStrings(_ part: String) throws(SheetError) {
        guard var reader = try reader(part) else { return }
        var current = ""
        var isText = false
        var isPhonetic = false
        var bytes = 0
        while let event = try reader.next() {
            switch event {
            case .start("si", _): current = ""
            case .start("t", _): isText = true
            case .start("rPh", _): isPhonetic = true
            case .end("rPh"): isPhonetic = false
            case .end("t"): isText = false
            case .end("si"):
                bytes += current.utf8.count
                guard strings.count < archive.limits.sharedStringsMax, bytes <= archive.limits.sharedBytesMax else {
                    throw SheetError(
                        "SHT004", file: archive.file, place: part, "the workbook has more texts than are read",
                        advice: "split it")
                }
                strings.append(current)
            case .text(let text) where isText && !isPhonetic: current += text
            default: break
            }
        }
    }

    private func readStyles(_ part: String) throws(SheetError) {
        guard var reader = try reader(part) else { return }
        var formats: [Int: Bool] = [:]
        var isCellFormats = false
        while let event = try reader.next() {
            switch event {
            case .start("numFmt", let attributes):
                if let id = attributes["numFmtId"].flatMap({ Int($0) }) {
                    formats[id] = CellNumber.isDayFormat(attributes["formatCode"] ?? "")
                }
            case .start("cellXfs", _): isCellFormats = true
            case .end("cellXfs"): isCellFormats = false
            case .start("xf", let attributes) where isCellFormats && isDay.count < 65_536:
                let id = attributes["numFmtId"].flatMap { Int($0) } ?? 0
                isDay.append(formats[id] ?? CellNumber.isBuiltInDayFormat(id))
            default: break
            }
        }
    }

    // MARK: Rows

    func rows(of sheet: Sheet, _ visit: (SheetRow) throws -> Bool) throws {
        var merged = try MergedCells(areas(of: sheet), file: archive.file, sheet: sheet.name)
        var reader = try required(sheet.part)
        var lastRow = 0
        var cells: [SheetCell] = []
        var column = 0
        var type = ""
        var style = 0
        var value: String?
        var isValue = false
        while let event = try reader.next() {
            switch event {
            case .start("row", let attributes):
                let number = attributes["r"].flatMap { Int($0) } ?? lastRow + 1
                guard number > lastRow, number <= archive.limits.rowsMax else {
                    throw broken(sheet, "row \(number)", "rows do not follow each other, or are too many")
                }
                lastRow = number
                cells = []
                column = 0
            case .start("c", let attributes):
                if let reference = attributes["r"] {
                    guard let place = CellReference(reference), place.column >= column else {
                        throw broken(sheet, reference, "cells do not follow each other")
                    }
                    column = place.column
                }
                guard column < archive.limits.columnsMax else {
                    throw broken(sheet, "row \(lastRow)", "more than \(archive.limits.columnsMax) columns")
                }
                type = attributes["t"] ?? "n"
                style = attributes["s"].flatMap { Int($0) } ?? 0
                value = nil
            case .start("v", _), .start("t", _): isValue = true
            case .end("v"), .end("t"): isValue = false
            case .text(let text) where isValue: value = (value ?? "") + text
            case .end("c"):
                if let value {
                    while cells.count < column { cells.append(.empty) }
                    cells.append(try cell(value, type, style, sheet, row: lastRow, column: column))
                }
                column += 1
            case .end("row"):
                try merged.fill(&cells, row: lastRow)
                if cells.contains(where: { $0.kind != .empty }) {
                    guard try visit(SheetRow(number: lastRow, cells: cells)) else { return }
                }
            default: break
            }
        }
    }

    private func cell(
        _ value: String, _ type: String, _ style: Int, _ sheet: Sheet, row: Int, column: Int
    ) throws(SheetError) -> SheetCell {
        let place = "\(SpreadsheetOutput.columnName(column))\(row)"
        switch type {
        case "s":
            guard let index = Int(value), strings.indices.contains(index) else {
                throw broken(sheet, place, "the cell refers to a text that is not there")
            }
            return strings[index].isEmpty ? .empty : SheetCell(.text, strings[index])
        case "b": return SheetCell(.flag, value == "1" || value == "true" ? "true" : "false")
        case "e": return SheetCell(.error, value)
        case "d": return SheetCell(.day, String(value.prefix(10)))
        case "n":
            guard let number = CellNumber(value) else {
                throw broken(sheet, place, "`\(value.prefix(40))` is not a number")
            }
            if isDay.indices.contains(style), isDay[style],
                let day = number.day(from1904: countsFrom1904)
            {
                return SheetCell(.day, day)
            }
            return SheetCell(.number, number.text)
        default: return value.isEmpty ? .empty : SheetCell(.text, value)
        }
    }

    /// Merged areas stand after the rows: they are looked for first.
    private func areas(of sheet: Sheet) throws(SheetError) -> [MergedCells.Area] {
        var reader = try required(sheet.part)
        var areas: [MergedCells.Area] = []
        while let event = try reader.next() {
            guard case .start("mergeCell", let attributes) = event, let reference = attributes["ref"] else { continue }
            let ends = reference.split(separator: ":").map { CellReference(String($0)) }
            guard ends.count == 2, let first = ends[0], let last = ends[1], first.row <= last.row,
                first.column <= last.column, areas.count < archive.limits.mergesMax
            else { throw broken(sheet, String(reference.prefix(40)), "this is no merged area, or there are too many") }
            areas.append(MergedCells.Area(first: first, last: last))
        }
        return areas
    }

    private func broken(_ sheet: Sheet, _ place: String, _ message: String) -> SheetError {
        SheetError(
            "SHT011", file: archive.file, place: "\(sheet.name)!\(place)", message,
            advice: "open the file in a spreadsheet program and save it again as .xlsx")
    }
}

extension [XMLReader.Attribute] {
    subscript(name: String) -> String? { first { $0.name == name }?.value }
}
