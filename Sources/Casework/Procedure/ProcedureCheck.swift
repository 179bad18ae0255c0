import Knowledge
import Rules

/// What can be said about a whole procedure before anybody works by it.
struct ProcedureCheck {
    private let procedure: Procedure
    private let roles: Roles
    private let places: [String: YamlNode]
    private let used: Set<String>
    private let file: String
    private(set) var diagnostics: [Diagnostic] = []

    init(_ reader: ProcedureReader) {
        procedure = reader.procedure
        roles = reader.common.roles
        places = reader.places
        used = reader.used
        file = reader.procedure.file
    }

    mutating func run() {
        for step in procedure.steps { check(step) }
        for track in procedure.tracks { check(track) }
        for clock in procedure.clocks { check(clock) }
        for balance in procedure.balances { check(balance) }
        checkMoney()
        checkChildren()
        checkUse()
    }

    private mutating func note(
        _ place: String, _ code: String, severity: Diagnostic.Severity = .error, _ message: String, advice: String
    ) {
        let node = places[place]
        diagnostics.append(
            Diagnostic(
                file: file, line: node?.line ?? 0, column: node?.column ?? 0, code: code, severity: severity,
                message: message, advice: advice))
    }

    // MARK: Steps

    /// Whether there can be somebody to take it, with all who must act together and apart.
    private func canBeTaken(_ step: Step) -> Bool { !step.who.isEmpty && !step.apart.contains(step.id) }

    private mutating func check(_ step: Step) {
        let place = "step \(step.id)"
        if step.who.isEmpty {
            note(place, "PRC006", "nobody may take the step `\(step.id)`", advice: "write `who: [role]`")
        } else if step.apart.contains(step.id) {
            note(
                place, "PRC006", "nobody may take the step `\(step.id)`: whoever takes it must not have taken it",
                advice: "name another step in `apart`")
        }
        let isPerson = step.who.contains { roles[$0]?.kind == .person }
        if !isPerson, step.together > 1 || !step.signatures.isEmpty || step.panel != nil {
            note(
                place, "PRC006", "no person takes the step `\(step.id)`, yet persons are asked for",
                advice: "name a person's role in `who`")
        }
        if !isPerson, !step.needs.isEmpty, step.who == ["clock"] {
            note(
                place, "PRC006",
                "the clock takes the step `\(step.id)` and cannot fill in \(step.needs.joined(separator: ", "))",
                advice: "drop `needs`, or let a person take it")
        }
        if let last = step.targets.last, last.when != nil {
            note(
                place, "PRC008", severity: .warning,
                "the ways of the step `\(step.id)` all have conditions; when none holds it is refused",
                advice: "give the last way no condition")
        }
        if step.targets.dropLast().contains(where: { $0.when == nil }) {
            note(
                place, "PRC007", "a way of the step `\(step.id)` without condition hides those after it",
                advice: "put it last")
        }
        for state in step.from where procedure.track(step.track)?.state(state)?.isEnd == true && step.power == nil {
            note(
                place, "PRC005", "the step `\(step.id)` begins in `\(state)`, where work has ended",
                advice: "only the powers reopen, annul and correct may")
        }
        if step.power == .merge || step.power == .reopen, step.targets.isEmpty {
            note(
                place, "PRC001", "the power `\(step.id)` does not say to which state it leads",
                advice: "write `to: state`")
        }
    }

    // MARK: Tracks

    private mutating func check(_ track: Track) {
        let isStarted = track.begins || procedure.steps.contains { $0.starts.contains { $0.track == track.id } }
        if !isStarted {
            note(
                "track \(track.id)", "PRC016", "the track `\(track.id)` never begins",
                advice: "name it in `starts` of a step")
        }
        if track.begins, procedure.steps.contains(where: { $0.starts.contains { $0.track == track.id } }) {
            note(
                "track \(track.id)", "PRC016", "the track `\(track.id)` begins by itself and is started by a step",
                advice: "write `begins: no`")
        }
        if let kind = track.per, !procedure.opening.adds.contains(kind),
            !procedure.steps.contains(where: { $0.adds.contains(kind) })
        {
            note(
                "track \(track.id)", "PRC016", "no step adds an item `\(kind)`",
                advice: "write `adds: [\(kind)]` where they come in")
        }
        let steps = procedure.steps.filter { $0.track == track.id && canBeTaken($0) }
        let reached = reach(from: [track.initial.id], steps)
        for state in track.states {
            let place = "state \(track.id).\(state.id)"
            guard reached.contains(state.id) else {
                note(
                    place, "PRC007", "no step leads to the state `\(state.id)`",
                    advice: "lead a step to it, or remove it")
                continue
            }
            if state.isEnd { continue }
            let onward = steps.filter { $0.from.contains(state.id) && $0.targets.contains { $0.state != state.id } }
            if onward.isEmpty {
                note(
                    place, "PRC008", "the state `\(state.id)` is a dead end: no step leads out of it",
                    advice: "write a step from it, or mark it `end: yes`")
            } else if !reach(from: [state.id], steps).contains(where: { track.state($0)?.isEnd == true }) {
                note(
                    place, "PRC015", "from the state `\(state.id)` no end can be reached",
                    advice: "lead a step to an end")
            }
        }
        checkPersons(track, steps)
    }

    private func reach(from start: Set<String>, _ steps: [Step]) -> Set<String> {
        var reached = start
        var grew = true
        while grew {
            grew = false
            for step in steps where !reached.isDisjoint(with: step.from) {
                for target in step.targets where reached.insert(target.state).inserted { grew = true }
            }
        }
        return reached
    }

    /// A machine never convicts: what only machines and clocks did may not reach a decision.
    private mutating func checkPersons(_ track: Track, _ steps: [Step]) {
        let starters = procedure.steps.filter { $0.starts.contains { $0.track == track.id } }
        guard track.begins || starters.contains(where: { $0.isAutomatic(roles) }) else { return }
        func canBeAutomatic(_ step: Step) -> Bool {
            step.signatures.isEmpty && step.panel == nil && step.who.contains { roles[$0]?.kind != .person }
        }
        let alone = reach(from: [track.initial.id], steps.filter(canBeAutomatic))
        for state in track.states where state.isDecision && alone.contains(state.id) {
            note(
                "state \(track.id).\(state.id)", "PRC011",
                "a machine or the clock alone can lead to the decision `\(state.id)`",
                advice: "put a person's step between: a machine may open a clue, it never convicts")
        }
    }

    // MARK: Clocks

    private mutating func check(_ clock: ClockRule) {
        let place = "clock \(clock.id)"
        if clock.starts.isEmpty {
            note(
                place, "PRC009", "nothing starts the clock `\(clock.id)`", advice: "write `starts: [step]`, or `begins`"
            )
        }
        let track = procedure.track(clock.track)
        for start in clock.starts {
            guard let step = procedure.step(start) else { continue }
            if track?.per != nil, procedure.track(step.track)?.per != track?.per {
                note(
                    place, "PRC009",
                    "the clock `\(clock.id)` runs for each \(track?.per ?? "") but `\(start)` concerns the matter",
                    advice: "start it by a step of the same track")
            }
        }
        if !clock.pauses.isEmpty, clock.resumes.isEmpty {
            note(
                place, "PRC009", "the clock `\(clock.id)` is halted and never goes on",
                advice: "write `resumes: [step]`")
        }
        if let lapse = clock.lapse.flatMap(procedure.step), !lapse.who.contains(where: { roles[$0]?.kind == .clock }) {
            note(
                place, "PRC018", "the clock does not take the step `\(lapse.id)`",
                advice: "add the clock's role to `who` of that step")
        }
        if clock.lapse == nil, clock.until.isEmpty, clock.earliest.isEmpty, clock.stops.isEmpty {
            note(
                place, "PRC009", severity: .warning, "nothing depends on the clock `\(clock.id)` and no step stops it",
                advice: "write `stops`, `until`, `earliest` or `lapse`")
        }
    }

    // MARK: Sums

    private mutating func check(_ balance: Balance) {
        guard let track = procedure.track(balance.track) else { return }
        var counted: [String: Int] = [:]
        for state in balance.groups.flatMap(\.states) { counted[state, default: 0] += 1 }
        for state in track.states {
            let times = counted[state.id, default: 0]
            if state.isEnd, times == 0 {
                note(
                    "balance \(track.id)", "PRC010", "the balance does not count the end state `\(state.id)`",
                    advice: "every end state is counted once")
            } else if times > 1 {
                note(
                    "balance \(track.id)", "PRC010", "the balance counts the end state `\(state.id)` \(times) times",
                    advice: "every end state is counted once")
            } else if !state.isEnd, times > 0 {
                note(
                    "balance \(track.id)", "PRC010", "`\(state.id)` is not an end state and is counted as open already",
                    advice: "remove it from the groups")
            }
        }
    }

    private mutating func checkMoney() {
        let postings = procedure.steps.flatMap(\.postings)
        for account in procedure.accounts where !account.isFree {
            let filled = postings.contains { $0.to == account.id }
            let emptied = postings.contains { $0.from == account.id }
            if !filled, emptied {
                note(
                    "account \(account.id)", "PRC024",
                    "money leaves the account `\(account.id)` and none ever comes in",
                    advice: "post into it first, or mark it `free: yes`")
            }
        }
    }

    private mutating func checkChildren() {
        for child in procedure.children
        where !procedure.steps.contains(where: { $0.opens.contains { $0.kind == child.id } }) {
            note(
                "child \(child.id)", "PRC023", "no step opens the child `\(child.id)`",
                advice: "write `opens: [\(child.id)]`, or remove it")
        }
    }

    private mutating func checkUse() {
        var named = used
        for step in procedure.steps {
            for field in step.needs + step.takes + step.sets.map(\.field) { named.insert("field \(field)") }
        }
        for field in procedure.opening.needs + procedure.opening.takes { named.insert("field \(field)") }
        for substance in procedure.parameters.compactMap(\.substance) { named.insert("field \(substance)") }
        for (name, _) in places.sorted(by: { $0.key < $1.key }) {
            let kind = name.prefix { $0 != " " }
            guard ["field", "parameter", "paper", "account"].contains(kind), !named.contains(name) else { continue }
            if kind == "field", procedure.field(String(name.dropFirst(6)))?.item != nil { continue }
            note(
                name, "PRC013", severity: .warning, "the \(name.replacing(" ", with: " `"))` is not used",
                advice: "use it or remove it")
        }
    }
}
