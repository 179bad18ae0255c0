import Casework
import Database
import Ledger

/// Matters as the store keeps them (案卷): acts, sealed and chained, and the tables that are read from them. Works inside a
/// transaction of the door and asks nobody for leave.
struct MatterShelf {
    let transaction: Transaction
    let library: ProcedureLibrary
    let seals: Seals
    let hash: HashAlgorithm = .sha256
    /// What was read before; nil: everything is read and proven again.
    var memory: MatterMemory?

    /// The row that stands for a matter without a limit of time: later than any.
    static let never = Int(Int32.max)

    // MARK: Reading

    /// A matter from its acts; nil when there is none.
    func matter(_ id: String) throws -> Matter? {
        guard let memory else { return try read(id)?.matter }
        let last = try transaction.row(
            """
            SELECT leaf, (SELECT COUNT(sealed) FROM act WHERE matter = \(id)) AS held FROM act
            WHERE matter = \(id) ORDER BY number DESC LIMIT 1
            """)
        guard let last else { return nil }
        // What was erased since is not remembered either.
        let known = memory.matter(id, endingWith: try last.bytes("leaf"))
        if let known, try last.integer("held") == known.acts.count { return known }
        guard let read = try read(id) else { return nil }
        memory.keep(read.matter, endingWith: read.leaf)
        return read.matter
    }

    private func read(_ id: String) throws -> (matter: Matter, leaf: [UInt8])? {
        let (acts, leaf) = try acts(of: id)
        guard !acts.isEmpty else { return nil }
        return (try Self.matter(id, acts: acts, library), leaf)
    }

    static func matter(_ id: String, acts: [Act], _ library: ProcedureLibrary) throws -> Matter {
        guard
            case .opened(let name, var version, _, _)? = acts.first?.events.first(where: {
                if case .opened = $0 { true } else { false }
            })
        else { throw DoorRefusal.damaged("the matter \(id) does not begin with its opening") }
        for event in acts.flatMap(\.events) { if case .migrated(let next, _) = event { version = next } }
        guard let procedure = library.procedures.first(where: { $0.id == name && $0.version == version }) else {
            throw DoorRefusal(
                .setUp, "the knowledge package has no procedure `\(name)` of version \(version)", at: id,
                advice: "procedures are kept for as long as matters run under them; restore the file")
        }
        return Matter(id: id, procedure: procedure, acts: acts)
    }

    private func acts(of id: String) throws -> ([Act], last: [UInt8]) {
        var previous = ChainedAct.noLeaf
        let acts = try transaction.rows(
            "SELECT number, leaf, sealed FROM act WHERE matter = \(id) ORDER BY number", max: 100_000
        )
        .enumerated().map { index, row in
            let number = try row.integer("number")
            let (act, leaf) = try opened(row, id, number)
            guard number == index + 1, act.previous == previous else {
                throw DoorRefusal.damaged("the chain of \(id) is broken at act \(number)")
            }
            previous = leaf
            return try ActText.act(act.body)
        }
        return (acts, previous)
    }

    private func opened(_ row: Row, _ matter: String, _ number: Int) throws -> (ChainedAct, leaf: [UInt8]) {
        guard let sealed = try row.bytesIfAny("sealed") else {
            throw DoorRefusal.damaged("act \(number) of \(matter) was erased")
        }
        let plain = try seals.open(sealed, at: Self.place(matter, number))
        let leaf = try row.bytes("leaf")
        let salt = Array(plain.prefix(ChainedAct.saltCount))
        guard let act = ChainedAct(canonical: Array(plain.dropFirst(ChainedAct.saltCount))),
            act.leaf(salt: salt, hash) == leaf, act.matter == matter, act.number == UInt64(number)
        else { throw DoorRefusal.damaged("act \(number) of \(matter) is not what its leaf says") }
        return (act, leaf)
    }

    static func place(_ matter: String, _ number: Int) -> Seals.Place {
        Seals.Place(column: "act.sealed", row: "\(matter)/\(number)")
    }

    // MARK: Writing

    /// Appends an act to its matter's chain and brings the tables up to it. Somebody else's act in between is an error.
    func append(_ act: Act, to matter: Matter, department: String) throws {
        let previous =
            try transaction.row("SELECT number, leaf FROM act WHERE matter = \(matter.id) ORDER BY number DESC LIMIT 1")
        guard try (previous?.integer("number") ?? 0) + 1 == act.number else {
            throw StoreError(
                .changedMeanwhile, "the matter \(matter.id) was changed by somebody else since it was read",
                at: "the store",
                advice: "read it again, look at what changed, then decide anew")
        }
        let chained = ChainedAct(
            matter: matter.id, number: UInt64(act.number), previous: try previous?.bytes("leaf") ?? ChainedAct.noLeaf,
            instant: (act.recorded.minute - 480) * 60_000, body: try ActText.bytes(act))
        let salt = ChainedAct.newSalt()
        let leaf = chained.leaf(salt: salt, hash)
        try transaction.change(
            """
            INSERT INTO act (matter, number, leaf, sealed, instant) VALUES (\(matter.id), \(act.number), \(leaf),
                \(seals.seal(salt + chained.canonical, at: Self.place(matter.id, act.number))), \(act.recorded.minute))
            """)
        // Its place in the tree is the sequencer's to give.
        try transaction.change(
            "INSERT INTO arrival (matter, act, hash) VALUES (\(matter.id), \(act.number), \(leaf))")
        try Self.write(MatterRows(matter, library, department: department, pathOf: path), transaction)
    }

    private func path(_ organisation: String) throws -> String {
        try transaction.row("SELECT path FROM organisation WHERE id = \(organisation)")?.text("path") ?? ""
    }

    /// Brings the tables up to what a matter is.
    static func write(_ rows: MatterRows, _ transaction: Transaction) throws {
        let m = rows
        try transaction.change(
            """
            INSERT INTO matter (id, procedure, version, acts, organisation, path, department, standing, state, ended, parent,
                opened, changed, due)
            VALUES (\(m.id), \(m.procedure), \(m.version), \(m.acts), \(m.organisation), \(m.path), \(m.department),
                \(m.standing), \(m.state), \(optional: m.ended), \(optional: m.parent), \(m.opened), \(m.changed), \(m.due))
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, acts = excluded.acts,
                organisation = excluded.organisation, path = excluded.path, standing = excluded.standing,
                state = excluded.state, ended = excluded.ended, parent = excluded.parent, changed = excluded.changed,
                due = excluded.due
            """)
        for (side, organisation) in m.parties.sorted(by: { $0.key < $1.key }) {
            let isElsewhere = organisation != m.organisation ? 1 : 0
            try transaction.change(
                """
                INSERT INTO matter_party (matter, side, organisation, elsewhere, due, procedure, standing, state)
                VALUES (\(m.id), \(side), \(organisation), \(isElsewhere), \(m.due), \(m.procedure), \(m.standing), \(m.state))
                ON CONFLICT (matter, side) DO UPDATE SET organisation = excluded.organisation, elsewhere = excluded.elsewhere,
                    due = excluded.due, procedure = excluded.procedure, standing = excluded.standing, state = excluded.state
                """)
        }
        for (name, value) in m.attributes.sorted(by: { $0.key < $1.key }) {
            try transaction.change(
                """
                INSERT INTO matter_attribute (matter, name, value, due, procedure, standing, state)
                VALUES (\(m.id), \(name), \(value), \(m.due), \(m.procedure), \(m.standing), \(m.state))
                ON CONFLICT (matter, name) DO UPDATE SET value = excluded.value, due = excluded.due,
                    procedure = excluded.procedure, standing = excluded.standing, state = excluded.state
                """)
        }
        for person in m.persons.sorted() {
            try transaction.change(
                "INSERT INTO matter_person (matter, person) VALUES (\(m.id), \(person)) ON CONFLICT DO NOTHING")
        }
        try transaction.change("DELETE FROM matter_turn WHERE matter = \(m.id)")
        try transaction.insert(
            into: "matter_turn", columns: "matter, role, organisation, due",
            m.turns.sorted(by: { $0.key < $1.key }).map {
                [.text(m.id), .text($0.key), .text($0.value), .integer(Int64(m.due))]
            })
    }

    /// What the tables say of a matter, to be compared with what its acts say (投影核对).
    func stored(_ id: String) throws -> MatterRows? {
        guard let row = try transaction.row("SELECT * FROM matter WHERE id = \(id)") else { return nil }
        func pairs(_ sql: SQL) throws -> [String: String] {
            var pairs: [String: String] = [:]
            for row in try transaction.rows(sql) { pairs[try row.text("a")] = try row.text("b") }
            return pairs
        }
        return MatterRows(
            id: id, procedure: try row.text("procedure"), version: try row.integer("version"),
            acts: try row.integer("acts"),
            organisation: try row.text("organisation"), path: try row.text("path"),
            department: try row.text("department"),
            standing: try row.text("standing"), state: try row.text("state"), ended: try row.textIfAny("ended"),
            parent: try row.textIfAny("parent"), opened: try row.integer("opened"), changed: try row.integer("changed"),
            due: try row.integer("due"),
            parties: try pairs("SELECT side AS a, organisation AS b FROM matter_party WHERE matter = \(id)"),
            attributes: try pairs("SELECT name AS a, value AS b FROM matter_attribute WHERE matter = \(id)"),
            persons: Set(
                try transaction.rows("SELECT person FROM matter_person WHERE matter = \(id)").map {
                    try $0.text("person")
                }),
            turns: try pairs("SELECT role AS a, organisation AS b FROM matter_turn WHERE matter = \(id)"))
    }

    /// The differences between the tables and the acts of one matter; empty: they agree.
    func differences(_ id: String) throws -> [String] {
        guard let stored = try stored(id) else { return ["\(id): the tables do not know it"] }
        guard let matter = try matter(id) else { return ["\(id): it has no acts"] }
        // The department is where the matter was opened, which the acts do not say.
        let read = try MatterRows(matter, library, department: stored.department, pathOf: path)
        // Lists go along what stands beside parties, attributes and turns.
        let astray = try transaction.integer(
            """
            SELECT (SELECT COUNT(*) FROM matter_turn WHERE matter = m.id AND due <> m.due)
                + (SELECT COUNT(*) FROM matter_attribute b WHERE b.matter = m.id
                    AND (b.due <> m.due OR b.procedure <> m.procedure OR b.standing <> m.standing OR b.state <> m.state))
                + (SELECT COUNT(*) FROM matter_party b WHERE b.matter = m.id
                    AND (b.due <> m.due OR b.procedure <> m.procedure OR b.standing <> m.standing OR b.state <> m.state
                        OR b.elsewhere <> CASE WHEN b.organisation = m.organisation THEN 0 ELSE 1 END)) AS astray
            FROM matter m WHERE m.id = \(id)
            """)
        return stored.differences(from: read).map { "\(id): \($0)" }
            + (astray == 0
                ? [] : ["\(id): \(astray) parties, attributes or turns stand elsewhere in the lists than the matter"])
    }

    /// Makes the tables of a matter again from its acts.
    func rebuild(_ id: String) throws {
        guard let matter = try matter(id) else { return }
        let department = try stored(id)?.department ?? ""
        try transaction.change("DELETE FROM matter_party WHERE matter = \(id)")
        try transaction.change("DELETE FROM matter_attribute WHERE matter = \(id)")
        try transaction.change("DELETE FROM matter_person WHERE matter = \(id)")
        try transaction.change("DELETE FROM matter_turn WHERE matter = \(id)")
        try transaction.change("DELETE FROM matter WHERE id = \(id)")
        try Self.write(try MatterRows(matter, library, department: department, pathOf: path), transaction)
    }
}
