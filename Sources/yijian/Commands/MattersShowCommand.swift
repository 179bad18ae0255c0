import ArgumentParser
import Claims
import Documents
import Foundation
import Supervision
import Web

/// `yijian matters show`: what the API shows of a matter, masked by the same matrix.
struct MattersShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "One matter: values, clocks, money, acts, what can be done next; masked as the matrix says (脱敏).")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var id: String
    @Flag(help: "As JSON, the form of the API.") var json = false

    func run() throws {
        let book = try options.casebook()
        let token = try options.token()
        let matter = try book.shown(id, by: token)
        let timeline = try book.timeline(id, after: max(0, matter.acts - 50), size: 50, by: token).rows
        if json { return try Terminal.show([API.text(of: matter, timeline: timeline)]) }
        var lines = ["\(matter.id)  \(matter.procedureName)\(matter.ended.map { "  ended \($0)" } ?? "")"]
        lines += matter.states.map { "  \($0.track)  \($0.state)  \($0.stateName)" }
        lines += matter.parties.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
        lines += matter.values.map { "  \($0.name)  \($0.text)\($0.isMasked ? "  (masked)" : "")" }
        lines += matter.items.filter { $0.count > 0 }.map { "  \($0.count) × \($0.name)" }
        lines += matter.balances.map { balance in
            "  \(balance.track): received \(balance.received) = "
                + balance.groups.map { "\($0.name) \($0.count)" }.joined(separator: " + ") + " + open \(balance.open)"
        }
        lines += matter.accounts.flatMap { account in
            account.parts.sorted { $0.key < $1.key }.map {
                "  \(account.name)  \($0.key)  \(DecimalText.format($0.value, scale: 2))"
            }
        }
        lines += matter.clocks.filter { $0.standing == "running" }.map {
            "  due \($0.due.map { "\($0)" } ?? "unknown")  \($0.name)\($0.item.isEmpty ? "" : " #\($0.item)")\($0.isOverdue ? "  OVERDUE" : "")"
        }
        lines += timeline.map {
            "  \($0.number)  \($0.effective)  \($0.roleName)  \($0.whatName)\($0.item.isEmpty ? "" : " #\($0.item)")"
        }
        lines += matter.next.map { step in
            let needs = step.needs.filter(\.isRequired).map(\.field).joined(separator: ", ")
            let about = step.itemCount > 0 ? "  \(step.itemCount) items" : ""
            return
                "  next: \(step.verb == .take ? step.step : step.verb.rawValue + " " + step.step)  \(step.name)\(about)\(needs.isEmpty ? "" : "  needs \(needs)")"
        }
        try Terminal.show(lines)
    }
}

/// `yijian matters tasks`.
struct MattersTasksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Matters in which one can do something now, the most urgent first (我的待办).")
    @OptionGroup var options: DoorOptions
    @Option(help: "Rows of a page, 1 to 100.") var size = 20
    @Option(help: "What the page before printed as next.") var after: String?
    @Flag(help: "As JSON.") var json = false

    private struct Line: Encodable {
        let matter: MatterLine
        let steps: [String]
        let stepNames: [String]

        func encode(to encoder: any Encoder) throws {
            try matter.encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(steps, forKey: .steps)
            try container.encode(stepNames, forKey: .stepNames)
        }

        private enum Key: CodingKey { case steps, stepNames }
    }

    func run() throws {
        let page = try options.casebook().tasks(
            after: after, size: min(max(size, 1), 100), by: try options.token())
        if json {
            let lines = page.rows.map {
                Line(matter: MatterLine($0.matter), steps: $0.next.map(\.step), stepNames: $0.next.map(\.name))
            }
            return try Terminal.show([try Json.text(Paged(rows: lines, next: page.next))])
        }
        try Terminal.show(
            MatterLine.table(page.rows.map(\.matter), last: "可办理") { row in
                page.rows[row].next.map { "\($0.name) \($0.step)" }.joined(separator: "、")
            } + (page.next.map { ["next: --after \($0)"] } ?? []))
    }
}

/// `yijian matters items`.
struct MattersItemsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "items", abstract: "Items of a matter: findings, lines, rows of a list (明细).")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var id: String
    @Option(help: "Of this kind.") var kind: String?
    @Option(help: "In this state.") var state: String?
    @Option(help: "Rows of a page, 1 to 10000.") var size = 100
    @Option(help: "What the page before printed as next.") var after: String?
    @Flag(help: "As JSON.") var json = false

    private struct Line: Encodable {
        let key, kind: String
        let parent: String?
        let states, values: [String: String]
    }

    func run() throws {
        let (_, page) = try options.casebook().items(
            id, kind: kind, state: state, after: after, size: min(max(size, 1), 10_000), by: try options.token())
        let lines = page.rows.map { item in
            Line(
                key: item.key, kind: item.kind, parent: item.parent,
                states: Dictionary(item.states.map { ($0.track, $0.state) }) { first, _ in first },
                values: Dictionary(item.values.map { ($0.field, $0.text) }) { first, _ in first })
        }
        if json { return try Terminal.show([try Json.text(Paged(rows: lines, next: page.next))]) }
        try Terminal.show(
            lines.map { line in
                let states = line.states.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                let values = line.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                return ([line.key, line.kind] + states + values).joined(separator: "  ")
            } + (page.next.map { ["next: --after \($0)"] } ?? []))
    }
}

/// `yijian matters unmask`.
struct MattersUnmaskCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unmask", abstract: "Show a matter's masked fields whole for ten minutes, for a reason (查看明文).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The matter.") var id: String
    @Option(help: "What for; it is kept in the trail.") var reason: String

    func run() throws {
        try options.casebook().unmask(id, reason: reason, by: try options.token())
        try Made.done("unmasked", id, json: json)
    }
}

/// `yijian matters assign`.
struct MattersAssignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assign", abstract: "Make a person the one who does a matter (指定承办).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The matter.") var id: String
    @Option(help: "The account.") var to: String
    @Option(help: "Why.") var reason: String

    func run() throws {
        try options.casebook().assign(id, to: to, reason: reason, by: try options.token())
        try Made.done("assigned", id, json: json)
    }
}

/// `yijian matters papers`.
struct MattersPapersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "papers",
        abstract: "Write the files that came with an appeal over the interface to a folder (查看申诉附件).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false
    @Argument(help: "The matter.") var id: String
    @Argument(help: "The digest that the act's paper names.") var digest: String
    @Option(help: "The folder; it is made when missing.") var into: String

    private struct Written: Encodable {
        let file: String
        let bytes: Int
    }

    func run() throws {
        let files = try options.casebook().appealFiles(digest, of: id, by: try options.token())
        try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true)
        var written: [Written] = []
        for (number, file) in files.enumerated() {
            // The sender's name is no path of ours: only its last part, behind a number.
            let name = "\(number + 1)-" + (file.name.split { "/\\".contains($0) }.last.map(String.init) ?? "file")
            let output = try OutputFile(path: into + "/" + name)
            try output.write(file.bytes)
            try output.finish()
            written.append(Written(file: into + "/" + name, bytes: file.bytes.count))
        }
        try Terminal.show(json ? [try Json.text(written)] : written.map { "\($0.file)  \($0.bytes) bytes" })
    }
}
