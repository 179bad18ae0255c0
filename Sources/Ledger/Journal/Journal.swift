import Dispatch
import Glibc
import Synchronization

/// The record of everything received and answered (日志): what was acknowledged is on disk and is found again after any crash.
///
/// Appends from any thread wait together; one writer makes one write and one sync of all that wait (group commit), then
/// acknowledges them. Records are linked by hashes, enciphered, and found by key. A folder is written by one process at a time;
/// opening it is recovering it, and changes nothing in it. The layout is in `docs/journal.md`.
package final class Journal: Sendable {
    package let folder: String
    /// What the start found.
    package let opening: JournalOpening
    private let body: FrameBody
    private let settings: JournalSettings
    private let keys: KeyFile
    private let calls: FileCalls
    private let shelf: SegmentShelf
    private let writer: JournalWriter?
    private let queue = DispatchQueue(label: "journal.writer")
    private let waiting = Mutex(Waiting())
    private let lock: Mutex<OpenFile?>
    private let startLink: [UInt8]
    /// The number of this journal: it stands in every segment, and no other journal has it. Empty while a journal that is
    /// only read has no segment.
    package let identity: [UInt8]

    private struct Waiting {
        var items: [JournalWriter.Item] = []
        var bytes = 0
        var isDraining = false
        var isClosed = false
        var refused = 0
    }

    /// Opens a journal to write and read; makes the folder when it is not there.
    ///
    /// Damaged records do not keep it from taking new ones: see `opening.problems`. Throws when the folder, the lock or the
    /// key file cannot be used.
    package static func open(
        _ folder: String, keys: KeyFile, settings: JournalSettings = JournalSettings(), calls: FileCalls = FileCalls(),
        clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds
    ) throws(JournalError) -> Journal {
        try Journal(folder, keys: keys, settings: settings, calls: calls, clock: clock)
    }

    /// Opens a journal only to read it, also while another process writes it: it sees what was there at this moment.
    package static func read(
        _ folder: String, keys: KeyFile, settings: JournalSettings = JournalSettings(), calls: FileCalls = FileCalls()
    ) throws(JournalError) -> Journal {
        try Journal(folder, keys: keys, settings: settings, calls: calls, clock: nil)
    }

    private init(
        _ folder: String, keys: KeyFile, settings: JournalSettings, calls: FileCalls, clock: (@Sendable () -> Int64)?
    ) throws(JournalError) {
        let files = JournalFolder(path: folder, calls: calls)
        let held = try JournalError.wording("opening the journal") { () throws(FileTrouble) -> OpenFile? in
            guard clock != nil else {
                _ = try calls.open(folder)
                return nil
            }
            try calls.makeFolder(folder)
            let lock = try calls.lock(folder + "/lock")
            for draft in files.drafts() { try calls.remove(draft) }
            return lock
        }
        lock = Mutex(held)
        let found = try JournalShelf(files, keys: keys, filterBytes: settings.filterBytes, toWrite: clock != nil)
        let hash = found.hash ?? settings.hash
        self.folder = folder
        self.keys = keys
        self.settings = settings
        self.calls = calls
        opening = found.opening
        startLink = found.lastLink
        body = FrameBody(keys: keys, hash: hash)
        shelf = SegmentShelf(found.segments)
        identity = found.journal ?? (clock == nil ? [] : RandomBytes.make(16))
        if let clock {
            let identity = SegmentIdentity(keys: keys, journal: identity, hash: hash)
            writer = JournalWriter(
                files, identity: identity, settings: settings, clock: clock, shelf: shelf, open: found.open,
                nextSequence: found.opening.nextSequence, lastLink: found.lastLink,
                sealing: SegmentSealing(files, body: body, settings: settings, shelf: shelf))
        } else {
            writer = nil
        }
        writer?.sealClosed()
    }

    // MARK: Writing

    /// Records an entry. `then` is called, on the writer's thread, when it is durable or has failed; do little there.
    ///
    /// With `unlessKnown`, nothing is written when a record with that key is there already, be it a moment ago: two copies of a
    /// request that arrive together become one record, and both callers hear its number.
    package func append(
        _ entry: JournalEntry, unlessKnown key: JournalKey? = nil,
        then: @escaping @Sendable (Result<JournalReceipt, JournalError>) -> Void
    ) {
        guard entry.content.count <= Frame.bodyBytesMax, entry.keys.count <= Frame.keysMax else {
            return then(.failure(.tooLarge(entry, at: folder)))
        }
        let tags = entry.keys.map { KeyTag($0, keys.codes) }
        let tag = key.map { key in entry.keys.firstIndex(of: key).map { tags[$0] } ?? KeyTag(key, keys.codes) }
        // What is sealed is looked up here, on the caller's thread; the writer looks only at what came since.
        let seen = shelf.next
        if let tag {
            do throws(JournalError) {
                if let sequence = try shelf.sequences(of: tag, limit: 1, from: 0, calls: calls).first {
                    return then(.success(.known(sequence: sequence)))
                }
            } catch {
                return then(.failure(error))
            }
        }
        // Refused before its body is enciphered: a flood must not cost what it is refused for.
        let size = entry.content.count + Frame.headCount
        let refusal: JournalError? = waiting.withLock { waiting in
            guard writer != nil, !waiting.isClosed else { return .closed(at: folder) }
            if waiting.items.count >= settings.waitingRecords || waiting.bytes + size > settings.waitingBytes {
                waiting.refused += 1
                return .busy(at: folder)
            }
            waiting.bytes += size
            return nil
        }
        if let refusal { return then(.failure(refusal)) }
        let item = JournalWriter.Item(frame: body.frame(entry, tags), unless: tag, seen: seen, size: size, then: then)
        let isFirst = waiting.withLock { waiting in
            waiting.items.append(item)
            defer { waiting.isDraining = true }
            return !waiting.isDraining
        }
        if isFirst { queue.async { self.drain() } }
    }

    package func append(_ entry: JournalEntry, unlessKnown key: JournalKey? = nil) async throws(JournalError)
        -> JournalReceipt
    {
        let result = await withCheckedContinuation { continuation in
            append(entry, unlessKnown: key) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Waits for what is waiting and for sealing in progress, then takes nothing any more and lets another writer in. Not to be
    /// called from a callback of `append`.
    package func close() {
        waiting.withLock { $0.isClosed = true }
        queue.sync { self.drain() }
        writer?.finishSealing()
        lock.withLock { $0 = nil }
    }

    private func drain() {
        while let writer {
            let batch = waiting.withLock { waiting -> [JournalWriter.Item] in
                var bytes = 0
                let count = waiting.items.firstIndex { item in
                    bytes += item.size
                    return bytes > JournalWriter.batchBytes && bytes > item.size
                }
                let batch = Array(waiting.items.prefix(min(count ?? .max, JournalWriter.batchRecords)))
                waiting.items.removeFirst(batch.count)
                waiting.isDraining = !batch.isEmpty
                return batch
            }
            if batch.isEmpty { return }
            writer.write(batch)
            let size = batch.reduce(0) { $0 + $1.size }
            let isFew = waiting.withLock { waiting in
                waiting.bytes -= size
                return waiting.items.count < JournalWriter.batchGathered
            }
            if isFew, batch.count >= JournalWriter.batchCrowded { usleep(JournalWriter.gatheringMicroseconds) }
        }
    }

    // MARK: Reading

    /// The newest durable record with this key.
    package func newest(_ key: JournalKey) throws(JournalError) -> UInt64? {
        try sequences(of: key, limit: 1).first
    }

    /// The durable records with this key, newest first.
    package func sequences(of key: JournalKey, limit: Int = 16) throws(JournalError) -> [UInt64] {
        try shelf.sequences(of: KeyTag(key, keys.codes), limit: limit, from: 0, calls: calls)
    }

    /// A record, compared with its commitment.
    package func record(_ sequence: UInt64) throws(JournalError) -> JournalRecord {
        guard let segment = shelf.segment(holding: sequence) else { throw .absent(sequence, shelf, at: folder) }
        return try body.record(try segment.frame(sequence, calls: calls), path: segment.path)
    }

    /// The commitment of a record.
    package func leaf(at sequence: UInt64) throws(JournalError) -> [UInt8] {
        guard let segment = shelf.segment(holding: sequence) else { throw .absent(sequence, shelf, at: folder) }
        return try segment.frame(sequence, calls: calls).commitment
    }

    package var hash: HashAlgorithm { body.hash }

    /// Hands over every record from `first` on, rising, until `visit` answers false; erased ones are passed over. Memory: one
    /// record.
    package func replay(from first: UInt64 = 0, visit: (JournalRecord) throws -> Bool) throws {
        try frames(from: first, withBody: true) { frame, path in
            try frame.isErased || visit(try body.record(frame, path: path))
        }
    }

    /// The commitments of all records from `first` on: the leaves of a tree over them.
    package func commitments(from first: UInt64, visit: ([UInt8]) -> Void) throws {
        try frames(from: first, withBody: false) { frame, _ in
            visit(frame.commitment)
            return true
        }
    }

    private func frames(from first: UInt64, withBody: Bool, visit: (Frame, String) throws -> Bool) throws {
        var sequence = max(first, shelf.first)
        while sequence < shelf.next {
            guard let segment = shelf.segment(holding: sequence) else {
                throw JournalError(
                    .damaged, "JRN034", "record \(sequence) and those up to the next segment are missing", at: folder,
                    advice:
                        "Run `yijian journal verify`; restore the segments from a copy, or replay from a later record")
            }
            let (file, end) = try JournalError.wording("reading records") { () throws(FileTrouble) in
                try segment.extent(calls)
            }
            var walk = FrameWalk(file, to: end, calls: calls)
            while sequence < segment.next, case .frame(let frame, _, _) = try walk.next(withBody: withBody) {
                guard frame.sequence >= sequence else { continue }
                guard frame.sequence == sequence, try visit(frame, segment.path) else { return }
                sequence += 1
            }
            guard walk.offset >= end || sequence >= segment.next else {
                throw JournalError(
                    .damaged, "JRN030", "record \(sequence) is damaged", at: segment.path,
                    advice: "Run `yijian journal verify`; restore this segment from a copy")
            }
        }
    }

    /// Erases the body of a record for good (遗忘): its number, link and commitment stay, so that everything still verifies.
    ///
    /// Its segment is closed, sealed and written anew without it. Copies elsewhere are the caller's to find.
    package func erase(_ sequence: UInt64) throws {
        guard let writer else { throw JournalError.closed(at: folder) }
        _ = try record(sequence)
        if let live = shelf.segment(holding: sequence) as? LiveSegment {
            queue.sync { writer.close(live) }
            writer.finishSealing()
        }
        guard let segment = shelf.segment(holding: sequence) as? SealedSegment else {
            throw JournalError(
                .failing, "JRN042", "the segment of record \(sequence) could not be sealed", at: folder,
                advice: "Make room on the disk or mend the segment, then erase again")
        }
        try writer.rewrite(segment, erasing: sequence)
    }

    /// Gives up the oldest sealed segments whose records are all older than `cutoff`, in milliseconds since 1970 (保存期限届满).
    ///
    /// How long records are kept is the caller's parameter. What is left goes on verifying: its first header names the link
    /// before it. Returns the first sequence that is left.
    package func retire(olderThan cutoff: Int64) throws(JournalError) -> UInt64 {
        guard writer != nil else { throw .closed(at: folder) }
        while let oldest = shelf.all.first as? SealedSegment, oldest.trailer.lastInstant < cutoff, shelf.counts.0 > 1 {
            try JournalError.wording("retiring a segment") { () throws(FileTrouble) in
                try calls.remove(oldest.path)
                try calls.syncFolder(folder)
            }
            shelf.remove(oldest)
        }
        return shelf.first
    }

    /// The last record's number plus one, and its link: what a checkpoint outside must hold to prove that the tail is whole.
    package var anchor: (next: UInt64, link: [UInt8]) {
        writer?.anchor.withLock { $0 } ?? (opening.nextSequence, startLink)
    }

    package var figures: JournalFigures {
        var figures = writer?.figures.withLock { $0 } ?? JournalFigures()
        figures.nextSequence = shelf.next
        (figures.segments, figures.unsealedSegments) = shelf.counts
        waiting.withLock { waiting in
            figures.waitingRecords = waiting.items.count
            figures.waitingBytes = waiting.bytes
            figures.refused = waiting.refused
        }
        return figures
    }
}

extension JournalError {
    fileprivate static func absent(_ sequence: UInt64, _ shelf: SegmentShelf, at place: String) -> JournalError {
        JournalError(
            .absent, "JRN040", "there is no record \(sequence)", at: place,
            advice: "Records here are \(shelf.first) to \(Int64(shelf.next) - 1)")
    }

    fileprivate static func tooLarge(_ entry: JournalEntry, at place: String) -> JournalError {
        JournalError(
            .tooLarge, "JRN013",
            "a record of \(entry.content.count) bytes and \(entry.keys.count) keys is too large",
            at: place, advice: "At most \(Frame.bodyBytesMax) bytes and \(Frame.keysMax) keys; split the message")
    }

    fileprivate static func busy(at place: String) -> JournalError {
        JournalError(
            .busy, "JRN014", "more records wait for the disk than may", at: place,
            advice: "Send again in a moment; if it lasts, the disk is too slow for this load")
    }

    fileprivate static func closed(at place: String) -> JournalError {
        JournalError(.closed, "JRN015", "the journal takes no records", at: place, advice: "Open it to write")
    }
}
