import Database

extension Door {
    /// Gives a task of a matter to a person.
    package func assign(_ task: String, of matter: String, to account: String, in transaction: Transaction) throws {
        try transaction.change(
            """
            INSERT INTO assignment (matter, task, account, since)
            VALUES (\(matter), \(task), \(account), \(surroundings.now())) ON CONFLICT DO NOTHING
            """)
    }

    /// Hands every open task of a leaver to another person of the same organisation (在办移交); says how many. `places` says
    /// where each matter lies: a task of a matter that the caller may not hand over stops the whole.
    package func handOver(
        from leaver: String, to successor: String, reason: String, by token: SessionToken,
        placeOf: (String, Transaction) throws -> MatterPlace
    ) throws -> Int {
        guard !reason.isEmpty else { throw DoorRefusal.reasonMissing }
        var account = ""
        do {
            return try store.write { transaction in
                let caller = try self.caller(of: token, in: transaction)
                account = caller.account
                guard leaver != successor else { throw DoorRefusal.samePerson("移交") }
                _ = try transaction.locked("account", key: "id", in: [leaver, successor])
                let heir = try self.caller(account: successor, in: transaction)
                let rows = try transaction.rows("SELECT matter, task FROM assignment WHERE account = \(leaver)")
                for row in rows {
                    let matter = try row.text("matter")
                    let place = try placeOf(matter, transaction)
                    guard authority.decide("matter.hand_over", caller, on: place).isAllowed else {
                        throw DoorRefusal.notGranted("matter.hand_over", authority)
                    }
                    guard heir.holdings.contains(where: { $0.organisation == place.organisation }) else {
                        throw DoorRefusal(.notHeld, "接手人在本单位没有岗位", at: successor, advice: "先授岗，再移交")
                    }
                    try assign(try row.text("task"), of: matter, to: successor, in: transaction)
                }
                try transaction.change("DELETE FROM assignment WHERE account = \(leaver)")
                try leaveTrail(
                    in: transaction, caller.account, "matter.hand_over", "\(leaver) → \(successor)", isAllowed: true,
                    reason)
                return rows.count
            }
        } catch let refusal as DoorRefusal {
            try store.write {
                try leaveTrail(in: $0, account, "matter.hand_over", leaver, isAllowed: false, refusal.code)
            }
            throw refusal
        }
    }

    /// A person's open tasks, page by page.
    package func tasks(of account: String, after: Continuation? = nil, size: Int, in transaction: Transaction) throws
        -> Page
    {
        try transaction.page(
            "SELECT matter, task, since FROM assignment WHERE account = \(account)", by: ["matter", "task"],
            after: after,
            size: size)
    }
}
