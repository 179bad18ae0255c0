import Foundation
import Knowledge
import Reference
import Rules
import Testing

/// The benchmark's rules are content like any other: checked whole, with cases that say what they mean.
@Suite("The benchmark's knowledge package")
struct BenchmarkKnowledgeTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Benchmarks/knowledge").path

    @Test func isCheckedWithoutError() {
        let (plan, diagnostics) = PlanLoader.load(package: Self.folder)
        let errors = diagnostics.filter { $0.severity == .error }
        #expect(errors.isEmpty, "\(errors.map { "\($0)" }.joined(separator: "\n"))")
        #expect(plan?.rules.count == 30)
    }

    @Test("Every case of every rule holds in the reference interpreter")
    func casesHold() throws {
        let plan = try #require(PlanLoader.load(package: Self.folder).plan)
        var count = 0
        for rule in plan.rules {
            for example in rule.cases {
                count += 1
                let script = try #require(CaseScript.parse(example, plan: plan).script, "\(rule.id), \(example.title)")
                let found = ReferenceInterpreter(plan: plan, rule: rule, example: script.tables).findings()
                let problems = script.mismatches(found.map(\.summary))
                #expect(problems.isEmpty, "\(rule.id), \(example.title): \(problems.joined(separator: "; "))")
            }
        }
        #expect(count == 90)
    }
}
