import ArgumentParser
import Audit
import Documents

/// `yijian explain ID`: one finding with all that proves it, on the screen, as JSON, or as a page to print.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show one finding in full: rule, article, list row, rows, values, horizon.",
        discussion: """
            ID may be shortened to its first characters, as long as one finding is meant. With --line and --rule instead
            of ID: why the rule flags that line or does not, condition by condition, with the values it sees.
            """)

    @Argument(help: "The identifier of the finding, or its beginning.")
    var id: String?

    @Option(name: .long, help: "A fee line (or another row of the rule's unit) to look at; needs --rule.")
    var line: String?

    @Option(name: .long, help: "The rule to look at the line with.")
    var rule: String?

    @Option(name: .customLong("area"), help: "With --line: the areas whose rules and lists hold. May be repeated.")
    var areas: [String] = []

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
        guard (line == nil) == (rule == nil) else { throw ValidationError("--line and --rule go together") }
        if (id == nil) == (line == nil) {
            throw ValidationError("name a finding by ID, or a line with --line and --rule")
        }
    }

    func run() throws {
        if let line, let rule { return try inspect(line, rule) }
        let id = id ?? ""
        let record = try Self.finding(id, in: FindingsRun(folder: runFolder))
        let dataset = try surroundings.openDataset(beside: runFolder)
        let plan = try surroundings.plan()
        let names = try dataset.map { try FindingsNames(dataset: $0) } ?? FindingsNames()
        let wording = FindingsWording(plan: plan, names: names, mask: surroundings.mask())
        let sheet = try FindingsEvidenceSheet(
            record, wording: wording, dataset: dataset,
            evidence: dataset.map { FindingsEvidence(dataset: $0) })
        try write(EvidencePaper(sheet: sheet, names: names))
    }

    /// Why the rule flags the line, or does not.
    private func inspect(_ line: String, _ rule: String) throws {
        guard let dataset = try surroundings.openDataset(beside: runFolder) else {
            throw CommandError.usage("YJ-206", "no dataset is named", advice: "add --dataset FOLDER")
        }
        guard let folder = surroundings.knowledgeFolder else {
            throw CommandError.usage(
                "YJ-204", "there is no experts' package here", advice: "name one with --knowledge FOLDER")
        }
        let plan = try KnowledgePlan.load(folder, areas: areas, rules: [rule])
        guard plan.rules.count == 1 else {
            throw CommandError.usage(
                "YJ-316", "`\(rule)` names \(plan.rules.count) rules", advice: "name one rule by its whole identifier")
        }
        do {
            let inspection = try AuditRun.inspect(dataset: dataset, plan: plan, row: line)
            let paper = InspectionPaper(
                inspection: inspection, rule: plan.rules[0], mask: surroundings.mask(), generation: dataset.generation)
            try write(paper.paper, paper.json)
        } catch is RowNotFound {
            throw CommandError(
                code: "YJ-317", what: "there is no row `\(line)` that rule \(rule) looks at", place: dataset.path,
                why:
                    "the rule judges rows of the table \(plan.rules[0].unit.table.rawValue); lines that were reversed, "
                    + "or taken back by a later delivery, are no longer looked at",
                advice: "name a row of that table by its identifier")
        }
    }

    private func write(_ paper: EvidencePaper) throws { try write(paper.paper, paper.json) }

    private func write(_ paper: Paper, _ text: JSONText) throws {
        let file = try OutputFile(path: output)
        if json {
            try file.write(text.pretty + "\n")
        } else if html {
            try file.write(paper.html)
        } else {
            let style = output == "-" ? Terminal.style : .plain
            for line in paper.lines(width: min(Terminal.width, 160), style: style) { try file.write(line + "\n") }
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
