import Ledger

/// Records in the journal on disk: what was acknowledged is found again after any crash.
package final class JournalRecords: RecordKeeping {
    private let journal: Journal

    package init(_ journal: Journal) { self.journal = journal }

    private static func key(_ key: RecordKey) -> JournalKey { JournalKey(key.space, key.parts) }

    package func append(
        _ record: Record, unless key: RecordKey?, then: @escaping @Sendable (Result<Kept, KeepingFailure>) -> Void
    ) {
        let entry = JournalEntry(
            kind: record.kind.rawValue, keys: record.keys.map(Self.key), request: record.request,
            answer: record.answer)
        journal.append(entry, unlessKnown: key.map(Self.key)) { outcome in
            switch outcome {
            case .success(.recorded(let sequence, _)): then(.success(.recorded(sequence)))
            case .success(.known(let sequence)): then(.success(.known(sequence)))
            case .failure(let error): then(.failure(Self.failure(error)))
            }
        }
    }

    private static func failure(_ error: JournalError) -> KeepingFailure {
        let kind: KeepingFailure.Kind =
            switch error.kind {
            case .full: .full
            case .busy: .busy
            case .closed: .closed
            default: .failing
            }
        return KeepingFailure(kind: kind, message: error.description)
    }

    package func newest(_ key: RecordKey) throws -> KeptRecord? {
        try journal.newest(Self.key(key)).map { try record($0) }
    }

    package func sequences(of key: RecordKey, limit: Int) throws -> [UInt64] {
        try journal.sequences(of: Self.key(key), limit: limit).reversed()
    }

    package func record(_ sequence: UInt64) throws -> KeptRecord {
        Self.kept(try journal.record(sequence))
    }

    package func replay(from first: UInt64, _ visit: (KeptRecord) throws -> Bool) throws {
        try journal.replay(from: first) { try visit(Self.kept($0)) }
    }

    private static func kept(_ record: JournalRecord) -> KeptRecord {
        KeptRecord(
            sequence: record.sequence, instant: record.instant, kind: Record.Kind(rawValue: record.kind),
            request: record.request, answer: record.answer)
    }

    package var identity: String { HexText.text(journal.identity) }

    package var figures: KeepingFigures {
        let own = journal.figures
        var figures = KeepingFigures()
        figures.appended = own.recorded
        figures.failed = own.failed
        figures.waiting = own.waitingRecords
        figures.isTaking = own.isTaking
        figures.segments = own.segments
        figures.syncs = own.syncs.count
        figures.syncMicrosecondsP50 = Int(own.syncs.microseconds(at: 0.5))
        figures.syncMicrosecondsP99 = Int(own.syncs.microseconds(at: 0.99))
        return figures
    }

    package func close() { journal.close() }
}
