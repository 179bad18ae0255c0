import Columns
import Glibc

/// Why the journal did not do what it was asked: what, where, what to do, and a kind to act on.
///
/// Codes (`JRN…`) are listed in `docs/journal.md`.
package struct JournalError: ExplainedError, Equatable {
    package enum Kind: String, Sendable {
        /// Disk or quota full. Passes when space returns; nothing of the append remains.
        case full
        /// Any other trouble of the disk.
        case failing
        /// More waits than `JournalSettings` allows.
        case busy
        case tooLarge
        case closed
        /// What is stored is not what was written.
        case damaged
        /// Another process writes here.
        case locked
        /// The key file cannot be used or does not belong to this journal.
        case keys
        /// There is no such record or folder, or its body was erased.
        case absent
        /// Somebody else acted in between.
        case conflict
    }

    package let kind: Kind
    package let code: String
    package let message: String
    package let place: String
    package let advice: String

    package init(_ kind: Kind, _ code: String, _ message: String, at place: String, advice: String) {
        self.kind = kind
        self.code = code
        self.message = message
        self.place = place
        self.advice = advice
    }

    init(_ trouble: FileTrouble, while doing: String) {
        let kind: Kind
        let advice: String
        switch trouble.number {
        case ENOSPC, EDQUOT, EFBIG:
            (kind, advice) = (
                .full, "Make room on this disk; records are taken again by themselves, nothing recorded was lost"
            )
        case EWOULDBLOCK where trouble.call == .lock:
            (kind, advice) = (
                .locked, "Another process writes this journal: end it first, or read with `show` and `verify`"
            )
        case ENOENT: (kind, advice) = (.absent, "Check the path")
        case EACCES, EPERM, EROFS: (kind, advice) = (.failing, "Check owner and mode of this path")
        default:
            (kind, advice) = (
                .failing, "Check the disk (system log, SMART); what was acknowledged before is not affected"
            )
        }
        self.init(
            kind, kind == .full ? "JRN011" : kind == .locked ? "JRN012" : "JRN010",
            "\(doing) failed: \(trouble.call.rawValue): \(trouble.reason)", at: trouble.path, advice: advice)
    }
}

extension JournalError {
    /// Does disk work and words its trouble: "reading the key file failed: …".
    static func wording<Result>(
        _ doing: @autoclosure () -> String, _ body: () throws(FileTrouble) -> Result
    ) throws(JournalError) -> Result {
        do throws(FileTrouble) { return try body() } catch { throw JournalError(error, while: doing()) }
    }
}

/// Something a start or a verification found in the files of a journal.
package struct JournalProblem: Equatable, Sendable, CustomStringConvertible {
    package let code: String
    package let path: String
    package let message: String
    /// Explained by a crash or a failed write; nothing acknowledged is affected.
    package let isHarmless: Bool

    package var description: String { "\(path): \(code) \(message)" }
}
