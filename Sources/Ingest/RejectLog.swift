/// One refused row: where it stands and why.
struct Reject: Sendable {
    /// Source number << 48 | byte offset.
    var origin: UInt64
    var length: UInt32
    var reason: RejectReason
    /// Number of the table mapping, and of the value in it (255: the record as a whole).
    var mapping: UInt16
    var step: UInt8

    /// As two numbers, for files.
    var packed: [UInt64] {
        [origin, UInt64(length) | UInt64(mapping) << 32 | UInt64(reason.rawValue) << 48 | UInt64(step) << 56]
    }

    /// nil when it is none.
    init?(packed origin: UInt64, _ rest: UInt64) {
        guard let reason = RejectReason(rawValue: UInt8(truncatingIfNeeded: rest >> 48)) else { return nil }
        self.init(
            origin: origin, length: UInt32(truncatingIfNeeded: rest), reason: reason,
            mapping: UInt16(truncatingIfNeeded: rest >> 32), step: UInt8(truncatingIfNeeded: rest >> 56))
    }

    init(origin: UInt64, length: UInt32, reason: RejectReason, mapping: UInt16, step: UInt8) {
        self.origin = origin
        self.length = length
        self.reason = reason
        self.mapping = mapping
        self.step = step
    }

    var source: Int { Int(origin >> 48) }
    var offset: Int { Int(origin & 0xFFFF_FFFF_FFFF) }
}

/// What one thread, or one step, counted for one table mapping.
struct Balance: Sendable, Equatable, Codable {
    var read = 0
    var kept = 0
    var rejected = 0
    var repeated = 0
    var corrected = 0
    var withdrawn = 0
    /// Left out by a condition; not part of `read`.
    var leftOut = 0

    static func += (a: inout Balance, b: Balance) {
        a.read += b.read
        a.kept += b.kept
        a.rejected += b.rejected
        a.repeated += b.repeated
        a.corrected += b.corrected
        a.withdrawn += b.withdrawn
        a.leftOut += b.leftOut
    }

    static func - (a: Balance, b: Balance) -> Balance {
        Balance(
            read: a.read - b.read, kept: a.kept - b.kept, rejected: a.rejected - b.rejected,
            repeated: a.repeated - b.repeated, corrected: a.corrected - b.corrected,
            withdrawn: a.withdrawn - b.withdrawn, leftOut: a.leftOut - b.leftOut)
    }
}
