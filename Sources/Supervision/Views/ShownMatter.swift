import Casework
import Claims

/// A matter as one caller may see it (事项视图): the values of fields plain, masked or absent as the matrix says, its clocks, its
/// money, what was done, and what the caller can do next. Every text is ready to be printed.
package struct ShownMatter: Sendable {
    package struct Value: Sendable, Equatable {
        package let field: String
        package let name: String
        package let text: String
        package let isMasked: Bool
    }

    package struct Standing: Sendable, Equatable {
        package let track: String
        package let trackName: String
        package let state: String
        package let stateName: String
    }

    package struct Clock: Sendable, Equatable {
        package let clock: String
        package let name: String
        package let item: String
        package let standing: String
        /// Nil: it cannot be known, because a year's notice of holidays is missing.
        package let due: Instant?
        package let isOverdue: Bool
    }

    package struct Account: Sendable, Equatable {
        package let account: String
        package let name: String
        /// Fen by `fund/pool`.
        package let parts: [String: Int64]
    }

    /// received = the sum of the groups + open, always (逐条核查、清仓见底).
    package struct Balance: Sendable, Equatable {
        package let track: String
        package let received: Int
        package let groups: [(name: String, count: Int)]
        package let open: Int

        package static func == (a: Balance, b: Balance) -> Bool {
            a.track == b.track && a.received == b.received && a.open == b.open
                && a.groups.map(\.name) == b.groups.map(\.name) && a.groups.map(\.count) == b.groups.map(\.count)
        }
    }

    package struct Item: Sendable, Equatable {
        package let key: String
        package let kind: String
        package let parent: String?
        package let states: [Standing]
        package let values: [Value]
    }

    package struct Line: Sendable, Equatable {
        package let number: Int
        package let effective: Day
        package let recorded: Instant
        /// Absent for who may not see internal matters.
        package let person: String?
        package let role: String
        package let roleName: String
        package let what: String
        package let whatName: String
        package let item: String
        package let values: [Value]
        package let papers: [String]
        package let isAnnulled: Bool
    }

    package struct Paper: Sendable, Equatable {
        package let kind: String
        package let name: String
        package let number: String?
        package let item: String
        package let day: Day
        package let isReceived: Bool
    }

    package let id: String
    package let procedure: String
    package let procedureName: String
    package let version: Int
    package let acts: Int
    package let level: String
    package let ended: String?
    package let parent: String?
    package let mergedInto: String?
    package let states: [Standing]
    package let values: [Value]
    package let parties: [String: String]
    package let items: [(kind: String, name: String, count: Int)]
    package let clocks: [Clock]
    package let accounts: [Account]
    package let balances: [Balance]
    package let children: [(kind: String, id: String, ended: String?)]
    package let papers: [Paper]
    package let next: [NextStep]
    /// What of each class of field is shown; classes that are not named are absent.
    package let showing: [String: Authority.Showing]
}

/// What a caller can do next in a matter (下一步): a step to take, or an answer to what waits for a signature.
package struct NextStep: Sendable, Equatable {
    package enum Verb: String, Sendable {
        case take, approve
        case sendBack = "return"
        case conclude
    }

    package struct Need: Sendable, Equatable {
        package let field: String
        package let name: String
        package let kind: String
        package let choices: [(id: String, name: String)]
        package let isRequired: Bool

        package static func == (a: Need, b: Need) -> Bool {
            a.field == b.field && a.name == b.name && a.kind == b.kind && a.isRequired == b.isRequired
                && a.choices.map(\.id) == b.choices.map(\.id)
        }
    }

    package let verb: Verb
    package let step: String
    package let name: String
    /// In which of the caller's roles.
    package let roles: [String]
    /// Items that stand where the step begins, the first hundred of them; empty: it is about the matter.
    package let items: [String]
    package let itemCount: Int
    package let needs: [Need]
    package let papers: [String]
    /// How many persons act together.
    package let together: Int
    /// The act that proposed what is to be answered.
    package let proposal: Int?

    static let itemsMax = 100
}
