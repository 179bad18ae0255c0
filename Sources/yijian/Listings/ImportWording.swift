import Documents
import Workshop

/// An import's report for the terminal.
enum ImportWording {
    private static let shownMax = 10

    static func lines(
        _ report: ImportReport, list: String, path: String, accepted: Bool, isNew: Bool, check: Bool
    ) -> [String] {
        let style = Terminal.style
        var lines: [String] = []
        for table in report.tables {
            lines.append(
                "\(table.name): \(table.place), header in row \(table.headerRow), \(table.rows) rows"
                    + (table.filteredOut > 0 ? ", \(table.filteredOut) of other kinds" : "")
                    + (table.repeatedHeaders > 0 ? ", \(table.repeatedHeaders) repeated headers" : ""))
            for skipped in table.skipped.prefix(shownMax) {
                lines.append("    row \(skipped.row) is a total or a remark: \(skipped.text)")
            }
        }
        for diagnostic in report.diagnostics {
            lines.append(
                diagnostic.severity == .error
                    ? style.red(diagnostic.description) : style.yellow(diagnostic.description))
        }
        if report.problemCount > report.diagnostics.count {
            lines.append("… and \(report.problemCount - report.diagnostics.count) more")
        }
        lines.append(
            "\(report.points) points; \(report.added.count) added, \(report.removed.count) removed, "
                + "\(report.changed.count) changed, \(report.same) the same; \(report.duplicates) duplicates, "
                + "\(report.unknownCodes) unknown codes")
        for (sign, texts) in [("+", report.added), ("−", report.removed), ("~", report.changed)] {
            lines += texts.prefix(shownMax).map { "    \(sign) \($0)" }
            if texts.count > shownMax { lines.append("    \(sign) … \(texts.count - shownMax) more") }
        }
        let outcome =
            !accepted
            ? style.red("Refused: the version of \(list) in force stays as it is.")
            : !isNew ? "\(list) is up to date." : check ? "\(list) would change." : "\(path) is the new version."
        return lines + [outcome]
    }
}
