import Claims
import Rules

extension Draft {
    /// A person, the machine or the clock takes a step: it is done, or proposed to those who must sign.
    mutating func take(_ step: Step, _ command: Command) throws(Refusal) {
        what = step.id
        guard step.who.contains(actor.role) else { throw Refusal.role(actor, step.who, view.roles, step.name) }
        if matter.proposals.contains(where: { $0.step == step.id && $0.item == command.item }) {
            throw Refusal("CAS016", "“\(step.name)”已经呈报，等待签批", advice: "等签批结束，或请签批人退回")
        }
        let persons = try self.persons(step, command)
        try checkPlace(step, command.item)
        try checkClocks(step, command.item)
        try checkContent(step, command)
        guard step.signatures.isEmpty, step.panel == nil else {
            events.append(.proposed(step: step.id, item: command.item, command: command))
            return
        }
        try perform(step, command, persons: persons)
    }

    /// Everybody who acts: enough of them, different, none recused, none who may not.
    private func persons(_ step: Step, _ command: Command) throws(Refusal) -> [String] {
        let all = [actor.person] + command.together
        guard Set(all).count == all.count, all.count >= step.together else {
            throw Refusal(
                "CAS006", "“\(step.name)”须由不少于\(step.together)名不同人员共同办理",
                provision: step.basis.first ?? "", advice: "请写明共同办理人")
        }
        for person in command.together {
            guard !matter.recused.contains(person) else { throw Refusal("CAS005", "\(person)已回避，不得参与本事项") }
            if let roles = view.directory[person], roles.isDisjoint(with: step.who) {
                throw Refusal("CAS003", "\(person)无权办理“\(step.name)”")
            }
        }
        for other in step.apart {
            let before = matter.taken.filter {
                $0.key.track == other && ($0.key.item == command.item || $0.key.item.isEmpty || command.item.isEmpty)
            }
            .flatMap(\.value).flatMap(\.persons)
            if let same = all.first(where: before.contains) {
                throw Refusal(
                    "CAS007", "\(same)办理过“\(procedure.step(other)?.name ?? other)”，不得再办理“\(step.name)”",
                    provision: step.basis.first ?? "", advice: "请换人办理")
            }
        }
        return all
    }

    func checkPlace(_ step: Step, _ item: String) throws(Refusal) {
        guard let track = procedure.track(step.track) else { throw Refusal("CAS001", "没有办理线\(step.track)") }
        if let kind = track.per {
            guard matter.kind(ofItem: item) == kind else {
                throw Refusal("CAS022", item.isEmpty ? "请写明是哪一条" : "没有\(item)这一条")
            }
        } else if !item.isEmpty {
            throw Refusal("CAS022", "“\(step.name)”办理的是整个事项，不是其中一条")
        }
        guard let state = matter.state(track.id, item: item) else {
            throw Refusal("CAS002", "“\(track.name)”还没有开始，不能“\(step.name)”")
        }
        guard step.from.contains(state) else {
            let now = track.state(state)?.name ?? state
            let wanted = step.from.compactMap { track.state($0)?.name }.joined(separator: "、")
            throw Refusal("CAS002", "当前状态为“\(now)”，不能“\(step.name)”", advice: "须处于：\(wanted)")
        }
    }

    func checkClocks(_ step: Step, _ item: String) throws(Refusal) {
        for rule in procedure.clocks where rule.until.contains(step.id) || rule.earliest.contains(step.id) {
            let place = Matter.Place(track: rule.id, item: item)
            guard let clock = matter.clocks[place] ?? matter.clocks[Matter.Place(track: rule.id, item: "")] else {
                continue
            }
            let provision = rule.basis.first ?? ""
            if clock.standing == .stopped { continue }
            guard let passed = clock.hasPassed(at: moment, in: view.calendar) else {
                throw Refusal(
                    "CAS027", "“\(rule.name)”的届满日无法计算：缺少放假安排", provision: provision,
                    advice: "请在knowledge/calendars中补充该年度国务院办公厅通知")
            }
            let due =
                clock.due(in: view.calendar).map { rule.unit == .hours ? $0.description : $0.day.description } ?? ""
            if rule.until.contains(step.id), passed {
                throw Refusal("CAS013", "“\(rule.name)”已于\(due)届满，不能再“\(step.name)”", provision: provision)
            }
            if rule.earliest.contains(step.id), !passed {
                throw Refusal("CAS014", "“\(rule.name)”至\(due)届满，此前不能“\(step.name)”", provision: provision)
            }
        }
    }

    func checkContent(_ step: Step, _ command: Command) throws(Refusal) {
        try check(fields: command.fields, needs: step.needs, takes: step.takes + powerFields(step), item: command.item)
        for side in step.names where (command.parties[side] ?? matter.parties[side] ?? "").isEmpty {
            let names = view.roles.all.filter { $0.side == side }.map(\.name).joined(separator: "、")
            throw Refusal("CAS008", "没有写明\(names)一方是哪个单位", advice: "写明\(side)=单位")
        }
        for paper in step.papers where command.papers[paper] == nil {
            throw Refusal(
                "CAS010", "缺少《\(procedure.paper(paper)?.name ?? paper)》", provision: step.basis.first ?? "",
                advice: "请随附材料")
        }
        for paper in command.papers.keys where procedure.paper(paper) == nil {
            throw Refusal("CAS010", "程序没有材料\(paper)")
        }
        let facts = facts(command.item, command.fields)
        for condition in step.conditions { try require(condition, facts, step) }
        for wait in step.awaits { try require(wait, step, command.item) }
        if step.tells.contains("subject"), matter.level != .open {
            throw Refusal("CAS028", "本事项不予告知当事人，“\(step.name)”会向其发出通知", advice: "先解除密级")
        }
        try checkPower(step, command)
    }

    private func require(_ condition: Step.Condition, _ facts: Facts, _ step: Step) throws(Refusal) {
        let text = condition.message.isEmpty ? condition.expression.source : condition.message
        switch condition.expression.holds(facts.value) {
        case true: return
        case false: throw Refusal("CAS011", text, provision: step.basis.first ?? "")
        default:
            let names = condition.expression.unknowns(facts.value).joined(separator: "、")
            throw Refusal("CAS012", "无法判断：\(text)", provision: step.basis.first ?? "", advice: "尚不知道：\(names)")
        }
    }

    private func require(_ wait: Step.Await, _ step: Step, _ item: String) throws(Refusal) {
        let (total, open, name): (Int, Int, String)
        switch wait.what {
        case .children(let kind):
            let children = matter.children.filter { $0.kind == kind }
            total = children.count
            open = children.filter { $0.ended == nil }.count
            name = procedure.children.first { $0.id == kind }?.name ?? kind
        case .track(let id):
            let places = matter.states.filter { $0.key.track == id && (item.isEmpty || isOwn($0.key.item, of: item)) }
            let track = procedure.track(id)
            total = places.count
            open = places.filter { track?.state($0.value)?.isEnd != true }.count
            name = track?.name ?? id
        }
        if wait.all ? open > 0 : (total > 0 && open == total) {
            throw Refusal(
                "CAS015", wait.all ? "“\(name)”还有\(open)项未办结，不能“\(step.name)”" : "“\(name)”还没有一项办结，不能“\(step.name)”")
        }
    }

    private func isOwn(_ key: String, of item: String) -> Bool {
        key == item || matter.items.contains { $0.key == key && $0.parent == item }
    }

    /// All effects of a step, in the order in which they rest on each other.
    mutating func perform(_ step: Step, _ command: Command, persons: [String]) throws(Refusal) {
        let item = command.item
        guard let track = procedure.track(step.track) else { return }
        events.append(.taken(step: step.id, item: item, persons: persons))
        matter.taken[Matter.Place(track: step.id, item: item), default: []].append(
            Matter.Taken(act: 0, day: day, persons: persons))
        set(command.fields.filter { procedure.field($0.key) != nil && !powerFields(step).contains($0.key) }, item: item)
        for (paper, hash) in command.papers.sorted(by: { $0.key < $1.key }) {
            events.append(.received(paper: paper, hash: hash, item: item))
        }
        try add(command.adds, allowed: step.adds)
        for side in step.names {
            guard let organisation = command.parties[side], organisation != matter.parties[side] else { continue }
            events.append(.handedOver(side: side, from: matter.parties[side], to: organisation))
            matter.parties[side] = organisation
        }
        for assignment in step.sets {
            guard let value = assignment.expression.value(facts(item, [:]).value) else {
                let unknown = assignment.expression.unknowns(facts(item, [:]).value).joined(separator: "、")
                throw Refusal("CAS012", "无法计算“\(assignment.field)”", advice: "尚不知道：\(unknown)")
            }
            set([assignment.field: .single(value)], item: item)
        }
        for posting in step.postings { try post(posting, step, item) }
        let target = try self.target(step, item)
        for paper in step.issues { issue(paper, item) }
        let state = matter.state(track.id, item: item) ?? ""
        if let target, target != state { move(track, item: item, from: state, to: target) }
        for started in step.starts { try start(started, item: item, of: step) }
        for child in step.opens { try open(child, item) }
        try exercise(step, command)
        try runClocks(after: step.id, item: item)
        if let target, track.state(target)?.isEnd == true { stopClocks(of: track, item: item) }
        for side in step.tells {
            orders.append(.notify(side: side, organisation: matter.parties[side], step: step.id, item: item))
        }
        if let target, track.id == procedure.mainTrack.id, track.state(target)?.isEnd == true,
            let parent = matter.parent
        {
            orders.append(.tellParent(parent: parent, child: matter.id, state: target))
        }
    }

    func target(_ step: Step, _ item: String) throws(Refusal) -> String? {
        let facts = facts(item, [:])
        for target in step.targets {
            guard let condition = target.when else { return target.state }
            switch condition.holds(facts.value) {
            case true: return target.state
            case false: continue
            default:
                let unknown = condition.unknowns(facts.value).joined(separator: "、")
                throw Refusal("CAS012", "无法判断“\(step.name)”的去向", advice: "尚不知道：\(unknown)")
            }
        }
        guard step.targets.isEmpty else { throw Refusal("CAS011", "“\(step.name)”的各种去向均不成立") }
        return nil
    }

    private mutating func issue(_ paper: String, _ item: String) {
        let kind = procedure.paper(paper)
        var number: String?
        if let pattern = kind?.number {
            // Matters that not everybody may know of are numbered apart, so that no gap betrays them.
            let year = day.parts.year
            let series = "\(procedure.id).\(paper).\(year)" + (matter.level == .open ? "" : ".\(matter.level.rawValue)")
            let used = orders.filter { if case .takeNumber(series, _) = $0 { true } else { false } }.count
            let next = view.numbers[series, default: 0] + used + 1
            orders.append(.takeNumber(series: series, number: next))
            number = pattern.replacing("{year}", with: String(year)).replacing(
                "{number}", with: (matter.level == .open ? "" : "密") + String(next))
        }
        events.append(.issued(paper: paper, number: number, item: item))
        matter.issued.append(Matter.Paper(kind: paper, number: number, item: item, day: day))
        orders.append(.render(paper: paper, number: number, item: item))
    }

    /// Starts a track: for the matter, for the item at hand, or for every item of its kind.
    mutating func start(_ start: Step.Start, item: String, of step: Step) throws(Refusal) {
        let id = start.track
        guard let track = procedure.track(id) else { return }
        if let condition = start.when {
            guard let holds = condition.holds(facts(item, [:]).value) else {
                throw Refusal("CAS012", "无法判断“\(track.name)”是否开始", advice: condition.source)
            }
            guard holds else { return }
        }
        var keys = [""]
        if let kind = track.per {
            keys = matter.kind(ofItem: item) == kind ? [item] : matter.items.filter { $0.kind == kind }.map(\.key)
        }
        for key in keys where matter.state(id, item: key) == nil {
            move(track, item: key, from: nil, to: track.initial.id)
            try begin(track, item: key)
        }
    }

    private mutating func open(_ child: Step.Child, _ item: String) throws(Refusal) {
        if let condition = child.when {
            guard let holds = condition.holds(facts(item, [:]).value) else {
                throw Refusal("CAS012", "无法判断是否派生\(child.kind)", advice: condition.source)
            }
            guard holds else { return }
        }
        guard let kind = procedure.children.first(where: { $0.id == child.kind }) else { return }
        let id = try freshIdentifier()
        var fields: [String: FieldValue] = [:]
        // What a matter is counted by goes on to what it gives rise to.
        for field in procedure.fields where field.counting {
            if let value = matter.field(field.id, item: item) { fields[field.id] = value }
        }
        for pair in child.with {
            let source = pair.expression.source
            if source.hasPrefix("balance."), pair.expression.names == [source] {
                let parts = matter.parts(of: String(source.dropFirst(8)), item: item)
                if !parts.isEmpty { fields[pair.field] = .split(parts) }
            } else if pair.expression.names.count == 1,
                case .split(let parts) = matter.field(pair.expression.source, item: item)
            {
                fields[pair.field] = .split(parts)
            } else if let value = pair.expression.value(facts(item, [:]).value) {
                fields[pair.field] = .single(value)
            }
        }
        events.append(.child(kind: kind.id, id: id, procedure: kind.procedure))
        matter.children.append(Matter.Child(kind: kind.id, id: id))
        orders.append(
            .open(kind: kind.id, id: id, procedure: kind.procedure, fields: fields, parties: matter.parties))
    }
}
