import Columns
import Foundation
import Testing

@testable import Ingest

/// A folder of sources and a dataset, gone when the test ends.
final class Workbench {
    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/ingest-test-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var sources: String { folder + "/in" }
    var dataset: String { folder + "/ds" }

    func put(_ name: String, _ text: String) throws { try put(name, Data(text.utf8)) }
    func put(_ name: String, _ data: Data) throws { try data.write(to: URL(fileURLWithPath: sources + "/" + name)) }

    func run(
        _ mapping: String, threads: Int = 2, segment: String? = nil, dataset: String? = nil, blockLines: Int = 32_768
    ) throws -> IngestReport {
        let (plan, diagnostics) = IngestPlan.load(text: mapping, file: "test.yaml")
        let sound = try #require(plan, "\(diagnostics)")
        var options = IngestOptions()
        options.threads = threads
        options.segment = segment
        options.blockLines = blockLines
        return try sound.run(sources: sources, into: dataset ?? self.dataset, options: options)
    }

    /// Every row of a table over all segments, as texts by field name.
    func rows(_ table: String, dataset: String? = nil) throws -> [[String: String]] {
        let opened = try Dataset.open(dataset ?? self.dataset)
        var result: [[String: String]] = []
        for segment in opened.segments {
            guard let file = try segment.file(table) else { continue }
            result += try read(file)
        }
        return result
    }

    func masterRows(_ table: String) throws -> [[String: String]] {
        guard let file = try Dataset.open(dataset).master(table) else { return [] }
        return try read(file)
    }

    private func read(_ file: ArrowFile) throws -> [[String: String]] {
        var result: [[String: String]] = []
        for batch in 0..<file.batchCount {
            for row in 0..<file.rowCount(ofBatch: batch) {
                var values: [String: String] = [:]
                for (index, field) in file.fields.enumerated() {
                    let view = try file.column(index, batch: batch)
                    guard view.isValid(row) else { continue }
                    switch view.type {
                    case .utf8: values[field.name] = view.string(row)
                    case .dictionary: values[field.name] = try file.dictionary(index).string(Int(view.int32[row]))
                    case .decimal64, .int64: values[field.name] = String(view.int64[row])
                    case .bool: values[field.name] = view.bool(row) ? "true" : "false"
                    default: values[field.name] = String(view.int32[row])
                    }
                }
                result.append(values)
            }
        }
        return result
    }

    func reject(_ report: IngestReport) throws -> String {
        let path = try #require(report.rejectsFile)
        return try String(contentsOfFile: path, encoding: .utf8)
    }
}

extension IngestReport {
    func balance(_ table: String) -> TableBalance? { balances.first { $0.table.rawValue == table } }

    var isBalanced: Bool { balances.allSatisfy { $0.isBalanced } }
}

/// A numbered source of chance: the same numbers on every run.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

let clinicMapping = """
    mapping: clinic
    coverage: {from: 2024-01-01, to: 2024-12-31, closedWorld: true}
    sources:
      visits: "visits*.csv"
      lines: "lines*.csv"
    tables:
      - table: encounter
        from: visits
        fields: {id: visit, person: person, institution: house, start: begin, setting: {column: type, map: {"1": outpatient, "2": inpatient}}}
      - table: line
        from: lines
        fields: {id: no, encounter: visit, item: item, time: at, quantity: count, price: price, amount: sum, reverses: back, version: changed}
    """
