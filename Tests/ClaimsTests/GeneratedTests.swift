import Foundation
import Testing

@testable import Claims

/// Pages that are rendered from declarations must be committed as they render; `make golden` rewrites them.
@Suite("Generated pages")
struct GeneratedTests {
    @Test func dataDictionary() throws {
        try compare(DataDictionary.markdown(), with: "docs/data-dictionary.md")
    }

    @Test("Every table is declared, its fields are named once, and references lead to identified rows")
    func schema() {
        for table in Table.allCases {
            #expect(!table.fields.isEmpty, "\(table.rawValue) has no fields")
            #expect(Set(table.fields.map(\.name)).count == table.fields.count, "\(table.rawValue) names a field twice")
            #expect(table.identifier.map { table.index(of: $0) != nil } ?? true)
            for field in table.fields {
                guard case .row(let target) = field.kind else { continue }
                #expect(target.identifier != nil && target.role == .timeline, "\(table.rawValue).\(field.name)")
            }
        }
    }

    private func compare(_ rendered: String, with path: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appendingPathComponent(path)
        if ProcessInfo.processInfo.environment["YIJIAN_GOLDEN"] == "rewrite" {
            try rendered.write(to: file, atomically: true, encoding: .utf8)
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(rendered == committed, "\(path) is not what the declaration renders; run make golden and read the diff")
    }
}
