import ArgumentParser
import Casework
import Foundation
import Supervision

/// `yijian take-over`: an open case on paper goes on here.
struct TakeOverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "take-over", abstract: "Go on with an open paper case, marked as such (接续纸质案卷).",
        discussion: """
            FILE.yaml says what was done on paper: fields, parties, and each step with its day and who took it
            (docs/procedures.md shows one). The matter is opened and the history proposed; it takes effect when those who
            must sign have agreed (`yijian act approve MATTER`). Clocks run from the days on paper.
            """)

    @OptionGroup var options: DoorOptions
    @Argument(help: "What was done on paper, as YAML.") var file: String
    @Option(name: .long, help: "The scan of the paper file, kept as evidence.") var scan: String
    @Option(name: .customLong("as"), help: "In which role; default: the first that opens such matters.") var role:
        String?

    func run() throws {
        let book = try options.casebook()
        guard let data = FileManager.default.contents(atPath: file) else {
            throw CommandError(code: "YJ-530", what: "the file cannot be read", place: file, advice: "check its name")
        }
        let (read, diagnostics) = PaperFile.read([UInt8](data), file: file, in: book.library)
        guard let paper = read else {
            throw CommandError(
                code: "YJ-535", what: "the paper file has mistakes", place: file,
                why: diagnostics.map(\.description).joined(separator: "\n       "), advice: "mend what it names")
        }
        let history = paper.takeOver
        let outcome = try ActCommand.refusing {
            try book.takeOver(
                paper.procedure.id, paper.opening, history, scan: try options.evidence(scan, in: book),
                as: role ?? paper.procedure.opening.who.first ?? "",
                by: try options.token())
        }
        try Terminal.show([
            "\(outcome.matter.id)  \(paper.procedure.name)：补记\(history.history?.count ?? 0)步，等待签批"
        ])
    }
}
