import Claims
import Rules

/// Plays a procedure at random, lawfully and unlawfully, and looks after every move whether all invariants hold.
///
/// The same seed gives the same play. What was played is written down as a case script, so that a seed that fails
/// becomes a script.
package struct RandomPlay {
    package private(set) var docket: Docket
    package private(set) var script = ""
    package private(set) var broken: [String] = []
    package private(set) var done = 0
    package private(set) var refused: [String: Int] = [:]
    private let procedure: Procedure
    private var state: UInt64
    private var instant: Instant
    private var fresh = 0

    package static func play(_ procedure: Procedure, in library: ProcedureLibrary, seed: UInt64, moves: Int)
        -> RandomPlay
    {
        var play = RandomPlay(procedure, library, seed)
        play.open()
        for _ in 0..<moves where play.broken.isEmpty { play.move() }
        return play
    }

    private init(_ procedure: Procedure, _ library: ProcedureLibrary, _ seed: UInt64) {
        self.procedure = procedure
        docket = Docket(library)
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        instant = Instant(max(procedure.from, Day(year: 2026, month: 1, day: 5) ?? procedure.from), hour: 9)
    }

    // MARK: Chance

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
    private mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    private mutating func pick<Element>(_ all: [Element]) -> Element? { all.isEmpty ? nil : all[below(all.count)] }

    // MARK: Moves

    private mutating func open() {
        var command = Command(.take("open"))
        let opening = procedure.opening
        for name in opening.needs { command.fields[name] = value(of: name) }
        for name in opening.takes where chance(50) { command.fields[name] = value(of: name) }
        for role in docket.library.roles.all { command.parties[role.side] = role.side }
        command.target = chance(20) ? pick(opening.levels)?.rawValue ?? "" : ""
        for kind in opening.adds { for _ in 0...below(3) { add(kind, to: &command) } }
        let actor = actor(pick(opening.who) ?? "")
        do throws(Refusal) {
            _ = try docket.open(procedure, command, by: actor, at: instant)
            write(actor, "opens", command, nil)
            check()
        } catch {
            broken.append("cannot be opened: \(error)")
        }
    }

    private mutating func move() {
        if chance(12) { return letTimePass() }
        guard let id = pick(docket.matters.keys.sorted()), let matter = docket.matters[id] else { return }
        if !matter.proposals.isEmpty, chance(45) { return opine(id, matter) }
        let all = matter.procedure.steps
        let possible = all.filter { step in
            matter.states.contains { $0.key.track == step.track && step.from.contains($0.value) }
        }
        let ordinary = possible.filter { $0.power == nil }
        guard let step = chance(85) ? pick(ordinary) : chance(80) ? pick(possible) : pick(all) else { return }
        let places = matter.states.filter { $0.key.track == step.track && step.from.contains($0.value) }.map(\.key.item)
            .sorted()
        var command = Command(.take(step.id))
        command.item = pick(places) ?? (chance(50) ? "" : "none")
        for name in step.needs where chance(95) { command.fields[name] = value(of: name, matter.procedure) }
        for name in step.takes where chance(60) { command.fields[name] = value(of: name, matter.procedure) }
        for paper in step.papers where chance(95) { command.papers[paper] = "h\(below(1000))" }
        for kind in step.adds { for _ in 0...below(2) { add(kind, to: &command, matter) } }
        let role = chance(92) ? pick(step.who) : pick(docket.library.roles.all.map(\.id))
        let actor = actor(role ?? "officer")
        for _ in 1..<max(1, step.together) { command.together.append("\(role ?? "officer")\(below(4))") }
        for side in step.names where chance(70) { command.parties[side] = chance(80) ? side : "elsewhere" }
        target(step, matter, &command)
        perform(command, step.id, on: id, by: actor)
    }

    private mutating func target(_ step: Step, _ matter: Matter, _ command: inout Command) {
        switch step.power {
        case .annul: command.target = String(1 + below(matter.acts.count + 1))
        case .correct:
            command.target = String(1 + below(matter.acts.count))
            if let name = pick(matter.procedure.fields.map(\.id)) {
                command.fields[name] = value(of: name, matter.procedure)
            }
        case .recuse: command.target = "\(pick(docket.library.roles.all.map(\.id)) ?? "officer")\(below(4))"
        case .handOver: command.parties = ["body": chance(80) ? "body" : "elsewhere"]
        case .merge:
            command.target = pick(docket.matters.keys.sorted()) ?? ""
        case .classify: command.target = pick(Secrecy.allCases)?.rawValue ?? ""
        case .migrate: command.target = String(matter.procedure.version + 1)
        case .takeOver: command.history = paperHistory(matter)
        case .reopen, nil: break
        }
    }

    /// A history that follows the main track from its beginning for a few steps, mostly.
    private mutating func paperHistory(_ matter: Matter) -> [PaperStep] {
        let track = matter.procedure.mainTrack
        var state = track.initial.id
        var day = instant.day.number - Int32(10 + below(60))
        var history: [PaperStep] = []
        for _ in 0...below(3) {
            let onward = matter.procedure.steps.filter {
                $0.track == track.id && $0.power == nil && ($0.from.contains(state) || chance(5))
            }
            guard let step = pick(onward) else { break }
            var fields: [String: FieldValue] = [:]
            for name in step.needs where chance(90) { fields[name] = value(of: name, matter.procedure) }
            history.append(
                PaperStep(
                    step: step.id, day: Day(number: day), persons: ["paper\(below(4))", "paper\(4 + below(4))"],
                    fields: fields))
            state = step.targets.last?.state ?? state
            day += Int32(below(12)) - (chance(5) ? 20 : 0)
        }
        return history
    }

    private mutating func opine(_ id: String, _ matter: Matter) {
        guard let proposal = pick(matter.proposals), let step = matter.procedure.step(proposal.step) else { return }
        var command = Command(chance(85) ? .approve : .sendBack)
        command.item = proposal.item
        command.target = String(proposal.act)
        var role = step.panel?.role ?? "head"
        if step.panel != nil, chance(30) {
            command.verb = .conclude
            role = step.who.first ?? "officer"
        } else if step.panel == nil, proposal.opinions.count < step.signatures.count {
            role = step.signatures[proposal.opinions.count].role
        }
        let verb = command.verb == .approve ? "approve" : command.verb == .sendBack ? "return" : "conclude"
        let own = chance(10) ? proposal.actor : actor(chance(90) ? role : "officer")
        perform(command, verb, on: id, by: own)
    }

    private mutating func letTimePass() {
        instant = Instant(minute: instant.minute + Int64(1 + below(chance(80) ? 12 : 60)) * 1440)
        script += "\(instant.day) clock\n"
        docket.tick(to: RunningClock.endOf(instant.day))
        let acts = docket.matters.mapValues(\.acts.count)
        docket.tick(to: RunningClock.endOf(instant.day))
        if acts != docket.matters.mapValues(\.acts.count) { broken.append("the clock struck twice") }
        check()
    }

    private mutating func perform(_ command: Command, _ verb: String, on id: String, by actor: Actor) {
        write(actor, verb, command, id)
        let before = docket.matters.mapValues(\.acts.count)
        do throws(Refusal) {
            _ = try docket.handle(command, on: id, by: actor, at: instant)
            done += 1
        } catch {
            refused[error.code, default: 0] += 1
            if before != docket.matters.mapValues(\.acts.count) { broken.append("a refused act left traces") }
        }
        check()
    }

    private mutating func check() { broken += Invariants.broken(in: docket) }

    // MARK: Words

    private mutating func actor(_ role: String) -> Actor {
        guard role != "machine", role != "clock" else { return role == "machine" ? Docket.machine : Docket.clock }
        let organisation = chance(96) ? docket.library.roles[role]?.side ?? "body" : "elsewhere"
        return Actor(person: "\(role)\(below(4))", role: role, organisation: organisation)
    }

    private mutating func add(_ kind: String, to command: inout Command, _ matter: Matter? = nil) {
        let procedure = matter?.procedure ?? procedure
        fresh += 1
        var parent: String?
        if let wanted = procedure.items.first(where: { $0.id == kind })?.parent {
            let known =
                (matter?.items.filter { $0.kind == wanted }.map(\.key) ?? [])
                + command.adds.filter { $0.kind == wanted }.map(\.key)
            parent = pick(known)
        }
        var fields: [String: FieldValue] = [:]
        for field in procedure.fields where field.item == kind && chance(50) {
            fields[field.id] = value(of: field.id, procedure)
        }
        command.adds.append(Command.Item(kind: kind, key: "I\(fresh)", parent: parent, fields: fields))
    }

    private mutating func value(of name: String, _ procedure: Procedure? = nil) -> FieldValue? {
        guard let field = (procedure ?? self.procedure).field(name) else { return nil }
        let money: [Int64] = [0, 1, 100, 9_999, 10_000, 1_500_000, 10_000_000]
        switch field.kind {
        case .text, .person, .organisation: return .single(.text("t\(below(5))"))
        case .flag: return .single(.flag(chance(60)))
        case .money: return pick(money).map { .single(.money(fen: $0)) }
        case .day: return .single(.day(Day(number: instant.day.number + Int32(below(200)) - 120)))
        case .month: return .single(.text("2026-0\(1 + below(9))"))
        case .number(let scale):
            let whole = Int64(below(13))
            return .single(.number(scale > 0 ? whole * 5_000 : whole, scale: scale))
        case .choice(let choices): return pick(choices).map { .single(.text($0.id)) }
        case .split: return .split(["统筹/379900": pick(money) ?? 0, "救助/379900": pick(money) ?? 0])
        }
    }

    /// The move as a line of a case script.
    private mutating func write(_ actor: Actor, _ verb: String, _ command: Command, _ id: String?) {
        var words = [instant.description, "\(actor.person):\(actor.role)@\(actor.organisation)", verb]
        if actor == Docket.machine { words[1] = "machine" }
        if let id { words.append("@\(id)") }
        if !command.item.isEmpty { words.append("#\(command.item)") }
        words += command.fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        words += command.papers.sorted { $0.key < $1.key }.map { "paper:\($0.key)=\($0.value)" }
        words += command.parties.sorted { $0.key < $1.key }.map { "party:\($0.key)=\($0.value)" }
        if !command.together.isEmpty { words.append("with=\(command.together.joined(separator: ","))") }
        if !command.target.isEmpty { words.append("target=\(command.target)") }
        words += (command.history ?? []).map(ScriptLine.text)
        for item in command.adds {
            let fields = item.fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
            words.append("+\(item.kind):\(item.key)" + (item.parent.map { "<\($0)" } ?? "") + "{\(fields)}")
        }
        script += words.joined(separator: " ") + "\n"
    }
}
