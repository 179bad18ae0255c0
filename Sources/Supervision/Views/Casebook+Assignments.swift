import Casework
import Database

extension Casebook {
    /// Makes a person the one who does a matter, beside whoever does it already (指定承办). The person must have a post in the handling
    /// organisation.
    package func assign(_ matter: String, to account: String, reason: String, by token: SessionToken) throws {
        let place = try placeOf(matter)
        try door.performOnMatter("matter.hand_over", by: token, matter, lying: place, reason: reason) {
            transaction, _, _ in
            let heir = try door.caller(account: account, in: transaction)
            guard heir.holdings.contains(where: { $0.organisation == place.organisation }) else {
                throw DoorRefusal(.notHeld, "承办人在办理单位没有岗位", at: account, advice: "先授岗，再指定承办")
            }
            try door.assign("handle", of: matter, to: account, in: transaction)
        }
    }

    /// Who does a matter, and since when.
    package func assignees(of matter: String, by token: SessionToken) throws -> [(account: String, since: Int)] {
        _ = try shown(matter, by: token)
        return try door.store.read {
            try $0.rows("SELECT account, since FROM assignment WHERE matter = \(matter) ORDER BY account").map {
                (try $0.text("account"), try $0.integer("since"))
            }
        }
    }

    /// Hands every matter that a leaver does to another person of the same organisation (在办移交); says how many.
    package func handOver(from leaver: String, to successor: String, reason: String, by token: SessionToken) throws
        -> Int
    {
        try door.handOver(from: leaver, to: successor, reason: reason, by: token) { id, transaction in
            guard let row = try transaction.row("SELECT * FROM matter WHERE id = \(id)") else {
                throw DoorRefusal.unknown("事项", id)
            }
            return try place(of: row, transaction)
        }
    }

    func placeOf(_ matter: String) throws -> MatterPlace {
        try door.store.read { transaction in
            guard let row = try transaction.row("SELECT * FROM matter WHERE id = \(matter)") else {
                throw DoorRefusal.unknown("事项", matter)
            }
            return try place(of: row, transaction)
        }
    }

    // MARK: Unmasking

    /// Shows the masked fields of a matter whole to the caller, for ten minutes, for a reason (查看明文).
    package func unmask(_ matter: String, reason: String, by token: SessionToken) throws {
        guard reason.count >= 4 else { throw DoorRefusal.reasonMissing }
        let place = try placeOf(matter)
        try door.performOnMatter("matter.unmask", by: token, matter, lying: place, reason: reason) {
            transaction, caller, _ in
            try transaction.change(
                """
                INSERT INTO matter_unmasking (account, matter, reason, until) VALUES (
                    \(caller.account), \(matter), \(reason), \(door.surroundings.now() + Door.unmaskingSeconds))
                ON CONFLICT DO NOTHING
                """)
        }
    }

    /// Whether an unmasking of the caller's own holds for a matter.
    func isUnmasked(_ matter: String, for caller: Caller, in transaction: Transaction) throws -> Bool {
        try transaction.integer(
            """
            SELECT COUNT(*) FROM matter_unmasking WHERE account = \(caller.account) AND matter = \(matter)
            AND until > \(door.surroundings.now())
            """) > 0
    }
}
