import Foundation
import Rules
import Testing
import Workshop

/// The reference of the shipped rules in `docs/rules` equals the rule files. `make golden` rewrites it.
struct GeneratedRulePagesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test func pagesEqualTheirSource() throws {
        let (plan, diagnostics) = PlanLoader.load(
            package: Self.root + "/knowledge", demand: .full, version: .workingCopy)
        let pages = RuleReference.pages(try #require(plan, "\(diagnostics.first.map(\.description) ?? "")"))
        let folder = Self.root + "/docs/rules"
        let files = FileManager.default
        if ProcessInfo.processInfo.environment["YIJIAN_GOLDEN"] == "rewrite" {
            try? files.removeItem(atPath: folder)
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for page in pages {
                try page.text.write(toFile: "\(folder)/\(page.name)", atomically: true, encoding: .utf8)
            }
        }
        #expect(
            try files.contentsOfDirectory(atPath: folder).sorted() == pages.map(\.name).sorted(),
            "a page too many or too few: run make golden")
        for page in pages {
            let committed = try? String(contentsOfFile: "\(folder)/\(page.name)", encoding: .utf8)
            #expect(committed == page.text, "\(page.name): run make golden and read the difference")
        }
    }
}
