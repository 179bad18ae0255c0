import Columns

/// The proof that a journal is what was written (日志校验): every byte of every segment is read.
///
/// Without keys: checksums, numbering, links, footers. With keys also every body against its commitment. What was cut off at the
/// tail or rolled back can only be seen with an anchor kept elsewhere.
package struct JournalVerification: Sendable {
    package private(set) var segments = 0
    package private(set) var bytes = 0
    /// Records whose body was erased.
    package private(set) var erased = 0
    package private(set) var first: UInt64 = 0
    package private(set) var next: UInt64 = 0
    package private(set) var lastLink: [UInt8] = Frame.noLink
    package private(set) var problems: [JournalProblem] = []

    package var isWhole: Bool { problems.allSatisfy(\.isHarmless) }

    private let calls: FileCalls
    private let keys: KeyFile?
    private var anchors: [UInt64: [UInt8]]

    /// Anchors: the number of records at some moment, and the link after the last of them.
    package static func run(
        _ folder: String, keys: KeyFile? = nil, anchors: [(next: UInt64, link: [UInt8])] = [],
        calls: FileCalls = FileCalls(), progress: (Int) -> Bool = { _ in true }
    ) throws(JournalError) -> JournalVerification {
        var run = JournalVerification(calls: calls, keys: keys, anchors: [:])
        for anchor in anchors { run.anchors[anchor.next] = anchor.link }
        let files = JournalFolder(path: folder, calls: calls)
        try JournalError.wording("verifying") { () throws(FileTrouble) in _ = try calls.open(folder) }
        let found = files.segments()
        for (place, segment) in found.enumerated() {
            let limit = place + 1 < found.count ? found[place + 1].first : nil
            try JournalError.wording("verifying") { () throws(FileTrouble) in
                try run.read(segment.path, first: segment.first, limit: limit, isFirst: place == 0)
            }
            guard progress(run.bytes) else { break }
        }
        for next in run.anchors.keys.sorted() {
            run.report(
                "JRN036", folder,
                next > run.next
                    ? "an anchor knows \(next) records, but there are \(run.next): the tail was cut or rolled back"
                    : "an anchor for \(next) records does not agree: history was rewritten, or its beginning retired")
        }
        return run
    }

    private init(calls: FileCalls, keys: KeyFile?, anchors: [UInt64: [UInt8]]) {
        self.calls = calls
        self.keys = keys
        self.anchors = anchors
    }

    private mutating func read(_ path: String, first: UInt64, limit: UInt64?, isFirst: Bool) throws(FileTrouble) {
        let file = try calls.openBesideWriter(path)
        let size = try calls.size(of: file)
        segments += 1
        bytes += size
        guard let header = SegmentHeader(try calls.read(file, at: 0, count: SegmentHeader.byteCount)) else {
            return report("JRN033", path, "the header is damaged")
        }
        if header.first != first { report("JRN033", path, "the file is named for another record than it begins with") }
        if isFirst { (self.first, next, lastLink) = (header.first, header.first, header.previous) }
        if header.first != next {
            report(
                "JRN034", path,
                "it begins with record \(header.first), but the one before it ends with \(Int64(next) - 1)")
        } else if header.previous != lastLink {
            report("JRN035", path, "it does not go on from the segment before it")
        }
        if let keys, header.keyCheck != SegmentHeader.keyCheck(keys, journal: header.journal) {
            report("JRN024", path, "the key file belongs to another journal")
        }
        let tail = try calls.read(file, at: max(0, size - SegmentTrailer.byteCount), count: SegmentTrailer.byteCount)
        let trailer = SegmentTrailer.read(tail, fileSize: size)
        var seen = Seen(header: header)
        try walk(file, to: trailer?.framesEnd ?? size, limit: trailer == nil ? limit : nil, &seen)
        if let trailer {
            try compare(trailer, with: seen, file)
        } else if seen.end < size {
            report(
                "JRN032", path,
                "\(size - seen.end) bytes from \(seen.end) on are no record: a write that was torn or failed, or damage; "
                    + "the next start leaves them out")
        }
        (next, lastLink) = (header.first + UInt64(seen.offsets.count / 4), seen.link)
    }

    private struct Seen {
        var offsets: [UInt8] = []
        var tags = 0
        var link: [UInt8]
        var end = SegmentHeader.byteCount
        let header: SegmentHeader

        init(header: SegmentHeader) { (self.header, link) = (header, header.previous) }
    }

    private mutating func walk(_ file: OpenFile, to end: Int, limit: UInt64?, _ seen: inout Seen) throws(FileTrouble) {
        let digest = Digest(seen.header.hash)
        let body = keys.map { FrameBody(keys: $0, hash: seen.header.hash) }
        var walk = FrameWalk(file, to: end, calls: calls)
        meet(seen.header.first, seen.link)
        while true {
            let expected = seen.header.first + UInt64(seen.offsets.count / 4)
            if let limit, expected >= limit { return }
            switch try walk.next(withBody: body != nil) {
            case .end: return
            case .bad(let offset):
                let missing = try walk.seek { $0.sequence > expected && $0.durable > expected }
                if missing, case .frame(let frame, _, _) = try walk.next(withBody: false) {
                    report(
                        "JRN031", file.path,
                        "records \(expected) to \(frame.sequence - 1) are damaged (from byte \(offset) on)")
                }
                return
            case .frame(let frame, let offset, let count):
                guard frame.sequence == expected, frame.previous == seen.link else {
                    return report(
                        "JRN035", file.path,
                        "record \(frame.sequence) at byte \(offset) does not go on from record "
                            + "\(Int64(expected) - 1): something was changed, inserted, taken out or moved")
                }
                if frame.isErased {
                    erased += 1
                } else if let body {
                    do throws(JournalError) { _ = try body.record(frame, path: file.path) } catch {
                        report(error.code, file.path, error.message)
                    }
                }
                seen.offsets.appendLittle(UInt32(offset))
                seen.tags += frame.tags.count
                seen.link = frame.link(digest)
                seen.end = offset + count
                meet(expected + 1, seen.link)
            }
        }
    }

    private mutating func compare(_ trailer: SegmentTrailer, with seen: Seen, _ file: OpenFile) throws(FileTrouble) {
        let digest = Digest(trailer.hash)
        var place = trailer.offsetsPlace
        while place < trailer.trailerPlace {
            let part = try calls.read(file, at: place, count: min(4 << 20, trailer.trailerPlace - place))
            guard !part.isEmpty else { break }
            digest.add(part)
            place += part.count
        }
        let offsets = try calls.read(file, at: trailer.offsetsPlace, count: 4 * trailer.count)
        guard digest.finish() == trailer.footerHash, offsets == seen.offsets, seen.tags == trailer.indexCount,
            seen.end == trailer.framesEnd, seen.link == trailer.lastLink, seen.header.previous == trailer.previous
        else {
            return report("JRN037", file.path, "the footer does not agree with the records: one of them was changed")
        }
    }

    /// An anchor for this many records is met; a wrong one stays and is reported.
    private mutating func meet(_ next: UInt64, _ link: [UInt8]) {
        if anchors[next] == link { anchors[next] = nil }
    }

    private mutating func report(_ code: String, _ path: String, _ message: String) {
        problems.append(JournalProblem(code: code, path: path, message: message, isHarmless: false))
    }
}
