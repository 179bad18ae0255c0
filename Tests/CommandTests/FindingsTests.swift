import Audit
import Claims
import Columns
import Foundation
import Testing

@Suite struct FindingsTests {
    static func finding(
        _ id: String, rule: String = "P17-day", outcome: String = "violation", person: String = "3f9a12c4d5e6f708",
        rows: [(String, String)] = [], gross: Int64? = nil, loss: Int64? = nil, table: String = "line",
        encounter: String? = nil, day: Day? = Day(year: 2025, month: 3, day: 1)
    ) -> FindingsRecord {
        var record = FindingsRecord()
        record.id = id
        record.rule = rule
        record.version = "0123456789ab"
        record.category = "policy"
        record.outcome = outcome
        record.grade = 2
        record.unit = "group of line"
        record.key = "person=\(person)|item=A|day=2025-03-01"
        record.person = person
        record.institution = "H0001"
        record.encounter = encounter
        record.day = day
        record.item = "A"
        record.value = 3_000_000
        record.limit = 2_000_000
        record.violating = rows.map(\.0)
        record.violatingTable = table
        record.stakes = rows.map(\.1)
        record.gross = gross
        record.loss = loss
        return record
    }

    static func folder(_ records: [FindingsRecord]) throws -> String {
        let folder = temporaryPath("run")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var writer = FindingsRecordWriter()
        for record in records { try writer.append(record) }
        try writer.write(to: folder + "/findings.arrow")
        return folder
    }

    static func read(_ folder: String, where text: String = "") throws -> [FindingsRecord] {
        var records: [FindingsRecord] = []
        try FindingsRun(folder: folder).visit(where: FindingsSelection(text)) { record in
            records.append(record)
            return true
        }
        return records
    }

    @Test func recordsSurviveTheDisk() throws {
        var bare = FindingsRecord()
        bare.id = "b"
        bare.outcome = "undetermined"
        bare.cause = "line.quantity"
        var full = Self.finding("a", rows: [("l1", "90.00"), ("l,2\n", "0.01")], gross: 9_001, loss: 100)
        full.lossParts.basic = 70
        full.lossParts.longTermCare = 30
        full.involved = ["e1"]
        full.involvedTable = "encounter"
        full.listRow = 17
        full.list = "daily-cap"
        full.stated = -5
        full.text = "超量"
        full.package = "yijian 1.0.0"
        full.packageHash = "ab12"
        let records = [full, bare]
        #expect(try Self.read(Self.folder(records)) == records)
        #expect(try Self.read(Self.folder([])).isEmpty)
    }

    @Test func pyarrowReadsWhatIsWritten() throws {
        let folder = try Self.folder([Self.finding("a", rows: [("l1", "90.00")], gross: 9_000)])
        let script = """
            import sys, pyarrow as pa
            table = pa.ipc.open_file(sys.argv[1]).read_all()
            row = table.to_pylist()[0]
            print(row['id'], row['violating'], row['gross'], row['value'], row['day'], row['loss'])
            """
        guard let answer = try runPython(script, folder + "/findings.arrow", needs: "pyarrow") else { return }
        #expect(answer == "a ['l1'] 90.00 3.000000 2025-03-01 None\n")
    }

    @Test func otherFilesAreRefusedWithAReason() throws {
        let folder = temporaryPath("run")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        #expect(throws: ColumnsError.self) { try FindingsRun(folder: folder) }
        let writer = try ArrowWriter(path: folder + "/findings.arrow", fields: [ColumnField("id", .utf8)])
        try writer.write([ColumnBuffer(.utf8)], rows: 0)
        _ = try writer.finish()
        let error = #expect(throws: ColumnsError.self) { try FindingsRun(folder: folder) }
        #expect(error?.code == "YJ-311")
        #expect(error?.message.contains("`rule`") == true)
    }

    @Test func selectionsKeepWhatTheySay() throws {
        let records = [
            Self.finding("a", rows: [("l1", "90.00")], gross: 9_000),
            Self.finding("b", rule: "P24", outcome: "suspicion", gross: 100, day: Day(year: 2025, month: 4, day: 2)),
            Self.finding("c", rule: "D10", outcome: "undetermined", day: nil),
        ]
        let folder = try Self.folder(records)
        func ids(_ text: String) throws -> String { try Self.read(folder, where: text).map(\.id).joined() }
        #expect(try ids("") == "abc")
        #expect(try ids("rule=P*") == "ab")
        #expect(try ids("rule=P17-day|D10") == "ac")
        #expect(try ids("rule=P*, outcome=suspicion") == "b")
        #expect(try ids("from=2025-03-02") == "b")
        #expect(try ids("to=2025-03-01") == "a")
        #expect(try ids("month=2025-04") == "b")
        #expect(try ids("least=90") == "a")
        #expect(try ids("person=3f9a12c4d5e6f708,grade=2") == "abc")
        #expect(throws: FindingsSelection.Mistake.self) { try FindingsSelection("colour=red") }
        #expect(throws: FindingsSelection.Mistake.self) { try FindingsSelection("from=2025-02-30") }
        #expect(throws: FindingsSelection.Mistake.self) { try FindingsSelection("rule") }
    }

    /// Two rules claim line l1 (90 and 60); l2 is claimed once; one encounter is claimed whole and by its lines.
    @Test func totalsCountALineOnce() {
        var totals = FindingsTotals()
        totals.add(Self.finding("a", rows: [("l1", "90.00"), ("l2", "10.00")], gross: 10_000, loss: 5_000))
        totals.add(Self.finding("b", rows: [("l1", "60.00")], gross: 6_000, loss: 6_000))
        totals.add(Self.finding("u", outcome: "undetermined", rows: [("l9", "5.00")], gross: 500))
        var sums = totals.result()
        #expect(sums.findings == 2)
        #expect(sums.rows == 2)
        #expect(sums.plainGross == 16_000)
        #expect(sums.gross == 10_000)
        #expect(sums.plainLoss == 11_000)
        // l1: the larger of 45.00 (its share of a) and 60.00; l2: 5.00.
        #expect(sums.loss == 6_500)

        totals.add(
            Self.finding("e", rows: [("e1", "300.00")], gross: 30_000, loss: 20_000, table: "encounter"))
        totals.add(Self.finding("f", rows: [("l5", "40.00")], gross: 4_000, encounter: "e1"))
        sums = totals.result()
        #expect(sums.gross == 10_000 + 30_000)
        #expect(sums.loss == 6_500 + 20_000)
        #expect(sums.lossUnknown == 1)
        // A line whose encounter only the dataset knows.
        totals.add(Self.finding("g", rows: [("l6", "300.00")], gross: 30_000)) { $0 == "l6" ? "e1" : nil }
        #expect(totals.result().gross == 10_000 + 34_000)
    }

    @Test func absurdAmountsDoNotOverflow() {
        var totals = FindingsTotals()
        for id in ["a", "b"] {
            totals.add(Self.finding(id, rows: [(id, "92233720368547758.07")], gross: .max, loss: .max))
        }
        #expect(totals.result().gross == .max)
        #expect(totals.result().plainGross == .max)
    }

    @Test func groupsAddUpOnTheirOwn() throws {
        var groups = FindingsGroups(by: .rule)
        groups.add(Self.finding("a", rows: [("l1", "90.00")], gross: 9_000))
        groups.add(Self.finding("b", rule: "P24", rows: [("l1", "60.00")], gross: 6_000))
        groups.add(Self.finding("c", rule: "P24", rows: [("l1", "50.00")], gross: 5_000))
        groups.add(Self.finding("d", rule: "P24", outcome: "undetermined"))
        let result = groups.groups()
        #expect(result.map(\.value) == ["P17-day", "P24"])
        #expect(result.map(\.conclusions.gross) == [9_000, 6_000])
        #expect(result.map(\.conclusions.plainGross) == [9_000, 11_000])
        #expect(result.map(\.undetermined) == [0, 1])
        var months = FindingsGroups(by: .month)
        months.add(Self.finding("x", day: nil))
        months.add(Self.finding("y", gross: 900, day: Day(year: 2025, month: 4, day: 2)))
        months.add(Self.finding("z", gross: 100))
        #expect(months.groups().map(\.value) == ["2025-03", "2025-04", nil])
    }

    @Test func differencesNameWhatChanged() {
        var difference = FindingsDifference()
        let kept = Self.finding("k", gross: 100)
        let before = Self.finding("c", rows: [("l1", "1.00")], gross: 100)
        let after = Self.finding("c", rows: [("l1", "1.00"), ("l2", "2.00")], gross: 300)
        for record in [kept, before, Self.finding("l", gross: 50)] { difference.addFormer(record) }
        #expect(difference.addLatter(kept).kind == .kept)
        #expect(difference.isEmpty)
        let changed = difference.addLatter(after)
        #expect(changed.kind == .changed)
        #expect(changed.fields == ["violating", "gross"])
        #expect(difference.addLatter(Self.finding("g", gross: 70)).kind == .gained)
        #expect(difference.lost().map(\.record.id) == ["l"])
        #expect(difference.sums[.changed]?.gross == 200)
        #expect(difference.sums[.gained]?.gross == 70)
        #expect(difference.sums[.lost]?.gross == 50)
        #expect(!difference.isEmpty)
    }

    @Test func masksLeaveNoPersonInSight() {
        let record = Self.finding("a")
        let masked = FindingsMask().apply(to: record)
        #expect(masked.person == "3f9a…08")
        #expect(masked.key == "person=3f9a…08|item=A|day=2025-03-01")
        #expect(FindingsMask(isOn: false).apply(to: record) == record)
        #expect(FindingsMask().person("12345") == "1…5")
        #expect(FindingsMask().person("p1") == "…")
        var row = record
        row.unit = "person"
        row.key = "person:3f9a12c4d5e6f708"
        row.violatingTable = "person"
        row.violating = ["3f9a12c4d5e6f708"]
        let maskedRow = FindingsMask().apply(to: row)
        #expect(maskedRow.key == "person:3f9a…08")
        #expect(maskedRow.violating == ["3f9a…08"])
    }

    @Test func sharesAddUpExactly() {
        #expect(FindingsTotals.shares(of: 100, by: [1, 1, 1]) == [34, 33, 33])
        #expect(FindingsTotals.shares(of: 5, by: [0, 3]) == [0, 5])
        #expect(FindingsTotals.shares(of: 5, by: [0, 0]) == [0, 0])
        #expect(FindingsTotals.shares(of: .max, by: [.max, .max]).reduce(0, +) == .max)
    }

    @Test(arguments: [
        ("同日收取{item}{value}次", "同日收取A3次"), ("{nothing}{", "未知{"), ("}{limit}", "}2"), ("", ""),
    ])
    func messagesAreFilled(template: String, sentence: String) {
        let values = ["item": "A", "value": "3", "limit": "2"]
        #expect(FindingsWording.filled(template) { values[$0] } == sentence)
    }

    @Test func framesAreReadToTheByte() throws {
        let frame = WorkerProtocol.Frame(table: "line", bytes: 5)
        let path = temporaryPath("pipe")
        let bytes = WorkerProtocol.head(of: frame) + Array("abcde".utf8) + WorkerProtocol.closeMark
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        #expect(try WorkerProtocol.nextFrame(from: descriptor) == frame)
        try WorkerProtocol.spool(frame, from: descriptor, to: path + ".line")
        #expect(try String(contentsOfFile: path + ".line", encoding: .utf8) == "abcde")
        #expect(try WorkerProtocol.nextFrame(from: descriptor) == nil)
        let error = #expect(throws: ColumnsError.self) { try WorkerProtocol.nextFrame(from: descriptor) }
        #expect(error?.code == "YJ-342")
        try Data(Array("PAR1 and more".utf8)).write(to: URL(fileURLWithPath: path))
        lseek(descriptor, 0, SEEK_SET)
        let other = open(path, O_RDONLY)
        defer { close(other) }
        let wrong = #expect(throws: ColumnsError.self) { try WorkerProtocol.nextFrame(from: other) }
        #expect(wrong?.code == "YJ-340")
    }
}
