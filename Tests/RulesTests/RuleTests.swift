import Claims
import Foundation
import Knowledge
import Rules
import Testing

/// What a rule becomes when it is read.
struct RuleTests {
    private func rule(
        unit: String = "line", list: String? = "cap = cap(item = item)", filter: String? = nil, when: String,
        more: String = ""
    ) throws -> Rule {
        let (rule, diagnostics) = try Sample.load(unit: unit, list: list, filter: filter, when: when, more: more)
        #expect(diagnostics.map(\.description) == [])
        return try #require(rule)
    }

    private func text(_ expression: Rules.Expression?) -> String? { expression.map { ExpressionText.text($0) } }

    /// The whole of a checked test, with every default spelt out.
    @Test(arguments: [
        ("quantity * price = amount AND NOT 1 < 2", "((quantity * price) = amount) AND (NOT (1 < 2))"),
        ("institution = 'h1'", "encounter.institution = 'h1'"),
        ("practitioner = encounter.practitioner", "practitioner = encounter.practitioner"),
        ("person.sex = 'M' OR institution.level BETWEEN 1 AND 2",
            "(encounter.person.sex = 'M') OR ((encounter.institution.level >= 1) AND (encounter.institution.level <= 2))"),
        ("item NOT IN ('A', 'B')", "NOT ((item = 'A') OR (item = 'B'))"),
        ("day + 3 - encounter.day > 2", "((day + 3) - encounter.day) > 2"),
        ("3 + day > day", "(day + 3) > day"),
        ("-quantity < -1.50", "(-quantity) < -1.50"),
        ("item IS UNKNOWN", "item IS UNKNOWN"),
        ("(item, quantity) NOT IN LIST cap(item, limit)", "NOT ((item, quantity) IN LIST cap[0, 1])"),
        (
            "SUM(quantity) OVER (SAME person, item, month HOURS -2..0 WHERE price > this.price) > 1",
            "SUM(quantity) OVER (line SAME encounter.person = this.encounter.person, item = this.item, month(day) = month(this.day) SECONDS -7200..0 WHERE (price > this.price)) > 1"
        ),
        (
            "NOT EXISTS (diagnosis SAME encounter DAYS ..0 WHERE code STARTS WITH 'C')",
            "NOT EXISTS (diagnosis SAME encounter = this.encounter DAYS ..0 WHERE (code STARTS WITH 'C'))"
        ),
        ("case when quantity > 1 then day else DATE '2025-01-01' end > day",
            "CASE WHEN quantity > 1 THEN day ELSE DATE '2025-01-01' END > day"),
    ]) func testsReadBack(written: String, meant: String) throws {
        #expect(text(try rule(list: nil, when: written).test) == meant)
    }

    @Test func scalesAreExact() throws {
        func type(_ when: String) throws -> ValueType? {
            guard case .compare(_, let left, _) = try rule(list: nil, when: when).test.node else { return nil }
            return left.type
        }
        #expect(try type("quantity * price > 1") == .number(scale: 10))
        #expect(try type("quantity - price > 1") == .number(scale: 6))
        #expect(try type("ROUND(amount / quantity, 3) > 1") == .number(scale: 3))
        #expect(try type("SUM(days_supply) OVER (SAME person) > 1") == .number(scale: 0))
        #expect(try type("GREATEST(quantity, 1) > 1") == .number(scale: 4))
        #expect(try type("CASE WHEN quantity > 1 THEN amount ELSE price END > 1") == .number(scale: 6))
        #expect(try type("encounter.end - encounter.start > 1") == .number(scale: 0))
    }

    @Test func pathsFollowTheSchema() throws {
        func path(_ when: String, unit: String) throws -> FieldPath? {
            guard case .compare(_, let left, _) = try rule(unit: unit, list: nil, when: when, more: unit == "line" ? "" : "amount: none\n").test.node,
                case .field(let path, .focus) = left.node
            else { return nil }
            return path
        }
        let institution = try #require(Table.encounter.index(of: "institution"))
        let level = try #require(Table.institution.index(of: "level"))
        #expect(
            try path("institution = 'h'", unit: "line")
                == FieldPath(start: .line, steps: [.encounter], field: .stored(institution)))
        #expect(
            try path("institution.level = 1", unit: "line")
                == FieldPath(start: .line, steps: [.encounter, .institution], field: .stored(level)))
        #expect(
            try path("person = encounter.person", unit: "line")
                == FieldPath(start: .line, steps: [.encounter, .person], field: .identity))
        #expect(
            try path("encounter = encounter", unit: "encounter") == FieldPath(start: .encounter, steps: [], field: .identity))
        #expect(
            try path("day = day", unit: "diagnosis") == FieldPath(start: .diagnosis, steps: [.encounter], field: .day))
        #expect(try path("end > start", unit: "encounter") == FieldPath(start: .encounter, steps: [], field: .end))
        #expect(
            try path("institution.level = 1", unit: "prescription")
                == FieldPath(start: .prescription, steps: [.institution], field: .stored(level)))
    }

    @Test(arguments: [
        ("price > 1 AND SUM(quantity) OVER (SAME person) > cap.limit", "SUM(quantity) OVER (line SAME encounter.person = this.encounter.person)", "list0[1]"),
        ("cap.limit < SUM(quantity) OVER (SAME person)", "SUM(quantity) OVER (line SAME encounter.person = this.encounter.person)", "list0[1]"),
        ("price > 1 AND cap.limit < quantity", "quantity", "list0[1]"),
        ("3 < price", "price", "3"),
        ("day > encounter.day OR 1 < price", "price", "1"),
        ("EXISTS (SAME person WHERE price > 3)", nil, nil),
        ("NOT EXISTS (SAME person WHERE price > 3) AND quantity > 2", "quantity", "2"),
    ] as [(String, String?, String?)]) func decidingComparison(when: String, value: String?, limit: String?) throws {
        let rule = try rule(when: when)
        #expect(text(rule.value) == value)
        #expect(text(rule.limit) == limit)
    }

    @Test func groupKeysAreNamed() throws {
        let rule = try rule(
            unit: "group of encounter by institution, month, PREFIX(diagnosis, 3) AS category", list: nil,
            when: "COUNT(DISTINCT person) >= 8 AND category <> 'Z51' AND institution.level = 3 AND COUNT(*) OVER (SAME institution, month) > 9",
            more: "amount: encounter\n")
        guard case .group(.encounter, let keys) = rule.unit else {
            Issue.record("not a group")
            return
        }
        #expect(keys.map(\.name) == ["institution", "month", "category"])
        #expect(keys.map { text($0.expression) } == ["institution", "month(day)", "PREFIX(diagnosis, 3)"])
    }

    @Test func placesPointIntoTheFile() throws {
        let rule = try rule(when: "quantity > 1\n    AND price > 3")
        guard case .and(let terms) = rule.test.node, case .compare(_, let price, let three) = terms[1].node else {
            Issue.record("not a conjunction")
            return
        }
        #expect(price.position == SourcePosition(file: "rules/S1.yaml", line: 10, column: 9))
        #expect(three.position == SourcePosition(file: "rules/S1.yaml", line: 10, column: 17))
    }

    /// Whatever changes what a rule means changes its version, and nothing else does.
    @Test func versionsFollowContent() throws {
        func version(_ areas: [String], _ parameters: String, when: String = "quantity > $most") throws -> (String, String) {
            let files = [
                Sample.package, Sample.rule(list: nil, when: when, more: "parameters: { most: 3 }\n"),
                (path: "areas/370000/parameters.yaml", text: parameters),
            ]
            return try Golden.withFolder(files) { folder in
                let (plan, diagnostics) = PlanLoader.load(package: folder, areas: areas, demand: .runnable)
                #expect(!diagnostics.contains { $0.severity == .error })
                return (plan?.rules.first?.version ?? "", plan?.packageHash ?? "")
            }
        }
        let plain = try version([], "S1: { parameters: { most: 4 } }\n")
        #expect(try version([], "S1: { grade: 1 }\n") == plain)
        let changed = try version(["370000"], "S1: { parameters: { most: 4 } }\n")
        #expect(changed.0 != plain.0 && changed.1 != plain.1)
        #expect(try version(["370000"], "S1: { parameters: { most: 3 } }\n").0 == plain.0)
        #expect(try version([], "S1: {}\n", when: "quantity >= $most").0 != plain.0)
        #expect(plain.0.count == 12 && plain.1.count == 64)
    }

    @Test func areaReplacesRuleAndChosenRulesLoadAlone() throws {
        let files = [
            Sample.package, Sample.capDeclaration, Sample.capRows, Sample.rule("S1", list: nil, when: "quantity > 1"),
            Sample.rule("S2"), Sample.rule("S3", list: nil, when: "quantity > oops"),
            (path: "areas/370000/rules/S1.yaml", text: Sample.rule("S1", list: nil, when: "quantity > 2").text),
        ]
        try Golden.withFolder(files) { folder in
            let plan = PlanLoader.load(package: folder, areas: ["370000"], rules: ["S1"], demand: .runnable).plan
            #expect(plan?.rules.map { ExpressionText.text($0.test) } == ["quantity > 2"])
            #expect(plan?.lists.isEmpty == true)
            let both = PlanLoader.load(package: folder, rules: ["S2", "S1"], demand: .runnable).plan
            #expect(both?.rules.map(\.id) == ["S1", "S2"])
            #expect(both?.lists.keys.sorted() == ["cap"])
            #expect(PlanLoader.load(package: folder, demand: .runnable).plan == nil)
            let missing = PlanLoader.load(package: folder, rules: ["S11"], demand: .runnable).diagnostics
            #expect(missing.map(\.code) == ["RUL032"])
        }
    }

    /// The content that ships must be without fault.
    @Test func shippedKnowledgeLoads() throws {
        let folder = URL(fileURLWithPath: Golden.folder).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("knowledge").path
        guard FileManager.default.fileExists(atPath: folder + "/package.yaml") else {
            print("skipped: there is no knowledge/package.yaml")
            return
        }
        let (plan, diagnostics) = PlanLoader.load(package: folder)
        var text = DiagnosticText(folder: folder)
        #expect(diagnostics.isEmpty, "\(text.text(diagnostics))")
        for rule in plan?.rules ?? [] {
            #expect(RuleSheet.text(rule, lists: plan?.lists ?? [:]).contains(rule.name))
            for example in rule.cases {
                #expect(CaseScript.parse(example, plan: try #require(plan)).script != nil)
            }
        }
    }
}
