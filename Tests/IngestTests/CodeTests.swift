import Foundation
import Testing

@testable import Ingest

/// What the report says of codes and identity numbers, and what `--strict-codes` refuses.
@Suite struct CodeTests {
    private static let mapping = """
        mapping: codes
        coverage: {from: 2024-01-01, to: 2024-12-31, closedWorld: true}
        sources: {visits: visits.csv, houses: houses.csv, lines: lines.csv, items: items.csv}
        tables:
          - table: institution
            from: houses
            fields: {code: code}
          - table: item
            from: items
            fields: {code: code}
          - table: encounter
            from: visits
            fields: {id: visit, person: {pseudonym: {number: card}}, institution: house, start_day: day, start_second: time}
          - table: line
            from: lines
            fields: {id: no, encounter: visit, item: item, amount: sum}
        """

    private func report(strict: Bool) throws -> (IngestReport, Workbench) {
        let bench = try Workbench()
        try bench.put("houses.csv", "code\nH11010500001\nH11010500002\n")
        try bench.put("items.csv", "code\nX1\nX2\n")
        // The second card has a wrong check digit; the third house has a letter where a digit belongs.
        try bench.put(
            "visits.csv",
            "visit,card,house,day,time\nV1,11010519491231002X,H11010500001,2024-01-02,08:05\n"
                + "V2,110105194912310021,H11010500002,2024-01-02,3600\n"
                + "V3,11010519491231002X,H1101050000A,2024-01-02,08:05:07\nV4,11010519491231002X,H11010500009,2024-01-02,\n"
        )
        try bench.put("lines.csv", "no,visit,item,sum\nL1,V1,X1,1\nL2,V1,X9,1\nL3,V4,X2,1\n")
        let key = bench.folder + "/key"
        try Data(repeating: 7, count: 32).write(to: URL(fileURLWithPath: key))
        let plan = try #require(IngestPlan.load(text: Self.mapping, file: "test.yaml").plan)
        var options = IngestOptions()
        options.keyFile = key
        options.strictCodes = strict
        return (try plan.run(sources: bench.sources, into: bench.dataset, options: options), bench)
    }

    @Test func theReportTellsWhatIsUnknownOrMalformed() throws {
        let (report, bench) = try report(strict: false)
        #expect(report.balance("encounter")?.kept == 4)
        #expect((report.identityNumbers, report.wrongIdentityNumbers) == (4, 1))
        let houses = try #require(report.codes.first { $0.table == .encounter && $0.field == "institution" })
        #expect((houses.codes, houses.known, houses.wellFormed) == (4, 2, 3))
        #expect(houses.unknownExamples == ["H11010500009", "H1101050000A"])
        let items = try #require(report.codes.first { $0.table == .line })
        #expect((items.codes, items.known, items.wellFormed) == (3, 2, nil) && items.unknownExamples == ["X9"])
        #expect(report.text.contains("codes line.item: 2 of 3 are known to the catalogue (66.6 %)"))
        #expect(report.text.contains("1 of 4 identity numbers cannot be right"))
        #expect(try bench.rows("encounter").compactMap { $0["start_second"] }.sorted() == ["29100", "29107", "3600"])
    }

    @Test func strictCodesRefuse() throws {
        let (report, bench) = try report(strict: true)
        let balance = try #require(report.balance("encounter"))
        #expect((balance.kept, balance.rejected) == (2, 2))
        let rejects = try bench.reject(report)
        #expect(rejects.split(separator: "\n").filter { $0.contains("ING022") }.count == 2, "\(rejects)")
        #expect(rejects.contains("V2,110105194912310021") && rejects.contains("V3,"))
    }

    @Test(
        arguments: [
            ("08:05", 29_100), ("8:05:07", 29_107), ("0", 0), ("86399", 86_399), ("23:59:59", 86_399), ("24:00", nil),
            ("86400", nil), ("-1", nil), ("08:60", nil), ("08:05:60", nil), ("08:05:00:00", nil), ("08:", nil),
            (":", nil),
            ("008:05", nil), ("１２:05", nil),
        ] as [(String, Int32?)])
    func secondsOfTheDay(text: String, second: Int32?) {
        let scratch = Scratch()
        #expect(Reading.secondOfDay(scratch.keep(text.utf8)) == second)
    }
}
