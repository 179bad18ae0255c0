import Synchronization

/// A segment as readers see it: records `first ..< next` in one file.
protocol Segment: AnyObject, Sendable {
    var path: String { get }
    var first: UInt64 { get }
    var next: UInt64 { get }
    /// The records that carry a code, newest first.
    func sequences(of tag: KeyTag, limit: Int, calls: FileCalls) throws(JournalError) -> [UInt64]
    /// The frame of a record in `first ..< next`.
    func frame(_ sequence: UInt64, calls: FileCalls) throws(JournalError) -> Frame
    /// Its file, and where its frames end.
    func extent(_ calls: FileCalls) throws(FileTrouble) -> (OpenFile, end: Int)
}

extension Segment {
    /// Reads one frame whose place is known and compares it with what was asked for.
    func frame(_ sequence: UInt64, in file: OpenFile, at offset: Int, calls: FileCalls) throws(JournalError) -> Frame {
        do throws(FileTrouble) {
            let head = try calls.read(file, at: offset, count: Frame.headCount)
            if offset > 0, let count = head.withUnsafeBytes({ Frame.byteCount(in: $0, at: 0) }) {
                let bytes = try calls.read(file, at: offset, count: count)
                if let frame = bytes.withUnsafeBytes({ Frame($0, at: 0) }), frame.sequence == sequence { return frame }
            }
        } catch {
            throw JournalError(error, while: "reading record \(sequence)")
        }
        throw JournalError(
            .damaged, "JRN030", "record \(sequence) is damaged", at: path,
            advice: "Run `yijian journal verify`; restore this segment from a copy")
    }
}

/// A segment that only grows: the one being written, or a closed one that waits to be sealed.
final class LiveSegment: Segment {
    struct State {
        var offsets: [UInt32]
        var index: OpenIndex
        var end: Int
        var lastLink: [UInt8]
        var lastInstant: Int64
        /// Nothing is written to it any more. Only then may it be sealed: a sealed file takes its place.
        var isClosed: Bool
    }

    let file: OpenFile
    let header: SegmentHeader
    /// Holds damaged records: never sealed, so that the damage stays visible.
    let isDamaged: Bool
    let state: Mutex<State>

    var path: String { file.path }
    var first: UInt64 { header.first }
    var next: UInt64 { state.withLock { header.first + UInt64($0.offsets.count) } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func close() { state.withLock { $0.isClosed = true } }

    init(file: OpenFile, scan: SegmentScan, isClosed: Bool) {
        self.file = file
        header = scan.header
        isDamaged = scan.isDamaged
        state = Mutex(
            State(
                offsets: scan.offsets, index: scan.index, end: scan.end, lastLink: scan.lastLink,
                lastInstant: scan.lastInstant, isClosed: isClosed))
    }

    init(file: OpenFile, header: SegmentHeader) {
        self.file = file
        self.header = header
        isDamaged = false
        state = Mutex(
            State(
                offsets: [], index: OpenIndex(), end: SegmentHeader.byteCount, lastLink: header.previous,
                lastInstant: header.created, isClosed: false))
    }

    func extent(_ calls: FileCalls) throws(FileTrouble) -> (OpenFile, end: Int) { (file, state.withLock { $0.end }) }

    func sequences(of tag: KeyTag, limit: Int, calls: FileCalls) throws(JournalError) -> [UInt64] {
        state.withLock { $0.index.records(tag, limit: limit) }.map { header.first + UInt64($0) }
    }

    func frame(_ sequence: UInt64, calls: FileCalls) throws(JournalError) -> Frame {
        let offset = state.withLock { Int($0.offsets[Int(sequence - header.first)]) }
        return try frame(sequence, in: file, at: offset, calls: calls)
    }
}

/// A sealed segment (封存段): its index is in its footer, its file is opened when something is read.
final class SealedSegment: Segment {
    let path: String
    let trailer: SegmentTrailer
    /// Nil when the memory for filters is used up: then every lookup reads the index.
    let filter: KeyFilter?

    var first: UInt64 { trailer.first }
    var next: UInt64 { trailer.next }

    init(path: String, trailer: SegmentTrailer, filter: KeyFilter?) {
        self.path = path
        self.trailer = trailer
        self.filter = filter
    }

    func extent(_ calls: FileCalls) throws(FileTrouble) -> (OpenFile, end: Int) {
        (try calls.open(path), trailer.framesEnd)
    }

    func sequences(of tag: KeyTag, limit: Int, calls: FileCalls) throws(JournalError) -> [UInt64] {
        guard trailer.indexCount > 0, filter?.mayHold(tag) ?? true else { return [] }
        do throws(FileTrouble) {
            let file = try calls.open(path)
            let records = try KeyIndex.records(tag, count: trailer.indexCount, limit: limit) {
                (start, count) throws(FileTrouble) in
                try calls.read(
                    file, at: trailer.indexPlace + start * KeyIndex.entryBytes, count: count * KeyIndex.entryBytes)
            }
            return records.map { trailer.first + UInt64($0) }
        } catch {
            throw JournalError(error, while: "looking up a key")
        }
    }

    func frame(_ sequence: UInt64, calls: FileCalls) throws(JournalError) -> Frame {
        let file: OpenFile
        let offset: Int
        do throws(FileTrouble) {
            file = try calls.open(path)
            let place = trailer.offsetsPlace + 4 * Int(sequence - trailer.first)
            let bytes = try calls.read(file, at: place, count: 4)
            offset = bytes.count == 4 ? Int(bytes.little(UInt32.self, at: 0)) : 0
        } catch {
            throw JournalError(error, while: "reading record \(sequence)")
        }
        return try frame(sequence, in: file, at: offset, calls: calls)
    }
}
