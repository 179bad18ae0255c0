import Foundation
import Knowledge
import Rules

/// Folders of expectations, and small packages written for one test.
enum Golden {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Golden").path

    /// Whether expectations are rewritten instead of compared.
    static let rewrites = ProcessInfo.processInfo.environment["YIJIAN_GOLDEN"] == "rewrite"

    /// Writes the files to a new folder, lets the body use it, and removes it.
    static func withFolder<Result>(
        _ files: [(path: String, text: String)], _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("yijian-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in files {
            let file = folder.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return try body(folder.path)
    }
}

/// A rule file with everything that a rule needs, some of it replaced.
enum Sample {
    static let package = (path: "package.yaml", text: "name: sample\nversion: '1'\n")

    static let capDeclaration = (
        path: "lists/cap.yaml",
        text: "list: cap\nname: 限量\ncolumns: { item: item code, limit: decimal(4) }\nkeys: [item]\n"
    )

    static let capRows = (path: "lists/cap.csv", text: "item,limit\nA,2\nB,1.5\n")

    static func rule(
        _ id: String = "S1", unit: String = "line", list: String? = "cap = cap(item = item)", filter: String? = nil,
        when: String = "SUM(quantity) OVER (SAME person, item, day) > cap.limit", more: String = ""
    ) -> (path: String, text: String) {
        var text = "rule: \(id)\nname: 示例\ncategory: policy\noutcome: violation\ngrade: 2\nunit: \(unit)\n"
        if let list { text += "list: \(list)\n" }
        if let filter { text += "where: |\n  \(filter)\n" }
        text += "when: |\n  \(when)\n\(more)basis: [ 条例 ]\nmessage: 示例。\n"
        return ("rules/\(id).yaml", text)
    }

    /// Loads one rule as a draft.
    static func load(
        unit: String = "line", list: String? = "cap = cap(item = item)", filter: String? = nil, when: String,
        more: String = ""
    ) throws -> (rule: Rule?, diagnostics: [Diagnostic]) {
        let file = rule(unit: unit, list: list, filter: filter, when: when, more: more)
        return try Golden.withFolder([package, capDeclaration, capRows, file]) { folder in
            let (plan, diagnostics) = PlanLoader.load(package: folder, demand: .runnable)
            return (plan?.rules.first, diagnostics.filter { $0.code != "RUL027" })
        }
    }
}
