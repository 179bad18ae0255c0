import Database
import Ledger

/// What a new account needs once: given to its person and kept nowhere.
package struct FirstAccess: Sendable, Equatable {
    package let account: String
    package let password: String
    /// For the authenticator: `otpauth://…`.
    package let authenticator: String
}

extension Door {
    /// Makes the three administrators of an empty store (三员), each another person. A store that has accounts refuses.
    package func begin(root name: String, area: String, administrators names: [String: String]) throws -> [String:
        FirstAccess]
    {
        let roles = authority.roles.filter(\.isAdministrator).map(\.id)
        guard Set(names.keys) == Set(roles), Set(names.values).count == roles.count else {
            throw DoorRefusal(
                .badInput, "三员须为三个不同的账户：\(roles.joined(separator: "、"))", at: "初始化", advice: "各给出一个账户名")
        }
        return try store.write { transaction in
            guard try transaction.integer("SELECT COUNT(*) FROM account") == 0 else {
                throw DoorRefusal(.setUp, "系统已初始化", at: "初始化", advice: "由系统管理员开立其他账户")
            }
            let root = surroundings.identifier()
            try transaction.change(
                """
                INSERT INTO organisation (id, parent, path, name, kind, area)
                VALUES (\(root), \(optional: nil as String?), \(root + "/"), \(name), 'bureau', \(area))
                """)
            var made: [String: FirstAccess] = [:]
            for role in roles {
                guard let account = names[role] else { continue }
                let access = try makeAccount(account, title: authority.role(role)?.name ?? role, in: transaction)
                made[role] = access
                let post = surroundings.identifier()
                try makePost(
                    post, in: root, department: "", name: authority.role(role)?.name ?? role, roles: [role], transaction
                )
                try hold(post, access.account, kind: "own", behind: nil, by: nil, basis: "初始化", until: nil, transaction)
            }
            try leaveTrail(in: transaction, "", "begin", root, isAllowed: true, name)
            return made
        }
    }

    /// Adds an organisation below another; says its identifier. A designated institution is known by its national code: then
    /// what is found about that code concerns it.
    package func addOrganisation(
        _ name: String, under parent: String, kind: String, area: String, code: String? = nil, by token: SessionToken
    ) throws
        -> String
    {
        let id = code ?? surroundings.identifier()
        return try perform("organisation.write", by: token, on: id, reason: name) { transaction, _ in
            guard let row = try transaction.row("SELECT path FROM organisation WHERE id = \(parent)") else {
                throw DoorRefusal.unknown("机构", parent)
            }
            try transaction.change(
                """
                INSERT INTO organisation (id, parent, path, name, kind, area)
                VALUES (\(id), \(parent), \(try row.text("path") + id + "/"), \(name), \(kind), \(area))
                """)
            return id
        }
    }

    /// A pool and an organisation that handles it; a pool may have several, an organisation too.
    package func addPool(_ pool: String, name: String, handledBy organisation: String, by token: SessionToken) throws {
        try perform("organisation.write", by: token, on: pool, reason: name) { transaction, _ in
            try requireOrganisation(organisation, transaction)
            try transaction.change("INSERT INTO pool (id, name) VALUES (\(pool), \(name)) ON CONFLICT DO NOTHING")
            try transaction.change(
                "INSERT INTO organisation_pool (organisation, pool) VALUES (\(organisation), \(pool)) ON CONFLICT DO NOTHING"
            )
        }
    }

    /// A body that may act in another's name (受委托、经办、工作组), on a stated basis.
    package func addMandate(
        of body: String, for principal: String, kind: String, basis: String, until: Int? = nil, by token: SessionToken
    ) throws {
        let id = surroundings.identifier()
        try perform("organisation.write", by: token, on: id, reason: basis) { transaction, _ in
            try requireOrganisation(body, transaction)
            try requireOrganisation(principal, transaction)
            guard body != principal, !basis.isEmpty, ["delegated", "agency", "team"].contains(kind) else {
                throw DoorRefusal(.badInput, "受托须有依据，且不得委托自己", at: body, advice: "写明委托依据与类别 delegated、agency、team")
            }
            try transaction.change(
                """
                INSERT INTO mandate (id, body, principal, kind, basis, since, until)
                VALUES (\(id), \(body), \(principal), \(kind), \(basis), \(surroundings.now()), \(optional: until))
                """)
        }
    }

    /// In whose names an organisation may act now: its own, and those of its mandates.
    package func names(of organisation: String, in transaction: Transaction) throws -> Set<String> {
        let rows = try transaction.rows(
            """
            SELECT principal FROM mandate WHERE body = \(organisation) AND since <= \(surroundings.now())
            AND (until IS NULL OR until > \(surroundings.now()))
            """)
        return Set(try rows.map { try $0.text("principal") } + [organisation])
    }

    /// Adds a post to a department of an organisation, with its roles; says its identifier.
    package func addPost(
        _ name: String, in organisation: String, department: String, roles: Set<String>, by token: SessionToken
    ) throws -> String {
        let id = surroundings.identifier()
        return try perform("organisation.write", by: token, on: id, reason: name) { transaction, _ in
            try requireOrganisation(organisation, transaction)
            try makePost(id, in: organisation, department: department, name: name, roles: roles, transaction)
            return id
        }
    }

    /// Opens an account for a person (系统管理员开户). It can do nothing until a post is granted.
    package func addAccount(_ name: String, title: String, by token: SessionToken) throws -> FirstAccess {
        try perform("account.create", by: token, on: name) { transaction, _ in
            try makeAccount(name, title: title, in: transaction)
        }
    }

    /// Gives a post to a person (安全管理员授岗). Nobody grants himself.
    @discardableResult
    package func grant(
        _ post: String, to account: String, basis: String, until: Int? = nil, by token: SessionToken
    ) throws -> String {
        try perform("post.grant", by: token, on: post, reason: basis) { transaction, caller in
            guard caller.account != account else { throw DoorRefusal.samePerson("授岗") }
            return try hold(
                post, account, kind: "own", behind: nil, by: caller.account, basis: basis, until: until, transaction)
        }
    }

    /// Takes a post back, at once.
    package func revoke(_ holding: String, by token: SessionToken) throws {
        try perform("post.grant", by: token, on: holding) { transaction, caller in
            guard let row = try transaction.row("SELECT account FROM holding WHERE id = \(holding)") else {
                throw DoorRefusal.unknown("任职", holding)
            }
            guard try row.text("account") != caller.account else { throw DoorRefusal.samePerson("撤岗") }
            try end("id", holding, transaction)
        }
    }

    /// Lends one's own person to a post of an organisation below (上级派员兼岗): a county of nine people cannot fill every
    /// post that the law keeps apart.
    @discardableResult
    package func lend(
        _ account: String, to post: String, basis: String, until: Int, by token: SessionToken
    ) throws -> String {
        try perform("post.lend", by: token, on: post, reason: basis) { transaction, caller in
            guard caller.account != account else { throw DoorRefusal.samePerson("派员") }
            let lenders = caller.holdings.filter { authority.decide("post.lend", roles: $0.roles).isAllowed }
            guard
                let target = try transaction.row(
                    "SELECT o.path FROM post p JOIN organisation o ON o.id = p.organisation WHERE p.id = \(post)")
            else { throw DoorRefusal.unknown("岗位", post) }
            let path = try target.text("path")
            let person = try self.caller(account: account, in: transaction)
            guard let lender = lenders.first(where: { path.hasPrefix($0.path) && path != $0.path }),
                person.holdings.contains(where: { $0.kind == "own" && $0.organisation == lender.organisation })
            else {
                throw DoorRefusal(
                    .notGranted, "只能把本机关的人员派往下级机关的岗位", at: post, advice: "由共同上级机关的负责人办理")
            }
            return try hold(
                post, account, kind: "lent", behind: nil, by: caller.account, basis: basis, until: until, transaction)
        }
    }

    /// Lets another person stand in for a post of one's own (委托代岗), until a day; it ends with the post itself. What was
    /// delegated is not delegated again.
    @discardableResult
    package func delegate(_ holding: String, to account: String, basis: String, until: Int, by token: SessionToken)
        throws
        -> String
    {
        try perform("post.delegate", by: token, on: holding, reason: basis) { transaction, caller in
            guard let own = caller.holdings.first(where: { $0.id == holding }), own.kind != "delegated" else {
                throw DoorRefusal(.notHeld, "只能委托本人现任的岗位，代岗不得再委托", at: holding, advice: "请核对任职编号")
            }
            guard caller.account != account else { throw DoorRefusal.samePerson("代岗") }
            guard until > surroundings.now() else {
                throw DoorRefusal(.badInput, "代岗的截止时间已过", at: holding, advice: "填写将来的时间")
            }
            return try hold(
                own.post, account, kind: "delegated", behind: holding, by: caller.account, basis: basis, until: until,
                transaction)
        }
    }

    /// Ends an account when its person leaves (离岗): sessions and posts end at once. With open work left it is refused
    /// until that is handed over.
    package func leave(_ account: String, by token: SessionToken) throws {
        try perform("account.create", by: token, on: account, reason: "leave") { transaction, caller in
            guard caller.account != account else { throw DoorRefusal.samePerson("注销") }
            let open = try transaction.integer("SELECT COUNT(*) FROM assignment WHERE account = \(account)")
            guard open == 0 else {
                throw DoorRefusal(
                    .openWork, "该账户还有\(open)项在办工作", at: account, advice: "先由负责人移交在办工作（yijian accounts hand-over）")
            }
            let now = surroundings.now()
            try transaction.changeOne(
                "the account",
                "UPDATE account SET state = 'left', version = version + 1 WHERE id = \(account) AND state = 'active'")
            try end("account", account, transaction)
            try transaction.change("UPDATE session SET ended = \(now) WHERE account = \(account) AND ended IS NULL")
            try transaction.change("DELETE FROM administrator WHERE account = \(account)")
        }
    }

    /// Ends sessions and counts of failures, and gives a new first password (安全管理员重置).
    package func reset(_ account: String, by token: SessionToken) throws -> FirstAccess {
        try perform("account.unlock", by: token, on: account) { transaction, caller in
            guard caller.account != account else { throw DoorRefusal.samePerson("重置") }
            guard let row = try transaction.locked("account", key: "id", in: [account]).first else {
                throw DoorRefusal.unknown("账户", account)
            }
            let (password, key) = firstSecrets()
            let stored = StoredPassword(password, salt: surroundings.random(16), costLog2: policy.costLog2)
            try transaction.change(
                """
                UPDATE account SET password = \(stored.text), password_since = \(surroundings.now()), must_change = 1,
                    failures = 0, locked_until = 0, second_used = 0,
                    second_key = \(seals.seal(key, at: .init(column: "account.second_key", row: account))) WHERE id = \(account)
                """)
            try transaction.change(
                "UPDATE session SET ended = \(surroundings.now()) WHERE account = \(account) AND ended IS NULL")
            return FirstAccess(
                account: account, password: password,
                authenticator: OneTimeCode(key: key).address(account: try row.text("name")))
        }
    }

    /// The trail, newest first (操作轨迹).
    package func trail(after: Continuation? = nil, size: Int = 100, by token: SessionToken) throws -> Page {
        try perform("trail.read", by: token, on: "trail") { transaction, _ in
            try transaction.page("SELECT * FROM trail", by: ["number"], .descending, after: after, size: size)
        }
    }

    // MARK: Pieces

    private func firstSecrets() -> (password: String, key: [UInt8]) {
        // Long enough for any policy, with every kind of character; it must be changed at once.
        (
            surroundings.identifier() + "-" + surroundings.identifier().prefix(4).uppercased() + "7K",
            surroundings.random(20)
        )
    }

    private func makeAccount(_ name: String, title: String, in transaction: Transaction) throws -> FirstAccess {
        guard (2...40).contains(name.count), name.allSatisfy({ $0.isLetter || $0.isNumber || "._-".contains($0) })
        else {
            throw DoorRefusal(.badInput, "账户名须为2至40个字母、数字或 . _ -", at: name, advice: "换一个账户名")
        }
        let id = surroundings.identifier()
        let (password, key) = firstSecrets()
        let stored = StoredPassword(password, salt: surroundings.random(16), costLog2: policy.costLog2)
        let isTaken = try transaction.integer("SELECT COUNT(*) FROM account WHERE name = \(name)") > 0
        guard !isTaken else {
            throw DoorRefusal(.badInput, "账户名已有人使用", at: name, advice: "账户不共用、不重名，换一个账户名")
        }
        try transaction.change(
            """
            INSERT INTO account (id, name, title, state, password, password_since, must_change, second_key)
            VALUES (\(id), \(name), \(title), 'active', \(stored.text), \(surroundings.now()), 1,
                \(seals.seal(key, at: .init(column: "account.second_key", row: id))))
            """)
        return FirstAccess(account: id, password: password, authenticator: OneTimeCode(key: key).address(account: name))
    }

    private func makePost(
        _ id: String, in organisation: String, department: String, name: String, roles: Set<String>,
        _ transaction: Transaction
    ) throws {
        for role in roles where authority.role(role) == nil { throw DoorRefusal.unknown("角色", role) }
        let administrators = roles.filter { authority.role($0)?.isAdministrator == true }
        guard !roles.isEmpty, administrators.isEmpty || roles.count == 1 else { throw DoorRefusal.notExclusive }
        try transaction.change(
            """
            INSERT INTO post (id, organisation, department, name)
            VALUES (\(id), \(organisation), \(department), \(name))
            """)
        for role in roles.sorted() {
            try transaction.change("INSERT INTO post_role (post, role) VALUES (\(id), \(role))")
        }
    }

    /// Puts a person into a post. The account is locked meanwhile, so that two grants cannot together break what each keeps:
    /// an administrator has that one role and no other.
    @discardableResult
    private func hold(
        _ post: String, _ account: String, kind: String, behind: String?, by granter: String?, basis: String,
        until: Int?,
        _ transaction: Transaction
    ) throws -> String {
        guard let row = try transaction.locked("account", key: "id", in: [account]).first,
            try row.text("state") == "active"
        else { throw DoorRefusal.unknown("账户", account) }
        let roles = Set(
            try transaction.rows("SELECT role FROM post_role WHERE post = \(post)").map { try $0.text("role") })
        guard !roles.isEmpty else { throw DoorRefusal.unknown("岗位", post) }
        let held = try caller(account: account, in: transaction).roles
        let administrator = roles.first { authority.role($0)?.isAdministrator == true }
        let isAdministrator = held.contains { authority.role($0)?.isAdministrator == true }
        guard administrator == nil ? !isAdministrator : held.subtracting(roles).isEmpty,
            administrator == nil || kind == "own"
        else { throw DoorRefusal.notExclusive }
        if let administrator {
            try transaction.change(
                """
                INSERT INTO administrator (account, role) VALUES (\(account), \(administrator))
                ON CONFLICT (account) DO UPDATE SET role = \(administrator)
                """)
        }
        let id = surroundings.identifier()
        try transaction.change(
            """
            INSERT INTO holding (id, post, account, kind, behind, granted_by, basis, since, until)
            VALUES (\(id), \(post), \(account), \(kind), \(optional: behind), \(optional: granter), \(basis), \(surroundings.now()), \(optional: until))
            """)
        return id
    }

    private func end(_ key: StaticString, _ value: String, _ transaction: Transaction) throws {
        let now = surroundings.now()
        try transaction.change(
            "UPDATE holding SET until = \(now) WHERE \(name: key) = \(value) AND (until IS NULL OR until > \(now))")
    }

    private func requireOrganisation(_ id: String, _ transaction: Transaction) throws {
        guard try transaction.integer("SELECT COUNT(*) FROM organisation WHERE id = \(id)") == 1 else {
            throw DoorRefusal.unknown("机构", id)
        }
    }
}

extension DoorRefusal {
    static let notExclusive = DoorRefusal(
        .notExclusive, "系统管理员、安全管理员、审计管理员互斥，且不得兼任业务岗位", at: "三员", advice: "由另一人担任")

    static func samePerson(_ what: String) -> DoorRefusal {
        DoorRefusal(.samePerson, "\(what)不得由本人为本人办理", at: what, advice: "由另一人办理")
    }
}
