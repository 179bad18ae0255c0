import Foundation
import Knowledge
import Rules
import Testing
import Workshop

/// Templates that load, a schema that knows what the reader knows, a reference of every rule.
struct AuthorTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test(arguments: RuleTemplate.allCases) func templatesLoadWithShippedLists(template: RuleTemplate) throws {
        let folder = Sheets.scratch()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/rules", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/lists", withDestinationPath: Self.root + "/knowledge/lists")
        try Data("name: t\nversion: '1'\n".utf8).write(to: URL(fileURLWithPath: folder + "/package.yaml"))
        try Data(template.text(id: "my-rule").utf8).write(to: URL(fileURLWithPath: folder + "/rules/my-rule.yaml"))
        let (plan, diagnostics) = PlanLoader.load(package: folder, rules: ["my-rule"])
        #expect(diagnostics == [])
        #expect(Set(plan?.rules.first?.cases.map(\.kind) ?? []).count == 3)
    }

    @Test func theSchemaKnowsWhatTheReaderKnows() throws {
        let object = try JSONSerialization.jsonObject(with: Data(RuleSchema.json.utf8)) as? [String: Any]
        let properties = try #require(object?["properties"] as? [String: Any])
        #expect(properties.count == RuleSchema.properties.count)
        // Every key of the schema is one of the reader's …
        for property in RuleSchema.properties {
            let text = "\(property.name): x\n"
            let (document, _) = YamlDocument.read(Array(text.utf8), file: "x.yaml")
            let codes = PlanLoader.check(try #require(document), bytes: Array(text.utf8)).map(\.code)
            #expect(!codes.contains("RUL026"), "\(property.name)")
            // … and what it demands, the reader demands.
            let without = PlanLoader.check(
                try #require(YamlDocument.read(Array("a: 1\n".utf8), file: "x.yaml").document), bytes: [])
            if property.isRequired, property.name != "basis", property.name != "cases" {
                #expect(
                    without.contains { $0.code == "RUL024" && $0.message.contains("`\(property.name)`") },
                    "\(property.name)")
            }
        }
        // … and every key and word of every shipped rule is in the schema.
        let (package, _) = KnowledgePackage.open(Self.root + "/knowledge")
        let files = try #require(package).files(.rule)
        #expect(files.count >= 35)
        for file in files {
            let root = try #require(YamlDocument.read(file.bytes, file: file.path).document?.root)
            for (key, value) in root.pairs ?? [] {
                let name = key.string ?? ""
                let property = try #require(properties[name] as? [String: Any], "\(file.path): \(name)")
                let types = property["allOf"] as? [[String: Any]]
                if let words = types?.first?["enum"] as? [Any] {
                    #expect(words.contains { "\($0)" == value.string }, "\(file.path): \(name)")
                }
            }
        }
    }

    @Test func theReferenceHasEveryRule() throws {
        let plan = try #require(PlanLoader.load(package: Self.root + "/knowledge", version: .workingCopy).plan)
        let pages = RuleReference.pages(plan)
        let text = pages.map(\.text).joined()
        for rule in plan.rules {
            #expect(text.contains("## \(rule.id)　\(rule.name)"))
            for basis in rule.basis { #expect(text.contains(basis)) }
        }
        #expect(
            RuleReference.theme(of: "P24-six-hours") == "P24" && RuleReference.theme(of: "370000-D3") == "370000-D3")
        #expect(pages.first?.name == "README.md")
        // Links of the index lead somewhere.
        for page in pages.dropFirst() { #expect(pages[0].text.contains("(\(page.name))")) }
    }
}
