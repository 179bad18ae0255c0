import Columns

/// Why something may not be done at the door: not signed in, not granted, not by this person (拒绝). In Chinese, since
/// officers read it; the code is looked up in docs/supervision.md.
package struct DoorRefusal: ExplainedError, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case notSignedIn = "SUP001"
        case wrongCredentials = "SUP002"
        case locked = "SUP003"
        case passwordTooOld = "SUP004"
        case badPassword = "SUP005"
        case notGranted = "SUP006"
        case notExclusive = "SUP007"
        case samePerson = "SUP008"
        case unknown = "SUP009"
        case badInput = "SUP010"
        case reasonMissing = "SUP011"
        case notHeld = "SUP012"
        case openWork = "SUP013"
        case setUp = "SUP014"
        case badFile = "SUP020"
        /// An act names a file that is not in the matter.
        case noFile = "SUP021"
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
