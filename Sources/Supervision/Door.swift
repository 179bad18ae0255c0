import Database
import Knowledge

/// The one door (唯一入口): web, API and command line come in here and nowhere else. Each call checks who asks, whether
/// the matrix grants it, does it, and leaves a trail, in one transaction.
package struct Door: Sendable {
    package let store: Store
    package let authority: Authority
    package private(set) var policy: AccessPolicy
    package let evidence: EvidencePolicy
    package let seals: Seals
    package let surroundings: Surroundings

    package init(
        store: Store, authority: Authority, policy: AccessPolicy, evidence: EvidencePolicy, seals: Seals,
        surroundings: Surroundings = .system
    ) {
        self.store = store
        self.seals = seals
        self.authority = authority
        self.policy = policy
        self.evidence = evidence
        self.surroundings = surroundings
    }

    /// Opens the door of a store whose tables are up to date; a new store gets them.
    package static func open(
        _ store: Store, knowledge folder: String, keys: String, policy: String = "dengbao",
        surroundings: Surroundings = .system
    ) throws -> Door {
        switch try store.schemaCondition([supervisionTables]) {
        case .current: break
        case .empty: try store.migrate([supervisionTables])
        case .behind(let steps):
            throw DoorRefusal(
                .setUp, "the store's tables are \(steps.count) steps behind this program (next: \(steps[0]))",
                at: store.address.shown, advice: "make a backup, then run `yijian store migrate`")
        }
        let (authority, diagnostics) = Authority.read(knowledge: folder)
        guard let authority else {
            throw DoorRefusal(
                .setUp, diagnostics.first.map { "\($0.code) \($0.message)" } ?? "there is no matrix",
                at: diagnostics.first.map { "\($0.file):\($0.line):\($0.column)" } ?? folder,
                advice: diagnostics.first?.advice ?? "")
        }
        return Door(
            store: store, authority: authority, policy: try AccessPolicy.read(knowledge: folder, name: policy),
            evidence: try EvidencePolicy.read(knowledge: folder), seals: try Seals.read(keys),
            surroundings: surroundings)
    }

    /// The same door with another cost of passwords, for tests and the demo, which make hundreds of invented people.
    package func withPasswordCost(log2 cost: Int) -> Door {
        var door = self
        door.policy.costLog2 = cost
        return door
    }

    /// Who has this account now, with every post held at this moment: a change of role counts at the next call.
    func caller(account: String, in transaction: Transaction) throws -> Caller {
        let now = surroundings.now()
        guard let person = try transaction.row("SELECT name, state FROM account WHERE id = \(account)"),
            try person.text("state") == "active"
        else { throw DoorRefusal.unknown("账户", account) }
        let rows = try transaction.rows(
            """
            SELECT h.id, h.kind, h.post, h.behind, p.organisation, p.department, o.path, r.role
            FROM holding h JOIN post p ON p.id = h.post JOIN organisation o ON o.id = p.organisation
            JOIN post_role r ON r.post = p.id
            WHERE h.account = \(account) AND h.since <= \(now) AND (h.until IS NULL OR h.until > \(now))
              AND (h.behind IS NULL OR EXISTS (
                SELECT 1 FROM holding b JOIN account a ON a.id = b.account
                WHERE b.id = h.behind AND a.state = 'active' AND (b.until IS NULL OR b.until > \(now))))
            ORDER BY h.id, r.role
            """)
        var holdings: [Caller.Holding] = []
        for row in rows {
            let id = try row.text("id")
            var roles: Set<String> = [try row.text("role")]
            if let last = holdings.last, last.id == id {
                roles.formUnion(last.roles)
                holdings.removeLast()
            }
            holdings.append(
                Caller.Holding(
                    id: id, post: try row.text("post"), organisation: try row.text("organisation"),
                    path: try row.text("path"), department: try row.text("department"), roles: roles,
                    kind: try row.text("kind")))
        }
        return Caller(account: account, name: try person.text("name"), holdings: holdings)
    }

    /// Does something that a feature about the system allows, or refuses it; both leave a trail. What is refused is
    /// rolled back and its trail is written alone.
    @discardableResult
    package func perform<T>(
        _ feature: String, by token: SessionToken, on object: String, reason: String = "",
        _ body: (Transaction, Caller) throws -> T
    ) throws -> T {
        var account = ""
        do {
            return try store.write { transaction in
                let caller = try self.caller(of: token, in: transaction)
                account = caller.account
                guard authority.allows(feature, caller) else { throw DoorRefusal.notGranted(feature, authority) }
                let result = try body(transaction, caller)
                try leaveTrail(in: transaction, caller.account, feature, object, isAllowed: true, reason)
                return result
            }
        } catch let refusal as DoorRefusal {
            try store.write {
                try leaveTrail(in: $0, account, feature, object, isAllowed: false, refusal.code)
            }
            throw refusal
        }
    }

    func leaveTrail(
        in transaction: Transaction, _ account: String, _ feature: String, _ object: String, isAllowed: Bool,
        _ reason: String
    ) throws {
        try transaction.leaveTrail(
            at: surroundings.now(), account, feature, object, isAllowed: isAllowed, reason)
    }
}

extension Transaction {
    /// Adds to the trail. Taken last in every transaction and held to its end: numbers without gaps, in the order of what happened.
    func leaveTrail(
        at now: Int, _ account: String, _ feature: String, _ object: String, isAllowed: Bool, _ reason: String
    ) throws {
        try change("UPDATE counter SET value = value + 1 WHERE name = 'trail'")
        try change(
            """
            INSERT INTO trail (number, instant, account, feature, object, allowed, reason)
            SELECT value, \(now), \(account), \(feature), \(object), \(isAllowed), \(reason)
            FROM counter WHERE name = 'trail'
            """)
    }
}

extension DoorRefusal {
    static func notGranted(_ feature: String, _ authority: Authority) -> DoorRefusal {
        let name = authority.features.first { $0.id == feature }?.name ?? feature
        return DoorRefusal(
            .notGranted, "当前岗位无权“\(name)”", at: feature, advice: "由具有该权限的岗位办理，或请安全管理员授岗")
    }

    static func unknown(_ what: String, _ id: String) -> DoorRefusal {
        DoorRefusal(.unknown, "没有这一\(what)", at: id, advice: "请核对编号")
    }
}
