import Synchronization

/// Seals closed segments (封存): writes each anew with its records compressed, the offsets, the sorted key index, the filter and
/// the trailer, and puts it under its old name. Until then the unsealed file serves, afterwards it is gone.
///
/// When segments are closed faster than they are compressed, the records stay as they lie and only the rest is added behind
/// them: that costs a hundredth, so sealing keeps up with any load that the disk takes.
struct SegmentSealing: Sendable {
    private let files: JournalFolder
    private let body: FrameBody
    private let settings: JournalSettings
    private let shelf: SegmentShelf

    init(_ files: JournalFolder, body: FrameBody, settings: JournalSettings, shelf: SegmentShelf) {
        self.files = files
        self.body = body
        self.settings = settings
        self.shelf = shelf
    }

    /// Seals one segment: compresses it with what time others leave. `hasLag` is asked again meanwhile.
    func seal(_ segment: LiveSegment, hasLag: @escaping @Sendable () -> Bool) throws {
        precondition(segment.isClosed, "\(segment.path) is still being written: sealing it would lose records")
        let end = segment.state.withLock { $0.end }
        // What a failed write left behind the records is not written over: such a segment is always written anew.
        let isWhole = try files.calls.size(of: segment.file) == end
        if isWhole, hasLag() || !settings.compression {
            return shelf.exchange(segment, for: try complete(segment))
        }
        let outcome = Mutex<Result<SealedSegment?, any Error>>(.success(nil))
        QuietThread.run {
            outcome.withLock { outcome in
                outcome = Result {
                    try rewrite(
                        segment.file, header: segment.header, end: end, path: segment.path,
                        isCompressed: settings.compression, isAbandoned: { isWhole && hasLag() })
                }
            }
        }
        guard let sealed = try outcome.withLock({ try $0.get() }) else {
            return shelf.exchange(segment, for: try complete(segment))
        }
        shelf.exchange(segment, for: sealed)
        segment.file.release()
    }

    /// Adds what seals a segment behind its records.
    ///
    /// The trailer is written when all before it is durable: until then the file is an unsealed segment with a torn tail.
    private func complete(_ segment: LiveSegment) throws -> SealedSegment {
        let calls = files.calls
        let state = segment.state.withLock { $0 }
        let file = try calls.openForWriting(segment.path)
        var first = segment.header.created
        if let offset = state.offsets.first {
            let head = try calls.read(file, at: Int(offset), count: Frame.headCount)
            guard let instant = head.withUnsafeBytes({ Frame.instant(in: $0) }) else {
                throw JournalError.unreadable(segment.first, at: segment.path)
            }
            first = instant
        }
        var draft = Draft(file: file, calls: calls, from: state.end)
        var offsets: [UInt8] = []
        offsets.reserveCapacity(4 * state.offsets.count)
        for offset in state.offsets { offsets.appendLittle(offset) }
        let records = Records(
            count: state.offsets.count, offsets: offsets, entries: state.index.all, lastLink: state.lastLink,
            instants: (first, state.lastInstant))
        return try finish(
            &draft, segment.header, records, path: segment.path, isCompressed: false,
            digest: Digest(segment.header.hash))
    }

    /// Writes a sealed segment anew without the body of one record.
    func erase(_ sequence: UInt64, in segment: SealedSegment) throws {
        let file = try files.calls.open(segment.path)
        guard let header = SegmentHeader(try files.calls.read(file, at: 0, count: SegmentHeader.byteCount)) else {
            throw JournalError(
                .damaged, "JRN033", "the header is damaged", at: segment.path,
                advice: "Restore this segment from a copy")
        }
        let sealed = try rewrite(
            file, header: header, end: segment.trailer.framesEnd, path: segment.path,
            isCompressed: segment.trailer.isCompressed, erased: sequence)
        if let sealed { shelf.exchange(segment, for: sealed) }
    }

    /// Writes the records of `file` up to `end` as a sealed segment and gives it the name `path`; nil when that was abandoned.
    private func rewrite(
        _ file: OpenFile, header: SegmentHeader, end: Int, path: String, isCompressed: Bool, erased: UInt64? = nil,
        isAbandoned: () -> Bool = { false }
    ) throws -> SealedSegment? {
        let calls = files.calls
        var draft = Draft(file: try calls.create(path + ".new"), calls: calls)
        var records = Records(lastLink: header.previous, instants: (header.created, header.created))
        let digest = Digest(header.hash)
        let compression = isCompressed ? BodyCompression() : nil
        try draft.add(header.bytes)
        var walk = FrameWalk(file, to: end, calls: calls)
        while case .frame(let frame, _, _) = try walk.next(withBody: true) {
            guard frame.previous == records.lastLink, frame.sequence == header.first + UInt64(records.count) else {
                break
            }
            if compression != nil, records.count & 63 == 63, isAbandoned() {
                try calls.remove(path + ".new")
                draft.file.release()
                return nil
            }
            records.add(frame, at: draft.end, digest)
            var bytes: [UInt8] = []
            var kept = frame
            if frame.sequence == erased { kept.erase() }
            if let compression { kept = try body.compressed(kept, path: path, with: compression) }
            kept.write(into: &bytes)
            try draft.add(bytes)
        }
        guard walk.offset == end else {
            throw JournalError.unreadable(header.first + UInt64(records.count), at: path)
        }
        let sealed = try finish(
            &draft, header, records, path: path, isCompressed: isCompressed, digest: digest)
        try calls.rename(path + ".new", to: path)
        try calls.syncFolder(files.path)
        return sealed
    }

    /// Writes offsets, index and filter behind the records, and the trailer when they are durable.
    private func finish(
        _ draft: inout Draft, _ header: SegmentHeader, _ records: Records, path: String, isCompressed: Bool,
        digest: Digest
    ) throws -> SealedSegment {
        let entries = records.entries.sorted { $0.tag != $1.tag ? $0.tag < $1.tag : $0.record < $1.record }
        let filter = KeyFilter(entries.map(\.tag))
        let framesEnd = draft.end
        for part in [records.offsets, KeyIndex.bytes(entries), filter.bytes] {
            digest.add(part)
            try draft.add(part)
        }
        try draft.settle()
        let trailer = SegmentTrailer(
            first: header.first, count: records.count, framesEnd: framesEnd, indexCount: entries.count,
            filterWords: filter.words.count, previous: header.previous, lastLink: records.lastLink,
            footerHash: digest.finish(), firstInstant: records.instants.first, lastInstant: records.instants.last,
            isCompressed: isCompressed, hash: header.hash)
        try draft.add(trailer.bytes)
        try draft.settle()
        let rest = settings.filterBytes - shelf.filterBytes
        return SealedSegment(path: path, trailer: trailer, filter: filter.words.count * 8 <= rest ? filter : nil)
    }

    /// What a footer says of the records before it.
    private struct Records {
        var count = 0
        var offsets: [UInt8] = []
        var entries: [(tag: KeyTag, record: UInt32)] = []
        var lastLink: [UInt8]
        var instants: (first: Int64, last: Int64)

        mutating func add(_ frame: Frame, at offset: Int, _ digest: Digest) {
            offsets.appendLittle(UInt32(offset))
            for tag in frame.tags { entries.append((tag, UInt32(count))) }
            if count == 0 { instants.first = frame.instant }
            instants.last = frame.instant
            lastLink = frame.link(digest)
            count += 1
        }
    }
}

extension SegmentSealing {
    /// A file that grows in writes of a megabyte, each made durable before the next: what a file system has taken and not
    /// written, whoever syncs next on the same disk waits for, and that is an answer.
    private struct Draft {
        let file: OpenFile
        let calls: FileCalls
        private var buffer: [UInt8] = []
        private var written = 0

        init(file: OpenFile, calls: FileCalls, from offset: Int = 0) {
            self.file = file
            self.calls = calls
            written = offset
        }

        var end: Int { written + buffer.count }

        mutating func add(_ bytes: [UInt8]) throws(FileTrouble) {
            buffer += bytes
            if buffer.count > 1 << 20 { try settle() }
        }

        /// Makes all of it durable.
        mutating func settle() throws(FileTrouble) {
            try calls.write(buffer, to: file, at: written)
            written += buffer.count
            buffer.removeAll(keepingCapacity: true)
            try calls.syncData(file)
        }
    }
}

extension JournalError {
    fileprivate static func unreadable(_ sequence: UInt64, at path: String) -> JournalError {
        JournalError(
            .damaged, "JRN030", "a record after number \(sequence) is damaged", at: path,
            advice: "Run `yijian journal verify`; restore this segment from a copy")
    }
}

extension SegmentShelf {
    /// Memory that filters of sealed segments take.
    var filterBytes: Int {
        all.reduce(0) { $0 + (($1 as? SealedSegment)?.filter?.words.count ?? 0) * 8 }
    }
}
