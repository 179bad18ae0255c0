import Columns
import Foundation
import Knowledge
import Rules
import Testing

/// Lists: what cells mean, how areas add rows, how fast large ones load.
struct ListTests {
    private func load(_ declaration: String, _ rows: String, area: String? = nil) throws -> KnowledgeList? {
        var files = [Sample.package, (path: "lists/x.yaml", text: declaration), (path: "lists/x.csv", text: rows)]
        if let area { files.append((path: "areas/370000/lists/x.csv", text: area)) }
        return try Golden.withFolder(files) { folder in
            let (plan, diagnostics) = PlanLoader.load(package: folder, areas: area == nil ? [] : ["370000"])
            #expect(diagnostics.map(\.description) == [])
            return plan?.lists["x"]
        }
    }

    @Test func cellsBecomeColumns() throws {
        let list = try #require(
            try load(
                "list: x\nname: 表\ncolumns: { item: item code, note: text, limit: decimal(4), n: integer, on: day, ok: flag }\nkeys: [item]\n",
                "\u{FEFF}ok,item,note,limit,n,on,#remark,from,to,area\r\n"
                    + "true, A ,\"x, \"\"y\"\"\",1.5,-3,2025-03-01,z,2025-01-01,,370100\r\n"
                    + "否,B,,0.00010,0,2025/3/2,,,2025-12-31,\r\n\r\n"
                    + "0,C,\"two\nlines\",,,20250303,,,,"))
        #expect(list.rowCount == 3)
        #expect(list.columns.map(\.name) == ["item", "note", "limit", "n", "on", "ok"])
        #expect(list.columns[0].texts.strings == ["A", "B", "C"])
        #expect(list.columns[1].texts.strings == ["x, \"y\"", "", "two\nlines"])
        #expect(list.columns[1].isNull == [false, true, false])
        #expect(list.columns[2].numbers == [15_000, 1, 0])
        #expect(list.columns[2].isNull == [false, false, true])
        #expect(list.columns[3].numbers == [-3, 0, 0])
        #expect(list.columns[4].numbers == [20_148, 20_149, 20_150])
        #expect(list.columns[5].numbers == [1, 0, 0])
        #expect(list.columns[5].isNull == [])
        #expect(list.from == [20_089, .min, .min])
        #expect(list.to == [.max, 20_453, .max])
        #expect(list.areas == ["370100", "", ""])
        #expect(list.lineNumbers == [2, 3, 5])
    }

    @Test func areasAddRows() throws {
        let list = try #require(
            try load(
                "list: x\nname: 表\ncolumns: { item: item code, limit: decimal(2) }\nkeys: [item]\nselect: { area: care, date: discharge }\n",
                "item,limit\nA,1\nB,2\n", area: "limit,item,area\n3,A,\n4,A,370100\n"))
        #expect(list.areas == ["", "", "370000", "370100"])
        #expect(list.columns[1].numbers == [100, 200, 300, 400])
        #expect(list.areaSelector == .care)
        #expect(list.dateSelector == .discharge)
        #expect(list.place(ofRow: 1) == ("lists/x.csv", 3))
        #expect(list.place(ofRow: 3) == ("areas/370000/lists/x.csv", 3))
    }

    @Test func halfAMillionRowsLoadFast() throws {
        var rows = "item,prefix,limit,from\n"
        for row in 0..<500_000 { rows += "X\(row % 250_000)0010101,C\(row % 2)\(row % 7),\(row % 40).5,2025-01-01\n" }
        let files = [
            Sample.package,
            (
                path: "lists/x.yaml",
                text: "list: x\nname: 大表\ncolumns: { item: item code, prefix: diagnosis prefix, limit: decimal(4) }\nkeys: [item, prefix]\n"
            ), (path: "lists/x.csv", text: rows),
        ]
        try Golden.withFolder(files) { folder in
            var plan: Plan?
            let time = ContinuousClock().measure { plan = PlanLoader.load(package: folder).plan }
            print("a list of 500,000 rows loaded in \(time)")
            #expect(plan?.lists["x"]?.rowCount == 500_000)
            #expect(plan?.lists["x"]?.columns[0].texts.string(499_999) == "X2499990010101")
        }
    }
}
