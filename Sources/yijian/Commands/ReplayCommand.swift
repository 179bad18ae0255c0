import ArgumentParser
import Audit
import Claims
import Columns
import Documents
import Foundation
import Rules

/// `yijian replay ID`: computes a finding again, with the data generation and the package of its run, and compares.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Compute a finding again and compare it bit for bit (重放).",
        discussion: """
            Uses the generation of the dataset that the run names, and refuses a package with another hash: what is
            proved is that the same knowledge and the same data give the same finding. Exit code 1: they do not.
            """)

    @Argument(help: "The identifier of the finding, or its beginning.")
    var id: String

    @Option(name: .customLong("run"), help: "The folder of the run.")
    var runFolder = "run"

    @Option(name: .customLong("area"), help: "The areas of the run. May be repeated.")
    var areas: [String] = []

    @Flag(name: .long, help: "As JSON.")
    var json = false

    @OptionGroup var surroundings: Surroundings

    @Option(name: .long, help: "The package as it was released for this day.")
    var asOf: DayArgument?

    func run() throws {
        let former = try ExplainCommand.finding(id, in: FindingsRun(folder: runFolder))
        guard former.source == "yijian" else {
            throw CommandError.usage(
                "YJ-205", "this finding was stated by \(former.source) and not computed here",
                advice: "replay findings whose source is yijian")
        }
        let made = try AuditReport.read(runFolder)
        guard let dataset = try surroundings.openDataset(beside: runFolder, generation: made.generation) else {
            throw CommandError.usage("YJ-206", "no dataset is named", advice: "add --dataset FOLDER")
        }
        guard let folder = surroundings.knowledgeFolder else {
            throw CommandError.usage(
                "YJ-204", "there is no experts' package here", advice: "name one with --knowledge FOLDER")
        }
        let loaded = try KnowledgePlan.load(folder, areas: areas, rules: [former.rule], asOf: asOf?.day)
        let plan = loaded.keeping { $0.id == former.rule }
        let version = plan.rules.first?.version ?? "none"
        guard version == former.version else {
            throw CommandError(
                code: "YJ-322", what: "the package at hand is not the one of the run", place: folder,
                why: "rule \(former.rule) is version \(version), the finding was made by \(former.version)",
                advice:
                    "name the day of that time with --as-of, or its package with --knowledge; the run's package hash is \(made.packageHash)"
            )
        }
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yijian-replay-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        var options = AuditOptions()
        options.threads = ProcessInfo.processInfo.activeProcessorCount
        // A finding of one person follows from that person's rows; rules across persons are computed in full.
        options.persons = former.person.map { [$0] }
        // What lay outside the run's period was context, and is again.
        options.from = made.judgedFrom.flatMap { Day($0) }
        options.to = made.judgedTo.flatMap { Day($0) }
        options.undeterminedRows = former.outcome == "undetermined"
        _ = try AuditCommand.audit(dataset, plan: plan, into: scratch.path, options: options)
        let again = try FindingsRun(folder: scratch.path).findings(withPrefix: former.id, limit: 1).first
        let fields = again.map { former.differences(from: $0) } ?? ["absent"]
        try report(former, fields, made)
        if !fields.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }

    private func report(_ record: FindingsRecord, _ fields: [String], _ made: AuditReport) throws {
        if json {
            return try Terminal.show([
                JSONText.members([
                    "id": .text(record.id), "same": .flag(fields.isEmpty),
                    "differs": .array(fields.map(JSONText.text)), "rule": .text(record.rule),
                    "version": .text(record.version), "generation": .integer(Int64(made.generation)),
                    "package_hash": .text(made.packageHash),
                ]).pretty
            ])
        }
        let style = Terminal.style
        let verdict =
            fields.isEmpty
            ? style.green("same") + ": computed again, the finding is the same in every column"
            : style.red("differs") + ": "
                + (fields == ["absent"] ? "computed again, it is not found" : fields.joined(separator: ", "))
        try Terminal.show([
            verdict, "  finding    \(record.id)", "  rule       \(record.rule) version \(record.version)",
            "  data       generation \(made.generation)",
        ])
    }
}
