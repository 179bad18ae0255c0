import ArgumentParser
import Casework
import Claims
import Foundation
import Ledger
import Supervision

/// `yijian act`: open a matter, take a step, agree, send back.
struct ActCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "act", abstract: "Do something in a matter (办理): open, a step's name, approve, return, conclude.",
        discussion: """
            yijian act open clue --as officer discovered=report content=虚构诊疗
            yijian act verify clue-7x2… handler=…
            yijian act file clue-7x2… facts=属实 --with sun --paper record=笔录.pdf
            yijian act approve clue-7x2…
            """)

    @OptionGroup var options: DoorOptions
    @Argument(help: "open, approve, return, conclude, or a step.") var what: String
    @Argument(help: "The matter; with open, the procedure.") var matter: String
    @Argument(help: "field=value") var fields: [String] = []
    @Option(name: .customLong("as"), help: "In which role.") var role: String?
    @Option(name: .customLong("item"), help: "About this item; repeated: a batch with a result for each.") var items:
        [String] = []
    @Option(name: .customLong("with"), help: "The account of who acts together.") var together: [String] = []
    @Option(name: .customLong("paper"), help: "kind=file, which is handed in; or kind=SHA-256 of one that was.")
    var papers: [String] = []
    @Option(name: .customLong("party"), help: "side=organisation.") var parties: [String] = []
    @Option(help: "What a power is about; with open, the level.") var target = ""
    @Option(help: "The day on which it counts, yyyy-mm-dd.") var day: String?
    @Flag(help: "As JSON.") var json = false

    private struct Done: Encodable {
        let matter: String
        let act: Int?
        let ended: String?
        let states: [String: String]
    }

    private struct RowResult: Encodable {
        let item: String
        let refused: String?
    }

    func run() throws {
        let book = try options.casebook()
        let token = try options.token()
        let procedure =
            what == "open" ? book.library.procedure(matter) : try book.matter(matter, by: token).matter.procedure
        guard let procedure else {
            throw CommandError(
                code: "YJ-510", what: "there is no procedure `\(matter)`", advice: "see `yijian procedures show`")
        }
        var command = try command(of: procedure, common: book.library.common.fields)
        for (kind, file) in command.papers where HexText.bytes(file)?.count != 32 {
            command.papers[kind] = try options.handIn(file, to: matter, in: book).hash
        }
        do {
            if items.count > 1 {
                let rows = try book.act(batch: items, command, on: matter, as: role, by: token)
                let results = rows.map { RowResult(item: $0.item, refused: $0.refusal) }
                try Terminal.show(
                    json ? [try Json.text(results)] : results.map { "\($0.item)  \($0.refused ?? "done")" })
                return
            }
            let outcome =
                what == "open"
                ? try book.open(procedure.id, command, as: role ?? procedure.opening.who.first ?? "", by: token)
                : try book.act(command, on: matter, as: role, by: token)
            var states: [String: String] = [:]
            for (place, state) in outcome.matter.states where place.item.isEmpty { states[place.track] = state }
            let done = Done(
                matter: outcome.matter.id, act: outcome.act?.number, ended: outcome.matter.ended, states: states)
            try Terminal.show(
                json
                    ? [try Json.text(done)]
                    : [
                        "\(done.matter)  act \(done.act.map(String.init) ?? "-")  "
                            + states.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
                    ])
        } catch let refusal as Refusal {
            throw CommandError(
                code: refusal.code, what: refusal.message, place: matter,
                why: refusal.provision.isEmpty ? nil : refusal.provision,
                advice: refusal.advice.isEmpty ? nil : refusal.advice)
        }
    }

    /// What the kernel refuses, as the command line words it.
    static func refusing<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let refusal as Refusal {
            throw CommandError(
                code: refusal.code, what: refusal.message,
                why: refusal.provision.isEmpty ? nil : refusal.provision,
                advice: refusal.advice.isEmpty ? nil : refusal.advice)
        }
    }

    private func command(of procedure: Procedure, common: [Casework.Field]) throws -> Command {
        let verb: Command.Verb =
            switch what {
            case "approve": .approve
            case "return": .sendBack
            case "conclude": .conclude
            default: .take(what)
            }
        var command = Command(verb)
        for (name, text) in try pairs(fields, "field=value") {
            guard let field = procedure.field(name) ?? common.first(where: { $0.id == name }),
                let value = field.value(of: text)
            else {
                throw CommandError(
                    code: "YJ-511", what: "`\(name)=\(text)` is not a field and value of \(procedure.id)",
                    advice: "see `yijian procedures show \(procedure.id)`", status: .wrongUsage)
            }
            command.fields[name] = value
        }
        command.papers = Dictionary(try pairs(papers, "kind=file")) { _, last in last }
        command.parties = Dictionary(try pairs(parties, "side=organisation")) { _, last in last }
        command.together = together
        command.target = target
        command.item = items.first ?? ""
        if let day {
            guard let effective = Day(day) else { throw ValidationError("--day is yyyy-mm-dd, not \(day)") }
            command.effective = effective
        }
        return command
    }

    private func pairs(_ texts: [String], _ form: String) throws -> [(String, String)] {
        try texts.map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("\(text) is not \(form)") }
            return (parts[0], parts[1])
        }
    }
}
