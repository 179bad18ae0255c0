import Foundation
import Knowledge
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
}
