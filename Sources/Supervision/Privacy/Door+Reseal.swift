import Database
import Ledger

extension Door {
    /// Seals everything anew with the key in use (密钥轮换): identifiers, authenticators' keys, acts, evidence. Says how many values.
    /// Goes page by page, each in a transaction, beside the work of others; broken off, it goes on where it was. Leaves and hashes stay
    /// what they are. Earlier keys are still needed for backups taken before.
    package func reseal(by token: SessionToken) throws -> Int {
        try perform("store.care", by: token, on: "keys", reason: "reseal") { _, _ in }
        var count = 0
        count += try resealing("SELECT id, number, name FROM person", by: ["id"]) { row in
            let id = try row.text("id")
            guard let number = try fresh(row.bytes("number"), .init(column: "person.number", row: id)),
                let name = try fresh(row.bytes("name"), .init(column: "person.name", row: id))
            else { return nil }
            return "UPDATE person SET number = \(number), name = \(name) WHERE id = \(id)"
        }
        count += try resealing("SELECT id, second_key FROM account WHERE second_key IS NOT NULL", by: ["id"]) { row in
            let id = try row.text("id")
            let old = try row.bytes("second_key")
            // Not one that was reset meanwhile.
            return try fresh(old, .init(column: "account.second_key", row: id)).map {
                "UPDATE account SET second_key = \($0) WHERE id = \(id) AND second_key = \(old)"
            }
        }
        count += try resealing(
            "SELECT matter, number, sealed FROM act WHERE sealed IS NOT NULL", by: ["matter", "number"]
        ) {
            row in
            let (matter, number) = (try row.text("matter"), try row.integer("number"))
            let old = try row.bytes("sealed")
            return try fresh(old, MatterShelf.place(matter, number)).map {
                "UPDATE act SET sealed = \($0) WHERE matter = \(matter) AND number = \(number) AND sealed = \(old)"
            }
        }
        count += try resealing("SELECT code, hash FROM evidence", by: ["code"]) { row in
            let code = try row.text("code")
            return try fresh(row.bytes("hash"), Casebook.hashPlace(code)).map {
                "UPDATE evidence SET hash = \($0) WHERE code = \(code)"
            }
        }
        count += try resealing("SELECT code, part, sealed FROM evidence_part", by: ["code", "part"], size: 32) { row in
            let (code, part) = (try row.text("code"), try row.integer("part"))
            return try fresh(row.bytes("sealed"), Casebook.partPlace(code, part)).map {
                "UPDATE evidence_part SET sealed = \($0) WHERE code = \(code) AND part = \(part)"
            }
        }
        count += try resealing("SELECT matter, code, name FROM evidence_use", by: ["matter", "code"]) { row in
            let (matter, code) = (try row.text("matter"), try row.text("code"))
            return try fresh(row.bytes("name"), Casebook.namePlace(matter, code)).map {
                "UPDATE evidence_use SET name = \($0) WHERE matter = \(matter) AND code = \(code)"
            }
        }
        count += try resealing(
            "SELECT organisation, bundle, place, name, content FROM appeal_file",
            by: ["organisation", "bundle", "place"], size: 8
        ) { row in
            let (organisation, bundle, place) = (
                try row.text("organisation"), try row.text("bundle"), try row.integer("place")
            )
            let at = "\(organisation)/\(bundle)/\(place)"
            guard let name = try fresh(row.bytes("name"), .init(column: "appeal_file.name", row: at)),
                let content = try fresh(row.bytes("content"), .init(column: "appeal_file.content", row: at))
            else { return nil }
            return """
                UPDATE appeal_file SET name = \(name), content = \(content)
                WHERE organisation = \(organisation) AND bundle = \(bundle) AND place = \(place)
                """
        }
        if count > 0 {
            let placed = try Sequencer(store, surroundings: surroundings).standing().placed
            try store.write {
                try LedgerNote(
                    kind: .resealed, instant: surroundings.now(), acts: placed, reason: "\(count) values",
                    object: String(seals.currentKey)
                ).append(in: $0, seals: seals)
            }
        }
        return count
    }

    /// The value under the key in use; nil when it is that already.
    private func fresh(_ sealed: [UInt8], _ place: Seals.Place) throws -> [UInt8]? {
        seals.isCurrent(sealed) ? nil : seals.seal(try seals.open(sealed, at: place), at: place)
    }

    private func resealing(
        _ list: SQL, by keys: [StaticString], size: Int = 200, _ change: (Row) throws -> SQL?
    ) throws -> Int {
        var after: Continuation?
        var count = 0
        repeat {
            let page = try store.read { try $0.page(list, by: keys, after: after, size: size) }
            let changes = try page.rows.compactMap(change)
            if !changes.isEmpty {
                count += try store.write { transaction in
                    try changes.reduce(0) { try $0 + transaction.change($1) }
                }
            }
            after = page.next
        } while after != nil
        return count
    }
}
