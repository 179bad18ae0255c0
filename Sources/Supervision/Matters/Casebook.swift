import Casework
import Claims
import Database

/// Matters through the door (办案入口): commands are checked by the matrix, then by the kernel, and what they cause is written in
/// the same transaction: the act in its chain, the tables, the orders to other matters, the numbers of papers, the trail.
package struct Casebook: Sendable {
    package let door: Door
    package let library: ProcedureLibrary
    /// Whether every act is given its place in the ledger's tree at once. A server leaves that to its sequencer; a command that
    /// ends after one act does it itself.
    package var placesAtOnce = false

    /// Up to so many matters with an attribute it is quicker to look at all of them than to walk along the limits of time.
    var fewWithValue = 2_000
    let handedSides: [HandedSide]
    private let memory = MatterMemory()

    /// Tables that an earlier program read from the acts are made again first, which takes minutes for a large store.
    package init(door: Door, library: ProcedureLibrary) throws {
        self.door = door
        self.library = library
        handedSides = HandedSide.all(library)
        try renew()
    }

    package var sequencer: Sequencer { Sequencer(door.store, surroundings: door.surroundings) }

    /// How far up and down acts may reach in one transaction.
    static let ancestorsMax = 32

    package struct Outcome: Sendable {
        package let matter: Matter
        /// Nil: nothing happened, because it had happened already.
        package let act: Act?
    }

    /// The day it is, in China Standard Time.
    package var today: Day { now().day }

    func now() -> Instant { Instant(minute: Int64((door.surroundings.now() + 8 * 3_600) / 60)) }

    func shelf(_ transaction: Transaction) -> MatterShelf {
        MatterShelf(transaction: transaction, library: library, seals: door.seals, memory: memory)
    }

    // MARK: Acting

    /// Opens a matter in a role of the caller's; the new matter lies in the department of that post.
    package func open(
        _ procedure: String, _ command: Command, as role: String, id: String? = nil, by token: SessionToken
    ) throws -> Outcome {
        guard let found = library.procedure(procedure) else { throw DoorRefusal.unknown("程序", procedure) }
        return try acting(by: token) { transaction, caller in
            try open(found, command, as: role, id: id, caller, transaction)
        }
    }

    /// Opens a matter and takes its paper file over (接续纸质案卷), in one transaction: the history is proposed to those who must
    /// agree, or nothing is opened.
    package func takeOver(
        _ procedure: String, _ opening: Command, _ history: Command, scan: (name: String, bytes: [UInt8]),
        as role: String, by token: SessionToken
    ) throws -> Outcome {
        guard let found = library.procedure(procedure) else { throw DoorRefusal.unknown("程序", procedure) }
        return try acting(by: token) { transaction, caller in
            let id = try open(found, opening, as: role, id: nil, caller, transaction).matter.id
            var history = history
            history.papers["paper_case"] =
                try addEvidence(scan.bytes, named: scan.name, to: id, caller, transaction).hash
            return try act(history, on: id, as: nil, caller, transaction)
        }
    }

    func open(
        _ procedure: Procedure, _ command: Command, as role: String, id: String?, _ caller: Caller,
        _ transaction: Transaction
    ) throws -> Outcome {
        guard let holding = caller.holdings.first(where: { $0.roles.contains(role) }) else {
            throw DoorRefusal.notGranted("matter.act", door.authority)
        }
        let place = Authority.Place(
            area: role == "institution" || role == "party" ? .subject : .own, department: .own, state: .open)
        guard door.authority.decide("matter.act", roles: [role], at: place).isAllowed else {
            throw DoorRefusal.notGranted("matter.act", door.authority)
        }
        let id = id ?? "\(procedure.id)-\(door.surroundings.identifier().prefix(10))"
        try requireFiles(of: command, on: [id], attested: [], transaction)
        let actor = Actor(person: caller.account, role: role, organisation: holding.organisation)
        let (matter, response) = try Matter.open(
            procedure, id: id, command, by: actor, at: now(),
            seeing: try view(for: id, of: procedure.id, [], naming: command.persons(with: actor), transaction))
        // What is opened for another organisation lies there in nobody's department yet.
        let isOwn = MatterRows.handlingOrganisation(matter, library.roles) == holding.organisation
        try keep(matter, response, department: isOwn ? holding.department : "", transaction)
        try door.leaveTrail(in: transaction, caller.account, "matter.act", id, isAllowed: true, "open")
        return Outcome(matter: matter, act: response.act)
    }

    /// Does something in a matter, in a role of the caller's. Without a role named, the first of the caller's that the step
    /// admits. `seen` is the number of acts that the caller had before the eyes: when somebody acted since, nothing is done and
    /// the error says so (DBS009).
    package func act(
        _ command: Command, on id: String, as role: String? = nil, seen: Int? = nil, by token: SessionToken
    ) throws -> Outcome {
        try acting(by: token) { transaction, caller in
            try act(command, on: id, as: role, seen: seen, caller, transaction)
        }
    }

    /// One command for many items of a matter; each succeeds or is refused by itself (批量办理).
    package func act(
        batch items: [String], _ command: Command, on id: String, as role: String? = nil, by token: SessionToken
    ) throws -> [(item: String, refusal: String?)] {
        try act(
            items.map { item in
                var one = command
                one.item = item
                return one
            }, on: id, as: role, by: token)
    }

    /// Several commands on one matter, each with fields of its own, in their order; each succeeds or is refused by itself.
    package func act(_ commands: [Command], on id: String, as role: String? = nil, by token: SessionToken) throws -> [(
        item: String, refusal: String?
    )] {
        try acting(by: token) { transaction, caller in
            var known: Matter?
            return try commands.map { command in
                do {
                    known = try transaction.attempt {
                        try act(command, on: id, as: role, seen: nil, caller, transaction, known: known).matter
                    }
                    return (command.item, nil)
                } catch let refusal as Refusal {
                    return (command.item, "\(refusal)")
                } catch let refusal as DoorRefusal {
                    return (command.item, "\(refusal.code) \(refusal.message)")
                }
            }
        }
    }

    func acting<T>(by token: SessionToken, _ body: (Transaction, Caller) throws -> T) throws -> T {
        let result = try door.actingOnMatters(by: token, body)
        // What was done is done; an act that gets no place now gets it from whoever looks next.
        if placesAtOnce { _ = try? sequencer.placeWaiting() }
        return result
    }

    /// `known` is the matter as this transaction left it a moment ago, under its lock; without it the matter is read.
    func act(
        _ command: Command, on id: String, as role: String?, seen: Int? = nil, attested: Set<String> = [],
        _ caller: Caller, _ transaction: Transaction, known: Matter? = nil
    ) throws -> Outcome {
        let lock = try lock(id, for: command, transaction)
        guard let row = lock[id] else { throw DoorRefusal.unknown("事项", id) }
        let isCurrent = try known.map { try $0.acts.count == row.integer("acts") } ?? false
        guard let matter = isCurrent ? known : try shelf(transaction).matter(id) else {
            throw DoorRefusal.unknown("事项", id)
        }
        // A chain that was cut off is still a chain; what the tables counted tells.
        guard try row.integer("acts") == matter.acts.count else {
            throw DoorRefusal.damaged("the tables count another number of acts of \(id) than there are")
        }
        let place = try place(of: row, transaction)
        let (holding, role) = try post(of: caller, for: command, in: matter, named: role, lying: place)
        // After the matrix: who may not know of the matter does not learn that it moved.
        if let seen, seen != matter.acts.count { throw StoreError.changedSinceSeen(id) }
        try requireFiles(of: command, on: [id] + lock.keys.filter { $0 != id }, attested: attested, transaction)
        let actor = Actor(person: caller.account, role: role, organisation: holding.organisation)
        let outcome = try handle(command, in: matter, by: actor, lock, transaction)
        try door.leaveTrail(
            in: transaction, caller.account, "matter.act", id, isAllowed: true, "act \(outcome.act?.number ?? 0)")
        return outcome
    }

    /// The caller's post and role for a command: one that the step admits, whose organisation is the role's party, and to which
    /// the matrix gives the matter where it lies.
    private func post(
        of caller: Caller, for command: Command, in matter: Matter, named wanted: String?, lying place: MatterPlace
    ) throws -> (Caller.Holding, String) {
        let admitted: Set<String>? =
            if case .take(let id) = command.verb { matter.procedure.step(id).map { Set($0.who) } } else { nil }
        var isKnown = false
        for holding in caller.holdings {
            for role in holding.roles.sorted() where wanted == nil || wanted == role {
                let seen = place.seen(from: holding)
                isKnown = isKnown || door.authority.decide("matter.list", roles: [role], at: seen).isAllowed
                guard wanted != nil || admitted?.contains(role) ?? true,
                    door.authority.decide("matter.act", roles: [role], at: seen).isAllowed,
                    wanted != nil || matter.parties[library.roles[role]?.side ?? ""] == holding.organisation
                else { continue }
                return (holding, role)
            }
        }
        throw isKnown ? DoorRefusal.notGranted("matter.act", door.authority) : DoorRefusal.unknown("事项", matter.id)
    }

    /// Lets every clock that has run out by now take effect (时限届满), at most so many matters; says how many acts it made.
    package func lapse(atMost count: Int = 500) throws -> Int {
        let minute = Int(now().minute)
        let due = try door.store.read {
            try $0.rows("SELECT id FROM matter WHERE due < \(minute) ORDER BY due, id LIMIT \(count)").map {
                try $0.text("id")
            }
        }
        var acts = 0
        for id in due {
            acts += try door.store.write { transaction in
                var made = 0
                let lock = try lock(id, transaction)
                // A lapse may start a clock that has run out as well; each round stops at least one.
                for _ in 0..<64 {
                    guard let matter = try shelf(transaction).matter(id),
                        let command = matter.lapses(at: now(), in: library.calendar).first
                    else { break }
                    let clock = Actor(person: "clock", role: "clock", organisation: "")
                    guard try handle(command, in: matter, by: clock, lock, transaction).act != nil else { break }
                    made += 1
                }
                return made
            }
        }
        return acts
    }
}

extension StoreError {
    static func changedSinceSeen(_ id: String) -> StoreError {
        StoreError(
            .changedMeanwhile, "somebody acted in \(id) since it was read", at: "the store",
            advice: "read it again, look at what changed, then decide anew")
    }
}

extension Door {
    /// One transaction of acts; a refusal at the door leaves its trail alone.
    func actingOnMatters<T>(by token: SessionToken, _ body: (Transaction, Caller) throws -> T) throws -> T {
        var account = ""
        do {
            return try store.write { transaction in
                let caller = try self.caller(of: token, in: transaction)
                account = caller.account
                return try body(transaction, caller)
            }
        } catch let refusal as DoorRefusal {
            try store.write {
                try leaveTrail(in: $0, account, "matter.act", refusal.place, isAllowed: false, refusal.code)
            }
            throw refusal
        }
    }
}
