import Casework
import Database

extension Casebook {
    /// What a list is asked for. Nothing named: everything the caller may know of, the most urgent first.
    package struct Filter: Sendable {
        package var procedure: String?
        package var state: String?
        package var isOpen: Bool?
        /// Attributes that matters are counted by.
        package var attributes: [String: String] = [:]
        package init() {}
    }

    /// The matters that the caller may list, by their next limit of time; those that may not be known of are absent.
    package func matters(
        _ filter: Filter = Filter(), after: Continuation? = nil, size: Int = 50, by token: SessionToken
    ) throws -> Page {
        let caller = try door.caller(of: token)
        return try door.store.read { transaction in
            try transaction.page(list(filter, for: caller), by: ["due", "id"], after: after, size: size)
        }
    }

    /// How many matters the caller may know of, by a counting attribute or by state (统计): of what the caller may list only.
    package func count(by attribute: String, _ filter: Filter = Filter(), by token: SessionToken) throws -> [(
        value: String, count: Int
    )] {
        let caller = try door.caller(of: token)
        return try door.store.read { transaction in
            let visible = list(filter, for: caller)
            return try transaction.rows(
                "SELECT a.value AS value, COUNT(*) AS number FROM (" + visible
                    + ") AS m JOIN matter_attribute a ON a.matter = m.id AND a.name = \(attribute) GROUP BY a.value ORDER BY a.value"
            ).map { (try $0.text("value"), try $0.integer("number")) }
        }
    }

    /// A matter as the caller may see it, with its acts and the steps that could be taken now.
    package func matter(_ id: String, by token: SessionToken) throws -> (
        matter: Matter, next: [Step], decision: Authority.Decision
    ) {
        let caller = try door.caller(of: token)
        return try door.store.read { transaction in
            guard let row = try transaction.row("SELECT * FROM matter WHERE id = \(id)") else {
                throw DoorRefusal.unknown("事项", id)
            }
            let place = try place(of: row, transaction)
            let decision = door.authority.decide("matter.read", caller, on: place)
            let shelf = MatterShelf(transaction: transaction, library: library, seals: door.seals)
            guard decision.isAllowed, let matter = try shelf.matter(id),
                matter.level != .sealed || matter.named.contains(caller.account)
            else { throw DoorRefusal.unknown("事项", id) }
            let next = matter.procedure.steps.filter { step in
                isOpen(step, in: matter)
                    && caller.holdings.contains { holding in
                        step.who.contains { role in
                            holding.roles.contains(role)
                                && matter.parties[library.roles[role]?.side ?? ""] == holding.organisation
                                && door.authority.decide("matter.act", roles: [role], at: place.seen(from: holding))
                                    .isAllowed
                        }
                    }
            }
            return (matter, next, decision)
        }
    }

    /// Whether some instance of the step's track stands where the step begins.
    private func isOpen(_ step: Casework.Step, in matter: Matter) -> Bool {
        matter.states.contains { $0.key.track == step.track && (step.from.isEmpty || step.from.contains($0.value)) }
    }

    /// The matters that a caller may list, as SQL: for every post and every place of the matrix a condition.
    func list(_ filter: Filter, for caller: Caller) -> SQL {
        var conditions: [SQL] = []
        for holding in caller.holdings {
            let places = door.authority.places(of: "matter.list", roles: holding.roles)
            for area in Authority.Area.allCases {
                for department in Authority.Department.allCases {
                    let states = places.filter { $0.area == area && $0.department == department }.map(\.state.rawValue)
                    guard !states.isEmpty, let here = condition(area, department, holding) else { continue }
                    conditions.append("(" + here + " AND standing IN (\(list: states)))")
                }
            }
        }
        guard let first = conditions.first else { return "SELECT * FROM matter WHERE 1 = 0" }
        var sql: SQL = "SELECT * FROM matter WHERE (" + conditions.dropFirst().reduce(first) { $0 + " OR " + $1 } + ")"
        sql =
            sql
            + " AND (standing <> 'sealed' OR EXISTS (SELECT 1 FROM matter_person p WHERE p.matter = matter.id AND p.person = \(caller.account)))"
        if let procedure = filter.procedure { sql = sql + " AND procedure = \(procedure)" }
        if let state = filter.state { sql = sql + " AND state = \(state)" }
        if let isOpen = filter.isOpen { sql = sql + (isOpen ? " AND ended IS NULL" : " AND ended IS NOT NULL") }
        for (name, value) in filter.attributes.sorted(by: { $0.key < $1.key }) {
            sql =
                sql
                + " AND EXISTS (SELECT 1 FROM matter_attribute a WHERE a.matter = matter.id AND a.name = \(name) AND a.value = \(value))"
        }
        return sql
    }

    /// The same order of cases as `MatterPlace.seen`: whoever is a matter's subject is nothing else to it.
    private func condition(_ area: Authority.Area, _ department: Authority.Department, _ holding: Caller.Holding)
        -> SQL?
    {
        let org = holding.organisation
        let isSubject: SQL =
            "EXISTS (SELECT 1 FROM matter_party s WHERE s.matter = matter.id AND s.side = 'subject' AND s.organisation = \(org))"
        let isHanded: SQL =
            "EXISTS (SELECT 1 FROM matter_party h WHERE h.matter = matter.id AND h.side IN ('receiver', 'police', 'procurator', 'court') AND h.organisation = \(org))"
        let mine: SQL = "(department = '' OR department = \(holding.department))"
        if area == .subject { return department == .own ? isSubject : nil }
        var sql: SQL
        switch area {
        case .own: sql = "organisation = \(org)"
        case .below:
            sql = "organisation <> \(org) AND path >= \(holding.path) AND path < \(holding.path + "\u{10FFFF}")"
        case .above: sql = "organisation <> \(org) AND substr(\(holding.path), 1, length(path)) = path AND path <> ''"
        case .beside:
            sql =
                "organisation <> \(org) AND NOT (path >= \(holding.path) AND path < \(holding.path + "\u{10FFFF}")) AND NOT (substr(\(holding.path), 1, length(path)) = path AND path <> '')"
        case .cross, .subject: return nil
        }
        sql = sql + " AND NOT " + isSubject
        switch department {
        case .handed: return area == .own ? nil : "(" + sql + " AND " + isHanded + ")"
        case .own: return "(" + sql + (area == .own ? "" : " AND NOT " + isHanded) + " AND " + mine + ")"
        case .other: return "(" + sql + (area == .own ? "" : " AND NOT " + isHanded) + " AND NOT " + mine + ")"
        }
    }

    // MARK: Checking

    /// Compares every matter's tables with its acts and every chain with its leaves (投影核对): what differs, in words.
    package func check() throws -> (matters: Int, differences: [String]) {
        var differences: [String] = []
        var matters = 0
        try door.store.read { transaction in
            let shelf = MatterShelf(transaction: transaction, library: library, seals: door.seals)
            try transaction.eachRow(
                "SELECT id FROM (SELECT id FROM matter UNION SELECT matter FROM act WHERE matter <> \(LedgerNote.matter)) AS every",
                by: ["id"]
            ) { row in
                matters += 1
                do {
                    differences += try shelf.differences(try row.text("id"))
                } catch let refusal as DoorRefusal {
                    differences.append(refusal.message)
                }
            }
        }
        return (matters, differences)
    }

    /// Makes the tables of every matter again from its acts (重建投影).
    package func rebuild() throws -> Int {
        var ids: [String] = []
        try door.store.read {
            try $0.eachRow("SELECT DISTINCT matter FROM act WHERE matter <> \(LedgerNote.matter)", by: ["matter"]) {
                ids.append(try $0.text("matter"))
            }
        }
        for id in ids {
            try door.store.write { try MatterShelf(transaction: $0, library: library, seals: door.seals).rebuild(id) }
        }
        return ids.count
    }
}
