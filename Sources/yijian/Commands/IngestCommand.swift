import ArgumentParser
import Documents
import Foundation
import Ingest

/// `yijian ingest`: foreign extracts become a dataset, through a mapping file.
struct IngestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest", abstract: "Turn foreign extracts into a dataset through a mapping file (导入).",
        discussion: """
            Bad rows go to a rejects file with file, line, field and reason; their neighbours go on. The same files
            again are a repeat and change nothing. Interrupted, nothing is half imported: the same command goes on after the
            last file that was kept (every 20 seconds, beside the dataset).
            """)

    @Argument(help: "The folder with the files that the mapping names.")
    var sources: String

    @Option(name: .long, help: "The mapping file (see docs/mapping.md).")
    var mapping: String

    @Option(name: .long, help: "The dataset to make or to grow.")
    var into = "dataset"

    @Option(name: .long, help: "The name of the new segment; default: from the mapping and the content.")
    var segment: String?

    @Option(name: .customLong("key"), help: "The key file for persons' pseudonyms, at least 16 bytes.")
    var keyFile: String?

    @Option(name: .long, help: "Where refused rows are written; default: beside the dataset.")
    var rejects: String?

    @Option(name: .long, help: "Threads; default: all cores.")
    var threads: Int?

    @Option(name: .long, help: "Megabytes of a delivery held in memory; more lie in files meanwhile. Default: 512.")
    var memory: Int?

    @Option(name: .long, help: "Where rows and decoded files lie meanwhile; default: beside the dataset.")
    var work: String?

    @Option(name: .long, help: "Seconds after which what was read is kept, for going on when stopped; default: 20.")
    var keepEvery: Double?

    @Flag(name: .long, help: "Refuse rows with identity numbers or codes that break the national form (ING022).")
    var strictCodes = false

    @Flag(name: .long, help: "Explain what would come from where, with the first values, and change nothing.")
    var check = false

    @Flag(name: .long, help: "The report as JSON.")
    var json = false

    func validate() throws {
        if let threads, !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256") }
        if let keepEvery, !(0...86_400).contains(keepEvery) { throw ValidationError("--keep-every must be 0 to 86400") }
        if let memory, !(1...1_000_000).contains(memory) { throw ValidationError("--memory must be 1 to 1000000") }
    }

    func run() throws {
        let (plan, diagnostics) = IngestPlan.load(mappingPath: mapping)
        Terminal.say(diagnostics.map(\.description))
        guard let plan, !diagnostics.contains(where: \.isError) else {
            if check { throw CommandError.Quiet(status: .checkFailed) }
            throw CommandError(
                code: "YJ-321", what: "the mapping cannot be used", place: mapping,
                advice: "mend what is named above; `yijian ingest --check` reads it again")
        }
        if check {
            let explanation = try plan.check(sources: sources)
            try Terminal.show(
                explanation.lines + [
                    explanation.isSound
                        ? "The mapping `\(plan.name)` can be used."
                        : "The mapping `\(plan.name)` does not fit these files."
                ])
            if !explanation.isSound { throw CommandError.Quiet(status: .checkFailed) }
            return
        }
        let report = try Self.ingest(plan, from: sources, into: into) { options in
            if let threads { options.threads = threads }
            options.segment = segment
            options.keyFile = keyFile
            options.rejectsFolder = rejects
            options.workFolder = work
            options.strictCodes = strictCodes
            if let keepEvery { options.partSeconds = keepEvery }
            if let memory { options.memoryBytes = memory << 20 }
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try Terminal.show([String(decoding: try encoder.encode(report), as: UTF8.self)])
        } else {
            try Terminal.show(report.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
        }
        if report.balances.contains(where: { !$0.isBalanced }) { throw CommandError.Quiet(status: .checkFailed) }
    }

    /// Imports with progress on the terminal and Ctrl-C heard.
    static func ingest(
        _ plan: IngestPlan, from sources: String, into dataset: String,
        _ configure: (inout IngestOptions) -> Void = { _ in }
    ) throws -> IngestReport {
        var options = IngestOptions()
        options.threads = ProcessInfo.processInfo.activeProcessorCount
        configure(&options)
        let progress = Progress()
        options.progress = { state in
            let share = state.bytesTotal > 0 ? Double(state.bytes) / Double(state.bytesTotal) : nil
            progress.update(share: share) {
                "ingest \(state.phase.rawValue)  \(state.rows) rows  \(Int(state.rowsPerSecond)) rows/s"
            }
            return !Interrupt.isPending
        }
        defer { Progress.clear() }
        do {
            return try plan.run(sources: sources, into: dataset, options: options)
        } catch {
            try Interrupt.check()
            throw error
        }
    }
}
