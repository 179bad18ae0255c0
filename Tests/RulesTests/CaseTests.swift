import Claims
import Columns
import Foundation
import Knowledge
import Rules
import Testing

/// Examples become plain tables, and findings are compared with what they expect.
struct CaseTests {
    private func lists() throws -> [String: ListDeclaration] {
        try Golden.withFolder([Sample.package, Sample.capDeclaration, Sample.capRows]) { folder in
            let plan = try #require(PlanLoader.load(package: folder).plan)
            return plan.lists.mapValues(ListDeclaration.init)
        }
    }

    @Test func tablesAreRead() throws {
        let given = """
            # a comment
            list cap item=A limit=2
            list cap item=B limit=1.5 from=2025-01-01 area=370100
            person p1 sex=F birth=1960-02-01
            encounter e1 person=p1 setting=inpatient start=2025-03-01T08:00 end=2025-03-03
            line l1 encounter=e1 item="A B" day=2025-03-01 second=08:00:30 quantity=2 amount=-0.5
            line l2 encounter=e1 time=2025-03-01T23:59:59
            diagnosis d1 encounter=e1 code=C50.1 sequence=1
            prescription r1 circulated=true
            coverage from=2025-01-01 closed=false
            table settlement absent
            """
        let (script, diagnostics) = CaseScript.parse(
            given: given, expect: "violation unit=l1 involved= value=3\nundetermined cause=line.quantity",
            lists: try lists())
        #expect(diagnostics == [])
        let tables = try #require(script).tables
        func value(_ table: Table, _ row: Int, _ field: String) -> CaseValue? {
            table.index(of: field).flatMap { tables.rows[table]?[row].values[$0] }
        }
        #expect(value(.person, 0, "id") == .text("p1"))
        #expect(value(.person, 0, "birth") == .day(-3_622))
        #expect(value(.encounter, 0, "person") == .row("p1"))
        #expect(value(.encounter, 0, "start_second") == .second(28_800))
        #expect(value(.encounter, 0, "end_day") == .day(20_150))
        #expect(value(.encounter, 0, "end_second") == nil)
        #expect(value(.line, 0, "item") == .text("A B"))
        #expect(value(.line, 0, "second") == .second(28_830))
        #expect(value(.line, 0, "quantity") == .number(20_000))
        #expect(value(.line, 0, "amount") == .number(-50))
        #expect(value(.line, 0, "price") == nil)
        #expect(value(.line, 1, "second") == .second(86_399))
        #expect(value(.diagnosis, 0, "sequence") == .number(1))
        #expect(value(.prescription, 0, "circulated") == .flag(true))
        #expect(tables.rows[.diagnosis]?[0].id == "d1")
        #expect(tables.coverage == CaseTables.Coverage(from: Day("2025-01-01"), to: nil, closed: false))
        #expect(tables.absent == [.settlement])
        let cap = try #require(tables.lists["cap"])
        #expect(cap.rowCount == 2)
        #expect(cap.columns[1].numbers == [20_000, 15_000])
        #expect(cap.areas == ["", "370100"])
        #expect(script?.expected.count == 2)
        #expect(script?.expected[0].involved == [])
        #expect(script?.expected[1].cause == "line.quantity")
    }

    @Test func findingsAreCompared() throws {
        let (parsed, _) = CaseScript.parse(
            given: "line l1",
            expect: "violation unit=l1 person=p1 violating=l2,l1 value=3 limit=2 amount=90.00\nsuspicion unit=l3", lists: [:])
        let script = try #require(parsed)
        let first = FindingSummary(
            outcome: .violation, key: "line:l1", person: "p1", violating: ["l1", "l2"], value: "3.0000", limit: "2",
            gross: "90.0", cause: nil)
        let second = FindingSummary(outcome: .suspicion, key: "line:l3")
        #expect(script.mismatches([second, first]) == [])
        #expect(script.mismatches([first]) == ["a suspicion was expected, but nothing more was found"])
        #expect(
            script.mismatches([first, second, FindingSummary(outcome: .undetermined, key: "line:l9")])
                == ["a undetermined was found that nothing expects: line:l9"])
        var wrong = first
        wrong.value = "4"
        wrong.violating = ["l1"]
        #expect(script.mismatches([wrong, second]) == ["violating is l1, not l1,l2; value is 4, not 3"])
    }
}
