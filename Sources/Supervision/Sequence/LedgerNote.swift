import Database
import Foundation
import Ledger

/// What was done to the store as a whole (账本记事): a restore, a change of keys. It stands in the ledger as an act of the matter
/// `@ledger`, which no procedure has, so that who holds checkpoints is told why a ledger looks as it does.
package struct LedgerNote: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable {
        case restored
        case resealed
    }

    package let kind: Kind
    /// Seconds since 1970 UTC.
    package let instant: Int
    /// Acts that had a place when it was done.
    package let acts: Int
    package let reason: String
    /// What it was done with: the identifier of a backup, the number of a key.
    package let object: String

    static let matter = "@ledger"
    /// The form of its text; acts of matters have `ActText.form`.
    private static let form = UInt8(ascii: "2")

    private var bytes: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return [Self.form] + (try encoder.encode(self))
        }
    }

    /// Appends it to the chain of `@ledger`, to be placed like any act.
    func append(in transaction: Transaction, seals: Seals, hash: HashAlgorithm = .sha256) throws {
        // The tree's head stands for the chain, which has no row of its own to lock.
        _ = try transaction.locked("ledger_head", key: "name", in: [Sequencer.head])
        let last = try transaction.row(
            "SELECT number, leaf FROM act WHERE matter = \(Self.matter) ORDER BY number DESC LIMIT 1")
        let number = try (last?.integer("number") ?? 0) + 1
        let act = ChainedAct(
            matter: Self.matter, number: UInt64(number), previous: try last?.bytes("leaf") ?? ChainedAct.noLeaf,
            instant: Int64(instant) * 1_000, body: try bytes)
        let salt = ChainedAct.newSalt()
        let leaf = act.leaf(salt: salt, hash)
        let sealed = seals.seal(salt + act.canonical, at: MatterShelf.place(Self.matter, number))
        try transaction.change(
            """
            INSERT INTO act (matter, number, leaf, sealed, instant)
            VALUES (\(Self.matter), \(number), \(leaf), \(sealed), \(instant / 60 + 480))
            """)
        try transaction.change("INSERT INTO arrival (matter, act, hash) VALUES (\(Self.matter), \(number), \(leaf))")
    }

    /// Every note of a ledger, oldest first.
    package static func all(in store: Store, _ seals: Seals) throws -> [LedgerNote] {
        try store.read { transaction in
            try transaction.rows("SELECT number, sealed FROM act WHERE matter = \(matter) ORDER BY number").map { row in
                let plain = try seals.open(
                    try row.bytes("sealed"), at: MatterShelf.place(matter, try row.integer("number")))
                guard let act = ChainedAct(canonical: Array(plain.dropFirst(ChainedAct.saltCount))),
                    act.body.first == form
                else { throw DoorRefusal.damaged("a note about the ledger cannot be read") }
                return try JSONDecoder().decode(LedgerNote.self, from: Data(act.body.dropFirst()))
            }
        }
    }
}
