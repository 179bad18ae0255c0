import Columns
import Glibc

/// The world failed while importing: a file that cannot be read, a full disk, a mapping with errors.
///
/// Bad rows are never errors; they go to the rejects file.
package struct IngestError: ExplainedError {
    package let code: String
    package let message: String
    package let place: String
    package let advice: String

    package init(_ code: String, _ message: String, at place: String, advice: String) {
        self.code = code
        self.message = message
        self.place = place
        self.advice = advice
    }

    package init(_ error: ColumnsError) {
        self.init(error.code, error.message, at: error.place, advice: error.advice)
    }

    static func cannotRead(_ path: String) -> IngestError {
        let reason = String(cString: strerror(errno))
        return IngestError(
            "ING101", "The file cannot be read: \(reason)", at: path, advice: "Check the path and its permissions")
    }

    static func cannotWrite(_ path: String) -> IngestError {
        let full = errno == ENOSPC || errno == EDQUOT
        let reason = String(cString: strerror(errno))
        return IngestError(
            full ? "ING103" : "ING102", "The file cannot be written: \(reason)", at: path,
            advice: full
                ? "Free some space, or point the work folder to another disk, and run the same command again"
                : "Check the path and its permissions, and run the same command again")
    }
}
