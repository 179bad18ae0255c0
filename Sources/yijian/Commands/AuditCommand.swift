import ArgumentParser
import Audit
import Claims
import Columns
import Documents
import Foundation
import Rules

/// `yijian audit`: every rule over a dataset, in as few passes as the keys need.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Evaluate the rules over a dataset and write the findings (审核).",
        discussion: """
            The folder of the run gets findings.arrow, run.json and coverage.json. Interrupted, the folder keeps what it
            had before, and the same command goes on from where it was; --afresh begins again.
            """)

    @Argument(help: "The folder of the dataset.")
    var dataset: String

    @Option(name: .long, help: "The experts' package (知识包); default: knowledge here or beside the program.")
    var knowledge: String?

    @Option(name: .customLong("area"), help: "An area whose overlay applies, such as 370000. May be repeated.")
    var areas: [String] = []

    @Option(name: .long, help: "Only these rules, parted by commas.")
    var rules: String?

    @Option(name: .long, help: "The package as it was released for this day (see `rules release`).")
    var asOf: DayArgument?

    @Option(name: .long, help: "Only what happened on these days: 2025-01-01..2025-03-31; either side may be left out.")
    var period: String?

    @Option(name: .long, help: "An earlier generation of the dataset.")
    var generation: Int?

    @Option(
        name: .long,
        help: "Rules about one person look only at persons of whom something new was said since this generation.")
    var since: Int?

    @Option(
        name: .long,
        help: "Go on from an earlier run: as --since its generation; in full when rules or lists are others now.")
    var after: String?

    @Option(name: .long, help: "The folder of the run.")
    var into = "run"

    @Option(name: .long, help: "Threads; default: all cores.")
    var threads: Int?

    @Flag(name: .long, help: "Also write undetermined units as rows.")
    var undetermined = false

    @Flag(name: .long, help: "Take the general path for every rule; slower, the findings are the same.")
    var general = false

    @Flag(name: .long, help: "Begin again, even where an equal run was stopped half-way.")
    var afresh = false

    @Flag(name: .long, help: "Print where the time went.")
    var profile = false

    @Flag(name: .long, help: "The report as JSON.")
    var json = false

    func validate() throws {
        if let threads, !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256") }
        _ = try days()
        if since != nil, after != nil { throw ValidationError("--since and --after say the same; give one of them") }
    }

    func run() throws {
        guard let folder = knowledge ?? Shipped.folder("knowledge", holding: "package.yaml") else {
            throw CommandError.usage(
                "YJ-204", "there is no experts' package here", advice: "name one with --knowledge FOLDER")
        }
        let ids = rules?.split(separator: ",").map(String.init)
        let plan = try KnowledgePlan.load(folder, areas: areas, rules: ids, asOf: asOf?.day)
        var options = AuditOptions()
        options.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        (options.from, options.to) = try days()
        options.undeterminedRows = undetermined
        options.since = try since ?? after.flatMap { try generation(of: $0, plan) }
        options.generalPathOnly = general
        options.goesOn = !afresh
        let report = try Self.audit(
            try Dataset.open(dataset, generation: generation), plan: plan, into: into, options: options)
        if json {
            return try Terminal.show([
                String(decoding: try Data(contentsOf: URL(fileURLWithPath: into + "/run.json")), as: UTF8.self)
            ])
        }
        try Terminal.show(
            AuditSummary(report: report, plan: plan).lines(profile: profile, style: Terminal.style)
                + ["", "Next: yijian findings \(into) --group rule", "      yijian findings \(into) --limit 20"])
    }

    /// Audits with progress on the terminal and Ctrl-C heard.
    static func audit(
        _ dataset: Dataset, plan: Plan, into folder: String, options: AuditOptions
    ) throws -> AuditReport {
        let progress = Progress()
        defer { Progress.clear() }
        return try AuditRun.run(dataset: dataset, plan: plan, into: folder, options: options) { state in
            let share = state.linesTotal > 0 ? Double(state.linesDone) / Double(state.linesTotal) : nil
            progress.update(share: share) {
                "audit  \(state.linesDone) of \(state.linesTotal) lines  \(state.findings) findings"
            }
            return !Interrupt.isPending
        }
    }

    /// The generation that an earlier run looked at; nil when it had other rules or lists: then all is looked at again.
    private func generation(of run: String, _ plan: Plan) throws -> Int? {
        let made: AuditReport
        do {
            made = try AuditReport.read(run)
        } catch {
            throw CommandError(
                code: "YJ-361", what: "the earlier run cannot be read", place: run + "/run.json",
                why: "\(error.localizedDescription)",
                advice: "name the folder of a finished run, or leave --after out and audit everything")
        }
        let asked = Set(made.rules.map(\.rule))
        let isWhole = made.judgedFrom == nil && made.judgedTo == nil && plan.rules.allSatisfy { asked.contains($0.id) }
        if made.packageHash == plan.packageHash, isWhole { return made.generation }
        Terminal.say(
            made.packageHash == plan.packageHash
                ? "note: \(run) kept to some days or rules; everybody is looked at"
                : "note: rules or lists are not those of \(run) (\(made.packageHash.prefix(12)), now "
                    + "\(plan.packageHash.prefix(12))); everybody is looked at")
        return nil
    }

    private func days() throws -> (Day?, Day?) {
        guard let period else { return (nil, nil) }
        guard let dots = period.range(of: "..") else {
            throw ValidationError("--period is written FROM..TO, such as 2025-01-01..2025-03-31")
        }
        func day(_ text: Substring) throws -> Day? {
            guard !text.isEmpty else { return nil }
            guard let day = Day(text) else {
                throw ValidationError("--period: there is no day `\(text)`; write yyyy-mm-dd")
            }
            return day
        }
        let from = try day(period[..<dots.lowerBound])
        let to = try day(period[dots.upperBound...])
        if let from, let to, to < from { throw ValidationError("--period ends before it begins") }
        return (from, to)
    }
}

/// What a run did, in print: counts and speed, then for every rule what it looked at and what it could not know
/// (覆盖报告).
struct AuditSummary {
    let report: AuditReport
    let plan: Plan

    func lines(profile: Bool, style: TerminalStyle) -> [String] {
        let nanoseconds = report.lines > 0 ? Int(report.seconds * 1e9 / Double(report.lines)) : 0
        var lines = [
            style.bold("\(report.findings) findings") + " in \(report.lines) lines of \(report.persons) persons, "
                + "\(Clock.text(report.seconds)) with \(report.threads) threads (\(nanoseconds) ns a line)",
            "generation \(report.generation), coverage \(report.coverageFrom) … \(report.coverageTo)"
                + (report.closedWorld ? " (closed world)" : "")
                + "; package \(report.packageName) \(report.packageVersion) \(report.packageHash.prefix(12))",
        ]
        if let narrowed = report.narrowed { lines.append("rules about one person looked at " + narrowed) }
        if report.reversals > 0 || report.orphanReversals > 0 {
            lines.append(
                "\(report.reversals) reversals were netted; \(report.orphanReversals) name no line that is there and take no part"
            )
        }
        var table = TextTable([
            ColumnHead("rule", "rule"), ColumnHead("name", "规则"), ColumnHead("path", "path"),
            ColumnHead("evaluated", "evaluated", .integer), ColumnHead("findings", "findings", .integer),
            ColumnHead("undetermined", "undetermined", .integer),
            ColumnHead("note", "could not look, or mostly because"),
        ])
        let names = Dictionary(plan.rules.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        for rule in report.rules {
            table.append([
                .text(rule.rule), .text(names[rule.rule] ?? ""), .text(rule.path), .integer(Int64(rule.evaluated)),
                .integer(Int64(rule.findings)), .integer(Int64(rule.undetermined)), .text(Self.note(rule)),
            ])
        }
        lines += [""] + table.lines(width: Terminal.width, style: style)
        if profile {
            lines +=
                [""]
                + report.phases.map { phase in
                    DisplayWidth.padded(phase.name, to: 12) + Clock.text(phase.seconds)
                }
        }
        return lines
    }

    private static func note(_ rule: AuditReport.RuleCoverage) -> String {
        if let reason = rule.notRunnable { return "NOT RUN: " + reason }
        let causes = rule.causes.map { ($0.key, $0.value.values.reduce(0, +)) }
        guard let top = causes.max(by: { $0.1 != $1.1 ? $0.1 < $1.1 : $0.0 > $1.0 }) else { return "" }
        return "\(top.0) (\(top.1))"
    }
}
