import Claims
import Columns
import Foundation
import Knowledge
import Rules
import Testing
import Workshop

/// States, signatures, suppressions and releases: which version runs, and that a released one can always be had again.
struct LifeTests {
    private func rule(_ id: String, when: String) -> String {
        "rule: \(id)\nname: 示例\ncategory: policy\noutcome: violation\ngrade: 2\nunit: line\nwhen: \(when)\nbasis: [ 条例 ]\nmessage: 示例。\n"
    }

    private func digest(_ text: String) -> String { String(SHA256.hex(of: Array(text.utf8)).prefix(12)) }

    private func life(_ entries: [(String, String, String, String)]) -> String {
        "rule: S1\nhistory:\n"
            + entries.map { "  - { state: \($0.0), version: '\($0.1)', by: \($0.2), on: \($0.3) }\n" }.joined()
    }

    private func load(
        _ files: [(String, String)], version: PlanLoader.Version = .inForce, asOf: String? = nil
    ) throws -> (plan: Plan?, diagnostics: [Diagnostic]) {
        let folder = Sheets.scratch()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (path, text) in [("package.yaml", "name: s\nversion: '1'\n")] + files {
            let file = URL(fileURLWithPath: folder + "/" + path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let (plan, diagnostics) = PlanLoader.load(
            package: folder, demand: .runnable, version: version, asOf: asOf.flatMap { Day($0) })
        return (plan, diagnostics.filter { $0.code != "RUL027" })
    }

    @Test func statesDecideWhatRuns() throws {
        let old = rule("S1", when: "quantity > 1")
        let new = rule("S1", when: "quantity > 2")
        let (a, b) = (digest(old), digest(new))
        let released = [
            ("draft", a, "张三", "2026-01-01"), ("checked", a, "张三", "2026-01-02"), ("backtested", a, "张三", "2026-01-03"),
            ("shadow", a, "张三", "2026-01-04"), ("released", a, "李四", "2026-02-01"),
        ]
        let object = ("releases/objects/\(SHA256.hex(of: Array(old.utf8)))", old)
        func run(
            _ file: String, _ entries: [(String, String, String, String)], _ version: PlanLoader.Version = .inForce
        ) throws -> [String] {
            let (plan, diagnostics) = try load(
                [("rules/S1.yaml", file), ("rules/S1.life", life(entries)), object], version: version)
            #expect(diagnostics == [])
            return (plan?.rules ?? []).map { "\($0.id) \(ExpressionText.text($0.test))" }
        }
        // A history that has just begun: nothing is in force.
        #expect(try run(old, Array(released.prefix(3))) == [])
        #expect(try run(old, Array(released.prefix(4))) == ["S1~shadow quantity > 1"])
        #expect(try run(old, released) == ["S1 quantity > 1"])
        // The file was changed: it is a draft again, and what was released stays in force.
        #expect(try run(new, released) == ["S1 quantity > 1"])
        #expect(try run(new, released, .workingCopy) == ["S1 quantity > 2"])
        // Both side by side while the new one is in shadow.
        let next = [
            ("draft", b, "王五", "2026-03-01"), ("checked", b, "王五", "2026-03-01"), ("backtested", b, "王五", "2026-03-01"),
            ("shadow", b, "王五", "2026-03-02"),
        ]
        #expect(try run(new, released + next) == ["S1 quantity > 1", "S1~shadow quantity > 2"])
        #expect(try run(new, released + next + [("released", b, "李四", "2026-04-01")]) == ["S1 quantity > 2"])
        #expect(try run(old, released + [("retired", a, "李四", "2026-05-01")]) == [])
    }

    @Test func signaturesThatMayNotBeGiven() throws {
        let text = rule("S1", when: "quantity > 1")
        let version = digest(text)
        let steps = ["draft", "checked", "backtested", "shadow"].map { ($0, version, "张三", "2026-01-05") }
        for bad in [
            // The author releases; a step is left out; the day goes back; twice the same.
            steps + [("released", version, "张三", "2026-02-01")], [steps[0], steps[3]],
            steps + [("released", version, "李四", "2026-01-01")], [steps[0], steps[0]],
        ] {
            let (plan, diagnostics) = try load([("rules/S1.yaml", text), ("rules/S1.life", life(bad))])
            #expect(plan == nil && diagnostics.map(\.code) == ["RUL040"], "\(diagnostics)")
        }
        let lost = steps + [("released", version, "李四", "2026-02-01")]
        let (plan, diagnostics) = try load([("rules/S1.yaml", text + "# \n"), ("rules/S1.life", life(lost))])
        #expect(plan == nil && diagnostics.map(\.code) == ["RUL040"])
    }

    @Test func suppressionsNeedAReasonAndAnEnd() throws {
        let text = rule("S1", when: "quantity > 1")
        func run(_ suppression: String) throws -> (plan: Plan?, diagnostics: [Diagnostic]) {
            try load([("rules/S1.yaml", text), ("suppressions.yaml", "- { \(suppression) }\n")])
        }
        let whole = "rule: S1, institution: H1, item: A, from: 2026-01-01, to: 2026-06-30, reason: 复核中, by: 张三"
        let (plan, diagnostics) = try run(whole)
        #expect(diagnostics == [])
        let silent = try #require(plan?.rules.first)
        #expect(
            silent.filter.map { ExpressionText.text($0) }
                == "NOT (item = 'A' AND institution = 'H1' AND day <= DATE '2026-06-30' AND day >= DATE '2026-01-01')"
                || silent.filter.map { ExpressionText.text($0) }?.contains("institution = 'H1'") == true)
        let loud = try load([("rules/S1.yaml", text)]).plan?.rules.first
        #expect(loud?.version != silent.version)
        for bad in [
            whole.replacing(", reason: 复核中", with: ""), whole.replacing(", to: 2026-06-30", with: ""),
            whole.replacing("institution: H1, item: A, ", with: ""), whole.replacing("S1", with: "S2"),
            whole.replacing("2026-06-30", with: "2025-06-30"), whole.replacing(", by: 张三", with: ""),
        ] {
            let (none, problems) = try run(bad)
            #expect(
                none == nil && problems.count == 1 && problems[0].file == "suppressions.yaml", "\(bad): \(problems)")
        }
    }

    /// A release is laid out again from objects, whatever became of the files, with the same hash.
    @Test func releasesComeBackBitForBit() throws {
        let folder = Sheets.scratch()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ path: String, _ text: String) throws {
            let file = URL(fileURLWithPath: folder + "/" + path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        func release(_ day: String) throws {
            let package = try #require(KnowledgePackage.open(folder).package)
            for file in package.files {
                try write("releases/objects/\(file.digest)", String(decoding: file.bytes, as: UTF8.self))
            }
            try write(
                "releases/\(day).yaml",
                PackageRelease.text(
                    day: day, version: package.version, by: "李四", hash: package.hash, files: package.files))
        }
        func hash(_ day: String?) -> String? {
            PlanLoader.load(package: folder, demand: .runnable, asOf: day.flatMap { Day($0) }).plan?.packageHash
        }
        try write("package.yaml", "name: s\nversion: '1'\n")
        try write("lists/cap.yaml", "list: cap\nname: 限\ncolumns: { item: item code, limit: integer }\nkeys: [item]\n")
        try write("lists/cap.csv", "item,limit\nA,1\n")
        try write("rules/S1.yaml", rule("S1", when: "quantity > 1"))
        let first = hash(nil)
        try release("2026-01-01")
        try write("lists/cap.csv", "item,limit\nA,2\n")
        try write("rules/S2.yaml", rule("S2", when: "quantity > 3"))
        let second = hash(nil)
        try release("2026-03-01")
        try FileManager.default.removeItem(atPath: folder + "/rules/S1.yaml")
        #expect(first != second)
        #expect(hash("2026-02-28") == first && hash("2026-01-01") == first)
        #expect(hash("2026-03-01") == second && hash("2027-01-01") == second)
        let former = PlanLoader.load(package: folder, demand: .runnable, asOf: Day("2026-02-01")).plan
        #expect(former?.rules.map(\.id) == ["S1"])
        let early = PlanLoader.load(package: folder, demand: .runnable, asOf: Day("2025-12-31"))
        #expect(early.plan == nil && early.diagnostics.map(\.code) == ["KNO009"])
        // An object that was changed is no object.
        for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/releases/objects") {
            try write("releases/objects/" + name, "changed")
        }
        #expect(hash("2026-01-01") == nil)
    }
}
