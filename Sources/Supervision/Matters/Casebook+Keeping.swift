import Casework
import Database

/// What an act needs before the kernel decides and what is written after it, in one transaction: locks, the kernel's view, the act
/// in its chain, its orders.
extension Casebook {
    /// Locks the matter, what it came from, what came from it, and the matter it names, in the order of their keys. What can be
    /// reached never changes its parent, so it may be looked up before the lock.
    func lock(_ id: String, _ target: String, _ transaction: Transaction) throws -> [String: Row] {
        var keys: Set<String> = []
        for start in [id, target] where !start.isEmpty {
            var next: String? = start
            for _ in 0..<Self.ancestorsMax {
                guard let one = next, keys.insert(one).inserted else { break }
                next = try transaction.row("SELECT parent FROM matter WHERE id = \(one)")?.textIfAny("parent")
            }
        }
        for row in try transaction.rows("SELECT id FROM matter WHERE parent = \(id)") {
            keys.insert(try row.text("id"))
        }
        var rows: [String: Row] = [:]
        for row in try transaction.locked("matter", key: "id", in: keys.sorted()) { rows[try row.text("id")] = row }
        return rows
    }

    /// What the kernel may know: the locked relatives, the roles of those who are named, the last numbers of the procedure's
    /// series, identifiers for children.
    func view(
        for id: String, of procedure: String, _ related: [String], naming persons: Set<String>,
        _ transaction: Transaction
    ) throws -> View {
        var view = library.view
        for row in try transaction.rows("SELECT id, procedure, ended, acts FROM matter WHERE id IN (\(list: related))")
        {
            view.relatives[try row.text("id")] = View.Relative(
                procedure: try row.text("procedure"), ended: try row.textIfAny("ended"),
                isTouched: try row.integer("acts") > 1)
        }
        // `procedure.paper.year`: the solidus is the character after the full stop.
        for row in try transaction.rows(
            "SELECT name, number FROM series WHERE name >= \(procedure + ".") AND name < \(procedure + "/")")
        {
            view.numbers[try row.text("name")] = try row.integer("number")
        }
        // Who is named and holds no post has no role; absence from the directory would mean "any".
        for person in persons { view.directory[person] = [] }
        let now = door.surroundings.now()
        for row in try transaction.rows(
            """
            SELECT DISTINCT h.account, r.role FROM holding h JOIN post_role r ON r.post = h.post
            WHERE h.account IN (\(list: persons.sorted())) AND h.since <= \(now)
                AND (h.until IS NULL OR h.until > \(now))
            """)
        {
            view.directory[try row.text("account"), default: []].insert(try row.text("role"))
        }
        let prefix = id + "."
        let used = related.compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }.max() ?? 0
        view.freshIdentifiers = (1...8).map { prefix + String(used + $0) }
        return view
    }

    /// Writes an act and carries out its orders; says what the matter is then.
    @discardableResult
    func keep(_ matter: Matter, _ response: Response, department: String, _ transaction: Transaction) throws
        -> Matter
    {
        var kept = matter
        if let act = response.act {
            if kept.acts.last != act { kept.append(act) }
            // Under another version of the procedure the same acts are read otherwise.
            if act.events.contains(where: { if case .migrated = $0 { true } else { false } }) {
                kept = try MatterShelf.matter(kept.id, acts: kept.acts, library)
            }
            try shelf(transaction).append(act, to: kept, department: department)
        }
        for (index, order) in response.orders.enumerated() {
            try carryOut(order, index, of: kept, department: department, transaction)
        }
        return kept
    }

    private func carryOut(
        _ order: Order, _ index: Int, of matter: Matter, department: String, _ transaction: Transaction
    ) throws {
        let machine = Actor(person: "system", role: "machine", organisation: "")
        func tell(_ id: String, _ verb: Command.Verb) throws {
            guard let other = try shelf(transaction).matter(id) else { return }
            let related = try lock(id, "", transaction)
            let response = try other.handle(
                Command(verb), by: machine, at: now(),
                seeing: try view(for: id, of: other.procedure.id, Array(related.keys), naming: [], transaction))
            try keep(other, response, department: try related[id]?.text("department") ?? "", transaction)
        }
        func errand(_ kind: String, _ side: String, _ what: String, _ item: String) throws {
            try transaction.change(
                """
                INSERT INTO errand (matter, act, place, kind, side, what, item)
                VALUES (\(matter.id), \(matter.acts.last?.number ?? 0), \(index), \(kind), \(side), \(what), \(item))
                """)
        }
        switch order {
        case .open(_, let child, let name, let fields, let parties):
            guard let procedure = library.procedure(name) else { throw DoorRefusal.unknown("程序", name) }
            var command = Command(.take("open"))
            command.fields = fields
            command.parties = parties
            let (opened, response) = try Matter.open(
                procedure, id: child, parent: matter.id, command, by: machine, at: now(),
                seeing: try view(for: child, of: name, [matter.id], naming: [], transaction))
            // The department is the parent's own; a child of another organisation lies in nobody's yet.
            let isOwn =
                MatterRows.handlingOrganisation(opened, library.roles)
                == MatterRows.handlingOrganisation(matter, library.roles)
            try keep(opened, response, department: isOwn ? department : "", transaction)
        case .tellParent(let parent, let child, let state): try tell(parent, .childEnded(id: child, state: state))
        case .void(let child): try tell(child, .void)
        case .absorb(let into, let from): try tell(into, .absorb(from))
        case .takeNumber(let series, let number): try take(number, of: series, transaction)
        case .render(let paper, let number, let item): try errand("render", number ?? "", paper, item)
        case .notify(let side, _, let step, let item): try errand("notify", side, step, item)
        }
    }

    /// Takes the next number of a series, which must still be the next: two officers at once do not get the same.
    private func take(_ number: Int, of series: String, _ transaction: Transaction) throws {
        if number == 1 {
            try transaction.change("INSERT INTO series (name, number) VALUES (\(series), 1)")
        } else {
            try transaction.changeOne(
                "the series \(series)",
                "UPDATE series SET number = \(number) WHERE name = \(series) AND number = \(number - 1)")
        }
    }

    /// Where a matter lies for the matrix.
    func place(of row: Row, _ transaction: Transaction) throws -> MatterPlace {
        let (id, procedure) = (try row.text("id"), try row.text("procedure"))
        var handed: Set<String> = []
        var subjects: Set<String> = []
        for party in try transaction.rows("SELECT side, organisation FROM matter_party WHERE matter = \(id)") {
            switch try party.text("side") {
            case "subject": subjects.insert(try party.text("organisation"))
            case let side where isHanded(side, procedure): handed.insert(try party.text("organisation"))
            default: break
            }
        }
        return MatterPlace(
            organisation: try row.text("organisation"), path: try row.text("path"),
            department: try row.text("department"),
            state: Authority.State(rawValue: try row.text("standing")) ?? .sealed, handedTo: handed, subjects: subjects)
    }
}

extension Command {
    /// Everybody it names as acting: the actor, who acts together with him, who signed on paper.
    func persons(with actor: Actor) -> Set<String> {
        Set([actor.person] + together + (signer.map { [$0] } ?? []))
    }
}
