import Foundation
import Testing

/// `yijian lists` and `yijian rules release` as a process: what is written, what is not, and how it ends.
@Suite struct ListsCommandTests {
    private static let workbook = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Golden/sheets/two-sheets.xlsx").path

    private static func package() throws -> String {
        let folder = temporaryPath("package")
        for (path, text) in [
            ("package.yaml", "name: t\nversion: '1'\n"),
            (
                "lists/sex.yaml",
                "list: sex\nname: 性别\ncolumns: { item: item code, sex: sex code, name: text, batch: text }\nkeys: [item]\nbasis: 条例\n"
            ), ("lists/sex.csv", "item,sex,name,batch,#note\nXA01AAA001A001010100001,F,示例甲丸,1,专家已核\n"),
            (
                "sex.yaml",
                """
                mapping: sex
                list: sex
                tables:
                  codes: { headers: { name: [药品通用名], item: [药品代码] } }
                  limits: { headers: { name: [药品通用名], sex: [限定对象] } }
                join: name
                columns:
                  item: { from: codes.item, form: X* }
                  sex: { from: limits.sex, values: { 男: M, 女: F } }
                  name: codes.name
                  batch: { value: '1' }
                replaces: { batch: '1' }
                """
            ),
            (
                "rules/S1.yaml",
                """
                rule: S1
                name: 示例
                category: policy
                outcome: violation
                grade: 2
                unit: line
                list: sex = sex(item = item)
                when: person.sex <> sex.sex
                basis: [ 条例 ]
                message: 示例。
                cases:
                  - { hit: a, given: "list sex item=A sex=M\\nperson p sex=F\\nencounter e person=p\\nline l encounter=e item=A", expect: "violation" }
                  - { near miss: b, given: "list sex item=A sex=F\\nperson p sex=F\\nencounter e person=p\\nline l encounter=e item=A", expect: none }
                  - { undetermined: c, given: "list sex item=A sex=F\\nperson p\\nencounter e person=p\\nline l encounter=e item=A", expect: "undetermined" }
                """
            ),
        ] {
            let file = URL(fileURLWithPath: folder + "/" + path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return folder
    }

    @Test func aSheetBecomesTheNextVersionOrNothingChanges() throws {
        let folder = try Self.package()
        func rows() -> String { (try? String(contentsOfFile: folder + "/lists/sex.csv", encoding: .utf8)) ?? "" }
        let before = rows()
        func importing(_ file: String, _ more: String...) throws -> Finished {
            try run(
                URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
                    .appendingPathComponent("yijian").path,
                ["lists", "import", file, "--as", folder + "/sex.yaml", "--knowledge", folder] + more)
        }
        // Looking changes nothing.
        let look = try importing(Self.workbook, "--check")
        #expect(look.status == 0 && look.output.contains("sex would change") && rows() == before, "\(look.error)")
        // A broken file changes nothing, and is named.
        let broken = folder + "/broken.xlsx"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: Self.workbook))
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: broken))
        let refused = try importing(broken)
        #expect(refused.status == 3 && refused.output.contains("broken.xlsx") && refused.output.contains("SHT002"))
        #expect(rows() == before)
        let text = folder + "/half.csv"
        try Data("药品通用名,药品代码\n示例甲丸,XA01AAA001A001010100001\n".utf8).write(to: URL(fileURLWithPath: text))
        #expect(try importing(text).status == 3 && rows() == before)
        // A whole one is the next version; again, and nothing is to do.
        let done = try importing(Self.workbook)
        #expect(done.status == 0 && rows().contains("XA02BAA002A001010100003,M,示例乙片,1,\n"))
        #expect(rows().contains("XA01AAA001A001010100001,F,示例甲丸,1,专家已核"))
        #expect(try importing(Self.workbook).output.contains("up to date"))
        let left = try FileManager.default.contentsOfDirectory(atPath: folder + "/lists").sorted()
        #expect(left == ["sex.csv", "sex.yaml"])
        // Out to an expert and back.
        let after = rows()
        let sheet = folder + "/sex.xlsx"
        #expect(try CommandLineTests.yijian("lists", "export", "sex", "-o", sheet, "--knowledge", folder).status == 0)
        let back = try CommandLineTests.yijian("lists", "import", sheet, "--as", "list:sex", "--knowledge", folder)
        #expect(
            back.status == 0 && back.output.contains("up to date") && rows() == after, "\(back.output)\(back.error)")
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test func aReleaseIsKeptAndOnlyAdded() throws {
        let folder = try Self.package()
        func release(_ day: String) throws -> Finished {
            try CommandLineTests.yijian("rules", "release", "--by", "李四", "--from", day, "--knowledge", folder)
        }
        #expect(try release("2026-01-01").status == 0)
        #expect(try release("2026-01-01").status == 1)
        #expect(try release("2025-12-31").error.contains("YJ-368"))
        try Data("item,sex,name,batch\n".utf8).write(to: URL(fileURLWithPath: folder + "/lists/sex.csv"))
        #expect(try release("2026-02-01").status == 0)
        let objects = try FileManager.default.contentsOfDirectory(atPath: folder + "/releases/objects")
        #expect(objects.count == 5, "package, declaration, rule, and the rows twice")
        try? FileManager.default.removeItem(atPath: folder)
    }
}
