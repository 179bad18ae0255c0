import Claims
import Rules

/// A piece of work (案件、线索、批次 …): everything in it is read from its acts and nothing else.
package struct Matter: Sendable {
    package struct Place: Hashable, Sendable {
        package let track: String
        /// Empty: the matter's own instance.
        package let item: String
    }

    package struct Item: Sendable {
        package let kind: String
        package let key: String
        package let parent: String?
    }

    package struct Coffer: Hashable, Sendable {
        package let account: String
        package let item: String
        package let part: String
    }

    package struct Proposal: Sendable {
        package let act: Int
        package let step: String
        package let item: String
        package let command: Command
        package let actor: Actor
        package var opinions: [(approves: Bool, role: String, person: String)] = []
    }

    package struct Taken: Sendable {
        package let act: Int
        package let day: Day
        package let persons: [String]
    }

    package struct Child: Sendable {
        package let kind: String
        package let id: String
        package var ended: String?
    }

    package struct Paper: Sendable {
        package let kind: String
        package let number: String?
        package let item: String
        package let day: Day
    }

    package let id: String
    package internal(set) var procedure: Procedure
    package private(set) var acts: [Act] = []

    package internal(set) var states: [Place: String] = [:]
    package internal(set) var items: [Item] = []
    package internal(set) var fields: [String: [String: FieldValue]] = [:]
    package internal(set) var coffers: [Coffer: Int64] = [:]
    package internal(set) var clocks: [Place: RunningClock] = [:]
    package internal(set) var issued: [Paper] = []
    package internal(set) var received: [Paper] = []
    package internal(set) var proposals: [Proposal] = []
    package internal(set) var taken: [Place: [Taken]] = [:]
    package internal(set) var children: [Child] = []
    package internal(set) var parties: [String: String] = [:]
    package internal(set) var parent: String?
    package internal(set) var recused: Set<String> = []
    package internal(set) var named: Set<String> = []
    package internal(set) var level = Secrecy.open
    package internal(set) var mergedInto: String?
    package internal(set) var isVoid = false
    package internal(set) var annulled: Set<Int> = []
    /// What replaying met that does not fit: the acts whose ground was taken away.
    package internal(set) var conflicts: [Int] = []
    package internal(set) var lastDay: [String: Day] = [:]
    var itemKinds: [String: String] = [:]

    /// An empty matter, before anybody acted.
    package init(id: String, procedure: Procedure) {
        self.id = id
        self.procedure = procedure
    }

    /// The matter as its acts tell it.
    package init(id: String, procedure: Procedure, acts: [Act]) {
        self.init(id: id, procedure: procedure)
        self.acts = acts
        replay()
    }

    package mutating func append(_ act: Act) {
        acts.append(act)
        let rewrites = act.events.contains {
            switch $0 {
            case .annulled, .corrected: true
            default: false
            }
        }
        if rewrites { replay() } else { fold(act, corrections: [:]) }
    }

    /// Reads all acts again: without those annulled, and with what was corrected.
    private mutating func replay() {
        var fresh = Matter(id: id, procedure: procedure)
        fresh.acts = acts
        var corrections: [Correction: FieldValue] = [:]
        for act in acts {
            for event in act.events {
                if case .annulled(let number) = event { fresh.annulled.insert(number) }
                if case .corrected(let number, let item, let field, _, let new) = event {
                    corrections[Correction(act: number, item: item, field: field)] = new
                }
            }
        }
        for act in acts where !fresh.annulled.contains(act.number) { fresh.fold(act, corrections: corrections) }
        self = fresh
    }

    struct Correction: Hashable {
        let act: Int
        let item: String
        let field: String
    }

    // MARK: Reading

    package func state(_ track: String, item: String = "") -> String? { states[Place(track: track, item: item)] }

    /// Where the main track ended; nil while the matter is open.
    package var ended: String? {
        guard let state = state(procedure.mainTrack.id), procedure.mainTrack.state(state)?.isEnd == true else {
            return nil
        }
        return state
    }

    package func kind(ofItem key: String) -> String? { itemKinds[key] }

    package func field(_ name: String, item: String = "") -> FieldValue? {
        if let own = fields[item]?[name] { return own }
        guard !item.isEmpty else { return nil }
        if let parent = items.first(where: { $0.key == item })?.parent, let value = fields[parent]?[name] {
            return value
        }
        return fields[""]?[name]
    }

    func coffer(_ account: String, _ item: String, _ part: String) -> Coffer {
        let isShared = procedure.accounts.first { $0.id == account }?.isShared ?? false
        return Coffer(account: account, item: isShared ? "" : item, part: part)
    }

    /// The balance of an account: of one item, or of all. A shared account has one balance.
    package func balance(_ account: String, item: String = "") -> Int64 {
        let item = procedure.accounts.first { $0.id == account }?.isShared == true ? "" : item
        return coffers.reduce(0) { sum, entry in
            entry.key.account == account && (item.isEmpty || entry.key.item == item) ? sum + entry.value : sum
        }
    }

    /// An account's balance by fund and pool.
    package func parts(of account: String, item: String = "") -> [String: Int64] {
        var parts: [String: Int64] = [:]
        for (coffer, amount) in coffers where coffer.account == account && (item.isEmpty || coffer.item == item) {
            parts[coffer.part, default: 0] += amount
        }
        return parts.filter { $0.value != 0 }
    }

    /// Whether the actor may know that the matter exists.
    package func isVisible(to actor: Actor, _ roles: Roles) -> Bool {
        switch level {
        case .open: true
        case .covert: roles[actor.role]?.side != "subject"
        case .sealed: named.contains(actor.person) || roles[actor.role]?.kind != .person
        }
    }
}
