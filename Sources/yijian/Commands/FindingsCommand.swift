import ArgumentParser
import Audit
import Claims
import Documents

/// `yijian findings`: what a run found, as a list, by groups, in total; compared with another run; joined by others'.
struct FindingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "findings",
        abstract: "List, group and total the findings of a run (审核结果); compare runs; take in foreign findings.",
        subcommands: [FindingsListCommand.self, FindingsDiffCommand.self, FindingsImportCommand.self],
        defaultSubcommand: FindingsListCommand.self)
}

/// `yijian findings RUN`.
struct FindingsListCommand: ParsableCommand {
    enum Rows: String, ExpressibleByArgument, CaseIterable { case findings, lines }

    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List, group or total the findings of a run.",
        discussion: """
            Conditions: --where rule=P17*,outcome=violation|suspicion,institution=H001,from=2025-01-01,to=2025-03-31,least=100
            Fields: id, rule, category, outcome, grade, unit, institution, person, encounter, item, list, month, pool,
            cause, source; days with from and to; gross yuan with least. `|` parts alternatives, `*` ends a prefix.
            """)

    @Argument(help: ArgumentHelp("The folder of the run.", valueName: "run"))
    var runFolder: String

    @Option(name: .long, help: "table, csv, ndjson, xlsx (违规明细表) or arrow.")
    var format: ListFormat = .table

    @Option(name: .customLong("rows"), help: "One row a finding, or one a violating line; xlsx: lines, else findings.")
    var rows: Rows?

    @Option(name: .customLong("where"), help: "Which findings; see below. May be repeated.")
    var conditions: [String] = []

    @Option(
        name: .long, help: "Count by rule, institution, month, outcome, category, grade, item, person, pool, cause …")
    var group: FindingsGroups.By?

    @Flag(name: .long, help: "Only the totals.")
    var totals = false

    @Flag(name: .long, help: "Findings of rules in shadow (影子运行) as well; they are recorded and else not shown.")
    var shadow = false

    @Option(name: .long, help: "At most so many findings.")
    var limit: Int?

    @Option(name: .shortAndLong, help: "The file to write; default: standard output.")
    var output = "-"

    @Flag(name: .customLong("bom"), help: "Begin CSV with a byte-order mark, for spreadsheets that need one.")
    var byteOrderMark = false

    @Flag(name: .long, help: "Groups and totals as JSON.")
    var json = false

    @OptionGroup var surroundings: Surroundings

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit must not be negative") }
        if group != nil, format == .arrow { throw ValidationError("--group cannot be written as arrow") }
    }

    func run() throws {
        var selection = try FindingsSelection(conditions.joined(separator: ","))
        selection.includesShadow = shadow
        let run = try FindingsRun(folder: runFolder)
        let dataset = try surroundings.openDataset(beside: runFolder)
        let names = try dataset.map { try FindingsNames(dataset: $0) } ?? FindingsNames()
        let wording = FindingsWording(plan: try surroundings.plan(), names: names, mask: surroundings.mask())
        let evidence = dataset.map { FindingsEvidence(dataset: $0) }

        if let group { return try writeGroups(by: group, of: run, selection, wording, evidence) }
        if totals {
            let result = try Self.totals(of: run, selection, evidence, limit: limit)
            return try write(result)
        }
        if format == .arrow { return try writeArrow(run, selection, wording) }

        let asLines = (rows ?? (format == .xlsx ? .lines : .findings)) == .lines
        if asLines, evidence == nil {
            Terminal.say(
                "note: no dataset is named, so items, quantities and prices of lines are left out; add --dataset")
        }
        let listing = FindingsListing(wording: wording, isFull: format != .table)
        let heads = asLines ? LineListing.heads : listing.heads
        let list = try format.output(
            heads, title: asLines ? "违规明细表" : "审核结果", path: output, byteOrderMark: byteOrderMark)
        let lines = LineListing(wording: wording, evidence: evidence, output: list)
        var left = limit ?? .max
        try run.visit(where: selection) { record in
            guard left > 0 else { return false }
            try Interrupt.check()
            if asLines {
                // The list is of what is held against somebody; what could not be known is asked for by name.
                guard record.outcome != "undetermined" || !conditions.isEmpty else { return true }
                try lines.add(record)
            } else {
                try list.write(listing.row(record))
            }
            left -= 1
            return true
        }
        if asLines { try lines.finish() } else { try list.finish() }
        if format == .table, output == "-" {
            try Terminal.show(
                [""]
                    + Self.lines(of: try Self.totals(of: run, selection, evidence, limit: limit), style: Terminal.style)
            )
        }
    }

    // MARK: Groups and totals

    private func writeGroups(
        by group: FindingsGroups.By, of run: FindingsRun, _ selection: FindingsSelection,
        _ wording: FindingsWording, _ evidence: FindingsEvidence?
    ) throws {
        let encounters = try EncounterIndex(run, selection, evidence)
        var groups = FindingsGroups(by: group)
        var left = limit ?? .max
        try run.visit(where: selection) { record in
            guard left > 0 else { return false }
            groups.add(record, encounterOf: encounters.encounter)
            left -= 1
            return true
        }
        let heads = GroupListing.heads(by: group)
        let rows = groups.groups().map { GroupListing.row($0, by: group, wording: wording) }
        if json {
            let objects = rows.map { row in
                JSONText.object(zip(heads, row).map { JSONText.Member(name: $0.key, value: JSONText($1)) })
            }
            return try Terminal.show([JSONText.array(objects).pretty])
        }
        let list = try format.output(heads, title: "分组统计", path: output, byteOrderMark: byteOrderMark)
        for row in rows { try list.write(row) }
        try list.finish()
    }

    static func totals(
        of run: FindingsRun, _ selection: FindingsSelection, _ evidence: FindingsEvidence?, limit: Int? = nil
    ) throws -> GroupListing.Totals {
        let encounters = try EncounterIndex(run, selection, evidence)
        var totals = FindingsTotals()
        var result = GroupListing.Totals()
        var left = limit ?? .max
        try run.visit(where: selection) { record in
            guard left > 0 else { return false }
            totals.add(record, encounterOf: encounters.encounter)
            result.count(record)
            left -= 1
            return true
        }
        result.sums = totals.result()
        return result
    }

    private func write(_ totals: GroupListing.Totals) throws {
        try Terminal.show(json ? [totals.json.pretty] : Self.lines(of: totals, style: Terminal.style))
    }

    static func lines(of totals: GroupListing.Totals, style: TerminalStyle) -> [String] { totals.lines(style: style) }

    private func writeArrow(_ run: FindingsRun, _ selection: FindingsSelection, _ wording: FindingsWording) throws {
        var writer = FindingsRecordWriter()
        var left = limit ?? .max
        try run.visit(where: selection) { record in
            guard left > 0 else { return false }
            try writer.append(wording.mask.apply(to: record))
            left -= 1
            return true
        }
        if output == "-" {
            if Terminal.isOutputTerminal {
                throw CommandError.usage(
                    "YJ-202", "Arrow cannot be shown on a terminal", advice: "add --output FILE.arrow")
            }
            try writer.write(to: 1, name: "standard output")
        } else {
            try writer.write(to: output)
        }
    }
}

extension FindingsGroups.By: ExpressibleByArgument {}
