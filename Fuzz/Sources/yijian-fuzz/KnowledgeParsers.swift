import Foundation
import Knowledge
import Rules

/// What experts write: YAML, rules, lists, cases. Every input gives a value or diagnostics with a place.
let knowledgeParsers = [
    FuzzedParser("yaml") { bytes in
        let (document, diagnostics) = YamlDocument.read(Array(bytes), file: "input.yaml")
        precondition(document != nil || !diagnostics.isEmpty, "refused without a word")
    },
    FuzzedParser("rule") { bytes in
        load(bytes, into: "rules/bench.R01.yaml")
    },
    FuzzedParser("list") { bytes in
        load(bytes, into: "lists/limits.csv")
    },
    FuzzedParser("case") { bytes in
        // The part before the first form feed is the world, the rest what must be found in it.
        let parts = bytes.split(separator: 0x0C, maxSplits: 1, omittingEmptySubsequences: false)
        let texts = parts.map { String(decoding: $0, as: UTF8.self) }
        let (script, diagnostics) = CaseScript.parse(
            given: texts[0], expect: texts.count > 1 ? texts[1] : "none", lists: [:])
        precondition(script != nil || !diagnostics.isEmpty, "refused without a word")
        _ = script?.mismatches([])
    },
]

private func load(_ bytes: UnsafeRawBufferPointer, into file: String) {
    guard let folder = package else { return }
    guard (try? Data(bytes).write(to: folder.appendingPathComponent(file))) != nil else { return }
    let (plan, diagnostics) = PlanLoader.load(package: folder.path)
    precondition(plan != nil || !diagnostics.isEmpty, "refused without a word")
}

/// A small package in memory; each input replaces one of its files.
private let package: URL? = {
    let files = [
        "package.yaml": "name: fuzz\nversion: 1.0.0\n",
        "lists/limits.yaml": """
        list: limits
        name: limits
        columns: { item: item code, prefix: diagnosis prefix, limit: decimal(4), least: integer, until: day }
        keys: [item]
        select: { area: care, date: fee }
        source: none
        basis: none

        """,
        "lists/limits.csv": "item,prefix,limit,least,until,from,to,area\nA,E11,2.5,1,2025-12-31,2025-01-01,,370000\n",
        "rules/fuzz.yaml": """
        rule: fuzz
        name: fuzz
        category: policy
        outcome: violation
        grade: 2
        disposition: { after: review }
        from: 2000-01-01
        unit: line
        list: cap = limits(item = item)
        when: SUM(quantity) OVER (SAME person, item DAYS -6..0) > cap.limit
        basis: ["none"]
        message: none
        cases: []

        """,
    ]
    return Scratch.folder("package", files)
}()

/// Folders of one process, in memory where the system has such a place.
enum Scratch {
    static func folder(_ name: String, _ files: [String: String]) -> URL? {
        let memory = URL(fileURLWithPath: "/dev/shm")
        let base =
            FileManager.default.isWritableFile(atPath: memory.path) ? memory : FileManager.default.temporaryDirectory
        let folder = base.appendingPathComponent("yijian-fuzz-\(ProcessInfo.processInfo.processIdentifier)-\(name)")
        for (path, text) in files {
            let file = folder.appendingPathComponent(path)
            try? FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            guard (try? text.write(to: file, atomically: false, encoding: .utf8)) != nil else { return nil }
        }
        return folder
    }
}
