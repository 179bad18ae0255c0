import Audit
import Claims
import Columns
import Rules
import Synchronization

/// The histories of persons: dataset, then what was received since, kept in memory for those who came lately.
///
/// Memory is bounded in bytes; who falls out is read again from dataset and journal, so a restart loses nothing.
package final class Histories: Sendable {
    /// A dataset, and how far it took account of what this service's journal received.
    package struct Source: Sendable {
        package let timelines: DatasetTimelines?
        /// Records before this one are in the dataset (`yijian dataset absorb`).
        package let absorbed: UInt64

        package init(timelines: DatasetTimelines?, absorbed: UInt64 = 0) {
            self.timelines = timelines
            self.absorbed = absorbed
        }
    }

    private let keeper: any RecordKeeping
    let names: PersonNames
    private let tables: @Sendable (String) -> CodeTables
    private let decipher: Decipher
    private let state: Mutex<State>

    private struct State {
        var source: Source
        /// Who came lately, and who came before them. When the young take half of the memory they become the old, and the old
        /// go: nobody waits for a search.
        var young = Generation()
        var old = Generation()
        /// Counts adopted generations.
        var epoch = 0
        /// Uploads that were received and are not yet durable are not history; this counts what changed meanwhile.
        var changes: [String: UInt64] = [:]
        /// Whether an institution was ever met as a seller of scanned drugs.
        var sellers: [String: Bool] = [:]

        func known(_ person: String) -> SettledHistory? { young.known[person] ?? old.known[person] }
        func owner(_ visit: String) -> String? { young.owners[visit] ?? old.owners[visit] }
    }

    private struct Generation {
        var known: [String: SettledHistory] = [:]
        /// Whose visit it is: withdrawals may name the visit alone.
        var owners: [String: String] = [:]
        var bytes = 0

        mutating func keep(_ history: SettledHistory, of person: String) {
            known[person] = history
            for visit in history.visits { owners[visit] = person }
            bytes += history.byteCount
        }

        mutating func drop(_ person: String) {
            guard let history = known.removeValue(forKey: person) else { return }
            for visit in history.visits { owners[visit] = nil }
            bytes -= history.byteCount
        }
    }

    private let bytesMax: Int
    private static let changesMax = 200_000

    package init(
        _ source: Source, keeper: any RecordKeeping, bytesMax: Int = 256 << 20,
        tables: @escaping @Sendable (String) -> CodeTables, decipher: @escaping Decipher = { _ in nil },
        names: @escaping PersonNames = { $0 }
    ) {
        self.keeper = keeper
        self.names = names
        self.bytesMax = bytesMax
        self.tables = tables
        self.decipher = decipher
        state = Mutex(State(source: source))
    }

    /// Takes a newer generation of the dataset for the one in use; nobody waits for it.
    package func adopt(_ source: Source) {
        state.withLock { state in
            state.source = source
            state.young = Generation()
            state.old = Generation()
            state.epoch += 1
        }
    }

    /// The generation in use; nil without a dataset.
    package var generation: Int? { state.withLock { $0.source.timelines?.dataset.generation } }

    /// What is known of a person, by the number in messages, to be laid beside a message; an empty history for somebody
    /// never met.
    package func settled(of person: String) throws -> SettledHistory {
        let (found, changes, epoch) = state.withLock { state -> (SettledHistory?, UInt64, Int) in
            if let young = state.young.known[person] { return (young, 0, 0) }
            if let old = state.old.known[person] {
                state.old.drop(person)
                state.young.keep(old, of: person)
                return (old, 0, 0)
            }
            return (nil, state.changes[person] ?? 0, state.epoch)
        }
        if let found { return found }
        let settled = SettledHistory(try load(person))
        let gone = state.withLock { state -> Generation? in
            guard (state.changes[person] ?? 0) == changes, state.epoch == epoch, state.known(person) == nil else {
                return nil
            }
            state.young.keep(settled, of: person)
            guard state.young.bytes > bytesMax / 2 else { return nil }
            defer {
                state.old = state.young
                state.young = Generation()
            }
            return state.old
        }
        // Taking thousands of histories apart is not for whoever happened to be the last.
        if let gone, !gone.known.isEmpty { BackgroundWork.run { withExtendedLifetime(gone) {} } }
        return settled
    }

    /// What is known of a person as rows that can be corrected.
    package func history(of person: String) throws -> PersonHistory { try load(person) }

    /// A durable upload changes what is known: the next question reads it.
    package func forget(_ persons: [String], visits: [String]) {
        state.withLock { state in
            let owners = visits.compactMap { state.owner($0) }.filter { !persons.contains($0) }
            for person in persons + owners { Self.drop(person, &state) }
        }
    }

    /// The same for what an upload is about.
    func forget(_ subject: UploadSubject) {
        forget(subject.persons, visits: subject.visits)
        if let seller = subject.seller { state.withLock { $0.sellers[seller] = true } }
    }

    /// The person whose visit it is, when that is in memory.
    package func owner(ofVisit visit: String) -> String? { state.withLock { $0.owner(visit) } }

    private static func drop(_ person: String, _ state: inout State) {
        state.young.drop(person)
        state.old.drop(person)
        state.changes[person, default: 0] += 1
        if state.changes.count > changesMax {
            state.changes.removeAll()
            state.epoch += 1
        }
    }

    package var personCount: Int { state.withLock { $0.young.known.count + $0.old.known.count } }

    // MARK: Trace codes

    /// Every scan that is known of some trace codes (追溯码): the dataset's, and what was received since.
    package func scans(of traces: Set<String>) throws -> [TimelineRow] {
        let source = state.withLock { $0.source }
        var known: [TimelineRow] = []
        for trace in traces.sorted() { known += try source.timelines?.scans(of: trace) ?? [] }
        var history = PersonHistory(person: "", dataset: [.scan: known])
        let reading = UploadReading(decipher, tables)
        var selection = UploadSelection(keeper, since: source.absorbed, reading, keepsRecords: true)
        for trace in traces.sorted() { try selection.add(newOf: .trace(trace)) }
        // What the dataset has of these movements may have been corrected or taken back since under other codes.
        for movement in Set(known.compactMap(Self.movement)) { try selection.add(newOf: movement) }
        try selection.complete()
        for sequence in selection.inOrder {
            _ = reading.read(try selection.record(sequence)) { $0.apply(scansTo: &history, names) }
        }
        return history.values(.scan).filter { row in
            if case .text(let trace) = row.values[RowFields.Scan.trace] { return traces.contains(trace) }
            return false
        }.sorted { $0.id < $1.id }
    }

    /// The movement to which a scan belongs, by its identifier `institution|number|trace|kind`.
    private static func movement(_ scan: TimelineRow) -> RecordKey? {
        let parts = scan.id.split(separator: "|", omittingEmptySubsequences: false)
        return parts.count >= 4 ? .movement(institution: String(parts[0]), number: String(parts[1])) : nil
    }

    /// Sales to one person that are looked at, the newest first.
    private static let salesMax = 64

    /// What an institution sold to a person on a day or later, as it was received (售药扫码).
    package func sold(to person: String, by institution: String, since day: Int32) throws -> [TimelineRow] {
        let isSeller =
            try state.withLock { $0.sellers[institution] }
            ?? {
                let found = try !keeper.sequences(of: .seller(institution), limit: 1).isEmpty
                state.withLock { state in if state.sellers[institution] == nil { state.sellers[institution] = found } }
                return found
            }()
        guard isSeller else { return [] }
        let reading = UploadReading(decipher, tables)
        var rows: [TimelineRow] = []
        let name = names(person)
        for sequence in try keeper.sequences(of: .sales(by: institution, to: person), limit: Self.salesMax) {
            rows += reading.read(try keeper.record(sequence)) { $0.scans(names) } ?? []
        }
        return rows.filter { row in
            guard case .day(let sold) = row.values[RowFields.Scan.day], sold >= day else { return false }
            return row.values[RowFields.Scan.person] == .text(name) && row.values[RowFields.Scan.kind] == .text("sale")
        }
    }

    // MARK: Loading

    private func load(_ number: String) throws -> PersonHistory {
        let source = state.withLock { $0.source }
        let person = names(number)
        var history = PersonHistory(
            person: person, number: number, dataset: try source.timelines?.rows(of: person) ?? [:])
        let reading = UploadReading(decipher, tables)
        var selection = UploadSelection(keeper, since: source.absorbed, reading, keepsRecords: true)
        try selection.add(newOf: .person(number))
        // Withdrawals may name the visit alone.
        for visit in history.visits { try selection.add(newOf: .visit(visit)) }
        try selection.complete()
        for sequence in selection.undone {
            let stated = reading.read(try selection.record(sequence)) { $0.stated } ?? []
            for (table, id) in stated { history.withdraw(id, from: table) }
        }
        for sequence in selection.inOrder {
            _ = reading.read(try selection.record(sequence)) { reader in
                if reader.persons.isEmpty || reader.persons.contains(number) { _ = reader.apply(to: &history) }
            }
        }
        return history
    }
}

/// The name by which datasets know the person whom messages call by a number (`psn_no`): the number itself, or its keyed
/// pseudonym.
package typealias PersonNames = @Sendable (String) -> String
