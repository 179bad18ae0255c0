import Columns
import Foundation
import Testing

@testable import Ingest

/// Whole imports: balance, order, repeats, corrections, conflicts, refunds, messages.
@Suite struct ImportTests {
    private let visits = "visit,person,house,begin,type\nV1,P2,H1,2024-01-05 08:00:00,1\nV2,P1,H1,2024-01-04,2\n"
    private let lineHeader = "no,visit,item,at,count,price,sum,back,changed\n"

    @Test func ordersAndAccounts() throws {
        let bench = try Workbench()
        try bench.put("visits.csv", visits)
        try bench.put(
            "lines.csv",
            lineHeader + "L3,V1,I1,2024-01-05 09:00:00,1,2.5,2.50,,\nL1,V2,I2,2024-01-04,-1,10,-10.00,L0,\n"
                + "L2,V1,I1,2024-01-05,2,2.5,5.00,,\nL9,V7,I1,2024-01-05,2,2.5,5.00,,\nL8,V1,I1,2024-01-05,2,2.5,5.001,,\n"
                + "L7,V1,I1,2024-02-30,2,2.5,5,,\n")
        let report = try bench.run(clinicMapping)
        let lines = try bench.rows("line")
        #expect(lines.map { $0["id"] } == ["L1", "L2", "L3"])
        #expect(lines[0]["reverses"] == "L0" && lines[0]["amount"] == "-1000" && lines[0]["price"] == "10000000")
        #expect(try bench.rows("encounter").map { $0["setting"] } == ["inpatient", "outpatient"])
        #expect(try bench.rows("person").map { $0["id"] } == ["P1", "P2"])
        let balance = try #require(report.balance("line"))
        #expect((balance.read, balance.kept, balance.rejected) == (6, 3, 3))
        let rejects = try bench.reject(report)
        for code in ["ING030", "ING011", "ING014"] { #expect(rejects.contains(code)) }
        #expect(rejects.contains(",5,line,,ING030,") && rejects.contains("\"L9,V7,I1,2024-01-05,2,2.5,5.00,,\""))
        #expect(try Dataset.open(bench.dataset).verify().filter { !$0.isHarmless }.isEmpty)
    }

    @Test func repeatsCorrectionsAndConflicts() throws {
        let bench = try Workbench()
        try bench.put("visits.csv", visits)
        try bench.put(
            "lines.csv",
            lineHeader + "A,V1,I1,2024-01-05,1,1,1,,\nA,V1,I1,2024-01-05,1,1,1,,\n"
                + "B,V1,I1,2024-01-05,1,1,1,,2024-02-01\nB,V1,I1,2024-01-06,2,1,2,,2024-02-02\n"
                + "C,V1,I1,2024-01-05,1,1,1,,\nC,V2,I1,2024-01-05,1,1,1,,\n")
        let report = try bench.run(clinicMapping)
        let balance = try #require(report.balance("line"))
        #expect((balance.kept, balance.repeated, balance.corrected, balance.rejected) == (2, 1, 1, 2))
        #expect(try bench.rows("line").map { "\($0["id"] ?? "")\($0["amount"] ?? "")" } == ["A100", "B200"])
        #expect(try bench.reject(report).contains("ING040"))
    }

    @Test func importingAgainAddsNothing() throws {
        let bench = try Workbench()
        try bench.put("visits.csv", visits)
        try bench.put("lines.csv", lineHeader + "A,V1,I1,2024-01-05,1,1,1,,\n")
        _ = try bench.run(clinicMapping)
        let again = try bench.run(clinicMapping)
        #expect(again.alreadyImported)
        #expect(try Dataset.open(bench.dataset).segments.count == 1)
    }

    @Test func laterImportsMeetEarlierRows() throws {
        let bench = try Workbench()
        try bench.put("visits.csv", visits)
        try bench.put(
            "lines.csv",
            lineHeader + "A,V1,I1,2024-01-05,1,1,1,,\nB,V1,I1,2024-01-05,1,1,1,,\nC,V1,I1,2024-01-05,1,1,1,,\n")
        _ = try bench.run(clinicMapping)
        try bench.put(
            "lines.csv",
            lineHeader
                + "A,V1,I1,2024-01-05,1,1,1,,\nB,V1,I1,2024-01-05,2,1,2,,2024-03-01\nC,V1,I1,2024-01-05,3,1,3,,\n"
                + "D,V1,I1,2024-01-05,3,1,3,,\n")
        let report = try bench.run(clinicMapping)
        let balance = try #require(report.balance("line"))
        #expect((balance.kept, balance.repeated, balance.rejected) == (2, 1, 1))
        #expect(try bench.reject(report).contains("ING041"))
        #expect(try bench.rows("withdrawn") == [["table": "line", "id": "B"]])
    }

    @Test(arguments: [1, 2, 4]) func bytesDoNotDependOnOrderOrThreads(threads: Int) throws {
        var numbers = SeededNumbers(state: 5)
        var visitRows: [String] = []
        var lineRows: [String] = []
        for visit in 0..<3000 {
            visitRows.append(
                "V\(visit),P\(visit % 700),H\(visit % 9),2024-0\(1 + visit % 9)-1\(visit % 10),\(1 + visit % 2)")
            for line in 0..<Int.random(in: 0...6, using: &numbers) {
                lineRows.append(
                    "L\(visit).\(line),V\(visit),I\(Int.random(in: 0..<50, using: &numbers)),2024-05-0\(1 + line),1,2,2,,"
                )
            }
        }
        lineRows.append("L1.0,V1,I1,2024-05-01,1,2,2,,2024-06-01")
        func digest(_ threads: Int, _ shuffle: Bool) throws -> [String] {
            let bench = try Workbench()
            var shuffler = SeededNumbers(state: UInt64(threads))
            let visitHeader = "visit,person,house,begin,type\n"
            try bench.put(
                "visits.csv",
                visitHeader + (shuffle ? visitRows.shuffled(using: &shuffler) : visitRows).joined(separator: "\n"))
            try bench.put(
                "lines.csv",
                lineHeader + (shuffle ? lineRows.shuffled(using: &shuffler) : lineRows).joined(separator: "\n"))
            let report = try bench.run(clinicMapping, threads: threads, segment: "s", blockLines: 500)
            #expect(report.blocks > 10)
            return try ["person", "encounter", "line"].map { table in
                let data = try Data(contentsOf: URL(fileURLWithPath: bench.dataset + "/segments/s/\(table).arrow"))
                return data.withUnsafeBytes { SHA256.hex(of: $0) }
            }
        }
        #expect(try digest(threads, true) == digest(1, false))
    }

    @Test(arguments: 1...25) func randomDamageKeepsTheBalance(seed: Int) throws {
        var numbers = SeededNumbers(state: UInt64(seed) &* 77)
        let bench = try Workbench()
        var text = lineHeader
        for line in 0..<200 { text += "L\(line % 150),V\(1 + line % 3),I1,2024-01-0\(1 + line % 9),1,2.5,2.50,,\n" }
        var bytes = Array(text.utf8)
        for _ in 0..<60 {
            let place = Int.random(in: lineHeader.utf8.count..<bytes.count, using: &numbers)
            bytes[place] = [0x22, 0x2C, 0x0A, 0x00, 0xFF, 0x39, 0x2D].randomElement(using: &numbers) ?? 0
        }
        try bench.put("visits.csv", visits)
        try bench.put("lines.csv", Data(bytes))
        let report = try bench.run(clinicMapping)
        let balance = try #require(report.balance("line"))
        #expect(balance.isBalanced && balance.kept > 0 && balance.rejected > 0)
        #expect(try bench.rows("line").count == balance.kept)
    }

    @Test func messagesWithCorrectionsAndWithdrawals() throws {
        let bench = try Workbench()
        let common =
            "\"fixmedins_code\":\"H33010000001\",\"insuplc_admdvs\":\"330100\",\"mdtrtarea_admvs\":\"330100\",\"opter\":\"7\""
        func message(_ number: String, _ time: String, _ input: String, _ output: String = "{}") -> String {
            "{\"infno\":\"\(number)\",\"inf_time\":\"2024-03-01 \(time)\",\(common),\"input\":\(input),\"output\":\(output)}\n"
        }
        func fee(_ number: Int, _ sum: String, _ extra: String = "") -> String {
            "{\"feedetl_sn\":\(number),\"mdtrt_id\":\"M1\",\"chrg_bchno\":\"B\(number)\",\"fee_ocur_time\":\"2024-03-01 09:00:00\",\"med_list_codg\":\"X1\",\"cnt\":1,\"pric\":\(sum),\"det_item_fee_sumamt\":\(sum)\(extra)}"
        }
        let messages = [
            message(
                "2401", "08:00:00",
                "{\"mdtrtinfo\":{\"psn_no\":\"P1\",\"insutype\":\"310\",\"begntime\":\"2024-03-01 08:00:00\",\"med_type\":\"21\"},\"diseinfo\":[{\"diag_type\":\"1\",\"diag_srt_no\":1,\"diag_code\":\"I10.x00\"}]}",
                "{\"result\":{\"mdtrt_id\":\"M1\"}}"),
            message("2301", "09:00:00", "{\"feedetail\":[\(fee(1, "10.50")),\(fee(2, "20"))]}"),
            message("2301", "09:30:00", "{\"feedetail\":\(fee(3, "30"))}"),
            message("2302", "10:00:00", "{\"data\":[{\"feedetl_sn\":\"2\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}]}"),
            message("2301", "11:00:00", "{\"feedetail\":[\(fee(1, "12.00"))]}"),
            message(
                "2402", "12:00:00",
                "\"{\\\"dscginfo\\\":{\\\"mdtrt_id\\\":\\\"M1\\\",\\\"psn_no\\\":\\\"P1\\\",\\\"endtime\\\":\\\"2024-03-05 10:00:00\\\",\\\"dscg_dept_codg\\\":\\\"D9\\\"}}\""
            ),
            message("2405", "13:00:00", "{\"data\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}"),
            message(
                "2304", "14:00:00", "{\"data\":{\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}",
                "{\"setlinfo\":{\"setl_id\":\"S1\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\",\"gend\":\"2\",\"medfee_sumamt\":\"42.00\",\"hifp_pay\":30}}"
            ),
            message(
                "2305", "15:00:00", "{\"data\":{\"setl_id\":\"S1\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"}}",
                "{\"setlinfo\":{\"setl_id\":\"S2\",\"mdtrt_id\":\"M1\",\"medfee_sumamt\":\"-42.00\",\"hifp_pay\":-30}}"),
            message(
                "2401", "16:00:00",
                "{\"mdtrtinfo\":{\"psn_no\":\"P1\",\"begntime\":\"2024-03-01 16:00:00\",\"med_type\":\"21\"}}",
                "{\"result\":{\"mdtrt_id\":\"M2\"}}"),
            message("2404", "17:00:00", "{\"data\":{\"mdtrt_id\":\"M2\",\"psn_no\":\"P1\"}}"),
        ]
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let mapping = try String(
            contentsOf: path.appendingPathComponent("mappings/national-messages.yaml"), encoding: .utf8)
        for order in [messages, messages.reversed()] {
            let ground = try Workbench()
            try ground.put("day.ndjson", order.joined())
            let report = try ground.run(mapping)
            let unbalanced = report.balances.filter { !$0.isBalanced }
            #expect(unbalanced.isEmpty)
            let encounters = try ground.rows("encounter")
            #expect(encounters.count == 1)
            #expect(
                encounters.first?["id"] == "M1" && encounters.first?["end_day"] == nil
                    && encounters.first?["department"] == "D9")
            #expect(
                try ground.rows("line").map { "\($0["id"] ?? "") \($0["amount"] ?? "")" } == ["M1-1 1200", "M1-3 3000"])
            let settlements = try ground.rows("settlement")
            #expect(settlements.map { $0["basic"] } == ["3000", "-3000"] && settlements.last?["reverses"] == "S1")
            #expect(try ground.rows("person").first?["sex"] == "F")
            #expect(try ground.rows("diagnosis").map { $0["code"] } == ["I10.x00"])
        }
        _ = bench
    }

    @Test func shippedMappingsAreSound() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        for name in ["bench", "synpuf", "provider-fraud", "national-tables", "national-messages"] {
            let (plan, diagnostics) = IngestPlan.load(
                mappingPath: root.appendingPathComponent("mappings/\(name).yaml").path)
            #expect(plan != nil && diagnostics.isEmpty, "\(name): \(diagnostics)")
        }
    }

    @Test func realDataBalances() throws {
        guard let shared = ProcessInfo.processInfo.environment["YIJIAN_SHARED_DATA"] else {
            print("skipped: YIJIAN_SHARED_DATA does not name the folder of shared data")
            return
        }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        for (name, lines) in [("synpuf", 38_160), ("provider-fraud", 0)] {
            let bench = try Workbench()
            let plan = try #require(
                IngestPlan.load(mappingPath: root.appendingPathComponent("mappings/\(name).yaml").path).plan)
            let report = try plan.run(sources: shared + "/" + name, into: bench.dataset)
            let faulty = report.balances.filter { !$0.isBalanced || $0.rejected > 0 }
            #expect(faulty.isEmpty)
            #expect((report.balance("line")?.kept ?? 0) == lines)
        }
    }
}
