import Rules

/// What somebody may do to a matter (步骤): from which states, who, with what, and what follows.
package struct Step: Sendable {
    /// Acts that every procedure has, under rules of its own.
    package enum Power: String, Sendable, CaseIterable {
        /// Take back an act and its effects, lawfully (撤销).
        case annul
        /// Mend a clerical mistake in a field; both values stay to be seen (更正).
        case correct
        /// Take up again what had ended (重启).
        case reopen
        /// Give the matter to another organisation or officer (移交).
        case handOver = "hand_over"
        /// Keep a person out of the matter (回避).
        case recuse
        /// Fold the matter into another about the same thing (并案).
        case merge
        /// Change who may know of it (定密).
        case classify
        /// Go on under the next version of the procedure (程序换版).
        case migrate
        /// Go on with a case that was begun on paper (接续纸质案卷).
        case takeOver = "take_over"
    }

    package struct Condition: Sendable {
        package let expression: ScalarExpression
        /// What the refusal says; empty: the condition itself.
        package let message: String
    }

    package struct Target: Sendable {
        package let state: String
        package let when: ScalarExpression?
    }

    package struct Signature: Sendable {
        package let role: String
        /// Who signs while the holder is away; nil: nobody.
        package let absent: String?
        package let name: String
    }

    /// A meeting that decides by vote (集体讨论).
    package struct Panel: Sendable {
        package let role: String
        /// The least number who vote.
        package let quorum: String
        package let quorumValue: Int?
    }

    package struct Posting: Sendable {
        package let from: String
        package let to: String
        /// A money expression, or nil when `field` names a split by fund and pool.
        package let amount: ScalarExpression?
        package let field: String?
    }

    package struct Child: Sendable {
        package let kind: String
        /// The child's field, and its value from here.
        package let with: [(field: String, expression: ScalarExpression)]
        package let when: ScalarExpression?
    }

    /// A track that begins with this step, for the matter, the item at hand, or every item of its kind.
    package struct Start: Sendable {
        package let track: String
        package let when: ScalarExpression?
    }

    package struct Await: Sendable {
        /// A kind of child, or a track with one instance per item.
        package enum What: Sendable {
            case children(String)
            case track(String)
        }
        package let what: What
        package let all: Bool
    }

    package let id: String
    package let name: String
    package let power: Power?
    package let track: String
    package let from: [String]
    /// Empty: the state stays. Else the first whose condition holds.
    package var targets: [Target] = []
    package var who: [String] = []
    package var together = 1
    package var apart: [String] = []
    package var needs: [String] = []
    package var takes: [String] = []
    package var papers: [String] = []
    package var issues: [String] = []
    package var tells: [String] = []
    /// Sides whose organisation is named with this step, unless the matter has it already: to whom a case is handed.
    package var names: [String] = []
    package var conditions: [Condition] = []
    package var signatures: [Signature] = []
    package var panel: Panel?
    package var sets: [(field: String, expression: ScalarExpression)] = []
    package var postings: [Posting] = []
    package var opens: [Child] = []
    package var starts: [Start] = []
    package var adds: [String] = []
    package var awaits: [Await] = []
    package var basis: [String] = []
    package var line = 0
    package var column = 0

    /// Whether nobody but a machine or the clock takes it.
    package func isAutomatic(_ roles: Roles) -> Bool {
        signatures.isEmpty && panel == nil && who.allSatisfy { roles[$0]?.kind != .person }
    }
}

/// A time limit (时限): what starts it, how long it is, what ends, halts or lengthens it, and what its end means.
package struct ClockRule: Sendable {
    package enum Unit: String, Codable, Sendable, CaseIterable {
        case workingDays = "working-days"
        case days
        case hours
        case months
        /// A fixed day of the month that follows the settlement month (结算月度固定日).
        case settlementDay = "settlement-day"
        /// The day that the sender wrote (来文限定日).
        case date
    }

    package struct Extension: Sendable {
        package let step: String
        package let length: Length
        package let timesMax: Int
    }

    package enum Length: Sendable {
        case fixed(Int)
        case parameter(String)
        /// A field: a day for `date`, else a whole number.
        case field(String)
    }

    package let id: String
    package let name: String
    package let track: String
    package let unit: Unit
    package let length: Length
    /// Steps, or `begins`: when the track itself begins.
    package let starts: [String]
    package var stops: [String] = []
    package var pauses: [String] = []
    package var resumes: [String] = []
    package var extensions: [Extension] = []
    /// Steps that are too late once it has run out.
    package var until: [String] = []
    /// Steps that are too early before it has run out.
    package var earliest: [String] = []
    /// The step that the clock itself takes when it runs out.
    package var lapse: String?
    /// The field with the settlement month, and how many months later the day falls.
    package var month: String?
    package var monthsLater = 1
    /// It is started only where this holds.
    package var when: ScalarExpression?
    /// Whether an end on a day off moves to the next working day.
    package var rolls = true
    package var basis: [String] = []
    package var line = 0
    package var column = 0
}

/// The words of all procedures for who acts (角色).
package struct Roles: Sendable {
    package struct Role: Sendable {
        package enum Kind: String, Sendable { case person, machine, clock }
        package let id: String
        package let name: String
        package let kind: Kind
        /// Which party of the matter its holder must belong to: `body`, `subject`, `receiver` …
        package let side: String
    }

    package let all: [Role]
    package init(_ all: [Role]) { self.all = all }
    package subscript(id: String) -> Role? { all.first { $0.id == id } }
}
