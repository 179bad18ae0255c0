import ArgumentParser
import Audit
import Claims
import Columns
import Documents
import Foundation
import Knowledge
import Rules
import Workshop

/// `yijian rules backtest`: what a rule would have found in a dataset, and what it changes against another version.
struct RulesBacktestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backtest", abstract: "Run one rule over past claims: gained, lost, kept, money, a sample (规则回测).",
        discussion: """
            RULE is a file, in the package or not, or an identifier. --against is a file, the beginning of a released
            version, or `released` for the version in force; without it every hit is gained. Both versions run in one
            pass. Reviews are a CSV with the columns key and right (是/否, true/false, 1/0).
            """)

    @Argument(help: "The rule's file, or its identifier.")
    var rule: String

    @Option(name: .long, help: "The folder of the dataset.")
    var dataset: String

    @Option(name: .long, help: "The version to compare with.")
    var against: String?

    @Option(name: .long, help: "The experts' package (知识包) whose lists are used; default: as for other commands.")
    var knowledge: String?

    @Option(name: .customLong("area"), help: "An area whose overlay applies. May be repeated.")
    var areas: [String] = []

    @Option(name: .long, help: "Hits to draw for review.")
    var sample = 60

    @Option(name: .long, help: "Fixes which hits are drawn.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "What reviewers said of hits: a CSV with the columns key and right.")
    var reviews: String?

    @Option(name: .long, help: "Right cases that others know, that the rule should have found, and did not.")
    var elsewhere = 0

    @Option(name: .long, help: "Threads; default: all cores.")
    var threads: Int?

    @Option(name: .long, help: "Also write a page to print.")
    var html: String?

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func validate() throws {
        guard (0...100_000).contains(sample) else { throw ValidationError("--sample must be 0 to 100000") }
        guard elsewhere >= 0 else { throw ValidationError("--elsewhere must not be negative") }
        if let threads, !(1...256).contains(threads) { throw ValidationError("--threads must be 1 to 256") }
    }

    func run() throws {
        let folder = try PackageFolder.find(knowledge)
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yijian-backtest-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let path = try file(of: rule, in: folder)
        let bench = RuleBench(package: folder, areas: areas, scratch: scratch.path)
        let (own, lists) = try bench.load(path, into: "now")
        var rules = [own]
        var describedAgainst = "无"
        if let against, let former = try version(against, of: own, in: folder, bench) {
            describedAgainst = "\(against) \(former.version)"
            rules.append(former.inShadow)
        }
        let (package, problems) = KnowledgePackage.open(folder, areas: areas)
        guard let package else { throw RulesSignCommand.unusable(problems, folder) }
        let plan = Plan(
            rules: rules.sorted { $0.id < $1.id }, lists: lists, packageName: package.name,
            packageVersion: package.version, packageHash: package.hash)
        var options = AuditOptions()
        options.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        let opened = try Dataset.open(dataset)
        let report = try AuditCommand.audit(opened, plan: plan, into: scratch.path + "/run", options: options)
        if let missing = report.rules.first(where: { $0.notRunnable != nil }) {
            throw CommandError(
                code: "YJ-369", what: "the rule cannot run on this dataset", place: dataset, why: missing.notRunnable,
                advice: "bring in what is missing, or choose another dataset")
        }
        let backtest = try Self.collect(scratch.path + "/run", own.id, sample: sample, seed: seed, report)
        let quality = try reviews.map { backtest.quality(try Self.reviews($0), elsewhere: elsewhere) }
        let page = BacktestPage(
            rule: own.id, name: own.name, version: own.version, against: describedAgainst,
            dataset: "\(report.lines) 行明细，第 \(report.generation) 代", backtest: backtest, quality: quality)
        if let html {
            let output = try OutputFile(path: html)
            try output.write(page.html)
            try output.finish()
        }
        let digest = SHA256.hex(of: [UInt8](FileManager.default.contents(atPath: path) ?? Data()))
        let wording = BacktestWording(page: page, report: report, fileDigest: digest)
        try Terminal.show(json ? [wording.object.pretty] : wording.lines(style: Terminal.style))
    }

    private func file(of rule: String, in folder: String) throws -> String {
        if rule.hasSuffix(".yaml") || rule.contains("/") { return rule }
        let (opened, problems) = KnowledgePackage.open(folder, areas: areas)
        guard let package = opened else { throw RulesSignCommand.unusable(problems, folder) }
        let files = package.files(.rule)
        guard let file = files.last(where: { $0.stem == rule }) else {
            throw CommandError.usage(
                "YJ-364", "the package has no rule file \(rule).yaml",
                advice: Suggestion.nearest(to: rule, among: files.map(\.stem)).map { "did you mean \($0)?" }
                    ?? "name the file")
        }
        return "\(folder)/\(file.path)"
    }

    /// The version to compare with, under its own scratch package; nil when nothing was released.
    private func version(_ against: String, of rule: Rule, in folder: String, _ bench: RuleBench) throws -> Rule? {
        if against.hasSuffix(".yaml") || against.contains("/") { return try bench.load(against, into: "before").rule }
        if against == "released" {
            let plan = try KnowledgePlan.load(folder, areas: areas, rules: [rule.id])
            return plan.rules.first { $0.id == rule.id }
        }
        let (opened, _) = KnowledgePackage.open(folder, areas: areas)
        guard let package = opened, let file = package.files(.rule).last(where: { $0.stem == rule.id }),
            let former = package.former(against, of: file)
        else {
            throw CommandError.usage(
                "YJ-364", "there is no released version \(against) of \(rule.id)",
                advice: "give 12 digits of one in its history, or a file")
        }
        return try bench.load(bytes: former.bytes, name: rule.id, into: "before").rule
    }

    private static func collect(
        _ run: String, _ id: String, sample: Int, seed: UInt64, _ report: AuditReport
    ) throws -> Backtest {
        var backtest = Backtest(sample: sample, seed: seed)
        func hit(_ record: FindingsRecord) -> Backtest.Hit {
            Backtest.Hit(
                key: record.key, outcome: record.outcome, institution: record.institution ?? "",
                month: record.day.map { String("\($0)".prefix(7)) } ?? "", person: record.person ?? "",
                gross: record.gross ?? 0, loss: record.loss ?? 0)
        }
        let findings = try FindingsRun(folder: run)
        try findings.visit { record in
            if record.isConclusion, record.rule != id { backtest.addFormer(hit(record)) }
            return true
        }
        try findings.visit { record in
            if record.isConclusion, record.rule == id { backtest.add(hit(record)) }
            return true
        }
        backtest.finish()
        for rule in report.rules {
            if rule.rule == id {
                backtest.undetermined.now = rule.undetermined
            } else {
                backtest.undetermined.before = rule.undetermined
            }
        }
        return backtest
    }

    private static func reviews(_ path: String) throws -> ReviewOutcomes {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(code: "YJ-361", what: "the file cannot be read", place: path, advice: "check its name")
        }
        let content = try ListContent([UInt8](data), file: path)
        guard let key = content.header.firstIndex(of: "key"), let right = content.header.firstIndex(of: "right") else {
            throw CommandError(
                code: "YJ-370", what: "reviews need the columns key and right", place: path,
                why: "the header is \(content.header.joined(separator: ","))",
                advice: "take the sample of the JSON as a start")
        }
        var outcomes: [String: Bool] = [:]
        for (number, row) in content.rows.enumerated() {
            switch row[right].lowercased() {
            case "": continue
            case "是", "true", "1", "属实": outcomes[row[key]] = true
            case "否", "false", "0", "不属实": outcomes[row[key]] = false
            default:
                throw CommandError(
                    code: "YJ-370", what: "`\(row[right])` is neither right nor wrong", place: "\(path):\(number + 2)",
                    advice: "write 是 or 否; leave it empty while nobody has looked")
            }
        }
        return ReviewOutcomes(outcomes)
    }
}

/// A package with one rule in it and the lists of another: where a rule is tried without touching what is in force.
struct RuleBench {
    let package: String
    let areas: [String]
    let scratch: String

    func load(_ path: String, into name: String) throws -> (rule: Rule, lists: [String: KnowledgeList]) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                code: "YJ-361", what: "the file cannot be read", place: path, advice: "check its name and permissions")
        }
        let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return try load(bytes: [UInt8](data), name: stem, into: name)
    }

    func load(bytes: [UInt8], name: String, into folder: String) throws -> (rule: Rule, lists: [String: KnowledgeList])
    {
        let place = "\(scratch)/\(folder)"
        let files = FileManager.default
        try files.createDirectory(atPath: place + "/rules", withIntermediateDirectories: true)
        let absolute = URL(fileURLWithPath: package).standardizedFileURL.path
        try files.copyItem(atPath: absolute + "/package.yaml", toPath: place + "/package.yaml")
        if files.fileExists(atPath: absolute + "/lists") {
            try files.createSymbolicLink(atPath: place + "/lists", withDestinationPath: absolute + "/lists")
        }
        // An area's lists count, its rules and changes of other rules do not.
        for area in areas {
            let from = "\(absolute)/areas/\(area)"
            guard files.fileExists(atPath: from) else { continue }
            try files.createDirectory(atPath: "\(place)/areas/\(area)", withIntermediateDirectories: true)
            for part in ["lists", "package.yaml"] where files.fileExists(atPath: "\(from)/\(part)") {
                try files.createSymbolicLink(
                    atPath: "\(place)/areas/\(area)/\(part)", withDestinationPath: "\(from)/\(part)")
            }
        }
        try Data(bytes).write(to: URL(fileURLWithPath: "\(place)/rules/\(name).yaml"))
        let (plan, diagnostics) = PlanLoader.load(
            package: place, areas: areas, demand: .runnable, version: .workingCopy)
        guard let plan, let rule = plan.rules.first else {
            throw CommandError(
                code: "YJ-320", what: "the rule cannot be used", place: "\(name).yaml",
                why: diagnostics.filter { $0.severity == .error }.prefix(5).map(\.description)
                    .joined(separator: "\n         "),
                advice: "mend what is named there")
        }
        return (rule, plan.lists)
    }
}

/// A backtest for the terminal and for programs.
struct BacktestWording {
    let page: BacktestPage
    let report: AuditReport
    let fileDigest: String

    func lines(style: TerminalStyle) -> [String] {
        let backtest = page.backtest
        var lines = [
            style.bold("\(page.rule) \(page.name)") + "  version \(page.version), against \(page.against)",
            "\(report.lines) lines in \(Clock.text(report.seconds)) with \(report.threads) threads; undetermined "
                + "\(backtest.undetermined.now)"
                + (page.against == "无" ? "" : " (before \(backtest.undetermined.before))"),
            "",
        ]
        var table = TextTable([
            ColumnHead("change", "变化"), ColumnHead("findings", "疑点数", .integer),
            ColumnHead("gross", "涉及金额", .decimal(scale: 2)), ColumnHead("loss", "基金损失", .decimal(scale: 2)),
        ])
        for change in Backtest.Change.allCases {
            let sum = backtest.sums[change] ?? Backtest.Sum()
            table.append([
                .text(BacktestPage.title(change)), .integer(Int64(sum.findings)), .money(sum.gross), .money(sum.loss),
            ])
        }
        lines += table.lines(width: Terminal.width, style: style) + [""]
        var months = TextTable(
            [ColumnHead("month", "月份")]
                + Backtest.Change.allCases.map { ColumnHead($0.rawValue, BacktestPage.title($0), .integer) })
        for (month, sums) in backtest.months.sorted(by: { $0.key < $1.key }) {
            months.append([.text(month)] + Backtest.Change.allCases.map { .integer(Int64(sums[$0]?.findings ?? 0)) })
        }
        lines += months.lines(width: Terminal.width, style: style) + [""]
        var institutions = TextTable(
            [ColumnHead("institution", "定点机构")]
                + Backtest.Change.allCases.map { ColumnHead($0.rawValue, BacktestPage.title($0), .integer) }
                + [ColumnHead("gross", "涉及金额", .decimal(scale: 2))])
        let gross = { (sums: [Backtest.Change: Backtest.Sum]) in sums.values.reduce(Int64(0)) { $0 &+ $1.gross } }
        let largest = backtest.institutions.map { (name: $0.key, sums: $0.value, gross: gross($0.value)) }
            .sorted { ($1.gross, $0.name) < ($0.gross, $1.name) }
        for entry in largest.prefix(10) {
            institutions.append(
                [.text(entry.name)] + Backtest.Change.allCases.map { .integer(Int64(entry.sums[$0]?.findings ?? 0)) }
                    + [.money(entry.gross)])
        }
        lines += institutions.lines(width: Terminal.width, style: style)
        if largest.count > 10 { lines.append("… \(largest.count - 10) more institutions") }
        lines += ["", "\(backtest.drawn().count) hits are drawn for review; --json and --html name them."]
        if let quality = page.quality { lines += Self.lines(quality) }
        return lines
    }

    private static func lines(_ quality: Backtest.Quality) -> [String] {
        guard let precision = quality.precision else { return ["Nothing of the sample is reviewed yet: no estimate."] }
        var lines = [
            "precision \(share(precision.estimate)), \(Int(quality.confidence * 100)) % interval \(share(precision.low)) … "
                + "\(share(precision.high)) (\(precision.reviewed) reviewed, \(quality.waiting) waiting, \(quality.aside) "
                + "reviewed outside of the sample and not used)"
        ]
        if let most = quality.recallMost {
            lines.append("recall at most \(share(most)): \(quality.missed) right cases are missed")
        }
        return lines
    }

    private static func share(_ value: Double) -> String {
        let tenths = Int((value * 1_000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    var object: JSONText {
        let backtest = page.backtest
        func object(_ sums: [Backtest.Change: Backtest.Sum]) -> JSONText {
            .object(
                Backtest.Change.allCases.map { change in
                    let sum = sums[change] ?? Backtest.Sum()
                    return .init(
                        name: change.rawValue,
                        value: .members([
                            "findings": .integer(Int64(sum.findings)), "gross": .decimal(sum.gross, scale: 2),
                            "loss": .decimal(sum.loss, scale: 2),
                        ]))
                })
        }
        func named(_ groups: [String: [Backtest.Change: Backtest.Sum]]) -> JSONText {
            .object(groups.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: object($0.value)) })
        }
        var quality = JSONText.null
        if let found = page.quality {
            let thousandth = { (value: Double) in JSONText.decimal(Int64((value * 10_000).rounded()), scale: 4) }
            quality = .members([
                "precision": found.precision.map { thousandth($0.estimate) } ?? .null,
                "low": found.precision.map { thousandth($0.low) } ?? .null,
                "high": found.precision.map { thousandth($0.high) } ?? .null,
                "confidence": thousandth(found.confidence), "reviewed": .integer(Int64(found.precision?.reviewed ?? 0)),
                "waiting": .integer(Int64(found.waiting)), "aside": .integer(Int64(found.aside)),
                "missed": .integer(Int64(found.missed)), "recall_at_most": found.recallMost.map(thousandth) ?? .null,
                "method": .text("stratified estimate; Korn-Graubard interval"),
            ])
        }
        return .members([
            "rule": .text(page.rule), "version": .text(page.version), "file_digest": .text(fileDigest),
            "against": .text(page.against), "package_hash": .text(report.packageHash),
            "generation": .integer(Int64(report.generation)), "lines": .integer(Int64(report.lines)),
            "undetermined": .integer(Int64(backtest.undetermined.now)), "totals": object(backtest.sums),
            "months": named(backtest.months), "institutions": named(backtest.institutions), "quality": quality,
            "sample": .array(
                backtest.drawn().map { drawn in
                    .members([
                        "key": .text(drawn.hit.key), "change": .text(drawn.change.rawValue),
                        "stratum": .text(drawn.stratum), "stratum_size": .integer(Int64(drawn.of)),
                        "outcome": .text(drawn.hit.outcome), "institution": .text(drawn.hit.institution),
                        "month": .text(drawn.hit.month), "gross": .decimal(drawn.hit.gross, scale: 2),
                    ])
                }),
        ])
    }
}
