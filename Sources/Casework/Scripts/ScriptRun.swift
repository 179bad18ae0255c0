import Claims
import Rules

/// Plays a case script on a docket and holds what happens against what the script expects.
package struct ScriptRun {
    package struct Mismatch: Sendable {
        package let line: Int
        package let text: String
    }

    package private(set) var docket: Docket
    package private(set) var mismatches: [Mismatch] = []
    private let procedure: Procedure
    private var current = ""
    private var refusal: Refusal?
    private var refusalExpected = true
    private var rows: [(item: String, refusal: Refusal?)] = []
    private var lastAct: Act?
    private var noticesBefore = 0
    private var actionLine = 0

    package static func play(_ script: String, of procedure: Procedure, in library: ProcedureLibrary) -> ScriptRun {
        var run = ScriptRun(docket: Docket(library), procedure: procedure)
        let lines = ScriptLine.lines(script)
        run.learnPersons(lines)
        for line in lines {
            if line.isExpectation { run.expect(line) } else { run.act(line) }
        }
        run.settleRefusal()
        for failure in run.docket.failures { run.miss(0, "an order failed: \(failure)") }
        return run
    }

    private init(docket: Docket, procedure: Procedure) {
        self.docket = docket
        self.procedure = procedure
    }

    /// Everybody in the script holds the roles in which the script shows them.
    private mutating func learnPersons(_ lines: [ScriptLine]) {
        for word in lines.flatMap({ $0.words.prefix(2) }) where word.contains(":") {
            if let actor = ScriptLine.actor(word, docket.library.roles) {
                docket.directory[actor.person, default: []].insert(actor.role)
            }
        }
    }

    private mutating func miss(_ line: Int, _ text: String) { mismatches.append(Mismatch(line: line, text: text)) }

    /// A refusal that no line expected is a mismatch.
    private mutating func settleRefusal() {
        if let refusal, !refusalExpected { miss(actionLine, "refused: \(refusal)") }
        refusal = nil
        rows = []
    }

    // MARK: What is done

    private mutating func act(_ line: ScriptLine) {
        settleRefusal()
        refusalExpected = false
        actionLine = line.number
        noticesBefore = docket.notices.count
        lastAct = nil
        var words = line.words
        switch words[0] {
        case "person": return
        case "absent": return docket.absent.formUnion(words.dropFirst())
        case "present": return docket.absent.subtract(words.dropFirst())
        default: break
        }
        guard let instant = Instant(words.removeFirst()) else {
            return miss(line.number, "the line begins with no day")
        }
        if words.first == "clock" { return docket.tick(to: RunningClock.endOf(instant.day)) }
        guard words.count >= 2, let actor = ScriptLine.actor(words[0], docket.library.roles) else {
            return miss(line.number, "`\(words.first ?? "")` is not name:role")
        }
        let verb = words[1]
        words.removeFirst(2)
        do {
            if verb.hasPrefix("opens") {
                try open(verb, words, actor, instant)
            } else {
                try take(verb, words, actor, instant)
            }
        } catch let mistake as ScriptMistake {
            miss(line.number, mistake.text)
        } catch let refused as Refusal {
            refusal = refused
        } catch {
            miss(line.number, "\(error)")
        }
    }

    private mutating func open(_ verb: String, _ words: [String], _ actor: Actor, _ instant: Instant) throws {
        var procedure = procedure
        if let colon = verb.firstIndex(of: ":") {
            let id = String(verb[verb.index(after: colon)...])
            guard let other = docket.library.procedure(id) else { throw ScriptMistake("there is no procedure `\(id)`") }
            procedure = other
        }
        var command = Command(.take("open"))
        try ScriptLine.fill(&command, words, procedure)
        current = try docket.open(procedure, command, by: actor, at: instant)
    }

    private mutating func take(_ verb: String, _ words: [String], _ actor: Actor, _ instant: Instant) throws {
        var rest: [String] = []
        var items: [String]?
        for word in words {
            if word.hasPrefix("@") {
                current = String(word.dropFirst())
            } else if word.hasPrefix("#") {
                items = word.dropFirst().split(separator: ",").map(String.init)
            } else {
                rest.append(word)
            }
        }
        guard let matter = docket.matters[current] else { throw ScriptMistake("there is no matter \(current)") }
        let verbs: [String: Command.Verb] = ["approve": .approve, "return": .sendBack, "conclude": .conclude]
        var command = Command(verbs[verb] ?? .take(verb))
        try ScriptLine.fill(&command, rest, matter.procedure)
        if items == ["*"] {
            let kind = matter.procedure.step(verb).flatMap { matter.procedure.track($0.track)?.per }
            items = matter.items.filter { $0.kind == kind }.map(\.key)
        }
        if let items, items.count != 1 {
            rows = docket.handle(batch: items, command, on: current, by: actor, at: instant)
            refusal = rows.compactMap(\.refusal).first
            return
        }
        command.item = items?.first ?? ""
        lastAct = try docket.handle(command, on: current, by: actor, at: instant).act
    }

    // MARK: What must hold

    private mutating func expect(_ line: ScriptLine) {
        var words = line.words
        let what = words.removeFirst()
        if let at = words.first, at.hasPrefix("@") {
            current = String(at.dropFirst())
            words.removeFirst()
        }
        if what == "refused" { return expectRefusal(line, words) }
        guard let matter = docket.matters[current] else { return miss(line.number, "there is no matter \(current)") }
        let found: String
        let wanted: String
        switch what {
        case "state":
            let (track, item) = Self.place(words.count > 1 ? words[0] : matter.procedure.mainTrack.id)
            wanted = words.last ?? ""
            found = matter.state(track, item: item) ?? "none"
        case "due":
            let (clock, item) = Self.place(words.first ?? "")
            wanted = words.dropFirst().joined(separator: " ")
            found = due(matter, clock, item)
        case "balance":
            let (account, item) = Self.place(words.first ?? "")
            wanted = words.last ?? ""
            found = ScalarValue.money(fen: matter.balance(account, item: item)).description
        case "field":
            let (field, item) = Self.place(words.first ?? "")
            wanted = words.dropFirst().joined(separator: " ")
            found = matter.field(field, item: item)?.description ?? "none"
        case "paper":
            wanted = words.dropFirst().joined(separator: " ")
            found = matter.issued.last { $0.kind == words.first }.map { $0.number ?? "issued" } ?? "none"
        case "child":
            wanted = words.dropFirst().joined(separator: " ")
            found = docket.matters[words.first ?? ""].map { "\($0.procedure.id)" } ?? "none"
        case "notified":
            wanted = words.joined(separator: " ")
            found = docket.notices.dropFirst(noticesBefore).map {
                if case .notify(let side, _, _, _) = $0 { side } else { "" }
            }.joined(separator: " ")
        case "pending":
            wanted = words.joined(separator: " ")
            found = matter.proposals.isEmpty ? "none" : matter.proposals.map(\.step).joined(separator: " ")
        case "level":
            wanted = words.joined()
            found = matter.level.rawValue
        case "visible":
            wanted = words.last ?? ""
            guard let actor = ScriptLine.actor(words.first ?? "", docket.library.roles) else {
                return miss(line.number, "`\(words.first ?? "")` is not name:role")
            }
            found = matter.isVisible(to: actor, docket.library.roles) ? "yes" : "no"
        case "count":
            wanted = words.dropFirst().joined(separator: " ")
            found = count(matter, words.first ?? "")
        case "rows":
            wanted = words.joined(separator: " ")
            found = rows.map { "\($0.item)=\($0.refusal?.code ?? "ok")" }.joined(separator: " ")
            refusalExpected = true
        case "party":
            wanted = words.last ?? ""
            found = matter.parties[words.first ?? ""] ?? "none"
        case "acts":
            wanted = words.joined()
            found = String(matter.acts.count)
        case "act":
            wanted = words.joined()
            found = lastAct.map { String($0.number) } ?? "none"
        default: return miss(line.number, "there is no expectation `\(what)`")
        }
        if found != wanted { miss(line.number, "\(what) \(words.first ?? ""): expected \(wanted), found \(found)") }
    }

    private mutating func expectRefusal(_ line: ScriptLine, _ words: [String]) {
        refusalExpected = true
        guard let refusal else { return miss(line.number, "was not refused") }
        if let code = words.first, code != refusal.code {
            return miss(line.number, "refused with \(refusal), not with \(code)")
        }
        for part in words.dropFirst() where !refusal.description.contains(part) {
            miss(line.number, "the refusal does not say \(part): \(refusal)")
        }
    }

    private static func place(_ word: String) -> (String, String) {
        let parts = word.split(separator: "#", maxSplits: 1).map(String.init)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }

    private func due(_ matter: Matter, _ clock: String, _ item: String) -> String {
        guard let running = matter.clocks[Matter.Place(track: clock, item: item)] else { return "none" }
        switch running.standing {
        case .stopped: return "stopped"
        case .lapsed: return "lapsed"
        case .paused: return "paused"
        case .running:
            guard let due = running.due(in: docket.library.calendar) else { return "unknown" }
            return running.unit == .hours ? due.description : due.day.description
        }
    }

    private func count(_ matter: Matter, _ track: String) -> String {
        guard let balance = matter.procedure.balances.first(where: { $0.track == track }) else { return "no balance" }
        let sum = matter.sum(balance)
        return (["received=\(sum.received)"] + sum.groups.map { "\($0.name)=\($0.count)" } + ["open=\(sum.open)"])
            .joined(separator: " ")
    }
}

extension Matter {
    /// received = each end state once + merged + open (逐条核查、清仓见底).
    package func sum(_ balance: Balance) -> (received: Int, groups: [(name: String, count: Int)], open: Int) {
        guard let track = procedure.track(balance.track) else { return (0, [], 0) }
        let here = states.filter { $0.key.track == track.id }.map(\.value)
        let received = track.per.map { kind in items.filter { $0.kind == kind }.count } ?? here.count
        return (
            received, balance.groups.map { group in (group.name, here.filter(group.states.contains).count) },
            here.filter { track.state($0)?.isEnd != true }.count
        )
    }
}
