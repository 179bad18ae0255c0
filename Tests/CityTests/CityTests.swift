import City
import Columns
import Foundation
import Testing

@Suite struct CityTests {
    @Test func equalPlansGiveEqualBytes() throws {
        let one = try CityFolder(seed: 7)
        let two = try CityFolder(seed: 7)
        #expect(one.summary == two.summary)
        for file in one.summary.files { #expect(try one.bytes(file.name) == two.bytes(file.name), "\(file.name)") }
        let other = try CityFolder(seed: 8)
        #expect(try one.bytes("fee_list_d.csv") != other.bytes("fee_list_d.csv"))
    }

    /// Any change of the city's bytes shows here; when it is meant, print the new hash and say so in the commit.
    @Test func theSmallCityOfSeedOneIsTheSameEverywhere() throws {
        let city = try CityFolder(seed: 1, persons: 500)
        var bytes: [UInt8] = []
        for file in city.summary.files { bytes += try city.bytes(file.name) }
        #expect(SHA256.hex(of: bytes) == "18131a4cb63aed146ccea02d1010c17c83244b40416dcefd6ae339b36db59ebc")
    }

    @Test func settlementsAddUp() throws {
        let city = try CityFolder()
        var lines: [String: (amount: Int, scope: Int)] = [:]
        for line in try city.rows("fee_list_d.csv") {
            let amount = try #require(line["det_item_fee_sumamt"]?.scaled(2))
            let scope = try #require(line["inscp_amt"]?.scaled(2))
            #expect(abs(scope) <= abs(amount))
            if let settlement = line["setl_id"], !settlement.isEmpty {
                lines[settlement, default: (0, 0)].amount += amount
                lines[settlement, default: (0, 0)].scope += scope
            }
        }
        let settlements = try city.rows("setl_d.csv")
        #expect(!settlements.isEmpty)
        for settlement in settlements {
            func money(_ column: String) throws -> Int { try #require(settlement[column]?.scaled(2)) }
            let funds =
                try money("hifp_pay") + money("cvlserv_pay") + money("hifmi_pay") + money("maf_pay")
                + money("othfund_pay")
            #expect(try funds == money("fund_pay_sumamt"))
            #expect(try funds + money("acct_pay") + money("cash_payamt") == money("medfee_sumamt"))
            let id = try #require(settlement["setl_id"])
            #expect(try lines[id]?.amount == money("medfee_sumamt"))
            #expect(try lines[id]?.scope == money("inscp_amt"))
        }
    }

    @Test func backgroundAmountsAreProducts() throws {
        let city = try CityFolder()
        let planted = try plantedKeys(city, rules: ["P23-amount"])
        for line in try city.rows("fee_list_d.csv") {
            let quantity = try #require(line["cnt"]?.scaled(2))
            let price = try #require(line["pric"]?.scaled(4))
            let amount = try #require(line["det_item_fee_sumamt"]?.scaled(2))
            let product = (abs(quantity) * price + 5000) / 10_000 * quantity.signum()
            let id = try #require(line["bkkp_sn"])
            #expect((product == amount) != planted.contains(id), "line \(id)")
        }
    }

    @Test func linesLieInsideTheirStay() throws {
        let city = try CityFolder(seed: 3)
        let planted = try plantedKeys(city, rules: ["M07"], expected: "hit")
        var spans: [String: (from: Substring, to: Substring)] = [:]
        for stay in try city.rows("mdtrt_d.csv") where stay["med_type"] == "21" {
            let end = stay["endtime"] ?? ""
            spans[stay["mdtrt_id"] ?? ""] = (
                (stay["begntime"] ?? "").prefix(10), end.isEmpty ? "2025-12-31" : end.prefix(10)
            )
        }
        #expect(spans.count > 20)
        for line in try city.rows("fee_list_d.csv") {
            guard let span = spans[line["mdtrt_id"] ?? ""] else { continue }
            let day = (line["fee_ocur_time"] ?? "").prefix(10)
            let isInside = span.from <= day && day <= span.to
            #expect(isInside != planted.contains(line["bkkp_sn"] ?? ""), "line \(line["bkkp_sn"] ?? "")")
        }
    }

    @Test func refundsNameALineOfTheSameVisit() throws {
        let city = try CityFolder(seed: 5, persons: 2000)
        var visits: [String: String] = [:]
        var refunds = 0
        for line in try city.rows("fee_list_d.csv") {
            let id = try #require(line["bkkp_sn"])
            let visit = try #require(line["mdtrt_id"])
            if let original = line["init_feedetl_sn"], !original.isEmpty {
                refunds += 1
                #expect(visits[original] == visit)
                #expect(line["cnt"]?.hasPrefix("-") == true)
            }
            visits[id] = visit
        }
        #expect(refunds > 5)
    }

    @Test func everyStoryHasHitsAndNearMisses() throws {
        let city = try CityFolder()
        var hits: Set<String> = []
        var nearMisses: Set<String> = []
        for row in try city.rows("truth.csv") {
            let rule = try #require(row["rule"])
            if row["expected"] == "hit" { hits.insert(rule) } else { nearMisses.insert(rule) }
            #expect(row["keys"]?.isEmpty == false)
        }
        #expect(hits == nearMisses)
        #expect(hits.count == 34)
        #expect(city.summary.plantedHits + city.summary.plantedNearMisses == city.summary.rows(of: "truth.csv"))
    }

    @Test(arguments: [(1, 2024), (2, 2026), (3, 2001), (4, 2098)])
    func otherYearsCanBeMade(seed: UInt64, year: Int) throws {
        let city = try CityFolder(seed: seed, persons: 500, year: year)
        #expect(city.summary.rows(of: "fee_list_d.csv") > 5000)
    }

    @Test func absurdPlansAreRefused() {
        #expect(throws: CityError.persons(3)) { try CityPlan(persons: 3) }
        #expect(throws: CityError.year(0)) { try CityPlan(year: 0) }
        let missing = "/nonexistent/folder"
        #expect(throws: CityError.self) { try City.generate(try CityPlan(persons: 500), into: missing) }
    }

    /// A full disk is told at the end, not lost: `/dev/full` refuses every write.
    @Test func fullDiskIsAnError() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("city-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard FileManager.default.fileExists(atPath: "/dev/full") else {
            print("skipped: there is no /dev/full here")
            return
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/fee_list_d.csv", withDestinationPath: "/dev/full")
        #expect(throws: CityError.self) { try City.generate(try CityPlan(persons: 500), into: folder) }
    }

    private func plantedKeys(_ city: CityFolder, rules: Set<String>, expected: String? = nil) throws -> Set<String> {
        var keys: Set<String> = []
        for row in try city.rows("truth.csv") where rules.contains(row["rule"] ?? "") {
            if let expected, row["expected"] != expected { continue }
            for key in (row["keys"] ?? "").split(separator: ";") { keys.insert(String(key)) }
        }
        return keys
    }
}
