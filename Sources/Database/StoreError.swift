import Columns

/// What went wrong between us and the store: what, where, what to do, and a kind that callers can decide on.
package struct StoreError: ExplainedError, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// The server or the file cannot be opened.
        case unreachable = "DBS001"
        /// Others hold what we need, or every connection is in use, for longer than we wait.
        case busy = "DBS002"
        /// No room on the disk.
        case full = "DBS003"
        case readOnly = "DBS004"
        /// The store's bytes are damaged.
        case corrupt = "DBS005"
        /// A value that may be there once is there already.
        case notUnique = "DBS006"
        /// A rule of the schema would be broken: a reference to nothing, a missing value.
        case refusedBySchema = "DBS007"
        /// Two transactions wait for each other or cannot be put in order; the same again may succeed.
        case tryAgain = "DBS008"
        /// Somebody else changed the row since it was read.
        case changedMeanwhile = "DBS009"
        /// The connection broke while the transaction was being made final: it may or may not have been.
        case outcomeUnknown = "DBS010"
        /// A statement or a parameter that the store does not take.
        case badStatement = "DBS011"
        case wrongType = "DBS012"
        /// More rows than the caller said could come.
        case tooManyRows = "DBS013"
        /// A list's continuation mark that we did not give out.
        case badContinuation = "DBS014"
        /// The store was written by a newer program, or a migration is not what it was.
        case otherSchema = "DBS015"
        case badAddress = "DBS016"
        case other = "DBS099"
    }

    package let kind: Kind
    package let message: String
    package let place: String
    package let advice: String

    package var code: String { kind.rawValue }

    package init(_ kind: Kind, _ message: String, at place: String, advice: String) {
        self.kind = kind
        self.message = message
        self.place = place
        self.advice = advice
    }
}

extension StoreError {
    /// The usual advice for a kind, for errors that come from the engine.
    static func advice(for kind: Kind) -> String {
        switch kind {
        case .unreachable: "start the server or mend the address; nothing was changed"
        case .busy: "try again; if it stays so, look for a long transaction with `yijian doctor`"
        case .full: "make room on the disk; nothing was changed and no restart is needed"
        case .readOnly: "give the program's user the right to write there"
        case .corrupt: "stop, keep the file, and restore the last backup; `yijian doctor` says how far the damage goes"
        case .notUnique: "read the row that is there before writing another"
        case .refusedBySchema: "give the missing value, or make what is referred to first"
        case .tryAgain: "do the same once more"
        case .changedMeanwhile: "read it again, look at what changed, then decide anew"
        case .outcomeUnknown: "ask whether it was done before doing it again"
        case .otherSchema: "run the program version that the message names, or `yijian store migrate`"
        case .badStatement, .wrongType, .tooManyRows, .other: "report it with this message; nothing was changed"
        case .badContinuation: "start the list from its beginning"
        case .badAddress: "write a path, or postgresql://user@host/database"
        }
    }

    static func wrongColumn(_ name: String, known: [String]) -> StoreError {
        StoreError(
            .badStatement, "the answer has no column `\(name)`; it has \(known.joined(separator: ", "))",
            at: "the store", advice: advice(for: .badStatement))
    }
}
