import Claims
import Testing

@testable import Casework

/// The monthly report, from the acts of the shipped scripts.
struct MonthlyReportTests {
    private static func report(_ month: String, of procedure: String, case number: Int = 0) throws -> MonthlyReport {
        let library = try #require(Golden.shipped)
        let chosen = try #require(library.procedure(procedure))
        let run = ScriptRun.play(chosen.cases[number].script, of: chosen, in: library)
        var report = try #require(MonthlyReport(month: month, library))
        for matter in run.docket.matters.values { report.add(matter) }
        return report
    }

    private static func values(_ report: MonthlyReport) -> [String: Int64] {
        Dictionary(uniqueKeysWithValues: report.entries.filter { $0.value != 0 }.map { ($0.line.id, $0.value) })
    }

    @Test func stepsCountInTheirMonth() throws {
        let march = try Self.report("2026-03", of: "agreement")
        #expect(
            Self.values(march) == [
                "checked": 1, "handled": 1, "rectified": 1, "suspended": 1, "points": 1,
            ])
        let june = try Self.report("2026-06", of: "agreement")
        #expect(Self.values(june) == ["recovered": 80_000])
        #expect(june.entries.first { $0.line.id == "recovered" }?.parts == ["统筹/379900": 80_000])
        #expect(june.flows.map(\.ended) == [1, 1] && june.flows.map(\.onHand) == [0, 0])
        #expect(march.flows.first { $0.procedure == "agreement" }?.onHand == 1)
        #expect(Self.values(try Self.report("2026-05", of: "agreement")).isEmpty)
    }

    /// Kinds of money go to their own lines, by fund and pool; what was given back is a line of its own.
    @Test func moneyIsCountedByKind() throws {
        let report = try Self.report("2026-03", of: "recovery")
        #expect(Self.values(report) == ["recovered": 85_005, "damages": 25_502, "compensated": 1_000])
        #expect(
            report.entries.first { $0.line.id == "recovered" }?.parts == ["统筹/379900": 80_000, "救助/379900": 5_005])
    }

    /// What was annulled does not count, nor what was done on paper before the case was taken over.
    @Test func annulledAndPaperActsDoNotCount() throws {
        let taken = try Self.report("2025-11", of: "penalty", case: 4)
        #expect(Self.values(taken).isEmpty)
        let january = try Self.report("2026-01", of: "penalty", case: 4)
        #expect(Self.values(january) == ["penalties": 1, "fined": 150_000])

        let library = try #require(Golden.shipped)
        let procedure = try #require(library.procedure("superior_list"))
        let script = """
            2026-04-01 c:clerk opens discovered=superior list_number=5 deadline=2026-04-30 party:superior=s +row:R1{row_amount=1.00}
            2026-04-02 li:officer begin
            2026-04-02 li:officer verify #R1
            2026-04-03 li:officer answer #R1 with=sun answer=not_established answer_reason=x found_amount=0.00 handling=none paper:evidence=e
            2026-04-03 li:officer annul target=4 reason=误
            2026-04-03 z:head approve
            """
        let run = ScriptRun.play(script, of: procedure, in: library)
        #expect(run.mismatches.isEmpty)
        var report = try #require(MonthlyReport(month: "2026-04", library))
        for matter in run.docket.matters.values { report.add(matter) }
        #expect(Self.values(report).isEmpty)
    }

    @Test(arguments: ["2026", "2026-13", "2026-4", ""]) func otherMonthsAreNone(text: String) throws {
        #expect(MonthlyReport(month: text, try #require(Golden.shipped)) == nil)
    }
}
