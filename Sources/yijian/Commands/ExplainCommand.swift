import ArgumentParser
import Audit
import Documents

/// `yijian explain ID`: one finding with all that proves it, on the screen, as JSON, or as a page to print.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show one finding in full: rule, article, list row, rows, values, horizon.",
        discussion: "ID may be shortened to its first characters, as long as one finding is meant.")

    @Argument(help: "The identifier of the finding, or its beginning.")
    var id: String

    @Option(name: .customLong("run"), help: "The folder of the run.")
    var runFolder = "run"

    @Flag(name: .long, help: "As JSON.")
    var json = false

    @Flag(name: .long, help: "As a page for printing (A4).")
    var html = false

    @Option(name: .shortAndLong, help: "The file to write; default: standard output.")
    var output = "-"

    @OptionGroup var surroundings: Surroundings

    func validate() throws {
        if json, html { throw ValidationError("choose one of --json and --html") }
    }

    func run() throws {
        let record = try Self.finding(id, in: FindingsRun(folder: runFolder))
        let dataset = try surroundings.openDataset(beside: runFolder)
        let plan = try surroundings.plan()
        let names = try dataset.map { try FindingsNames(dataset: $0) } ?? FindingsNames()
        let wording = FindingsWording(plan: plan, names: names, mask: surroundings.mask())
        let sheet = try FindingsEvidenceSheet(
            record, wording: wording, plan: plan, dataset: dataset,
            evidence: dataset.map { FindingsEvidence(dataset: $0) })
        try write(EvidencePaper(sheet: sheet, names: names))
    }

    private func write(_ paper: EvidencePaper) throws {
        let file = try OutputFile(path: output)
        if json {
            try file.write(paper.json.pretty + "\n")
        } else if html {
            try file.write(paper.paper.html)
        } else {
            let style = output == "-" ? Terminal.style : .plain
            for line in paper.paper.lines(width: min(Terminal.width, 160), style: style) {
                try file.write(line + "\n")
            }
        }
        try file.finish()
    }

    /// The one finding that an identifier, or its beginning, names.
    static func finding(_ id: String, in run: FindingsRun) throws -> FindingsRecord {
        let found = try run.findings(withPrefix: id, limit: 5)
        if let exact = found.first(where: { $0.id == id }) { return exact }
        guard let first = found.first else {
            throw CommandError(
                code: "YJ-314", what: "there is no finding `\(id)`", place: run.folder,
                advice: "list the findings with `yijian findings \(run.folder)`")
        }
        guard found.count == 1 else {
            throw CommandError(
                code: "YJ-315", what: "`\(id)` begins several identifiers", place: run.folder,
                why: found.map { String($0.id.prefix(16)) }.joined(separator: ", "), advice: "give more characters")
        }
        return first
    }
}
