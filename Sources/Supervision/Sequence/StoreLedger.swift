import Database
import Ledger

/// The ledger of a live store, as one unchanging state of it: what a verification or an extract reads (存储中的账本).
///
/// Reads in windows, so that a ledger of millions costs little memory. What the tables themselves betray (an act that is gone, one
/// that no sequencer will ever see, a node that is not the hash of its children) is told at the end.
package final class StoreLedger: LedgerSource {
    private struct Line {
        let leaf: [UInt8]
        let content: (salt: [UInt8], canonical: [UInt8])?
    }

    private static let windowCount = 500
    private static let problemsMax = 1_000

    private let transaction: Transaction
    private let seals: Seals
    package let hash: HashAlgorithm = .sha256
    package let count: UInt64
    private var window: [Line] = []
    private var windowStart: UInt64 = 0
    private var found: [LedgerProblem] = []

    private init(_ transaction: Transaction, _ seals: Seals) throws {
        self.transaction = transaction
        self.seals = seals
        count = UInt64(try transaction.integer("SELECT size FROM ledger_head WHERE name = \(Sequencer.head)"))
    }

    /// Reads the ledger of a store while others write to it.
    package static func read<T>(_ store: Store, _ seals: Seals, _ body: (StoreLedger) throws -> T) throws -> T {
        try store.read { try body(StoreLedger($0, seals)) }
    }

    /// Verifies a live store: contents, chains, tree, checkpoints kept here and those that outsiders hold.
    package static func verify(
        _ store: Store, _ seals: Seals, held: [SignedCheckpoint] = [], trusted: [VerifierKey]
    ) throws -> (run: LedgerVerification, own: Int, waiting: Int) {
        try store.read { try verify($0, seals, held: held, trusted: trusted) }
    }

    static func verify(
        _ transaction: Transaction, _ seals: Seals, held: [SignedCheckpoint], trusted: [VerifierKey]
    ) throws -> (run: LedgerVerification, own: Int, waiting: Int) {
        let ledger = try StoreLedger(transaction, seals)
        let own = try checkpoints(in: transaction)
        let run = try LedgerVerification.run(ledger, hash: ledger.hash, own: own, held: held, trusted: trusted)
        return (run, own.count, try transaction.integer("SELECT COUNT(*) FROM arrival"))
    }

    /// Notes in the trail that content was disclosed to somebody outside, and why. Who runs this holds the key file and no post.
    package static func recordDisclosure(
        in store: Store, of object: String, reason: String, surroundings: Surroundings = .system
    ) throws {
        try store.write {
            try $0.leaveTrail(at: surroundings.now(), "", "ledger.extract", object, isAllowed: true, reason)
        }
    }

    static func checkpoints(in transaction: Transaction) throws -> [SignedCheckpoint] {
        var notes: [SignedCheckpoint] = []
        try transaction.eachRow("SELECT number, note FROM checkpoint", by: ["number"]) { row in
            guard let note = SignedCheckpoint(text: try row.text("note")) else {
                throw DoorRefusal.damaged("checkpoint \(try row.integer("number")) is no checkpoint, or was changed")
            }
            notes.append(note)
        }
        return notes
    }

    package func leaf(at index: UInt64) throws -> [UInt8] { try line(index).leaf }
    package func content(at index: UInt64) throws -> (salt: [UInt8], canonical: [UInt8])? { try line(index).content }

    /// The matter and number of the act at a place, as the tree's table names them.
    package func act(at index: UInt64) throws -> (matter: String, number: Int)? {
        try transaction.row("SELECT matter, act FROM leaf WHERE place = \(Int(index))").map {
            (try $0.text("matter"), try $0.integer("act"))
        }
    }

    private func line(_ index: UInt64) throws -> Line {
        if index < windowStart || index >= windowStart + UInt64(window.count) { try load(index) }
        return window[Int(index - windowStart)]
    }

    private func load(_ index: UInt64) throws {
        let first = Int(index)
        let last = min(first + Self.windowCount, Int(count))
        let rows = try transaction.rows(
            """
            SELECT l.place, l.matter, l.act, l.hash, a.number, a.leaf, a.sealed FROM leaf l
            LEFT JOIN act a ON a.matter = l.matter AND a.number = l.act
            WHERE l.place >= \(first) AND l.place < \(last) ORDER BY l.place
            """)
        window.removeAll(keepingCapacity: true)
        windowStart = index
        var next = rows.makeIterator()
        var row = next.next()
        for place in first..<last {
            guard let here = row, try here.integer("place") == place else {
                report("LDG015", "the tree's table has no leaf at \(place)", UInt64(place))
                window.append(Line(leaf: [UInt8](repeating: 0, count: HashAlgorithm.byteCount), content: nil))
                continue
            }
            window.append(try line(here, place))
            row = next.next()
        }
    }

    private func line(_ row: Row, _ place: Int) throws -> Line {
        let leaf = try row.bytes("hash")
        let (matter, number) = (try row.text("matter"), try row.integer("act"))
        guard try row.integerIfAny("number") != nil else {
            report("LDG015", "act \(place), number \(number) of \(matter), is not in the store any more", UInt64(place))
            return Line(leaf: leaf, content: nil)
        }
        if try row.bytes("leaf") != leaf {
            report(
                "LDG010", "act \(place), number \(number) of \(matter): its leaf is not the one in the tree",
                UInt64(place))
        }
        guard let sealed = try row.bytesIfAny("sealed") else { return Line(leaf: leaf, content: nil) }
        // What does not open is an empty content: no content of this leaf, and the verification says so.
        let plain = try seals.openIfWhole(sealed, at: MatterShelf.place(matter, number)) ?? []
        return Line(
            leaf: leaf,
            content: (Array(plain.prefix(ChainedAct.saltCount)), Array(plain.dropFirst(ChainedAct.saltCount))))
    }

    // MARK: What the tables betray

    package func problemsOfItsOwn() throws -> [LedgerProblem] {
        try lookForOutsiders()
        try compareNodes()
        return found
    }

    /// Acts without a place that do not wait for one, leaves and waiting ones without bounds.
    private func lookForOutsiders() throws {
        for row in try transaction.rows(
            """
            SELECT a.matter, a.number FROM act a
            WHERE NOT EXISTS (SELECT 1 FROM leaf l WHERE l.matter = a.matter AND l.act = a.number)
            AND NOT EXISTS (SELECT 1 FROM arrival r WHERE r.matter = a.matter AND r.act = a.number)
            ORDER BY a.matter, a.number LIMIT \(Self.problemsMax)
            """)
        {
            report(
                "LDG016",
                "number \(try row.integer("number")) of \(try row.text("matter")) has no place in the tree and waits for none",
                nil)
        }
        for row in try transaction.rows(
            """
            SELECT r.matter, r.act FROM arrival r LEFT JOIN act a ON a.matter = r.matter AND a.number = r.act
            WHERE a.leaf IS NULL OR a.leaf <> r.hash ORDER BY r.number LIMIT \(Self.problemsMax)
            """)
        {
            report(
                "LDG015",
                "number \(try row.integer("act")) of \(try row.text("matter")) waits for a place but is not in the store",
                nil)
        }
        let beyond = try transaction.integer("SELECT COUNT(*) FROM leaf WHERE place >= \(Int(count))")
        if beyond > 0 { report("LDG017", "the tree's table has \(beyond) leaves beyond its size", nil) }
    }

    /// Every kept node against its two children, level by level.
    private func compareNodes() throws {
        var level = 1
        while count >> UInt64(level) > 0 {
            let wanted = Int(count >> UInt64(level))
            var next = 0
            while next < wanted {
                let last = min(next + Self.windowCount, wanted)
                let parents = try hashes(level, next, last)
                let children = try hashes(level - 1, 2 * next, 2 * last)
                for place in next..<last {
                    guard let parent = parents[place], let left = children[2 * place],
                        let right = children[2 * place + 1], MerkleTree.parent(left, right, hash) == parent
                    else {
                        report(
                            "LDG017", "node \(place) on level \(level) of the tree is not the hash of its children", nil
                        )
                        continue
                    }
                }
                next = last
            }
            level += 1
        }
        let kept = try transaction.integer("SELECT COUNT(*) FROM tree_node")
        let right = (1..<64).reduce(0) { $0 + Int(count >> UInt64($1)) }
        if kept != right { report("LDG017", "the tree's table has \(kept) nodes; \(right) belong there", nil) }
    }

    private func hashes(_ level: Int, _ first: Int, _ last: Int) throws -> [Int: [UInt8]] {
        var hashes: [Int: [UInt8]] = [:]
        let rows =
            level == 0
            ? try transaction.rows("SELECT place, hash FROM leaf WHERE place >= \(first) AND place < \(last)")
            : try transaction.rows(
                "SELECT place, hash FROM tree_node WHERE level = \(level) AND place >= \(first) AND place < \(last)")
        for row in rows { hashes[try row.integer("place")] = try row.bytes("hash") }
        return hashes
    }

    private func report(_ code: String, _ message: String, _ index: UInt64?) {
        if found.count < Self.problemsMax { found.append(LedgerProblem(code: code, message: message, index: index)) }
    }
}
