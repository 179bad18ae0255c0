/// An error in the parts that a shell words: what is wrong, where, what to do, and a code to look up.
package protocol ExplainedError: Error, CustomStringConvertible {
    var code: String { get }
    /// What is wrong, without a full stop.
    var message: String { get }
    /// As exact as is known.
    var place: String { get }
    /// What the reader can do about it.
    var advice: String { get }
}

extension ExplainedError {
    package var description: String { "\(place): \(code) \(message). \(advice)" }
}

/// What went wrong with a file, a stream or a dataset: what, where, and what to do.
///
/// Every error has a code (`COL…`) that `docs/dataset.md` lists. Hostile or damaged bytes always end here, never in a
/// crash.
package struct ColumnsError: ExplainedError, Equatable {
    package let code: String
    /// What is wrong, without a full stop.
    package let message: String
    /// File, batch, column, buffer: as exact as is known.
    package let place: String
    /// What the reader can do about it.
    package let advice: String

    package init(_ code: String, _ message: String, at place: String, advice: String) {
        self.code = code
        self.message = message
        self.place = place
        self.advice = advice
    }
}
