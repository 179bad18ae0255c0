import Columns
import Foundation
import Ledger
import Rules
import Testing

@testable import Web

/// What was received counts after a restart, and rules change while the service runs.
@Suite struct RestartTests {
    private let at = Moments()

    private func review(_ message: String) -> [String: Any] {
        let order: [String: Any] = [
            "rx_id": "now", "hilist_code": "001102000050000", "cnt": "1", "pric": "20", "sumamt": "20",
            "drord_begn_date": "2025-05-01 16:00:00", "curr_drord_flag": "1", "rxno": "R9",
        ]
        let visit: [String: Any] = [
            "mdtrt_id": "V1", "medins_id": "H1", "med_type": "21", "adm_date": "2025-05-01 08:00:00",
            "fsi_order_dtos": [order],
        ]
        let patient: [String: Any] = [
            "patn_id": "P1", "gend": "2", "brdy": "1960-02-01", "curr_mdtrt_id": "V1", "fsi_encounter_dtos": [visit],
        ]
        return [
            "infno": "3102", "msgid": message, "fixmedins_code": "H1",
            "input": ["data": ["patient_dtos": [patient]]],
        ]
    }

    private func rules(_ results: [[String: Any]]) -> [String] {
        results.compactMap { $0["rule_id"] as? String }.sorted()
    }

    private var charge: [String: Any] {
        var message = at.charges("09:00:00", nil, ["1": "1"])
        var line = ((message["input"] as? [String: Any])?["feedetail"] as? [[String: Any]])?.first ?? [:]
        // Charged for another order, so that it is history beside what is being written now.
        line["drord_no"] = "R0"
        message["input"] = ["feedetail": [line]]
        return message
    }

    @Test func whatWasReceivedCountsAfterARestart() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let plan = try #require(Shipped.plan)
        try KeyFile.generate(at: ground.path + "/keys")
        func open() throws -> (Rehearsal, Journal) {
            let journal = try Journal.open(ground.path + "/journal", keys: try KeyFile.read(ground.path + "/keys"))
            return (Rehearsal(plan: plan, keeper: JournalRecords(journal)), journal)
        }
        var (service, journal) = try open()
        let alone = rules(service.review(review("before").json))
        #expect(!alone.contains("P17-day"))
        service.take(charge)
        let expected = service.review(review("with").json)
        #expect(rules(expected).contains("P17-day"))
        let told = try Known(service.care.histories.history(of: "P1"))
        let identity = service.records.identity
        journal.close()

        (service, journal) = try open()
        defer { journal.close() }
        #expect(service.records.identity == identity)
        #expect(try Known(service.care.histories.history(of: "P1")) == told)
        let again = service.review(review("after").json)
        #expect(again.map { $0["jr_id"] as? String } == expected.map { $0["jr_id"] as? String })
        // Messages from before are still known: the same is answered again, other content is refused.
        let records = service.records.figures.appended
        service.take(charge)
        #expect(service.records.figures.appended == records)
        var other = charge
        other["msgid"] = "other"
        other["input"] = at.charges("09:00:00", nil, ["1": "7"])["input"]
        #expect((service.ask(other.json)["err_msg"] as? String)?.contains("WEB112") == true)
    }

    private let rule = """
        rule: X1
        name: 单日两次
        category: policy
        outcome: violation
        grade: 2
        disposition: { before: remind, during: remind }
        unit: line
        when: quantity >= 1
        basis: [ 热更新示例 ]
        message: 命中。
        cases:
          - hit: 有数量
            given: |
              person p1 sex=F birth=1960-02-01
              encounter e1 person=p1 setting=inpatient start=2025-03-01T09:00
              line l1 encounter=e1 item=A day=2025-03-01 quantity=1000 price=1 amount=1
            expect: |
              violation violating=l1
          - near miss: 退回
            given: |
              person p1 sex=F birth=1960-02-01
              encounter e1 person=p1 setting=inpatient start=2025-03-01T09:00
              line l1 encounter=e1 item=A day=2025-03-01 quantity=0 price=1 amount=1
            expect: none
          - undetermined: 数量未知
            given: |
              person p1 sex=F birth=1960-02-01
              encounter e1 person=p1 setting=inpatient start=2025-03-01T09:00
              line l1 encounter=e1 item=A day=2025-03-01 price=1 amount=1
            expect: |
              undetermined cause=line.quantity

        """

    @Test func rulesChangeWhileTheServiceRuns() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let package = ground.path + "/package"
        try FileManager.default.createDirectory(atPath: package + "/rules", withIntermediateDirectories: true)
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: URL(filePath: package + "/" + name))
        }
        try write("name: hot\nversion: \"1\"\n", "package.yaml")
        try write(rule.replacingOccurrences(of: ">= 1", with: ">= 100"), "rules/X1.yaml")
        let load: @Sendable () throws -> Plan = {
            let (plan, diagnostics) = PlanLoader.load(package: package)
            guard let plan, !diagnostics.contains(where: { $0.severity == .error }) else {
                throw Refused(description: diagnostics.map(\.description).joined(separator: "; "))
            }
            return plan
        }
        let counter = try Counter(
            settings: ServiceSettings(), plan: try load(), dataset: nil, keeper: VolatileRecords(), keys: GatewayKeys(),
            log: ServiceLog(level: .quiet), watching: package, reload: load)
        let desk = Desk(counter.care)
        var number = 0
        func found() -> Bool {
            number += 1
            let answers = Answers()
            desk.handle(
                Job(body: Array(review("m\(number)").json.utf8), head: MessageHead(), arrived: 0) {
                    answers.add($0.body)
                })
            return answers.texts.first?.contains("X1") == true
        }
        func figures(_ count: Figures.Count) -> Int { counter.care.figures.value(count) }
        var health: String {
            String(decoding: StatePages.answer("/health", counter.care, open: 0).0.body, as: UTF8.self)
        }
        #expect(!found())
        // A new rule counts without a restart, once its files have come to rest.
        try write(rule, "rules/X1.yaml")
        counter.look()
        #expect(!found())
        counter.look()
        #expect(found() && figures(.rulesReloaded) == 1)
        // A package with an error changes nothing, and the refusal is there to see.
        try write(rule + "when: nonsense(", "rules/X2.yaml")
        counter.look()
        counter.look()
        #expect(found() && figures(.rulesReloaded) == 1 && figures(.rulesRefused) == 1)
        #expect(health.contains("X2.yaml") && health.contains("\"status\":\"ok\""))
        counter.look()
        #expect(figures(.rulesRefused) == 1)
        // Mended, it is in force again.
        try FileManager.default.removeItem(atPath: package + "/rules/X2.yaml")
        try write(rule.replacingOccurrences(of: ">= 1", with: ">= 50"), "rules/X1.yaml")
        counter.look()
        counter.look()
        #expect(!found() && figures(.rulesReloaded) == 2 && health.contains("\"refused_rules\":null"))
    }

    @Test func aNewGenerationIsTakenIntoUse() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let records = VolatileRecords()
        let plan = try #require(Shipped.plan)
        let sender = Rehearsal(plan: plan, keeper: records)
        sender.take(
            at.message("2401", "08:00:00", ["mdtrtinfo": ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "21"]]), charge)
        var settings = ServiceSettings()
        settings.dataset = ground.path + "/dataset"
        let counter = try Counter(
            settings: settings, plan: plan, dataset: nil, keeper: records, keys: GatewayKeys(),
            log: ServiceLog(level: .quiet), watching: nil, reload: nil)
        let before = try Known(counter.care.histories.history(of: "P1"))
        #expect(counter.care.histories.generation == nil && before.ids(.line) == ["V1-1"])
        counter.look()
        try ground.absorb(records, into: "dataset")
        counter.look()
        #expect(counter.care.histories.generation == 1 && counter.care.figures.value(.datasetsAdopted) == 1)
        #expect(try Known(counter.care.histories.history(of: "P1")) == before)
    }
}

private struct Refused: Error, CustomStringConvertible { let description: String }
