import Synchronization

/// Records in memory, for tests and rehearsals: nothing survives the process.
package final class VolatileRecords: RecordKeeping {
    private struct State {
        var records: [KeptRecord] = []
        var places: [RecordKey: [Int]] = [:]
        var failure: KeepingFailure?
        var failed = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// From now on nothing is recorded; nil: again.
    package func fail(_ failure: KeepingFailure?) { state.withLock { $0.failure = failure } }

    package func append(
        _ record: Record, unless key: RecordKey?, then: @escaping @Sendable (Result<Kept, KeepingFailure>) -> Void
    ) {
        let outcome = state.withLock { state -> Result<Kept, KeepingFailure> in
            if let failure = state.failure {
                state.failed += 1
                return .failure(failure)
            }
            if let key, let place = state.places[key]?.last { return .success(.known(UInt64(place))) }
            let sequence = UInt64(state.records.count)
            state.records.append(
                KeptRecord(
                    sequence: sequence, instant: Int64(sequence) * 1000, kind: record.kind, request: record.request,
                    answer: record.answer))
            for key in record.keys { state.places[key, default: []].append(Int(sequence)) }
            return .success(.recorded(sequence))
        }
        then(outcome)
    }

    package func newest(_ key: RecordKey) throws -> KeptRecord? {
        state.withLock { state in state.places[key]?.last.map { state.records[$0] } }
    }

    package func sequences(of key: RecordKey, limit: Int) throws -> [UInt64] {
        state.withLock { state in (state.places[key] ?? []).suffix(limit).map { UInt64($0) } }
    }

    package func replay(from first: UInt64, _ visit: (KeptRecord) throws -> Bool) throws {
        for record in all where record.sequence >= first { guard try visit(record) else { return } }
    }

    package let identity = "volatile"

    package func record(_ sequence: UInt64) throws -> KeptRecord { state.withLock { $0.records[Int(sequence)] } }

    package var all: [KeptRecord] { state.withLock { $0.records } }

    package var figures: KeepingFigures {
        state.withLock { state in
            var figures = KeepingFigures()
            figures.appended = state.records.count
            figures.failed = state.failed
            figures.isTaking = state.failure == nil
            return figures
        }
    }

    package func close() {}
}
