import Claims
import Rules

extension Matter {
    /// Takes in what an act changed. Never fails: what does not fit is noted in `conflicts`.
    mutating func fold(_ act: Act, corrections: [Correction: FieldValue]) {
        if act.actor.role != "clock" { named.insert(act.actor.person) }
        for event in act.events { fold(event, act, corrections) }
        lastDay[act.item] = max(lastDay[act.item] ?? act.effective, act.effective)
    }

    private mutating func conflict(_ act: Act) {
        if conflicts.last != act.number { conflicts.append(act.number) }
    }

    private mutating func fold(_ event: Event, _ act: Act, _ corrections: [Correction: FieldValue]) {
        switch event {
        case .opened(_, _, let parties, let parent):
            self.parties = parties
            self.parent = parent
        case .itemAdded(let kind, let key, let parent):
            items.append(Item(kind: kind, key: key, parent: parent))
            itemKinds[key] = kind
        case .moved(let track, let item, let from, let to):
            let place = Place(track: track, item: item)
            if states[place] != from || (!item.isEmpty && itemKinds[item] == nil) { conflict(act) }
            states[place] = to
        case .field(let item, let name, let value):
            let corrected = corrections[Correction(act: act.number, item: item, field: name)]
            fields[item, default: [:]][name] = corrected ?? value
        case .posted(let from, let to, let item, let parts):
            post(from, to, item, parts, act)
        case .taken(let step, let item, let persons):
            taken[Place(track: step, item: item), default: []].append(
                Taken(act: act.number, day: act.effective, persons: persons))
            named.formUnion(persons)
        case .takenOnPaper(let step, let item, let persons, let day):
            taken[Place(track: step, item: item), default: []].append(
                Taken(act: act.number, day: day, persons: persons))
            named.formUnion(persons)
        case .issued(let paper, let number, let item):
            issued.append(Paper(kind: paper, number: number, item: item, day: act.effective))
        case .received(let paper, let hash, let item):
            received.append(Paper(kind: paper, number: hash, item: item, day: act.effective))
        case .clockStarted, .clockPaused, .clockResumed, .clockExtended, .clockStopped, .clockLapsed:
            foldClock(event, act)
        case .proposed(let step, let item, let command):
            proposals.append(
                Proposal(act: act.number, step: step, item: item, command: command, actor: act.actor))
        case .opinion(let proposal, let approves, let role, let person, _):
            guard let index = proposals.firstIndex(where: { $0.act == proposal }) else { return conflict(act) }
            proposals[index].opinions.append((approves, role, person))
        case .proposalClosed(let proposal, _):
            guard proposals.contains(where: { $0.act == proposal }) else { return conflict(act) }
            proposals.removeAll { $0.act == proposal }
        case .child(let kind, let id, _): children.append(Child(kind: kind, id: id))
        case .childEnded(let id, let state):
            guard let index = children.firstIndex(where: { $0.id == id }) else { return conflict(act) }
            children[index].ended = state
        case .mergedInto(let other): mergedInto = other
        case .voided: isVoid = true
        case .handedOver(let side, let from, let to):
            if parties[side] != from { conflict(act) }
            parties[side] = to
        case .recused(let person): recused.insert(person)
        case .classified(let level): self.level = level
        case .migrated(_, let mapping):
            for (place, state) in states {
                if let renamed = mapping["\(place.track).\(state)"] { states[place] = renamed }
            }
        case .absorbed, .annulled, .corrected, .reopened: break
        }
    }

    private mutating func post(_ from: String, _ to: String, _ item: String, _ parts: [String: Int64], _ act: Act) {
        for (part, amount) in parts {
            let source = coffer(from, item, part)
            let target = coffer(to, item, part)
            let (less, under) = coffers[source, default: 0].subtractingReportingOverflow(amount)
            let (more, over) = coffers[target, default: 0].addingReportingOverflow(amount)
            guard !under, !over else { return conflict(act) }
            coffers[source] = less
            coffers[target] = more
            let isFree = procedure.accounts.first { $0.id == from }?.isFree ?? false
            if less < 0, !isFree { conflict(act) }
        }
    }

    private mutating func foldClock(_ event: Event, _ act: Act) {
        switch event {
        case .clockStarted(let clock, let item, let at, let unit, let length, let day):
            // The unit and length it began with, whatever the procedure says by now.
            clocks[Place(track: clock, item: item)] = RunningClock(
                unit: unit, rolls: procedure.clock(clock)?.rolls ?? true, since: at, length: length, day: day)
        case .clockPaused(let clock, let item, let at, let elapsed):
            change(clock, item, act) {
                $0.elapsed = elapsed
                $0.standing = .paused
                $0.pausedAt = at
                // The shift of a calendar clock is counted when it goes on.
                if $0.unit == .workingDays || $0.unit == .hours { $0.since = at }
            }
        case .clockResumed(let clock, let item, let at, let shift):
            change(clock, item, act) {
                $0.standing = .running
                $0.pausedAt = nil
                $0.shift += shift
                if $0.unit == .workingDays || $0.unit == .hours { $0.since = at }
            }
        case .clockExtended(let clock, let item, let by, let day):
            change(clock, item, act) {
                $0.length += by
                $0.day = day ?? $0.day.map { Day(number: $0.number + Int32(clamping: by)) }
                $0.extensions += 1
            }
        case .clockStopped(let clock, let item): change(clock, item, act) { $0.standing = .stopped }
        case .clockLapsed(let clock, let item): change(clock, item, act) { $0.standing = .lapsed }
        default: break
        }
    }

    private mutating func change(_ clock: String, _ item: String, _ act: Act, _ body: (inout RunningClock) -> Void) {
        let place = Place(track: clock, item: item)
        guard var running = clocks[place] else { return conflict(act) }
        body(&running)
        clocks[place] = running
    }
}
