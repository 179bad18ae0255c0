import Foundation
import Testing

/// Going on from an earlier run (增量审核): what changed since, in claims, in master data, in rules and lists, is looked at again.
@Suite struct SinceTests {
    private let folder: String
    private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    init() throws {
        folder = temporaryPath("since")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func put(_ delivery: String, _ files: [String: [String]]) throws {
        let place = folder + "/" + delivery
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        for (name, lines) in files {
            try (lines.joined(separator: "\n") + "\n").write(
                toFile: "\(place)/\(name).csv", atomically: false, encoding: .utf8)
        }
    }

    private let visitHead = "mdtrt_id,psn_no,fixmedins_code,med_type,begntime,endtime,gend,brdy,updt_time"
    private let lineHead = "bkkp_sn,mdtrt_id,fee_ocur_time,cnt,pric,det_item_fee_sumamt,hilist_code,updt_time"
    private let settlementHead = "setl_id,mdtrt_id,psn_no,setl_time,medfee_sumamt,hifp_pay,updt_time"
    private let houseHead = "fixmedins_code,fixmedins_name,fixmedins_type,hosp_lv,fix_blng_admdvs"

    private func claims(_ persons: ClosedRange<Int>) -> [String: [String]] {
        var files = ["mdtrt_d": [visitHead], "fee_list_d": [lineHead], "setl_d": [settlementHead]]
        for person in persons {
            let house = "H3799010000\(person)"
            files["mdtrt_d"]?.append(
                "V\(person),P\(person),\(house),11,2025-05-01 08:00:00,2025-05-01 12:00:00,1,1960-01-01,2025-06-01")
            files["fee_list_d"]?.append("1,V\(person),2025-05-01 09:00:00,1,20,20.00,001102000050000,2025-06-01")
        }
        return files
    }

    private func ingest(_ delivery: String) throws {
        let done = try CommandLineTests.yijian(
            "ingest", "--mapping", root + "/mappings/national-tables.yaml", "--into", folder + "/dataset",
            folder + "/" + delivery)
        #expect(done.status == 0, "\(done.error)")
    }

    private func audit(_ arguments: String...) throws -> Finished {
        try CommandLineTests.yijian(["audit", folder + "/dataset"] + arguments)
    }

    @Test func whatChangedIsLookedAtAgain() throws {
        let knowledge = folder + "/knowledge"
        try FileManager.default.copyItem(atPath: root + "/knowledge", toPath: knowledge)
        let houses = (1...4).map { "H3799010000\($0),示例\($0),1,4,379901" }
        try put("first", claims(1...3).merging(["institutions": [houseHead] + houses]) { $1 })
        try ingest("first")
        let first = try audit("--knowledge", knowledge, "--into", folder + "/run1")
        #expect(first.status == 0 && !first.output.contains("rules about one person looked at"))
        // Claims of one more person.
        try put("second", claims(4...4))
        try ingest("second")
        let second = try audit("--knowledge", knowledge, "--after", folder + "/run1", "--into", folder + "/run2")
        #expect(
            second.output.contains("looked at 1 persons of whom something new was said since generation 1\n"),
            "\(second)")
        // Nothing but master data: one hospital has another level, which its patients' bills depend on.
        let changed = [houseHead, "H37990100002,示例2,1,9,379901"]
        try put(
            "third",
            ["mdtrt_d": [visitHead], "fee_list_d": [lineHead], "setl_d": [settlementHead], "institutions": changed])
        try ingest("third")
        let third = try audit("--knowledge", knowledge, "--after", folder + "/run2", "--into", folder + "/run3")
        #expect(
            third.output.contains(
                "looked at 1 persons of whom something new was said since generation 2, or who name one of 1 changed codes"
            ),
            "\(third.output.prefix(600)) \(third.error)")
        // A list that changed, and a run that asked for less, make it whole again; a run that is not there is said.
        let list = knowledge + "/lists/sex-diagnosis.csv"
        let text = try String(contentsOfFile: list, encoding: .utf8)
        try (text + "Z99,M,试验\n").write(toFile: list, atomically: false, encoding: .utf8)
        let fourth = try audit("--knowledge", knowledge, "--after", folder + "/run3", "--into", folder + "/run4")
        #expect(
            fourth.error.contains("rules or lists are not those of") && !fourth.output.contains("looked at 1 persons"))
        let few = try audit("--knowledge", knowledge, "--rules", "M01", "--into", folder + "/run5")
        #expect(few.status == 0)
        #expect(
            try audit("--knowledge", knowledge, "--after", folder + "/run5", "--into", folder + "/run6").error.contains(
                "everybody is looked at"))
        #expect(
            try audit("--knowledge", knowledge, "--after", folder + "/none", "--into", folder + "/run7").error.contains(
                "YJ-361"))
    }
}
