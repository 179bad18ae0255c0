import ArgumentParser
import Audit
import City
import Columns
import Documents
import Foundation
import Ingest
import Rules

/// `yijian demo`: an invented city-year, made, ingested through the normal door, audited, and shown; then an invented bureau
/// that carries what was found to its end.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract:
            "Make a story city from a seed, ingest it, audit it, show what was found, and let a bureau work on it.")

    @Flag(name: .long, help: "End when everything is shown.")
    var once = false

    @Option(name: .long, help: "The folder to work in.")
    var out = "demo"

    @Option(name: .long, help: "The seed; equal seeds give equal cities.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "Persons in the city; about ten fee lines come from each.")
    var persons = 200_000

    @Option(name: .long, help: "Threads; default: all cores.")
    var threads: Int?

    @Option(name: .long, help: "The experts' package (知识包); default: the one that ships.")
    var knowledge: String?

    func validate() throws {
        if let threads, !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256") }
    }

    func run() throws {
        let style = Terminal.style
        guard let knowledge = knowledge ?? Shipped.folder("knowledge", holding: "package.yaml"),
            let mappings = Shipped.folder("mappings", holding: "city.yaml")
        else {
            throw CommandError.usage(
                "YJ-204", "the shipped rules and mappings are not here",
                advice: "run the demo in the project's folder, or keep knowledge/ and mappings/ beside the program")
        }
        let claims = out + "/claims"
        let dataset = out + "/dataset"
        let run = out + "/run"
        // Only what an earlier demo made is taken away.
        for folder in [claims, dataset, run] where FileManager.default.fileExists(atPath: folder) {
            try FileManager.default.removeItem(atPath: folder)
        }
        try FileManager.default.createDirectory(atPath: claims, withIntermediateDirectories: true)

        let city = try makeCity(in: claims)
        let (plan, diagnostics) = IngestPlan.load(mappingPath: mappings + "/city.yaml")
        guard let plan else {
            throw CommandError(
                code: "YJ-321", what: "the mapping cannot be used", place: mappings + "/city.yaml",
                why: diagnostics.map(\.description).joined(separator: "; "), advice: "restore the shipped mapping")
        }
        let ingested = try IngestCommand.ingest(plan, from: claims, into: dataset) { options in
            if let threads { options.threads = threads }
        }
        let rules = try KnowledgePlan.load(knowledge, areas: [], rules: nil)
        var options = AuditOptions()
        options.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        let opened = try Dataset.open(dataset)
        let report = try AuditCommand.audit(opened, plan: rules, into: run, options: options)

        let names = try FindingsNames(dataset: opened)
        let wording = FindingsWording(plan: rules, names: names)
        let evidence = FindingsEvidence(dataset: opened)
        var lines = [style.bold("云州市：一座虚构的城市的一年") + "  seed \(seed)", ""]
        lines += phases(city, ingested, report)
        lines += ["", style.bold("What was found (审核结果)"), ""]
        lines += try found(in: run, wording: wording, evidence: evidence, report: report)
        try Terminal.show(lines)
        if let record = try shownFinding(in: run) {
            let sheet = try FindingsEvidenceSheet(
                record, wording: wording, dataset: opened, evidence: evidence)
            try Terminal.show(
                ["", style.bold("One of them in full (一条疑点的全部证据)"), ""]
                    + EvidencePaper(sheet: sheet, names: names).paper.lines(
                        width: min(Terminal.width, 120), style: style))
            try Terminal.show(next(run, record))
        }
        let progress = Progress()
        let bureau = try DemoBureau(
            in: out, run: run, dataset: opened, plan: rules, knowledge: knowledge, mappings: mappings, seed: seed
        ) { chapter in
            try Interrupt.check()
            progress.update { "bureau: \(chapter)" }
        }
        Progress.clear()
        let width = min(Terminal.width, 120)
        try Terminal.show([""] + bureau.lines(style: style, width: width))
        try Terminal.show(["", style.bold("Where to look next")] + bureau.next())
    }

    // MARK: The phases

    private struct MadeCity {
        let summary: CitySummary
        let seconds: Double
    }

    private func makeCity(in folder: String) throws -> MadeCity {
        let plan = try CityPlan(seed: seed, persons: persons)
        let progress = Progress()
        let summary = try City.generate(plan, into: folder) { share in
            progress.update(share: Double(share) / 100) { "city" }
        }
        Progress.clear()
        try Interrupt.check()
        return MadeCity(summary: summary, seconds: progress.seconds)
    }

    private func phases(_ city: MadeCity, _ ingested: IngestReport, _ report: AuditReport) -> [String] {
        func rate(_ rows: Int, _ seconds: Double) -> Cell {
            seconds > 0 ? .integer(Int64(Double(rows) / seconds)) : .empty
        }
        var table = TextTable([
            ColumnHead("phase", "phase"), ColumnHead("rows", "rows", .integer),
            ColumnHead("seconds", "seconds", .integer),
            ColumnHead("rate", "rows/s", .integer), ColumnHead("what", "what"),
        ])
        func seconds(_ seconds: Double) -> Cell { .decimal(Int64((seconds * 100).rounded()), scale: 2) }
        let made = city.summary.files.reduce(0) { $0 + $1.rows }
        let read = ingested.balances.reduce(0) { $0 + $1.read }
        let rejected = ingested.balances.reduce(0) { $0 + $1.rejected }
        table.append([
            .text("city"), .integer(Int64(made)), seconds(city.seconds), rate(made, city.seconds),
            .text("\(persons) persons, \(city.summary.stories) stories, \(city.summary.plantedHits) planted hits"),
        ])
        table.append([
            .text("ingest"), .integer(Int64(read)), seconds(ingested.seconds), rate(read, ingested.seconds),
            .text("\(rejected) rows rejected"),
        ])
        table.append([
            .text("audit"), .integer(Int64(report.lines)), seconds(report.seconds), rate(report.lines, report.seconds),
            .text("\(report.rules.count) rules, \(report.threads) threads"),
        ])
        return table.lines(width: Terminal.width, style: Terminal.style)
    }

    /// Per rule: findings, money, and one of its sentences.
    private func found(
        in run: String, wording: FindingsWording, evidence: FindingsEvidence, report: AuditReport
    ) throws -> [String] {
        var groups = FindingsGroups(by: .rule)
        var examples: [String: String] = [:]
        let findings = try FindingsRun(folder: run)
        let encounters = try EncounterIndex(findings, FindingsSelection(), evidence)
        try findings.visit { record in
            groups.add(record, encounterOf: encounters.encounter)
            if examples[record.rule] == nil, record.isConclusion {
                examples[record.rule] = wording.statement(of: record)
            }
            return true
        }
        var table = TextTable([
            ColumnHead("rule", "规则"), ColumnHead("findings", "疑点", .integer),
            ColumnHead("gross", "涉及金额", .decimal(scale: 2)), ColumnHead("loss", "基金损失", .decimal(scale: 2)),
            ColumnHead("example", "例如"),
        ])
        for group in groups.groups() {
            let rule = group.value ?? ""
            table.append([
                .text(rule + " " + wording.ruleName(rule)), .integer(Int64(group.conclusions.findings)),
                .money(group.conclusions.gross), .money(group.conclusions.loss), Cell(examples[rule]),
            ])
        }
        let totals = try FindingsListCommand.totals(of: findings, FindingsSelection(), evidence)
        var lines =
            table.lines(width: Terminal.width, style: Terminal.style) + [""] + totals.lines(style: Terminal.style)
        let undetermined = report.rules.reduce(0) { $0 + $1.undetermined }
        let notRun = report.rules.filter { $0.notRunnable != nil }
        if undetermined > 0 { lines.append("  未决 \(undetermined) 个审核单元，原因见 \(run)/coverage.json") }
        for rule in notRun { lines.append("  规则 \(rule.rule) 未能运行：\(rule.notRunnable ?? "")") }
        return lines
    }

    /// A violation with involved rows shows most; else any conclusion.
    private func shownFinding(in run: String) throws -> FindingsRecord? {
        var shown: FindingsRecord?
        try FindingsRun(folder: run).visit { record in
            guard record.isConclusion else { return true }
            if shown == nil { shown = record }
            let isTelling =
                record.outcome == "violation" && record.value != nil && record.list != nil
                && record.violating.count + record.involved.count > 1
            if isTelling { shown = record }
            return !isTelling
        }
        return shown
    }

    private func next(_ run: String, _ record: FindingsRecord) -> [String] {
        [
            "", Terminal.style.bold("Where to look next"),
            "  yijian findings \(run) --group institution",
            "  yijian findings \(run) --where rule=\(record.rule)",
            "  yijian findings \(run) --format xlsx --output \(out)/违规明细表.xlsx",
            "  yijian explain \(record.id.prefix(12)) --run \(run) --html --output \(out)/evidence.html",
            "  yijian replay \(record.id.prefix(12)) --run \(run)",
            "  \(out)/claims/truth.csv says what was planted; \(run)/coverage.json what could not be known",
        ]
    }
}
