import Columns
import Synchronization

/// The ledger in a folder (账本): acts chained per matter, one tree over all of them, signed checkpoints. For one process, without
/// a database.
///
/// `acts/` is a journal whose contents are the canonical bytes of acts, so that its commitments are the leaves; `checkpoints/`
/// holds the notes, one file each. The tree is made from the leaves when it is asked for.
package final class ActLedger: Sendable, LedgerSource {
    package let folder: String
    package let origin: String
    package let hash: HashAlgorithm
    private let acts: Journal
    private let calls: FileCalls
    private let clock: @Sendable () -> Int64
    private let tree: Mutex<TreeInMemory>
    private let busy = Mutex<Set<String>>([])

    /// What an append gives: where the act stands, in its matter and among all.
    package struct Receipt: Equatable, Sendable {
        package let index: UInt64
        package let number: UInt64
        package let leaf: [UInt8]
    }

    package static func open(
        _ folder: String, origin: String, keys: KeyFile, hash: HashAlgorithm = .sha256, toWrite: Bool = true,
        calls: FileCalls = FileCalls(), clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds
    ) throws(JournalError) -> ActLedger {
        try ActLedger(folder, origin: origin, keys: keys, hash: hash, toWrite: toWrite, calls: calls, clock: clock)
    }

    private init(
        _ folder: String, origin: String, keys: KeyFile, hash: HashAlgorithm, toWrite: Bool, calls: FileCalls,
        clock: @escaping @Sendable () -> Int64
    ) throws(JournalError) {
        self.folder = folder
        self.origin = origin
        self.calls = calls
        self.clock = clock
        if toWrite {
            try JournalError.wording("making the ledger's folder") { () throws(FileTrouble) in
                try calls.makeFolder(folder)
                try calls.makeFolder(folder + "/checkpoints")
            }
        }
        var settings = JournalSettings()
        settings.hash = hash
        acts =
            try toWrite
            ? Journal.open(folder + "/acts", keys: keys, settings: settings, calls: calls, clock: clock)
            : Journal.read(folder + "/acts", keys: keys, settings: settings, calls: calls)
        self.hash = acts.hash
        tree = Mutex(TreeInMemory(acts.hash))
    }

    package var problems: [JournalProblem] { acts.opening.problems }
    package func close() { acts.close() }

    // MARK: Acts

    /// Appends act `number` of a matter, 1 for its first. Refused when that is not the next one: somebody acted in between.
    package func append(matter: String, number: UInt64, body: [UInt8]) async throws -> Receipt {
        guard busy.withLock({ $0.insert(matter).inserted }) else { throw conflict(matter, number) }
        defer { busy.withLock { _ = $0.remove(matter) } }
        let tail = try tail(of: matter)
        guard number == tail.number + 1 else { throw conflict(matter, number) }
        let act = ChainedAct(matter: matter, number: number, previous: tail.leaf, instant: clock(), body: body)
        let receipt = try await acts.append(
            JournalEntry(kind: 1, keys: [JournalKey("matter", [matter])], content: act.canonical))
        return Receipt(
            index: receipt.sequence, number: number, leaf: try acts.leaf(at: receipt.sequence))
    }

    /// The number and leaf of a matter's last act; 0 and `noLeaf` when it has none.
    package func tail(of matter: String) throws(JournalError) -> (number: UInt64, leaf: [UInt8]) {
        let found = try acts.sequences(of: JournalKey("matter", [matter]), limit: .max)
        guard let last = found.first else { return (0, ChainedAct.noLeaf) }
        return (UInt64(found.count), try acts.leaf(at: last))
    }

    /// The acts of a matter, first to last; erased ones are left out.
    package func acts(of matter: String) throws -> [(index: UInt64, act: ChainedAct)] {
        try acts.sequences(of: JournalKey("matter", [matter]), limit: .max).reversed().compactMap { index in
            try content(at: index).flatMap { ChainedAct(canonical: $0.canonical) }.map { (index, $0) }
        }
    }

    /// Erases what an act says; its leaf stays (遗忘).
    package func erase(_ index: UInt64) throws { try acts.erase(index) }

    // MARK: Tree

    package var count: UInt64 { acts.figures.nextSequence }

    package func leaf(at index: UInt64) throws -> [UInt8] {
        try grown().node(level: 0, index: index)
    }

    package func content(at index: UInt64) throws -> (salt: [UInt8], canonical: [UInt8])? {
        do throws(JournalError) {
            let record = try acts.record(index)
            return (record.salt, record.content)
        } catch {
            if error.code == "JRN041" { return nil }
            throw error
        }
    }

    /// The tree over all acts there are.
    package func grown() throws -> TreeInMemory {
        try tree.withLock { tree in
            if tree.count < count { try acts.commitments(from: tree.count) { tree.append($0) } }
            return tree
        }
    }

    // MARK: Checkpoints

    /// Signs what the ledger is now and keeps the note. With `replacing`, both keys sign and the new one is named.
    package func checkpoint(_ key: SigningKey, replacing old: SigningKey? = nil) throws -> SignedCheckpoint {
        let tree = try grown()
        let signed = Checkpoint(
            origin: origin, size: tree.count, root: try tree.root(tree.count), instant: clock(), hash: hash,
            newKey: old == nil ? nil : key.verifier
        ).signed(by: [old, key].compactMap { $0 })
        let turn = String(checkpointNames.count)
        let name =
            JournalFolder.name(tree.count).dropLast(8) + "-" + String(repeating: "0", count: max(0, 9 - turn.count))
            + turn
            + ".checkpoint"
        let path = folder + "/checkpoints/" + name
        try JournalError.wording("keeping a checkpoint") { () throws(FileTrouble) in
            try calls.replace(path, with: Array(signed.text.utf8), in: folder + "/checkpoints")
        }
        return signed
    }

    private var checkpointNames: [String] {
        Disk.names(in: folder + "/checkpoints").filter { $0.hasSuffix(".checkpoint") }
    }

    /// The checkpoints kept here, oldest first.
    package func checkpoints() throws(JournalError) -> [SignedCheckpoint] {
        var notes: [SignedCheckpoint] = []
        for name in checkpointNames { notes.append(try SignedCheckpoint(path: folder + "/checkpoints/" + name)) }
        return notes
    }

    private func conflict(_ matter: String, _ number: UInt64) -> JournalError {
        JournalError(
            .conflict, "LDG001", "number \(number) of matter \(matter) cannot be appended: it is not the next one",
            at: folder, advice: "Somebody acted in between: read the matter again, then decide again")
    }
}

extension SignedCheckpoint {
    /// Reads a note from a file.
    package init(path: String) throws(JournalError) {
        let calls = FileCalls()
        let bytes = try JournalError.wording("reading a checkpoint") { () throws(FileTrouble) in
            try calls.read(try calls.open(path), at: 0, count: 65536)
        }
        guard let note = SignedCheckpoint(text: String(decoding: bytes, as: UTF8.self)) else {
            throw JournalError(
                .damaged, "LDG036", "this is no checkpoint, or it was changed", at: path,
                advice: "Restore it from a copy; an outsider may have one")
        }
        self = note
    }
}
