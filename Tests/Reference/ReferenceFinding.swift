import Claims
import Rules

/// One conclusion of a rule with its evidence, in a form that is easy to compare: identifiers and exact decimal texts.
package struct ReferenceFinding: Hashable, Sendable {
    package var rule: String
    package var outcome: Outcome
    package var unit: String
    package var key: String
    package var person: String?
    /// Identifiers in canonical order of their rows.
    package var violating: [String]
    package var involved: [String]
    /// The same rows with their tables: `line:l1`.
    package var involvedRows: [String] = []
    package var value: String?
    package var limit: String?
    package var money = Money()
    package var list: String?
    /// The line number of the row in the list's file.
    package var listRow: Int32?
    /// Why a finding is undetermined.
    package var cause: String?

    /// The amounts of a finding, in yuan; nil is unknown, or not asked for.
    package struct Money: Hashable, Sendable {
        package var gross: String?
        package var inScope: String?
        package var loss: String?
        /// basic, large, assistance, civil, long-term care, other.
        package var lossPerFund: [String]?
        /// `ratio`, or `unknown` when the loss could not be derived.
        package var method: String?
        package var pool: String?
        /// The gross stake of each violating row, in the order of `violating`.
        package var stakes: [String?] = []
    }

    package var identifier: String { FindingIdentifier.hex(rule: rule, key: key) }
}

/// Why a row was flagged or not: what each matching list row led to.
package struct ReferenceExplanation: Sendable {
    package struct Attempt: Sendable {
        package var listRows: [Int32?]
        package var filter: Bool?
        package var test: Bool?
        package var value: String?
        package var limit: String?
        package var cause: String?
    }

    package var outcome: Outcome
    package var attempts: [Attempt]
}
