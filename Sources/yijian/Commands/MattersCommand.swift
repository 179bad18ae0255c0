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
        let page = try book.summaries(
            try which.filter(), after: after, size: min(max(size, 1), 1_000), by: try options.token())
        if json {
            return try Terminal.show([try Json.text(Paged(rows: page.rows.map(MatterLine.init), next: page.next))])
        }
        try Terminal.show(
            MatterLine.table(page.rows, last: "密级") { page.rows[$0].standing }
                + (page.next.map { ["next: --after \($0)"] } ?? []))
    }
}

/// A matter in a list, as JSON and as a row of a table.
struct MatterLine: Encodable {
    let id, procedure, procedureName, state, stateName, organisation, standing: String
    let due: String?
    let isOverdue: Bool

    init(_ matter: MatterSummary) {
        (id, procedure, procedureName) = (matter.id, matter.procedure, matter.procedureName)
        (state, stateName, standing) = (matter.state, matter.stateName, matter.standing)
        organisation = matter.organisation
        due = matter.due.map { "\($0)" }
        isOverdue = matter.isOverdue
    }

    /// The rows under their headings; a last column of the caller's own.
    static func table(_ matters: [MatterSummary], last: String, _ shown: (Int) -> String) -> [String] {
        guard !matters.isEmpty else { return ["没有事项"] }
        var table = TextTable([
            ColumnHead("due", "时限", .identifier), ColumnHead("overdue", ""), ColumnHead("matter", "事项", .identifier),
            ColumnHead("procedure", "程序"), ColumnHead("state", "状态"), ColumnHead("last", last),
        ])
        for (row, matter) in matters.enumerated() {
            table.append([
                .text(matter.due.map { "\($0)" } ?? "-"), .text(matter.isOverdue ? "逾期" : ""), .text(matter.id),
                .text(matter.procedureName), .text("\(matter.stateName) \(matter.state)"), .text(shown(row)),
            ])
        }
        return table.lines(width: Terminal.width, style: Terminal.style)
    }
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
