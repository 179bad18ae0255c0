import Claims
import Rules

extension Matter {
    /// Opens a matter, or says why not. The new matter has its first act.
    package static func open(
        _ procedure: Procedure, id: String, parent: String? = nil, _ command: Command, by actor: Actor,
        at instant: Instant, seeing view: View
    ) throws(Refusal) -> (matter: Matter, response: Response) {
        var matter = Matter(id: id, procedure: procedure)
        let day = command.effective ?? instant.day
        var draft = Draft(matter: matter, actor: actor, instant: instant, day: day, view: view)
        let opening = procedure.opening
        guard let role = view.roles[actor.role], parent != nil || opening.who.contains(actor.role) else {
            throw Refusal.role(actor, opening.who, view.roles, "开立\(procedure.name)")
        }
        guard day <= instant.day, day >= procedure.from else {
            throw Refusal(
                "CAS026", "生效日期\(day)不成立：程序自\(procedure.from)起施行，且不得晚于今日\(instant.day)",
                advice: "请核对日期")
        }
        var parties = command.parties
        if role.kind == .person, parties[role.side] == nil { parties[role.side] = actor.organisation }
        let level = try Secrecy(target: command.target)
        guard opening.levels.contains(level) else {
            throw Refusal(
                "CAS028", "本程序不得以该密级开立", advice: "可选：\(opening.levels.map(\.rawValue).joined(separator: "、"))")
        }
        draft.events.append(
            .opened(procedure: procedure.id, version: procedure.version, parties: parties, parent: parent))
        draft.matter.parties = parties
        if level != .open { draft.events.append(.classified(level)) }
        try draft.check(
            fields: command.fields, needs: parent == nil ? opening.needs : [], takes: opening.needs + opening.takes,
            item: "")
        draft.set(command.fields, item: "")
        for track in procedure.tracks where track.per == nil && track.begins {
            draft.move(track, item: "", from: nil, to: track.initial.id)
        }
        for track in procedure.tracks where track.per == nil && track.begins { try draft.begin(track, item: "") }
        try draft.add(command.adds, allowed: opening.adds)
        let act = Act(
            number: 1, actor: actor, effective: day, recorded: instant, what: "open", item: "", events: draft.events)
        matter.append(act)
        return (matter, Response(act: act, orders: draft.orders))
    }

    /// The act a command causes and the orders that follow, or the reason it is refused. Stores nothing.
    package func handle(_ command: Command, by actor: Actor, at instant: Instant, seeing view: View) throws(Refusal)
        -> Response
    {
        let known = view.roles[actor.role]
        guard let role = known, isVisible(to: actor, view.roles) else {
            // Whoever may not know of a matter is told what one is told of a matter that does not exist.
            throw Refusal("CAS023", "没有这一事项", advice: "请核对编号")
        }
        guard !recused.contains(actor.person) else {
            throw Refusal("CAS005", "\(actor.person)已回避，不得参与本事项", provision: "行政处罚法 第四十三条")
        }
        if role.kind == .person { try checkSide(role, actor) }
        if let mergedInto { throw Refusal("CAS002", "本事项已并入\(mergedInto)", advice: "请在\(mergedInto)中办理") }
        if isVoid { throw Refusal("CAS002", "派生本事项的行为已被撤销，本事项随之撤销") }
        var day = command.effective ?? instant.day
        if case .lapse(let clock) = command.verb, let running = clocks[Place(track: clock, item: command.item)],
            let due = running.due(in: view.calendar)
        {
            day = due.day
        }
        try checkDay(day, instant, command.item)
        var draft = Draft(matter: self, actor: actor, instant: instant, day: day, view: view)
        switch command.verb {
        case .take(let id):
            guard let step = procedure.step(id) else {
                throw Refusal("CAS001", "程序“\(procedure.name)”没有步骤\(id)")
            }
            try draft.take(step, command)
        case .approve: try draft.opine(true, command)
        case .sendBack: try draft.opine(false, command)
        case .conclude: try draft.conclude(command)
        case .lapse(let clock): try draft.lapse(clock, command)
        case .childEnded(let id, let state):
            try draft.requireMachine()
            guard let child = children.first(where: { $0.id == id }) else {
                throw Refusal("CAS022", "\(id)不是本事项派生的事项")
            }
            if child.ended == state { return Response(act: nil, orders: []) }
            draft.events.append(.childEnded(id: id, state: state))
        case .absorb(let other):
            try draft.requireMachine()
            draft.events.append(.absorbed(other))
        case .void:
            try draft.requireMachine()
            draft.events.append(.voided)
            for place in clocks.keys where clocks[place]?.standing == .running || clocks[place]?.standing == .paused {
                draft.events.append(.clockStopped(clock: place.track, item: place.item))
            }
        }
        guard !draft.events.isEmpty else { return Response(act: nil, orders: []) }
        let act = Act(
            number: (acts.last?.number ?? 0) + 1, actor: actor, effective: day, recorded: instant,
            what: draft.what, item: command.item, events: draft.events)
        return Response(act: act, orders: draft.orders)
    }

    /// One command for many items; each succeeds or is refused by itself (批量办理).
    package func handle(
        batch items: [String], _ command: Command, by actor: Actor, at instant: Instant, seeing view: View
    ) -> (matter: Matter, rows: [(item: String, result: Result<Response, Refusal>)]) {
        var matter = self
        var rows: [(item: String, result: Result<Response, Refusal>)] = []
        for item in items {
            var one = command
            one.item = item
            do throws(Refusal) {
                let response = try matter.handle(one, by: actor, at: instant, seeing: view)
                if let act = response.act { matter.append(act) }
                rows.append((item, .success(response)))
            } catch {
                rows.append((item, .failure(error)))
            }
        }
        return (matter, rows)
    }

    private func checkSide(_ role: Roles.Role, _ actor: Actor) throws(Refusal) {
        guard let party = parties[role.side] else {
            throw Refusal("CAS004", "本事项还没有\(role.name)一方", advice: "先确定该方单位，再由其办理")
        }
        guard party == actor.organisation else {
            throw Refusal("CAS004", "本事项由\(party)办理，不属于\(actor.organisation)", advice: "如需接手，请办理移交")
        }
    }

    /// Not after today, not before what already took effect in the same place.
    private func checkDay(_ day: Day, _ instant: Instant, _ item: String) throws(Refusal) {
        guard day <= instant.day else {
            throw Refusal("CAS026", "生效日期\(day)晚于今日\(instant.day)", advice: "请填实际发生的日期")
        }
        if let last = lastDay[item], day < last {
            throw Refusal(
                "CAS026", "生效日期\(day)早于前一行为的生效日期\(last)", advice: "如前一行为有误，请先撤销")
        }
    }
}

extension Secrecy {
    /// The level a command names; none: open.
    init(target: String) throws(Refusal) {
        guard let level = target.isEmpty ? .open : Secrecy(rawValue: target) else {
            throw Refusal("CAS028", "没有密级“\(target)”", advice: "open、covert、sealed")
        }
        self = level
    }
}

extension Refusal {
    static func role(_ actor: Actor, _ allowed: [String], _ roles: Roles, _ what: String) -> Refusal {
        let names = allowed.map { roles[$0]?.name ?? $0 }.joined(separator: "、")
        return Refusal(
            "CAS003", "\(roles[actor.role]?.name ?? actor.role)无权\(what)", advice: "由\(names.isEmpty ? "无人" : names)办理")
    }
}
