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
