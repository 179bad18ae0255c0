import ArgumentParser
import Audit
import Claims
import Columns
import Foundation
import Glibc
import Ingest

/// `yijian worker`: one partition of claims on standard input, its findings on standard output (集群工作进程).
///
/// The partition takes the normal road: its streams are ingested into a dataset of its own, which is audited and
/// thrown away. So a cluster gives what one machine gives.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Read a partition as Arrow on stdin, write its findings as Arrow on stdout.",
        discussion: "The protocol is in docs/worker.md. Whole timelines of a person must be in one partition.")

    @Option(name: .long, help: "The experts' package (知识包); default: the one that ships.")
    var knowledge: String?

    @Option(name: .customLong("area"), help: "An area whose overlay applies. May be repeated.")
    var areas: [String] = []

    @Option(name: .long, help: "Only these rules, parted by commas.")
    var rules: String?

    @Option(name: .long, help: "What the whole data covers, not this partition: 2025-01-01..2025-12-31.")
    var coverage: String

    @Flag(name: .long, help: "Nothing exists beyond what is sent (closed world).")
    var closedWorld = false

    @Flag(name: .long, help: "Also write undetermined units as rows.")
    var undetermined = false

    @Option(name: .long, help: "Threads; clusters give a task one core.")
    var threads = 1

    func validate() throws {
        if !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256") }
        _ = try days()
    }

    func run() throws {
        guard let knowledge = knowledge ?? Shipped.folder("knowledge", holding: "package.yaml") else {
            throw CommandError.usage(
                "YJ-204", "there is no experts' package here", advice: "name one with --knowledge FOLDER")
        }
        let plan = try KnowledgePlan.load(
            knowledge, areas: areas, rules: rules?.split(separator: ",").map(String.init))
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yijian-worker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let dataset = scratch.path + "/dataset"
        let (from, to) = try days()
        let tables = try WorkerPartition.receive(into: scratch.path)
        let mapping = try WorkerPartition.mapping(tables, in: scratch.path, from: from, to: to, isClosed: closedWorld)
        let (ingest, problems) = IngestPlan.load(text: mapping, file: "standard input")
        guard let ingest, !problems.contains(where: \.isError) else {
            throw CommandError(
                code: "YJ-343", what: "the partition's columns cannot be used", place: "standard input",
                why: problems.map(\.description).joined(separator: "; "),
                advice: "name tables and columns as `yijian schema` prints them")
        }
        var settings = IngestOptions()
        settings.threads = threads
        let report = try ingest.run(sources: scratch.path, into: dataset, options: settings)
        let rejected = report.balances.reduce(0) { $0 + $1.rejected }
        if rejected > 0 {
            // A cluster has nobody who reads rejects: rows that were sent and not audited must not pass in silence.
            throw CommandError(
                code: "YJ-344", what: "\(rejected) rows of the partition were refused", place: "standard input",
                why: report.reasons.map { "\($0.code) \($0.rows) × \($0.reason)" }.joined(separator: "; "),
                advice: "clean the rows with `yijian ingest` first")
        }
        var options = AuditOptions()
        options.threads = threads
        options.undeterminedRows = undetermined
        _ = try AuditRun.run(
            dataset: try Dataset.open(dataset), plan: plan, into: scratch.path + "/run", options: options)
        var writer = FindingsRecordWriter()
        try FindingsRun(folder: scratch.path + "/run").visit { record in
            try writer.append(record)
            return true
        }
        try writer.write(to: STDOUT_FILENO, name: "standard output")
    }

    private func days() throws -> (Day, Day) {
        guard let dots = coverage.range(of: ".."), let from = Day(coverage[..<dots.lowerBound]),
            let to = Day(coverage[dots.upperBound...]), from <= to
        else { throw ValidationError("--coverage is written FROM..TO, such as 2025-01-01..2025-12-31") }
        return (from, to)
    }
}

/// The tables of a partition, as they arrive.
enum WorkerPartition {
    /// Keeps each table's stream in a file of its own; the names of the tables, in the order of the frames.
    static func receive(into folder: String) throws -> [Table] {
        var tables: [Table] = []
        while let frame = try WorkerProtocol.nextFrame(from: STDIN_FILENO) {
            guard let table = Table(rawValue: frame.table) else {
                throw CommandError(
                    code: "YJ-345", what: "there is no table `\(frame.table)`", place: "standard input",
                    advice: "tables are " + Table.allCases.map(\.rawValue).joined(separator: ", "))
            }
            if let last = tables.last, let a = Table.allCases.firstIndex(of: last),
                let b = Table.allCases.firstIndex(of: table), b <= a
            {
                throw CommandError(
                    code: "YJ-346", what: "table `\(table.rawValue)` comes after `\(last.rawValue)`",
                    place: "standard input",
                    advice: "send the tables once each, in the order of `yijian schema`")
            }
            try WorkerProtocol.spool(frame, from: STDIN_FILENO, to: "\(folder)/\(table.rawValue).arrows")
            tables.append(table)
        }
        return tables
    }

    /// A mapping in which every column is the field of its name; references are identifiers.
    static func mapping(_ tables: [Table], in folder: String, from: Day, to: Day, isClosed: Bool) throws -> String {
        var text = "mapping: worker\ncoverage: {from: \(from), to: \(to), closedWorld: \(isClosed)}\nsources:\n"
        for table in tables { text += "  \(table.rawValue): {files: \(table.rawValue).arrows, format: arrow}\n" }
        text += "tables:\n"
        for table in tables {
            let path = "\(folder)/\(table.rawValue).arrows"
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw CommandError(
                    code: "YJ-403", what: "the partition cannot be read again", place: path, status: .worldFailed)
            }
            defer { close(descriptor) }
            let names = try ArrowStreamReader(descriptor: descriptor, name: "table \(table.rawValue)").fields.map(
                \.name)
            text += "  - table: \(table.rawValue)\n    from: \(table.rawValue)\n    fields:\n"
            for name in names {
                guard table.index(of: name) != nil else {
                    throw CommandError(
                        code: "YJ-347", what: "table `\(table.rawValue)` has no field `\(name)`",
                        place: "standard input",
                        advice: "fields are " + table.fields.map(\.name).joined(separator: ", "))
                }
                text += "      \(name): \(name)\n"
            }
        }
        return text
    }
}
