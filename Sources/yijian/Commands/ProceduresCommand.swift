import ArgumentParser
import Casework
import Documents
import Foundation
import Knowledge

/// `yijian procedures`: check, show, test and play the experts' procedures.
struct ProceduresCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "procedures", abstract: "Check, show, test and play procedures (程序).",
        subcommands: [
            ProceduresCheckCommand.self, ProceduresShowCommand.self, ProceduresTestCommand.self,
            ProceduresPlayCommand.self,
        ])
}

/// Which package, and which procedures of it.
struct ProcedureChoice: ParsableArguments {
    @Argument(help: "Procedures by identifier; default: all.")
    var procedures: [String] = []

    @Option(name: .long, help: "The experts' package (知识包); default: knowledge here or beside the program.")
    var knowledge: String?

    @Option(name: .customLong("area"), help: "An area whose overlay applies. May be repeated.")
    var areas: [String] = []

    func folder() throws -> String {
        guard let folder = knowledge ?? Shipped.folder("knowledge", holding: "package.yaml") else {
            throw CommandError.usage(
                "YJ-204", "there is no experts' package here", advice: "name one with --knowledge FOLDER")
        }
        return folder
    }

    /// The library and the chosen procedures; mistakes are shown and end the command.
    func load() throws -> (library: ProcedureLibrary, chosen: [Procedure]) {
        let folder = try folder()
        let (library, diagnostics) = ProcedureLibrary.load(folder, areas: areas)
        guard let library else {
            try Terminal.show(
                diagnostics.filter { $0.severity == .error }.flatMap { RulesCheckCommand.lines($0, in: folder) })
            throw CommandError.Quiet(status: .checkFailed)
        }
        for id in procedures where library.procedure(id) == nil {
            throw CommandError.usage(
                "YJ-206", "there is no procedure `\(id)`",
                advice: "procedures: \(library.procedures.map(\.id).joined(separator: ", "))")
        }
        return (library, library.procedures.filter { procedures.isEmpty || procedures.contains($0.id) })
    }
}

/// `yijian procedures check`: everything that can be said about procedures before anybody works by them.
struct ProceduresCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read procedures and calendars and name every mistake with file, line, column and advice.")

    @OptionGroup var choice: ProcedureChoice

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        let folder = try choice.folder()
        let (library, diagnostics) = ProcedureLibrary.load(folder, areas: choice.areas)
        let errors = diagnostics.filter { $0.severity == .error }.count
        if json {
            try Terminal.show([
                JSONText.members([
                    "procedures": .integer(Int64(library?.procedures.count ?? 0)), "errors": .integer(Int64(errors)),
                    "warnings": .integer(Int64(diagnostics.count - errors)),
                    "diagnostics": .array(diagnostics.map(RulesCheckCommand.object)),
                ]).pretty
            ])
        } else {
            var lines = diagnostics.flatMap { RulesCheckCommand.lines($0, in: folder) }
            if let library, errors == 0 {
                let years = library.calendar.years.keys.sorted()
                let known =
                    years.isEmpty
                    ? "no year's holidays" : "holidays of \(years.map(String.init).joined(separator: ", "))"
                lines.append(
                    "\(library.procedures.count) procedures are sound; \(known)"
                        + (diagnostics.isEmpty ? "." : "; \(diagnostics.count) warnings."))
            } else {
                lines.append("\(errors) errors, \(diagnostics.count - errors) warnings.")
            }
            try Terminal.show(lines)
        }
        if errors > 0 { throw CommandError.Quiet(status: .checkFailed) }
    }
}

/// `yijian procedures show`: a list, one procedure's reference page, or pages and diagrams as files.
struct ProceduresShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "List the procedures, or show them as a page; write pages and diagrams with --into.")

    @OptionGroup var choice: ProcedureChoice

    @Option(name: .long, help: "Write ID.md and ID.svg of each procedure into this folder.")
    var into: String?

    @Flag(name: .long, help: "The diagram (SVG) of one procedure instead of its page.")
    var svg = false

    func run() throws {
        let (library, chosen) = try choice.load()
        if let into {
            try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true)
            for procedure in chosen {
                try Self.write(
                    ProcedurePage(procedure, library.common).markdown, to: "\(into)/\(procedure.id).md")
                try Self.write(
                    ProcedureDiagram.svg(procedure, roles: library.roles), to: "\(into)/\(procedure.id).svg")
            }
            return try Terminal.show(["\(chosen.count) pages and diagrams are in \(into)."])
        }
        if choice.procedures.isEmpty {
            var table = TextTable([
                ColumnHead("procedure", "procedure"), ColumnHead("name", "程序"), ColumnHead("steps", "步骤", .integer),
                ColumnHead("clocks", "期限", .integer), ColumnHead("cases", "用例", .integer), ColumnHead("summary", "摘要"),
            ])
            for procedure in chosen {
                table.append([
                    .text(procedure.id), .text(procedure.name), .integer(Int64(procedure.steps.count)),
                    .integer(Int64(procedure.clocks.count)), .integer(Int64(procedure.cases.count)),
                    .text(procedure.summary),
                ])
            }
            return try Terminal.show(table.lines(width: Terminal.width, style: Terminal.style))
        }
        for procedure in chosen {
            try Terminal.show([
                svg
                    ? ProcedureDiagram.svg(procedure, roles: library.roles)
                    : ProcedurePage(procedure, library.common).markdown
            ])
        }
    }
}

extension ProceduresShowCommand {
    fileprivate static func write(_ text: String, to path: String) throws {
        let file = try OutputFile(path: path)
        try file.write(text)
        try file.finish()
    }
}

/// `yijian procedures test`: plays the case scripts beside the procedures.
struct ProceduresTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Play the case scripts of procedures (程序用例).")

    @OptionGroup var choice: ProcedureChoice

    @Flag(name: .long, help: "Name the scripts that pass as well.")
    var verbose = false

    func run() throws {
        let (library, chosen) = try choice.load()
        let style = Terminal.style
        var lines: [String] = []
        var failed = 0
        var played = 0
        for procedure in chosen {
            for example in procedure.cases {
                try Interrupt.check()
                played += 1
                let run = ScriptRun.play(example.script, of: procedure, in: library)
                let place = style.dim("\(procedure.file):\(example.line)")
                if run.mismatches.isEmpty {
                    if verbose { lines.append("\(style.green("pass")) \(procedure.id): \(example.title)  \(place)") }
                    continue
                }
                failed += 1
                lines.append("\(style.red("FAIL")) \(procedure.id): \(example.title)  \(place)")
                for mismatch in run.mismatches {
                    lines.append("     \(procedure.file):\(example.line + mismatch.line): \(mismatch.text)")
                }
            }
        }
        lines.append(
            failed == 0
                ? "\(played) scripts of \(chosen.count) procedures pass." : "\(failed) of \(played) scripts fail.")
        try Terminal.show(lines)
        if failed > 0 { throw CommandError.Quiet(status: .checkFailed) }
    }
}

/// `yijian procedures play`: random lawful and unlawful play; a seed that fails is printed as a script.
struct ProceduresPlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "play", abstract: "Play procedures at random and hold all invariants against every move.")

    @OptionGroup var choice: ProcedureChoice

    @Option(name: .long, help: "How many seeds.")
    var seeds: UInt64 = 20

    @Option(name: .long, help: "The first seed.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "Moves of each play.")
    var moves = 120

    func run() throws {
        let (library, chosen) = try choice.load()
        var table = TextTable([
            ColumnHead("procedure", "procedure"), ColumnHead("plays", "plays", .integer),
            ColumnHead("done", "acts done", .integer), ColumnHead("refused", "refused", .integer),
            ColumnHead("kinds", "kinds of refusal", .integer),
        ])
        for procedure in chosen {
            var done = 0
            var refused: [String: Int] = [:]
            for number in seed..<(seed + seeds) {
                try Interrupt.check()
                let play = RandomPlay.play(procedure, in: library, seed: number, moves: moves)
                done += play.done
                refused.merge(play.refused, uniquingKeysWith: +)
                guard play.broken.isEmpty else {
                    try Terminal.show(
                        ["seed \(number) of \(procedure.id) breaks an invariant:"] + play.broken.map { "  " + $0 }
                            + ["as a case script:", play.script])
                    throw CommandError.Quiet(status: .checkFailed)
                }
            }
            table.append([
                .text(procedure.id), .integer(Int64(seeds)), .integer(Int64(done)),
                .integer(Int64(refused.values.reduce(0, +))), .integer(Int64(refused.count)),
            ])
        }
        try Terminal.show(
            table.lines(width: Terminal.width, style: Terminal.style) + ["Every invariant held after every move."])
    }
}
