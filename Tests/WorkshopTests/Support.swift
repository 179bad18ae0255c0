import Documents
import Foundation
import Knowledge
import Rules
import Workshop

/// Workbooks as foreign programs write them: parts of XML in an archive.
enum Sheets {
    /// `rows` are the inside of `<sheetData>`; `after` follows it.
    static func workbook(
        _ sheets: [(name: String, rows: String, after: String)], strings: String? = nil, styles: String? = nil,
        extra: [(name: String, text: String)] = []
    ) throws -> [UInt8] {
        let space = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        var parts: [(String, String)] = [
            (
                "_rels/.rels",
                "<Relationships><Relationship Id=\"r1\" Type=\"\(space)/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            )
        ]
        var list = ""
        var relations = ""
        for (index, sheet) in sheets.enumerated() {
            list += "<sheet name=\"\(sheet.name)\" sheetId=\"\(index + 1)\" r:id=\"s\(index)\"/>"
            relations +=
                "<Relationship Id=\"s\(index)\" Type=\"\(space)/worksheet\" Target=\"worksheets/sheet\(index + 1).xml\"/>"
            parts.append(
                (
                    "xl/worksheets/sheet\(index + 1).xml",
                    "<?xml version=\"1.0\"?><worksheet><sheetData>\(sheet.rows)</sheetData>\(sheet.after)</worksheet>"
                ))
        }
        if let strings {
            relations += "<Relationship Id=\"t\" Type=\"\(space)/sharedStrings\" Target=\"sharedStrings.xml\"/>"
            parts.append(("xl/sharedStrings.xml", "<sst>\(strings)</sst>"))
        }
        if let styles {
            relations += "<Relationship Id=\"y\" Type=\"\(space)/styles\" Target=\"/xl/styles.xml\"/>"
            parts.append(("xl/styles.xml", styles))
        }
        parts.append(("xl/workbook.xml", "<workbook><sheets>\(list)</sheets></workbook>"))
        parts.append(("xl/_rels/workbook.xml.rels", "<Relationships>\(relations)</Relationships>"))
        return try archive(parts + extra.map { ($0.name, $0.text) })
    }

    static func archive(_ parts: [(String, String)]) throws -> [UInt8] {
        let path = scratch() + "/archive.zip"
        defer { try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent) }
        let archive = ZipArchive(to: try OutputFile(path: path))
        for (name, text) in parts {
            try archive.begin(name)
            try archive.write(text)
            try archive.endMember()
        }
        try archive.finish()
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Rows of inline texts; an empty text is no cell.
    static func rows(_ rows: [[String]]) -> String {
        rows.enumerated().map { number, cells in
            "<row r=\"\(number + 1)\">"
                + cells.enumerated().filter { !$0.element.isEmpty }.map { column, text in
                    "<c r=\"\(SheetFile.columnName(column))\(number + 1)\" t=\"inlineStr\"><is><t>\(text)</t></is></c>"
                }.joined() + "</row>"
        }.joined()
    }

    static func plain(_ sheets: [(name: String, rows: [[String]])]) throws -> [UInt8] {
        try workbook(sheets.map { ($0.name, rows($0.rows), "") })
    }

    /// A new folder; the caller removes it.
    static func scratch() -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("yijian-shop-\(UUID().uuidString)")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.path
    }

    static func read(_ bytes: [UInt8], limits: SheetLimits = SheetLimits()) throws -> [SheetRow] {
        var rows: [SheetRow] = []
        try SheetFile.open(bytes, name: "x.xlsx", limits: limits).rows(ofSheet: 0) { row in
            rows.append(row)
            return true
        }
        return rows
    }
}

/// A list to import into, and mappings for it.
enum Imports {
    static func declaration(_ text: String) throws -> ListDeclaration {
        let name = text.split(separator: "\n")[0].dropFirst(6)
        let file = KnowledgeFile(
            path: "lists/\(name).yaml", kind: .listDeclaration, stem: String(name), area: nil, bytes: Array(text.utf8),
            digest: "")
        let (declaration, diagnostics) = ListDeclarationReader.read(file)
        guard let declaration else { throw Failure(text: "\(diagnostics)") }
        return declaration
    }

    static func mapping(_ text: String) throws -> ListMapping {
        let (mapping, diagnostics) = ListMapping.read(Array(text.utf8), file: "m.yaml")
        guard let mapping else { throw Failure(text: "\(diagnostics)") }
        return mapping
    }

    struct Failure: Error { let text: String }

    static let sexList =
        "list: sex\nname: 性别\ncolumns: { item: item code, sex: sex code, name: text, batch: text }\nkeys: [item]\n"
    static let sexMapping = """
        mapping: sex
        list: sex
        tables:
          codes: { headers: { name: [药品通用名], item: [药品代码, 国标代码] } }
          limits: { headers: { name: [药品通用名], sex: [限定对象] } }
        join: name
        columns:
          item: { from: codes.item, form: XA99* }
          sex: { from: limits.sex, values: { 男: M, 女: F } }
          name: codes.name
          batch: { value: '1' }
        replaces: { batch: '1' }
        """
}
