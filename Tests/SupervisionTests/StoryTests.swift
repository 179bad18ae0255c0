import Bureau
import Casework
import Claims
import Foundation
import Knowledge
import Ledger
import StoreTesting
import Testing

@testable import Database
@testable import Supervision

/// The story of the bureau, small, on both stores: the same acts each time, books that agree, nothing opened twice.
@Suite("Story")
struct StoryTests {
    /// Findings of six institutions over three months: enough for every chapter.
    static let findings: [Triage.Finding] = (0..<90).map { number in
        let institution = Triage.Institution(
            code: "H3799\(number % 6)", name: "第\(number % 6 + 1)医院", kind: number % 6 == 5 ? "pharmacy" : "hospital",
            level: "two", ownership: "public")
        let stake = Int64(10_000 + number * 137)
        return Triage.Finding(
            id: "f\(number)" + String(repeating: "0", count: 12), theme: "T\(number % 7)", rule: "R\(number % 7)",
            outcome: number % 5 == 0 ? "suspicion" : "violation", grade: 1 + number % 3, statement: "疑点\(number)",
            institution: institution, period: "2025-1\(number % 3)", careArea: number % 6 == 4 ? "379921" : "379902",
            homeArea: "379902", isPersonsFault: false,
            lines: (0..<(1 + number % 3)).map { Triage.Line(id: "l\(number)-\($0)", stake: stake) },
            gross: stake * Int64(1 + number % 3), loss: ["统筹/379900": stake], evidence: "e\(number)")
    }

    private static func play(_ kind: StoreKind, seed: UInt64 = 1) throws -> (record: BureauRecord, stored: TestStore) {
        let library = try #require(ProcedureLibrary.load(Shipped.folder).library)
        let procedure = try #require(library.procedure("superior_list"))
        let yaml = """
            list: x
            item: row
            key: [序号]
            columns: { row_institution: 机构名称, row_amount: 疑点金额 }
            answers: { answer: 核查结论, found_amount: 查实金额, answer_reason: 核查说明 }
            """
        let mapping = try #require(SenderMapping.read(Array(yaml.utf8), file: "m", for: procedure).mapping)
        let stored = try TestStore(kind)
        let keys = FileManager.default.temporaryDirectory.path + "/yijian-keys-\(UUID().uuidString)"
        try KeyFile.generate(at: keys)
        defer { unlink(keys) }
        let record = try Bureau.play(
            findings, cityArea: "379900", countyArea: "379921", mapping: mapping, seed: seed, library: library,
            seconds: { 0 },
            open: { try Door.open(stored.store, knowledge: Shipped.folder, keys: keys, surroundings: $0) })
        return (record, stored)
    }

    private static func value(_ record: BureauRecord, _ line: String, _ month: Int) -> Int64 {
        record.reports[month].entries.first { $0.line.id == line }?.value ?? 0
    }

    @Test(arguments: TestStore.kinds) func everythingIsCarriedToItsEnd(kind: StoreKind) throws {
        let (record, stored) = try Self.play(kind)
        #expect(record.differences.isEmpty)
        for balance in record.balances {
            #expect(balance.received == balance.groups.reduce(balance.open) { $0 + $1.count }, "\(balance.what)")
        }
        let rows = try #require(record.balances.first { $0.what == "上级清单行" })
        #expect(rows.open == 0 && rows.received == 12)
        #expect(record.unassigned + record.skipped == Self.findings.count)
        #expect(record.refusals.count == 2)
        // What the report says came back is what the books of the recoveries received.
        func both(_ line: String) -> Int64 { Self.value(record, line, 0) + Self.value(record, line, 1) }
        #expect(both("recovered") > 0 && both("recovered") == record.received["recovered"])
        #expect(both("refused") > 0 && both("refused") == record.received["refused"])
        #expect(both("damages") == record.received["damages"])
        // One fine was paid at the counter, on the spot.
        #expect(both("fines_paid") == (record.received["fine"] ?? 0) + 10_000)
        for (line, month) in [
            ("talks", 0), ("suspended", 0), ("damages", 0), ("to_police", 0), ("from_police", 0), ("to_departments", 0),
            ("penalties", 0), ("fined", 0), ("fines_paid", 1), ("rows_answered", 0), ("compensated", 0), ("points", 0),
        ] { #expect(Self.value(record, line, month) > 0, "\(line)") }
        #expect(Self.value(record, "to_police", 0) == 2 && Self.value(record, "from_police", 0) == 1)
        #expect(record.outcomes.precision.values.contains { $0.confirmed > 0 })
        #expect(record.outcomes.precision.values.contains { $0.dropped > 0 })
        // The list came back with every row answered, the row that stands twice twice.
        let answered = try #require(CommaTable(record.answeredList))
        #expect(answered.rows.count == 13)
        #expect(answered.rows[12] == answered.rows[11])
        let open = try stored.store.read {
            try $0.rows(
                "SELECT procedure, state FROM matter WHERE ended IS NULL AND procedure IN ('superior_list', 'recovery')"
            )
        }
        #expect(open.isEmpty)
    }

    @Test func theSameSeedTellsTheSameStory() throws {
        func told(_ stored: TestStore) throws -> [String] {
            try stored.store.read {
                try $0.rows("SELECT id, procedure, state, acts, due, changed FROM matter ORDER BY id", max: 10_000).map
                {
                    "\($0.values)"
                }
            }
        }
        let first = try Self.play(.sqlite)
        let second = try Self.play(.sqlite)
        #expect(try told(first.stored) == told(second.stored))
        #expect(first.record.answeredList == second.record.answeredList)
        #expect(first.record.reports.map(\.entries) == second.record.reports.map(\.entries))
    }
}
