import Claims
import Testing

@testable import Casework

/// A list from above goes in and comes back answered in the sender's own columns.
struct SenderListTests {
    static let sent = """
        序号,机构名称,疑点金额,备注
        1,甲医院,"1,200.50","含逗号,和""引号""。"
        2,乙药店,300元,
        2,乙药店,300元,
        3,丙诊所,三百,金额不是数
        ,丁医院,5.00,没有序号
        2,戊医院,7.00,编号相同而内容不同
        4,己医院,,
        """
    static let mapping = """
        list: 省级清单
        item: row
        key: [序号]
        columns: { row_institution: 机构名称, row_amount: 疑点金额 }
        answers: { answer: 核查结论, found_amount: 查实金额, answer_reason: 备注 }
        """

    @Test func everyRowIsReadRejectedOrRepeated() throws {
        let library = try #require(Golden.shipped)
        let procedure = try #require(library.procedure("superior_list"))
        let (mapping, diagnostics) = SenderMapping.read(Array(Self.mapping.utf8), file: "m.yaml", for: procedure)
        #expect(diagnostics.isEmpty)
        let table = try #require(CommaTable(Self.sent))
        let list = SenderList(table, try #require(mapping), for: procedure)
        #expect(list.items.map(\.key) == ["1", "2", "4"])
        #expect(list.items.count + list.rejects.count + list.repeated == table.rows.count)
        #expect(list.items[0].fields["row_amount"] == .single(.money(fen: 120_050)))
        #expect(list.rejects.map(\.line) == [5, 6, 7])
        #expect(list.rejects.map(\.column) == ["疑点金额", "序号", "序号"])

        var docket = Docket(library)
        var opening = Command(.take("open"))
        opening.fields = [
            "list_number": .single(.text("省〔2026〕5号")),
            "deadline": .single(.day(try #require(Day("2026-04-30")))),
        ]
        opening.adds = list.items
        let officer = Actor(person: "li", role: "officer", organisation: "body")
        let day = Instant(try #require(Day("2026-04-01")))
        let id = try docket.open(procedure, opening, by: officer, at: day)
        try docket.handle(Command(.take("begin")), on: id, by: officer, at: day)
        for key in ["1", "2"] {
            var verify = Command(.take("verify"))
            verify.item = key
            try docket.handle(verify, on: id, by: officer, at: day)
            var answer = Command(.take("answer"))
            answer.item = key
            answer.together = ["sun"]
            answer.papers = ["evidence": "h"]
            answer.fields = [
                "answer": .single(.text(key == "1" ? "partly" : "not_established")),
                "answer_reason": .single(.text("已核")), "handling": .single(.text(key == "1" ? "refusal" : "none")),
                "found_amount": .single(.money(fen: key == "1" ? 50 : 0)),
            ]
            try docket.handle(answer, on: id, by: officer, at: day)
        }
        let matter = try #require(docket.matters[id])
        let back = list.answered(by: matter)
        #expect(back.head == ["序号", "机构名称", "疑点金额", "备注", "核查结论", "查实金额"])
        #expect(back.rows[0] == ["1", "甲医院", "1,200.50", "已核", "部分属实", "0.50"])
        #expect(back.rows[1] == ["2", "乙药店", "300元", "已核", "不属实", "0.00"])
        #expect(back.rows[2] == back.rows[1])
        #expect(back.rows[3] == ["3", "丙诊所", "三百", "金额不是数", "", ""])
        #expect(back.rows.count == table.rows.count)
        #expect(CommaTable(back.text)?.rows == back.rows)
    }

    @Test func aMappingIsChecked() throws {
        let procedure = try #require(Golden.shipped?.procedure("superior_list"))
        let text = "list: x\nitem: rows\nkye: [a]\ncolumns: { row_amuont: b }\n"
        let (mapping, diagnostics) = SenderMapping.read(Array(text.utf8), file: "m.yaml", for: procedure)
        #expect(mapping == nil)
        #expect(diagnostics.map(\.code).sorted() == ["PRC001", "PRC002", "PRC005", "PRC005"])
    }

    @Test(arguments: ["a,b\n1,\"x", "", "\n\n"]) func brokenTablesAreNone(text: String) {
        #expect(CommaTable(text) == nil)
    }

    @Test func shortRowsAreFilled() {
        let table = CommaTable("a,b,c\r\n1\r\n\r\n2,\"x\ny\",3\r\n")
        #expect(table?.rows == [["1", "", ""], ["2", "x\ny", "3"]])
        #expect(table?.lines == [2, 4])
    }
}
