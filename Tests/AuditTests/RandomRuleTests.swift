import Claims
import Foundation
import Reference
import Rules
import Testing

/// Random rules over random claims: what must hold of the interpreter whatever the rule says.
@Suite struct RandomRuleTests {
    /// Every rule that the generator writes is legal, and every one of them runs.
    @Test func randomRulesAreLegalAndSpeak() throws {
        var undetermined = 0
        var convicted = 0
        let clock = ContinuousClock()
        var time = Duration.zero
        for seed in 1...10 as ClosedRange<UInt64> {
            let plan = try Scratch.plan(RandomRules.package(seed: seed, rules: 40))
            #expect(plan.rules.count == 40)
            var settings = RandomClaims.Settings()
            settings.closedWorld = seed % 2 == 0
            let data = RandomClaims.make(seed: seed, settings)
            time += clock.measure {
                let findings = ReferenceInterpreter(plan: plan, data: data).findings()
                undetermined += findings.count { $0.outcome == .undetermined }
                convicted += findings.count { $0.outcome != .undetermined }
            }
        }
        #expect(undetermined > 100)
        #expect(convicted > 100)
        print("random rules: \(convicted) findings, \(undetermined) undetermined, \(time)")
    }

    /// The order in which rows are delivered, and their script, change nothing.
    @Test func orderAndScriptDoNotMatter() throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            let plan = try Scratch.plan(RandomRules.package(seed: seed + 100, rules: 25))
            let data = RandomClaims.make(seed: seed)
            let expected = ReferenceInterpreter(plan: plan, data: data).findings()
            let shuffled = data.reversed
            #expect(ReferenceInterpreter(plan: plan, data: shuffled).findings() == expected)
            let (script, problems) = CaseScript.parse(given: data.script, expect: "none", lists: [:])
            #expect(problems.isEmpty)
            if let script {
                #expect(ReferenceInterpreter(plan: plan, data: ReferenceData(script.tables)).findings() == expected)
            }
        }
    }

    /// A dataset gives back what was written, however it was cut.
    @Test func datasetsGiveBackWhatWasWritten() throws {
        for seed in 1...4 as ClosedRange<UInt64> {
            let plan = try Scratch.plan(RandomRules.package(seed: seed + 200, rules: 25))
            let data = RandomClaims.make(seed: seed)
            let expected = ReferenceInterpreter(plan: plan, data: data).findings()
            for (segments, persons) in [(1, 1), (1, 10), (3, 2)] {
                let findings = try Scratch.withFolder { folder in
                    let dataset = try DatasetMaker.write(
                        data, to: folder + "/dataset", segments: segments, personsPerBlock: persons)
                    return try ReferenceInterpreter(plan: plan, data: ReferenceData(reading: dataset)).findings()
                }
                #expect(findings == expected, "seed \(seed), \(segments) segments, \(persons) persons a block")
            }
        }
    }
}

enum Scratch {
    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "yijian-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.path())
    }

    /// The plan of a package given as texts; any complaint is a failure.
    static func plan(_ files: [String: String]) throws -> Plan {
        try withFolder { folder in
            for (path, text) in files {
                let file = URL(filePath: folder).appending(path: path)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
            let (plan, diagnostics) = PlanLoader.load(package: folder)
            let errors = diagnostics.filter { $0.severity == .error }
            for error in errors {
                Issue.record(
                    "\(error.file):\(error.line):\(error.column) \(error.code) \(error.message): \(files[error.file] ?? "")"
                )
            }
            return try #require(plan)
        }
    }
}

extension ReferenceData {
    /// The same claims with the rows of every table in reverse order.
    fileprivate var reversed: ReferenceData {
        var copy = self
        for (table, list) in rows {
            copy.rows[table] = list.reversed().map { row in
                var row = row
                for (index, value) in row.values.enumerated() {
                    guard case .row(let position) = value, case .row(let target) = table.fields[index].kind,
                        let count = rows[target]?.count
                    else { continue }
                    row.values[index] = .row(count - 1 - position)
                }
                return row
            }
        }
        return copy
    }
}
