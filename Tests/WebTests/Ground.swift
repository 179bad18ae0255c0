import Audit
import Claims
import Columns
import Foundation
import Ingest
import Reference
import Rules
import Testing

@testable import Web

/// A folder with datasets that are made of messages, by ingest and by absorption.
struct Ground {
    let path = FileManager.default.temporaryDirectory.appending(path: "yijian-\(UUID().uuidString)").path()
    private let plan: IngestPlan

    /// `coverage` as a mapping states it; by default what the lines of a delivery span, and more may exist.
    init(coverage: String? = nil) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let mapping = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "mappings/national-messages.yaml").path()
        var text = try String(contentsOfFile: mapping, encoding: .utf8)
        if let coverage { text += "coverage: {\(coverage)}\n" }
        let (plan, diagnostics) = IngestPlan.load(text: text, file: mapping)
        self.plan = try #require(plan, "\(diagnostics)")
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func dataset(_ name: String, _ generation: Int? = nil) throws -> Dataset {
        try Dataset.open(path + "/" + name, generation: generation)
    }

    /// As `yijian ingest` reads a sender's log.
    @discardableResult func ingest(lines: [String], into name: String) throws -> IngestReport {
        let folder = path + "/" + name + ".in"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: folder + "/log.ndjson"))
        return try plan.run(sources: folder, into: path + "/" + name)
    }

    /// As `yijian ingest` reads a bureau's export of settlement tables: lines by name of the file.
    @discardableResult func ingest(export: [String: [String]], into name: String) throws -> IngestReport {
        let folder = path + "/" + name + ".in"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (file, lines) in export {
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: "\(folder)/\(file).csv"))
        }
        let mapping = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "mappings/national-tables.yaml").path()
        let plan = try #require(IngestPlan.load(mappingPath: mapping).plan)
        let report = try plan.run(sources: folder, into: path + "/" + name)
        #expect(report.balances.allSatisfy { $0.isBalanced && $0.rejected == 0 })
        return report
    }

    /// As `yijian dataset absorb`; nil when there is nothing to do.
    @discardableResult func absorb(
        _ records: any RecordKeeping, into name: String, until: UInt64? = nil, names: @escaping PersonNames = { $0 }
    ) throws -> IngestReport? {
        let target = path + "/" + name
        let notes = Dataset.currentGeneration(target) == nil ? [:] : try Dataset.open(target).notes
        let from = JournalDelivery.position(notes, records)
        let folder = target + ".absorbing"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let delivery = JournalDelivery(records, tables: { _ in CodeTables() }, names: names)
        let count = until.map { Int($0) - Int(from) } ?? 1_000_000
        let extent = try delivery.write(from: from, recordsMax: count, to: folder + "/messages.ndjson")
        guard !extent.isEmpty else { return nil }
        var options = IngestOptions()
        options.repeats = true
        options.segment = "journal-\(from)-\(extent.to)"
        options.notes = [JournalDelivery.note(records): String(extent.to)]
        let report = try plan.run(sources: folder, into: target, options: options)
        #expect(report.balances.allSatisfy(\.isBalanced) && !report.alreadyImported)
        return report
    }

    func known(_ person: String, in name: String) throws -> Known {
        try Known(DatasetTimelines(dataset(name)).rows(of: person))
    }

    /// What a service answers from that lays what came since over a generation.
    func histories(
        _ records: any RecordKeeping, over name: String, _ generation: Int, names: @escaping PersonNames = { $0 }
    ) throws -> Histories {
        let dataset = try dataset(name, generation)
        return Histories(
            .init(dataset, records, try DatasetTimelines(dataset)), keeper: records, tables: { _ in CodeTables() },
            names: names)
    }

    /// All files of a dataset, one behind the other.
    func bytes(of name: String) throws -> Data {
        let root = path + "/" + name
        var all = Data()
        for case let file as String in FileManager.default.enumerator(atPath: root) ?? .init() {
            all += FileManager.default.contents(atPath: root + "/" + file) ?? Data()
        }
        return all
    }
}

/// What is known of a person, in a form that can be compared: rows that belong to no visit and persons of whom nothing is
/// known say nothing.
struct Known: Equatable, CustomStringConvertible {
    private var rows: [Table: [[String: String]]] = [:]

    init(_ history: PersonHistory) {
        self.init(
            Dictionary(
                uniqueKeysWithValues: Table.allCases.filter { $0.role == .timeline }.map { ($0, history.values($0)) }))
    }

    init(_ timeline: [Table: [TimelineRow]]) {
        let visits = Set((timeline[.encounter] ?? []).map(\.id))
        for (table, given) in timeline {
            let isNamed = table.identifier != nil
            let made = given.compactMap { row -> [String: String]? in
                var said: [String: String] = [:]
                for (field, value) in zip(table.fields, row.values) where field.name != table.identifier {
                    guard let value else { continue }
                    if case .row(let owner) = value, table != .encounter, !visits.contains(owner) { return nil }
                    said[field.name] = "\(value)"
                }
                if table == .person, said.isEmpty { return nil }
                if isNamed { said["·id"] = row.id }
                return said
            }
            if !made.isEmpty {
                rows[table] = made.sorted { "\($0.sorted { $0.key < $1.key })" < "\($1.sorted { $0.key < $1.key })" }
            }
        }
    }

    var count: Int { rows.values.reduce(0) { $0 + $1.count } }
    func ids(_ table: Table) -> [String] { (rows[table] ?? []).compactMap { $0["·id"] }.sorted() }
    func texts(_ table: Table, _ field: String) -> [String] {
        (rows[table] ?? []).compactMap { $0[field]?.split(separator: "\"").dropFirst().first.map(String.init) }.sorted()
    }

    /// What only one of the two knows.
    func difference(_ other: Known) -> [String] {
        func lines(_ known: Known) -> Set<String> { Set(known.description.split(separator: "\n").map(String.init)) }
        return lines(self).symmetricDifference(lines(other)).sorted()
    }

    var description: String {
        rows.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { table, rows in
            rows.map { row in
                "\(table.rawValue) "
                    + row.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            }
        }.joined(separator: "\n")
    }
}

/// Messages of one day and one hospital.
struct Moments {
    func message(
        _ infno: String, _ time: String, _ input: [String: Any], id: String? = nil, settled: String? = nil
    ) -> [String: Any] {
        var message: [String: Any] = [
            "infno": infno, "msgid": id ?? "\(infno) \(time)", "fixmedins_code": "H1", "inf_time": "2025-05-01 \(time)",
            "input": input,
        ]
        if let settled {
            let row: [String: Any] = [
                "setl_id": settled, "mdtrt_id": "V1", "psn_no": "P1", "medfee_sumamt": "10.00", "hifp_pay": "7.00",
                "setl_time": "2025-05-01 \(time)",
            ]
            message["output"] = ["setlinfo": row]
        }
        return message
    }

    /// Charges of one item, by serial number and count.
    func charges(_ time: String, _ batch: String?, _ counts: [String: String]) -> [String: Any] {
        let lines = counts.map { serial, count in line(serial, count).merging(["chrg_bchno": batch ?? ""]) { $1 } }
        return message("2301", time, ["feedetail": lines])
    }

    func line(_ serial: String, _ count: String) -> [String: Any] {
        [
            "feedetl_sn": serial, "mdtrt_id": "V1", "psn_no": "P1", "med_list_codg": "001102000050000",
            "fee_ocur_time": "2025-05-01 09:00:00", "cnt": count, "pric": "20.00", "det_item_fee_sumamt": "20.00",
        ]
    }

    func diagnoses(_ infno: String, _ time: String, _ codes: [String]) -> [String: Any] {
        let head: [String: Any] = ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "21"]
        let diagnoses = codes.enumerated().map { ["diag_srt_no": "\($0 + 1)", "diag_code": $1] }
        return message(infno, time, [infno == "2401" ? "mdtrtinfo" : "dscginfo": head, "diseinfo": diagnoses])
    }
}

extension Story {
    /// A story for every person of a random world.
    static func all(seed: UInt64) throws -> [Story] {
        var settings = RandomClaims.Settings()
        settings.unknownPercent = 0
        settings.persons = 7
        let data = RandomClaims.make(seed: seed, settings)
        let encounters = data.rows[.encounter] ?? []
        return (data.rows[.person] ?? []).indices.compactMap { person in
            encounters.indices.last { encounters[$0].owner(.encounter) == person }.map {
                Story(data, person: person, current: $0)
            }
        }
    }
}
