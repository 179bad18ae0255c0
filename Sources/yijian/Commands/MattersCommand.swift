import ArgumentParser
import Casework
import Claims
import Database
import Documents
import Foundation
import Supervision

/// `yijian matters`: what the signed-in person may know of, the most urgent first.
struct MattersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "matters", abstract: "List matters, show one, count them (事项).",
        subcommands: [
            MattersListCommand.self, MattersTasksCommand.self, MattersShowCommand.self, MattersItemsCommand.self,
            MattersUnmaskCommand.self, MattersPapersCommand.self, MattersAssignCommand.self, MattersCountCommand.self,
            MattersLapseCommand.self,
        ],
        defaultSubcommand: MattersListCommand.self)
}

/// Which matters.
struct MatterFilter: ParsableArguments {
    @Option(help: "Of this procedure.") var procedure: String?
    @Option(help: "In this state.") var state: String?
    @Flag(inversion: .prefixedNo, help: "Open ones, or with --no-open ended ones.") var open: Bool?
    @Option(name: .customLong("where"), help: "attribute=value; may be repeated.") var conditions: [String] = []

    func filter() throws -> Casebook.Filter {
        var filter = Casebook.Filter()
        filter.procedure = procedure
        filter.state = state
        filter.isOpen = open
        for condition in conditions {
            let parts = condition.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--where is attribute=value, not \(condition)") }
            filter.attributes[parts[0]] = parts[1]
        }
        return filter
    }
}

struct MattersListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List matters by their next limit of time.")
    @OptionGroup var options: DoorOptions
    @OptionGroup var which: MatterFilter
    @Option(help: "Rows of a page, 1 to 1000.") var size = 50
    @Option(help: "What the page before printed as next.") var after: String?
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let book = try options.casebook()
        let page = try book.matters(
            try which.filter(), after: try after.map { try Continuation($0) }, size: min(max(size, 1), 1_000),
            by: try options.token())
        let rows = try page.rows.map { row in
            MatterLine(
                id: try row.text("id"), procedure: try row.text("procedure"), state: try row.text("state"),
                organisation: try row.text("organisation"), standing: try row.text("standing"),
                due: Self.shown(try row.integer("due")))
        }
        guard json else {
            try Terminal.show(
                rows.map { "\($0.due ?? "-")  \($0.id)  \($0.procedure)  \($0.state)  \($0.standing)" }
                    + (page.next.map { ["next: --after \($0.text)"] } ?? []))
            return
        }
        try Terminal.show([try Json.text(Paged(rows: rows, next: page.next?.text))])
    }

    static func shown(_ minute: Int) -> String? { minute == Int(Int32.max) ? nil : "\(Instant(minute: Int64(minute)))" }
}

private struct MatterLine: Encodable {
    let id, procedure, state, organisation, standing: String
    let due: String?
}

struct MattersCountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count", abstract: "Count matters by an attribute (统计).")
    @OptionGroup var options: DoorOptions
    @OptionGroup var which: MatterFilter
    @Argument(help: "discovered, area, institution_kind …") var attribute: String
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let counts = try options.casebook().count(by: attribute, try which.filter(), by: try options.token())
        if json {
            return try Terminal.show([
                try Json.text(Dictionary(uniqueKeysWithValues: counts.map { ($0.value, $0.count) }))
            ])
        }
        try Terminal.show(counts.map { "\($0.count)  \($0.value)" })
    }
}

struct MattersLapseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lapse", abstract: "Let every limit of time that has run out take effect (时限届满).")
    @OptionGroup var options: DoorOptions
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let acts = try options.casebook().lapse()
        try Terminal.show([json ? try Json.text(["acts": acts]) : "\(acts) acts"])
    }
}

enum Json {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
