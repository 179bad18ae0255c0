/// Anything that holds a ledger: a table, a folder, an extract somebody was given.
package protocol LedgerSource {
    var count: UInt64 { get }
    func leaf(at index: UInt64) throws -> [UInt8]
    /// Salt and canonical bytes; nil when they were erased or are not disclosed.
    func content(at index: UInt64) throws -> (salt: [UInt8], canonical: [UInt8])?
    /// What the place itself knows to be wrong, asked after everything was read.
    func problemsOfItsOwn() throws -> [LedgerProblem]
}

extension LedgerSource {
    package func problemsOfItsOwn() throws -> [LedgerProblem] { [] }
}

/// What a verification of the ledger found: which rule is broken, and where.
package struct LedgerProblem: Equatable, Sendable, CustomStringConvertible {
    package let code: String
    package let message: String
    /// The leaf it is about, if it is about one.
    package let index: UInt64?

    package init(code: String, message: String, index: UInt64?) {
        self.code = code
        self.message = message
        self.index = index
    }

    package var description: String { "\(code) \(message)" }
}

/// The proof that a ledger is what it was (账本校验): every leaf against its content, every matter's chain, every checkpoint kept
/// here, and above all every checkpoint that others hold.
package struct LedgerVerification: Sendable {
    package private(set) var acts: UInt64 = 0
    package private(set) var withheld: UInt64 = 0
    package private(set) var matters = 0
    package private(set) var root: [UInt8] = []
    package private(set) var problems: [LedgerProblem] = []

    package var isWhole: Bool { problems.isEmpty }

    /// `own` are the checkpoints kept beside the ledger, `held` those that outsiders kept; `trusted` is the first signing key,
    /// or all that were ever announced outside.
    package static func run(
        _ source: any LedgerSource, hash: HashAlgorithm, own: [SignedCheckpoint], held: [SignedCheckpoint] = [],
        trusted: [VerifierKey], clockTolerance: Int64 = 600_000
    ) throws -> LedgerVerification {
        var run = LedgerVerification()
        run.clockTolerance = clockTolerance
        run.times = (own + held).map { ($0.checkpoint.size, $0.checkpoint.instant) }.sorted { $0.size < $1.size }
        let roots = try run.readLeaves(source, hash, sizes: Set((own + held).map(\.checkpoint.size)))
        run.compare(own: own, held: held, trusted: trusted, roots: roots, hash)
        for problem in try source.problemsOfItsOwn() { run.report(problem.code, problem.message, problem.index) }
        return run
    }

    private var clockTolerance: Int64 = 0
    private var times: [(size: UInt64, instant: Int64)] = []
    private var nextTime = 0
    private var earliest = Int64.min

    private struct Tail {
        var number: UInt64
        var leaf: [UInt8]
    }

    /// Every act in order; gives the root at each of `sizes`.
    private mutating func readLeaves(
        _ source: any LedgerSource, _ hash: HashAlgorithm, sizes: Set<UInt64>
    ) throws -> [UInt64: [UInt8]] {
        var tree = TreeInMemory(hash)
        var roots: [UInt64: [UInt8]] = [:]
        var tails: [String: Tail] = [:]
        var withheldLeaves: Set<[UInt8]> = []
        let count = source.count
        if sizes.contains(0) { roots[0] = try tree.root(0) }
        for index in 0..<count {
            let leaf = try source.leaf(at: index)
            tree.append(leaf)
            if sizes.contains(index + 1) { roots[index + 1] = try tree.root(index + 1) }
            acts += 1
            guard let (salt, canonical) = try source.content(at: index) else {
                withheld += 1
                withheldLeaves.insert(leaf)
                continue
            }
            guard ChainedAct.leaf(salt: salt, canonical: canonical, hash) == leaf else {
                report("LDG010", "act \(index): its content is not what its leaf commits to", index)
                continue
            }
            guard let act = ChainedAct(canonical: canonical) else {
                report("LDG011", "act \(index): its content is no act", index)
                continue
            }
            follow(act, leaf, index, &tails, withheldLeaves)
            time(act, index)
        }
        matters = tails.count
        root = try tree.root(count)
        return roots
    }

    /// Each act goes on from the one before it in its matter; a withheld one may stand between.
    private mutating func follow(
        _ act: ChainedAct, _ leaf: [UInt8], _ index: UInt64, _ tails: inout [String: Tail],
        _ withheldLeaves: Set<[UInt8]>
    ) {
        let tail = tails[act.matter]
        let expected = (tail?.number ?? 0) + 1
        if act.previous != tail?.leaf ?? ChainedAct.noLeaf, !withheldLeaves.contains(act.previous) {
            report(
                "LDG012",
                "act \(index), number \(act.number) of \(act.matter): its predecessor is not the act before it", index)
        } else if act.previous == tail?.leaf ?? ChainedAct.noLeaf, act.number != expected {
            report("LDG013", "act \(index): number \(act.number) of \(act.matter), expected \(expected)", index)
        }
        tails[act.matter] = Tail(number: act.number, leaf: leaf)
    }

    /// An act that came after a checkpoint cannot have been recorded before it (倒签), nor the other way round.
    private mutating func time(_ act: ChainedAct, _ index: UInt64) {
        while nextTime < times.count, times[nextTime].size <= index {
            earliest = max(earliest, times[nextTime].instant)
            nextTime += 1
        }
        let latest = nextTime < times.count ? times[nextTime].instant : .max
        if earliest > .min, act.instant < earliest - clockTolerance {
            report("LDG014", "act \(index) says it was recorded before a checkpoint that does not know it", index)
        } else if latest < .max, act.instant - clockTolerance > latest {
            report("LDG014", "act \(index) says it was recorded after a checkpoint that knows it", index)
        }
    }

    /// Checkpoints: signed by a key that is trusted, of this tree, and not contradicting each other.
    private mutating func compare(
        own: [SignedCheckpoint], held: [SignedCheckpoint], trusted: [VerifierKey], roots: [UInt64: [UInt8]],
        _ hash: HashAlgorithm
    ) {
        var keys = trusted
        for (signed, place) in own.map({ ($0, "kept here") }) + held.map({ ($0, "held outside") }) {
            let checkpoint = signed.checkpoint
            if !signed.isSigned(byOneOf: keys) {
                report("LDG030", "the checkpoint at \(checkpoint.size), \(place), is signed by no trusted key", nil)
                continue
            }
            if let key = checkpoint.newKey { keys.append(key) }
            if checkpoint.hash != hash {
                report("LDG031", "the checkpoint at \(checkpoint.size), \(place), uses another hash", nil)
            } else if checkpoint.size > acts {
                report(
                    "LDG032",
                    "the checkpoint at \(checkpoint.size), \(place), knows more acts than the \(acts) here: "
                        + "the tail was cut, or an old copy put back", nil)
            } else if roots[checkpoint.size] != checkpoint.root {
                report(
                    "LDG033",
                    "the first \(checkpoint.size) acts are not those of the checkpoint \(place): history was "
                        + "rewritten, or there are two", nil)
            }
        }
        // What outsiders hold must also be here: a ledger whose own checkpoints are fewer was put back or forked.
        let kept = Set(own.map(\.checkpoint.text))
        for signed in held where !kept.contains(signed.checkpoint.text) && signed.isSigned(byOneOf: keys) {
            report("LDG034", "the checkpoint at \(signed.checkpoint.size) that an outsider holds is not kept here", nil)
        }
        var last: Checkpoint?
        for checkpoint in own.map(\.checkpoint) {
            if let last, checkpoint.size < last.size || checkpoint.instant < last.instant {
                report(
                    "LDG035", "the checkpoint at \(checkpoint.size) is younger or smaller than the one before it", nil)
            }
            last = checkpoint
        }
    }

    private mutating func report(_ code: String, _ message: String, _ index: UInt64?) {
        // A rewritten ledger is wrong in every line; the first thousand say enough.
        if problems.count < 1000 { problems.append(LedgerProblem(code: code, message: message, index: index)) }
    }
}
