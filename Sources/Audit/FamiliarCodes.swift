import Claims
import Rules

/// Codes that the online door knows beforehand, so that it may sieve: those of the dataset, and those met since.
///
/// A sieve answers from tables over codes; a code that is in no table is evaluated the long way, and learned.
package struct FamiliarCodes: Sendable {
    private var items: Set<String> = []
    private var others: [Place: Set<String>] = [:]

    struct Place: Hashable, Sendable {
        let table: Table
        let field: Int
    }

    /// More are not learned: a sender who invents codes costs time, not memory.
    private static let countMax = 400_000

    package init() {}

    package private(set) var count = 0

    /// The fields whose codes sieves look up.
    static let places: [Place] = [Table.encounter, .diagnosis].flatMap { table in
        table.fields.indices.filter { table.isNumbered($0) }.map { Place(table: table, field: $0) }
    }

    package mutating func add(item: String) {
        if count < Self.countMax, items.insert(item).inserted { count += 1 }
    }

    package mutating func add(_ code: String, in table: Table, field: Int) {
        guard count < Self.countMax else { return }
        if others[Place(table: table, field: field), default: []].insert(code).inserted { count += 1 }
    }

    package func union(_ other: FamiliarCodes) -> FamiliarCodes {
        var all = self
        for item in other.items { all.add(item: item) }
        for (place, codes) in other.others {
            for code in codes { all.add(code, in: place.table, field: place.field) }
        }
        return all
    }

    /// Items come first in the vocabulary: those of the lists and of the item table, then those met.
    func intern(items vocabulary: Vocabulary, plan: Plan, masters: [Table: [CaseRow]]) {
        for row in masters[.item] ?? [] { _ = vocabulary.intern(row.id) }
        for list in plan.lists.values.sorted(by: { $0.id < $1.id }) {
            for column in list.columns where column.kind == .code(.item) {
                for row in 0..<column.texts.count { _ = vocabulary.intern(column.texts.string(row)) }
            }
        }
        for item in items.sorted() { _ = vocabulary.intern(item) }
        vocabulary.endItems()
    }

    /// The codes of the other fields.
    func intern(others vocabulary: Vocabulary) -> [(Place, [Int32])] {
        Self.places.map { place in (place, (others[place] ?? []).sorted().map { vocabulary.intern($0) }) }
    }
}
