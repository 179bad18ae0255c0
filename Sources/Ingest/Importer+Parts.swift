import Claims
import Columns
import Foundation

/// Going on after an import was stopped: what earlier runs of the same command read is taken over, what this one reads is
/// kept from time to time.
extension Importer {
    /// Which import this is: nothing of another one may be taken over.
    func signature(parent: Dataset?, sources: [SourceFile]) -> String {
        var lines = ["parts 1", mappingText, "strict \(options.strictCodes)", "repeats \(options.repeats)"]
        lines.append(
            "key " + (options.keyFile.flatMap { FileManager.default.contents(atPath: $0) }.map(Self.digest) ?? "none"))
        let segments = parent?.manifest.segments.map(\.sha256) ?? []
        lines.append("dataset \(parent?.generation ?? 0) " + segments.joined(separator: " "))
        for file in sources { lines.append("\(file.number) \(file.path) \(file.state)") }
        return SHA256.hex(of: lines.joined(separator: "\n"))
    }

    private static func digest(_ data: Data) -> String { data.withUnsafeBytes { SHA256.hex(of: $0) } }

    /// Takes over the rows of earlier parts that belong to a pass.
    func restored(_ phase: IngestProgress.Phase, partitions: Int) throws -> ThreadState? {
        guard let parts, !parts.found.isEmpty else { return nil }
        let state = ThreadState(self, partitions: partitions)
        for number in parts.found.indices {
            try parts.rows(
                of: number, { ($0 == .person || $0 == .encounter) == (phase == .headers) },
                { run, bytes in try state.adopt(bytes, run.table, partition: run.partition) })
        }
        return state
    }

    /// Takes over everything else of them, before the first file is read: the numbers of codes are those of then.
    func restoreCounts() {
        for head in parts?.found ?? [] {
            for (table, fields) in head.codes {
                for (field, values) in fields { tables.dictionaries[table]?[field]?.take(values) }
            }
            takeOver(head)
            pseudonym?.add(head.identityNumbers, wrong: head.wrongIdentityNumbers)
        }
        noteCodes()
    }

    /// Writes what was read since the last part.
    func keepPart(_ steps: [ImportParts.Step], _ states: [ThreadState]) throws {
        guard let parts else { return }
        var head = ImportParts.Head(signature: parts.signature)
        head.steps = steps
        head.codes = takeNewCodes()
        (head.identityNumbers, head.wrongIdentityNumbers) = takeNewIdentityNumbers()
        head.profiles = takeNewProfiles()
        var pieces: [(StagedRows, StagedRows.Piece)] = []
        for state in states {
            state.takeNewCounts(into: &head)
            for (table, rows) in state.staged.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                for piece in rows.takeNewPieces() {
                    head.runs.append(ImportParts.Run(table: table, partition: piece.partition, bytes: piece.count))
                    pieces.append((rows, piece))
                }
            }
        }
        try parts.write(head) { put in
            for (rows, piece) in pieces { try rows.read(piece, put) }
        }
    }
}
