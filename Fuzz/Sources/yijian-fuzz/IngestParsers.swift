import Foundation
import Ingest

/// What comes from outside: mapping files, delimited files and messages through the whole import.
let ingestParsers = [
    FuzzedParser("mapping") { bytes in
        let (plan, diagnostics) = IngestPlan.load(text: String(decoding: bytes, as: UTF8.self), file: "input.yaml")
        precondition(plan != nil || !diagnostics.isEmpty, "refused without a word")
    },
    FuzzedParser("csv") { bytes in
        guard let folder = extract, let plan else { return }
        let dataset = folder.appendingPathComponent("dataset")
        try? FileManager.default.removeItem(at: dataset)
        guard (try? Data(bytes).write(to: folder.appendingPathComponent("sources/lines.csv"))) != nil else { return }
        var options = IngestOptions()
        options.threads = 1
        options.memoryBytes = 4 << 20
        guard let report = try? plan.run(sources: folder.path + "/sources", into: dataset.path, options: options) else {
            return
        }
        precondition(report.balances.allSatisfy(\.isBalanced), "rows were lost or invented")
    },
    // National messages, one a line, first into nothing and then again into what they made; then all of it compacted.
    FuzzedParser("messages") { bytes in
        guard let folder = messages, let messagePlan else { return }
        let dataset = folder.appendingPathComponent("dataset")
        try? FileManager.default.removeItem(at: dataset)
        guard (try? Data(bytes).write(to: folder.appendingPathComponent("sources/day.ndjson"))) != nil else { return }
        var options = IngestOptions()
        options.threads = 1
        options.memoryBytes = 4 << 20
        options.repeats = true
        for segment in ["first", "second"] {
            options.segment = segment
            guard
                let report = try? messagePlan.run(
                    sources: folder.path + "/sources", into: dataset.path, options: options)
            else { return }
            precondition(report.balances.allSatisfy { $0.isBalanced }, "rows were lost or invented")
        }
        let report = try? Compaction.run(dataset: dataset.path, options: options)
        precondition(report != nil, "what was imported cannot be compacted")
    },
]

private let messages = Scratch.folder("messages", ["sources/day.ndjson": ""])

private let messagePlan: IngestPlan? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    return IngestPlan.load(mappingPath: root.appendingPathComponent("mappings/national-messages.yaml").path).plan
}()

private let extract = Scratch.folder(
    "extract",
    [
        "sources/persons.csv": "id,sex\np1,F\n",
        "sources/encounters.csv": "id,person,start\ne1,p1,2025-03-01 08:00:00\n",
        "sources/lines.csv": "id,encounter,item,time,quantity,amount\n",
    ])

private let plan: IngestPlan? = IngestPlan.load(
    text: """
        mapping: fuzz
        coverage: {from: 2024-01-01, to: 2026-12-31, closedWorld: true}
        sources:
          persons: persons.csv
          encounters: encounters.csv
          lines: lines.csv
        tables:
          - table: person
            from: persons
            fields: {id: id, sex: sex}
          - table: encounter
            from: encounters
            fields: {id: id, person: person, start: start}
          - table: line
            from: lines
            fields:
              id: id
              encounter: encounter
              item: item
              time: time
              quantity: {column: quantity, unit: hundredths}
              amount: {column: amount, unit: fen}

        """, file: "fuzz.yaml"
).plan
