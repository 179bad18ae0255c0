import Documents
import Foundation
import Testing

/// Workbooks and texts as they come: read for what a person sees, refused when they are traps.
struct SheetTests {
    @Test func cellsReadAsPeopleSeeThem() throws {
        let rows = """
            <row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2"><v>0.10000000000000001</v></c><c r="C2" s="1"><v>45352</v></c>\
            <c r="D2" t="b"><v>1</v></c><c r="E2" t="e"><v>#N/A</v></c><c r="G2" t="str"><f>A1</f><v>甲&amp;乙</v></c></row>
            <row><c t="inlineStr"><is><r><t>前</t></r><r><t>后</t></r></is></c><c><v>1.5E-7</v></c><c><v>31050000000000</v></c><c s="2"><v>45352.5</v></c></row>
            """
        let bytes = try Sheets.workbook(
            [("表", rows, "")], strings: "<si><t>共享</t><rPh><t>ギョウ</t></rPh></si>",
            styles:
                "<styleSheet><numFmts><numFmt numFmtId=\"170\" formatCode=\"yyyy&quot;年&quot;m&quot;月&quot;\"/></numFmts><cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"170\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
        )
        let read = try Sheets.read(bytes)
        #expect(read.map(\.number) == [2, 3])
        #expect(read[0].cells.map(\.text) == ["共享", "0.1", "2024-03-01", "true", "#N/A", "", "甲&乙"])
        #expect(read[0].cells.map(\.kind) == [.text, .number, .day, .flag, .error, .empty, .text])
        #expect(read[1].cells.map(\.text) == ["前后", "0.00000015", "31050000000000", "2024-03-01"])
    }

    @Test func mergedCellsGiveTheirValueToAll() throws {
        let rows = Sheets.rows([["附件", "", ""], ["名", "码", "量"], ["甲", "1", "9"], ["", "2", ""], ["", "3", "8"]])
        let bytes = try Sheets.workbook([
            ("表", rows, "<mergeCells><mergeCell ref=\"A3:A5\"/><mergeCell ref=\"A1:C1\"/></mergeCells>")
        ])
        let read = try Sheets.read(bytes).map { $0.cells.map(\.text) }
        #expect(read == [["附件", "附件", "附件"], ["名", "码", "量"], ["甲", "1", "9"], ["甲", "2"], ["甲", "3", "8"]])
    }

    @Test(arguments: [
        ("a,b\n1,\"x\ny\"\n", [["a", "b"], ["1", "x\ny"]]),
        ("a\tb\r\n1\t\"q\"\"r\"\r\n", [["a", "b"], ["1", "q\"r"]]),
        ("a;b\n\n;2", [["a", "b"], ["", "2"]]),
    ]) func textTables(text: String, expected: [[String]]) throws {
        #expect(try Sheets.read(Array(text.utf8)).map { $0.cells.map(\.text) } == expected)
    }

    @Test func textInTheEncodingsOfOffices() throws {
        // 药品,码 in GB18030 and, with a mark, in UTF-16.
        let chinese: [UInt8] = [0xD2, 0xA9, 0xC6, 0xB7, 0x2C, 0xC2, 0xEB, 0x0A]
        #expect(try Sheets.read(chinese).first?.cells.map(\.text) == ["药品", "码"])
        let wide: [UInt8] = [0xFF, 0xFE] + "药品,码\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(try Sheets.read(wide).first?.cells.map(\.text) == ["药品", "码"])
    }

    /// Traps and damage are refused by name, never by a crash or a full memory.
    @Test func trapsAreRefused() throws {
        func code(_ bytes: [UInt8], _ limits: SheetLimits = SheetLimits()) -> String {
            do {
                _ = try Sheets.read(bytes, limits: limits)
                return "read"
            } catch let error as SheetError { return error.code } catch { return "\(error)" }
        }
        let good = try Sheets.plain([("表", [["甲"]])])
        #expect(code(good) == "read")
        // Entities that grow, or read files.
        let bomb = "<!DOCTYPE l [<!ENTITY a \"&b;&b;\">]>"
        #expect(code(try Sheets.archive([("_rels/.rels", bomb)])) == "SHT006")
        #expect(code(try Sheets.workbook([("表", "<row><c><v>&xxe;</v></c></row>", "")])) == "SHT005")
        // A part that unpacks to a thousand times its size.
        let blanks = String(repeating: " ", count: 3 << 20)
        #expect(code(try Sheets.workbook([("表", blanks, "")])) == "SHT004")
        var few = SheetLimits()
        few.membersMax = 3
        #expect(code(good, few) == "SHT002")
        #expect(code(try Sheets.workbook([("表", String(repeating: "<a>", count: 70), "")])) == "SHT005")
        #expect(code(try Sheets.workbook([("表", "<row r=\"5\"/><row r=\"4\"/>", "")])) == "SHT011")
        #expect(code(try Sheets.workbook([("表", "<row><c r=\"ZZZ1\"><v>1</v></c></row>", "")])) == "SHT011")
        #expect(code(try Sheets.workbook([("表", "<row><c t=\"s\"><v>7</v></c></row>", "")])) == "SHT011")
        #expect(code(try Sheets.archive([("other.xml", "<a/>")])) == "SHT010")
        #expect(code([0xD0, 0xCF, 0x11, 0xE0, 1, 2]) == "SHT007")
        #expect(code(Array("<html><table></table></html>".utf8)) == "SHT007")
        #expect(code(Array("a,\"b\n".utf8)) == "SHT009")
        #expect(code([0, 1, 2, 3]) == "SHT008")
    }

    /// Every truncation and every single-bit change of a workbook gives rows or an error that says where.
    @Test func damageIsFound() throws {
        let good = try Sheets.plain([("表", [["药品代码", "限"], ["XA01", "3"], ["XA02", "4"]])])
        let rows = try Sheets.read(good)
        for length in stride(from: 0, to: good.count, by: 3) { _ = try? Sheets.read(Array(good[..<length])) }
        var changed = 0
        for index in good.indices {
            var bytes = good
            bytes[index] ^= UInt8(1 << (index % 8))
            if let read = try? Sheets.read(bytes), read != rows { changed += 1 }
        }
        // The checksums of the archive see every change of the content.
        #expect(changed == 0)
    }
}
