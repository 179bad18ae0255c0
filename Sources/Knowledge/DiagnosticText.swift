import Foundation

/// Shows diagnostics to the author of a file: the message, the line it is about with a caret below it, the advice.
///
///     rules/P17.yaml:9:3: error RUL007: line has no field `quantiy`
///         9 |   SUM(quantiy) OVER (SAME person, item, day) > cap.limit
///           |       ^
///       did you mean `quantity`?
package struct DiagnosticText {
    private let folder: String
    private var lines: [String: [Substring]] = [:]
    private static let shownMax = 160

    /// The paths of the diagnostics lie below this folder.
    package init(folder: String) { self.folder = folder }

    package mutating func text(_ diagnostics: [Diagnostic]) -> String {
        var text = ""
        for diagnostic in diagnostics { text += self.text(diagnostic) + "\n" }
        return text
    }

    package mutating func text(_ diagnostic: Diagnostic) -> String {
        let place = diagnostic.line > 0 ? "\(diagnostic.file):\(diagnostic.line):\(diagnostic.column)" : diagnostic.file
        var text = "\(place): \(diagnostic.severity.rawValue) \(diagnostic.code): \(diagnostic.message)\n"
        if let line = line(diagnostic.line, of: diagnostic.file) {
            text += Self.excerpt(line, number: diagnostic.line, column: diagnostic.column, isTable: diagnostic.file.hasSuffix(".csv"))
        }
        if !diagnostic.advice.isEmpty { text += "  \(diagnostic.advice)\n" }
        return text
    }

    private mutating func line(_ number: Int, of file: String) -> Substring? {
        guard number > 0 else { return nil }
        if lines[file] == nil {
            let content = (try? Data(contentsOf: URL(fileURLWithPath: folder + "/" + file))) ?? Data()
            lines[file] = String(decoding: content, as: UTF8.self)
                .split(omittingEmptySubsequences: false) { $0.isNewline }
        }
        guard let all = lines[file], number <= all.count else { return nil }
        return all[number - 1]
    }

    /// The line and a caret; in a table the column counts cells, and there is no caret.
    static func excerpt(_ line: Substring, number: Int, column: Int, isTable: Bool) -> String {
        let margin = String(repeating: " ", count: max(0, 5 - String(number).count)) + "\(number) | "
        let scalars = Array(line.unicodeScalars.filter { $0 != "\u{FEFF}" })
        // Long lines are shown from a little before the place.
        let first = column > shownMax - 20 && !isTable ? column - 40 : 0
        let shown = scalars.dropFirst(first).prefix(shownMax)
        var view = String.UnicodeScalarView()
        view.append(contentsOf: shown.map { $0 == "\t" || $0.value < 0x20 ? " " : $0 })
        var text = "  " + margin + (first > 0 ? "…" : "") + String(view) + "\n"
        guard !isTable else { return text }
        let before = scalars.dropFirst(first).prefix(max(column - 1 - first, 0)).reduce(0) { $0 + width($1) }
        let indent = before + (first > 0 ? 1 : 0)
        text += "  " + String(repeating: " ", count: margin.count - 2) + "| " + String(repeating: " ", count: indent) + "^\n"
        return text
    }

    /// Columns that a character takes on a terminal: two for those of East Asian scripts.
    static func width(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0x300...0x36F, 0x200B...0x200D, 0xFE00...0xFE0F: 0
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            2
        default: 1
        }
    }
}
