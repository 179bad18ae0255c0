import Claims
import Rules

/// One kind of work as an expert wrote it (程序): its states, steps, clocks, money, papers, and who may do what.
///
/// A procedure is content: the kernel knows none by name. It was checked when it was read, so that here every name
/// that occurs is declared. Lists keep the order of the file.
package struct Procedure: Sendable {
    package let id: String
    package let name: String
    package let version: Int
    package let from: Day
    package let basis: [String]
    package let file: String
    package var summary = ""
    package var items: [ItemKind] = []
    package var fields: [Field] = []
    package var parameters: [Parameter] = []
    package var papers: [PaperKind] = []
    package var accounts: [Account] = []
    package var children: [ChildKind] = []
    package var tracks: [Track] = []
    package var clocks: [ClockRule] = []
    package var opening = Opening()
    package var steps: [Step] = []
    package var balances: [Balance] = []
    package var statistics: [Statistic] = []
    package var migration: Migration?
    package var cases: [ProcedureCase] = []
    /// The identifiers of steps and clocks, known before their conditions are read.
    package var stepNames: [String] = []
    package var clockNames: [String] = []

    package init(
        id: String, name: String, version: Int, from: Day, basis: [String], file: String
    ) {
        self.id = id
        self.name = name
        self.version = version
        self.from = from
        self.basis = basis
        self.file = file
    }

    package func step(_ id: String) -> Step? { steps.first { $0.id == id } }
    package func track(_ id: String) -> Track? { tracks.first { $0.id == id } }
    package func field(_ id: String) -> Field? { fields.first { $0.id == id } }
    package func clock(_ id: String) -> ClockRule? { clocks.first { $0.id == id } }
    package func parameter(_ id: String) -> Parameter? { parameters.first { $0.id == id } }
    package func paper(_ id: String) -> PaperKind? { papers.first { $0.id == id } }

    /// The sides whose people take, sign or vote on one of its steps.
    package func sides(_ roles: Roles) -> Set<String> {
        var named: Set<String> = []
        for step in steps {
            named.formUnion(step.who)
            for signature in step.signatures { named.formUnion([signature.role, signature.absent].compactMap(\.self)) }
            if let panel = step.panel { named.insert(panel.role) }
        }
        return Set(named.compactMap { roles[$0]?.side })
    }

    /// The track that every matter of this procedure begins on.
    package var mainTrack: Track { tracks[0] }
}

/// What a matter may hold many of, each with a state of its own: findings, rows of a list, subjects, lines.
package struct ItemKind: Sendable {
    package let id: String
    package let name: String
    /// The kind each item of this one belongs to: a line to its finding.
    package let parent: String?
}

package struct Field: Sendable {
    package enum Kind: Sendable, Hashable {
        case text, flag, money, day, month, person, organisation, split
        case number(scale: Int)
        case choice([Choice])
    }

    package struct Choice: Sendable, Hashable {
        package let id: String
        package let name: String
    }

    package let id: String
    package let name: String
    package let kind: Kind
    /// The kind of item that has it; nil: the matter.
    package let item: String?
    /// An attribute that statistics count by (统计口径), on every matter from its first day.
    package let counting: Bool

    /// How an expression sees it; money by fund and pool is seen as its total.
    package var type: ValueType {
        switch kind {
        case .text, .month, .person, .organisation, .choice: .text
        case .flag: .boolean
        case .money, .split: .number(scale: 2)
        case .day: .day
        case .number(let scale): .number(scale: scale)
        }
    }
}

/// A figure that areas and years set differently (参数), with where it comes from.
package struct Parameter: Sendable {
    /// How well the source was seen: the text itself, second-hand, from memory, or our own design.
    package enum Evidence: String, Sendable {
        case seen = "S"
        case secondHand = "T"
        case memory = "M"
        case own = "O"
    }

    package let id: String
    package let name: String
    package let evidence: Evidence
    package let source: String
    /// Value from that day on, in the order of days; the first has no earlier.
    package let values: [(from: Day, value: ScalarValue)]
    /// The day field that chooses a substantive value (从旧兼从轻); nil: the day of the step.
    package let substance: String?
    /// For a substantive value, whether the lower or the higher one is lighter on the subject.
    package let lighterIsLower: Bool

    package var type: ValueType { values.first?.value.type ?? .number(scale: 0) }

    /// The same figure as an area sets it.
    func replacing(_ values: [(from: Day, value: ScalarValue)], source: String) -> Parameter {
        Parameter(
            id: id, name: name, evidence: evidence, source: source, values: values, substance: substance,
            lighterIsLower: lighterIsLower)
    }

    /// The value in force on a day; nil before the first.
    package func value(on day: Day) -> ScalarValue? { values.last { $0.from <= day }?.value }

    /// The old law of the day of conduct, or the new of the day of decision when that is lighter (从旧兼从轻).
    package func value(conduct: Day, decision: Day) -> ScalarValue? {
        guard let old = value(on: conduct) ?? values.first?.value, let new = value(on: decision) else { return nil }
        guard case .number(let x, let xScale) = old, case .number(let y, let yScale) = new else { return old }
        let scale = max(xScale, yScale)
        guard let before = old.mantissa(scale: scale), let after = new.mantissa(scale: scale) else { return old }
        _ = (x, y)
        return (lighterIsLower ? after < before : after > before) ? new : old
    }
}

package struct PaperKind: Sendable {
    package let id: String
    package let name: String
    /// `医保罚告〔{year}〕{number}号`; nil: not numbered.
    package let number: String?
}

/// One side of double-entry bookkeeping (账户). A free account is the world outside and may go below zero.
package struct Account: Sendable {
    package let id: String
    package let name: String
    package let isFree: Bool
    /// Kept once for the matter, whichever item is being handled.
    package let isShared: Bool
}

package struct ChildKind: Sendable {
    package let id: String
    package let name: String
    package let procedure: String
}

package struct Track: Sendable {
    package let id: String
    package let name: String
    /// One instance for each item of this kind; nil: one for the matter.
    package let per: String?
    /// Whether it begins with the matter or item itself, or when a step starts it.
    package let begins: Bool
    package let states: [State]

    package var initial: State { states[0] }
    package func state(_ id: String) -> State? { states.first { $0.id == id } }
}

package struct State: Sendable {
    package let id: String
    package let name: String
    /// Work ends here.
    package let isEnd: Bool
    /// A violation, a duty or a penalty is established here; no machine and no clock alone may lead to it.
    package let isDecision: Bool
}

/// How a matter comes to be.
package struct Opening: Sendable {
    package var who: [String] = []
    package var needs: [String] = []
    package var takes: [String] = []
    package var adds: [String] = []
    package var levels: [Secrecy] = [.open]
}

/// Who may know of a matter (密级).
package enum Secrecy: String, Codable, Sendable, CaseIterable, Comparable {
    /// Known to its parties.
    case open
    /// Its subject may not know that it exists (不予告知).
    case covert
    /// Known to those named in it only (封存).
    case sealed

    package static func < (a: Secrecy, b: Secrecy) -> Bool { a.rank < b.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// received = each end state once + merged + open, always (逐条核查、清仓见底).
package struct Balance: Sendable {
    package let track: String
    /// The names under which end states are counted, each with the end states it counts.
    package let groups: [(name: String, states: [String])]
}

/// What a step adds to a line of the monthly report (统计口径).
package struct Statistic: Sendable {
    package let line: String
    package let step: String
    package let when: ScalarExpression?
    /// For money: the field whose value counts, by fund and pool where it is split; else an amount.
    package let field: String?
    package let amount: ScalarExpression?
}

/// How matters of the version before go on under this one.
package struct Migration: Sendable {
    package let fromVersion: Int
    /// Old state, `track.state`, to the new name.
    package let states: [String: String]
}

/// A case script beside its procedure.
package struct ProcedureCase: Sendable {
    package let title: String
    package let script: String
    package let line: Int
}
