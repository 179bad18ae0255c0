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
            describedAgainst = "\(URL(fileURLWithPath: against).lastPathComponent) \(former.version)"
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
