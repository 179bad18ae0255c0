import Ledger

/// Random numbers that a seed repeats.
package struct Dice: RandomNumberGenerator {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    package mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(bound, 1), using: &self) }
}

/// A ledger in memory with what its owner keeps and what an outsider holds, to attack.
package struct LedgerWorld: Sendable {
    package static let origin = "yijian/trial"
    package static let key = requireKey("office", 1)
    package static let laterKey = requireKey("office-2", 2)
    package static let stranger = requireKey("office", 3)

    package var extract: LedgerExtract
    package var acts: [ChainedAct]
    package var own: [SignedCheckpoint] = []
    package var held: [SignedCheckpoint] = []

    /// An honest history: acts in some matters, checkpoints now and then, every one of them handed out.
    package init(acts count: Int, hash: HashAlgorithm, dice: inout Dice) {
        acts = []
        extract = LedgerExtract(hash: hash)
        var tails: [String: (UInt64, [UInt8])] = [:]
        var key = Self.key
        // Two checkpoints at least: a history cut back to its only one loses nothing that was covered.
        let every = 3 + dice.below(min(9, count - 4))
        for number in 0..<count {
            let matter = "2026-\(dice.below(1 + count / 5))"
            let (last, leaf) = tails[matter] ?? (0, ChainedAct.noLeaf)
            let act = ChainedAct(
                matter: matter, number: last + 1, previous: leaf,
                instant: 1_700_000_000_000 + Int64(number) * 3_600_000,
                body: Array("act \(number) \(dice.next())".utf8))
            tails[matter] = (last + 1, append(act, salt: dice.salt()))
            if number % every == every - 1 || number == count - 2 {
                var newKey: SigningKey?
                if number > count / 2, key.name == Self.key.name { newKey = Self.laterKey }
                own.append(sign(number + 1, [key] + (newKey.map { [$0] } ?? []), newKey: newKey?.verifier))
                key = newKey ?? key
            }
        }
        held = own
    }

    @discardableResult package mutating func append(_ act: ChainedAct, salt: [UInt8]) -> [UInt8] {
        let leaf = act.leaf(salt: salt, extract.hash)
        acts.append(act)
        extract.lines.append((leaf, (salt, act.canonical)))
        return leaf
    }

    package func sign(_ size: Int, _ keys: [SigningKey], newKey: VerifierKey? = nil) -> SignedCheckpoint {
        var tree = TreeInMemory(extract.hash)
        for line in extract.lines.prefix(size) { tree.append(line.leaf) }
        return Checkpoint(
            origin: Self.origin, size: UInt64(size), root: (try? tree.root(UInt64(size))) ?? [],
            instant: (size == 0 ? 0 : acts[size - 1].instant) + 60_000, hash: extract.hash, newKey: newKey
        ).signed(by: keys)
    }

    package func verify() -> [LedgerProblem] {
        do {
            return try LedgerVerification.run(
                extract, hash: extract.hash, own: own, held: held, trusted: [Self.key.verifier]
            ).problems
        } catch {
            return [LedgerProblem(code: "LDG000", message: "\(error)", index: nil)]
        }
    }

    private static func requireKey(_ name: String, _ byte: UInt8) -> SigningKey {
        guard let key = SigningKey(name: name, seed: [UInt8](repeating: byte, count: 32)) else {
            preconditionFailure("a seed of 32 bytes is a key")
        }
        return key
    }
}

extension Dice {
    package mutating func salt() -> [UInt8] { (0..<16).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
