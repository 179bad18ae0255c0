import Synchronization

/// Seals closed segments (封存): writes each anew with its records compressed, the offsets, the sorted key index, the filter and
/// the trailer, and puts it under its old name. Until then the unsealed file serves, afterwards it is gone.
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

    /// Seals one segment. When sealing lags behind it only copies: that is many times faster than compressing.
    func seal(_ segment: LiveSegment, hasLag: Bool) throws {
        precondition(segment.isClosed, "\(segment.path) is still being written: sealing it would lose records")
        let sealed = try Self.rewrite(
            segment.file, header: segment.header, end: segment.state.withLock { $0.end }, path: segment.path,
            isCompressed: settings.compression && !hasLag, files: files, body: body,
            filterBytes: settings.filterBytes - shelf.filterBytes)
        shelf.exchange(segment, for: sealed)
        segment.file.release()
    }

    /// Writes a sealed segment anew without the body of one record.
    func erase(_ sequence: UInt64, in segment: SealedSegment) throws {
        let file = try files.calls.open(segment.path)
        guard let header = SegmentHeader(try files.calls.read(file, at: 0, count: SegmentHeader.byteCount)) else {
            throw JournalError(
                .damaged, "JRN033", "the header is damaged", at: segment.path,
                advice: "Restore this segment from a copy")
        }
        let sealed = try Self.rewrite(
            file, header: header, end: segment.trailer.framesEnd, path: segment.path,
            isCompressed: segment.trailer.isCompressed, files: files, body: body, erased: sequence,
            filterBytes: settings.filterBytes - shelf.filterBytes)
        shelf.exchange(segment, for: sealed)
    }

    /// Writes the records of `file` up to `end` as a sealed segment and gives it the name `path`.
    static func rewrite(
        _ file: OpenFile, header: SegmentHeader, end: Int, path: String, isCompressed: Bool, files: JournalFolder,
        body: FrameBody, erased: UInt64? = nil, filterBytes: Int
    ) throws -> SealedSegment {
        let calls = files.calls
        var draft = Draft(file: try calls.create(path + ".new"), calls: calls)
        var offsets: [UInt8] = []
        var entries: [(tag: KeyTag, record: UInt32)] = []
        var count = 0
        var link = header.previous
        var instants = (first: header.created, last: header.created)
        let digest = Digest(header.hash)
        let compression = isCompressed ? BodyCompression() : nil
        try draft.add(header.bytes)
        var walk = FrameWalk(file, to: end, calls: calls)
        while case .frame(let frame, _, _) = try walk.next(withBody: true) {
            guard frame.previous == link, frame.sequence == header.first + UInt64(count) else { break }
            offsets.appendLittle(UInt32(draft.end))
            for tag in frame.tags { entries.append((tag, UInt32(count))) }
            if count == 0 { instants.first = frame.instant }
            instants.last = frame.instant
            link = frame.link(digest)
            count += 1
            var bytes: [UInt8] = []
            var kept = frame
            if frame.sequence == erased { kept.erase() }
            if let compression { kept = try body.compressed(kept, path: path, with: compression) }
            kept.write(into: &bytes)
            try draft.add(bytes)
        }
        guard walk.offset == end else {
            throw JournalError(
                .damaged, "JRN030", "a record after number \(header.first + UInt64(count)) is damaged", at: path,
                advice: "Run `yijian journal verify`; restore this segment from a copy")
        }
        entries.sort { $0.tag != $1.tag ? $0.tag < $1.tag : $0.record < $1.record }
        let filter = KeyFilter(entries.map(\.tag))
        let framesEnd = draft.end
        for part in [offsets, KeyIndex.bytes(entries), filter.bytes] {
            digest.add(part)
            try draft.add(part)
        }
        let trailer = SegmentTrailer(
            first: header.first, count: count, framesEnd: framesEnd, indexCount: entries.count,
            filterWords: filter.words.count, previous: header.previous, lastLink: link, footerHash: digest.finish(),
            firstInstant: instants.first, lastInstant: instants.last, isCompressed: isCompressed, hash: header.hash)
        try draft.add(trailer.bytes)
        try draft.flush()
        try calls.syncData(draft.file)
        try calls.rename(path + ".new", to: path)
        try calls.syncFolder(files.path)
        return SealedSegment(
            path: path, trailer: trailer, filter: filter.words.count * 8 <= filterBytes ? filter : nil)
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

        init(file: OpenFile, calls: FileCalls) {
            self.file = file
            self.calls = calls
        }

        var end: Int { written + buffer.count }

        mutating func add(_ bytes: [UInt8]) throws(FileTrouble) {
            buffer += bytes
            if buffer.count > 1 << 20 {
                try flush()
                try calls.syncData(file)
            }
        }

        mutating func flush() throws(FileTrouble) {
            try calls.write(buffer, to: file, at: written)
            written += buffer.count
            buffer.removeAll(keepingCapacity: true)
        }
    }
}

extension SegmentShelf {
    /// Memory that filters of sealed segments take.
    var filterBytes: Int {
        all.reduce(0) { $0 + (($1 as? SealedSegment)?.filter?.words.count ?? 0) * 8 }
    }
}
