import Foundation
import Knowledge

/// How many rows a rule may look at for one unit, at each stage (各环节开销上限).
///
/// A package sets its own in `package.yaml`: `budget: { before: 100000 }`.
package struct StageBudget: Sendable {
    package static let stages = ["before", "during", "after"]

    /// Rows. Before the fact a doctor waits; after it, nobody does.
    package var rows: [String: Int] = ["before": 200_000, "during": 500_000, "after": 50_000_000]

    package init() {}

    /// The package's own figures, where package.yaml has them.
    package static func read(_ folder: String) -> StageBudget {
        var budget = StageBudget()
        let bytes = FileManager.default.contents(atPath: folder + "/package.yaml").map { [UInt8]($0) } ?? []
        let root = YamlDocument.read(bytes, file: "package.yaml").document?.root
        for (stage, rows) in root?["budget"]?.pairs ?? [] {
            if let name = stage.string, stages.contains(name), let most = rows.string.flatMap({ Int($0) }), most > 0 {
                budget.rows[name] = most
            }
        }
        return budget
    }
}
