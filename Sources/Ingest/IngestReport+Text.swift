extension IngestReport {
    /// The report for a terminal: the balance first, then what needs a person's eye.
    package var text: String {
        var lines: [String] = []
        if alreadyImported {
            return "Nothing to do: these sources are already in the dataset as segment \(segment)."
        }
        lines.append("segment \(segment), \(blocks) blocks, \(IngestReport.rounded(seconds)) s")
        lines.append(IngestReport.row(["table", "read", "kept", "rejected", "repeated", "corrected"]))
        for balance in balances {
            lines.append(
                IngestReport.row([
                    balance.table.rawValue, "\(balance.read)", "\(balance.kept)", "\(balance.rejected)",
                    "\(balance.repeated)", "\(balance.corrected)",
                ]))
            if balance.withdrawn > 0 { lines.append("  of the corrected, \(balance.withdrawn) were taken back") }
            if balance.leftOut > 0 { lines.append("  \(balance.leftOut) records were left out by conditions") }
            if !balance.isBalanced { lines.append("  THE BALANCE DOES NOT HOLD") }
        }
        if filesTakenOver > 0 {
            lines.append(
                "\(filesTakenOver) readings of files were taken over from runs of this command that were stopped")
        }
        if personsByReference > 0 { lines.append("\(personsByReference) persons are known only by reference") }
        if !reasons.isEmpty {
            lines.append("refused:")
            for reason in reasons { lines.append("  \(reason.code) \(reason.rows) × \(reason.reason)") }
        }
        if let rejectsFile { lines.append("refused rows are in \(rejectsFile)") }
        for field in fields where !field.unmapped.isEmpty {
            let values = field.unmapped.map { "\($0.value) (\($0.rows))" }.joined(separator: ", ")
            lines.append("unmapped \(field.table.rawValue).\(field.field): \(values)")
        }
        for field in fields where field.farDays > 0 {
            lines.append(
                "far days \(field.table.rawValue).\(field.field): \(field.farDays), \(field.firstDay ?? "") … \(field.lastDay ?? "")"
            )
        }
        lines += codeLines
        if wrongIdentityNumbers > 0 {
            lines.append(
                "\(wrongIdentityNumbers) of \(identityNumbers) identity numbers cannot be right (length, day of birth or check digit)"
            )
        }
        lines += warnings
        lines.append(phases.map { "\($0.name) \(IngestReport.rounded($0.seconds)) s" }.joined(separator: ", "))
        return lines.joined(separator: "\n")
    }

    private static func rounded(_ seconds: Double) -> String {
        let hundredths = Int((seconds * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }

    private static func row(_ cells: [String]) -> String {
        cells.enumerated().map { index, cell in
            let padding = String(repeating: " ", count: max(1, 13 - cell.count))
            return index == 0 ? cell + padding : padding + cell
        }.joined()
    }
}
