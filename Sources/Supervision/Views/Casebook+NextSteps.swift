import Casework
import Database

extension Casebook {
    /// What the caller can do next in a matter: steps that begin where it stands and that one of the caller's posts may take, and
    /// what waits for the caller's signature or vote. Conditions on values are judged by the kernel when the step is taken.
    func nextSteps(
        in matter: Matter, for caller: Caller, lying place: MatterPlace, _ transaction: Transaction
    ) throws -> [NextStep] {
        guard matter.mergedInto == nil, !matter.isVoid, !matter.recused.contains(caller.account) else { return [] }
        let roles = actingRoles(of: caller, in: matter, lying: place)
        guard !roles.isEmpty else { return [] }
        let absent = try absentRoles(in: matter, transaction)
        var next = answers(to: matter, roles, by: caller.account, absent: absent)
        for step in matter.procedure.steps {
            let own = step.who.filter(roles.contains)
            guard !own.isEmpty, let items = matter.items(where: step) else { continue }
            next.append(
                NextStep(
                    verb: .take, step: step.id, name: step.name, roles: own,
                    items: Array(items.prefix(NextStep.itemsMax)), itemCount: items.count,
                    needs: step.needs.compactMap { need($0, matter, isRequired: true) }
                        + step.takes.compactMap { need($0, matter, isRequired: false) },
                    papers: step.papers, together: max(1, step.together), proposal: nil))
        }
        return next
    }

    /// The roles in which the caller may act in a matter: held at a post of the role's party, and granted where it lies.
    private func actingRoles(of caller: Caller, in matter: Matter, lying place: MatterPlace) -> Set<String> {
        var roles: Set<String> = []
        for holding in caller.holdings {
            for role in holding.roles
            where matter.parties[library.roles[role]?.side ?? ""] == holding.organisation
                && door.authority.decide("matter.act", roles: [role], at: place.seen(from: holding)).isAllowed
            {
                roles.insert(role)
            }
        }
        return roles
    }

    private func answers(
        to matter: Matter, _ roles: Set<String>, by account: String, absent: Set<String>
    ) -> [NextStep] {
        matter.proposals.flatMap { proposal -> [NextStep] in
            guard let step = matter.procedure.step(proposal.step) else { return [] }
            let isFree =
                proposal.actor.person != account && !proposal.command.together.contains(account)
                && !proposal.opinions.contains { $0.person == account }
            func answer(_ verb: NextStep.Verb, _ role: String) -> NextStep {
                NextStep(
                    verb: verb, step: step.id, name: step.name, roles: [role],
                    items: proposal.item.isEmpty ? [] : [proposal.item], itemCount: proposal.item.isEmpty ? 0 : 1,
                    needs: [], papers: [], together: 1, proposal: proposal.act)
            }
            if let panel = step.panel {
                let votes =
                    isFree && roles.contains(panel.role)
                    ? [answer(.approve, panel.role), answer(.sendBack, panel.role)] : []
                return votes + step.who.filter(roles.contains).prefix(1).map { answer(.conclude, $0) }
            }
            guard proposal.opinions.count < step.signatures.count else { return [] }
            let signature = step.signatures[proposal.opinions.count]
            guard isFree,
                let role = ([signature.role] + (absent.contains(signature.role) ? [signature.absent] : []))
                    .compactMap(\.self).first(where: roles.contains)
            else { return [] }
            return [answer(.approve, role), answer(.sendBack, role)]
        }
    }

    private func need(_ id: String, _ matter: Matter, isRequired: Bool) -> NextStep.Need? {
        guard let field = matter.procedure.field(id) ?? library.common.fields.first(where: { $0.id == id }) else {
            return nil
        }
        return NextStep.Need(
            field: id, name: field.name, kind: field.kindName,
            choices: {
                if case .choice(let choices) = field.kind { choices.map { ($0.id, $0.name) } } else { [] }
            }(), isRequired: isRequired)
    }
}

extension Casework.Field {
    /// The word for its kind, as procedure files write it.
    package var kindName: String {
        switch kind {
        case .text: "text"
        case .flag: "flag"
        case .money: "money"
        case .day: "day"
        case .month: "month"
        case .person: "person"
        case .organisation: "organisation"
        case .split: "split"
        case .number: "number"
        case .choice: "choice"
        }
    }
}
