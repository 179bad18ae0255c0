/// One refused row: where it stands and why.
struct Reject: Sendable {
    /// Source number << 48 | byte offset.
    var origin: UInt64
    var length: UInt32
    var reason: RejectReason
    /// Number of the table mapping, and of the value in it (255: the record as a whole).
    var mapping: UInt16
    var step: UInt8

    var source: Int { Int(origin >> 48) }
    var offset: Int { Int(origin & 0xFFFF_FFFF_FFFF) }
}

/// What one thread, or one step, counted for one table mapping.
struct Balance: Sendable, Equatable {
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
}
