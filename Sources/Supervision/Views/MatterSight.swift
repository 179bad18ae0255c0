import Casework
import Claims

/// One caller's sight of one matter: what the matrix shows of it, put into words.
struct MatterSight {
    let matter: Matter
    let showing: [String: Authority.Showing]
    let authority: Authority
    let library: ProcedureLibrary
    let now: Instant
    /// Accounts by identifier.
    let names: [String: String]
    let mayExport: Bool
    let next: [NextStep]

    private var procedure: Procedure { matter.procedure }
    private var seesInternal: Bool { showing["internal"] ?? .absent != .absent }
    private var seesMoney: Bool { showing["money"] ?? .absent != .absent }

    private func field(_ id: String) -> Casework.Field? {
        procedure.field(id) ?? library.common.fields.first { $0.id == id }
    }

    /// A field's value as it is shown; nil where it is absent.
    func value(_ id: String, _ value: FieldValue) -> ShownMatter.Value? {
        guard let field = field(id) else { return nil }
        let place = authority.place(of: field, in: procedure.id)
        let text = field.shown(value)
        switch showing[place.fieldClass] ?? .absent {
        case .absent: return nil
        case .masked:
            return .init(field: id, name: field.name, text: place.form.masked(text), isMasked: true)
        case .plain:
            let shown = field.kind == .person ? names[text] ?? text : text
            return .init(field: id, name: field.name, text: shown, isMasked: false)
        }
    }

    private func values(ofItem key: String) -> [ShownMatter.Value] {
        (matter.fields[key] ?? [:]).sorted { $0.key < $1.key }.compactMap { value($0.key, $0.value) }
    }

    private func standing(_ track: String, _ state: String) -> ShownMatter.Standing {
        let found = procedure.track(track)
        return .init(
            track: track, trackName: found?.name ?? track, state: state,
            stateName: found?.state(state)?.name ?? state)
    }

    /// The states of every item, by its key.
    var itemStates: [String: [ShownMatter.Standing]] {
        var states: [String: [ShownMatter.Standing]] = [:]
        for (place, state) in matter.states.sorted(by: { $0.key.track < $1.key.track }) where !place.item.isEmpty {
            states[place.item, default: []].append(standing(place.track, state))
        }
        return states
    }

    func item(_ item: Matter.Item, states: [ShownMatter.Standing]) -> ShownMatter.Item {
        .init(key: item.key, kind: item.kind, parent: item.parent, states: states, values: values(ofItem: item.key))
    }

    /// Signatures, votes and proposals are internal until something comes of them.
    func isVisible(_ act: Act) -> Bool {
        seesInternal
            || act.events.contains {
                switch $0 {
                case .proposed, .opinion, .proposalClosed, .recused, .clockStarted, .clockStopped, .clockExtended: false
                default: true
                }
            }
    }

    func line(_ act: Act) -> ShownMatter.Line {
        var values: [ShownMatter.Value] = []
        var papers: [String] = []
        for event in act.events {
            switch event {
            case .field(_, let name, let fieldValue): if let shown = value(name, fieldValue) { values.append(shown) }
            case .issued(let paper, let number, _):
                papers.append((procedure.paper(paper)?.name ?? paper) + (number.map { " \($0)" } ?? ""))
            case .received(let paper, _, _): papers.append(procedure.paper(paper)?.name ?? paper)
            default: break
            }
        }
        let verbs = ["open": "开立", "approve": "同意", "return": "退回", "conclude": "表决结束", "lapse": "时限届满"]
        return .init(
            number: act.number, effective: act.effective, recorded: act.recorded,
            person: seesInternal ? names[act.actor.person] ?? act.actor.person : nil, role: act.actor.role,
            roleName: library.roles[act.actor.role]?.name ?? act.actor.role, what: act.what,
            whatName: procedure.step(act.what)?.name ?? verbs[act.what] ?? act.what, item: act.item, values: values,
            papers: papers, isAnnulled: matter.annulled.contains(act.number))
    }

    private var clocks: [ShownMatter.Clock] {
        matter.clocks.sorted { ($0.key.track, $0.key.item) < ($1.key.track, $1.key.item) }.map { place, clock in
            let due = clock.due(in: library.calendar)
            return .init(
                clock: place.track, name: procedure.clock(place.track)?.name ?? place.track, item: place.item,
                standing: "\(clock.standing)", due: due,
                isOverdue: clock.standing == .running && due.map { $0 < now } ?? false)
        }
    }

    private var balances: [ShownMatter.Balance] {
        procedure.balances.map { balance in
            let states = matter.states.filter { $0.key.track == balance.track }.map(\.value)
            let groups = balance.groups.map { group in
                (name: group.name, count: states.count { group.states.contains($0) })
            }
            let closed = groups.reduce(0) { $0 + $1.count }
            return .init(track: balance.track, received: states.count, groups: groups, open: states.count - closed)
        }
    }

    func shown() -> ShownMatter {
        let kinds = procedure.items.map { kind in
            (kind: kind.id, name: kind.name, count: matter.items.count { $0.kind == kind.id })
        }
        let papers =
            matter.issued.map { ($0, false) } + matter.received.map { ($0, true) }
        return ShownMatter(
            id: matter.id, procedure: procedure.id, procedureName: procedure.name, version: procedure.version,
            acts: matter.acts.count, level: matter.level.rawValue, ended: matter.ended, parent: matter.parent,
            mergedInto: matter.mergedInto,
            states: matter.states.filter { $0.key.item.isEmpty }.sorted { $0.key.track < $1.key.track }
                .map { standing($0.key.track, $0.value) },
            values: values(ofItem: ""), parties: matter.parties, items: kinds, clocks: clocks,
            accounts: seesMoney
                ? procedure.accounts.filter { !$0.isFree }.map {
                    .init(account: $0.id, name: $0.name, parts: matter.parts(of: $0.id))
                } : [],
            balances: balances, children: matter.children.map { ($0.kind, $0.id, $0.ended) },
            papers: papers.map { paper, isReceived in
                .init(
                    kind: paper.kind, name: procedure.paper(paper.kind)?.name ?? paper.kind, number: paper.number,
                    item: paper.item, day: paper.day, isReceived: isReceived)
            }, next: next, showing: showing)
    }
}
