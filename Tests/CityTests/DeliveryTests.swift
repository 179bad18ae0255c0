import Audit
import City
import Columns
import Foundation
import Ingest
import Rules
import Testing

/// A city-year delivered month by month, with mistakes that later deliveries take back and state again, gives the
/// findings of the year delivered at once; what changed lately can be audited alone.
@Suite(.serialized) struct DeliveryTests {
    @Test(arguments: [1, 3, 12]) func piecesGiveTheFindingsOfTheWhole(pieces: Int) throws {
        let city = try CityFolder(seed: 5, persons: 700)
        let whole = city.path + "/whole"
        _ = try ingest(mapping, city.path, whole, segment: "whole")
        let expected = try findings(whole, city.path + "/run-whole")
        #expect(expected.count > 100)

        let dataset = city.path + "/pieces"
        var withdrawn = 0
        for piece in 0..<pieces {
            withdrawn += try Delivery(city, piece, of: pieces).write()
            let report = try ingest(mapping, city.path + "/delivery", dataset, segment: "p\(piece)")
            #expect(report.reasons.isEmpty, "\(report.reasons)")
        }
        if pieces > 1 {
            #expect(withdrawn > 20)
            let takenBack = try Dataset.open(dataset).segments.reduce(0) { $0 + $1.totalRows(WithdrawnRows.table) }
            #expect(takenBack == withdrawn)
        }
        #expect(try findings(dataset, city.path + "/run-pieces") == expected)
        guard pieces > 1 else { return }

        // Since the last but one generation: what the last delivery tells of, and the rules across persons.
        let persons = try lastPersons(dataset)
        let recent = try findings(dataset, city.path + "/run-since", since: pieces - 1)
        #expect(recent.count < expected.count || persons.count == 700)
        #expect(Set(recent).isSubset(of: Set(expected)))
        let touched = expected.filter { finding in finding.person.map { persons.contains($0) } ?? true }
        #expect(Set(touched).isSubset(of: Set(recent)), "\(Set(touched).subtracting(recent).prefix(3))")

        // Compacted, it is the whole again.
        _ = try Compaction.run(dataset: dataset)
        #expect(try findings(dataset, city.path + "/run-compacted") == expected)
    }

    // MARK: the way there

    private struct Seen: Hashable {
        let person: String?
        let text: String
    }

    private var root: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }

    /// The city's mapping and a list of lines that are taken back.
    private var mapping: String {
        get throws {
            let text = try String(contentsOfFile: root + "/mappings/city.yaml", encoding: .utf8)
            return text.replacingOccurrences(
                of: "\nsources:\n", with: "\nsources:\n  gone: {files: gone.csv, optional: true}\n")
                + "\n  - table: line\n    from: gone\n    action: withdraw\n    fields: {id: no}\n"
        }
    }

    private func ingest(_ mapping: String, _ sources: String, _ dataset: String, segment: String) throws -> IngestReport
    {
        let (plan, problems) = IngestPlan.load(text: mapping, file: "city.yaml")
        var options = IngestOptions()
        options.segment = segment
        options.blockLines = 2000
        return try #require(plan, "\(problems)").run(sources: sources, into: dataset, options: options)
    }

    private func findings(_ dataset: String, _ folder: String, since: Int? = nil) throws -> [Seen] {
        let (loaded, diagnostics) = PlanLoader.load(package: root + "/knowledge")
        let plan = try #require(loaded, "\(diagnostics)")
        var options = AuditOptions()
        options.since = since
        _ = try AuditRun.run(dataset: try Dataset.open(dataset), plan: plan, into: folder, options: options)
        var seen: [Seen] = []
        try FindingsFile(path: folder + "/findings.arrow").visit { finding in
            seen.append(Seen(person: finding.person, text: "\(finding)"))
            return true
        }
        return seen
    }

    private func lastPersons(_ dataset: String) throws -> Set<String> {
        let segment = try #require(try Dataset.open(dataset).segments.last)
        let file = try #require(try segment.file("person"))
        var ids: Set<String> = []
        for batch in 0..<file.batchCount {
            let view = try file.column(0, batch: batch)
            for row in 0..<view.count { ids.insert(view.string(row)) }
        }
        return ids
    }
}

/// One of several deliveries of a city-year: each row in the month it happened, never before its encounter.
///
/// Every thirtieth line comes wrong first, is taken back by the next delivery and comes right with the one after.
private struct Delivery {
    let city: CityFolder
    let piece: Int
    let pieces: Int
    private var pieceOfEncounter: [String: Int] = [:]

    init(_ city: CityFolder, _ piece: Int, of pieces: Int) throws {
        self.city = city
        self.piece = piece
        self.pieces = pieces
        for row in try city.rows("mdtrt_d.csv") {
            pieceOfEncounter[row["mdtrt_id"] ?? ""] = pieceOf(row["begntime"] ?? "")
        }
    }

    private func pieceOf(_ time: String) -> Int {
        let month = Int(time.dropFirst(5).prefix(2)) ?? 1
        let year = Int(time.prefix(4)) ?? 2025
        return year > 2025 ? pieces - 1 : (max(1, min(12, month)) - 1) * pieces / 12
    }

    /// Writes the files of the delivery; returns how many lines it takes back.
    func write() throws -> Int {
        let folder = city.path + "/delivery"
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var gone: [String] = []
        for file in city.summary.files where file.name.hasSuffix(".csv") {
            let text = String(decoding: try city.bytes(file.name), as: UTF8.self)
            var lines = text.split(separator: "\n").map(String.init)
            let header = lines.removeFirst()
            let names = header.split(separator: ",").map(String.init)
            var kept = [header]
            for (number, line) in lines.enumerated() {
                let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                func cell(_ name: String) -> String? { names.firstIndex(of: name).map { cells[$0] } }
                let own = place(file.name, number, lines.count, cell)
                guard file.name == "fee_list_d.csv", own + 2 < pieces, number % 30 == 7 else {
                    if own == piece { kept.append(line) }
                    continue
                }
                if own == piece {
                    kept.append(spoilt(cells, names))
                } else if own + 1 == piece {
                    gone.append(cell("bkkp_sn") ?? "")
                } else if own + 2 == piece {
                    kept.append(line)
                }
            }
            try (kept.joined(separator: "\n") + "\n").write(
                toFile: folder + "/" + file.name, atomically: false, encoding: .utf8)
        }
        if !gone.isEmpty {
            try ("no\n" + gone.joined(separator: "\n") + "\n").write(
                toFile: folder + "/gone.csv", atomically: false, encoding: .utf8)
        }
        return gone.count
    }

    private func spoilt(_ cells: [String], _ names: [String]) -> String {
        var cells = cells
        for (name, value) in [("cnt", "99"), ("det_item_fee_sumamt", "99999.00")] {
            if let index = names.firstIndex(of: name) { cells[index] = value }
        }
        return cells.joined(separator: ",")
    }

    private func place(_ file: String, _ number: Int, _ count: Int, _ cell: (String) -> String?) -> Int {
        switch file {
        case "mdtrt_d.csv": return pieceOfEncounter[cell("mdtrt_id") ?? ""] ?? 0
        case "fee_list_d.csv", "setl_d.csv":
            let time = cell("fee_ocur_time") ?? cell("setl_time") ?? ""
            return max(pieceOfEncounter[cell("mdtrt_id") ?? ""] ?? 0, pieceOf(time))
        case "setl_list_diag_d.csv", "setl_list_oprn_d.csv": return pieceOfEncounter[cell("mdtrt_id") ?? ""] ?? 0
        case "prescription.csv": return pieceOfEncounter[cell("encounter") ?? ""] ?? 0
        case "stock.csv", "scan.csv": return number * pieces / max(1, count)
        default: return 0
        }
    }
}
