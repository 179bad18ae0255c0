import ArgumentParser
import Casework
import Claims
import Documents
import Foundation
import Supervision

/// `yijian stats`: what supervision did in a month.
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "The monthly report (监管月报) over the matters one may list.",
        discussion:
            "Its lines stand in knowledge/procedures/common.yaml; each procedure says which of its steps add to them.")

    @OptionGroup var options: DoorOptions
    @Argument(help: "yyyy-mm; several give a column each. Default: this month.") var months: [String] = []
    @Option(help: "Matters of this procedure only.") var procedure: String?
    @Option(name: .customLong("where"), help: "attribute=value: area, pool, institution_kind …; may be repeated.")
    var conditions: [String] = []
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        var filter = Casebook.Filter()
        filter.procedure = procedure
        for condition in conditions {
            let parts = condition.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--where is attribute=value, not \(condition)") }
            filter.attributes[parts[0]] = parts[1]
        }
        let book = try options.casebook()
        let token = try options.token()
        let chosen = months.isEmpty ? [String(book.today.description.prefix(7))] : months
        let reports = try chosen.map { try book.report(month: $0, filter, by: token) }
        try Terminal.show(
            json
                ? [JSONText.array(reports.map(ReportWording.object)).pretty]
                : ReportWording.lines(reports, width: Terminal.width, style: Terminal.style))
    }
}

/// `yijian outcomes`: how often each rule was right.
struct OutcomesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outcomes",
        abstract: "How often each rule was right, by kind of institution, as reviews and appeals decided (规则准确率).",
        discussion: """
            Of the findings on which something was decided: confirmed, or dropped. The interval is Wilson's at 95 %.
            --reviews RULE writes what was decided as `yijian rules backtest … --reviews` reads it.
            """)

    @OptionGroup var options: DoorOptions
    @Option(help: "A rule: its decided findings as a CSV of reviews.") var reviews: String?
    @Option(help: "The file to write; default: standard output.") var output = "-"
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let outcomes = try options.casebook().outcomes(by: try options.token())
        if let reviews {
            let file = try OutputFile(path: output)
            let table = try CSVOutput([ColumnHead("key", "key"), ColumnHead("right", "right")], to: file)
            for review in outcomes.reviews where review.rule == reviews {
                try table.write([.text(review.key), .text(review.isRight ? "是" : "否")])
            }
            return try table.finish()
        }
        try Terminal.show(
            json
                ? [ReportWording.object(outcomes).pretty]
                : ReportWording.lines(outcomes, width: Terminal.width, style: Terminal.style))
    }
}
