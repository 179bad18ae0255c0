import Database

extension Door {
    /// Ends what was lent or delegated before its day (撤回派员、撤回代岗): a lending by the lending organisation's head, a delegation
    /// by whoever delegated it. Appointments are ended by the security administrator only (`revoke`).
    package func end(_ holding: String, reason: String, by token: SessionToken) throws {
        let kind = try store.read {
            try $0.row("SELECT kind FROM holding WHERE id = \(holding)")?.text("kind")
        }
        let feature = kind == "delegated" ? "post.delegate" : "post.lend"
        try perform(feature, by: token, on: holding, reason: reason) { transaction, caller in
            let now = surroundings.now()
            guard
                let row = try transaction.row(
                    """
                    SELECT h.kind, h.account, h.granted_by, b.account AS delegator FROM holding h
                    LEFT JOIN holding b ON b.id = h.behind
                    WHERE h.id = \(holding) AND (h.until IS NULL OR h.until > \(now))
                    """)
            else { throw DoorRefusal.unknown("任职", holding) }
            switch try row.text("kind") {
            case "delegated":
                guard try row.textIfAny("delegator") == caller.account else {
                    throw DoorRefusal(.notHeld, "只有委托人本人可以撤回代岗", at: holding, advice: "由委托人撤回，或由安全管理员撤岗")
                }
            case "lent":
                let lent = try self.caller(account: try row.text("account"), in: transaction)
                let lenders = caller.holdings.filter { authority.decide("post.lend", roles: $0.roles).isAllowed }
                guard
                    lenders.contains(where: { lender in
                        lent.holdings.contains { $0.kind == "own" && $0.organisation == lender.organisation }
                    })
                else {
                    throw DoorRefusal(.notGranted, "只有派出机关可以撤回派员", at: holding, advice: "由派出机关负责人办理")
                }
            default:
                throw DoorRefusal(.notGranted, "任命的岗位由安全管理员撤销", at: holding, advice: "请安全管理员办理撤岗")
            }
            try transaction.change("UPDATE holding SET until = \(now) WHERE id = \(holding)")
        }
    }
}
