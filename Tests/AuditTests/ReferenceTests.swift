import Foundation
import Reference
import Rules
import Testing

/// The meaning of the language, written down as small cases in `Tests/Golden/language`, and kept by the interpreter
/// that everything else is compared with.
@Suite struct ReferenceTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/language").path()

    @Test func everyCaseOfTheLanguageHolds() throws {
        let (loaded, diagnostics) = PlanLoader.load(package: Self.folder)
        #expect(
            diagnostics.filter { $0.severity == .error }.map { "\($0.file):\($0.line):\($0.column) \($0.message)" }
                == [])
        let plan = try #require(loaded)
        var count = 0
        for rule in plan.rules {
            for example in rule.cases {
                count += 1
                let script = try #require(CaseScript.parse(example, plan: plan).script, "\(rule.id), \(example.title)")
                let interpreter = ReferenceInterpreter(plan: plan, rule: rule, example: script.tables)
                let problems = script.mismatches(interpreter.findings().map(\.summary))
                #expect(problems.isEmpty, "\(rule.id), \(example.title): \(problems.joined(separator: "; "))")
            }
        }
        #expect(count >= 60)
        print("language cases: \(count)")
    }
}
