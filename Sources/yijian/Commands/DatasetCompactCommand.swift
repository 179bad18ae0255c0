import ArgumentParser
import Columns
import Documents
import Foundation
import Ingest

/// `yijian dataset compact DATASET`: many segments become one.
struct DatasetCompactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Make one segment of all; what was corrected or withdrawn is left out (压实).",
        discussion: """
            The result has the bytes that one import of the rows that hold would have written. Earlier generations stay
            readable; `dataset prune` gives them up. Interrupted, the dataset is as it was.
            """)

    @Argument(help: "The folder of the dataset.")
    var dataset: String

    @Option(name: .long, help: "Threads; default: all cores.")
    var threads: Int?

    @Flag(name: .long, help: "The report as JSON.")
    var json = false

    func validate() throws {
        if let threads, !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256") }
    }

    func run() throws {
        var options = IngestOptions()
        options.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        options.progress = { _ in !Interrupt.isPending }
        guard let report = try compact(options) else {
            return try Terminal.show(["Nothing to do: the dataset is one segment already."])
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return try Terminal.show([String(decoding: try encoder.encode(report), as: UTF8.self)])
        }
        var table = TextTable([
            ColumnHead("table", "table"), ColumnHead("kept", "kept", .integer),
            ColumnHead("left", "left out", .integer),
        ])
        for name in report.kept.keys.sorted() {
            table.append([
                .text(name), .integer(Int64(report.kept[name] ?? 0)), .integer(Int64(report.leftOut[name] ?? 0)),
            ])
        }
        try Terminal.show(
            [
                "generation \(report.generation): \(report.segmentsBefore) segments became \(report.segment) "
                    + "with \(report.blocks) blocks"
            ] + table.lines(width: Terminal.width, style: Terminal.style))
    }
}

extension DatasetCompactCommand {
    private func compact(_ options: IngestOptions) throws -> Compaction.Report? {
        do {
            return try Compaction.run(dataset: dataset, options: options)
        } catch {
            try Interrupt.check()
            throw error
        }
    }
}

/// `yijian dataset prune DATASET --keep N`: gives old generations and their files up.
struct DatasetPruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Give up all but the newest generations and remove their files (清理).",
        discussion: """
            Makes a new generation that equals the current one and says from where on the chain is kept. Findings of
            generations that are gone cannot be replayed any more.
            """)

    @Argument(help: "The folder of the dataset.")
    var dataset: String

    @Option(name: .long, help: "How many generations stay, the new one among them.")
    var keep: Int

    func validate() throws {
        if !(1...1_000_000).contains(keep) { throw ValidationError("--keep must be 1 to 1000000") }
    }

    func run() throws {
        _ = try Dataset.open(dataset)
        guard let pruned = try GenerationDraft.prune(dataset: dataset, keeping: keep) else {
            return try Terminal.show(["Nothing to do: no generation is older than that."])
        }
        try Terminal.show(["generation \(pruned.generation); the oldest that is kept is \(pruned.oldest)"])
    }
}
