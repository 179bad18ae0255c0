import Casework

/// What came of the story: for a person to read, and for a test to hold against what must be (故事记录).
package struct BureauRecord: Sendable {
    package struct Phase: Sendable {
        package let name: String
        /// In words, what happened.
        package let what: String
        package let acts: Int
        package let seconds: Double
    }

    /// An invented person of the invented bureau, with what one needs to sign in as him.
    package struct Person: Sendable {
        package let name: String
        package let role: String
        package let account: String
        package let authenticator: String
    }

    package struct Balance: Sendable {
        package let what: String
        package let received: Int
        package let groups: [(name: String, count: Int)]
        package let open: Int
    }

    /// What everybody in the story signs in with.
    package static let password = "Ky7-Breeze-2026"

    package internal(set) var phases: [Phase] = []
    package internal(set) var people: [Person] = []
    package internal(set) var reports: [MonthlyReport] = []
    package internal(set) var balances: [Balance] = []
    /// What the recoveries' own books say came in, by kind of money, in fen.
    package internal(set) var received: [String: Int64] = [:]
    package internal(set) var outcomes = FindingOutcomes()
    /// What was tried and refused, with the answer.
    package internal(set) var refusals: [String] = []
    package internal(set) var skipped = 0
    package internal(set) var unassigned = 0
    package internal(set) var matters = 0
    package internal(set) var acts = 0
    /// Differences between the tables and the acts, and breaks of the chains: none.
    package internal(set) var differences: [String] = []
    /// The superior's list as it came, and with its answers.
    package internal(set) var sentList = ""
    package internal(set) var answeredList = ""
    /// Where to look: a matter of each kind.
    package internal(set) var worthSeeing: [(matter: String, why: String)] = []
}
