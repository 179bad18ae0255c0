import ArgumentParser
import Claims
import Columns
import Documents

/// `yijian dataset`: look at a dataset, prove that it is whole, make it smaller.
struct DatasetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dataset", abstract: "Show, verify, grow from the journal, compact or prune a dataset (数据集).",
        subcommands: [
            DatasetShowCommand.self, DatasetVerifyCommand.self, DatasetAbsorbCommand.self, DatasetCompactCommand.self,
            DatasetPruneCommand.self,
        ])
}

/// `yijian dataset show DATASET`.
struct DatasetShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print generation, coverage, segments and rows per table.")

    @Argument(help: "The folder of the dataset.")
    var dataset: String

    @Option(name: .long, help: "An earlier generation.")
    var generation: Int?

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        let dataset = try Dataset.open(dataset, generation: generation)
        let from = Day(number: dataset.coverage.from)
        let to = Day(number: dataset.coverage.to)
        let claims = Table.allCases.filter { $0.role != .master }
        let masters = try Table.allCases.filter { $0.role == .master }.map { table in
            (table, try dataset.master(table.rawValue)?.totalRows)
        }
        if json {
            return try Terminal.show([
                JSONText.members([
                    "generation": .integer(Int64(dataset.generation)), "from": .text(from.description),
                    "to": .text(to.description), "closed_world": .flag(dataset.coverage.closedWorld),
                    "segments": .array(
                        dataset.segments.map { segment in
                            .members([
                                "name": .text(segment.name), "blocks": .integer(Int64(segment.blockCount)),
                                "withdrawn": .integer(Int64(segment.totalRows(WithdrawnRows.table))),
                                "rows": .object(
                                    claims.map {
                                        .init(
                                            name: $0.rawValue, value: .integer(Int64(segment.totalRows($0.rawValue))))
                                    }),
                            ])
                        }),
                    "masters": .object(
                        masters.compactMap { table, rows in
                            rows.map { .init(name: table.rawValue, value: .integer(Int64($0))) }
                        }),
                ]).pretty
            ])
        }
        let style = Terminal.style
        var lines = [
            style.bold("generation \(dataset.generation)") + "  coverage \(from) … \(to)"
                + (dataset.coverage.closedWorld
                    ? ", nothing is missing there (closed world)" : ", more may exist outside")
        ]
        var table = TextTable(
            [ColumnHead("segment", "segment"), ColumnHead("blocks", "blocks", .integer)]
                + claims.map { ColumnHead($0.rawValue, $0.rawValue, .integer) }
                + [ColumnHead(WithdrawnRows.table, "takes back", .integer)])
        for segment in dataset.segments {
            table.append(
                [.text(segment.name), .integer(Int64(segment.blockCount))]
                    + claims.map { .integer(Int64(segment.totalRows($0.rawValue))) }
                    + [.integer(Int64(segment.totalRows(WithdrawnRows.table)))])
        }
        lines += table.lines(width: Terminal.width, style: style)
        lines.append(
            "masters: "
                + masters.map { table, rows in "\(table.rawValue) " + (rows.map(String.init) ?? "absent") }
                .joined(separator: ", "))
        try Terminal.show(lines)
    }
}

/// `yijian dataset verify DATASET`: reads every byte and compares it with what the manifest says.
struct DatasetVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read every byte of a dataset and find any that changed.")

    @Argument(help: "The folder of the dataset.")
    var dataset: String

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        let problems = Dataset.verify(dataset)
        let serious = problems.filter { !$0.isHarmless }
        if json {
            let list = problems.map { problem in
                JSONText.members([
                    "code": .text(problem.code), "path": .text(problem.path), "message": .text(problem.message),
                    "harmless": .flag(problem.isHarmless),
                ])
            }
            try Terminal.show([
                JSONText.members(["whole": .flag(serious.isEmpty), "problems": .array(list)]).pretty
            ])
        } else {
            let style = Terminal.style
            try Terminal.show(
                problems.map { ($0.isHarmless ? style.dim("note") : style.red("damaged")) + " " + $0.description }
                    + [
                        serious.isEmpty
                            ? "The dataset is whole." : "Restore the dataset from a copy, or ingest the sources again."
                    ])
        }
        if !serious.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}
