import Foundation
import Testing

/// The page about the language must know every diagnostic that the readers can give, and no other.
struct LanguagePageTests {
    @Test func everyCodeIsExplained() throws {
        let root = URL(fileURLWithPath: Golden.folder).deletingLastPathComponent().deletingLastPathComponent()
        let pattern = try Regex("\\b(KNO|YML|RUL|LST|CAS)[0-9]{3}\\b")
        func codes(in text: String) -> Set<String> { Set(text.matches(of: pattern).map { String(text[$0.range]) }) }
        var used: Set<String> = []
        for module in ["Sources/Knowledge", "Sources/Rules"] {
            let folder = root.appendingPathComponent(module)
            for path in FileManager.default.enumerator(atPath: folder.path)?.compactMap({ $0 as? String }) ?? []
            where path.hasSuffix(".swift") {
                let source = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
                // Examples in comments do not count.
                let code = source.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("///") }
                used.formUnion(codes(in: code.joined(separator: "\n")))
            }
        }
        let page = try String(contentsOf: root.appendingPathComponent("docs/language.md"), encoding: .utf8)
        #expect(used.count > 60)
        #expect(used.subtracting(codes(in: page)) == [])
        #expect(codes(in: page).subtracting(used) == [])
    }
}
