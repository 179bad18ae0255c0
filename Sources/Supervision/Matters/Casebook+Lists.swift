import Casework
import Database

extension Casebook {
    /// Up to so many matters it is quicker to look at all of them than to walk along the limits of time and look which they are.
    static let fewWithValue = 2_000

    /// A side on which an organisation has a matter before it that lies with another.
    struct HandedSide: Sendable {
        let side: String
        /// Of these procedures only; nil: whatever the procedure.
        let procedures: [String]?

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
        let standings = states.map(\.rawValue)
        let isSubject: SQL =
            "EXISTS (SELECT 1 FROM matter_party s WHERE s.matter = m.id AND s.side = 'subject' AND s.organisation = \(org))"
        let sides = handedSides
        let handed = sides.dropFirst().reduce(Self.isOn(sides[0], "h")) { $0 + " OR " + Self.isOn($1, "h") }
        let isHanded: SQL =
            "EXISTS (SELECT 1 FROM matter_party h WHERE h.matter = m.id AND h.organisation = \(org) AND (" + handed
            + "))"
        if area == .subject {
            guard departments.contains(.own) else { return [] }
            return ofParty(
                org, [HandedSide(side: "subject", procedures: nil)],
                where: "m.standing IN (\(list: standings))" + conditions.all)
        }
        guard let here = Self.place(area, holding) else { return [] }
        var lists: [SQL] = []
        let mine: SQL =
            switch (departments.contains(.own), departments.contains(.other)) {
            case (true, true): ""
            case (true, false): " AND (m.department = '' OR m.department = \(holding.department))"
            default: " AND NOT (m.department = '' OR m.department = \(holding.department))"
            }
        if !departments.isDisjoint(with: [.own, .other]) {
            if area == .own {
                // A list for each standing: the index has the limits of time in order behind it.
                for standing in standings {
                    lists.append(
                        "SELECT m.* FROM matter m WHERE m.organisation = \(org) AND m.standing = \(standing)" + mine
                            + conditions.all + " AND NOT " + isSubject)
                }
            } else if try area != .below || hasMattersBelow(holding, transaction) {
                lists.append(
                    conditions.list + here + " AND m.standing IN (\(list: standings))" + mine
                        + conditions.others + " AND NOT " + isSubject + " AND NOT " + isHanded)
            }
        }
        if departments.contains(.handed), area != .own {
            lists += ofParty(
                org, sides,
                where: here + " AND m.standing IN (\(list: standings))" + conditions.all + " AND NOT " + isSubject)
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
        _ organisation: String, _ sides: [HandedSide], where condition: SQL
    ) -> [SQL] {
        sides.map { side in
            "SELECT " + Self.columns(due: "p.due", id: "p.matter")
                + " FROM matter_party p CROSS JOIN matter m WHERE m.id = p.matter AND p.organisation = \(organisation) AND "
                + Self.isOn(side, "p") + " AND " + condition
        }
    }

    private static func isOn(_ side: HandedSide, _ table: StaticString) -> SQL {
        let isSide: SQL = "\(name: table).side = \(side.side)"
        return side.procedures.map { isSide + " AND m.procedure IN (\(list: $0))" } ?? isSide
    }

    /// What a filter asks for. An attribute that many matters have may lead: its index has them in the order of their limits of time.
    private struct Conditions {
        var leading: (name: String, value: String)?
        /// Without the attribute that leads.
        var others: SQL = ""

        var all: SQL { (leading.map { Self.has($0.name, $0.value) } ?? "") + others }

        /// The beginning of a list along the attribute that leads, or else along the limits of time.
        var list: SQL {
            guard let leading else { return "SELECT m.* FROM matter m WHERE " }
            return "SELECT " + Casebook.columns(due: "l.due", id: "l.matter")
                + " FROM matter_attribute l CROSS JOIN matter m WHERE m.id = l.matter AND l.name = \(leading.name) AND l.value = \(leading.value) AND "
        }

        static func has(_ name: String, _ value: String) -> SQL {
            " AND EXISTS (SELECT 1 FROM matter_attribute a WHERE a.matter = m.id AND a.name = \(name) AND a.value = \(value))"
        }
    }

    /// What the filter asks for, and that sealed matters are known only to who is named in them.
    private func conditions(_ filter: Filter, for caller: Caller, in transaction: Transaction) throws -> Conditions {
        var conditions = Conditions()
        var sql: SQL = ""
        if let procedure = filter.procedure { sql = sql + " AND m.procedure = \(procedure)" }
        if let any = filter.procedures { sql = sql + " AND m.procedure IN (\(list: any))" }
        if let state = filter.state { sql = sql + " AND m.state = \(state)" }
        if let isOpen = filter.isOpen { sql = sql + (isOpen ? " AND m.ended IS NULL" : " AND m.ended IS NOT NULL") }
        for (name, value) in filter.attributes.sorted(by: { $0.key < $1.key }) {
            let found = try transaction.integer(
                """
                SELECT COUNT(*) FROM (SELECT 1 FROM matter_attribute WHERE name = \(name) AND value = \(value)
                    LIMIT \(Self.fewWithValue)) AS found
                """)
            if found < Self.fewWithValue {
                sql =
                    sql
                    + " AND m.id IN (SELECT a.matter FROM matter_attribute a WHERE a.name = \(name) AND a.value = \(value))"
            } else if conditions.leading == nil {
                conditions.leading = (name, value)
            } else {
                sql = sql + Conditions.has(name, value)
            }
        }
        conditions.others =
            sql
            + " AND (m.standing <> 'sealed' OR EXISTS (SELECT 1 FROM matter_person n WHERE n.matter = m.id AND n.person = \(caller.account)))"
        return conditions
    }
}
