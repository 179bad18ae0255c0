import Columns

/// The files of a journal: `SEQUENCE.journal`, each beginning with the record it is named after, and `lock`.
struct JournalFolder: Sendable {
    let path: String
    let calls: FileCalls

    static func name(_ first: UInt64) -> String {
        let digits = String(first)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits + ".journal"
    }

    func path(_ first: UInt64) -> String { path + "/" + Self.name(first) }

    /// First sequences and paths, rising.
    func segments() -> [(first: UInt64, path: String)] {
        Disk.names(in: path).compactMap { name in
            guard name.count == 28, name.hasSuffix(".journal"), let first = UInt64(name.dropLast(8)) else { return nil }
            return (first, path + "/" + name)
        }
    }

    /// Drafts that a crash left behind; nothing ever refers to one.
    func drafts() -> [String] {
        Disk.names(in: path).filter { $0.hasSuffix(".journal.new") }.map { path + "/" + $0 }
    }
}

/// All segments of a folder as they are found at a start.
struct JournalShelf {
    var segments: [any Segment] = []
    var opening = JournalOpening()
    /// Nil when no segment has a readable header.
    var journal: [UInt8]?
    var hash: HashAlgorithm?
    /// The link after the last record.
    var lastLink = Frame.noLink
    /// The last segment, when it ends cleanly and can be written on.
    var open: LiveSegment?

    /// Reads headers, trailers, filters (newest first, up to `filterBytes`) and every unsealed segment.
    init(_ folder: JournalFolder, keys: KeyFile, filterBytes: Int, toWrite: Bool) throws(JournalError) {
        let found = folder.segments()
        var filterRest = filterBytes
        var limit: UInt64?
        for (place, (first, path)) in found.enumerated().reversed() {
            let segment: (any Segment)? = try JournalError.wording("reading a segment") { () throws(FileTrouble) in
                let isLast = place == found.count - 1
                let file =
                    try !toWrite
                    ? folder.calls.openBesideWriter(path)
                    : isLast ? folder.calls.openForWriting(path) : folder.calls.open(path)
                return try read(file, first: first, limit: limit, isLast: isLast, &filterRest, folder.calls)
            }
            guard let segment else { continue }
            segments.insert(segment, at: 0)
            limit = segment.first
        }
        if let journal, let check = keyCheck, check != SegmentHeader.keyCheck(keys, journal: journal) {
            throw JournalError(
                .keys, "JRN024", "this key file belongs to another journal", at: folder.path,
                advice: "Name the key file this journal was made with")
        }
        connect()
        opening.firstSequence = segments.first?.first ?? 0
        opening.nextSequence = segments.last?.next ?? 0
        opening.problems.reverse()
    }

    private var keyCheck: [UInt8]?

    private mutating func read(
        _ file: OpenFile, first: UInt64, limit: UInt64?, isLast: Bool, _ filterRest: inout Int, _ calls: FileCalls
    ) throws(FileTrouble) -> (any Segment)? {
        let path = file.path
        let size = try calls.size(of: file)
        let header = SegmentHeader(try calls.read(file, at: 0, count: min(size, SegmentHeader.byteCount)))
        if let header, header.first == first {
            (journal, keyCheck, hash) = (header.journal, header.keyCheck, header.hash)
        }
        if size >= SegmentHeader.byteCount + SegmentTrailer.byteCount,
            let trailer = SegmentTrailer.read(
                try calls.read(file, at: size - SegmentTrailer.byteCount, count: SegmentTrailer.byteCount),
                fileSize: size), trailer.first == first
        {
            opening.sealedSegments += 1
            if header?.first != first { report("JRN033", path, "the header is damaged; the trailer serves instead") }
            var filter: KeyFilter?
            if trailer.filterWords * 8 <= filterRest {
                filterRest -= trailer.filterWords * 8
                let bytes = try calls.read(file, at: trailer.filterPlace, count: trailer.filterWords * 8)
                filter = KeyFilter(bytes)
            }
            return SealedSegment(path: path, trailer: trailer, filter: filter)
        }
        opening.scannedBytes += size
        let isHeaderGood = header?.first == first
        if !isHeaderGood {
            report(
                "JRN033", path,
                size < SegmentHeader.byteCount
                    ? "the segment has no header: its making was cut short, it holds no record"
                    : "the header is damaged: restore this segment from a copy",
                isHarmless: size < SegmentHeader.byteCount)
            guard size >= SegmentHeader.byteCount else { return nil }
        }
        let usable = try isHeaderGood ? header : SegmentHeader(guessing: first, file: file, size: size, calls)
        guard let usable else { return nil }
        var scan = try SegmentScan(file, size: size, header: usable, limit: limit, calls: calls)
        if !isHeaderGood { scan.isDamaged = true }
        opening.cutBytes += scan.tailBytes
        opening.problems += scan.problems.reversed()
        let goesOn = isLast && scan.tailBytes == 0 && !scan.isDamaged
        let segment = LiveSegment(file: file, scan: scan, isClosed: !goesOn)
        if goesOn { open = segment }
        return segment
    }

    /// Each segment must go on where the one before it ended.
    private mutating func connect() {
        var before: (next: UInt64, link: [UInt8])?
        for segment in segments {
            let (previous, last): ([UInt8], [UInt8])
            switch segment {
            case let sealed as SealedSegment: (previous, last) = (sealed.trailer.previous, sealed.trailer.lastLink)
            case let live as LiveSegment: (previous, last) = (live.header.previous, live.state.withLock { $0.lastLink })
            default: continue
            }
            if let before {
                if before.next < segment.first {
                    report(
                        "JRN034", segment.path, "records \(before.next) to \(segment.first - 1) are missing before it")
                } else if before.next > segment.first || before.link != previous {
                    report("JRN035", segment.path, "it does not go on from the segment before it")
                }
            }
            before = (segment.next, last)
        }
        lastLink = before?.link ?? Frame.noLink
    }

    private mutating func report(_ code: String, _ path: String, _ message: String, isHarmless: Bool = false) {
        opening.problems.append(JournalProblem(code: code, path: path, message: message, isHarmless: isHarmless))
    }
}

extension SegmentHeader {
    /// What a damaged header must have said, from the file's name and its first record; nil when that is not readable either.
    init?(guessing first: UInt64, file: OpenFile, size: Int, _ calls: FileCalls) throws(FileTrouble) {
        var walk = FrameWalk(file, to: size, calls: calls)
        guard case .frame(let frame, _, _) = try walk.next(withBody: false), frame.sequence == first else { return nil }
        self.init(
            first: first, previous: frame.previous, journal: [], keyCheck: [], created: frame.instant, hash: frame.hash)
    }
}
