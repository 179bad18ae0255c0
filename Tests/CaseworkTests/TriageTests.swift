import Claims
import Testing

@testable import Casework

struct TriageTests {
    static func finding(
        _ id: String, theme: String = "P04", institution: String = "H1", lines: [String], grade: Int = 2,
        gross: Int64 = 100,
        evidence: String = "e", isPersonsFault: Bool = false, period: String = "2026-02"
    ) -> Triage.Finding {
        Triage.Finding(
            id: id, theme: theme, rule: theme, outcome: "violation", grade: grade,
            institution: Triage.Institution(code: institution, kind: "hospital"), period: period, careArea: "379900",
            homeArea: "370100", isPersonsFault: isPersonsFault,
            lines: lines.map { Triage.Line(id: $0, stake: gross / Int64(lines.count)) }, gross: gross,
            loss: ["统筹/379900": gross], evidence: evidence)
    }

    @Test func nothingIsLostAndNothingIsOpenedTwice() {
        let findings = [
            Self.finding("f1", lines: ["l1", "l2"]), Self.finding("f2", lines: ["l2", "l1"]),
            Self.finding("f3", lines: ["l3"]), Self.finding("f4", lines: ["l4"]), Self.finding("f5", lines: ["l5"]),
            Self.finding("f6", lines: ["l5"], evidence: "e2"), Self.finding("f7", theme: "P05", lines: ["l1", "l2"]),
            Self.finding("f8", lines: ["l8"], isPersonsFault: true),
        ]
        func same(_ lines: Set<String>) -> Triage.Identity { .init(institution: "H1", theme: "P04", lines: lines) }
        let triage = Triage(
            findings,
            earlier: [
                same(["l3"]): [.init(matter: "M1", fate: .open, evidence: "x")],
                same(["l4"]): [.init(matter: "M2", fate: .dropped, evidence: "e")],
                same(["l5"]): [.init(matter: "M3", fate: .dropped, evidence: "old")],
            ])
        let taken = triage.batches.flatMap(\.findings).map(\.id).sorted()
        #expect(taken == ["f1", "f5", "f7", "f8"])
        #expect(taken.count + triage.skipped.count == findings.count)
        #expect(triage.skipped.map(\.finding) == ["f2", "f3", "f4", "f6"])
        #expect(
            triage.skipped.map(\.why) == [
                .repeated(of: "f1"), .open(in: "M1"), .dropped(in: "M2"), .repeated(of: "f5"),
            ])
        #expect(triage.batches.map(\.area).sorted() == ["370100", "379900"])
    }

    @Test func theOrderOfFindingsDoesNotMatter() {
        let findings = (0..<40).map { number in
            Self.finding(
                "f\(number)", institution: "H\(number % 5)", lines: ["l\(number / 2)"], grade: 1 + number % 3,
                gross: Int64(number * number), period: number % 7 == 0 ? "2026-01" : "2026-02")
        }
        let first = Triage(findings, earlier: [:])
        let second = Triage(findings.reversed(), earlier: [:])
        #expect(first.batches.map { $0.findings.map(\.id) } == second.batches.map { $0.findings.map(\.id) })
        #expect(first.skipped.map(\.finding) == second.skipped.map(\.finding))
        #expect(first.batches.map(\.rank) == first.batches.map(\.rank).sorted(by: >))
    }

    /// A batch becomes a matter; triaged again it gives nothing, dropped it stays dropped until its evidence differs.
    @Test func aBatchBecomesAMatterAndComesBack() throws {
        let library = try #require(Golden.shipped)
        let procedure = try #require(library.procedure("findings"))
        let findings = [
            Self.finding("aaaaaaaaaaaa1", lines: ["l1", "l2", "l3"], gross: 100),
            Self.finding("aaaaaaaaaaaa2", theme: "P05", lines: ["l1"]),
        ]
        var docket = Docket(library)
        let auditor = Actor(person: "a", role: "auditor", organisation: "agency")
        let day = Instant(try #require(Day("2026-03-02")))
        let batch = try #require(Triage(findings, earlier: [:]).batches.first)
        let id = try docket.open(procedure, batch.opening(of: procedure), by: auditor, at: day)
        func again(_ findings: [Triage.Finding]) -> Triage {
            Triage(findings, earlier: Triage.fates(in: docket.matters.values))
        }
        #expect(again(findings).batches.isEmpty)
        #expect(again(findings).skipped.map(\.why) == [.open(in: id), .open(in: id)])
        let matter = try #require(docket.matters[id])
        #expect(matter.items.map(\.key).filter { !$0.contains("-") } == ["aaaaaaaaaaaa", "aaaaaaaaaaaa2"])
        #expect(matter.field("claimed", item: "aaaaaaaaaaaa-1") == .split(["统筹/379900": 34]))
        #expect(matter.field("claimed", item: "aaaaaaaaaaaa-3") == .split(["统筹/379900": 33]))
        #expect(matter.field("institution_kind") == .single(.text("hospital")))
        var drop = Command(.take("first_drop"))
        drop.item = "aaaaaaaaaaaa"
        drop.fields["opinion"] = .single(.text("误报"))
        try docket.handle(drop, on: id, by: auditor, at: day)
        #expect(again(findings).skipped.map(\.why) == [.dropped(in: id), .open(in: id)])
        let changed = [Self.finding("bbbb", lines: ["l3", "l2", "l1"], gross: 100, evidence: "e2")]
        #expect(again(changed).batches.count == 1)
        let outcomes = FindingOutcomes(docket.matters.values)
        #expect(outcomes.precision.map(\.value) == [RulePrecision(confirmed: 0, dropped: 1)])
        #expect(outcomes.reviews.map(\.key) == ["aaaaaaaaaaaa1"])
    }

    @Test func lossIsSharedToTheFen() {
        #expect(Triage.Batch.share(["a": 100], by: [1, 1, 1]) == [["a": 34], ["a": 33], ["a": 33]])
        #expect(Triage.Batch.share(["a": 100, "b": 1], by: [3, 1]) == [["a": 75, "b": 1], ["a": 25, "b": 0]])
        #expect(Triage.Batch.share(["a": Int64.max], by: [Int64.max / 2, Int64.max / 2])?.count == 2)
        #expect(Triage.Batch.share(["a": 7], by: [nil]) == [["a": 7]])
        #expect(Triage.Batch.share(["a": 7], by: [nil, 1]) == nil)
        #expect(Triage.Batch.share([:], by: [1]) == nil)
    }

    /// Wilson's interval against values worked out by hand: 8 of 10, and all of 5.
    @Test func precisionHasItsInterval() throws {
        #expect(RulePrecision(confirmed: 0, dropped: 0).interval == nil)
        let most = try #require(RulePrecision(confirmed: 8, dropped: 2).interval)
        #expect(abs(most.lowerBound - 0.4902) < 0.0001 && abs(most.upperBound - 0.9433) < 0.0001)
        let all = try #require(RulePrecision(confirmed: 5, dropped: 0).interval)
        #expect(abs(all.lowerBound - 0.5655) < 0.0001 && all.upperBound == 1)
    }

    @Test func outcomesFlowBack() throws {
        let library = try #require(Golden.shipped)
        let procedure = try #require(library.procedure("findings"))
        let example = try #require(procedure.cases.first)
        let run = ScriptRun.play(example.script, of: procedure, in: library)
        let outcomes = FindingOutcomes(run.docket.matters.values)
        func precision(_ rule: String) -> RulePrecision? {
            outcomes.precision[FindingOutcomes.Key(rule: rule, institutionKind: "")]
        }
        #expect(precision("P04") == RulePrecision(confirmed: 1, dropped: 0))
        #expect(precision("P07") == RulePrecision(confirmed: 0, dropped: 1))
    }
}
