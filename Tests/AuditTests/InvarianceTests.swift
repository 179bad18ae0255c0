import Audit
import Claims
import Foundation
import Reference
import Rules
import Synchronization
import Testing

/// What must not change the findings' bytes: threads, cuts of the data, their order, the host's zone.
@Suite(.serialized) struct InvarianceTests {
    private struct Way {
        var threads = 2
        var segments = 1
        var personsPerBlock = 2
    }

    private func bytes(_ data: ReferenceData, _ plan: Plan, _ way: Way, isGeneral: Bool = false) throws -> Data {
        try Scratch.withFolder { folder in
            let dataset = try DatasetMaker.write(
                data, to: folder + "/dataset", segments: way.segments, personsPerBlock: way.personsPerBlock)
            var options = AuditOptions()
            options.undeterminedRows = true
            options.threads = way.threads
            options.generalPathOnly = isGeneral
            _ = try AuditRun.run(dataset: dataset, plan: plan, into: folder + "/run", options: options)
            return try Data(contentsOf: URL(filePath: folder + "/run/findings.arrow"))
        }
    }

    private func world(_ seed: UInt64) throws -> (data: ReferenceData, plan: Plan) {
        var settings = RandomClaims.Settings()
        settings.persons = 14
        settings.unknownPercent = 3
        return (RandomClaims.make(seed: seed, settings), try Scratch.plan(RandomRules.package(seed: seed, rules: 30)))
    }

    @Test func threadsSegmentsAndChunksDoNotMatter() throws {
        for seed in [21, 22] as [UInt64] {
            let (data, plan) = try world(seed)
            let expected = try bytes(data, plan, Way(threads: 1))
            #expect(expected.count > 4_000)
            for way in [
                Way(threads: 2), Way(threads: 3), Way(threads: 3, personsPerBlock: 1), Way(personsPerBlock: 5),
                Way(personsPerBlock: 100), Way(segments: 3), Way(threads: 3, segments: 12, personsPerBlock: 3),
            ] {
                let other = try bytes(data, plan, way)
                #expect(other == expected, "seed \(seed), \(way)")
            }
        }
    }

    /// Stopped at every chunk in turn, and once again on the way, a run ends with the bytes of one that never stopped,
    /// and does not audit again what it had audited.
    @Test func aStoppedRunGoesOnWhereItWas() throws {
        let (data, plan) = try world(25)
        try Scratch.withFolder { folder in
            let dataset = try DatasetMaker.write(data, to: folder + "/dataset", segments: 1, personsPerBlock: 2)
            var options = AuditOptions()
            options.undeterminedRows = true
            options.findingsPerBatch = 16
            func audit(_ run: String, stopAfter calls: Int = .max) throws -> (
                findings: Data, coverage: Data, lines: Int
            ) {
                let seen = Mutex<(calls: Int, firstLines: Int)>((0, -1))
                _ = try AuditRun.run(dataset: dataset, plan: plan, into: run, options: options) { progress in
                    seen.withLock { seen in
                        seen.calls += 1
                        if seen.firstLines < 0 { seen.firstLines = progress.linesDone }
                        return seen.calls <= calls
                    }
                }
                func file(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: run + "/" + name)) }
                return (try file("findings.arrow"), try file("coverage.json"), seen.withLock { $0.firstLines })
            }
            let expected = try audit(folder + "/whole")
            var goneOn = 0
            for calls in 0..<7 {
                let run = folder + "/run-\(calls)"
                for _ in 0..<2 {
                    do {
                        _ = try audit(run, stopAfter: calls)
                        Issue.record("the run was not stopped")
                    } catch let stopped as AuditCancelled {
                        #expect(stopped.shareDone > 0)
                    }
                    #expect(!FileManager.default.fileExists(atPath: run + "/findings.arrow"))
                }
                options.threads = 1 + calls % 3
                let ended = try audit(run)
                #expect(ended.findings == expected.findings && ended.coverage == expected.coverage)
                if ended.lines > expected.lines { goneOn += 1 }
                #expect(try FileManager.default.contentsOfDirectory(atPath: run).count == 3)
            }
            // Chunks end in any order: after an early stop the first count may be as small as that of a fresh run.
            #expect(goneOn >= 4)

            // Checkpoints on the way change nothing; with them, a stop in the pass across persons loses no timeline.
            options.checkpointSeconds = 0
            #expect(try audit(folder + "/often").findings == expected.findings)
            #expect(throws: AuditCancelled.self) { try audit(folder + "/across", stopAfter: 8) }
            let across = try audit(folder + "/across")
            #expect(across.findings == expected.findings && across.coverage == expected.coverage)

            // What lies there is believed only while it is whole and of an equal run.
            for damage in ["findings", "rest", "state"] {
                let run = folder + "/damaged-" + damage
                #expect(throws: AuditCancelled.self) { try audit(run, stopAfter: 3) }
                let names = try FileManager.default.contentsOfDirectory(atPath: run + "/unfinished")
                let name = try #require(
                    names.first {
                        damage == "findings" ? !$0.contains("rest") && $0 != "state.json" : $0.contains(damage)
                    })
                let path = run + "/unfinished/" + name
                var bytes = try Data(contentsOf: URL(filePath: path))
                // In the state: another next chunk, which is still a number of one.
                let named = damage == "state" ? bytes.range(of: Data("\"nextChunk\":".utf8))?.upperBound : nil
                bytes[named ?? bytes.count / 2] ^= 1
                try bytes.write(to: URL(filePath: path))
                #expect(try audit(run).findings == expected.findings, "damaged \(damage)")
            }
            #expect(throws: AuditCancelled.self) { try audit(folder + "/other", stopAfter: 3) }
            options.undeterminedRows = false
            let fewer = try audit(folder + "/fewer")
            #expect(fewer.findings != expected.findings)
            #expect(try audit(folder + "/other").findings == fewer.findings)
        }
    }

    @Test func orderOfDeliveryDoesNotMatter() throws {
        let (data, plan) = try world(23)
        let expected = try bytes(data, plan, Way())
        #expect(try bytes(data.shuffled(seed: 7), plan, Way(segments: 2)) == expected)
        #expect(try bytes(data.shuffled(seed: 8), plan, Way(personsPerBlock: 4)) == expected)
    }

    @Test func theZoneOfTheHostDoesNotMatter() throws {
        let (data, plan) = try world(24)
        let before = ProcessInfo.processInfo.environment["TZ"]
        defer {
            if let before { setenv("TZ", before, 1) } else { unsetenv("TZ") }
            tzset()
        }
        var found: Set<Data> = []
        for zone in ["UTC", "Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati"] {
            setenv("TZ", zone, 1)
            tzset()
            found.insert(try bytes(data, plan, Way()))
        }
        #expect(found.count == 1)
    }

    /// Amounts and quantities at the limits of 64 bits: no trap, and sieves and evaluator still agree.
    @Test func extremeValuesDoNotTrap() throws {
        let limits = [Int64.max, Int64.max - 1, Int64.min, Int64.min + 1, 0, 1, 999_999_999_999_999_999]
        for seed in 31...36 as ClosedRange<UInt64> {
            var (data, plan) = try world(seed)
            var random = Seeded(seed)
            for table in [Table.line, .settlement, .stock] {
                for row in (data.rows[table] ?? []).indices {
                    for (index, field) in table.fields.enumerated() {
                        guard case .decimal = field.kind, random.chance(30) else { continue }
                        data.rows[table]?[row].values[index] = .number(random.pick(limits))
                    }
                }
            }
            let expected = try bytes(data, plan, Way(), isGeneral: true)
            #expect(try bytes(data, plan, Way(threads: 3, personsPerBlock: 3)) == expected, "seed \(seed)")
        }
    }
}

extension ReferenceData {
    /// The same claims with the rows of every table in another order.
    fileprivate func shuffled(seed: UInt64) -> ReferenceData {
        var random = Seeded(seed)
        var orders: [Table: [Int]] = [:]
        for table in Table.allCases { orders[table] = (rows[table] ?? []).indices.shuffled(using: &random) }
        var copy = self
        for (table, order) in orders {
            copy.rows[table] = order.map { old in
                var row = (rows[table] ?? [])[old]
                for (index, value) in row.values.enumerated() {
                    guard case .row(let position) = value, case .row(let target) = table.fields[index].kind else {
                        continue
                    }
                    row.values[index] = orders[target]?.firstIndex(of: position).map { .row($0) }
                }
                return row
            }
        }
        return copy
    }
}
