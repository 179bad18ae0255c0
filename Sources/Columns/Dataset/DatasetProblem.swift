/// Something that a verification found.
package struct DatasetProblem: Equatable, Sendable, CustomStringConvertible {
    package let code: String
    /// The file or folder concerned.
    package let path: String
    package let message: String
    /// Left over from an interrupted write: no data is wrong, the next writer cleans up.
    package let isHarmless: Bool

    package init(_ code: String, path: String, _ message: String, isHarmless: Bool = false) {
        self.code = code
        self.path = path
        self.message = message
        self.isHarmless = isHarmless
    }

    init(_ error: ColumnsError, path: String) {
        let place = error.place == path ? "" : error.place.replacing(path + ": ", with: "") + ": "
        self.init(error.code, path: path, place + error.message)
    }

    package var description: String { "\(path): \(code) \(message)" }
}
