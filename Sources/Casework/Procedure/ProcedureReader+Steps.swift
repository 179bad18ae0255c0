import Claims
import Knowledge
import Rules

extension ProcedureReader {
    static let stepKeys = [
        "name", "track", "from", "to", "who", "together", "apart", "needs", "takes", "papers", "issues", "tells",
        "names",
        "conditions", "sign", "panel", "sets", "posts", "opens", "starts", "adds", "awaits", "basis",
    ]

    static let reserved = ["approve", "return", "conclude", "clock", "open", "begins"]

    mutating func readSteps() {
        for entry in yaml.named(root["steps"], "steps") { readStep(entry.id, entry.key, entry.value, power: nil) }
        for entry in yaml.named(root["powers"], "powers") {
            guard let power = Step.Power(rawValue: entry.id) else {
                _ = declared(entry.id, entry.key, "power", among: Step.Power.allCases.map(\.rawValue))
                continue
            }
            readStep(entry.id, entry.key, entry.value, power: power)
        }
    }

    private mutating func readStep(_ id: String, _ key: YamlNode, _ node: YamlNode, power: Step.Power?) {
        yaml.only(node, Self.stepKeys, in: "a step")
        guard procedure.step(id) == nil else {
            yaml.note(key, "PRC004", "the step `\(id)` is written twice", advice: "rename one")
            return
        }
        if Self.reserved.contains(id) {
            yaml.note(key, "PRC004", "`\(id)` is what one does to a proposal", advice: "name the step otherwise")
        }
        var track = procedure.tracks.first
        if let wanted = node["track"], let word = wanted.string {
            guard declared(word, wanted, "track", among: procedure.tracks.map(\.id)) else { return }
            track = procedure.track(word)
        }
        guard let track else { return }
        let states = track.states.map(\.id)
        let from: [String]
        if let node = node["from"] {
            from = words(node, "from", "state", among: states)
        } else if power != nil, power != .reopen {
            from = power == .annul || power == .correct ? states : track.states.filter { !$0.isEnd }.map(\.id)
        } else {
            yaml.note(key, "PRC001", "the step `\(id)` does not say from which state", advice: "write `from: [state]`")
            from = []
        }
        var step = Step(id: id, name: node["name"]?.string ?? id, power: power, track: track.id, from: from)
        step.line = key.line
        step.column = key.column
        if node["name"] == nil {
            yaml.note(key, "PRC001", "the step `\(id)` has no name", advice: "write `name: …`")
        }
        let kind = track.per
        step.who = words(node["who"], "who", "role", among: common.roles.all.map(\.id))
        step.together = yaml.whole(node["together"], "together") ?? 1
        step.apart = words(node["apart"], "apart", "step", among: procedure.stepNames)
        let fields = procedure.fields.filter { $0.item == nil || $0.item == kind }.map(\.id)
        step.needs = words(node["needs"], "needs", "field", among: fields)
        step.takes = words(node["takes"], "takes", "field", among: fields)
        let papers = procedure.papers.map(\.id)
        step.papers = words(node["papers"], "papers", "paper", among: papers)
        step.issues = words(node["issues"], "issues", "paper", among: papers)
        let sides = Array(Set(common.roles.all.map(\.side))).sorted()
        step.tells = words(node["tells"], "tells", "side", among: sides)
        step.names = words(node["names"], "names", "side", among: sides)
        readStarts(node, kind, &step)
        step.adds = words(node["adds"], "adds", "item", among: procedure.items.map(\.id))
        step.basis = yaml.words(node["basis"], "basis").map(\.word)
        readTargets(node, states, kind, &step)
        readConditions(node, kind, &step)
        readSigning(node, &step)
        readEffects(node, kind, &step)
        places["step \(id)"] = key
        procedure.steps.append(step)
    }

    private mutating func readTargets(_ node: YamlNode, _ states: [String], _ kind: String?, _ step: inout Step) {
        guard let to = node["to"] else { return }
        if let word = to.string {
            if declared(word, to, "state", among: states) { step.targets = [.init(state: word, when: nil)] }
            return
        }
        for branch in to.elements ?? [] {
            yaml.only(branch, ["state", "when"], in: "a way")
            guard let state = branch["state"], let word = state.string,
                declared(word, state, "state", among: states)
            else { continue }
            let when = branch["when"].flatMap { expression($0, item: kind, wanted: .boolean) }
            step.targets.append(.init(state: word, when: when))
        }
    }

    private mutating func readConditions(_ node: YamlNode, _ kind: String?, _ step: inout Step) {
        for condition in node["conditions"]?.elements ?? [] {
            if condition.pairs != nil { yaml.only(condition, ["when", "else"], in: "a condition") }
            guard let expression = expression(condition["when"] ?? condition, item: kind, wanted: .boolean) else {
                continue
            }
            if expression.names.isEmpty, expression.holds({ _ in nil }) == false {
                yaml.note(condition, "PRC026", "this condition never holds", advice: "compare something that changes")
            }
            step.conditions.append(
                .init(expression: expression, message: condition["else"]?.string ?? ""))
        }
    }

    private mutating func readStarts(_ node: YamlNode, _ kind: String?, _ step: inout Step) {
        guard let starts = node["starts"] else { return }
        for start in starts.elements ?? [starts] {
            if start.pairs != nil { yaml.only(start, ["track", "when"], in: "a start") }
            let track = start["track"] ?? start
            guard let word = track.string, declared(word, track, "track", among: procedure.tracks.map(\.id)) else {
                continue
            }
            let when = start["when"].flatMap { expression($0, item: kind, wanted: .boolean) }
            step.starts.append(.init(track: word, when: when))
        }
    }

    private mutating func readSigning(_ node: YamlNode, _ step: inout Step) {
        let roles = common.roles.all.map(\.id)
        for signature in node["sign"]?.elements ?? [] {
            if signature.pairs != nil { yaml.only(signature, ["role", "absent", "name"], in: "a signature") }
            let role = signature["role"] ?? signature
            guard let word = role.string, declared(word, role, "role", among: roles) else { continue }
            if common.roles[word]?.kind != .person {
                yaml.note(role, "PRC006", "`\(word)` is no person and cannot sign", advice: "name a person's role")
            }
            let absent = signature["absent"]?.string
            if let absent, let node = signature["absent"] { _ = declared(absent, node, "role", among: roles) }
            step.signatures.append(
                .init(role: word, absent: absent, name: signature["name"]?.string ?? "签批"))
        }
        if let panel = node["panel"] {
            yaml.only(panel, ["role", "quorum"], in: "a panel")
            guard let role = panel["role"], let word = role.string, declared(word, role, "role", among: roles) else {
                return
            }
            let quorum = panel["quorum"]?.string ?? ""
            let name = quorum.hasPrefix("$") ? String(quorum.dropFirst()) : quorum
            if Int(quorum) == nil, let node = panel["quorum"] {
                _ = declared(name, node, "parameter", among: procedure.parameters.map(\.id))
            }
            if panel["quorum"] == nil {
                yaml.note(panel, "PRC001", "the panel has no quorum", advice: "write `quorum: 3` or `quorum: $name`")
            }
            step.panel = .init(role: word, quorum: name, quorumValue: Int(quorum))
        }
        if step.panel != nil, !step.signatures.isEmpty {
            yaml.note(
                node["panel"], "PRC003", "a step has signatures or a panel, not both", advice: "make two steps of it")
        }
    }

    private mutating func readEffects(_ node: YamlNode, _ kind: String?, _ step: inout Step) {
        for pair in node["sets"]?.pairs ?? [] {
            guard let word = pair.key.string,
                declared(
                    word, pair.key, "field",
                    among: procedure.fields.filter { $0.item == nil || $0.item == kind }.map(\.id)),
                let expression = expression(pair.value, item: kind, wanted: procedure.field(word)?.type)
            else { continue }
            step.sets.append((word, expression))
        }
        let accounts = procedure.accounts.map(\.id)
        for posting in node["posts"]?.elements ?? [] {
            yaml.only(posting, ["from", "to", "amount"], in: "a posting")
            guard let from = posting["from"], let source = from.string,
                declared(source, from, "account", among: accounts),
                let to = posting["to"], let target = to.string, declared(target, to, "account", among: accounts),
                let amount = posting["amount"]
            else {
                yaml.note(
                    posting, "PRC001", "a posting needs from, to and amount",
                    advice: "write { from: a, to: b, amount: x }")
                continue
            }
            if let word = amount.string, procedure.field(word) != nil, procedure.factType(word, item: kind) != nil {
                used.insert("field \(word)")
                step.postings.append(.init(from: source, to: target, amount: nil, field: word))
            } else if let expression = expression(amount, item: kind, wanted: .number(scale: 2)) {
                step.postings.append(.init(from: source, to: target, amount: expression, field: nil))
            }
        }
        for child in node["opens"]?.elements ?? [] {
            if child.pairs != nil { yaml.only(child, ["child", "with", "when"], in: "a child") }
            let name = child["child"] ?? child
            guard let word = name.string, declared(word, name, "child", among: procedure.children.map(\.id)) else {
                continue
            }
            var with: [(field: String, expression: ScalarExpression)] = []
            for pair in child["with"]?.pairs ?? [] {
                guard let field = pair.key.string, let expression = expression(pair.value, item: kind, wanted: nil)
                else {
                    continue
                }
                with.append((field, expression))
            }
            let when = child["when"].flatMap { expression($0, item: kind, wanted: .boolean) }
            step.opens.append(.init(kind: word, with: with, when: when))
        }
        for wait in node["awaits"]?.elements ?? [] {
            yaml.only(wait, ["children", "track", "any"], in: "a wait")
            let any = yaml.flag(wait["any"], "any") ?? false
            if let children = wait["children"], let word = children.string,
                declared(word, children, "child", among: procedure.children.map(\.id))
            {
                step.awaits.append(.init(what: .children(word), all: !any))
            } else if let track = wait["track"], let word = track.string,
                declared(word, track, "track", among: procedure.tracks.map(\.id))
            {
                step.awaits.append(.init(what: .track(word), all: !any))
            }
        }
    }

    // MARK: Clocks

    static let clockKeys = [
        "name", "track", "unit", "length", "starts", "stops", "pauses", "resumes", "extends", "until", "earliest",
        "lapse", "when", "month", "months_later", "rolls", "basis",
    ]

    mutating func readClocks() {
        for entry in yaml.named(root["clocks"], "clocks") {
            let node = entry.value
            yaml.only(node, Self.clockKeys, in: "a clock")
            let steps = procedure.stepNames
            let starts = words(node["starts"], "starts", "step", among: steps + ["begins"])
            var trackID = procedure.tracks.first?.id ?? ""
            if let track = node["track"], let word = track.string {
                if declared(word, track, "track", among: procedure.tracks.map(\.id)) { trackID = word }
            } else if let first = starts.compactMap(procedure.step).first {
                trackID = first.track
            }
            guard let unitNode = node["unit"], let unit = unitNode.string.flatMap(ClockRule.Unit.init) else {
                yaml.note(
                    node["unit"] ?? entry.key, "PRC003", "the clock `\(entry.id)` has no unit",
                    advice: "write `unit:` \(ClockRule.Unit.allCases.map(\.rawValue).joined(separator: ", "))")
                continue
            }
            guard let lengthNode = node["length"], let length = length(lengthNode, unit, trackID) else {
                if node["length"] == nil {
                    yaml.note(
                        entry.key, "PRC001", "the clock `\(entry.id)` has no length", advice: "write `length: $days`")
                }
                continue
            }
            var clock = ClockRule(
                id: entry.id, name: node["name"]?.string ?? entry.id, track: trackID, unit: unit, length: length,
                starts: starts)
            clock.line = entry.key.line
            clock.column = entry.key.column
            clock.stops = words(node["stops"], "stops", "step", among: steps)
            clock.pauses = words(node["pauses"], "pauses", "step", among: steps)
            clock.resumes = words(node["resumes"], "resumes", "step", among: steps)
            clock.until = words(node["until"], "until", "step", among: steps)
            clock.earliest = words(node["earliest"], "earliest", "step", among: steps)
            clock.lapse = words(node["lapse"], "lapse", "step", among: steps).first
            clock.month =
                words(node["month"], "month", "field", among: procedure.fields.filter { $0.kind == .month }.map(\.id))
                .first
            clock.monthsLater = yaml.whole(node["months_later"], "months_later") ?? 1
            let kind = procedure.track(trackID)?.per
            clock.when = node["when"].flatMap { expression($0, item: kind, wanted: .boolean) }
            clock.rolls = yaml.flag(node["rolls"], "rolls") ?? true
            clock.basis = yaml.words(node["basis"], "basis").map(\.word)
            if unit == .settlementDay, clock.month == nil {
                yaml.note(
                    entry.key, "PRC001", "the clock `\(entry.id)` has no settlement month",
                    advice: "write `month: field`")
            }
            for lengthening in node["extends"]?.elements ?? [] {
                yaml.only(lengthening, ["step", "length", "times"], in: "an extension")
                guard let step = lengthening["step"], let word = step.string,
                    declared(word, step, "step", among: steps), let by = lengthening["length"],
                    let more = self.length(by, unit, trackID)
                else { continue }
                clock.extensions.append(
                    .init(step: word, length: more, timesMax: yaml.whole(lengthening["times"], "times") ?? 1))
            }
            places["clock \(entry.id)"] = entry.key
            procedure.clocks.append(clock)
        }
    }

    private mutating func length(_ node: YamlNode, _ unit: ClockRule.Unit, _ track: String) -> ClockRule.Length? {
        guard let text = node.string else {
            yaml.note(node, "PRC003", "a length is a number, a $parameter or a field", advice: "write `length: $days`")
            return nil
        }
        if text.hasPrefix("$") {
            let name = String(text.dropFirst())
            let names = procedure.parameters.filter { $0.type == .number(scale: 0) }.map(\.id)
            return declared(name, node, "parameter", among: names) ? .parameter(name) : nil
        }
        if let count = Int(text), count >= 0, unit != .date { return .fixed(count) }
        let kind = procedure.track(track)?.per
        let names = procedure.fields.filter {
            ($0.item == nil || $0.item == kind) && $0.type == (unit == .date ? .day : .number(scale: 0))
        }.map(\.id)
        return declared(text, node, "field", among: names) ? .field(text) : nil
    }
}
