/// Reads a segment's frames one after another, through a window of bounded size.
struct FrameWalk {
    enum Step {
        case frame(Frame, offset: Int, count: Int)
        case end
        /// At this offset no whole, undamaged frame begins.
        case bad(offset: Int)
    }

    private let calls: FileCalls
    private let file: OpenFile
    let end: Int
    private(set) var offset: Int
    private var window: [UInt8] = []
    private var windowStart = 0

    /// Frames between two offsets of a file.
    init(_ file: OpenFile, from: Int = SegmentHeader.byteCount, to end: Int, calls: FileCalls) {
        self.file = file
        self.calls = calls
        self.end = end
        offset = from
    }

    mutating func next(withBody: Bool) throws(FileTrouble) -> Step {
        guard offset < end else { return .end }
        let start = offset
        guard try hold(Frame.headCount),
            let count = window.withUnsafeBytes({ Frame.byteCount(in: $0, at: start - windowStart) }), try hold(count),
            let frame = window.withUnsafeBytes({ Frame($0, at: start - windowStart, withBody: withBody) })
        else { return .bad(offset: start) }
        offset += count
        return .frame(frame, offset: start, count: count)
    }

    /// Goes to the next place where a whole frame begins that `isWanted`; false when there is none.
    mutating func seek(_ isWanted: (Frame) -> Bool) throws(FileTrouble) -> Bool {
        offset += 1
        while offset + Frame.headCount <= end {
            guard try hold(Frame.headCount) else { return false }
            let place = offset - windowStart
            let mark = window.withUnsafeBytes { bytes in
                (place..<(bytes.count - 3)).first { bytes.little(UInt32.self, at: $0) == Frame.magic }
            }
            guard let mark else {
                offset = windowStart + window.count - 3
                if windowStart + window.count >= end { return false }
                continue
            }
            offset = windowStart + mark
            let here = offset
            if case .frame(let frame, _, _) = try next(withBody: false), isWanted(frame) {
                offset = here
                return true
            }
            offset = here + 1
        }
        return false
    }

    /// Has `count` bytes from `offset` on in the window; false when the frames end before.
    private mutating func hold(_ count: Int) throws(FileTrouble) -> Bool {
        guard offset + count <= end else { return false }
        if offset >= windowStart, offset + count <= windowStart + window.count { return true }
        window = try calls.read(file, at: offset, count: min(end - offset, max(count, 1 << 20)))
        windowStart = offset
        return window.count >= count
    }
}

/// What reading an unsealed segment from its beginning gives: its records, and what is wrong with its end.
struct SegmentScan {
    var header: SegmentHeader
    var offsets: [UInt32] = []
    var index = OpenIndex()
    var lastLink: [UInt8]
    var lastInstant: Int64
    /// Where the last good frame ends.
    var end = SegmentHeader.byteCount
    /// Bytes after it that are no part of history: a torn or failed write.
    var tailBytes = 0
    var problems: [JournalProblem] = []
    var isDamaged = false

    var next: UInt64 { header.first + UInt64(offsets.count) }

    /// Reads up to record `limit`, where the segment after this one begins.
    ///
    /// A place where no good frame begins is a torn write if no later frame knew that record to be durable. Else an acknowledged
    /// record is damaged: what can be read after it is kept, and the damage is reported at every start until it is mended.
    init(
        _ file: OpenFile, size: Int, header: SegmentHeader, limit: UInt64?, calls: FileCalls
    ) throws(FileTrouble) {
        self.header = header
        lastLink = header.previous
        lastInstant = header.created
        let digest = Digest(header.hash)
        var walk = FrameWalk(file, to: size, calls: calls)
        reading: while limit.map({ next < $0 }) ?? true {
            let expected = next
            switch try walk.next(withBody: false) {
            case .frame(let frame, let offset, let count)
            where frame.sequence == expected && frame.previous == lastLink && frame.hash == header.hash:
                take(frame, offset: offset, count: count, digest)
            case .end: break reading
            case .frame(_, let offset, _), .bad(let offset):
                walk = FrameWalk(file, from: offset, to: size, calls: calls)
                guard try walk.seek({ $0.durable > expected && $0.sequence > expected && $0.hash == header.hash })
                else {
                    break reading
                }
                guard case .frame(let frame, let found, let count) = try walk.next(withBody: false),
                    limit.map({ frame.sequence < $0 }) ?? true,
                    frame.sequence - header.first < UInt64(UInt32.max)
                else { break reading }
                isDamaged = true
                problems.append(
                    JournalProblem(
                        code: "JRN031", path: file.path,
                        message: "records \(expected) to \(frame.sequence - 1), acknowledged once, are damaged "
                            + "(bytes \(offset) to \(found)); restore this segment from a copy", isHarmless: false))
                offsets += [UInt32](repeating: 0, count: Int(frame.sequence - expected))
                lastLink = frame.previous
                take(frame, offset: found, count: count, digest)
            }
        }
        tailBytes = size - end
        if tailBytes > 0 {
            problems.append(
                JournalProblem(
                    code: "JRN032", path: file.path,
                    message: "\(tailBytes) bytes after record \(Int64(next) - 1) are no record and are left out: "
                        + "a write that was torn or failed, never acknowledged", isHarmless: true))
        }
    }

    private mutating func take(_ frame: Frame, offset: Int, count: Int, _ digest: Digest) {
        index.add(frame.tags, record: UInt32(offsets.count))
        offsets.append(UInt32(offset))
        lastLink = frame.link(digest)
        lastInstant = frame.instant
        end = offset + count
    }
}
