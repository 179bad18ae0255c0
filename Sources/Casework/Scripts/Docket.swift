import Claims
import Rules

/// All matters of one office in memory (案卷), with their orders carried out: what scripts and random play work on.
///
/// A store does the same in one transaction; here nothing can fail half-way, because the kernel only returns values.
package struct Docket: Sendable {
    package let library: ProcedureLibrary
    package private(set) var matters: [String: Matter] = [:]
    package private(set) var numbers: [String: Int] = [:]
    package private(set) var notices: [Order] = []
    /// Notices to a subject that was not to know: none, ever.
    package private(set) var leaks: [String] = []
    package var directory: [String: Set<String>] = [:]
    package var absent: Set<String> = []
    /// Orders that could not be carried out: a fault of the procedures, never of the person who acted.
    package private(set) var failures: [String] = []
    private var opened = 0
    /// What was done from outside, in its order, with what came of it: to be done again on a store.
    package private(set) var deeds: [Deed] = []

    package struct Deed: Sendable {
        package enum What: Sendable {
            case open(Procedure, Command)
            case handle(Command)
            case tick
        }
        package let what: What
        package let matter: String
        package let actor: Actor
        package let instant: Instant
        package let absent: Set<String>
        /// The code of its refusal; nil: it was done.
        package let refusal: String?
    }

    private mutating func note(
        _ what: Deed.What, on matter: String, by actor: Actor, at instant: Instant, refusal: String? = nil
    ) {
        deeds.append(
            Deed(what: what, matter: matter, actor: actor, instant: instant, absent: absent, refusal: refusal))
    }

    package static let machine = Actor(person: "system", role: "machine", organisation: "")
    package static let clock = Actor(person: "clock", role: "clock", organisation: "")

    package init(_ library: ProcedureLibrary) { self.library = library }

    package func view(for id: String) -> View {
        var view = library.view
        for (other, matter) in matters {
            view.relatives[other] = View.Relative(
                procedure: matter.procedure.id, ended: matter.ended, isTouched: matter.acts.count > 1)
        }
        view.numbers = numbers
        view.directory = directory
        view.absent = absent
        // The numbers of children whose opening was annulled are not used again.
        let prefix = id + "."
        let used = matters.keys.compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }.max() ?? 0
        view.freshIdentifiers = (1...8).map { prefix + String(used + $0) }
        return view
    }

    /// Opens a matter and names it M1, M2 …
    package mutating func open(_ procedure: Procedure, _ command: Command, by actor: Actor, at instant: Instant)
        throws(Refusal) -> String
    {
        let id = "M\(opened + 1)"
        let (matter, response): (Matter, Response)
        do {
            (matter, response) = try Matter.open(
                procedure, id: id, command, by: actor, at: instant, seeing: view(for: id))
        } catch {
            note(.open(procedure, command), on: id, by: actor, at: instant, refusal: error.code)
            throw error
        }
        note(.open(procedure, command), on: id, by: actor, at: instant)
        opened += 1
        matters[id] = matter
        carryOut(response.orders, of: id, at: instant)
        return id
    }

    @discardableResult
    package mutating func handle(_ command: Command, on id: String, by actor: Actor, at instant: Instant)
        throws(Refusal) -> Response
    {
        do {
            let response = try work(command, on: id, by: actor, at: instant)
            note(.handle(command), on: id, by: actor, at: instant)
            return response
        } catch {
            note(.handle(command), on: id, by: actor, at: instant, refusal: error.code)
            throw error
        }
    }

    private mutating func work(_ command: Command, on id: String, by actor: Actor, at instant: Instant)
        throws(Refusal) -> Response
    {
        guard let matter = matters[id] else { throw Refusal("CAS023", "没有这一事项", advice: "请核对编号") }
        let response = try matter.handle(command, by: actor, at: instant, seeing: view(for: id))
        if let act = response.act { take(act, into: id) }
        carryOut(response.orders, of: id, at: instant)
        return response
    }

    /// Each item by itself; the rows that are refused do not hold up the others.
    package mutating func handle(
        batch items: [String], _ command: Command, on id: String, by actor: Actor, at instant: Instant
    )
        -> [(item: String, refusal: Refusal?)]
    {
        var rows: [(item: String, refusal: Refusal?)] = []
        for item in items {
            var one = command
            one.item = item
            do throws(Refusal) {
                try handle(one, on: id, by: actor, at: instant)
                rows.append((item, nil))
            } catch {
                rows.append((item, error))
            }
        }
        return rows
    }

    /// Lets every clock that has run out by then take effect, in the order of their ends.
    package mutating func tick(to instant: Instant) {
        note(.tick, on: "", by: Self.clock, at: instant)
        // A lapse may start a clock that has run out as well; each round stops at least one.
        for _ in 0..<64 {
            var any = false
            for id in matters.keys.sorted() {
                for command in matters[id]?.lapses(at: instant, in: library.calendar) ?? [] {
                    if let response = try? work(command, on: id, by: Self.clock, at: instant), response.act != nil {
                        any = true
                    }
                }
            }
            if !any { return }
        }
    }

    private mutating func take(_ act: Act, into id: String) {
        matters[id]?.append(act)
        for event in act.events {
            guard case .migrated(let version, _) = event, let matter = matters[id],
                let next = library.procedures.first(where: { $0.id == matter.procedure.id && $0.version == version })
            else { continue }
            matters[id] = Matter(id: id, procedure: next, acts: matter.acts)
        }
    }

    private mutating func carryOut(_ orders: [Order], of id: String, at instant: Instant) {
        for order in orders {
            switch order {
            case .open(_, let child, let name, let fields, let parties):
                guard let procedure = library.procedure(name) else { continue }
                var command = Command(.take("open"))
                command.fields = fields
                command.parties = parties
                do throws(Refusal) {
                    let (matter, response) = try Matter.open(
                        procedure, id: child, parent: id, command, by: Self.machine, at: instant,
                        seeing: view(for: child))
                    matters[child] = matter
                    carryOut(response.orders, of: child, at: instant)
                } catch {
                    failures.append("\(child) \(name): \(error)")
                }
            case .tellParent(let parent, let child, let state):
                tell(parent, .childEnded(id: child, state: state), at: instant)
            case .void(let child): tell(child, .void, at: instant)
            case .absorb(let into, let from): tell(into, .absorb(from), at: instant)
            case .takeNumber(let series, let number): numbers[series] = max(numbers[series, default: 0], number)
            case .notify(let side, _, let step, _):
                notices.append(order)
                if side == "subject", matters[id]?.level != .open { leaks.append("\(id) \(step)") }
            case .render: break
            }
        }
    }

    private mutating func tell(_ id: String, _ verb: Command.Verb, at instant: Instant) {
        do throws(Refusal) { _ = try work(Command(verb), on: id, by: Self.machine, at: instant) } catch {
            failures.append("\(id): \(error)")
        }
    }
}
