import Database
import Ledger

/// The hash tree as the store keeps it: leaves in `leaf`, complete subtrees above them in `tree_node`.
struct StoreTree: TreeNodes {
    let transaction: Transaction

    func node(level: Int, index: UInt64) throws -> [UInt8] {
        let row =
            level == 0
            ? try transaction.row("SELECT hash FROM leaf WHERE place = \(Int(index))")
            : try transaction.row("SELECT hash FROM tree_node WHERE level = \(level) AND place = \(Int(index))")
        guard let row else {
            throw DoorRefusal(
                .setUp, "the ledger's tree has no node \(index) on level \(level)", at: "the store",
                advice: "run `yijian ledger verify` on the store; nothing was changed")
        }
        return try row.bytes("hash")
    }
}

/// A tree while leaves are added to it: what was made in this transaction, over what was there.
final class GrowingTree: TreeNodes {
    private struct Place: Hashable {
        let level: Int
        let index: UInt64
    }

    private let below: StoreTree
    private var made: [Place: [UInt8]] = [:]

    init(_ transaction: Transaction) { below = StoreTree(transaction: transaction) }

    func node(level: Int, index: UInt64) throws -> [UInt8] {
        if let hash = made[Place(level: level, index: index)] { return hash }
        return try below.node(level: level, index: index)
    }

    /// The nodes that a new leaf brings, itself first.
    func append(_ leaf: [UInt8], at index: UInt64, _ hash: HashAlgorithm) throws -> [(
        level: Int, index: UInt64, hash: [UInt8]
    )] {
        let nodes = try MerkleTree.nodes(appending: leaf, at: index, in: self, hash)
        for node in nodes { made[Place(level: node.level, index: node.index)] = node.hash }
        return nodes
    }
}
