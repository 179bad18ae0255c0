/// One thing that is wrong, or doubtful, in experts' files (诊断): where it is, what it is, and what to do about it.
///
/// Diagnostics are values: reading collects all of them and never stops at the first. The path is relative to the
/// package, so that the same package gives the same diagnostics wherever it lies. Lines and columns count from 1;
/// columns count characters (Unicode scalars). Line 0 means the file, or the folder, as a whole.
package struct Diagnostic: Hashable, Sendable {
    package enum Severity: String, Sendable {
        /// The package cannot be used as it is.
        case error
        /// The package can be used, but somebody should look.
        case warning
    }

    package let file: String
    package let line: Int
    package let column: Int
    /// Names the kind of mistake for good: three letters for the reader that found it, three digits.
    package let code: String
    package let severity: Severity
    package let message: String
    package let advice: String

    package init(
        file: String, line: Int, column: Int, code: String, severity: Severity = .error, message: String,
        advice: String
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.code = code
        self.severity = severity
        self.message = message
        self.advice = advice
    }
}

extension Diagnostic: Comparable {
    /// By place, so that a report reads top-down.
    package static func < (a: Diagnostic, b: Diagnostic) -> Bool {
        (a.file, a.line, a.column, a.code, a.message) < (b.file, b.line, b.column, b.code, b.message)
    }
}

extension Diagnostic: CustomStringConvertible {
    /// `rules/P17.yaml:12:7: error RUL012: message. advice`.
    package var description: String {
        let place = line > 0 ? "\(file):\(line):\(column)" : file
        return "\(place): \(severity.rawValue) \(code): \(message)\(advice.isEmpty ? "" : "; \(advice)")"
    }
}
