import Casework
import Database

extension Casebook {
    /// What a list is asked for. Nothing named: everything the caller may know of, the most urgent first.
    package struct Filter: Sendable {
        package var procedure: String?
        /// Any of these; nil: of whatever procedure.
        package var procedures: [String]?
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
            try transaction.page(
                anyOf: try branches(filter, for: caller, in: transaction), by: ["due", "id"], after: after, size: size)
        }
    }

    /// How many matters the caller may know of, by a counting attribute or by state (统计): of what the caller may list only.
    package func count(by attribute: String, _ filter: Filter = Filter(), by token: SessionToken) throws -> [(
        value: String, count: Int
    )] {
        let caller = try door.caller(of: token)
        return try door.store.read { transaction in
            let visible = try list(filter, for: caller, in: transaction)
            return try transaction.rows(
                "SELECT a.value AS value, COUNT(*) AS number FROM (" + visible
                    + ") AS m JOIN matter_attribute a ON a.matter = m.id AND a.name = \(attribute) GROUP BY a.value ORDER BY a.value"
            ).map { (try $0.text("value"), try $0.integer("number")) }
        }
    }

    /// A matter that the caller may read, and where it lies; what one may not know of is not there. Sealed ones are for those named.
    func readable(_ id: String, by caller: Caller, _ transaction: Transaction) throws -> (
        matter: Matter, place: MatterPlace, decision: Authority.Decision
    ) {
        guard let row = try transaction.row("SELECT * FROM matter WHERE id = \(id)") else {
            throw DoorRefusal.unknown("事项", id)
        }
        let place = try place(of: row, transaction)
        let decision = door.authority.decide("matter.read", caller, on: place)
        guard decision.isAllowed, let matter = try shelf(transaction).matter(id),
            matter.level != .sealed || matter.named.contains(caller.account)
        else { throw DoorRefusal.unknown("事项", id) }
        return (matter, place, decision)
    }

    /// A matter as the caller may see it, with its acts and the steps that could be taken now.
    package func matter(_ id: String, by token: SessionToken) throws -> (
        matter: Matter, next: [Step], decision: Authority.Decision
    ) {
        let caller = try door.caller(of: token)
        return try door.store.read { transaction in
            let (matter, place, decision) = try readable(id, by: caller, transaction)
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
        let ids = try identifiersOfActs()
        for id in ids { try rebuild(id) }
        return ids.count
    }

    /// Makes the tables again where an earlier program made them, and says of how many matters; nil: they are this program's.
    /// A matter whose acts cannot be read keeps the tables it has; `check` says why.
    @discardableResult
    package func renew() throws -> Int? {
        let made = try door.store.read { try $0.integer("SELECT value FROM counter WHERE name = 'projection'") }
        guard made < MatterRows.reading else { return nil }
        var renewed = 0
        for id in try identifiersOfActs() {
            do {
                try rebuild(id)
                renewed += 1
            } catch is DoorRefusal {}
        }
        try door.store.write {
            try $0.change("UPDATE counter SET value = \(MatterRows.reading) WHERE name = 'projection'")
        }
        return renewed
    }

    private func rebuild(_ id: String) throws {
        try door.store.write { try MatterShelf(transaction: $0, library: library, seals: door.seals).rebuild(id) }
    }

    private func identifiersOfActs() throws -> [String] {
        var ids: [String] = []
        try door.store.read {
            try $0.eachRow("SELECT DISTINCT matter FROM act WHERE matter <> \(LedgerNote.matter)", by: ["matter"]) {
                ids.append(try $0.text("matter"))
            }
        }
        return ids
    }
}
