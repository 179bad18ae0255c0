/// Which uploads must be laid over a dataset to know what is known now.
///
/// Those received since the dataset took account of the journal, and with each of them all that was ever received about
/// the same visits and movements: corrections, withdrawals and late messages are only right together. So a dataset that
/// took the journal in pieces, one that took it at once, and the service that lays what came since over an older one all
/// say the same.
struct UploadSelection {
    private let keeper: any RecordKeeping
    /// Records before this one are in the dataset.
    private let since: UInt64
    private let reading: UploadReading
    private let keepsRecords: Bool
    private var chosen: [UInt64: SaidOrder] = [:]
    private var kept: [UInt64: KeptRecord] = [:]
    private var subjects: Set<RecordKey> = []
    private var waiting: [RecordKey] = []
    /// Messages that the dataset holds and that were taken back (2601) since.
    private(set) var undone: [UInt64] = []

    /// Uploads about one subject that are read at most.
    private static let uploadsMax = 4_000

    init(_ keeper: any RecordKeeping, since: UInt64, _ reading: UploadReading, keepsRecords: Bool) {
        self.keeper = keeper
        self.since = since
        self.reading = reading
        self.keepsRecords = keepsRecords
    }

    /// The chosen, in the order in which things were said.
    var inOrder: [UInt64] { chosen.sorted { $0.value < $1.value }.map(\.key) }

    /// The chosen, rising.
    var numbers: [UInt64] { chosen.keys.sorted() }

    func said(_ sequence: UInt64) -> SaidOrder? { chosen[sequence] }

    func record(_ sequence: UInt64) throws -> KeptRecord { try kept[sequence] ?? keeper.record(sequence) }

    /// Takes those of a name that came since.
    mutating func add(newOf key: RecordKey) throws {
        for sequence in try keeper.sequences(of: key, limit: Self.uploadsMax) where sequence >= since {
            try add(sequence)
        }
    }

    mutating func add(_ sequence: UInt64) throws {
        if chosen[sequence] == nil { try add(try keeper.record(sequence)) }
    }

    mutating func add(_ record: KeptRecord) throws {
        guard record.kind == .upload, chosen[record.sequence] == nil else { return }
        guard let told = reading.told(record) else { return }
        for subject in told.subjects where subjects.insert(subject).inserted { waiting.append(subject) }
        if let reversed = told.reverses, let target = try keeper.sequences(of: reversed, limit: 1).first,
            target < since
        {
            undone.append(target)
            let about = reading.told(try keeper.record(target))?.subjects ?? []
            for subject in about where subjects.insert(subject).inserted { waiting.append(subject) }
        }
        // Messages whose outcome was unknown and that were reversed are no history.
        if let name = told.name, try !keeper.sequences(of: .reversal(of: name), limit: 1).isEmpty { return }
        chosen[record.sequence] = told.said
        if keepsRecords { kept[record.sequence] = record }
    }

    /// Takes everything about the subjects of what was taken, until nothing new is met.
    mutating func complete() throws {
        while let subject = waiting.popLast() {
            for sequence in try keeper.sequences(of: subject, limit: Self.uploadsMax) { try add(sequence) }
        }
    }
}

/// Opens kept uploads with tapes of its own, and knows whose they are. One thread at a time.
final class UploadReading {
    private let opener: MessageOpener
    private let tables: @Sendable (String) -> CodeTables

    /// What must be known of an upload before all are put in order.
    struct Told {
        let said: SaidOrder
        /// By its identifier, when it has one.
        let name: RecordKey?
        let subjects: [RecordKey]
        /// Of a reversal (2601): the message it takes back.
        let reverses: RecordKey?
    }

    init(_ decipher: @escaping Decipher, _ tables: @escaping @Sendable (String) -> CodeTables) {
        opener = MessageOpener(decipher)
        self.tables = tables
    }

    /// nil when the message cannot be read, which a kept upload can.
    func read<Result>(_ record: KeptRecord, _ body: (inout UploadReader) -> Result) -> Result? {
        opener.read(record) { envelope, answer in
            var reader = UploadReader(
                envelope, answer: answer, tables: tables(envelope.institution), Tolerance(), received: record.instant,
                sequence: record.sequence)
            return body(&reader)
        }
    }

    func told(_ record: KeptRecord) -> Told? {
        read(record) { reader in
            let envelope = reader.envelope
            return Told(
                said: reader.said,
                name: envelope.messageIdentifier.map {
                    .transport(institution: envelope.institution, infno: envelope.infno, message: $0)
                }, subjects: reader.subjects, reverses: reader.reversed)
        }
    }
}

extension [String] {
    /// Each once, in the order of their coming.
    var distinct: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
