import Claims
import Documents
import Foundation
import Testing

@Suite struct DocumentTests {
    static let heads = [
        ColumnHead("code", "项目编码", width: 14), ColumnHead("name", "项目名称", width: 20),
        ColumnHead("day", "费用日期", .day), ColumnHead("amount", "金额", .decimal(scale: 2)),
        ColumnHead("count", "次数", .integer),
    ]

    static func rows() throws -> [[Cell]] {
        let day = try #require(Day(year: 2025, month: 3, day: 1))
        return [
            [.text("003301"), .text("=静脉<输液> & \"加压\""), .day(day), .decimal(-9_050, scale: 2), .integer(3)],
            [.text("3302"), .text("换行\n与,逗号\u{1}"), .empty, .decimal(5, scale: 2), .empty],
        ]
    }

    @Test func widthCountsChineseTwice() {
        #expect(DisplayWidth.of("费用a") == 5)
        #expect(DisplayWidth.of("e\u{301}") == 1)
        #expect(DisplayWidth.of("（，）") == 6)
        #expect(DisplayWidth.cut("费用明细", to: 5) == "费用…")
        #expect(DisplayWidth.wrap("费用明细流水", to: 6) == ["费用明", "细流水"])
        #expect(DisplayWidth.wrap("one two three", to: 8) == ["one two", "three"])
    }

    @Test func tableColumnsLineUp() throws {
        var table = TextTable(Self.heads)
        for row in try Self.rows() { table.append(row) }
        let lines = table.lines(width: 100)
        #expect(lines.count == 3)
        // Every amount ends in the same terminal cell.
        let ends = try zip(lines, ["金额", "-90.50", "0.05"]).map { line, text in
            let range = try #require(line.range(of: text))
            return DisplayWidth.of(String(line[..<range.upperBound]))
        }
        #expect(Set(ends).count == 1)
        let narrow = table.lines(width: 48)
        #expect(narrow.allSatisfy { DisplayWidth.of($0) <= 48 })
        #expect(narrow[1].contains("-90.50"))
        #expect(!lines.joined().unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test func csvQuotesWhatNeedsQuotes() throws {
        let path = temporaryPath("list.csv")
        let output = try CSVOutput(Self.heads, to: OutputFile(path: path))
        for row in try Self.rows() { try output.write(row) }
        try output.finish()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(
            text == """
                项目编码,项目名称,费用日期,金额,次数
                003301,"=静脉<输液> & ""加压""\",2025-03-01,-90.50,3
                3302,"换行
                与,逗号\u{1}",,0.05,

                """)
    }

    @Test func ndjsonIsExact() throws {
        let path = temporaryPath("list.ndjson")
        let output = try NDJSONOutput(Self.heads, to: OutputFile(path: path))
        for row in try Self.rows() { try output.write(row) }
        try output.finish()
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""amount":-90.50,"count":3"#))
        #expect(lines[1].contains(#""name":"换行\n与,逗号\u0001","day":null"#))
        for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }

    @Test func unfinishedFileLeavesTheFormerOne() throws {
        let path = temporaryPath("kept.csv")
        try "former".write(toFile: path, atomically: true, encoding: .utf8)
        do {
            let file = try OutputFile(path: path)
            try file.write("half")
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "former")
        let folder = (path as NSString).deletingLastPathComponent
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["kept.csv"])
        #expect(throws: DocumentError.self) { try OutputFile(path: path + "/nowhere/x.csv") }
    }

    @Test func fullDiskIsAnErrorWithAdvice() throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
        // The device accepts nothing: the write that empties the buffer must fail and say what to do.
        let descriptor = open("/dev/full", O_WRONLY)
        defer { close(descriptor) }
        let file = OutputFile(descriptor: descriptor, name: "list.csv")
        try file.write("x")
        let error = #expect(throws: DocumentError.self) { try file.finish() }
        #expect(error?.code == "YJ-401")
        #expect(error?.advice.contains("make room") == true)
    }

    @Test func spreadsheetOpensInOpenpyxl() throws {
        let path = temporaryPath("list.xlsx")
        let output = try SpreadsheetOutput(Self.heads, title: "违规明细", to: OutputFile(path: path), rowsPerSheet: 2)
        let rows = try Self.rows()
        for row in rows + [rows[0]] { try output.write(row) }
        try output.finish()
        let script = """
            import sys, openpyxl, datetime
            book = openpyxl.load_workbook(sys.argv[1])
            assert book.sheetnames == ['违规明细', '违规明细 2'], book.sheetnames
            sheet = book['违规明细']
            got = [[cell.value for cell in row] for row in sheet.iter_rows()]
            assert got[0] == ['项目编码', '项目名称', '费用日期', '金额', '次数'], got[0]
            assert got[1] == ['003301', '=静脉<输液> & "加压"', datetime.datetime(2025, 3, 1), -90.5, 3], got[1]
            assert got[2] == ['3302', '换行\\n与,逗号', None, 0.05, None], got[2]
            assert sheet.freeze_panes == 'A2' and sheet.auto_filter.ref == 'A1:E3'
            assert sheet.cell(2, 2).data_type == 's', 'a text was taken for a formula'
            assert len(list(book['违规明细 2'].iter_rows())) == 2
            print('ok')
            """
        guard let answer = try runPython(script, path, needs: "openpyxl") else { return }
        #expect(answer == "ok\n")
    }

    @Test func pageEscapesEverything() throws {
        let paper = Paper(
            title: "<script>", subtitle: "副题",
            blocks: [
                .statement("a & b"), .entries([.init("标签", "值\u{7}'"), .init("空", "")]),
                .table(Self.heads, rows: try Self.rows()),
            ], foot: "\"脚\"")
        let html = paper.html
        #expect(!html.contains("<script"))
        #expect(html.contains("<h1>&lt;script&gt;</h1>"))
        #expect(html.contains("<dd>值&#39;</dd>"))
        #expect(!html.contains("空"))
        #expect(html.contains("size: A4"))
        #expect(html.contains("<td class=\"number\">-90.50</td>"))
        let lines = paper.lines(width: 60)
        #expect(lines.allSatisfy { DisplayWidth.of($0) <= 60 })
        #expect(lines.contains("  a & b"))
    }

    @Test(arguments: [
        ("0", Int64(0)), ("12.5", 1250), ("-0.07", -7), ("1.230", 123), ("92233720368547758.07", Int64.max),
    ])
    func decimalsAreRead(text: String, mantissa: Int64) {
        #expect(DecimalText.parse(text, scale: 2) == mantissa)
    }

    @Test(arguments: ["", "-", ".", "1.234", "1e3", "１", "92233720368547758.08", "1..2", "--1", " 1"])
    func whatIsNoDecimalIsRefused(text: String) {
        #expect(DecimalText.parse(text, scale: 2) == nil)
    }
}
