import Knowledge

/// What an import saw and would change (导入报告).
package struct ImportReport: Sendable {
    package struct Table: Sendable {
        package let name: String
        /// File and sheet: `批次一.xlsx#编码`.
        package let place: String
        package let headerRow: Int
        package let rows: Int
        package let skipped: [(row: Int, text: String)]
        package let repeatedHeaders: Int
        package let filteredOut: Int
    }

    package private(set) var tables: [Table] = []
    /// Points of the file, equal ones once.
    package internal(set) var points = 0
    package internal(set) var duplicates = 0
    package internal(set) var unknownCodes = 0
    package internal(set) var added: [String] = []
    package internal(set) var removed: [String] = []
    package internal(set) var changed: [String] = []
    package internal(set) var same = 0
    /// At most `shownMax`; `problemCount` counts all.
    package private(set) var diagnostics: [Diagnostic] = []
    package private(set) var problemCount = 0
    package private(set) var hasErrors = false

    package static let shownMax = 200

    mutating func add(_ diagnostic: Diagnostic) {
        problemCount += 1
        if diagnostic.severity == .error { hasErrors = true }
        // Errors are shown before warnings when there is no room for all.
        if diagnostics.count < Self.shownMax {
            diagnostics.append(diagnostic)
        } else if diagnostic.severity == .error,
            let warning = diagnostics.lastIndex(where: { $0.severity == .warning })
        {
            diagnostics[warning] = diagnostic
        }
    }

    package mutating func add(_ diagnostics: [Diagnostic]) { for diagnostic in diagnostics { add(diagnostic) } }

    mutating func add(_ table: FoundTable) {
        tables.append(
            Table(
                name: table.name, place: table.place, headerRow: table.headerRow, rows: table.rows.count,
                skipped: table.skipped, repeatedHeaders: table.repeatedHeaders, filteredOut: table.filteredOut))
    }
}
