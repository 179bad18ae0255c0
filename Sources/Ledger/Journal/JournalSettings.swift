/// What can be set about a journal; every default suits a hospital of a county up to a centre of a city.
package struct JournalSettings: Sendable {
    /// A segment is closed beyond this many bytes (at most 1 GiB): what a start reads at most, and what one file holds.
    package var segmentBytes = 256 << 20
    /// A segment is closed beyond this many keys; each costs about 60 bytes of memory while its segment is open.
    package var segmentKeys = 1_000_000
    /// Records that may wait to be written; more are refused at once.
    package var waitingRecords = 4096
    package var waitingBytes = 64 << 20
    /// Memory for the filters of lookups. Segments beyond it are looked up on disk: slower, not wrong.
    package var filterBytes = 128 << 20
    /// Whether closed segments are compressed when they are sealed.
    package var compression = true
    /// When more closed segments than this wait to be sealed, they are sealed as they lie.
    package var lagSegments = 3
    /// The hash of a journal that is made anew; an existing one keeps its own.
    package var hash = HashAlgorithm.sha256

    package init() {}
}

/// What a start found (恢复情况). Starting is recovering: there is no other way in.
package struct JournalOpening: Sendable {
    /// Records on disk are `firstSequence ..< nextSequence`.
    package internal(set) var firstSequence: UInt64 = 0
    package internal(set) var nextSequence: UInt64 = 0
    package internal(set) var sealedSegments = 0
    /// Bytes of unsealed segments that were read.
    package internal(set) var scannedBytes = 0
    /// Bytes of torn or failed writes that are left out.
    package internal(set) var cutBytes = 0
    package internal(set) var problems: [JournalProblem] = []
}

/// What the journal has done since it started, for metrics.
package struct JournalFigures: Sendable {
    package internal(set) var nextSequence: UInt64 = 0
    package internal(set) var segments = 0
    package internal(set) var unsealedSegments = 0
    package internal(set) var waitingRecords = 0
    package internal(set) var waitingBytes = 0
    /// False from a failed write until one succeeds.
    package internal(set) var isTaking = true
    package internal(set) var recorded = 0
    package internal(set) var known = 0
    package internal(set) var failed = 0
    package internal(set) var refused = 0
    package internal(set) var sealingFailures = 0
    package internal(set) var syncs = LatencyHistogram()
}

/// Times in buckets a quarter of a power of two wide: 8 % exact, fixed memory.
package struct LatencyHistogram: Sendable {
    private var buckets = [Int](repeating: 0, count: 160)
    package private(set) var count = 0
    package private(set) var maxMicroseconds = 0.0

    package init() {}

    package mutating func add(nanoseconds: UInt64) {
        let value = max(nanoseconds, 1)
        let power = 63 - value.leadingZeroBitCount
        let quarter = power < 2 ? 0 : Int(value >> UInt64(power - 2)) & 3
        buckets[min(power * 4 + quarter, buckets.count - 1)] += 1
        count += 1
        maxMicroseconds = max(maxMicroseconds, Double(nanoseconds) / 1000)
    }

    /// The upper edge of the bucket in which the given share (0…1) of all times is reached, in microseconds.
    package func microseconds(at share: Double) -> Double {
        var rest = Int((Double(count) * share).rounded(.up))
        for (place, number) in buckets.enumerated() where number > 0 {
            rest -= number
            if rest <= 0 {
                let edge = Double(UInt64(1) << UInt64(place / 4)) * (1 + Double(place % 4 + 1) / 4)
                return min(edge / 1000, maxMicroseconds)
            }
        }
        return 0
    }
}
