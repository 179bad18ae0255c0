import Columns
import Foundation
import Testing

@testable import Ingest

/// Several deliveries into one dataset: references to what is there, corrections, withdrawals, and what compaction
/// makes of them.
@Suite struct DeliveriesTests {
    private static let visitHeader = "visit,person,house,begin,type,changed\n"
    private static let lineHeader = "no,visit,item,at,count,price,sum,back,changed\n"
    private static let mapping = """
        mapping: deliveries
        coverage: {from: 2024-01-01, to: 2024-12-31, closedWorld: true}
        sources:
          people: {files: "people*.csv", optional: true}
          visits: {files: "visits*.csv", optional: true}
          lines: {files: "lines*.csv", optional: true}
          gone: {files: "gone*.csv", optional: true}
        tables:
          - table: person
            from: people
            fields: {id: person, sex: sex, birth: born}
          - table: encounter
            from: visits
            fields: {id: visit, person: person, institution: house, start: begin, setting: {column: type, map: {"1": outpatient, "2": inpatient}}, version: changed}
          - table: line
            from: lines
            fields: {id: no, encounter: visit, item: item, time: at, quantity: count, price: price, amount: sum, reverses: back, version: changed}
          - table: line
            from: gone
            action: withdraw
            where: {column: kind, in: ["line"]}
            fields: {id: no}
          - table: encounter
            from: gone
            action: withdraw
            where: {column: kind, in: ["visit"]}
            fields: {id: no}
        """

    /// A dataset that grows by one delivery after the other.
    private final class Series {
        let bench: Workbench
        private var number = 0

        init() throws { bench = try Workbench() }

        func deliver(
            people: [String] = [], visits: [String] = [], lines: [String] = [], gone: [String] = [], threads: Int = 2
        ) throws -> IngestReport {
            for name in try FileManager.default.contentsOfDirectory(atPath: bench.sources) {
                try FileManager.default.removeItem(atPath: bench.sources + "/" + name)
            }
            func put(_ name: String, _ header: String, _ rows: [String]) throws {
                if !rows.isEmpty { try bench.put(name, header + rows.joined(separator: "\n") + "\n") }
            }
            try put("people.csv", "person,sex,born\n", people)
            try put("visits.csv", DeliveriesTests.visitHeader, visits)
            try put("lines.csv", DeliveriesTests.lineHeader, lines)
            try put("gone.csv", "kind,no\n", gone)
            number += 1
            return try bench.run(mapping, threads: threads, segment: "d\(number)", blockLines: 60)
        }

        func compact() throws -> Compaction.Report {
            var options = IngestOptions()
            options.blockLines = 60
            return try #require(try Compaction.run(dataset: bench.dataset, options: options))
        }

        /// The bytes of every table of the only segment.
        func tables() throws -> [String: Data] {
            let dataset = try Dataset.open(bench.dataset)
            #expect(dataset.segments.count == 1)
            var result: [String: Data] = [:]
            for table in dataset.segments[0].tables {
                let path = dataset.segments[0].path + "/\(table).arrow"
                result[table] = try Data(contentsOf: URL(fileURLWithPath: path))
            }
            return result
        }

        func isWhole() throws -> Bool { try Dataset.open(bench.dataset).verify().filter { !$0.isHarmless }.isEmpty }
    }

    @Test func laterLinesFindEarlierEncounters() throws {
        let series = try Series()
        _ = try series.deliver(
            people: ["P1,F,1980-02-03"], visits: ["V1,P1,H1,2024-01-05 08:00:00,2,", "V2,P2,H1,2024-01-06,1,"],
            lines: ["A,V1,I1,2024-01-05,1,1,1,,"])
        let report = try series.deliver(lines: ["B,V1,I2,2024-02-05,1,1,1,,", "C,V9,I2,2024-02-05,1,1,1,,"])
        #expect(report.balance("line")?.kept == 1 && report.balance("line")?.rejected == 1)
        #expect(try series.bench.reject(report).contains("ING030"))
        #expect(report.isBalanced)
        #expect(report.balance("encounter")?.kept ?? 0 == 0)
        // What is taken over is the whole row, with its person.
        let encounters = try series.bench.rows("encounter")
        #expect(encounters.map { $0["id"] } == ["V1", "V2", "V1"])
        var (first, second) = (encounters[0], encounters[2])
        first["person"] = nil
        second["person"] = nil
        #expect(first == second && second["start_second"] == "28800")
        #expect(try series.bench.rows("person").map { $0["sex"] } == ["F", nil, "F"])
        let compacted = try series.compact()
        #expect(compacted.kept["line"] == 2 && compacted.leftOut["encounter"] == 1 && compacted.segmentsBefore == 2)
        #expect(try series.isWhole())
    }

    @Test func statementsAreLaidOverEarlierOnes() throws {
        let series = try Series()
        _ = try series.deliver(
            people: ["P1,F,1980-02-03"], visits: ["V1,P1,H1,2024-01-05,2,", "V2,P1,H1,2024-01-06,1,"],
            lines: ["A,V1,I1,2024-01-05,1,1,1,,"])
        // A person again with one field less keeps it; an encounter: same, corrected, contradicted, another's.
        let report = try series.deliver(
            people: ["P1,,1980-02-04"],
            visits: ["V1,P1,H2,2024-01-05,2,", "V2,P1,H1,2024-01-06,1,", "V3,P1,H1,2024-01-07,1,"])
        let balance = try #require(report.balance("encounter"))
        #expect((balance.kept, balance.repeated, balance.rejected) == (1, 1, 1))
        #expect(try series.bench.reject(report).contains("ING041"))
        let persons = try series.bench.rows("person")
        #expect(persons.last?["sex"] == "F" && persons.last?["birth"] != persons.first?["birth"])
        let other = try series.deliver(visits: ["V1,P2,H2,2024-01-05,2,2024-05-01"])
        #expect(try series.bench.reject(other).contains("ING042"))
        let corrected = try series.deliver(visits: ["V1,P1,H3,2024-01-05,2,2024-05-01"])
        #expect(corrected.balance("encounter")?.kept == 1)
        _ = try series.compact()
        #expect(try series.bench.rows("encounter").map { $0["institution"] } == ["H3", "H1", "H1"])
        #expect(try series.bench.rows("line").map { $0["id"] } == ["A"])
    }

    @Test func withdrawnRowsNoLongerHold() throws {
        let series = try Series()
        _ = try series.deliver(
            visits: ["V1,P1,H1,2024-01-05,2,", "V2,P1,H1,2024-01-06,1,"],
            lines: ["A,V1,I1,2024-01-05,1,1,1,,", "B,V1,I1,2024-01-05,1,1,1,,", "C,V2,I1,2024-01-06,1,1,1,,"])
        _ = try series.deliver(lines: ["D,V1,I1,2024-01-05,1,1,1,,"], gone: ["line,A", "visit,V2", "line,Z"])
        let withdrawn = try series.bench.rows("withdrawn").map { "\($0["table"] ?? "") \($0["id"] ?? "")" }
        #expect(withdrawn == ["encounter V2", "line A"])
        // What was taken back may come again; a line of a withdrawn encounter has no owner.
        let report = try series.deliver(
            visits: ["V2,P1,H9,2024-01-06,1,"], lines: ["A,V1,I7,2024-01-05,1,1,1,,", "E,V2,I1,2024-01-06,1,1,1,,"])
        #expect(report.balance("line")?.kept == 2 && report.balance("encounter")?.kept == 1)
        _ = try series.compact()
        #expect(
            try series.bench.rows("line").map { "\($0["id"] ?? "") \($0["item"] ?? "")" } == [
                "A I7", "B I1", "D I1", "E I1",
            ])
        #expect(try series.bench.rows("encounter").map { $0["institution"] } == ["H1", "H9"])
        #expect(try series.isWhole())
    }

    /// Many deliveries with corrections and withdrawals, compacted, are one delivery of what holds in the end.
    @Test(arguments: 1...12) func compactedDeliveriesAreOneDelivery(seed: Int) throws {
        var numbers = SeededNumbers(state: UInt64(seed) &* 101)
        let pieces = [2, 3, 12][seed % 3]
        let split = try Series()
        var visits: [String: String] = [:]
        var lines: [String: (visit: String, text: String)] = [:]
        let people = (0..<40).map { "P\($0),\($0 % 2 == 0 ? "F" : "M"),19\(50 + $0)-01-01" }
        for piece in 0..<pieces {
            var newVisits: [String] = []
            var newLines: [String] = []
            var gone: [String] = []
            for number in 0..<30 {
                let id = "V\(piece).\(number)"
                let text =
                    "\(id),P\(Int.random(in: 0..<40, using: &numbers)),H\(number % 5),2024-0\(1 + piece % 9)-11,1,"
                visits[id] = text
                newVisits.append(text)
            }
            let settled = Set(lines.keys)
            for number in 0..<80 {
                let visit = visits.keys.sorted().randomElement(using: &numbers) ?? ""
                let id = "L\(piece).\(number)"
                let text = "\(id),\(visit),I\(number % 7),2024-05-0\(1 + number % 9),1,2,2,,"
                lines[id] = (visit, text)
                newLines.append(text)
            }
            for id in settled.sorted() where Int.random(in: 0..<10, using: &numbers) == 0 {
                let visit = lines[id]?.visit ?? ""
                switch Int.random(in: 0..<3, using: &numbers) {
                case 0:
                    gone.append("line,\(id)")
                    lines[id] = nil
                case 1:
                    newLines.append(lines[id]?.text ?? "")
                default:
                    let text = "\(id),\(visit),I\(piece % 7),2024-06-0\(1 + piece % 9),3,2,6,,2024-07-\(10 + piece)"
                    newLines.append(text)
                    lines[id] = (visit, String(text.dropLast(10)))
                }
            }
            if piece > 0, let id = visits.keys.sorted().first(where: { $0.hasPrefix("V\(piece - 1).") }),
                !newLines.contains(where: { $0.contains(",\(id),") })
            {
                gone.append("visit,\(id)")
                visits[id] = nil
                lines = lines.filter { $0.value.visit != id }
            }
            let report = try split.deliver(
                people: piece == 0 ? people : [], visits: newVisits.shuffled(using: &numbers),
                lines: newLines.shuffled(using: &numbers), gone: gone, threads: 1 + piece % 3)
            #expect(report.isBalanced)
            #expect(report.balance("line")?.rejected == 0)
        }
        let whole = try Series()
        _ = try whole.deliver(people: people, visits: visits.values.sorted(), lines: lines.values.map(\.text).sorted())
        let report = try split.compact()
        #expect(report.kept["line"] == lines.count && report.segmentsBefore == pieces)
        let (one, other) = (try split.tables(), try whole.tables())
        #expect(one.keys.sorted() == other.keys.sorted())
        for (table, bytes) in one { #expect(bytes == other[table], "\(table) differs") }
        #expect(try split.isWhole())
        // Compacted again, there is nothing to do; the generations before can still be read, until they are pruned.
        #expect(try Compaction.run(dataset: split.bench.dataset) == nil)
        #expect(try Dataset.open(split.bench.dataset, generation: pieces).segments.count == pieces)
        let pruned = try #require(try GenerationDraft.prune(dataset: split.bench.dataset, keeping: 1))
        #expect(pruned.generation == pieces + 2 && pruned.oldest == pieces + 2)
        #expect(throws: ColumnsError.self) { try Dataset.open(split.bench.dataset, generation: pieces) }
        let folders = try FileManager.default.contentsOfDirectory(atPath: split.bench.dataset + "/segments")
        #expect(folders == [report.segment])
        #expect(Dataset.verify(split.bench.dataset).isEmpty)
    }

    @Test func withdrawalsOfMovements() throws {
        let mapping = """
            mapping: stock
            coverage: {from: 2024-01-01, to: 2024-12-31, closedWorld: true}
            sources: {stock: "stock.csv", gone: {files: "gone.csv", optional: true}}
            tables:
              - table: stock
                from: stock
                fields: {id: no, institution: house, item: item, kind: kind, day: day, quantity: count, version: changed}
              - table: stock
                from: gone
                action: withdraw
                fields: {id: no}
              - table: person
                from: stock
                fields: {id: house}
            """
        let bench = try Workbench()
        let header = "no,house,item,kind,day,count,changed\n"
        try bench.put(
            "stock.csv",
            header + "S1,H1,I1,sale,2024-01-01,1,\nS2,H1,I1,sale,2024-01-02,1,\nS3,H1,I1,sale,2024-01-03,1,\n")
        _ = try bench.run(mapping, segment: "a")
        try bench.put(
            "stock.csv",
            header + "S1,H1,I1,sale,2024-01-01,1,\nS2,H1,I1,sale,2024-01-02,5,2024-02-01\nS4,H1,I1,sale,2024-01-03,1,\n"
        )
        try bench.put("gone.csv", "no\nS3\n")
        let report = try bench.run(mapping, segment: "b")
        let balance = try #require(report.balance("stock"))
        #expect((balance.kept, balance.repeated) == (2, 1))
        #expect(try bench.rows("withdrawn").map { $0["id"] } == ["S2", "S3"])
        _ = try Compaction.run(dataset: bench.dataset)
        #expect(
            try bench.rows("stock").map { "\($0["id"] ?? "") \($0["quantity"] ?? "")" } == [
                "S1 10000", "S2 50000", "S4 10000",
            ])
    }
}
