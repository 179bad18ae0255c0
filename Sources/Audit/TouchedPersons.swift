import Claims
import Columns

/// The persons of whom later generations say something new: those in segments that an earlier generation did not have,
/// those whose rows such segments took back, and those whose rows name a code of which master data say something else.
///
/// Rules and lists may have changed as well: an earlier run knows which it had.
final class TouchedPersons: @unchecked Sendable {
    private let ids = StringDictionary()
    /// In byte order.
    private var sorted: [[UInt8]] = []
    /// Master tables came or went: everybody is touched.
    private(set) var isEverybody = false
    /// Codes of which master data say something else.
    private(set) var changedCodes = 0

    /// Certain persons, by identifier.
    init(persons: [String]) {
        for person in persons {
            var person = person
            _ = person.withUTF8 { ids.code(for: $0) }
        }
        sorted = persons.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    init(_ dataset: Dataset, since generation: Int) throws(ColumnsError) {
        let before = try Dataset.open(dataset.path, generation: generation)
        let known = Set(before.segments.map(\.name))
        let changed = try ChangedMasters(dataset, since: before)
        isEverybody = changed.isEverything
        changedCodes = changed.count
        let withdrawn = try WithdrawnRows(dataset.segments)
        for (number, segment) in dataset.segments.enumerated() {
            if !known.contains(segment.name) {
                try note(segment, rows: nil)
            } else {
                if !withdrawn.isEmpty { try noteHidden(in: segment, number, withdrawn) }
                if !changed.isEmpty, !isEverybody { try note(segment, naming: changed) }
            }
        }
        sorted = (0..<ids.count).map { Array(ids[Int32($0)]) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    var count: Int { sorted.count }

    /// Whom a run that keeps to them looked at.
    func words(since generation: Int) -> String {
        if isEverybody { return "everybody: master tables came or went since generation \(generation)" }
        let masters = changedCodes > 0 ? ", or who name one of \(changedCodes) changed codes of master data" : ""
        return "\(count) persons of whom something new was said since generation \(generation)\(masters)"
    }

    func contains(_ id: [UInt8]) -> Bool { isEverybody || id.withUnsafeBufferPointer { ids.known($0) != nil } }

    /// Whether any touched person lies between two, both included.
    func hasAny(from first: String, through last: String) -> Bool {
        if isEverybody { return true }
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
        try note(segment, encounters: encounters)
    }

    /// Notes the persons whose rows name a changed code.
    private func note(_ segment: Segment, naming changed: ChangedMasters) throws(ColumnsError) {
        var encounters: Set<Int> = []
        for table in Table.allCases where table.role == .timeline {
            guard let file = try segment.file(table.rawValue) else { continue }
            let owner = table == .encounter ? nil : file.index(of: Table.encounter.rawValue)
            for field in table.fields {
                guard case .code(let system) = field.kind, let codes = changed.codes[system],
                    let column = file.index(of: field.name), file.fields[column].type == .dictionary
                else { continue }
                let words = try file.strings(column)
                let isChanged = (0..<words.count).map { codes.contains(words.string($0)) }
                guard isChanged.contains(true) else { continue }
                var first = 0
                for block in 0..<file.batchCount {
                    let view = try file.column(column, batch: block)
                    let owners = try owner.map { owner throws(ColumnsError) in try file.column(owner, batch: block) }
                    for row in 0..<view.count where view.isValid(row) && isChanged[Int(view.int32[row])] {
                        encounters.insert(owners.map { Int($0.int32[row]) } ?? first + row)
                    }
                    first += view.count
                }
            }
        }
        try note(segment, encounters: encounters)
    }

    private func note(_ segment: Segment, encounters: Set<Int>) throws(ColumnsError) {
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
