import ArgumentParser
import Claims
import Columns
import Documents
import Foundation
import Ingest
import Ledger
import Web

/// `yijian dataset absorb DATASET`: what the service received becomes part of the dataset.
struct DatasetAbsorbCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "absorb", abstract: "Make what the service received part of a dataset (并入数据集).",
        discussion: """
            Reads the journal from where the dataset's generation says it was read to, also while the service runs, and
            imports its uploads through the mapping of national messages. Nothing is counted twice: run again, there is
            nothing to do; interrupted, the dataset is as it was. Refused rows lie beside the dataset as after `ingest`.
            """)

    @Argument(help: "The dataset to make or to grow.")
    var dataset: String

    @OptionGroup var file: ServiceFile

    @Option(name: .long, help: "The mapping; default: mappings/national-messages.yaml.")
    var mapping: String?

    @Option(name: .long, help: "Threads; default: all cores.")
    var threads: Int?

    @Option(name: .long, help: "Records of the journal that are taken in one generation.")
    var records = 1_000_000

    @Flag(name: .long, help: "The report as JSON, one object a generation.")
    var json = false

    func validate() throws {
        if let threads, !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256") }
        if !(1...100_000_000).contains(records) { throw ValidationError("--records must be 1 to 100000000") }
    }

    func run() throws {
        let settings = try file.read()
        let plan = try readMapping()
        let journal = try Journal.read(
            settings.journal, keys: try KeyFile.read(settings.journalKeys ?? settings.journal + ".keys"))
        let keeper = JournalRecords(journal)
        let keys = try file.gatewayKeys(settings)
        let names = settings.names(try file.personKey(settings))
        let verifier = SignatureVerifier(keys: keys)
        let delivery = JournalDelivery(
            keeper, tables: { settings.institution($0)?.tables ?? CodeTables() },
            decipher: { verifier.decipher($0, settings) }, names: names)
        var position = try start(keeper, journal)
        var isAnything = false
        while position < journal.opening.nextSequence {
            let (extent, report) = try absorb(delivery, plan, from: position, JournalDelivery.note(keeper))
            if let report {
                isAnything = true
                try show(extent, report)
            }
            guard extent.to > position else { break }
            position = extent.to
        }
        if !isAnything, !json {
            try Terminal.show(["Nothing to do: the journal up to record \(position) is in the dataset."])
        }
    }

    /// Where to go on, as the dataset's newest generation says.
    private func start(_ keeper: JournalRecords, _ journal: Journal) throws -> UInt64 {
        guard (Dataset.currentGeneration(dataset) ?? 0) > 0 else { return 0 }
        let position = JournalDelivery.position(try Dataset.open(dataset).notes, keeper)
        guard position <= journal.opening.nextSequence else {
            throw CommandError(
                code: "YJ-426",
                what: "the dataset took account of records up to \(position), the journal ends before "
                    + "\(journal.opening.nextSequence)",
                place: journal.folder, why: "an older copy of the journal was put back, or its tail was lost",
                advice: "run `yijian journal verify` with an anchor and restore the journal")
        }
        return position
    }

    private func readMapping() throws -> IngestPlan {
        let name = "national-messages.yaml"
        guard let path = mapping ?? Shipped.folder("mappings", holding: name).map({ $0 + "/" + name }) else {
            throw CommandError.usage("YJ-211", "there is no \(name) here", advice: "name one with --mapping FILE")
        }
        let (plan, diagnostics) = IngestPlan.load(mappingPath: path)
        Terminal.say(diagnostics.map(\.description))
        guard let plan, !diagnostics.contains(where: \.isError) else {
            throw CommandError(
                code: "YJ-321", what: "the mapping cannot be used", place: path,
                advice: "mend what is named above; `yijian ingest --check` reads it again")
        }
        return plan
    }

    /// One generation; no report when nothing was received in that stretch of the journal.
    private func absorb(
        _ delivery: JournalDelivery, _ plan: IngestPlan, from position: UInt64, _ note: String
    ) throws -> (JournalDelivery.Extent, IngestReport?) {
        // The messages lie in the open here while they are imported: nobody else may read them, and they are removed.
        let folder = dataset + ".absorbing"
        let files = FileManager.default
        try? files.removeItem(atPath: folder)
        try files.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? files.removeItem(atPath: folder) }
        let extent = try delivery.write(
            from: position, recordsMax: records, to: folder + "/\(position).ndjson", proceed: Interrupt.check)
        guard !extent.isEmpty else { return (extent, nil) }
        let report = try IngestCommand.ingest(plan, from: folder, into: dataset) { options in
            if let threads { options.threads = threads }
            options.notes = [note: String(extent.to)]
            // The same messages may be said again about visits of which something came since.
            options.repeats = true
            options.segment = "journal-\(note.suffix(8))-\(position)-\(extent.to)"
            options.workFolder = folder + "/work"
        }
        return (extent, report)
    }

    private func show(_ extent: JournalDelivery.Extent, _ report: IngestReport) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let whole = String(decoding: try encoder.encode(report), as: UTF8.self)
            return try Terminal.show([
                "{\"from\":\(extent.from),\"to\":\(extent.to),\"received\":\(extent.received),"
                    + "\"again\":\(extent.again),\"undone\":\(extent.undone),\"report\":\(whole)}"
            ])
        }
        try Terminal.show(
            [
                "records \(extent.from) to \(extent.to - 1): \(extent.received) uploads, with \(extent.again) earlier "
                    + "ones about the same visits" + (extent.undone > 0 ? ", \(extent.undone) rows taken back" : "")
            ] + report.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
        if report.balances.contains(where: { !$0.isBalanced }) { throw CommandError.Quiet(status: .checkFailed) }
    }
}
