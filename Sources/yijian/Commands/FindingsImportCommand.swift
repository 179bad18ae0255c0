import ArgumentParser
import Audit
import Documents

/// `yijian findings import`: findings of others, laid beside our own and marked as theirs (外部疑点导入).
struct FindingsImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Lay the findings of another source beside those of a run.",
        discussion: """
            They become rows with their source and outcome `stated`; our own findings are not touched. The same source
            again replaces what it gave before.
            """)

    @Argument(help: "The file with the foreign findings (CSV).")
    var file: String

    @Option(name: .long, help: "How to read it; see mappings/foreign-doubts.yaml.")
    var mapping: String

    @Option(name: .long, help: "The folder of the run.")
    var into: String

    @Flag(name: .long, help: "The report as JSON.")
    var json = false

    func run() throws {
        let mapping = try ForeignMapping.read(mapping)
        var rows = try ForeignRows(path: file, delimiter: mapping.delimiter, isGB18030: mapping.isGB18030)
        guard let head = rows.next() else {
            throw CommandError(
                code: "YJ-358", what: "the file is empty", place: file, advice: "give a file with a head line")
        }
        var findings = try ForeignFindings(mapping: mapping, head: head.fields, path: file)
        while let row = rows.next() { findings.add(row) }
        try Interrupt.check()
        var writer = FindingsRecordWriter()
        for record in findings.finished { try writer.append(record) }
        let path = "\(into)/foreign-\(mapping.source).arrow"
        try writer.write(to: path, metadata: ["source": mapping.source, "name": mapping.name])
        let rejects = "\(into)/foreign-\(mapping.source).rejects.csv"
        if !findings.refusals.isEmpty { try write(findings.refusals, to: rejects) }
        if json {
            return try Terminal.show([
                JSONText.members([
                    "source": .text(mapping.source), "rows": .integer(Int64(findings.rows)),
                    "findings": .integer(Int64(findings.records.count)),
                    "rejected": .integer(Int64(findings.refusals.count)), "file": .text(path),
                ]).pretty
            ])
        }
        var lines = [
            "\(mapping.name): \(findings.rows) rows became \(findings.records.count) findings; "
                + "\(findings.refusals.count) rows were refused"
        ]
        for refusal in findings.refusals.prefix(5) { lines.append("  \(file):\(refusal.line): \(refusal.reason)") }
        if !findings.refusals.isEmpty { lines.append("  all of them are in \(rejects)") }
        lines.append("Next: yijian findings \(into) --where source=\(mapping.source)")
        try Terminal.show(lines)
    }

    private func write(_ refusals: [ForeignFindings.Refusal], to path: String) throws {
        let heads = [ColumnHead("line", "line", .integer), ColumnHead("reason", "reason"), ColumnHead("row", "row")]
        let output = try CSVOutput(heads, to: OutputFile(path: path))
        for refusal in refusals {
            try output.write([.integer(Int64(refusal.line)), .text(refusal.reason), .text(refusal.raw)])
        }
        try output.finish()
    }
}
