import Columns
import Dispatch
import Glibc
import Synchronization

/// What every segment of one journal says about it.
struct SegmentIdentity: Sendable {
    let keys: KeyFile
    let journal: [UInt8]
    let hash: HashAlgorithm
}

/// Writes batches: one write, one sync, then every caller hears of it. Everything here runs on the journal's one writing queue,
/// but for `figures` and `anchor`.
///
/// After a failed write the file is cut back to its last durable byte. After a failed sync, or when cutting fails, the file is
/// given up: a new segment goes on from the last durable record, and its header says where the old one ends.
final class JournalWriter: @unchecked Sendable {
    /// A record that waits.
    struct Item {
        var frame: Frame
        let unless: KeyTag?
        /// Records below this number have been looked through for `unless`.
        let seen: UInt64
        let size: Int
        let then: @Sendable (Result<JournalReceipt, JournalError>) -> Void
    }

    static let batchBytes = 16 << 20
    static let batchRecords = 2048
    /// After a batch of as many, a moment is waited for the next one to be as large, unless it is: a sync costs the processor as
    /// much for one record as for twenty, and where many come at once the processor is what is short.
    static let batchCrowded = 4
    static let batchGathered = 16
    static let gatheringMicroseconds: UInt32 = 700
    /// Closed segments whose sealing may be behind; then no further one is closed.
    static let closedMax = 8
    static let fileBytesMax = 2 << 30

    let figures = Mutex(JournalFigures())
    let anchor: Mutex<(next: UInt64, link: [UInt8])>
    private let files: JournalFolder
    private let identity: SegmentIdentity
    private let settings: JournalSettings
    private let clock: @Sendable () -> Int64
    private let shelf: SegmentShelf
    private let sealing: SegmentSealing
    private let sealingQueue = DispatchQueue(label: "journal.sealing")
    private let digest: Digest
    private var open: LiveSegment?
    private var nextSequence: UInt64
    private var lastLink: [UInt8]
    /// The file this writer made last, and may put another in its place as long as it holds no record.
    private var ours: String?

    init(
        _ files: JournalFolder, identity: SegmentIdentity, settings: JournalSettings,
        clock: @escaping @Sendable () -> Int64, shelf: SegmentShelf, open: LiveSegment?, nextSequence: UInt64,
        lastLink: [UInt8], sealing: SegmentSealing
    ) {
        self.files = files
        self.identity = identity
        self.settings = settings
        self.clock = clock
        self.shelf = shelf
        self.open = open
        self.nextSequence = nextSequence
        self.lastLink = lastLink
        self.sealing = sealing
        digest = Digest(identity.hash)
        anchor = Mutex((nextSequence, lastLink))
        if open == nil, let last = shelf.all.last as? LiveSegment, last.first == last.next { giveUp(last) }
    }

    /// Writes a batch and answers every item of it.
    func write(_ batch: [Item]) {
        let durable = nextSequence
        var link = lastLink
        var bytes: [UInt8] = []
        bytes.reserveCapacity(batch.reduce(0) { $0 + $1.frame.byteCount })
        var frames: [(tags: [KeyTag], offset: Int)] = []
        var pending: [KeyTag: UInt64] = [:]
        var answers: [Result<JournalReceipt, JournalError>] = []
        answers.reserveCapacity(batch.count)
        let instant = clock()
        for item in batch {
            do throws(JournalError) {
                if let tag = item.unless {
                    var known = pending[tag]
                    if known == nil {
                        known = try shelf.sequences(of: tag, limit: 1, from: item.seen, calls: files.calls).first
                    }
                    if let known {
                        answers.append(.success(.known(sequence: known)))
                        continue
                    }
                }
            } catch {
                answers.append(.failure(error))
                continue
            }
            var frame = item.frame
            frame.sequence = durable + UInt64(frames.count)
            frame.instant = instant
            frame.durable = durable
            frame.previous = link
            link = frame.link(digest)
            frames.append((frame.tags, bytes.count))
            frame.write(into: &bytes)
            for tag in frame.tags { pending[tag] = frame.sequence }
            if let tag = item.unless { pending[tag] = frame.sequence }
            answers.append(.success(.recorded(sequence: frame.sequence, instant: instant)))
        }
        do throws(FileTrouble) {
            if !frames.isEmpty { try record(bytes, frames, link: link, instant: instant) }
        } catch {
            let failure = JournalError(error, while: "recording")
            // What names a durable record stays true; all else of this batch did not happen.
            answers = answers.map { answer in
                if case .success(let receipt) = answer, receipt.sequence < durable { return answer }
                if case .failure = answer { return answer }
                return .failure(failure)
            }
        }
        count(answers)
        for (item, answer) in zip(batch, answers) { item.then(answer) }
    }

    /// Makes the frames durable and visible, or leaves nothing of them.
    private func record(
        _ bytes: [UInt8], _ frames: [(tags: [KeyTag], offset: Int)], link: [UInt8], instant: Int64
    ) throws(FileTrouble) {
        let segment = try segment(toTake: bytes.count)
        let end = segment.state.withLock { $0.end }
        do throws(FileTrouble) {
            try files.calls.write(bytes, to: segment.file, at: end)
        } catch {
            do throws(FileTrouble) { try files.calls.truncate(segment.file, to: end) } catch { giveUp(segment) }
            throw error
        }
        let began = WallClock.steady
        do throws(FileTrouble) {
            try files.calls.syncData(segment.file)
        } catch {
            giveUp(segment)
            throw error
        }
        let took = WallClock.steady - began
        figures.withLock { $0.syncs.add(nanoseconds: took) }
        segment.state.withLock { state in
            for frame in frames {
                state.index.add(frame.tags, record: UInt32(state.offsets.count))
                state.offsets.append(UInt32(end + frame.offset))
            }
            state.end = end + bytes.count
            state.lastLink = link
            state.lastInstant = instant
        }
        nextSequence += UInt64(frames.count)
        lastLink = link
        anchor.withLock { $0 = (nextSequence, link) }
    }

    /// The open segment, or a new one when there is none or it is full.
    private func segment(toTake count: Int) throws(FileTrouble) -> LiveSegment {
        guard let open else { return try create() }
        let (end, keys, records) = open.state.withLock { ($0.end, $0.index.count, $0.offsets.count) }
        guard records > 0, end + count > min(settings.segmentBytes, 1 << 30) || keys >= settings.segmentKeys else {
            return open
        }
        if shelf.closed.count < Self.closedMax {
            do throws(FileTrouble) { return try create() } catch {
                if self.open == nil || end + count > Self.fileBytesMax { throw error }
            }
        }
        guard end + count <= Self.fileBytesMax else {
            throw FileTrouble(call: .create, path: files.path, number: EFBIG)
        }
        return open
    }

    /// A new segment that goes on after the last durable record: whole under its name or not there at all.
    private func create() throws(FileTrouble) -> LiveSegment {
        let path = files.path(nextSequence)
        let header = SegmentHeader(
            first: nextSequence, previous: lastLink, journal: identity.journal,
            keyCheck: SegmentHeader.keyCheck(identity.keys, journal: identity.journal), created: clock(),
            hash: identity.hash)
        let calls = files.calls
        let file = try calls.create(path + ".new")
        try calls.write(header.bytes, to: file, at: 0)
        try calls.syncData(file)
        // A file of this name that is not ours holds no readable record; it is kept all the same.
        if path != ours, Disk.exists(path) { try calls.rename(path, to: path + ".left") }
        ours = path
        // From here on the new name may exist, and it says where the file before it ends: that one takes nothing any more,
        // even when this call fails.
        open?.close()
        open = nil
        try calls.rename(path + ".new", to: path)
        try calls.syncFolder(files.path)
        let fresh = LiveSegment(file: try calls.openForWriting(path), header: header)
        shelf.append(fresh)
        open = fresh
        sealClosed()
        return fresh
    }

    /// No byte is written to this file any more. An empty one is forgotten: the next takes its name.
    private func giveUp(_ segment: LiveSegment) {
        segment.close()
        open = nil
        if segment.state.withLock({ $0.offsets.isEmpty }) {
            shelf.remove(segment)
            ours = segment.path
        }
    }

    /// Writes nothing more to this segment and has it sealed; the next record begins a new one.
    func close(_ segment: LiveSegment) {
        if open === segment { open = nil }
        segment.close()
        sealClosed()
    }

    func rewrite(_ segment: SealedSegment, erasing sequence: UInt64) throws {
        try sealingQueue.sync { try sealing.erase(sequence, in: segment) }
    }

    /// Seals all closed segments in the background, oldest first.
    func sealClosed() {
        sealingQueue.async { [self] in
            for segment in shelf.closed {
                do {
                    try sealing.seal(segment) { [self] in shelf.closed.count > settings.lagSegments }
                } catch {
                    figures.withLock { $0.sealingFailures += 1 }
                    return
                }
            }
        }
    }

    func finishSealing() { sealingQueue.sync {} }

    private func count(_ answers: [Result<JournalReceipt, JournalError>]) {
        figures.withLock { figures in
            var hasRecorded = false
            var hasFailed = false
            for answer in answers {
                switch answer {
                case .success(.recorded):
                    figures.recorded += 1
                    hasRecorded = true
                case .success(.known): figures.known += 1
                case .failure:
                    figures.failed += 1
                    hasFailed = true
                }
            }
            if hasFailed { figures.isTaking = false } else if hasRecorded { figures.isTaking = true }
        }
    }
}
