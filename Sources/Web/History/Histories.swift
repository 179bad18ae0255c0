import Audit
import Claims
import Columns
import Rules
import Synchronization

/// The histories of persons: dataset, then what was received since, kept in memory for those who came lately.
///
/// Memory is bounded by rows; who falls out is read again from dataset and journal, so a restart loses nothing.
package final class Histories: Sendable {
    private let timelines: DatasetTimelines?
    private let keeper: any RecordKeeping
    private let tables: @Sendable (String) -> CodeTables
    private let decipher: Decipher
    private let state: Mutex<State>

    private struct State {
        var known: [String: Kept] = [:]
        var rows = 0
        var tick: UInt64 = 0
        /// Uploads that were received and are not yet durable are not history; this counts what changed meanwhile.
        var generation: [String: UInt64] = [:]
        /// Whose visit it is, of those in memory: withdrawals may name the visit alone.
        var owners: [String: String] = [:]
    }

    private struct Kept {
        var history: PersonHistory
        var used: UInt64
    }

    private let rowsMax: Int
    /// Uploads of one person that are read at most; more than that is the work of a nightly absorption.
    private static let uploadsMax = 4_000

    package init(
        timelines: DatasetTimelines?, keeper: any RecordKeeping, rowsMax: Int = 2_000_000,
        tables: @escaping @Sendable (String) -> CodeTables, decipher: @escaping Decipher = { _ in nil }
    ) {
        self.timelines = timelines
        self.keeper = keeper
        self.rowsMax = rowsMax
        self.tables = tables
        self.decipher = decipher
        state = Mutex(State())
    }

    /// What is known of a person; an empty history for somebody never met.
    package func history(of person: String) throws -> PersonHistory {
        let (found, generation) = state.withLock { state -> (PersonHistory?, UInt64) in
            state.tick += 1
            state.known[person]?.used = state.tick
            return (state.known[person]?.history, state.generation[person] ?? 0)
        }
        if let found { return found }
        var history = try load(person)
        history.settle()
        let settled = history
        state.withLock { state in
            guard (state.generation[person] ?? 0) == generation, state.known[person] == nil else { return }
            state.known[person] = Kept(history: settled, used: state.tick)
            for visit in settled.visits { state.owners[visit] = person }
            state.rows += settled.rowCount + 1
            shrink(&state)
        }
        return history
    }

    /// A durable upload changes what is known: the next question reads it.
    package func forget(_ person: String?, visit: String?) {
        state.withLock { state in
            if let visit, let owner = state.owners[visit], owner != person { Self.drop(owner, &state) }
            if let person { Self.drop(person, &state) }
            if state.owners.count > 4_000_000 { state.owners.removeAll() }
        }
    }

    /// The person whose visit it is, when that is in memory.
    package func owner(ofVisit visit: String) -> String? { state.withLock { $0.owners[visit] } }

    private static func drop(_ person: String, _ state: inout State) {
        if let kept = state.known.removeValue(forKey: person) { state.rows -= kept.history.rowCount + 1 }
        state.generation[person, default: 0] += 1
        if state.generation.count > 1_000_000 { state.generation.removeAll() }
    }

    package var personCount: Int { state.withLock { $0.known.count } }

    private func shrink(_ state: inout State) {
        guard state.rows > rowsMax else { return }
        let oldest = state.known.sorted { $0.value.used < $1.value.used }
        for (person, kept) in oldest {
            guard state.rows > rowsMax * 3 / 4 else { break }
            state.known[person] = nil
            state.rows -= kept.history.rowCount + 1
        }
    }

    // MARK: Loading

    /// One upload as far as it must be known before all are put in order.
    private struct Upload {
        let kept: KeptRecord
        let version: Int64
        let transport: RecordKey?
        let visit: String?
    }

    private func load(_ person: String) throws -> PersonHistory {
        var history = PersonHistory(person: person, dataset: try timelines?.rows(of: person) ?? [:])
        let opener = MessageOpener(decipher)
        var reversed: Set<RecordKey> = []
        var uploads: [UInt64: Upload] = [:]
        func take(_ key: RecordKey) throws {
            for kept in try keeper.records(of: key, limit: Self.uploadsMax)
            where kept.kind == .upload && uploads[kept.sequence] == nil {
                uploads[kept.sequence] = upload(kept, opener, &reversed)
            }
        }
        try take(.person(person))
        // Withdrawals may name the visit alone.
        for visit in Set(history.visits).union(uploads.values.compactMap(\.visit)) { try take(.visit(visit)) }
        // In the order in which things were said. Messages whose outcome was unknown and that were reversed (2601) are
        // left out.
        let ordered = uploads.values.sorted {
            $0.version == $1.version ? $0.kept.sequence < $1.kept.sequence : $0.version < $1.version
        }
        for upload in ordered where upload.transport.map({ reversed.contains($0) }) != true {
            _ = opener.read(upload.kept) { envelope, answer in
                var reader = UploadReader(envelope, answer: answer, tables: tables(envelope.institution), Tolerance())
                _ = reader.apply(to: &history)
            }
        }
        return history
    }

    private func upload(
        _ kept: KeptRecord, _ opener: MessageOpener, _ reversed: inout Set<RecordKey>
    ) -> Upload? {
        opener.read(kept) { envelope, answer in
            let reader = UploadReader(envelope, answer: answer, tables: tables(envelope.institution), Tolerance())
            if let taken = reader.reversed {
                reversed.insert(
                    .transport(institution: envelope.institution, infno: taken.infno, message: taken.message))
            }
            return Upload(
                kept: kept, version: UploadReader.version(envelope.moment),
                transport: envelope.messageIdentifier.map {
                    .transport(institution: envelope.institution, infno: envelope.infno, message: $0)
                }, visit: reader.visit)
        }
    }
}

/// The plain input of a message that was sent enciphered; nil for all others.
package typealias Decipher = @Sendable (JSONValue) -> [UInt8]?

/// Opens kept messages again with tapes of its own.
package final class MessageOpener {
    private let tape = JSONTape()
    private let inner = JSONTape()
    private let answers = JSONTape()
    private let buffers = TextBuffers()

    private let decipher: Decipher

    package init(_ decipher: @escaping Decipher = { _ in nil }) { self.decipher = decipher }

    /// nil when the message cannot be read, which a kept upload can.
    package func read<Result>(_ record: KeptRecord, _ body: (Envelope, JSONValue?) -> Result) -> Result? {
        defer { buffers.clear() }
        return record.request.withUnsafeBufferPointer { request in
            record.answer.withUnsafeBufferPointer { answer in
                guard (try? tape.read(request)) != nil else { return nil }
                var tolerance = Tolerance()
                let plain = decipher(.root(tape)).map { buffers.keep($0) }
                guard
                    let envelope = try? Envelope(
                        .root(tape), deciphered: plain, inner: inner, buffers: buffers, &tolerance)
                else {
                    return nil
                }
                let answer = (try? answers.read(answer)) != nil ? JSONValue.root(answers) : nil
                return body(envelope, answer)
            }
        }
    }
}
