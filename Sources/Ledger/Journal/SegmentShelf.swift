import Glibc
import Synchronization

/// The clock of records; everything that needs the time is handed one.
package enum WallClock {
    /// Milliseconds since 1970.
    package static let milliseconds: @Sendable () -> Int64 = {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// Nanoseconds that only grow, to measure with.
    static var steady: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}

/// The segments readers look into, in order. Writing and sealing exchange segments; readers take the list as it stands.
final class SegmentShelf: Sendable {
    private let segments: Mutex<[any Segment]>

    init(_ segments: [any Segment]) { self.segments = Mutex(segments) }

    var all: [any Segment] { segments.withLock { $0 } }
    var first: UInt64 { all.first?.first ?? 0 }
    var next: UInt64 { all.last?.next ?? 0 }

    /// How many there are, and how many of them are not sealed.
    var counts: (Int, Int) {
        let all = all
        return (all.count, all.count { !($0 is SealedSegment) })
    }

    /// Closed segments that wait to be sealed; damaged ones stay as they are.
    var closed: [LiveSegment] {
        all.compactMap { $0 as? LiveSegment }.filter { $0.isClosed && !$0.isDamaged }
    }

    func append(_ segment: any Segment) { segments.withLock { $0.append(segment) } }

    func remove(_ segment: any Segment) {
        segments.withLock { segments in segments.removeAll { $0 === segment } }
    }

    func exchange(_ segment: any Segment, for sealed: SealedSegment) {
        segments.withLock { segments in
            if let place = segments.firstIndex(where: { $0.first == segment.first }) { segments[place] = sealed }
        }
    }

    func segment(holding sequence: UInt64) -> (any Segment)? {
        let all = all
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle].first <= sequence { low = middle + 1 } else { high = middle }
        }
        guard low > 0, sequence < all[low - 1].next else { return nil }
        return all[low - 1]
    }

    /// The records from `start` on that carry a code, newest first.
    func sequences(of tag: KeyTag, limit: Int, from start: UInt64, calls: FileCalls) throws(JournalError) -> [UInt64] {
        var found: [UInt64] = []
        for segment in all.reversed() {
            guard found.count < limit, segment.next > start else { break }
            found += try segment.sequences(of: tag, limit: limit - found.count, calls: calls)
        }
        return found
    }
}
