import Testing

@testable import Ingest

/// Complaints about mapping files: each with its line and a code.
@Suite struct MappingTests {
    private func complaints(_ text: String) -> [String] {
        IngestPlan.load(text: text, file: "m.yaml").diagnostics.map { "\($0.line) \($0.code)" }
    }

    @Test func complaintsHaveLines() {
        #expect(
            complaints("mapping: x\nsources: {a: a.csv}\ntables:\n  - table: lines\n    from: a\n    fields: {id: a}\n")
                == ["4 ING206"])
        #expect(
            complaints("mapping: x\nsources: {a: a.csv}\ntables:\n  - table: line\n    from: b\n    fields: {id: a}\n")
                == ["5 ING207"])
        #expect(
            complaints("mapping: x\nsources: {a: a.csv}\ntables:\n  - table: line\n    from: a\n    fields: {idd: a}\n")
                == ["6 ING208"])
        #expect(complaints("mapping: x\nsource: {a: a.csv}\n") == ["2 ING210", "1 ING204", "1 ING204"])
        #expect(complaints("mapping: [").first?.hasSuffix("ING202") == true)
        #expect(complaints("- a") == ["1 ING203"])
    }

    @Test func checkShowsWhatHappens() throws {
        let bench = try Workbench()
        try bench.put("visits.csv", "visit,person,house,begin,type\nV1,P2,H1,2024-01-05 08:00:00,1\n")
        try bench.put("lines.csv", "no,visit,item,at,count,price,sum,back,changed\nL1,V1,I1,2024-13-05,1,2.5,2.50,,\n")
        let plan = try #require(IngestPlan.load(text: clinicMapping, file: "m.yaml").plan)
        let explanation = try plan.check(sources: bench.sources)
        #expect(!explanation.isSound)
        #expect(
            explanation.text.contains("setting: 1 → outpatient".replacingOccurrences(of: "1 →", with: "outpatient →")))
        #expect(explanation.text.contains("ING014"))
    }

    @Test func aMissingColumnIsAnErrorOnlyWhereItMatters() throws {
        let bench = try Workbench()
        try bench.put("visits.csv", "visit,person,begin\nV1,P2,2024-01-05\n")
        try bench.put("lines.csv", "no,item,at\n1,2,3\n")
        let error = #expect(throws: IngestError.self) { _ = try bench.run(clinicMapping) }
        #expect(error?.code == "ING212")
        try bench.put("lines.csv", "no,visit\nL1,V1\n")
        let report = try bench.run(clinicMapping)
        #expect(report.balance("line")?.kept == 1)
        #expect(report.warnings.contains { $0.contains("ING212") && $0.contains("house") })
    }
}
