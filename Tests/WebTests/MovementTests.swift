import Audit
import Claims
import Columns
import Foundation
import Reference
import Rules
import Testing

@testable import Web

/// Stock movements and trace codes (进销存、追溯码) that the service received give, once they are part of the dataset, the
/// findings of a batch over what is true in the end: however they were said, corrected, taken back, and absorbed.
@Suite struct MovementTests {
    private static let rules: Set<String> = ["T04", "T07", "T08", "T10", "M09", "M11", "M12"]

    @Test(arguments: [1, 2, 3] as [UInt64]) func findingsAreThoseOfABatch(_ seed: UInt64) throws {
        let ground = try Ground(coverage: "from: 2015-01-01, to: 2025-12-31, closedWorld: true")
        defer { ground.remove() }
        let shipped = try #require(Shipped.plan)
        let plan = Plan(
            rules: shipped.rules.filter { Self.rules.contains($0.id) }, lists: shipped.lists,
            packageName: shipped.packageName, packageVersion: shipped.packageVersion, packageHash: shipped.packageHash)
        try #require(plan.rules.count == Self.rules.count)
        let service = Rehearsal(plan: plan)
        var random = Seeded(seed)
        let trade = Trade(&random)
        for message in trade.messages.shuffledBy(&random) { service.take(message) }
        let count = UInt64(service.kept.count)
        let cuts = (0..<2).map { _ in UInt64(random.number(1...Int(count))) }.sorted()
        for cut in cuts { try ground.absorb(service.records, into: "pieces", until: cut) }
        try ground.absorb(service.records, into: "pieces")
        try ground.absorb(service.records, into: "whole")
        let truth = try CaseDataset.write(trade.truth, to: ground.path + "/truth")
        let expected = try findings(truth, plan, ground.path + "/run-truth")
        #expect(expected.contains { $0.hasPrefix("T04") } && expected.contains { $0.hasPrefix("M11") })
        #expect(try findings(ground.dataset("whole"), plan, ground.path + "/run-whole") == expected)
        #expect(try findings(ground.dataset("pieces"), plan, ground.path + "/run-pieces") == expected)
        // What stays with one trace code is told at once, and over every generation, as by a batch.
        let (own, rules) = try codeFindings(service, plan)
        #expect(rules.isSuperset(of: ["T04", "M11"]) && rules.isDisjoint(with: ["T08", "M09", "M12"]))
        let wanted = expected.filter { line in rules.contains { line.hasPrefix($0 + " ") } }
        #expect(own == wanted && !wanted.isEmpty)
        for name in ["pieces", "whole"] {
            for generation in 1...(try ground.dataset(name).generation) {
                let dataset = try ground.dataset(name, generation)
                service.care.histories.adopt(.init(dataset, service.records, try DatasetTimelines(dataset)))
                #expect(try codeFindings(service, plan).lines == wanted, "over generation \(generation) of \(name)")
            }
        }
        print("movements, seed \(seed): \(count) messages, \(expected.count) findings, cut at \(cuts)")
    }

    private func codeFindings(_ service: Rehearsal, _ plan: Plan) throws -> (lines: [String], rules: Set<String>) {
        let rows = try service.care.histories.scans(of: Set((1...12).map { "T\($0)" }))
        let coverage = CaseTables.Coverage(from: Day("2015-01-01"), to: Day("2025-12-31"), closed: true)
        let audit = TraceAudit(plan: plan, masters: [:])
        let found = audit.ask(rows, written: Set(rows.map(\.id)), coverage: coverage)
        return (found.map { Self.line($0.record) }.sorted(), audit.ruleIdentifiers)
    }

    private static func line(_ record: FindingsRecord) -> String {
        let rows = record.violating + record.involvedRows.map(\.id)
        return "\(record.rule) \(record.id) \(record.outcome) \(rows.joined(separator: ","))"
    }

    private func findings(_ dataset: Dataset, _ plan: Plan, _ folder: String) throws -> [String] {
        var options = AuditOptions()
        options.undeterminedRows = true
        _ = try AuditRun.run(dataset: dataset, plan: plan, into: folder, options: options)
        var found: [String] = []
        try FindingsFile(path: folder + "/findings.arrow").visit { record in
            found.append(Self.line(record))
            return true
        }
        return found.sorted()
    }
}

/// Two pharmacies and a hospital that sell, take back, mistype and delete.
private struct Trade {
    private(set) var messages: [[String: Any]] = []
    private(set) var truth = CaseTables()
    private var number = 0

    init(_ random: inout Seeded) {
        truth.coverage = .init(from: Day("2015-01-01"), to: Day("2025-12-31"), closed: true)
        truth.absent = Set(Table.allCases.filter { $0.role == .master }).union([.prescription, .entitlement])
        for table in [Table.person, .encounter, .line, .diagnosis, .operation, .settlement, .stock, .scan] {
            truth.rows[table] = []
        }
        for place in 0..<40 {
            let house = random.pick(["P1", "P2", "H1"])
            let traces = (0..<random.number(1...2)).map { _ in "T\(random.number(1...12))" }
            let isReturn = random.chance(20)
            let movement = Movement(
                house: house, number: "B\(place)", item: random.pick(["X1", "X2"]),
                traces: Array(Set(traces)).sorted(), day: "2025-09-\(10 + place / 2)", second: 600 * (place % 2 + 1),
                count: random.number(1...5), isReturn: isReturn, isSplit: random.chance(10))
            if random.chance(25) {
                var wrong = movement
                wrong.count = 9
                say(wrong.infno, house, ["selinfo": wrong.input])
            }
            if !isReturn, random.chance(15) {
                say(movement.infno, house, ["selinfo": movement.input])
                say("3507", house, ["data": ["fixmedins_bchno": movement.number, "inv_data_type": "4"]])
                continue
            }
            say(movement.infno, house, ["selinfo": movement.input])
            movement.add(to: &truth)
        }
    }

    private mutating func say(_ infno: String, _ house: String, _ input: [String: Any]) {
        number += 1
        messages.append([
            "infno": infno, "msgid": "S\(number)", "fixmedins_code": house, "input": input,
            "inf_time": "2025-11-01 1\(number / 60):\(number % 60 < 10 ? "0" : "")\(number % 60):00",
        ])
    }
}

private struct Movement {
    let house: String
    let number: String
    let item: String
    let traces: [String]
    let day: String
    let second: Int
    var count: Int
    let isReturn: Bool
    let isSplit: Bool

    var infno: String { isReturn ? "3506" : "3505" }

    private var time: String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(day) \(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }

    var input: [String: Any] {
        [
            "med_list_codg": item, "fixmedins_bchno": number, "sel_retn_time": time, "sel_retn_cnt": "\(count)",
            "psn_no": "", "trdn_flag": isSplit ? "1" : "0",
            "drugtracinfo": traces.map { ["drug_trac_codg": $0] },
        ]
    }

    func add(to truth: inout CaseTables) {
        func row(_ table: Table, _ id: String, _ values: [String: CaseValue]) {
            var known: [Int: CaseValue] = [:]
            for (name, value) in values { if let place = table.index(of: name) { known[place] = value } }
            truth.rows[table, default: []].append(CaseRow(id: id, values: known))
        }
        guard let day = Day(day) else { return }
        let shared: [String: CaseValue] = ["institution": .text(house), "item": .text(item), "day": .day(day.number)]
        row(
            .stock, "\(house)|\(number)|\(infno)",
            shared.merging([
                "kind": .text(isReturn ? "sale-return" : "sale"), "quantity": .number(Int64(count) * 10_000),
            ]) { $1 })
        for trace in traces {
            row(
                .scan, "\(house)|\(number)|\(trace)|\(infno)",
                shared.merging([
                    "trace": .text(trace), "second": .second(Int32(second)),
                    "kind": .text(isReturn ? "return" : "sale"), "split": .flag(isSplit),
                ]) { $1 })
        }
    }
}

extension Array {
    fileprivate func shuffledBy(_ random: inout Seeded) -> Array {
        var copy = self
        for index in copy.indices.reversed() where index > 0 { copy.swapAt(index, random.number(0...index)) }
        return copy
    }
}
