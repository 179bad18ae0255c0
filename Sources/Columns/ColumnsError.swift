/// What went wrong with a file, a stream or a dataset: what, where, and what to do.
///
/// Every error has a code (`COL…`) that `docs/dataset.md` lists. Hostile or damaged bytes always end here, never in a
/// crash.
package struct ColumnsError: Error, Equatable, Sendable, CustomStringConvertible {
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

    package var description: String { "\(place): \(code) \(message). \(advice)" }
}
