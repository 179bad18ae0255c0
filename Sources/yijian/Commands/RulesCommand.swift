import ArgumentParser
import Audit
import Documents
import Foundation
import Knowledge
import Rules
import Workshop

/// `yijian rules`: check, test and read the experts' rules.
struct RulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "Check, test and show rules (规则).",
        subcommands: [
            RulesCheckCommand.self, RulesTestCommand.self, RulesShowCommand.self, RulesNewCommand.self,
            RulesBacktestCommand.self, RulesSignCommand.self, RulesReleaseCommand.self, RulesReferenceCommand.self,
            RulesSchemaCommand.self,
        ])
}

/// Which package, and which rules of it.
struct RuleChoice: ParsableArguments {
    @Argument(help: "Rules by identifier; default: all.")
    var rules: [String] = []

    @Option(name: .long, help: "The experts' package (知识包); default: knowledge here or beside the program.")
    var knowledge: String?

    @Option(name: .customLong("area"), help: "An area whose overlay applies. May be repeated.")
    var areas: [String] = []

    func folder() throws -> String { try PackageFolder.find(knowledge) }

    var chosen: [String]? { rules.isEmpty ? nil : rules }
}

/// `yijian rules check`: everything that can be said about rules and lists before any data is seen.
struct RulesCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read rules and lists and name every mistake with file, line, column and advice.")

    @OptionGroup var choice: RuleChoice

    @Flag(name: .long, help: "As JSON.")
    var json = false

    @Flag(name: .long, help: "Show how many rows each rule may look at for one unit.")
    var costs = false

    @Flag(name: .long, help: "Warnings end with exit code 1 too.")
    var strict = false

    func run() throws {
        let folder = try choice.folder()
        let (plan, problems) = PlanLoader.load(
            package: folder, areas: choice.areas, rules: choice.chosen, version: .workingCopy)
        let budget = StageBudget.read(folder)
        let diagnostics = problems + (plan.map { LawCheck.run($0, budget: budget) } ?? [])
        if costs, let plan { try Terminal.show(Self.costs(plan)) }
        let errors = diagnostics.filter { $0.severity == .error }.count
        if json {
            try Terminal.show([
                JSONText.members([
                    "rules": .integer(Int64(plan?.rules.count ?? 0)), "errors": .integer(Int64(errors)),
                    "warnings": .integer(Int64(diagnostics.count - errors)),
                    "diagnostics": .array(diagnostics.map(DiagnosticWording.object)),
                ]).pretty
            ])
        } else {
            var lines: [String] = []
            for diagnostic in diagnostics { lines += Self.lines(diagnostic, in: folder) }
            lines.append(
                errors == 0
                    ? "\(plan?.rules.count ?? 0) rules and \(plan?.lists.count ?? 0) lists are sound"
                        + (diagnostics.isEmpty ? "." : "; \(diagnostics.count) warnings.")
                    : "\(errors) errors, \(diagnostics.count - errors) warnings.")
            try Terminal.show(lines)
        }
        if errors > 0 || (strict && !diagnostics.isEmpty) { throw CommandError.Quiet(status: .checkFailed) }
    }

    static func object(_ diagnostic: Diagnostic) -> JSONText {
        .members([
            "file": .text(diagnostic.file), "line": .integer(Int64(diagnostic.line)),
            "column": .integer(Int64(diagnostic.column)), "code": .text(diagnostic.code),
            "severity": .text(diagnostic.severity.rawValue), "message": .text(diagnostic.message),
            "advice": .text(diagnostic.advice),
        ])
    }

    private static func costs(_ plan: Plan) -> [String] {
        var table = TextTable([
            ColumnHead("rule", "rule"), ColumnHead("rows", "rows", .integer), ColumnHead("person", "one person"),
            ColumnHead("because", "because"),
        ])
        for rule in plan.rules {
            let cost = RuleCost(rule, lists: plan.lists)
            table.append([
                .text(rule.id), .integer(Int64(cost.rows)), .text(cost.staysWithPerson ? "yes" : "no"),
                .text(cost.explanation),
            ])
        }
        return table.lines(width: Terminal.width, style: Terminal.style)
    }

    /// The place, the message, the line itself with a caret under the column, and the advice.
    static func lines(_ diagnostic: Diagnostic, in folder: String) -> [String] {
        let style = Terminal.style
        let place = diagnostic.line > 0 ? "\(diagnostic.file):\(diagnostic.line):\(diagnostic.column)" : diagnostic.file
        let name = "\(diagnostic.severity.rawValue) \(diagnostic.code)"
        let severity = diagnostic.severity == .error ? style.red(name) : style.yellow(name)
        var lines = [style.bold(place) + ": " + severity + ": " + diagnostic.message]
        if diagnostic.line > 0,
            let text = try? String(contentsOfFile: folder + "/" + diagnostic.file, encoding: .utf8),
            let line = text.split(separator: "\n", maxSplits: diagnostic.line, omittingEmptySubsequences: false)
                .dropFirst(diagnostic.line - 1).first
        {
            let shown = DisplayWidth.cut(String(line.filter { $0 != "\r" && $0 != "\t" }), to: 160)
            let before = String(String.UnicodeScalarView(line.unicodeScalars.prefix(max(0, diagnostic.column - 1))))
            lines.append("    " + shown)
            lines.append("    " + String(repeating: " ", count: DisplayWidth.of(before)) + style.bold("^"))
        }
        if !diagnostic.advice.isEmpty { lines.append("    " + diagnostic.advice) }
        return lines
    }
}

/// `yijian rules test`: runs the examples beside the rules through the engine.
struct RulesTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Run the examples of rules (规则用例) through the engine.")

    @OptionGroup var choice: RuleChoice

    @Flag(name: .long, help: "Name the examples that pass as well.")
    var verbose = false

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        let plan = try KnowledgePlan.load(
            try choice.folder(), areas: choice.areas, rules: choice.chosen, version: .workingCopy)
        let progress = Progress()
        var results: [RuleCaseResult] = []
        let total = plan.rules.reduce(0) { $0 + $1.cases.count }
        // An area changes parameters, and the examples of national rules rest on the national ones.
        let national =
            choice.areas.isEmpty
            ? plan
            : try KnowledgePlan.load(try choice.folder(), areas: [], rules: nil, version: .workingCopy)
        let nationalRules = Dictionary(national.rules.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for rule in plan.rules {
            let isOwn = rule.file.hasPrefix("areas/")
            for example in rule.cases {
                try Interrupt.check()
                progress.update(share: Double(results.count) / Double(max(1, total))) { "rules test  \(rule.id)" }
                results.append(
                    try RuleCaseResult.run(
                        example, of: isOwn ? rule : nationalRules[rule.id] ?? rule, plan: isOwn ? plan : national))
            }
        }
        Progress.clear()
        let failed = results.filter { !$0.mismatches.isEmpty }
        if json {
            try Terminal.show([
                JSONText.members([
                    "cases": .integer(Int64(results.count)), "failed": .integer(Int64(failed.count)),
                    "results": .array(
                        results.map { result in
                            .members([
                                "rule": .text(result.rule), "kind": .text(result.example.kind.rawValue),
                                "title": .text(result.example.title), "passed": .flag(result.mismatches.isEmpty),
                                "mismatches": .array(result.mismatches.map(JSONText.text)),
                            ])
                        }),
                ]).pretty
            ])
        } else {
            var lines: [String] = []
            let style = Terminal.style
            for result in results where verbose || !result.mismatches.isEmpty {
                let example = result.example
                let mark = result.mismatches.isEmpty ? style.green("pass") : style.red("FAIL")
                lines.append(
                    "\(mark) \(result.rule) \(example.kind.rawValue): \(example.title)  "
                        + style.dim("\(example.position.file):\(example.position.line)"))
                lines += result.mismatches.map { "     " + $0 }
            }
            lines.append(
                failed.isEmpty
                    ? "\(results.count) examples of \(plan.rules.count) rules pass."
                    : "\(failed.count) of \(results.count) examples fail.")
            try Terminal.show(lines)
        }
        if !failed.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}

/// What one example of a rule gave.
struct RuleCaseResult {
    let rule: String
    let example: RuleCase
    /// Empty: the example passes.
    let mismatches: [String]

    /// Lays the example's tables out as a dataset and audits them, exactly as real claims are.
    static func run(_ example: RuleCase, of rule: Rule, plan: Plan) throws -> RuleCaseResult {
        let (script, diagnostics) = CaseScript.parse(example, plan: plan)
        guard let script else {
            return RuleCaseResult(rule: rule.id, example: example, mismatches: diagnostics.map(\.description))
        }
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("yijian-case-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        let dataset = try CaseDataset.write(script.tables, to: scratch.path + "/dataset")
        let narrowed = Plan(
            rules: [rule], lists: plan.lists.merging(script.tables.lists) { $1 }, packageName: plan.packageName,
            packageVersion: plan.packageVersion, packageHash: plan.packageHash)
        var options = AuditOptions()
        options.threads = 1
        options.undeterminedRows = true
        let report = try AuditRun.run(dataset: dataset, plan: narrowed, into: scratch.path + "/run", options: options)
        // A rule that could only leave every unit open is not run; the coverage report says what is missing.
        if let missing = report.rules.first?.notRunnable {
            let isExpected = !script.expected.isEmpty && script.expected.allSatisfy { $0.outcome == .undetermined }
            return RuleCaseResult(
                rule: rule.id, example: example,
                mismatches: isExpected ? [] : ["the rule cannot run: \(missing)"])
        }
        var found: [FindingSummary] = []
        try FindingsRun(folder: scratch.path + "/run").visit { record in
            if let summary = record.summary { found.append(summary) }
            return true
        }
        return RuleCaseResult(rule: rule.id, example: example, mismatches: script.mismatches(found))
    }
}

/// `yijian rules show`: rules as their authors wrote them, with name, basis, lists and examples at a glance.
struct RulesShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "List the rules, or show one in full with its basis, lists and examples.")

    @OptionGroup var choice: RuleChoice

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        let folder = try choice.folder()
        let plan = try KnowledgePlan.load(folder, areas: choice.areas, rules: choice.chosen, version: .workingCopy)
        if json { return try Terminal.show([JSONText.array(plan.rules.map(Self.object)).pretty]) }
        if choice.rules.isEmpty {
            var table = TextTable([
                ColumnHead("rule", "rule"), ColumnHead("name", "规则"), ColumnHead("category", "category"),
                ColumnHead("outcome", "outcome"), ColumnHead("grade", "grade", .integer), ColumnHead("unit", "unit"),
                ColumnHead("basis", "依据"),
            ])
            for rule in plan.rules {
                table.append([
                    .text(rule.id), .text(rule.name), .text(rule.category), .text(rule.outcome.rawValue),
                    .integer(Int64(rule.grade)), .text(Self.unit(rule)), .text(rule.basis.joined(separator: "；")),
                ])
            }
            return try Terminal.show(table.lines(width: Terminal.width, style: Terminal.style))
        }
        for rule in plan.rules {
            try Terminal.show(
                paper(rule, plan, folder).lines(width: min(Terminal.width, 140), style: Terminal.style) + [""])
        }
    }

    private func paper(_ rule: Rule, _ plan: Plan, _ folder: String) -> Paper {
        var entries: [Paper.Entry] = [
            .init("规则", rule.id), .init("版本", rule.version), .init("状态", RuleStateWording.name(rule.state)),
            .init("类别", rule.category),
            .init("结论", FindingsWording.outcomeName(rule.outcome.rawValue) + "，严重程度 \(rule.grade)"),
            .init("审核单元", Self.unit(rule)), .init("行为认定", rule.behaviour),
            .init(
                "适用期",
                [rule.validFrom?.description, rule.validTo?.description].map { $0 ?? "" }.joined(separator: " … ")),
        ]
        entries += RuleSheet.place(rule.place).map { .init($0.name, $0.words) }
        entries += rule.basis.enumerated().map { .init($0.offset == 0 ? "依据" : "", $0.element) }
        entries.append(.init("说明", rule.message))
        for match in rule.lists {
            let list = plan.lists[match.list]
            entries.append(.init("清单", "\(match.list) \(list?.name ?? "")，\(list?.rowCount ?? 0) 行"))
        }
        var blocks: [Paper.Block] = [.entries(entries), .heading("Logic (\(rule.file))")]
        let text = (try? String(contentsOfFile: folder + "/" + rule.file, encoding: .utf8)) ?? ""
        let source = text.split(separator: "\n", omittingEmptySubsequences: false)
            .prefix { !$0.hasPrefix("cases:") }
        blocks += source.filter { !$0.isEmpty }.map { .paragraph(String($0)) }
        blocks.append(.heading("用例（\(rule.cases.count)）"))
        blocks += rule.cases.map { .paragraph("\($0.kind.rawValue): \($0.title)") }
        return Paper(title: rule.name, subtitle: "", blocks: blocks)
    }

    private static func unit(_ rule: Rule) -> String {
        switch rule.unit {
        case .row(let table): table.rawValue
        case .group(let table, let keys): "group of \(table.rawValue) by " + keys.map(\.name).joined(separator: ", ")
        }
    }

    private static func object(_ rule: Rule) -> JSONText {
        .members([
            "id": .text(rule.id), "name": .text(rule.name), "version": .text(rule.version),
            "category": .text(rule.category), "outcome": .text(rule.outcome.rawValue),
            "grade": .integer(Int64(rule.grade)), "unit": .text(unit(rule)), "behaviour": .text(rule.behaviour),
            "basis": .array(rule.basis.map(JSONText.text)), "message": .text(rule.message), "file": .text(rule.file),
            "lists": .array(rule.lists.map { .text($0.list) }), "cases": .integer(Int64(rule.cases.count)),
        ])
    }
}
