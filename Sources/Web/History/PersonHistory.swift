import Audit
import Claims
import Rules

/// What is known of one person besides the message at hand: the dataset's rows and what was received since.
///
/// Corrections follow the rules of ingest: same identifier and content is a repeat, a later one a correction, other
/// content of the same second a contradiction; so online and batch see the same rows.
package struct PersonHistory: Sendable {
    /// The name that datasets know the person by: the number, or its pseudonym.
    package let person: String
    /// The number by which messages know the person (`psn_no`).
    package let number: String
    private var rows: [Table: [String: Entry]] = [:]
    /// Of lines: the charge batch in which they came.
    private var batches: [String: String] = [:]
    /// Of visits: when their diagnoses were last stated.
    private var diagnosed: [String: SaidOrder] = [:]

    private struct Entry: Sendable {
        var row: TimelineRow
        /// When it was said; later ones correct it.
        var said: SaidOrder
    }

    package init(person: String, number: String? = nil, dataset: [Table: [TimelineRow]] = [:]) {
        self.person = person
        self.number = number ?? person
        for (table, known) in dataset {
            rows[table] = Dictionary(
                known.map { ($0.id, Entry(row: $0, said: .dataset)) }, uniquingKeysWith: { first, _ in first })
        }
    }

    package func values(_ table: Table) -> [TimelineRow] { (rows[table] ?? [:]).values.map(\.row) }

    package func row(_ table: Table, _ id: String) -> TimelineRow? { rows[table]?[id]?.row }
    package var visits: [String] { (rows[.encounter] ?? [:]).keys.sorted() }
    package var rowCount: Int { rows.values.reduce(0) { $0 + $1.count } }

    /// Puts a row, or with `merging` lays it over what was known; false when other content was said in the same second.
    package mutating func put(_ row: TimelineRow, in table: Table, said: SaidOrder, merging: Bool = false) -> Bool {
        guard let known = rows[table]?[row.id] else {
            rows[table, default: [:]][row.id] = Entry(row: row, said: said)
            return true
        }
        if merging {
            var merged = known.row
            for (field, value) in row.values.enumerated() {
                if let value, said >= known.said || merged.values[field] == nil { merged.values[field] = value }
            }
            rows[table]?[row.id] = Entry(row: merged, said: max(said, known.said))
            return true
        }
        // What was said earlier and comes late is no contradiction: it was corrected since.
        if said >= known.said { rows[table]?[row.id] = Entry(row: row, said: said) }
        return known.row == row || said.seconds != known.said.seconds
    }

    package mutating func note(batch: String, of line: String) { batches[line] = batch }

    package mutating func clear(_ fields: [Int], of id: String, in table: Table) {
        guard var entry = rows[table]?[id] else { return }
        for field in fields { entry.row.values[field] = nil }
        rows[table]?[id] = entry
    }

    /// Takes a row back, and of a visit all that belongs to it.
    package mutating func withdraw(_ id: String, from table: Table) {
        rows[table]?[id] = nil
        guard table == .encounter else { return }
        for child in [Table.diagnosis, .operation, .prescription, .line, .settlement] {
            removeAll(in: child) { $0.values.contains(.row(id)) }
        }
    }

    package mutating func withdrawLines(ofVisit visit: String, batch: String? = nil) {
        let batches = batches
        removeAll(in: .line) { row in
            guard row.values[RowFields.Line.encounter] == .row(visit) else { return false }
            return batch == nil || batches[row.id] == batch
        }
    }

    /// Takes back the scans of a movement: those whose identifiers begin and end so.
    package mutating func withdrawScans(of movement: String, kind: String) {
        removeAll(in: .scan) { $0.id.hasPrefix(movement) && $0.id.hasSuffix(kind) }
    }

    /// Who states diagnoses of a visit states them all: the latest statement holds.
    package mutating func replaceDiagnoses(ofVisit visit: String, with fresh: [TimelineRow], said: SaidOrder) {
        guard !fresh.isEmpty, diagnosed[visit].map({ said >= $0 }) ?? true else { return }
        diagnosed[visit] = said
        removeAll(in: .diagnosis) { $0.values[RowFields.Diagnosis.encounter] == .row(visit) }
        for row in fresh { _ = put(row, in: .diagnosis, said: said) }
    }

    private mutating func removeAll(in table: Table, where condition: (TimelineRow) -> Bool) {
        guard let known = rows[table] else { return }
        rows[table] = known.filter { !condition($0.value.row) }
    }
}
