import Database

/// What the directory holds, for those who care for it (机构与岗位).
package struct OrganisationEntry: Sendable, Equatable {
    package let id: String
    package let parent: String?
    package let name: String
    package let kind: String
    package let area: String
    /// Codes by which the national interface names it.
    package let codes: [String]
}

package struct PostEntry: Sendable, Equatable {
    package struct Holder: Sendable, Equatable {
        package let holding: String
        package let account: String
        package let name: String
        /// own, lent, delegated.
        package let kind: String
        package let until: Int?
    }

    package let id: String
    package let organisation: String
    package let department: String
    package let name: String
    package let roles: [String]
    package let holders: [Holder]
}

extension Door {
    /// Features whose holders may read the directory.
    private static let directoryFeatures = ["directory.read", "organisation.write", "post.grant"]

    private func requireDirectory(_ token: SessionToken, in transaction: Transaction) throws {
        let caller = try self.caller(of: token, in: transaction)
        guard Self.directoryFeatures.contains(where: { authority.allows($0, caller) }) else {
            throw DoorRefusal.notGranted("directory.read", authority)
        }
    }

    /// Organisations in the order of their identifiers.
    package func organisations(after: String? = nil, size: Int = 100, by token: SessionToken) throws -> Listed<
        OrganisationEntry
    > {
        let after = try after.map { try Continuation($0) }
        return try store.read { transaction in
            try requireDirectory(token, in: transaction)
            let page = try transaction.page("SELECT * FROM organisation", by: ["id"], after: after, size: size)
            let rows = try page.rows.map { row in
                let id = try row.text("id")
                return OrganisationEntry(
                    id: id, parent: try row.textIfAny("parent"), name: try row.text("name"),
                    kind: try row.text("kind"), area: try row.text("area"),
                    codes: try transaction.rows(
                        "SELECT code FROM institution_code WHERE organisation = \(id) ORDER BY code"
                    ).map { try $0.text("code") })
            }
            return Listed(rows: rows, next: page.next?.text)
        }
    }

    /// Posts with their roles and who holds them now.
    package func posts(after: String? = nil, size: Int = 100, by token: SessionToken) throws -> Listed<PostEntry> {
        let after = try after.map { try Continuation($0) }
        let now = surroundings.now()
        return try store.read { transaction in
            try requireDirectory(token, in: transaction)
            let page = try transaction.page("SELECT * FROM post", by: ["id"], after: after, size: size)
            let rows = try page.rows.map { row in
                let id = try row.text("id")
                let holders = try transaction.rows(
                    """
                    SELECT h.id, h.account, a.name, h.kind, h.until FROM holding h JOIN account a ON a.id = h.account
                    WHERE h.post = \(id) AND a.state = 'active' AND h.since <= \(now)
                    AND (h.until IS NULL OR h.until > \(now)) ORDER BY h.id
                    """)
                return PostEntry(
                    id: id, organisation: try row.text("organisation"), department: try row.text("department"),
                    name: try row.text("name"),
                    roles: try transaction.rows("SELECT role FROM post_role WHERE post = \(id) ORDER BY role").map {
                        try $0.text("role")
                    },
                    holders: try holders.map {
                        .init(
                            holding: try $0.text("id"), account: try $0.text("account"), name: try $0.text("name"),
                            kind: try $0.text("kind"), until: try $0.integerIfAny("until"))
                    })
            }
            return Listed(rows: rows, next: page.next?.text)
        }
    }

    /// One line of the trail (操作轨迹).
    package struct TrailEntry: Sendable, Equatable {
        package let number: Int
        /// Seconds since 1970-01-01 00:00 UTC.
        package let instant: Int
        package let account: String
        package let feature: String
        package let object: String
        package let isAllowed: Bool
        package let reason: String
    }

    /// The trail, newest first, page by page; reading it is in the trail too.
    package func trailEntries(after: String? = nil, size: Int = 100, by token: SessionToken) throws -> Listed<
        TrailEntry
    > {
        let page = try trail(after: try after.map { try Continuation($0) }, size: size, by: token)
        let rows = try page.rows.map { row in
            TrailEntry(
                number: try row.integer("number"), instant: try row.integer("instant"),
                account: try row.text("account"), feature: try row.text("feature"), object: try row.text("object"),
                isAllowed: try row.truth("allowed"), reason: try row.text("reason"))
        }
        return Listed(rows: rows, next: page.next?.text)
    }

    /// Gives an organisation the code by which the national interface names it; one code is one organisation.
    package func setInstitutionCode(_ code: String, of organisation: String, by token: SessionToken) throws {
        try perform("organisation.write", by: token, on: organisation, reason: code) { transaction, _ in
            guard try transaction.integer("SELECT COUNT(*) FROM organisation WHERE id = \(organisation)") == 1 else {
                throw DoorRefusal.unknown("机构", organisation)
            }
            guard !code.isEmpty, code.utf8.count <= 40 else {
                throw DoorRefusal(.badInput, "机构编号须为1至40个字符", at: code, advice: "填写国家医保机构编码")
            }
            guard try transaction.integer("SELECT COUNT(*) FROM institution_code WHERE code = \(code)") == 0 else {
                throw DoorRefusal(.badInput, "该编号已属于另一机构，或已登记", at: code, advice: "一个编号只属于一个机构，请核对")
            }
            try transaction.change(
                "INSERT INTO institution_code (code, organisation) VALUES (\(code), \(organisation))")
        }
    }
}
