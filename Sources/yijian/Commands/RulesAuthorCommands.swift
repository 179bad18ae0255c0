import ArgumentParser
import Documents
import Foundation
import Rules
import Workshop

/// `yijian rules new`: a file to begin with.
struct RulesNewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Begin a rule from a template (新建规则).",
        discussion: RuleTemplate.allCases.map { "\($0.rawValue): \($0.title)" }.joined(separator: "\n"))

    @Argument(help: "Its identifier; the file is called after it.")
    var id: String

    @Option(name: .long, help: "frequency, limit, pair, day or stay; see below.")
    var template: RuleTemplate = .frequency

    @Option(name: .shortAndLong, help: "The file; default: ID.yaml here, `-` for standard output.")
    var output: String?

    func validate() throws {
        let isName = id.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (97...122).contains(byte | 0x20) || [45, 46, 95].contains(byte)
        }
        guard isName, (1...64).contains(id.utf8.count) else {
            throw ValidationError("an identifier has 1 to 64 letters, digits, -, _ and .")
        }
    }

    func run() throws {
        let path = output ?? "\(id).yaml"
        guard path == "-" || !FileManager.default.fileExists(atPath: path) else {
            throw CommandError.usage(
                "YJ-371", "there is a file \(path) already", advice: "choose another name with --output")
        }
        let file = try OutputFile(path: path)
        try file.write(template.text(id: id))
        try file.finish()
        if path != "-" {
            try Terminal.show([
                "\(path) is a rule that runs. Change it, then:", "    yijian rules test \(id) --knowledge FOLDER",
                "    yijian rules backtest \(path) --dataset D",
            ])
        }
    }
}

extension RuleTemplate: ExpressibleByArgument {}

/// `yijian rules schema`: what editors need for completion.
struct RulesSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "The JSON Schema of rule files, for completion in editors.")

    func run() throws { try Terminal.show([String(RuleSchema.json.dropLast())]) }
}

/// `yijian rules reference`: the rules as pages for readers.
struct RulesReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Write the reference of the rules, one page a theme (规则参考).")

    @OptionGroup var choice: RuleChoice

    @Option(name: .long, help: "The folder for the pages.")
    var into: String

    func run() throws {
        let plan = try KnowledgePlan.load(
            try choice.folder(), areas: choice.areas, rules: choice.chosen, version: .workingCopy)
        try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true)
        let pages = RuleReference.pages(plan)
        for page in pages {
            let file = try OutputFile(path: "\(into)/\(page.name)")
            try file.write(page.text)
            try file.finish()
        }
        try Terminal.show(["\(pages.count) pages about \(plan.rules.count) rules are in \(into)."])
    }
}
