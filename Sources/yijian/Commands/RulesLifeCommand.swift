import ArgumentParser
import Claims
import Columns
import Documents
import Foundation
import Knowledge
import Rules

/// The states of a rule in the field's words.
enum RuleStateWording {
    static func name(_ state: RuleState) -> String {
        switch state {
        case .draft: "草稿"
        case .checked: "已检查"
        case .backtested: "已回测"
        case .shadow: "影子运行"
        case .released: "已发布"
        case .watched: "跟踪中"
        case .retired: "已停用"
        }
    }
}

/// `yijian rules sign`: one more signature in the history beside a rule.
struct RulesSignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Sign how far a version of a rule has come (规则生命周期), or show its history.",
        discussion: """
            draft → checked → backtested → shadow → released (by a second person) → watched → retired. A signature holds
            for the bytes of the rule's file; a change makes it a draft again, and the released version stays in force.
            """)

    @Argument(help: "The rule.")
    var rule: String

    @Option(
        name: .long,
        help: "draft, checked, backtested, shadow, released, watched or retired; default: show the history.")
    var state: String?

    @Option(name: .long, help: "Who signs.")
    var by: String?

    @Option(name: .long, help: "The day of the signature; default: today in China.")
    var on: DayArgument?

    @Option(name: .long, help: "A word for those who read the history.")
    var note: String?

    @Option(name: .long, help: "For backtested: the JSON that `rules backtest` wrote about this version.")
    var evidence: String?

    @Option(name: .long, help: "The experts' package (知识包); default: knowledge here or beside the program.")
    var knowledge: String?

    func run() throws {
        let folder = try PackageFolder.find(knowledge)
        let (opened, problems) = KnowledgePackage.open(folder)
        guard let package = opened else { throw Self.unusable(problems, folder) }
        guard let file = package.files(.rule).first(where: { $0.stem == rule }) else {
            throw CommandError.usage(
                "YJ-364", "the package has no rule file \(rule).yaml",
                advice: Suggestion.nearest(to: rule, among: package.files(.rule).map(\.stem)).map {
                    "did you mean \($0)?"
                }
                    ?? "`rules show` lists the rules")
        }
        let path = "\(folder)/\(file.path.dropLast(5)).life"
        let lifeFile = package.files(.life).first { $0.stem == rule }
        var life = RuleLife(unsigned: rule)
        if let lifeFile {
            let (read, diagnostics) = RuleLife.read(lifeFile)
            guard let read else { throw Self.unusable(diagnostics, folder) }
            life = read
        }
        let version = String(file.digest.prefix(RuleLife.versionDigits))
        guard let state else { return try show(life, version) }
        guard let chosen = RuleState(rawValue: state), let by else {
            throw CommandError.usage(
                "YJ-365", "a signature needs --state and --by",
                advice: "states: \(RuleState.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let day = on?.day ?? Self.today
        if let refusal = life.refusal(of: chosen, version: version, by: by, on: day) {
            throw CommandError(
                code: "YJ-366", what: "this signature may not be given", place: file.path, why: refusal,
                advice: "run `yijian rules sign \(rule)` to see the history", status: .checkFailed)
        }
        let words = try prove(chosen, file, folder)
        let signature = RuleLife.Signature(state: chosen, digest: file.digest, by: by, on: day, note: words)
        if chosen == .released { try PackageObjects.keep([file], in: folder) }
        let output = try OutputFile(path: path)
        try output.write(life.text(adding: signature))
        try output.finish()
        try Terminal.show([
            "\(rule) \(version) is \(state) (\(RuleStateWording.name(chosen))), signed by \(by) on \(day)."
        ])
    }

    /// What a state promises is looked at before it is signed.
    private func prove(_ state: RuleState, _ file: KnowledgeFile, _ folder: String) throws -> String {
        switch state {
        case .checked:
            let plan = try KnowledgePlan.load(folder, areas: [], rules: [rule], version: .workingCopy)
            for rule in plan.rules {
                for example in rule.cases {
                    let result = try RuleCaseResult.run(example, of: rule, plan: plan)
                    guard result.mismatches.isEmpty else {
                        throw CommandError(
                            code: "YJ-366", what: "an example fails: \(example.title)", place: file.path,
                            why: result.mismatches.joined(separator: "\n         "),
                            advice: "run `yijian rules test \(rule.id)`", status: .checkFailed)
                    }
                }
            }
            return note ?? ""
        case .backtested:
            guard let evidence, let data = FileManager.default.contents(atPath: evidence),
                let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
                object["rule"] as? String == rule,
                object["file_digest"] as? String == file.digest
            else {
                throw CommandError(
                    code: "YJ-367", what: "the backtest is not of this version of the rule",
                    place: evidence ?? "--evidence",
                    advice: "run `yijian rules backtest \(file.path) --dataset D --json > FILE` and name FILE",
                    status: .checkFailed)
            }
            let digest = SHA256.hex(of: [UInt8](data)).prefix(12)
            return [note, "backtest \(digest)"].compactMap { $0 }.joined(separator: "; ")
        default: return note ?? ""
        }
    }

    private func show(_ life: RuleLife, _ version: String) throws {
        var table = TextTable([
            ColumnHead("on", "日期"), ColumnHead("state", "状态"), ColumnHead("version", "version"),
            ColumnHead("by", "签署人"), ColumnHead("note", "说明"),
        ])
        for entry in life.history {
            table.append([
                .text("\(entry.on)"), .text(RuleStateWording.name(entry.state)),
                .text(entry.version + (entry.version == version ? " (the file)" : "")), .text(entry.by),
                .text(entry.note),
            ])
        }
        let words =
            life.history.isEmpty
            ? ["\(rule) has no history: it is in force as a part of its package."]
            : table.lines(width: Terminal.width, style: Terminal.style)
                + ["The file is \(version): \(RuleStateWording.name(life.state(of: version)))."]
        try Terminal.show(words)
    }

    static func unusable(_ diagnostics: [Diagnostic], _ folder: String) -> CommandError {
        CommandError(
            code: "YJ-320", what: "the experts' package cannot be used", place: folder,
            why: diagnostics.map(\.description).joined(separator: "\n         "), advice: "run `yijian rules check`")
    }

    static var today: Day {
        Day(number: Int32((Date().timeIntervalSince1970 + 8 * 3_600) / 86_400))
    }
}

/// `yijian rules release`: what lies there now is in force from a day on, and can be laid out again on any later day.
struct RulesReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Keep the whole package as it is, in force from a day on (知识包发布).",
        discussion:
            "`audit --as-of DAY` and `replay --as-of DAY` then give the findings of that day's package, bit for bit.")

    @Option(name: .long, help: "The first day on which it is in force; default: today in China.")
    var from: DayArgument?

    @Option(name: .long, help: "Who releases.")
    var by: String?

    @Option(name: .long, help: "The experts' package (知识包); default: knowledge here or beside the program.")
    var knowledge: String?

    func run() throws {
        let folder = try PackageFolder.find(knowledge)
        guard let by else {
            return try Terminal.show(PackageRelease.days(folder: folder).map { "released for \($0)" })
        }
        let areas = ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/areas")) ?? []).sorted()
        _ = try KnowledgePlan.load(folder, areas: [], rules: nil)
        var files: [String: KnowledgeFile] = [:]
        var package: KnowledgePackage?
        for area in [nil] + areas.map({ Optional($0) }) {
            if let area { _ = try KnowledgePlan.load(folder, areas: [area], rules: nil) }
            let (opened, problems) = KnowledgePackage.open(folder, areas: area.map { [$0] } ?? [])
            guard let opened else { throw RulesSignCommand.unusable(problems, folder) }
            if area == nil { package = opened }
            for file in opened.files { files[file.path] = file }
        }
        guard let package else { return }
        let day = "\(from?.day ?? RulesSignCommand.today)"
        if let last = PackageRelease.days(folder: folder).last, last >= day {
            throw CommandError(
                code: "YJ-368", what: "there is a release for \(last) already", place: folder,
                advice: "releases are only added: choose a later day", status: .checkFailed)
        }
        try PackageObjects.keep(Array(files.values), in: folder)
        let output = try OutputFile(path: "\(folder)/\(PackageRelease.folder)/\(day).yaml")
        try output.write(
            PackageRelease.text(
                day: day, version: package.version, by: by, hash: package.hash, files: Array(files.values)))
        try output.finish()
        try Terminal.show(["\(files.count) files are released for \(day); package \(package.hash.prefix(12))."])
    }
}

/// Where released bytes are kept, each once.
enum PackageObjects {
    static func keep(_ files: [KnowledgeFile], in folder: String) throws {
        let place = "\(folder)/\(PackageRelease.folder)/objects"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        for file in files where !FileManager.default.fileExists(atPath: "\(place)/\(file.digest)") {
            let output = try OutputFile(path: "\(place)/\(file.digest)")
            try output.write(file.bytes)
            try output.finish()
        }
    }
}
