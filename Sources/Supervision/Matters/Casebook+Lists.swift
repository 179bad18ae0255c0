import Casework
import Database

extension Casebook {
    /// A side on which an organisation has a matter before it that lies with another.
    struct HandedSide: Sendable {
        let side: String
        /// Of these procedures only; nil: whatever the procedure.
        let procedures: [String]?

        /// Whether a row of parties, which has the matter's procedure beside it, is of this side.
        func isOn(_ table: StaticString) -> SQL {
            let isSide: SQL = "\(name: table).side = \(side)"
            return procedures.map { isSide + " AND \(name: table).procedure IN (\(list: $0))" } ?? isSide
        }

        /// It was handed there; or it takes part, because the procedure gives a step to its side.
        static func all(_ library: ProcedureLibrary) -> [HandedSide] {
            ["court", "police", "procurator", "receiver"].map { HandedSide(side: $0, procedures: nil) }
                + ["agency", "body"].map { side in
                    let parts = library.procedures.filter { $0.sides(library.roles).contains(side) }
                    return HandedSide(side: side, procedures: Set(parts.map(\.id)).sorted())
                }
        }
    }

    /// Whether a matter of this procedure is before an organisation on this side of it.
    func isHanded(_ side: String, _ procedure: String) -> Bool {
        handedSides.contains { $0.side == side && $0.procedures?.contains(procedure) ?? true }
    }

    /// The columns of a list, where the limit of time and the matter are those of another table's index.
    private static func columns(due: SQL, id: SQL) -> SQL {
        id
            + " AS id, m.procedure, m.version, m.acts, m.organisation, m.path, m.department, m.standing, m.state, m.ended, m.parent, "
            + "m.opened, m.changed, " + due + " AS due"
    }

    /// The matters that a caller may list, as one SQL list: what is counted.
    func list(_ filter: Filter, for caller: Caller, in transaction: Transaction) throws -> SQL {
        let branches = try branches(filter, for: caller, in: transaction)
        guard let first = branches.first else { return "SELECT * FROM matter WHERE 1 = 0" }
        return branches.dropFirst().reduce(first) { $0 + " UNION " + $1 }
    }

    /// The matters that a caller may list: for every post, place and state of the matrix a list that goes along one index.
    ///
    /// Own matters by organisation and standing; those of organisations below and of others in the order of their limits of time,
    /// or of those of them with an attribute; those that are about or were handed to the organisation from its parties. The order of cases is that of `MatterPlace.seen`:
    /// whoever is a matter's subject is nothing else to it.
    func branches(_ filter: Filter, for caller: Caller, in transaction: Transaction) throws -> [SQL] {
        let conditions = try conditions(filter, for: caller, in: transaction)
        var branches: [SQL] = []
        for holding in caller.holdings {
            let places = door.authority.places(of: "matter.list", roles: holding.roles)
            for area in Authority.Area.allCases {
                // Departments that are given alike need not be told apart.
                var departments: [[Authority.State]: Set<Authority.Department>] = [:]
                for department in Authority.Department.allCases {
                    let states = places.filter { $0.area == area && $0.department == department }.map(\.state)
                    if !states.isEmpty { departments[states, default: []].insert(department) }
                }
                for (states, given) in departments.sorted(by: {
                    $0.key.map(\.rawValue).joined() < $1.key.map(\.rawValue).joined()
                }) {
                    branches += try lists(area, given, states, holding, conditions, transaction)
                }
            }
        }
        return branches
    }

    private func lists(
        _ area: Authority.Area, _ departments: Set<Authority.Department>, _ states: [Authority.State],
        _ holding: Caller.Holding, _ conditions: Conditions, _ transaction: Transaction
    ) throws -> [SQL] {
        let org = holding.organisation
        let standings = states.filter(conditions.mayHave).map(\.rawValue)
        let isSubject: SQL =
            "EXISTS (SELECT 1 FROM matter_party s WHERE s.matter = m.id AND s.side = 'subject' AND s.organisation = \(org))"
        let sides = handedSides
        let handed = sides.dropFirst().reduce(sides[0].isOn("h")) { $0 + " OR " + $1.isOn("h") }
        let isHanded: SQL =
            "EXISTS (SELECT 1 FROM matter_party h WHERE h.matter = m.id AND h.organisation = \(org) AND (" + handed
            + "))"
        if area == .subject {
            guard departments.contains(.own) else { return [] }
            return [0, 1].flatMap {
                ofParty(org, [HandedSide(side: "subject", procedures: nil)], elsewhere: $0, standings, conditions)
            }
        }
        guard let here = Self.place(area, holding) else { return [] }
        var lists: [SQL] = []
        let mine: SQL =
            switch (departments.contains(.own), departments.contains(.other)) {
            case (true, true): ""
            case (true, false): " AND (m.department = '' OR m.department = \(holding.department))"
            default: " AND NOT (m.department = '' OR m.department = \(holding.department))"
            }
        if try !departments.isDisjoint(with: [.own, .other])
            && (area != .below || hasMattersBelow(holding, transaction))
        {
            let notHanded: SQL = area == .own ? "" : " AND NOT " + isHanded
            // A list for each standing: the indexes have the limits of time in order behind it.
            for standing in standings {
                lists.append(
                    conditions.list(standing: standing, leads: area != .own) + " AND " + here + mine + " AND NOT "
                        + isSubject + notHanded)
            }
        }
        if departments.contains(.handed), area != .own {
            lists += ofParty(org, sides, elsewhere: 1, standings, conditions, " AND " + here + " AND NOT " + isSubject)
        }
        return lists
    }

    /// Where a matter must lie for an area, in words that no index of places is tempted by: few rows are looked at in the order of
    /// their limits of time, all of them in that of their places.
    private static func place(_ area: Authority.Area, _ holding: Caller.Holding) -> SQL? {
        let (org, path) = (holding.organisation, holding.path)
        let isBelow: SQL = "substr(m.path, 1, length(\(path))) = \(path)"
        let isAbove: SQL = "(m.path <> '' AND substr(\(path), 1, length(m.path)) = m.path)"
        switch area {
        case .own: return "m.organisation = \(org)"
        case .below: return "m.organisation <> \(org) AND " + isBelow
        case .above: return "m.organisation <> \(org) AND NOT " + isBelow + " AND " + isAbove
        case .beside: return "m.organisation <> \(org) AND NOT " + isBelow + " AND NOT " + isAbove
        case .cross, .subject: return nil
        }
    }

    private func hasMattersBelow(_ holding: Caller.Holding, _ transaction: Transaction) throws -> Bool {
        try transaction.row(
            "SELECT id FROM matter WHERE path > \(holding.path) AND path < \(holding.path + "\u{10FFFF}") LIMIT 1")
            != nil
    }

    /// Matters in which an organisation stands on one of these sides, side by side in the order of their limits of time.
    private func ofParty(
        _ organisation: String, _ sides: [HandedSide], elsewhere: Int, _ standings: [String], _ conditions: Conditions,
        _ others: SQL = ""
    ) -> [SQL] {
        sides.map { side in
            "SELECT " + Self.columns(due: "p.due", id: "p.matter")
                + " FROM matter_party p CROSS JOIN matter m WHERE m.id = p.matter AND p.organisation = \(organisation) AND "
                + side.isOn("p") + " AND p.elsewhere = \(elsewhere) AND p.standing IN (\(list: standings))"
                + conditions.ofParty + others
        }
    }

    /// The matters in which it is the turn of one of the caller's roles, role by role in the order of their limits of time (待办).
    func turns(of caller: Caller) -> [SQL] {
        var places: Set<[String]> = []
        for holding in caller.holdings { for role in holding.roles { places.insert([holding.organisation, role]) } }
        return places.sorted { $0.lexicographicallyPrecedes($1) }.map { place in
            "SELECT " + Self.columns(due: "t.due", id: "t.matter")
                + " FROM matter_turn t CROSS JOIN matter m WHERE m.id = t.matter AND t.organisation = \(place[0]) AND t.role = \(place[1])"
                + Conditions.known(to: caller)
        }
    }

    /// What a filter asks for. An attribute that many matters have may lead: its index has them in the order of their limits of time.
    private struct Conditions {
        let filter: Filter
        let caller: Caller
        /// The attributes that few matters have.
        var few: [(name: String, value: String)] = []
        /// Those that many have; the first may lead.
        var many: [(name: String, value: String)] = []

        /// What is closed has ended, what is open has not; covert and sealed matters stay what they are.
        func mayHave(_ standing: Authority.State) -> Bool {
            switch filter.isOpen {
            case true?: standing != .closed
            case false?: standing != .open
            case nil: true
            }
        }

        /// The beginning of a list of one standing, along its index or along the attribute that leads.
        func list(standing: String, leads: Bool) -> SQL {
            guard leads, let leader = many.first else {
                return "SELECT m.* FROM matter m WHERE m.standing = \(standing)" + columns("m") + ended
                    + attributes("m.id", many) + Self.known(to: caller)
            }
            return "SELECT " + Casebook.columns(due: "l.due", id: "l.matter")
                + " FROM matter_attribute l CROSS JOIN matter m WHERE m.id = l.matter AND l.name = \(leader.name) AND l.value = \(leader.value) AND l.standing = \(standing)"
                + columns("l") + attributes("l.matter", Array(many.dropFirst())) + ended + Self.known(to: caller)
        }

        /// For a list of parties: what stands in its index is asked before the matter is looked at.
        var ofParty: SQL { columns("p") + attributes("p.matter", many) + ended + Self.known(to: caller) }

        private func columns(_ table: StaticString) -> SQL {
            var sql: SQL = ""
            if let procedure = filter.procedure { sql = sql + " AND \(name: table).procedure = \(procedure)" }
            if let any = filter.procedures { sql = sql + " AND \(name: table).procedure IN (\(list: any))" }
            if let state = filter.state { sql = sql + " AND \(name: table).state = \(state)" }
            return sql
        }

        private var ended: SQL {
            switch filter.isOpen {
            case true?: " AND m.ended IS NULL"
            case false?: " AND m.ended IS NOT NULL"
            case nil: ""
            }
        }

        private func attributes(_ id: SQL, _ many: [(name: String, value: String)]) -> SQL {
            let few = few.reduce("" as SQL) {
                $0 + " AND " + id
                    + " IN (SELECT a.matter FROM matter_attribute a WHERE a.name = \($1.name) AND a.value = \($1.value))"
            }
            return many.reduce(few) {
                $0 + " AND EXISTS (SELECT 1 FROM matter_attribute a WHERE a.matter = " + id
                    + " AND a.name = \($1.name) AND a.value = \($1.value))"
            }
        }

        /// Sealed matters are known only to who is named in them.
        static func known(to caller: Caller) -> SQL {
            " AND (m.standing <> 'sealed' OR EXISTS (SELECT 1 FROM matter_person n WHERE n.matter = m.id AND n.person = \(caller.account)))"
        }
    }

    private func conditions(_ filter: Filter, for caller: Caller, in transaction: Transaction) throws -> Conditions {
        var conditions = Conditions(filter: filter, caller: caller)
        for (name, value) in filter.attributes.sorted(by: { $0.key < $1.key }) {
            let found = try transaction.integer(
                """
                SELECT COUNT(*) FROM (SELECT 1 FROM matter_attribute WHERE name = \(name) AND value = \(value)
                    LIMIT \(fewWithValue)) AS found
                """)
            if found < fewWithValue {
                conditions.few.append((name, value))
            } else {
                conditions.many.append((name, value))
            }
        }
        return conditions
    }
}
