import Documents
import Foundation
import Knowledge
import Rules
import Testing
import Workshop

/// Published sheets become rows of a list; half of one never does.
struct ImportTests {
    private static let codes = [
        ["附件1　药品编码", "", ""], ["药品通用名", "序号", "药品代码"], ["甲丸", "1", "XA01A"], ["甲　丸 ", "2", "ＸＡ０１Ｂ"],
        ["乙片", "1", " XA02A "], ["药品通用名", "序号", "药品代码"], ["乙片", "2", "XA02B"], ["合计", "", "4"], ["", "", ""],
        ["注：以上为第一批。", "", ""],
    ]
    private static let limits = [
        ["药品通用名", "药品说明", "限定对象"], ["甲丸", "说明", "女"], ["乙片", "说明", "男 "], ["总计", "2", ""],
    ]

    private func run(
        codes: [[String]] = codes, limits: [[String]] = limits, current: String? = nil,
        catalogues: [String: Set<String>] = [:], mapping: String = Imports.sexMapping, acceptsLoss: Bool = false
    ) throws -> (text: String?, report: ImportReport) {
        let file = try Sheets.plain([("说明", [["关于印发的通知"]]), ("限制", limits), ("编码", codes)])
        let content = try current.map { try ListContent(Array($0.utf8), file: "sex.csv") }
        let (made, report) = ListImport.run(
            try Imports.mapping(mapping), into: try Imports.declaration(Imports.sexList),
            files: [("批次一.xlsx", file)], current: content, catalogues: catalogues, acceptsLoss: acceptsLoss)
        return (made?.text, report)
    }

    private func codes(_ report: ImportReport) -> [String] { report.diagnostics.map(\.code).sorted() }

    @Test func twoSheetsAreJoinedByName() throws {
        let (text, report) = try run()
        #expect(text == "item,sex,name,batch\nXA01A,F,甲丸,1\nXA01B,F,甲 丸,1\nXA02A,M,乙片,1\nXA02B,M,乙片,1\n")
        #expect(report.diagnostics == [])
        #expect(report.points == 4 && report.added.count == 4)
        #expect(report.tables.map(\.place) == ["批次一.xlsx#编码", "批次一.xlsx#限制"])
        #expect(report.tables.map(\.headerRow) == [2, 1])
        #expect(report.tables[0].skipped.map(\.row) == [8, 10] && report.tables[1].skipped.map(\.row) == [4])
        #expect(report.tables[0].repeatedHeaders == 1)
    }

    /// A workbook that another program wrote: shared texts, styles, merged names, full-width codes, a remark at the end.
    @Test func aForeignWorkbookIsRead() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/sheets/two-sheets.xlsx")
        let mapping = Imports.sexMapping.replacing("XA99*", with: "XA99AAA999A999999999999")
        let (content, report) = ListImport.run(
            try Imports.mapping(mapping), into: try Imports.declaration(Imports.sexList),
            files: [("two-sheets.xlsx", [UInt8](try Data(contentsOf: path)))], current: nil)
        #expect(report.diagnostics == [])
        #expect(
            content?.rows == [
                ["XA01AAA001A001010100001", "F", "示例甲丸", "1"], ["XA01AAA001A001010100002", "F", "示例甲丸", "1"],
                ["XA02BAA002A001010100003", "M", "示例乙片", "1"], ["XA03CAA003A001010100004", "F", "示例丙胶囊", "1"],
            ])
        #expect(report.tables[0].skipped.map(\.row) == [7])
    }

    @Test func whatChangedAgainstTheVersionInForce() throws {
        let former = "item,sex,name,batch,#note\nXA01A,M,甲丸,1,专家已核\nXA01B,F,甲 丸,1,\nXA09A,F,丙,1,\nXB01A,F,丁,2,\n"
        let (text, report) = try run(current: former, acceptsLoss: true)
        #expect(report.same == 1 && report.changed == ["XA01A: sex M → F"] && report.removed == ["XA09A"])
        #expect(report.added == ["XA02A", "XA02B"])
        // What the mapping does not fill stays, as does what another publication brought.
        #expect(
            text
                == "item,sex,name,batch,#note\nXA01A,F,甲丸,1,专家已核\nXA01B,F,甲 丸,1,\nXB01A,F,丁,2,\nXA02A,M,乙片,1,\nXA02B,M,乙片,1,\n"
        )
        #expect(try run(current: text).text == text)
    }

    @Test func halfACopyNeverReplacesAGoodVersion() throws {
        let good = try #require(try run().text)
        // Most rows are missing.
        let (short, loss) = try run(
            codes: Array(Self.codes.prefix(3)), limits: Array(Self.limits.prefix(2)), current: good)
        #expect(short == nil && codes(loss) == ["IMP014"])
        // The limits end before the codes do.
        let (half, report) = try run(limits: Array(Self.limits.prefix(2)), current: good)
        #expect(half == nil && Set(codes(report)) == ["IMP007"])
        #expect(report.diagnostics[0].description.hasPrefix("批次一.xlsx#编码:5:1: error IMP007"))
        // A wrong header, and what would fit is named.
        var wrong = Self.codes
        wrong[1][2] = "医保药品编号"
        wrong[5][2] = "医保药品编号"
        let (none, header) = try run(codes: wrong, current: good)
        #expect(none == nil && codes(header) == ["IMP005"])
        #expect(
            header.diagnostics[0].message.contains("row 1")
                && header.diagnostics[0].message.contains("药品代码"))
        // Columns slipped.
        var slipped = Self.codes
        slipped[3] = ["甲丸", "XA01B", "2"]
        let (slip, form) = try run(codes: slipped, current: good)
        #expect(
            slip == nil && form.diagnostics.map(\.description).first?.hasPrefix("批次一.xlsx#编码:4:3: error IMP010") == true
        )
    }

    @Test func badCellsAreNamed() throws {
        var limits = Self.limits
        limits[1][2] = "孕妇"
        #expect(codes(try run(limits: limits).report) == ["IMP010", "IMP010"])
        limits[1][2] = ""
        #expect(try run(limits: limits).report.diagnostics[0].message == "限定对象 is empty")
        // One code twice with one meaning is a duplicate; with two it is a contradiction.
        var codes = Self.codes
        codes[3][2] = "XA01A"
        let (text, twice) = try run(codes: codes)
        #expect(text != nil && twice.duplicates == 1 && self.codes(twice) == ["IMP011"])
        codes[4][2] = "XA01A"
        let (none, against) = try run(codes: codes)
        #expect(none == nil && self.codes(against).contains("IMP012"))
        // Another publication has the code already.
        let (other, conflict) = try run(current: "item,sex,name,batch\nXA01A,F,甲丸,2\n")
        #expect(other == nil && self.codes(conflict) == ["IMP013"])
    }

    @Test func unknownCodesAreCounted() throws {
        let mapping = Imports.sexMapping.replacing("form: XA99*", with: "form: XA99*, catalogue: drugs.item")
        let report = try run(catalogues: ["drugs.item": ["XA01A", "XA02A", "XA02B"]], mapping: mapping).report
        #expect(report.unknownCodes == 1 && codes(report) == ["IMP009"] && !report.hasErrors)
        #expect(report.diagnostics[0].line == 4 && report.diagnostics[0].column == 3)
    }

    @Test func limitsInProsePairsAndLostDigits() throws {
        let list =
            "list: course\nname: 疗程\ncolumns: { item: item code, main: item code, days: integer }\nkeys: [item, main]\n"
        let mapping = """
            mapping: course
            list: course
            tables: { rows: { headers: { item: [从项], main: [主项], limit: [备注], unit: [频度] }, only: { unit: 单日 } } }
            columns:
              item: { from: rows.item, split: '、,' }
              main: rows.main
              days: { from: rows.limit, patterns: [ { match: '不超过\\s*(\\d+)\\s*天', as: $1 }, { match: 一年, as: '365' } ] }
            """
        func imported(_ rows: String) throws -> (ListContent?, ImportReport) {
            ListImport.run(
                try Imports.mapping(mapping), into: try Imports.declaration(list),
                files: [("a.xlsx", try Sheets.workbook([("s", rows, "")]))], current: nil)
        }
        let head = ["从项", "主项", "备注", "频度"]
        let (content, report) = try imported(
            Sheets.rows([
                head, ["A1、A2", "M", "一个疾病过程支付不超过 90 天。", "单日"], ["A3", "M", "支付不超过一年", "单 日"],
                ["A3", "M", "支付不超过一年", "单日"], ["A4", "M", "x", "单次就诊"],
            ]))
        #expect(content?.rows == [["A1", "M", "90"], ["A2", "M", "90"], ["A3", "M", "365"]])
        #expect(report.tables[0].filteredOut == 2 && report.diagnostics == [])
        #expect(
            try imported(Sheets.rows([head, ["A1", "M", "酌情", "单日"]])).1.diagnostics[0].description.hasPrefix(
                "a.xlsx#s:2:3: error IMP010"))
        let number =
            Sheets.rows([head])
            + "<row r=\"2\"><c r=\"A2\"><v>3.1050000000000051E+15</v></c><c r=\"B2\"><v>5</v></c><c r=\"C2\" t=\"str\"><v>一年</v></c><c r=\"D2\" t=\"str\"><v>单日</v></c></row>"
        #expect(try imported(number).1.diagnostics[0].message.contains("15 digits"))
    }

    /// An expert's workbook makes the round trip: the bytes of the CSV come back.
    @Test func exportComesBackAsItWas() throws {
        let list = try Imports.declaration(
            "list: cap\nname: 限量\ncolumns: { item: item code, limit: decimal(4), count: integer, name: text }\nkeys: [item]\n"
        )
        let text =
            "item,limit,count,name,from,to,area,#备注\n003101,1.50,2,\"甲,乙\"\"丙\",2024-01-01,,370000,改 过\nXA01,0.1,,<&>,,2025-12-31,,\n"
        let content = try ListContent(Array(text.utf8), file: "cap.csv")
        #expect(content.text == text)
        let folder = Sheets.scratch()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try ListExport.write(content, of: list, to: folder + "/cap.xlsx")
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/cap.xlsx")))
        let (back, report) = ListImport.run(
            .own(list, header: content.header), into: list, files: [("cap.xlsx", bytes)], current: content)
        #expect(report.diagnostics == [] && report.same == 2 && report.changed == [])
        #expect(back?.text == text)
    }

    @Test func mappingsAreRead() throws {
        let (none, diagnostics) = ListMapping.read(
            Array(
                """
                mapping: m
                list: sex
                tables: { codes: { headers: { item: [代码] } }, limits: { headers: { sex: [性别] }, only: { kind: x } } }
                join: name
                columns: { item: codes.itm, sex: { from: limits.sex, patterns: [ { match: '(', as: $1 } ] }, x: { value: 1, from: codes.item } }
                replaces: { batch: 1 }
                loss: many
                colums: 3
                """.utf8), file: "m.yaml")
        #expect(none == nil)
        #expect(
            diagnostics.map(\.code).sorted() == [
                "IMP002", "IMP002", "IMP002", "IMP002", "IMP002", "IMP002", "IMP002", "IMP003", "RUL026",
            ])
        #expect(diagnostics.allSatisfy { $0.line > 0 && !$0.advice.isEmpty })
    }

    @Test func shippedMappingsFitTheirLists() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let folder = root + "/mappings/lists"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
        #expect(names.count >= 12)
        for name in names.sorted() {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
            let (mapping, diagnostics) = ListMapping.read(bytes, file: name)
            #expect(diagnostics == [], "\(name)")
            guard let mapping else { continue }
            let path = root + "/knowledge/lists/\(mapping.list).yaml"
            let list = try Imports.declaration(try String(contentsOfFile: path, encoding: .utf8))
            for column in mapping.columns { #expect(list.columnIndex(column.name) != nil, "\(name): \(column.name)") }
        }
    }
}
