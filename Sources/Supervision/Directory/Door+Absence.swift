import Database

/// Who is away (离岗): as long as nobody of a role is there, the one whom the procedure names signs instead. Standing in for somebody's
/// post is another thing (`delegate`): whoever holds it then is there.
extension Door {
    /// An absence lasts a year at most.
    static let absenceSecondsMax = 366 * 86_400

    /// Marks the caller, or another (security administrator), as away until an instant, in seconds since 1970 UTC.
    package func markAbsent(_ account: String? = nil, until: Int, reason: String, by token: SessionToken) throws {
        let now = surroundings.now()
        guard until > now, until <= now + Self.absenceSecondsMax, !reason.isEmpty else {
            throw DoorRefusal(.badInput, "离岗须写明事由和一年以内的截止时间", at: account ?? "", advice: "填写将来的时间")
        }
        try marking(account, by: token, reason) { transaction, account in
            try transaction.change(
                """
                INSERT INTO absence (account, since, until, reason) VALUES (\(account), \(now), \(until), \(reason))
                ON CONFLICT (account, since) DO UPDATE SET until = excluded.until, reason = excluded.reason
                """)
        }
    }

    /// Marks the caller, or another (security administrator), as there again.
    package func markPresent(_ account: String? = nil, by token: SessionToken) throws {
        let now = surroundings.now()
        try marking(account, by: token, "返岗") { transaction, account in
            try transaction.change(
                "UPDATE absence SET until = \(now) WHERE account = \(account) AND until > \(now)")
        }
    }

    /// Whether somebody who holds a role in an organisation is there now. A post that nobody holds is away as well.
    func isAnybodyPresent(_ role: String, in organisation: String, _ transaction: Transaction) throws -> Bool {
        let now = surroundings.now()
        return try transaction.row(
            """
            SELECT h.id FROM holding h JOIN post p ON p.id = h.post JOIN post_role r ON r.post = h.post
                JOIN account a ON a.id = h.account
            WHERE p.organisation = \(organisation) AND r.role = \(role) AND a.state = 'active' AND h.since <= \(now)
                AND (h.until IS NULL OR h.until > \(now))
                AND NOT EXISTS (SELECT 1 FROM absence x
                    WHERE x.account = h.account AND x.since <= \(now) AND x.until > \(now))
            LIMIT 1
            """) != nil
    }

    private func marking(
        _ account: String?, by token: SessionToken, _ reason: String, _ body: (Transaction, String) throws -> Void
    ) throws {
        let own = try caller(of: token).account
        guard let account, account != own else {
            return try store.write { transaction in
                let caller = try caller(of: token, in: transaction)
                try body(transaction, caller.account)
                try leaveTrail(in: transaction, caller.account, "absence", caller.account, isAllowed: true, reason)
            }
        }
        try perform("post.grant", by: token, on: account, reason: reason) { transaction, _ in
            guard try transaction.row("SELECT id FROM account WHERE id = \(account) AND state = 'active'") != nil else {
                throw DoorRefusal.unknown("账户", account)
            }
            try body(transaction, account)
        }
    }
}
