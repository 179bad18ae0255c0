/// What is kept of one message: request and answer together, and the names by which it is found again.
package struct Record: Sendable {
    /// Numbers that stand in the journal for ever.
    package enum Kind: UInt8, Sendable {
        /// A review answered in time.
        case reviewed = 1
        /// A review answered "accepted, not yet audited" (已受理未审核); the audit follows as `reviewedLater`.
        case degraded = 2
        case reviewedLater = 3
        /// What builds history: visits, charges, settlements, stock, and their withdrawals.
        case upload = 4
        /// What the doctor did with a finding (3103).
        case feedback = 5
        /// Refused, and why; of a relayed message, by the platform.
        case refused = 6
        /// What an institution asked of, or answered to, findings against it (3701 to 3704).
        case appeal = 7
        /// Passed on to the platform and answered by it; builds no history.
        case relayed = 8
    }

    package let kind: Kind
    package let keys: [RecordKey]
    package let request: [UInt8]
    package let answer: [UInt8]

    package init(kind: Kind, keys: [RecordKey], request: [UInt8], answer: [UInt8]) {
        self.kind = kind
        self.keys = keys
        self.request = request
        self.answer = answer
    }
}

/// A name by which records are found: of the transport, of a person, of a visit.
package struct RecordKey: Hashable, Sendable {
    package let space: String
    package let parts: [String]

    package static func transport(institution: String, infno: String, message: String) -> RecordKey {
        RecordKey(space: "transport", parts: [institution, infno, message])
    }

    package static func content(_ digest: String) -> RecordKey { RecordKey(space: "content", parts: [digest]) }
    package static func person(_ identifier: String) -> RecordKey { RecordKey(space: "person", parts: [identifier]) }
    package static func visit(_ identifier: String) -> RecordKey { RecordKey(space: "visit", parts: [identifier]) }
    /// A stock movement by its institution and serial number (`fixmedins_bchno`).
    package static func movement(institution: String, number: String) -> RecordKey {
        RecordKey(space: "movement", parts: [institution, number])
    }
    /// The reversals (2601) of a message, by the name of that message.
    package static func reversal(of message: RecordKey) -> RecordKey {
        RecordKey(space: "reversal", parts: message.parts)
    }
    /// Sales and their returns by trace code, by who sold to whom, and all of one seller (追溯码、售药).
    package static func trace(_ code: String) -> RecordKey { RecordKey(space: "trace", parts: [code]) }
    package static func sales(by institution: String, to person: String) -> RecordKey {
        RecordKey(space: "sales", parts: [institution, person])
    }
    package static func seller(_ institution: String) -> RecordKey { RecordKey(space: "seller", parts: [institution]) }
    /// All reviews that were answered before they were audited.
    package static let degraded = RecordKey(space: "degraded", parts: [])
    package static func finding(_ identifier: String) -> RecordKey { RecordKey(space: "finding", parts: [identifier]) }
}

/// Where records are kept so that none that was acknowledged is lost (留存).
package protocol RecordKeeping: Sendable {
    /// Records a message. `then` is called, from a thread of its own, once the record is on disk or could not be put there.
    /// With `unless`, nothing is written when a record of that name is there already.
    func append(
        _ record: Record, unless key: RecordKey?, then: @escaping @Sendable (Result<Kept, KeepingFailure>) -> Void)
    /// The newest record of a name; nil when there is none.
    func newest(_ key: RecordKey) throws -> KeptRecord?
    /// The numbers of the newest records of a name, rising.
    func sequences(of key: RecordKey, limit: Int) throws -> [UInt64]
    func record(_ sequence: UInt64) throws -> KeptRecord
    /// Hands over every record from a number on, rising, until `visit` answers false.
    func replay(from first: UInt64, _ visit: (KeptRecord) throws -> Bool) throws
    /// What this keeper's numbers belong to: numbers of another one mean nothing here.
    var identity: String { get }
    var figures: KeepingFigures { get }
    func close()
}

extension RecordKeeping {
    /// The newest records of a name, oldest first.
    package func records(of key: RecordKey, limit: Int) throws -> [KeptRecord] {
        try sequences(of: key, limit: limit).map { try record($0) }
    }
}

/// What became of an append: the number of the record, or of the one that was there.
package enum Kept: Sendable, Equatable {
    case recorded(UInt64)
    case known(UInt64)
}

package struct KeptRecord: Sendable {
    package let sequence: UInt64
    /// When it was recorded, in milliseconds since 1970.
    package let instant: Int64
    /// nil for a kind that this version does not know.
    package let kind: Record.Kind?
    package let request: [UInt8]
    package let answer: [UInt8]

    package init(sequence: UInt64, instant: Int64, kind: Record.Kind?, request: [UInt8], answer: [UInt8]) {
        self.sequence = sequence
        self.instant = instant
        self.kind = kind
        self.request = request
        self.answer = answer
    }
}

package struct KeepingFailure: Error, Sendable {
    package enum Kind: Sendable { case full, failing, busy, closed }
    package let kind: Kind
    package let message: String

    package init(kind: Kind, message: String) {
        self.kind = kind
        self.message = message
    }
}

package struct KeepingFigures: Sendable {
    package var appended = 0
    package var failed = 0
    package var waiting = 0
    package var isTaking = true
    package var syncs = 0
    /// Microseconds of the call that makes a group durable.
    package var syncMicrosecondsP50 = 0
    package var syncMicrosecondsP99 = 0
    package var segments = 0

    package init() {}
}
