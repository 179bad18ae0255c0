import Claims
import Rules

extension Draft {
    /// Brings a matter that was just opened to where its paper file stands (接续纸质案卷): each paper step on its own day, with
    /// those who took it, and with the clocks it started. Nothing is printed, numbered, sent or opened again.
    mutating func takeOver(_ history: [PaperStep]) throws(Refusal) {
        guard !history.isEmpty else {
            throw Refusal("CAS035", "没有写明纸质案卷已办理的步骤", advice: "逐步写明步骤、日期、办理人")
        }
        guard matter.taken.keys.allSatisfy({ procedure.step($0.track)?.power == .takeOver }) else {
            throw Refusal("CAS035", "本事项已在系统内办理，不能再接续纸质案卷", advice: "另行开立后接续")
        }
        var last = procedure.from
        for past in history {
            guard past.day >= last, past.day <= day else {
                throw Refusal("CAS035", "纸质步骤“\(past.step)”的日期\(past.day)不在\(last)至\(day)之间", advice: "按办理先后填写")
            }
            last = past.day
            var then = Draft(matter: matter, actor: actor, instant: instant, day: past.day, view: view)
            try then.recount(past)
            events += then.events
            matter = then.matter
        }
        guard matter.ended == nil else {
            throw Refusal("CAS035", "纸质案卷已经办结，不再接续", advice: "已结案卷归档即可")
        }
        // What the end of these terms meant was dealt with on paper, or must be dealt with by hand now.
        for (place, clock) in matter.clocks.sorted(by: { ($0.key.track, $0.key.item) < ($1.key.track, $1.key.item) })
        where clock.standing == .running && procedure.clock(place.track)?.lapse != nil {
            if clock.hasPassed(at: instant, in: view.calendar) == true {
                apply(.clockLapsed(clock: place.track, item: place.item))
            }
        }
    }

    private mutating func recount(_ past: PaperStep) throws(Refusal) {
        guard let step = procedure.step(past.step), step.power == nil, let track = procedure.track(step.track) else {
            throw Refusal("CAS001", "程序“\(procedure.name)”没有步骤\(past.step)", advice: "写步骤的标识")
        }
        guard step.opens.isEmpty else {
            throw Refusal("CAS035", "“\(step.name)”会派生其他事项，须在系统内办理", advice: "接续到这一步之前")
        }
        guard !past.persons.isEmpty, past.persons.allSatisfy({ !$0.isEmpty }) else {
            throw Refusal("CAS035", "没有写明“\(step.name)”由谁办理", advice: "写明办理人")
        }
        try checkPlace(step, past.item)
        try check(
            fields: past.fields, needs: [], takes: step.needs + step.takes + step.sets.map(\.field), item: past.item)
        events.append(.takenOnPaper(step: step.id, item: past.item, persons: past.persons, day: past.day))
        matter.taken[Matter.Place(track: step.id, item: past.item), default: []].append(
            Matter.Taken(act: 0, day: past.day, persons: past.persons))
        set(past.fields, item: past.item)
        try add(past.adds, allowed: step.adds)
        for assignment in step.sets where past.fields[assignment.field] == nil {
            guard let value = assignment.expression.value(facts(past.item, [:]).value) else { continue }
            set([assignment.field: .single(value)], item: past.item)
        }
        for posting in step.postings { try post(posting, step, past.item) }
        let target = try self.target(step, past.item)
        for paper in step.issues {
            events.append(.issued(paper: paper, number: past.numbers[paper], item: past.item))
            matter.issued.append(
                Matter.Paper(kind: paper, number: past.numbers[paper], item: past.item, day: past.day))
        }
        let state = matter.state(track.id, item: past.item) ?? ""
        if let target, target != state { move(track, item: past.item, from: state, to: target) }
        for started in step.starts { try start(started, item: past.item, of: step) }
        try runClocks(after: step.id, item: past.item)
        if let target, track.state(target)?.isEnd == true { stopClocks(of: track, item: past.item) }
    }
}
