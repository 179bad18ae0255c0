import Foundation
import Knowledge
import Rules
import Testing
import Workshop

/// Defects of every kind that the law check promises to find, seeded one by one, and a sound package without any.
struct LawTests {
    private static let package = ("package.yaml", "name: sample\nversion: '1'\n")

    private static func list(_ name: String, _ columns: String, _ keys: String, _ rows: String, more: String = "") -> [(
        String, String
    )] {
        [
            (
                "lists/\(name).yaml",
                "list: \(name)\nname: \(name)\ncolumns: { \(columns) }\nkeys: [\(keys)]\nbasis: 条例\n\(more)"
            ),
            ("lists/\(name).csv", rows),
        ]
    }

    private static func rule(_ id: String, _ text: String, disposition: String = "after: review") -> (String, String) {
        (
            "rules/\(id).yaml",
            "rule: \(id)\nname: 示例\ncategory: policy\noutcome: violation\ngrade: 2\ndisposition: { \(disposition) }\n\(text)basis: [ 条例 ]\nmessage: 示例。\n"
        )
    }

    private static let cap =
        "unit: line\nlist: cap = cap(item = item)\nwhen: SUM(quantity) OVER (SAME person, item, day) > cap.limit\n"

    /// The codes of the warnings about a package, and their places.
    private func check(_ files: [(String, String)], areas: [String] = []) throws -> [String] {
        let folder = Sheets.scratch()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (path, text) in [Self.package] + files {
            let file = URL(fileURLWithPath: folder + "/" + path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let (plan, diagnostics) = PlanLoader.load(package: folder, areas: areas, demand: .runnable)
        let loaded = try #require(plan, "\(diagnostics)")
        let found = LawCheck.run(loaded)
        #expect(found.allSatisfy { !$0.advice.isEmpty && !$0.message.isEmpty })
        return found.map { "\($0.code) \($0.file):\($0.line)" }
    }

    private static let sound =
        list("cap", "item: item code, limit: decimal(2)", "item", "item,limit\nA,1\nB,2\n") + [rule("R1", cap)]

    @Test func soundPackageHasNoWarning() throws { #expect(try check(Self.sound) == []) }

    @Test func contradictoryLimits() throws {
        // One code, one question, two answers in two lists.
        let twice =
            Self.sound
            + Self.list("other", "item: item code, limit: decimal(2)", "item", "item,limit\nB,3\nC,1\n")
            + [Self.rule("R2", Self.cap.replacing("cap(item", with: "other(item"))]
        #expect(try check(twice) == ["LAW001 lists/other.csv:2"])
        let range = Self.list(
            "age", "item: item code, min: integer, max: integer", "item", "item,min,max\nA,1,2\nB,9,2\n")
        #expect(try check(range) == ["LAW001 lists/age.csv:3"])
        let pairs = Self.list("pair", "item: item code, main: item code", "item, main", "item,main\nA,B\nC,C\nB,A\n")
        #expect(try check(pairs) == ["LAW001 lists/pair.csv:3", "LAW001 lists/pair.csv:4"])
    }

    @Test func shadowedAndDuplicatePoints() throws {
        let same =
            Self.sound
            + Self.list("other", "item: item code, limit: decimal(2)", "item", "item,limit\nB,2\n")
            + [Self.rule("R2", Self.cap.replacing("cap(item", with: "other(item"))]
        #expect(try check(same) == ["LAW002 lists/other.csv:2"])
        #expect(try check(Self.sound + [Self.rule("R2", Self.cap)]) == ["LAW002 rules/R2.yaml:0"])
        // Parted in time they are two rules.
        let parted =
            Self.list("cap", "item: item code, limit: decimal(2)", "item", "item,limit\nA,1\n")
            + [Self.rule("R1", "to: 2024-12-31\n" + Self.cap), Self.rule("R2", "from: 2025-01-01\n" + Self.cap)]
        #expect(try check(parted) == [])
        let prefixes = Self.list(
            "dx", "item: item code, code: diagnosis prefix, most: integer", "item, code",
            "item,code,most\nA,I10,1\nA,I10.x,1\nA,I10.9,2\nB,I10.x,1\n")
        #expect(try check(prefixes) == ["LAW002 lists/dx.csv:3", "LAW001 lists/dx.csv:4"])
    }

    @Test func gapsInValidity() throws {
        let dated = Self.list(
            "cap", "item: item code, limit: decimal(2)", "item",
            "item,limit,from,to\nA,1,2023-01-01,2023-12-31\nA,2,2024-02-01,\nB,1,2023-01-01,2023-12-31\nB,1,2024-01-01,\nC,1,,2023-12-31\nC,3,2024-01-01,\n"
        )
        #expect(try check(dated) == ["LAW003 lists/cap.csv:3", "LAW002 lists/cap.csv:5"])
    }

    @Test func limitsWithoutBasis() throws {
        let bare = [
            ("lists/cap.yaml", "list: cap\nname: 限量\ncolumns: { item: item code, limit: decimal(2) }\nkeys: [item]\n"),
            ("lists/cap.csv", "item,limit\nA,1\n"),
        ]
        #expect(try check(bare) == ["LAW004 lists/cap.yaml:0"])
    }

    @Test func codesThatDoNotExist() throws {
        let sex = Self.list("sex", "item: item code, sex: sex code", "item", "item,sex\nA,M\nB,男\n")
        #expect(try check(sex) == ["LAW005 lists/sex.csv:3"])
        let catalogue = Self.list(
            "icd", "code: diagnosis code", "code", "code\nI10.x00\nE11.900\n", more: "catalogue: true\n")
        let dx = Self.list(
            "dx", "item: item code, code: diagnosis prefix", "item, code", "item,code\nA,I10\nA,E11.9\nA,E12\n")
        #expect(try check(catalogue + dx) == ["LAW005 lists/dx.csv:4"])
        #expect(try check(dx) == [])
    }

    @Test func overridesOfNothing() throws {
        let areal = Self.list(
            "cap", "item: item code, limit: decimal(2)", "item", "item,limit\nA,1\nB,2\n",
            more: "select: { area: care }\n")
        let area = ("areas/370000/lists/cap.csv", "item,limit\nA,1\nB,3\n")
        #expect(try check(areal + [area], areas: ["370000"]) == ["LAW006 areas/370000/lists/cap.csv:2"])
        let blind = Self.list("cap", "item: item code, limit: decimal(2)", "item", "item,limit,area\nA,1,370000\n")
        #expect(try check(blind) == ["LAW006 lists/cap.csv:2"])
    }

    @Test func rulesThatNeverSpeak() throws {
        let empty =
            Self.list("cap", "item: item code, limit: decimal(2)", "item", "item,limit\n") + [Self.rule("R1", Self.cap)]
        #expect(try check(empty) == ["LAW007 rules/R1.yaml:0"])
        let late =
            Self.list("cap", "item: item code, limit: decimal(2)", "item", "item,limit,to\nA,1,2020-12-31\n")
            + [Self.rule("R1", "from: 2021-01-01\n" + Self.cap)]
        #expect(try check(late) == ["LAW007 rules/R1.yaml:0"])
        func condition(_ text: String) throws -> [String] {
            try check([Self.rule("R1", "unit: line\nwhere: \(text)\nwhen: quantity > 1\n")])
        }
        #expect(
            try condition("encounter.setting = 'inpatient' AND encounter.setting = 'outpatient'") == [
                "LAW007 rules/R1.yaml:8"
            ])
        #expect(
            try condition("encounter.setting IN ('inpatient', 'outpatient') AND encounter.setting = 'outpatient'") == []
        )
        #expect(try condition("price > 10 AND price < 10") == ["LAW007 rules/R1.yaml:8"])
        #expect(try condition("price >= 10 AND price <= 10") == [])
        #expect(try condition("quantity < 1") == ["LAW007 rules/R1.yaml:9"])
        let apart =
            Self.sound
            + Self.list("few", "item: item code", "item", "item\nX\n")
            + [
                Self.rule(
                    "R2",
                    "unit: line\nlist: cap = cap(item = item)\nwhere: item IN LIST few\nwhen: quantity > cap.limit\n")
            ]
        #expect(try check(apart) == ["LAW007 rules/R2.yaml:0"])
    }

    @Test func rulesThatCostTooMuch() throws {
        let wide = Self.rule(
            "R1", "unit: encounter\nwhen: COUNT(DISTINCT person) OVER (SAME institution DAYS -30..0) > 9\n")
        #expect(try check([wide]) == [])
        let before = Self.rule(
            "R1", "unit: encounter\nwhen: COUNT(DISTINCT person) OVER (SAME institution DAYS -30..0) > 9\n",
            disposition: "before: remind")
        #expect(try check([before]) == ["LAW008 rules/R1.yaml:0"])
        let heavy =
            Self.list(
                "pair", "item: item code, main: item code", "item, main",
                "item,main\n" + (1...60).map { "A,B\($0)\n" }.joined())
            + [
                Self.rule(
                    "R1",
                    "unit: line\nlist: pair = pair(item = item)\nwhen: EXISTS (SAME person WHERE item = pair.main)\n",
                    disposition: "before: remind")
            ]
        #expect(try check(heavy) == ["LAW008 rules/R1.yaml:0"])
    }

    @Test func shippedPackageHasNone() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let folder = root + "/knowledge"
        // The package by itself, and with the example area laid over it.
        for areas in [[], ["379900"]] {
            let (plan, diagnostics) = PlanLoader.load(package: folder, areas: areas, version: .workingCopy)
            #expect(diagnostics == [])
            let found = LawCheck.run(try #require(plan, "\(diagnostics)"), budget: .read(folder))
            #expect(found == [], "\(areas): \(found.map(\.description).joined(separator: "\n"))")
        }
    }
}
