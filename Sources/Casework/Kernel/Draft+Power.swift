import Claims
import Rules

extension Draft {
    /// Fields that a correction may name beyond the step's own.
    func powerFields(_ step: Step) -> [String] {
        guard step.power == .correct else { return [] }
        return procedure.fields.map(\.id).filter { !step.needs.contains($0) && !step.takes.contains($0) }
    }

    /// Whether a power's own conditions hold.
    func checkPower(_ step: Step, _ command: Command) throws(Refusal) {
        switch step.power {
        case nil, .reopen: return
        case .annul:
            let act = try act(command)
            guard act.number != 1, !act.events.contains(where: Self.isForGood) else {
                throw Refusal("CAS024", "第\(act.number)号行为不能撤销", advice: "开立、撤销、换版和系统记录本身不撤销")
            }
            for event in act.events {
                guard case .child(_, let id, _) = event, view.relatives[id]?.isTouched != false else { continue }
                throw Refusal(
                    "CAS024", "第\(act.number)号行为派生的\(id)已经办理", advice: "请先撤销\(id)中的行为")
            }
            let trial = Act(
                number: (matter.acts.last?.number ?? 0) + 1, actor: actor, effective: day, recorded: instant,
                what: "annul", item: "", events: [.annulled(act: act.number)])
            let after = Matter(id: matter.id, procedure: procedure, acts: matter.acts + [trial])
            guard after.conflicts.isEmpty else {
                let rest = after.conflicts.map(String.init).joined(separator: "、")
                throw Refusal("CAS024", "第\(rest)号行为以第\(act.number)号行为为前提", advice: "请先撤销后面的行为")
            }
        case .correct:
            let act = try act(command)
            for (name, _) in command.fields where powerFields(step).contains(name) {
                guard let field = procedure.field(name), oldValue(name, in: act) != nil else {
                    throw Refusal("CAS025", "第\(act.number)号行为没有填写“\(procedure.field(name)?.name ?? name)”")
                }
                guard field.kind != .money, field.kind != .split else {
                    throw Refusal("CAS025", "金额不能更正", advice: "请撤销后重新办理")
                }
                // A correction is clerical: it must not change which conditions held.
                let deciding = procedure.steps.flatMap {
                    $0.conditions.map(\.expression) + $0.targets.compactMap(\.when)
                }
                guard !deciding.contains(where: { $0.names.contains(name) }) else {
                    throw Refusal("CAS025", "“\(field.name)”是办理条件，不属于笔误更正", advice: "请撤销后重新办理")
                }
            }
            guard command.fields.keys.contains(where: powerFields(step).contains) else {
                throw Refusal("CAS008", "没有写明更正哪一项")
            }
        case .handOver:
            guard let (side, organisation) = command.parties.first, command.parties.count == 1, !organisation.isEmpty,
                matter.parties[side] != organisation
            else { throw Refusal("CAS008", "没有写明移交给哪个单位", advice: "写明接收单位") }
        case .recuse:
            guard !command.target.isEmpty, !matter.recused.contains(command.target) else {
                throw Refusal("CAS008", "没有写明回避人员，或其已回避")
            }
            guard command.target != actor.person else { throw Refusal("CAS018", "本人的回避由他人决定") }
        case .merge:
            guard let other = view.relatives[command.target], other.procedure == procedure.id, other.ended == nil,
                command.target != matter.id
            else { throw Refusal("CAS022", "不能并入\(command.target)", advice: "只能并入同类且未办结的事项") }
        case .classify:
            let level = try Secrecy(target: command.target)
            guard level != matter.level else { throw Refusal("CAS028", "密级没有变化") }
        case .migrate:
            guard let next = view.procedures[procedure.id], String(next.version) == command.target,
                next.migration?.fromVersion == procedure.version, day >= next.from
            else { throw Refusal("CAS029", "没有可以换到的程序版本\(command.target)") }
        case .takeOver:
            var trial = self
            try trial.takeOver(command.history ?? [])
        }
    }

    /// What a power changes beyond its step.
    mutating func exercise(_ step: Step, _ command: Command) throws(Refusal) {
        switch step.power {
        case nil: return
        case .annul:
            let act = try act(command)
            events.append(.annulled(act: act.number))
            for event in act.events { if case .child(_, let id, _) = event { orders.append(.void(child: id)) } }
        case .correct:
            let act = try act(command)
            for (name, new) in command.fields.sorted(by: { $0.key < $1.key }) where powerFields(step).contains(name) {
                guard let (item, old) = oldValue(name, in: act) else { continue }
                events.append(.corrected(act: act.number, item: item, field: name, old: old, new: new))
            }
        case .reopen: events.append(.reopened)
        case .handOver:
            for (side, organisation) in command.parties {
                events.append(.handedOver(side: side, from: matter.parties[side], to: organisation))
                matter.parties[side] = organisation
                orders.append(.notify(side: side, organisation: organisation, step: step.id, item: ""))
            }
        case .recuse: events.append(.recused(person: command.target))
        case .merge:
            events.append(.mergedInto(command.target))
            orders.append(.absorb(into: command.target, from: matter.id))
        case .classify:
            let level = try Secrecy(target: command.target)
            events.append(.classified(level))
            matter.level = level
        case .migrate:
            guard let next = view.procedures[procedure.id], let migration = next.migration else { return }
            events.append(.migrated(version: next.version, states: migration.states))
        case .takeOver: try takeOver(command.history ?? [])
        }
    }

    /// What no annulment reaches: annulments, migrations, and what the system recorded of other matters.
    private static func isForGood(_ event: Event) -> Bool {
        switch event {
        case .annulled, .migrated, .childEnded, .absorbed, .voided: true
        default: false
        }
    }

    private func act(_ command: Command) throws(Refusal) -> Act {
        guard let number = Int(command.target), let act = matter.acts.first(where: { $0.number == number }),
            !matter.annulled.contains(number)
        else { throw Refusal("CAS022", "没有第\(command.target)号行为，或其已被撤销", advice: "请写明行为序号") }
        return act
    }

    private func oldValue(_ name: String, in act: Act) -> (item: String, value: FieldValue)? {
        for event in act.events {
            if case .field(let item, name, let value) = event { return (item, matter.fields[item]?[name] ?? value) }
        }
        return nil
    }
}
