import Audit
import Claims
import Foundation
import Testing

/// The program as a user meets it: a process with arguments, output, and an exit code.
@Suite struct CommandLineTests {
    static let person = "3f9a12c4d5e6f708"

    /// The program lies beside the test's own executable.
    static func yijian(_ arguments: String..., input: Data? = nil) throws -> Finished {
        try yijian(arguments, input: input)
    }

    static func yijian(_ arguments: [String], input: Data? = nil) throws -> Finished {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
        return try run(beside.appendingPathComponent("yijian").path, arguments, input: input)
    }

    static func sampleRun() throws -> String {
        try FindingsTests.folder([
            FindingsTests.finding("aa01", rows: [("l1", "90.00"), ("l2", "10.00")], gross: 10_000, loss: 5_000),
            FindingsTests.finding("ab02", rule: "P24", outcome: "suspicion", rows: [("l1", "60.00")], gross: 6_000),
        ])
    }

    @Test func usageMistakesEndWithTwo() throws {
        #expect(try Self.yijian("version").output.hasPrefix("yijian "))
        for arguments in [["findigs"], ["findings"], ["findings", "x", "--format", "pdf"], ["audit"]] {
            let finished = try run(
                URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
                    .appendingPathComponent("yijian").path, arguments)
            #expect(finished.status == 2, "\(arguments)")
            #expect(finished.output.isEmpty)
            #expect(!finished.error.isEmpty)
        }
        let unmasked = try Self.yijian("findings", try Self.sampleRun(), "--unmask")
        #expect(unmasked.status == 2)
        #expect(unmasked.error.contains("--reason"))
    }

    @Test func missingRunsEndWithThreeAndSayWhatToDo() throws {
        let finished = try Self.yijian("findings", "/nowhere/at/all")
        #expect(finished.status == 3)
        #expect(finished.error.contains("error YJ-310"))
        #expect(finished.error.contains("where: /nowhere/at/all"))
        #expect(finished.error.contains("do:"))
        #expect(!finished.error.contains("\u{1B}"))
    }

    @Test func listsMaskPersonsUnlessAReasonIsGiven() throws {
        let folder = try Self.sampleRun()
        for format in ["table", "csv", "ndjson"] {
            let finished = try Self.yijian("findings", folder, "--format", format)
            #expect(finished.status == 0)
            #expect(finished.output.contains("3f9a…08"))
            #expect(!finished.output.contains(Self.person))
        }
        let shown = try Self.yijian(
            "findings", folder, "--format", "csv", "--unmask", "--reason", "申诉复核", "--where", "rule=P24")
        #expect(shown.output.contains(Self.person))
        #expect(shown.error.contains("申诉复核"))
        #expect(!shown.output.contains("aa01"))
    }

    @Test func totalsAndGroupsAreExactJSON() throws {
        let folder = try Self.sampleRun()
        let totals = try Self.yijian("findings", folder, "--totals", "--json").output
        #expect(totals.contains(#""gross": 100.00"#))
        #expect(totals.contains(#""gross_plain": 160.00"#))
        #expect(totals.contains(#""loss_unknown": 1"#))
        let groups = try Self.yijian("findings", folder, "--group", "outcome", "--json").output
        let list = try JSONSerialization.jsonObject(with: Data(groups.utf8)) as? [[String: Any]]
        #expect(list?.compactMap { $0["outcome"] as? String } == ["违规", "可疑"])
    }

    @Test func lineListGoesToASpreadsheet() throws {
        let folder = try Self.sampleRun()
        let path = temporaryPath("list.xlsx")
        let finished = try Self.yijian("findings", folder, "--format", "xlsx", "--output", path)
        #expect(finished.status == 0)
        let script = """
            import sys, openpyxl
            rows = [[c.value for c in r] for r in openpyxl.load_workbook(sys.argv[1]).active.iter_rows()]
            print(len(rows), rows[0][0], rows[0][16], rows[1][5], rows[1][7], rows[1][14], rows[2][7])
            """
        guard let answer = try runPython(script, path, needs: "openpyxl") else { return }
        #expect(answer == "4 序号 说明 3f9a…08 l1 90.0 l2\n")
    }

    @Test func differencesCanFailAScript() throws {
        let before = try Self.sampleRun()
        let after = try FindingsTests.folder([FindingsTests.finding("aa01", rows: [("l1", "90.00")], gross: 9_000)])
        let finished = try Self.yijian("findings", "diff", before, after, "--check", "--json")
        #expect(finished.status == 1)
        let json = try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: [String: Any]]
        #expect(json?["changed"]?["findings"] as? Int == 1)
        #expect(json?["lost"]?["findings"] as? Int == 1)
        #expect(try Self.yijian("findings", "diff", before, before, "--check").status == 0)
    }

    @Test func explainShowsOneFindingByItsBeginning() throws {
        let folder = try Self.sampleRun()
        let text = try Self.yijian("explain", "ab", "--run", folder)
        #expect(text.status == 0)
        #expect(text.output.contains("60.00 元"))
        #expect(!text.output.contains(Self.person))
        let html = try Self.yijian("explain", "aa01", "--run", folder, "--html")
        #expect(html.output.hasPrefix("<!DOCTYPE html>"))
        #expect(!html.output.contains(Self.person))
        let ambiguous = try Self.yijian("explain", "a", "--run", folder)
        #expect(ambiguous.status == 3)
        #expect(ambiguous.error.contains("YJ-315"))
        #expect(try Self.yijian("explain", "zz", "--run", folder).error.contains("YJ-314"))
    }

    @Test func foreignFindingsStandBesideOurs() throws {
        let folder = try Self.sampleRun()
        let mapping = temporaryPath("mapping.yaml")
        try """
        foreign: platform
        name: 平台疑点
        columns: {key: id, rule: code, text: words, stated: amount, line: detail, person: who, day: day}
        """.write(toFile: mapping, atomically: true, encoding: .utf8)
        let file = temporaryPath("doubts.csv")
        try """
        id,code,words,amount,detail,who,day
        d1,R01,"超量, 重复",12.50,l1,3f9a12c4d5e6f708,2025/3/1
        d1,R01,"超量, 重复",12.50,l2,3f9a12c4d5e6f708,2025-03-01 10:00:00
        d2,R02,无,1.234,l3,x,20250301
        d3,R02,无,7,l4
        """.write(toFile: file, atomically: true, encoding: .utf8)
        for _ in 1...2 {
            let finished = try Self.yijian("findings", "import", file, "--mapping", mapping, "--into", folder)
            #expect(finished.status == 0)
            #expect(finished.output.contains("4 rows became 1 findings; 2 rows were refused"))
        }
        let records = try FindingsTests.read(folder, where: "source=platform")
        #expect(records.count == 1)
        #expect(records.first?.violating == ["l1", "l2"])
        #expect(records.first?.stated == 1_250)
        #expect(records.first?.outcome == "stated")
        #expect(try FindingsTests.read(folder).count == 3)
        let totals = try Self.yijian("findings", folder, "--totals", "--json").output
        #expect(totals.contains(#""gross": 100.00"#))
        #expect(totals.contains(#""stated_amount": 12.50"#))
        let wrong = try Self.yijian("findings", "import", mapping, "--mapping", mapping, "--into", folder)
        #expect(wrong.status == 3)
        #expect(wrong.error.contains("YJ-357"))
    }

    @Test func workerRefusesWhatIsCutOff() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let head = WorkerProtocol.head(of: WorkerProtocol.Frame(table: "line", bytes: 1_000))
        let finished = try Self.yijian(
            "worker", "--knowledge", root + "/knowledge", "--coverage", "2025-01-01..2025-12-31", input: Data(head))
        #expect(finished.status == 3)
        #expect(finished.error.contains("YJ-342"))
        #expect(finished.output.isEmpty)
    }

    @Test func schemaIsTheProgramsOwn() throws {
        let json = try Self.yijian("schema", "line", "--json").output
        let tables = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
        #expect((tables?.first?["fields"] as? [Any])?.count == Table.line.fields.count)
        #expect(try Self.yijian("schema", "lines").status == 2)
    }
}
