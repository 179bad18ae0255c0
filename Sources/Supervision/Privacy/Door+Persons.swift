import Database

/// A person as shown to somebody: masked, or plain for as long as a reason holds.
package struct ShownPerson: Equatable, Sendable {
    package let id: String
    package let name: String
    package let number: String
    package let isPlain: Bool
}

extension Door {
    /// How long an unmasking holds.
    static let unmaskingSeconds = 600

    /// Keeps a person's number and name, sealed. The pseudonym is the one of the dataset; the same again changes nothing.
    package func keepPerson(_ id: String, number: String, name: String) throws {
        let number = Self.normalised(number: number)
        try store.write { transaction in
            try transaction.change(
                """
                INSERT INTO person (id, number_code, name_code, number, name) VALUES (
                    \(id), \(seals.code("number", number)), \(seals.code("name", Self.normalised(name: name))),
                    \(seals.seal(Array(number.utf8), at: .init(column: "person.number", row: id))),
                    \(seals.seal(Array(name.utf8), at: .init(column: "person.name", row: id))))
                ON CONFLICT (id) DO NOTHING
                """)
        }
    }

    /// Persons with exactly this number or name (按人员查询), masked. Every search is in the trail; what was searched for
    /// is in it as its keyed code only.
    package func findPersons(_ wanted: String, reason: String, by token: SessionToken) throws -> [ShownPerson] {
        guard !reason.isEmpty else { throw DoorRefusal.reasonMissing }
        let number = seals.code("number", Self.normalised(number: wanted))
        let name = seals.code("name", Self.normalised(name: wanted))
        return try perform("person.search", by: token, on: String(name.prefix(16)), reason: reason) { transaction, _ in
            try transaction.rows(
                "SELECT * FROM person WHERE number_code = \(number) OR name_code = \(name) ORDER BY id", max: 1_000
            ).map { try shown($0, isPlain: false) }
        }
    }

    /// Shows a person of a matter whole, for ten minutes, for a reason (查看明文).
    package func unmask(
        person: String, in matter: String, lying place: MatterPlace, reason: String, by token: SessionToken
    ) throws -> ShownPerson {
        guard reason.count >= 4 else { throw DoorRefusal.reasonMissing }
        return try performOnMatter("matter.unmask", by: token, matter, lying: place, reason: reason) {
            transaction, caller, decision in
            guard decision["identity"] == .plain else { throw DoorRefusal.notGranted("matter.unmask", authority) }
            guard let row = try transaction.row("SELECT * FROM person WHERE id = \(person)") else {
                throw DoorRefusal.unknown("人员", person)
            }
            try transaction.change(
                """
                INSERT INTO unmasking (account, person, matter, reason, until) VALUES (
                    \(caller.account), \(person), \(matter), \(reason), \(surroundings.now() + Self.unmaskingSeconds))
                ON CONFLICT DO NOTHING
                """)
            return try shown(row, isPlain: true)
        }
    }

    /// A person as this caller sees it now: plain only while an unmasking of the caller's own holds.
    package func person(_ id: String, for caller: Caller, in transaction: Transaction) throws -> ShownPerson {
        guard let row = try transaction.row("SELECT * FROM person WHERE id = \(id)") else {
            throw DoorRefusal.unknown("人员", id)
        }
        let holds = try transaction.integer(
            """
            SELECT COUNT(*) FROM unmasking WHERE account = \(caller.account) AND person = \(id)
            AND until > \(surroundings.now())
            """)
        return try shown(row, isPlain: holds > 0)
    }

    /// Seals everything anew with the key in use (密钥轮换); says how many values. Can be broken off and run again.
    package func reseal(by token: SessionToken) throws -> Int {
        var count = 0
        try perform("store.care", by: token, on: "keys", reason: "reseal") { _, _ in }
        try store.read { reader in
            try reader.eachRow("SELECT id, number, name FROM person", by: ["id"], size: 200) { row in
                let id = try row.text("id")
                let (number, name) = (try row.bytes("number"), try row.bytes("name"))
                guard !seals.isCurrent(number) || !seals.isCurrent(name) else { return }
                let (numberPlace, namePlace) = (
                    Seals.Place(column: "person.number", row: id), Seals.Place(column: "person.name", row: id)
                )
                let freshNumber = seals.seal(try seals.open(number, at: numberPlace), at: numberPlace)
                let freshName = seals.seal(try seals.open(name, at: namePlace), at: namePlace)
                try store.write {
                    try $0.change("UPDATE person SET number = \(freshNumber), name = \(freshName) WHERE id = \(id)")
                }
                count += 2
            }
            try reader.eachRow(
                "SELECT id, second_key FROM account WHERE second_key IS NOT NULL", by: ["id"], size: 200
            ) { row in
                let id = try row.text("id")
                let sealed = try row.bytes("second_key")
                guard !seals.isCurrent(sealed) else { return }
                let place = Seals.Place(column: "account.second_key", row: id)
                let fresh = seals.seal(try seals.open(sealed, at: place), at: place)
                try store.write { try $0.change("UPDATE account SET second_key = \(fresh) WHERE id = \(id)") }
                count += 1
            }
        }
        return count
    }

    private func shown(_ row: Row, isPlain: Bool) throws -> ShownPerson {
        let id = try row.text("id")
        let number = String(
            decoding: try seals.open(try row.bytes("number"), at: .init(column: "person.number", row: id)),
            as: UTF8.self)
        let name = String(
            decoding: try seals.open(try row.bytes("name"), at: .init(column: "person.name", row: id)), as: UTF8.self)
        return ShownPerson(
            id: id, name: isPlain ? name : Mask.name(name), number: isPlain ? number : Mask.number(number),
            isPlain: isPlain)
    }

    private static func normalised(number: String) -> String {
        number.uppercased().filter { !$0.isWhitespace && $0 != "-" }
    }

    private static func normalised(name: String) -> String { name.precomposed.filter { !$0.isWhitespace } }
}

extension DoorRefusal {
    static let reasonMissing = DoorRefusal(
        .reasonMissing, "查看或查询个人信息须说明理由", at: "理由", advice: "写明所办事项与用途，至少四个字")
}
