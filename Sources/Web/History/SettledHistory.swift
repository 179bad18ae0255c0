import Audit
import Claims
import Rules

/// A person's history laid out to be asked of many times (已整理的历史): nothing is added to it any more.
package struct SettledHistory: Sendable {
    /// The name that datasets know the person by: the number, or its pseudonym.
    package let person: String
    /// The rows in timeline order, but for that of the person.
    package let sheet: TimelineSheet
    /// What is known of the person.
    let known: TimelineRow?
    /// Rows of visits that are not known, by table; none where there is no such row.
    let homeless: [Table: [Bool]]
    let visits: [String]

    package init(_ history: PersonHistory) {
        person = history.person
        known = history.row(.person, history.person)
        visits = history.visits
        let encounters = history.values(.encounter).sorted(by: Self.precedes(.encounter))
        let places = Dictionary(encounters.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        let sheet = TimelineSheet()
        for row in encounters { sheet.append(row, to: .encounter) }
        for row in history.values(.entitlement).sorted(by: { $0.id < $1.id }) { sheet.append(row, to: .entitlement) }
        var homeless: [Table: [Bool]] = [:]
        for (table, owner) in Self.owners {
            let precedes = Self.precedes(table)
            let placed = history.values(table).map { row -> (row: TimelineRow, place: Int) in
                guard case .row(let visit) = row.values[owner] else { return (row, .max) }
                return (row, places[visit] ?? .max)
            }.sorted { $0.place != $1.place ? $0.place < $1.place : precedes($0.row, $1.row) }
            for (row, _) in placed { sheet.append(row, to: table) }
            if placed.last?.place == .max { homeless[table] = placed.map { $0.place == .max } }
        }
        self.sheet = sheet
        self.homeless = homeless
    }

    /// The tables whose rows belong to visits, and the field that names the visit.
    static let owners: [(table: Table, field: Int)] = [
        (.diagnosis, RowFields.Diagnosis.encounter), (.operation, RowFields.Operation.encounter),
        (.prescription, RowFields.prescriptionEncounter), (.line, RowFields.Line.encounter),
        (.settlement, RowFields.Settlement.encounter),
    ]

    /// The order in which rows of one visit, or visits of one person, lie: nearly that of the evaluator, who then finds long
    /// runs.
    private static func precedes(_ table: Table) -> (TimelineRow, TimelineRow) -> Bool {
        let times = (table == .encounter ? ["start_day", "start_second"] : ["day", "second"]).compactMap {
            table.index(of: $0)
        }
        func time(_ value: CaseValue?) -> Int32 {
            switch value {
            case .day(let number), .second(let number): number
            default: .min
            }
        }
        return { a, b in
            for field in times {
                let (x, y) = (time(a.values[field]), time(b.values[field]))
                if x != y { return x < y }
            }
            return a.id < b.id
        }
    }

    /// Memory that it takes, in bytes.
    package var byteCount: Int { sheet.byteCount + 1_024 + visits.count * 64 }
}
