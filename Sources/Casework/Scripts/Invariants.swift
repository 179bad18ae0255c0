import Claims
import Rules

/// What holds of every matter at every moment, whatever people do (不变量).
package enum Invariants {
    /// What does not hold; empty: all is well.
    package static func broken(in docket: Docket) -> [String] {
        var broken = docket.failures.map { "an order failed: \($0)" }
        broken += docket.leaks.map { "a subject who must not know was told: \($0)" }
        for (id, matter) in docket.matters.sorted(by: { $0.key < $1.key }) {
            broken += self.broken(in: matter, docket.library.roles).map { "\(id): \($0)" }
            for child in matter.children where docket.matters[child.id]?.ended != child.ended {
                // A child that was reopened is open again; its parent was told of its end.
                if docket.matters[child.id]?.ended != nil {
                    broken.append("\(id): does not know how \(child.id) ended")
                }
            }
        }
        var numbers: Set<String> = []
        for matter in docket.matters.values {
            for paper in matter.issued {
                guard let number = paper.number, matter.level == .open else { continue }
                if !numbers.insert("\(matter.procedure.id) \(paper.kind) \(number)").inserted {
                    broken.append("the number \(number) of \(paper.kind) was given twice")
                }
            }
        }
        return broken
    }

    package static func broken(in matter: Matter, _ roles: Roles) -> [String] {
        replayed(matter) + placed(matter) + counted(matter) + numbered(matter) + signed(matter)
            + apart(matter) + decided(matter, roles)
    }

    /// Reading the acts again gives the same matter.
    private static func replayed(_ matter: Matter) -> [String] {
        let again = Matter(id: matter.id, procedure: matter.procedure, acts: matter.acts)
        var broken: [String] = []
        if again.states != matter.states { broken.append("replay gives other states") }
        if again.fields != matter.fields { broken.append("replay gives other fields") }
        if again.coffers.filter({ $0.value != 0 }) != matter.coffers.filter({ $0.value != 0 }) {
            broken.append("replay gives other balances")
        }
        if again.clocks != matter.clocks { broken.append("replay gives other clocks") }
        if again.proposals.map(\.act) != matter.proposals.map(\.act) { broken.append("replay gives other proposals") }
        if !again.conflicts.isEmpty { broken.append("acts \(again.conflicts) rest on nothing") }
        return broken
    }

    /// Every item stands in exactly one declared state; received = ended + open.
    private static func placed(_ matter: Matter) -> [String] {
        var broken: [String] = []
        for (place, state) in matter.states where matter.procedure.track(place.track)?.state(state) == nil {
            broken.append("\(place.track)#\(place.item) is in the unknown state \(state)")
        }
        for track in matter.procedure.tracks where track.begins {
            let keys = track.per.map { kind in matter.items.filter { $0.kind == kind }.map(\.key) } ?? [""]
            for key in keys where matter.state(track.id, item: key) == nil {
                broken.append("\(track.id)#\(key) has no state")
            }
        }
        for balance in matter.procedure.balances {
            let sum = matter.sum(balance)
            let ended = sum.groups.reduce(0) { $0 + $1.count }
            let begun = matter.procedure.track(balance.track)?.begins == true
            let instances = matter.states.filter { $0.key.track == balance.track }.count
            if ended + sum.open != (begun ? sum.received : instances) {
                broken.append("\(balance.track): received \(sum.received), ended \(ended), open \(sum.open)")
            }
        }
        return broken
    }

    /// Double entry: what one account lost another won; only the world outside may be below zero.
    private static func counted(_ matter: Matter) -> [String] {
        var broken: [String] = []
        var sums: [String: Int64] = [:]
        for (coffer, amount) in matter.coffers {
            sums[coffer.part, default: 0] += amount
            let isFree = matter.procedure.accounts.first { $0.id == coffer.account }?.isFree ?? false
            if amount < 0, !isFree { broken.append("\(coffer.account) of \(coffer.part) is \(amount)") }
        }
        for (part, sum) in sums where sum != 0 { broken.append("the books of \(part) are off by \(sum)") }
        return broken
    }

    private static func numbered(_ matter: Matter) -> [String] {
        var broken: [String] = []
        var last: [String: Day] = [:]
        for (index, act) in matter.acts.enumerated() {
            if act.number != index + 1 { broken.append("act \(act.number) stands at \(index + 1)") }
            if act.effective > act.recorded.day { broken.append("act \(act.number) takes effect before it is known") }
            guard !matter.annulled.contains(act.number) else { continue }
            if let day = last[act.item], act.effective < day {
                broken.append("act \(act.number) takes effect out of order")
            }
            last[act.item] = act.effective
        }
        return broken
    }

    /// Nobody both proposes and approves; nobody signs twice.
    private static func signed(_ matter: Matter) -> [String] {
        var broken: [String] = []
        var proposers: [Int: [String]] = [:]
        var signers: [Int: [String]] = [:]
        for act in matter.acts where !matter.annulled.contains(act.number) {
            for event in act.events {
                switch event {
                case .proposed(_, _, let command): proposers[act.number] = [act.actor.person] + command.together
                case .opinion(let proposal, _, _, let person, _): signers[proposal, default: []].append(person)
                default: break
                }
            }
        }
        for (proposal, persons) in signers {
            if Set(persons).count != persons.count { broken.append("somebody signed proposal \(proposal) twice") }
            if !Set(persons).isDisjoint(with: proposers[proposal] ?? []) {
                broken.append("somebody signed the own proposal \(proposal)")
            }
        }
        return broken
    }

    /// Enough persons, none who took a step that bars this one, none recused.
    private static func apart(_ matter: Matter) -> [String] {
        var broken: [String] = []
        var taken: [(step: String, item: String, persons: [String])] = []
        var recused: Set<String> = []
        for act in matter.acts where !matter.annulled.contains(act.number) {
            if recused.contains(act.actor.person) { broken.append("\(act.actor.person) acted after recusal") }
            for event in act.events {
                if case .recused(let person) = event { recused.insert(person) }
                guard case .taken(let id, let item, let persons) = event, let step = matter.procedure.step(id),
                    !persons.isEmpty
                else { continue }
                if Set(persons).count < step.together { broken.append("\(id) was taken by too few") }
                for before in taken
                where step.apart.contains(before.step) && (before.item == item || before.item.isEmpty) {
                    if !Set(before.persons).isDisjoint(with: persons) {
                        broken.append("\(id) was taken by who had taken \(before.step)")
                    }
                }
                taken.append((id, item, persons))
            }
        }
        return broken
    }

    /// No decision without a person before it in the same place.
    private static func decided(_ matter: Matter, _ roles: Roles) -> [String] {
        var broken: [String] = []
        var handled: Set<Matter.Place> = []
        for act in matter.acts where !matter.annulled.contains(act.number) {
            let isPerson = roles[act.actor.role]?.kind == .person
            for event in act.events {
                guard case .moved(let track, let item, let from, let to) = event else { continue }
                let place = Matter.Place(track: track, item: item)
                if isPerson, from != nil || track != matter.procedure.mainTrack.id { handled.insert(place) }
                let state = matter.procedure.track(track)?.state(to)
                if state?.isDecision == true, !isPerson, !handled.contains(place) {
                    broken.append("\(act.actor.role) alone brought \(track)#\(item) to \(to)")
                }
            }
        }
        return broken
    }
}
