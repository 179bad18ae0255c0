import Claims
import Columns
import Foundation

/// What an import has read so far, kept in files of its work folder, so that the same command goes on where it was stopped
/// (断点续传).
///
/// A part holds what was read since the part before it: which files, their rows as they lie in memory, the values of code
/// fields in the order of their numbers, refused rows, counts. Parts count from the first on, as far as each is whole
/// (SHA-256) and belongs to this very import: mapping, options, key, files by size and time, and what the dataset held.
/// Everything else is forgotten. A part is written beside its name and renamed, so that a stopped import leaves it whole or
/// not at all.
final class ImportParts {
    /// One file that was read to its end in a pass.
    struct Step: Codable, Equatable {
        let phase: String
        let file: Int
        let fingerprint: String
        /// The column names, where the format has them.
        let header: [String]?
    }

    struct Run: Codable {
        let table: Table
        let partition: Int
        let bytes: Int
    }

    struct Head: Codable {
        var signature: String
        var steps: [Step] = []
        /// Values that were new, by table and number of the field.
        var codes: [Table: [Int: [String]]] = [:]
        var balances: [Table: Balance] = [:]
        var profiles: [Seen] = []
        var firstLineDay = Int32.max
        var lastLineDay = Int32.min
        var identityNumbers = 0
        var wrongIdentityNumbers = 0
        var rejects: [UInt64] = []
        var runs: [Run] = []
    }

    struct Seen: Codable {
        let mapping: Int
        let profile: FieldProfile.Counts
    }

    private static let mark = Array("YJPART1\n".utf8)
    private static let headMax = 1 << 30

    private let folder: String
    let signature: String
    /// The parts that were found whole, in their order.
    private(set) var found: [Head] = []
    private var written = 0

    /// Looks for parts of an earlier run of the same import.
    init(folder: String, signature: String) {
        self.folder = folder
        self.signature = signature
        while let head = try? read(found.count, { _, _ in }), head.signature == signature { found.append(head) }
        written = found.count
        // What follows a gap, or belongs to another import, is of no use.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let kept = Set((0..<written).map(Self.name))
        for name in names where !kept.contains(name) {
            try? FileManager.default.removeItem(atPath: folder + "/" + name)
        }
    }

    private static func name(_ number: Int) -> String { "part-\(number)" }

    /// The step of an earlier run that read the file in the pass.
    func covered(_ phase: String, _ file: Int) -> Step? {
        for head in found {
            if let step = head.steps.first(where: { $0.phase == phase && $0.file == file }) { return step }
        }
        return nil
    }

    /// Hands over the rows of a part that was found, run by run; `wanted` says which tables.
    func rows(of number: Int, _ wanted: (Table) -> Bool, _ take: (Run, UnsafeMutableRawBufferPointer) throws -> Void)
        throws
    {
        _ = try read(number) { run, bytes in if wanted(run.table) { try take(run, bytes) } }
    }

    /// Writes the next part; `rows` hands over the bytes of the runs in their order.
    func write(_ head: Head, _ rows: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws(IngestError) {
        let path = folder + "/" + Self.name(written)
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let sink = try PartSink(path + ".new")
            let text = try JSONEncoder().encode(head)
            var count = UInt64(text.count).littleEndian
            try Self.mark.withUnsafeBytes { try sink.write($0) }
            try withUnsafeBytes(of: &count) { try sink.write($0) }
            try text.withUnsafeBytes { try sink.write($0) }
            try rows { try sink.write($0) }
            try sink.finish(as: path)
        } catch let error as IngestError {
            throw error
        } catch {
            throw IngestError(
                "ING102", "The part cannot be written: \(error)", at: path,
                advice: "Check the work folder, and run the same command again")
        }
        written += 1
    }

    // MARK: Reading

    private struct Damaged: Error {}

    private func read(
        _ number: Int, _ take: (Run, UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> Head {
        guard let file = FileHandle(forReadingAtPath: folder + "/" + Self.name(number)) else { throw Damaged() }
        defer { try? file.close() }
        let digest = SHA256()
        func next(_ count: Int) throws -> Data {
            guard count >= 0, let data = try file.read(upToCount: count), data.count == count else { throw Damaged() }
            data.withUnsafeBytes { digest.update($0) }
            return data
        }
        guard Array(try next(Self.mark.count)) == Self.mark else { throw Damaged() }
        let size = try next(8).withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard size <= UInt64(Self.headMax) else { throw Damaged() }
        let head = try JSONDecoder().decode(Head.self, from: try next(Int(size)))
        for run in head.runs {
            guard run.bytes > 0 else { throw Damaged() }
            var bytes = [UInt8](try next(run.bytes))
            try bytes.withUnsafeMutableBytes { try take(run, $0) }
        }
        let sum = digest.finish()
        guard let stated = try file.read(upToCount: sum.count), Array(stated) == sum,
            try file.read(upToCount: 1)?.isEmpty ?? true
        else { throw Damaged() }
        return head
    }
}

/// A part while it is written: bytes, then their digest, then durable under its name.
private final class PartSink {
    private let descriptor: Int32
    private let path: String
    private let digest = SHA256()

    init(_ path: String) throws(IngestError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw IngestError.cannotWrite(path) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer) throws(IngestError) {
        digest.update(bytes)
        try put(bytes)
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(IngestError) {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let count = Glibc.write(descriptor, base + done, bytes.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw IngestError.cannotWrite(path) }
            done += count
        }
    }

    func finish(as name: String) throws(IngestError) {
        let sum = digest.finish()
        var failure: IngestError?
        sum.withUnsafeBytes { bytes in
            do throws(IngestError) { try put(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        guard fsync(descriptor) == 0, rename(path, name) == 0 else { throw IngestError.cannotWrite(path) }
    }
}
