import Claims
import Rules

/// The names that a procedure's expressions may use, with their types and their values.
///
///     amount, reason …          fields, of the item and of the matter
///     $verify_days              parameters, in force on the day of the step or by the old and lighter law
///     today                     the effective day of the step
///     state.TRACK               the state of a track
///     balance.ACCOUNT           of the item, or of the matter
///     count.KIND                how many items
///     count.TRACK.STATE         how many instances of a track are in a state; in an item, of its own items
///     open.TRACK                how many instances have not ended
///     children.KIND, ended.KIND how many children, and how many of them have ended
///     done.STEP                 the day on which the step was last taken
///     persons.STEP              how many different persons took it
///     passed.CLOCK, due.CLOCK   whether a clock has run out; its last day
///     has.PAPER                 whether the paper was issued or handed in
extension Procedure {
    package func factType(_ name: String, item kind: String?) -> ValueType? {
        if name.hasPrefix("$") { return parameter(String(name.dropFirst()))?.type }
        let parts = name.split(separator: ".").map(String.init)
        if parts.count == 1 {
            if name == "today" { return .day }
            guard let field = field(name) else { return nil }
            guard let owner = field.item, owner != kind else { return field.type }
            return owner == items.first(where: { $0.id == kind })?.parent ? field.type : nil
        }
        guard parts.count >= 2 else { return nil }
        switch (parts[0], parts.count) {
        case ("state", 2): return track(parts[1]) == nil ? nil : .text
        case ("balance", 2): return accounts.contains { $0.id == parts[1] } ? .number(scale: 2) : nil
        case ("count", 2): return items.contains { $0.id == parts[1] } ? .number(scale: 0) : nil
        case ("count", 3): return track(parts[1])?.state(parts[2]) == nil ? nil : .number(scale: 0)
        case ("open", 2): return track(parts[1]) == nil ? nil : .number(scale: 0)
        case ("children", 2), ("ended", 2):
            return children.contains { $0.id == parts[1] } ? .number(scale: 0) : nil
        case ("done", 2): return stepNames.contains(parts[1]) ? .day : nil
        case ("persons", 2): return stepNames.contains(parts[1]) ? .number(scale: 0) : nil
        case ("passed", 2): return clockNames.contains(parts[1]) ? .boolean : nil
        case ("due", 2): return clockNames.contains(parts[1]) ? .day : nil
        case ("has", 2): return paper(parts[1]) == nil ? nil : .boolean
        default: return nil
        }
    }

    /// All names, to suggest one from.
    package func factNames(item kind: String?) -> [String] {
        var names = ["today"] + fields.filter { $0.item == nil || $0.item == kind }.map(\.id)
        names += parameters.map { "$" + $0.id } + tracks.map { "state." + $0.id }
        names += accounts.map { "balance." + $0.id } + items.map { "count." + $0.id } + tracks.map { "open." + $0.id }
        names += tracks.flatMap { track in track.states.map { "count.\(track.id).\($0.id)" } }
        names += children.flatMap { ["children." + $0.id, "ended." + $0.id] }
        names += stepNames.flatMap { ["done." + $0, "persons." + $0] }
        names += clockNames.flatMap { ["passed." + $0, "due." + $0] } + papers.map { "has." + $0.id }
        return names
    }
}

/// What expressions see at a moment of a matter.
struct Facts {
    let matter: Matter
    let item: String
    /// Fields that the step brings along.
    let overlay: [String: FieldValue]
    let instant: Instant
    let day: Day
    let calendar: WorkCalendar

    func value(_ name: String) -> ScalarValue? {
        if name.hasPrefix("$") { return parameter(String(name.dropFirst())) }
        let parts = name.split(separator: ".").map(String.init)
        if parts.count == 1 {
            if name == "today" { return .day(day) }
            return (overlay[name] ?? matter.field(name, item: item))?.scalar
        }
        switch (parts[0], parts.count) {
        case ("state", 2): return (matter.state(parts[1], item: item) ?? matter.state(parts[1])).map(ScalarValue.text)
        case ("balance", 2): return .money(fen: matter.balance(parts[1], item: item))
        case ("count", 2): return count(matter.items.filter { $0.kind == parts[1] && isOwn($0.key) }.count)
        case ("count", 3):
            return count(
                matter.states.filter { $0.key.track == parts[1] && $0.value == parts[2] && isOwn($0.key.item) }.count)
        case ("open", 2):
            guard let track = matter.procedure.track(parts[1]) else { return nil }
            return count(
                matter.states.filter {
                    $0.key.track == parts[1] && isOwn($0.key.item) && track.state($0.value)?.isEnd != true
                }.count)
        case ("children", 2): return count(matter.children.filter { $0.kind == parts[1] }.count)
        case ("ended", 2): return count(matter.children.filter { $0.kind == parts[1] && $0.ended != nil }.count)
        case ("done", 2): return taken(parts[1]).last.map { .day($0.day) }
        case ("persons", 2): return count(Set(taken(parts[1]).flatMap(\.persons)).count)
        case ("passed", 2):
            guard let clock = clock(parts[1]) else { return .flag(false) }
            return clock.hasPassed(at: instant, in: calendar).map(ScalarValue.flag)
        case ("due", 2): return clock(parts[1])?.due(in: calendar).map { .day($0.day) }
        case ("has", 2):
            let all = matter.issued + matter.received
            return .flag(all.contains { $0.kind == parts[1] && ($0.item == item || $0.item.isEmpty) })
        default: return nil
        }
    }

    func parameter(_ id: String) -> ScalarValue? {
        guard let parameter = matter.procedure.parameter(id) else { return nil }
        guard let field = parameter.substance else { return parameter.value(on: day) }
        guard case .day(let conduct) = value(field) else { return nil }
        return parameter.value(conduct: conduct, decision: day)
    }

    private func count(_ number: Int) -> ScalarValue { .number(Int64(number), scale: 0) }

    /// In an item: itself and what belongs to it; in the matter: everything.
    private func isOwn(_ key: String) -> Bool {
        item.isEmpty || key == item || matter.items.contains { $0.key == key && $0.parent == item }
    }

    private func taken(_ step: String) -> [Matter.Taken] {
        matter.taken[Matter.Place(track: step, item: item)] ?? matter.taken[Matter.Place(track: step, item: "")] ?? []
    }

    private func clock(_ id: String) -> RunningClock? {
        matter.clocks[Matter.Place(track: id, item: item)] ?? matter.clocks[Matter.Place(track: id, item: "")]
    }
}
