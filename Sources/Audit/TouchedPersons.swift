import Claims
import Columns

/// The persons of whom later generations say something new: those in segments that an earlier generation did not have,
/// and those whose rows such segments took back.
///
/// Master data, rules and lists may have changed as well; whoever asks for the touched alone takes that upon himself.
final class TouchedPersons: @unchecked Sendable {
    private let ids = StringDictionary()
    /// In byte order.
    private var sorted: [[UInt8]] = []

    /// Certain persons, by identifier.
    init(persons: [String]) {
        for person in persons {
            var person = person
            _ = person.withUTF8 { ids.code(for: $0) }
        }
        sorted = persons.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    init(_ dataset: Dataset, since generation: Int) throws(ColumnsError) {
        let known = Set(try Dataset.open(dataset.path, generation: generation).segments.map(\.name))
        let withdrawn = try WithdrawnRows(dataset.segments)
        for (number, segment) in dataset.segments.enumerated() {
            if !known.contains(segment.name) {
                try note(segment, rows: nil)
            } else if !withdrawn.isEmpty {
                try noteHidden(in: segment, number, withdrawn)
            }
        }
        sorted = (0..<ids.count).map { Array(ids[Int32($0)]) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    var count: Int { sorted.count }

    func contains(_ id: [UInt8]) -> Bool { id.withUnsafeBufferPointer { ids.known($0) != nil } }

    /// Whether any touched person lies between two, both included.
    func hasAny(from first: String, through last: String) -> Bool {
        let (first, last) = (Array(first.utf8), Array(last.utf8))
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].lexicographicallyPrecedes(first) { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && !last.lexicographicallyPrecedes(sorted[low])
    }

    /// Notes the persons of a segment: all of them, or those in certain rows.
    private func note(_ segment: Segment, rows: Set<Int>?) throws(ColumnsError) {
        guard let file = try segment.file(Table.person.rawValue), let column = file.index(of: "id") else { return }
        var first = 0
        for block in 0..<file.batchCount {
            let view = try file.column(column, batch: block)
            for row in 0..<view.count where rows?.contains(first + row) != false { _ = ids.code(for: view.utf8(row)) }
            first += view.count
        }
    }

    /// Notes the persons of rows that a later segment took back. It was taken back before `generation` too, or since:
    /// looking at one person more than needed does no harm.
    private func noteHidden(in segment: Segment, _ number: Int, _ withdrawn: WithdrawnRows) throws(ColumnsError) {
        var encounters: Set<Int> = []
        for table in Table.allCases where table.role == .timeline && withdrawn.mentions(table.rawValue) {
            guard let file = try segment.file(table.rawValue), let column = file.index(of: "id"),
                let owner = file.index(of: Table.encounter.rawValue) ?? (table == .encounter ? column : nil)
            else { continue }
            var first = 0
            for block in 0..<file.batchCount {
                let view = try file.column(column, batch: block)
                let owners = table == .encounter ? nil : try file.column(owner, batch: block)
                for row in 0..<view.count where withdrawn.hides(table.rawValue, view.utf8(row), segment: number) {
                    encounters.insert(owners.map { Int($0.int32[row]) } ?? first + row)
                }
                first += view.count
            }
        }
        guard !encounters.isEmpty, let file = try segment.file(Table.encounter.rawValue),
            let column = file.index(of: Table.person.rawValue)
        else { return }
        var persons: Set<Int> = []
        var first = 0
        for block in 0..<file.batchCount {
            let view = try file.column(column, batch: block)
            for row in 0..<view.count where encounters.contains(first + row) { persons.insert(Int(view.int32[row])) }
            first += view.count
        }
        try note(segment, rows: persons)
    }
}
