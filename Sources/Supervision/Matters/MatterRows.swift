import Casework

/// What the tables hold of a matter: a projection of its acts (投影), never written otherwise.
struct MatterRows: Equatable {
    let id: String
    let procedure: String
    let version: Int
    let acts: Int
    let organisation: String
    let path: String
    let department: String
    let standing: String
    let state: String
    let ended: String?
    let parent: String?
    let opened: Int
    let changed: Int
    /// The last minute of the earliest running clock.
    let due: Int
    let parties: [String: String]
    let attributes: [String: String]
    let persons: Set<String>
    /// Whose turn it is: by role, the organisation that the role belongs to here.
    let turns: [String: String]

    /// Counts the ways in which tables were read from acts: tables of an earlier one are made again.
    static let reading = 1

    init(
        id: String, procedure: String, version: Int, acts: Int, organisation: String, path: String, department: String,
        standing: String, state: String, ended: String?, parent: String?, opened: Int, changed: Int, due: Int,
        parties: [String: String], attributes: [String: String], persons: Set<String>, turns: [String: String]
    ) {
        self.id = id
        self.procedure = procedure
        self.version = version
        self.acts = acts
        self.organisation = organisation
        self.path = path
        self.department = department
        self.standing = standing
        self.state = state
        self.ended = ended
        self.parent = parent
        self.opened = opened
        self.changed = changed
        self.due = due
        self.parties = parties
        self.attributes = attributes
        self.persons = persons
        self.turns = turns
    }

    init(_ matter: Matter, _ library: ProcedureLibrary, department: String, pathOf: (String) throws -> String) rethrows
    {
        let organisation = Self.handlingOrganisation(matter, library.roles)
        let dues = matter.clocks.values.filter { $0.standing == .running }.compactMap { $0.due(in: library.calendar) }
        var attributes: [String: String] = [:]
        for field in library.common.fields + matter.procedure.fields where field.counting && field.item == nil {
            if let value = matter.field(field.id) { attributes[field.id] = "\(value)" }
        }
        self.init(
            id: matter.id, procedure: matter.procedure.id, version: matter.procedure.version, acts: matter.acts.count,
            organisation: organisation, path: try pathOf(organisation), department: department,
            standing: matter.standing.rawValue, state: matter.state(matter.procedure.mainTrack.id) ?? "",
            ended: matter.ended, parent: matter.parent, opened: Int(matter.acts.first?.recorded.minute ?? 0),
            changed: Int(matter.acts.last?.recorded.minute ?? 0),
            due: dues.min().map { Int($0.minute) } ?? MatterShelf.never, parties: matter.parties,
            attributes: attributes,
            persons: matter.named, turns: matter.turns(library.roles))
    }

    /// Who handles it: the side whose people open such matters, else the administration, the agency, whoever is there.
    static func handlingOrganisation(_ matter: Matter, _ roles: Roles) -> String {
        let openers = matter.procedure.opening.who.compactMap { roles[$0] }.filter { $0.kind == .person }.map(\.side)
        return (openers + ["body", "agency", "superior"]).compactMap { matter.parties[$0] }.first
            ?? matter.parties.sorted { $0.key < $1.key }.first?.value ?? ""
    }

    /// In words: which part differs.
    func differences(from other: MatterRows) -> [String] {
        let mine = Mirror(reflecting: self).children
        let theirs = Mirror(reflecting: other).children
        return zip(mine, theirs).compactMap { a, b in
            let (x, y) = (Self.text(a.value), Self.text(b.value))
            return x == y ? nil : "\(a.label ?? "") is \(x) in the tables and \(y) by the acts"
        }
    }

    private static func text(_ value: Any) -> String {
        switch value {
        case let pairs as [String: String]: "\(pairs.sorted { $0.key < $1.key })"
        case let set as Set<String>: "\(set.sorted())"
        default: "\(value)"
        }
    }
}

extension Matter {
    /// The roles that may take a step or sign as the matter stands, and the organisation of each (轮到谁办). Whether a condition holds,
    /// who is away and who is excluded is not looked at. Powers, which may be used at any time, are nobody's turn.
    func turns(_ roles: Roles) -> [String: String] {
        guard mergedInto == nil, !isVoid else { return [:] }
        let steps = procedure.steps.filter { $0.power == nil && items(where: $0) != nil }
        var waited = steps.flatMap(\.who)
        for proposal in proposals {
            guard let step = procedure.step(proposal.step) else { continue }
            if let panel = step.panel {
                waited += [panel.role] + step.who
            } else if proposal.opinions.count < step.signatures.count {
                let signature = step.signatures[proposal.opinions.count]
                waited += [signature.role, signature.absent].compactMap(\.self)
            }
        }
        var turns: [String: String] = [:]
        for role in waited where roles[role]?.kind == .person {
            if let organisation = parties[roles[role]?.side ?? ""] { turns[role] = organisation }
        }
        return turns
    }

    /// The items that stand where a step begins; empty for a step about the matter; nil where it does not begin.
    func items(where step: Step) -> [String]? {
        if step.from.isEmpty { return ended == nil || step.power == .reopen ? [] : nil }
        let isPerItem = procedure.track(step.track)?.per != nil
        if !isPerItem { return state(step.track).map(step.from.contains) == true ? [] : nil }
        let keys = items.map(\.key).filter { key in state(step.track, item: key).map(step.from.contains) == true }
        return keys.isEmpty ? nil : keys
    }

    /// What decides who may know of it.
    var standing: Authority.State {
        switch level {
        case .sealed: .sealed
        case .covert: .covert
        case .open: ended == nil && mergedInto == nil ? .open : .closed
        }
    }
}
