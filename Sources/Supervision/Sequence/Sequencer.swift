import Database
import Foundation
import Ledger

/// Gives every act of the store its place in the one tree (排序), and signs what the tree is then.
///
/// Any number of servers may run one on a shared store. Who holds the lock of the tree's head places a batch; the others see that
/// it is taken and leave. The lock goes with its transaction, so a sequencer that is killed is replaced by the next one that
/// looks, and no clock decides who may write. Acts of one matter keep their order, and an act that was answered before another was
/// begun stands before it: numbers of arrival are taken inside the acts' transactions.
package struct Sequencer: Sendable {
    package let store: Store
    let hash: HashAlgorithm = .sha256
    private let now: @Sendable () -> Int

    /// Acts that one transaction places at most.
    static let batchMax = 1_000
    static let head = "acts"

    package init(_ store: Store, surroundings: Surroundings = .system) {
        self.store = store
        now = surroundings.now
    }

    /// How many acts have a place, and how many wait for one.
    package struct Standing: Equatable, Sendable {
        package let placed: Int
        package let waiting: Int
    }

    package func standing() throws -> Standing {
        try store.read { transaction in
            Standing(
                placed: try transaction.integer("SELECT size FROM ledger_head WHERE name = \(Self.head)"),
                waiting: try transaction.integer("SELECT COUNT(*) FROM arrival"))
        }
    }

    /// Places what waits, batch by batch; says how many acts. Nothing to do costs one read.
    @discardableResult
    package func placeWaiting() throws -> Int {
        var placed = 0
        while try store.read({ try $0.row("SELECT number FROM arrival ORDER BY number LIMIT 1") }) != nil {
            guard let count = try store.write({ try place(in: $0) }), count > 0 else { break }
            placed += count
            if count < Self.batchMax { break }
        }
        return placed
    }

    /// Keeps placing until told to stop; the world failing is reported and does not end it.
    package func run(everyMilliseconds pause: Int = 300, while goOn: () -> Bool, report: (any Error) -> Void = { _ in })
    {
        while goOn() {
            do { try placeWaiting() } catch { report(error) }
            var rest = pause
            while rest > 0, goOn() {
                Thread.sleep(forTimeInterval: Double(min(rest, 100)) / 1_000)
                rest -= 100
            }
        }
    }

    /// One batch. Nil: another sequencer is at it.
    private func place(in transaction: Transaction) throws -> Int? {
        guard let head = try transaction.lockedIfFree("ledger_head", key: "name", Self.head) else { return nil }
        let size = try head.integer("size")
        // Read after the lock was taken: sees all that the sequencer before has placed.
        let waiting = try transaction.rows(
            "SELECT number, matter, act, hash FROM arrival ORDER BY number LIMIT \(Self.batchMax)")
        guard !waiting.isEmpty else { return 0 }
        let tree = GrowingTree(transaction)
        var leaves: [[StoreValue]] = []
        var nodes: [[StoreValue]] = []
        for (offset, row) in waiting.enumerated() {
            let place = size + offset
            let leaf = try row.bytes("hash")
            leaves.append([
                .integer(Int64(place)), .text(try row.text("matter")), .integer(Int64(try row.integer("act"))),
                .bytes(leaf),
            ])
            for node in try tree.append(leaf, at: UInt64(place), hash) where node.level > 0 {
                nodes.append([.integer(Int64(node.level)), .integer(Int64(node.index)), .bytes(node.hash)])
            }
        }
        try transaction.insert(into: "leaf", columns: "place, matter, act, hash", leaves)
        try transaction.insert(into: "tree_node", columns: "level, place, hash", nodes)
        // Not by number: a smaller one may have become visible since.
        try transaction.change(
            """
            DELETE FROM arrival WHERE EXISTS (
                SELECT 1 FROM leaf WHERE leaf.matter = arrival.matter AND leaf.act = arrival.act AND leaf.place >= \(size))
            """)
        try transaction.changeOne(
            "the tree's head",
            "UPDATE ledger_head SET size = \(size + waiting.count) WHERE name = \(Self.head) AND size = \(size)")
        return waiting.count
    }

    // MARK: Checkpoints

    /// Places what waits, then signs what the tree is and keeps the note (检查点). With `replacing`, both keys sign and the new
    /// one is named. `origin` says whose ledger it is; nil takes the last checkpoint's.
    package func checkpoint(_ key: SigningKey, replacing old: SigningKey? = nil, origin: String? = nil) throws
        -> SignedCheckpoint
    {
        try placeWaiting()
        return try store.write { transaction in
            guard let head = try transaction.locked("ledger_head", key: "name", in: [Self.head]).first else {
                throw DoorRefusal.damaged("the tree has no head")
            }
            let size = UInt64(try head.integer("size"))
            let last = try transaction.row("SELECT number, note FROM checkpoint ORDER BY number DESC LIMIT 1")
            let before = try last.flatMap { SignedCheckpoint(text: try $0.text("note")) }
            guard let origin = origin ?? before?.checkpoint.origin else {
                throw DoorRefusal(
                    .badInput, "第一个检查点须写明账本名称", at: "检查点", advice: "加上 --origin，例如 yijian/330106")
            }
            let signed = Checkpoint(
                origin: origin, size: size, root: try MerkleTree(StoreTree(transaction: transaction), hash).root(size),
                // A clock that was set back does not make a checkpoint younger than the one before it.
                instant: max(Int64(now()) * 1_000, before?.checkpoint.instant ?? .min), hash: hash,
                newKey: old == nil ? nil : key.verifier
            ).signed(by: [old, key].compactMap { $0 })
            try transaction.change(
                """
                INSERT INTO checkpoint (number, size, note)
                VALUES (\(try (last?.integer("number") ?? 0) + 1), \(Int(size)), \(signed.text))
                """)
            return signed
        }
    }

    /// The checkpoints kept in the store, oldest first.
    package func checkpoints() throws -> [SignedCheckpoint] {
        try store.read { try StoreLedger.checkpoints(in: $0) }
    }
}
