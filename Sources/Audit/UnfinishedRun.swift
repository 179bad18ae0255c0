import Claims
import Columns
import Foundation

/// How far a run was: a consistent cut, with all chunks before `nextChunk` in it and none after.
struct Checkpoint: Codable {
    /// What was audited with what. A run goes on only from a checkpoint of an equal one.
    struct Identity: Codable, Equatable {
        /// SHA-256 of the dataset's manifest, in hexadecimal digits.
        let dataset: String
        let package: String
        let rules: [String]
        let from: String?
        let to: String?
        let since: Int?
        let persons: [String]?
        let undeterminedRows: Bool
        let isGeneral: Bool
        let chunks: Int
        /// Another build may number things otherwise.
        let program: String
    }

    struct Tally: Codable {
        let evaluated: Int
        let findings: Int
        let undetermined: [Undetermined]
    }

    struct Undetermined: Codable {
        let cause: Int32
        let name: String
        let month: Int32
        let units: Int
    }

    let identity: Identity
    /// The file of findings that it belongs to.
    let findings: String
    let mark: FindingWriter.Mark
    let nextChunk: Int
    let counts: SharedRun.Counts
    let tallies: [Tally]
}

/// The part of a run that is on disk before it ends, so that a run that was stopped, or killed, goes on (断点续跑).
///
/// It lies in `unfinished/` in the run's folder: the findings written so far and the last checkpoint. Counts for rules
/// across persons are not kept; whoever goes on makes them again.
final class UnfinishedRun {
    let writer: FindingWriter
    private(set) var nextChunk = 0
    private(set) var counts = SharedRun.Counts()
    private(set) var tallies: [RuleTally]

    private let folder: String
    private let findings: String
    private let identity: Checkpoint.Identity
    private let program: Program
    private let checkpointSeconds: Double
    private let clock = Stopwatch()
    private let disk = Disk()
    private var marks = 0
    private var last: Checkpoint?

    /// Takes up what an equal run left, or begins.
    init(
        in runFolder: String, of dataset: Dataset, _ rules: [CompiledRule], _ binding: Binding,
        _ options: AuditOptions, chunks: Int, _ dictionaries: FindingDictionaries
    ) throws {
        folder = runFolder + "/unfinished"
        program = binding.program
        checkpointSeconds = options.checkpointSeconds
        tallies = Array(repeating: RuleTally(), count: binding.rules.count)
        identity = try Checkpoint.Identity(dataset, rules, binding.plan.packageHash, options, chunks: chunks)
        try disk.makeDirectory(folder)
        let checkpoint = options.goesOn ? Self.read(folder, identity) : nil
        let names = Disk.names(in: folder)
        let taken = names.compactMap {
            $0.split(whereSeparator: { "-.".contains($0) }).dropFirst().first.flatMap { Int($0) }
        }
        findings = folder + "/findings-\((taken.max() ?? 0) + 1)"
        let begin = { [findings] in
            try FindingWriter(
                path: findings, dictionaries: dictionaries, batchRows: options.findingsPerBatch,
                metadata: ["package": binding.plan.packageHash, "generation": "\(dataset.generation)"])
        }
        if let checkpoint {
            let earlier = checkpoint.tallies.compactMap { [program] in $0.tally(program) }
            let writer = try begin()
            if earlier.count == tallies.count, try writer.takeUp(checkpoint.mark, from: checkpoint.findings) {
                self.writer = writer
                (nextChunk, counts, tallies) = (checkpoint.nextChunk, checkpoint.counts, earlier)
                try save()
                return
            }
        }
        for name in names { try disk.remove(folder + "/" + name) }
        try? disk.remove(findings)
        writer = try begin()
    }

    /// After a round: what its workers found is part of the run now. Throws what stopped them.
    func advance(to shared: SharedRun, _ workers: [ChunkWorker]) throws {
        if let failure = shared.failure, !(failure is AuditCancelled) { throw failure }
        for worker in workers {
            for (index, tally) in worker.takeTallies().enumerated() { tallies[index].add(tally) }
        }
        nextChunk = shared.claimed
        counts = shared.counts
        // The pass across persons follows: where the timelines took long, they are not lost with it.
        if nextChunk < identity.chunks || shared.failure != nil || clock.seconds > checkpointSeconds { try save() }
        try shared.check()
    }

    /// Puts the findings in their place.
    func finish(as path: String) throws -> FileSummary {
        let summary = try writer.finish()
        try disk.rename(findings, to: path)
        try disk.remove(folder)
        return summary
    }

    /// The error to throw on; what no checkpoint needs is given up.
    func left(by error: any Error) -> any Error {
        try? clear()
        guard error is AuditCancelled, let last, identity.chunks > 0 else { return error }
        return AuditCancelled(shareDone: Double(last.nextChunk) / Double(identity.chunks))
    }

    /// A checkpoint as it lies in its file: one flipped bit could name another chunk, or another count.
    private struct Kept: Codable {
        let checksum: UInt32
        let checkpoint: Checkpoint

        init(_ checkpoint: Checkpoint) throws {
            self.checkpoint = checkpoint
            checksum = try Self.checksum(of: checkpoint)
        }

        func isWhole() -> Bool { (try? Self.checksum(of: checkpoint)) == checksum }

        func encoded() throws -> Data { try Self.encoder.encode(self) }

        private static func checksum(of checkpoint: Checkpoint) throws -> UInt32 {
            try encoder.encode(checkpoint).withUnsafeBytes { crc32c($0) }
        }

        private static var encoder: JSONEncoder {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return encoder
        }
    }

    private static func read(_ folder: String, _ identity: Checkpoint.Identity) -> Checkpoint? {
        guard let data = FileManager.default.contents(atPath: folder + "/state.json"),
            let kept = try? JSONDecoder().decode(Kept.self, from: data), kept.isWhole(),
            kept.checkpoint.identity == identity, kept.checkpoint.mark.next == kept.checkpoint.nextChunk,
            (0...identity.chunks).contains(kept.checkpoint.nextChunk)
        else { return nil }
        return kept.checkpoint
    }

    private func save() throws {
        marks += 1
        let checkpoint = Checkpoint(
            identity: identity, findings: findings, mark: try writer.mark(rest: "\(findings).rest-\(marks)"),
            nextChunk: nextChunk, counts: counts, tallies: tallies.map { Checkpoint.Tally($0, program) })
        try disk.replace(folder + "/state.json", with: Array(Kept(checkpoint).encoded()), directory: folder)
        last = checkpoint
        try clear()
    }

    /// Removes what the last checkpoint does not need.
    private func clear() throws {
        guard let last else { return try disk.remove(folder) }
        let kept = [folder + "/state.json", last.findings, last.mark.rest?.path]
        for name in Disk.names(in: folder) where !kept.contains(folder + "/" + name) {
            try disk.remove(folder + "/" + name)
        }
    }
}

extension Checkpoint.Identity {
    init(
        _ dataset: Dataset, _ runnable: [CompiledRule], _ package: String, _ options: AuditOptions, chunks: Int
    ) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        self.dataset = SHA256.hex(of: Array(try encoder.encode(dataset.manifest)))
        self.package = package
        rules = runnable.map { $0.rule.id + " " + $0.rule.version }
        from = options.from.map { "\($0)" }
        to = options.to.map { "\($0)" }
        since = options.since
        persons = options.persons
        undeterminedRows = options.undeterminedRows
        isGeneral = options.generalPathOnly
        self.chunks = chunks
        let program = try? FileManager.default.attributesOfItem(
            atPath: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path)
        let changed = (program?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        self.program = "\(program?[.size] ?? 0) \(changed)"
    }
}

extension Checkpoint.Tally {
    init(_ tally: RuleTally, _ program: Program) {
        evaluated = tally.evaluated
        findings = tally.findings
        undetermined = tally.undetermined.map { key, units in
            Checkpoint.Undetermined(
                cause: key.cause, name: program.causeName(key.cause), month: key.month, units: units)
        }
        .sorted { ($0.cause, $0.month) < ($1.cause, $1.month) }
    }

    /// Nil when a cause has another number now.
    func tally(_ program: Program) -> RuleTally? {
        var tally = RuleTally()
        tally.evaluated = evaluated
        tally.findings = findings
        for entry in undetermined {
            guard program.hasCause(entry.cause), program.causeName(entry.cause) == entry.name else { return nil }
            tally.undetermined[RuleTally.UndeterminedKey(cause: entry.cause, month: entry.month)] = entry.units
        }
        return tally
    }
}
