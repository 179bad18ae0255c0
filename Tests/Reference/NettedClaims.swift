import Claims

/// Claims after netting (冲销): rows in canonical order, refunds taken off the lines they name.
///
/// The canonical order is by day, second and identifier, an unknown day or second before a known one. It makes every
/// answer independent of the order in which rows were delivered.
struct NettedClaims {
    private(set) var rows: [Table: [ReferenceRow]] = [:]
    /// The same rows in the same order, as they were before netting.
    let raw: [Table: [ReferenceRow]]
    /// Rows that take part in rules. Reversals, orphans and lines netted to nothing do not.
    private(set) var participants: [Table: [Int]] = [:]
    private(set) var byIdentifier: [Table: [String: Int]] = [:]
    /// Negative lines that could not be taken off anything (孤立负数明细).
    private(set) var orphans: [String] = []
    let coverage: ReferenceCoverage
    let absent: Set<Table>
    /// The last day the data can say anything about.
    private(set) var horizon: Int32?
    private var excluded: Set<RowReference> = []

    init(_ data: ReferenceData) {
        coverage = data.coverage
        absent = data.absent
        rows = NettedClaims.inOrder(data.rows)
        raw = rows
        netLines()
        removeReversedSettlements()
        for table in Table.allCases {
            let all = rows[table] ?? []
            participants[table] = all.indices.filter { !excluded.contains(RowReference(table: table, index: $0)) }
            guard let field = table.identifier.flatMap(table.index(of:)) else { continue }
            for index in participants[table] ?? [] {
                if case .text(let id) = all[index].values[field] { byIdentifier[table, default: [:]][id] = index }
            }
        }
        horizon = coverage.to ?? latestDay()
    }

    func value(_ field: String, of row: RowReference) -> FieldValue? {
        guard let index = row.table.index(of: field), let found = rows[row.table]?[row.index] else { return nil }
        return found.values[index]
    }

    func text(_ field: String, of row: RowReference) -> String? {
        if case .text(let text) = value(field, of: row) { return text }
        return nil
    }

    func number(_ field: String, of row: RowReference) -> Int64? {
        if case .number(let number) = value(field, of: row) { return number }
        return nil
    }

    func day(_ field: String, of row: RowReference) -> Int32? {
        if case .day(let day) = value(field, of: row) { return day }
        return nil
    }

    func reference(_ table: Table, of row: RowReference) -> RowReference? {
        if case .row(let index) = value(table.rawValue, of: row) { return RowReference(table: table, index: index) }
        return nil
    }

    /// The person a row belongs to, through its encounter where need be.
    func person(of row: RowReference) -> RowReference? {
        switch row.table {
        case .person: row
        case .encounter, .entitlement: reference(.person, of: row)
        case .scan: nil
        default: reference(.encounter, of: row).flatMap { reference(.person, of: $0) }
        }
    }

    func identifier(of row: RowReference) -> String {
        guard let found = rows[row.table]?[row.index] else { return "" }
        guard row.table == .diagnosis else { return found.id }
        let encounter = reference(.encounter, of: row).map(identifier(of:)) ?? "?"
        return encounter + "#" + (number("sequence", of: row).map { "\($0)" } ?? text("code", of: row) ?? "?")
    }

    func participates(_ row: RowReference) -> Bool { !excluded.contains(row) }

    // MARK: - Order

    private static func inOrder(_ raw: [Table: [ReferenceRow]]) -> [Table: [ReferenceRow]] {
        var rows: [Table: [ReferenceRow]] = [:]
        // Tables that others refer to come first in `Table.allCases`, so their new positions are known.
        var newPosition: [Table: [Int]] = [:]
        for table in Table.allCases {
            var list = raw[table] ?? []
            for index in list.indices {
                for (field, declaration) in table.fields.enumerated() {
                    guard case .row(let target) = declaration.kind, case .row(let old) = list[index].values[field]
                    else { continue }
                    let known = newPosition[target] ?? []
                    list[index].values[field] = known.indices.contains(old) ? .row(known[old]) : nil
                }
            }
            let keys = list.map { sortKey($0, in: table) }
            let order = list.indices.sorted { a, b in
                keys[a] == keys[b] ? a < b : keys[a].precedes(keys[b])
            }
            var positions = [Int](repeating: 0, count: list.count)
            for (new, old) in order.enumerated() { positions[old] = new }
            newPosition[table] = positions
            rows[table] = order.map { list[$0] }
        }
        return rows
    }

    private struct SortKey: Equatable {
        let numbers: [Int64]
        let id: [UInt8]

        func precedes(_ other: SortKey) -> Bool {
            if numbers != other.numbers { return numbers.lexicographicallyPrecedes(other.numbers) }
            return id.lexicographicallyPrecedes(other.id)
        }
    }

    private static func sortKey(_ row: ReferenceRow, in table: Table) -> SortKey {
        func number(_ field: String) -> Int64 {
            guard let index = table.index(of: field), let value = row.values[index] else { return Int64.min }
            switch value {
            case .day(let day): return Int64(day)
            case .second(let second): return Int64(second)
            case .number(let number): return number
            case .row(let position): return Int64(position)
            case .text, .flag: return Int64.min
            }
        }
        func text(_ field: String) -> [UInt8] {
            guard let index = table.index(of: field), case .text(let text) = row.values[index] else { return [] }
            return Array(text.utf8)
        }
        switch table {
        case .encounter: return SortKey(numbers: [number("start_day"), number("start_second")], id: Array(row.id.utf8))
        case .diagnosis: return SortKey(numbers: [number("encounter"), number("sequence")], id: text("code"))
        case .entitlement: return SortKey(numbers: [number("person"), number("from")], id: Array(row.id.utf8))
        default: return SortKey(numbers: [number("day"), number("second")], id: Array(row.id.utf8))
        }
    }

    private func latestDay() -> Int32? {
        var latest: Int32?
        for (table, fields) in [(Table.line, ["day"]), (.encounter, ["start_day", "end_day"])] {
            for index in participants[table] ?? [] {
                for field in fields {
                    guard let day = day(field, of: RowReference(table: table, index: index)) else { continue }
                    latest = max(latest ?? day, day)
                }
            }
        }
        return latest
    }

    // MARK: - Netting

    /// What is left of one field of a line.
    private enum Remainder {
        case known(Int64)
        case unknown

        init(_ value: Int64?) { self = value.map { .known($0) } ?? .unknown }

        var value: Int64? {
            if case .known(let value) = self { return value }
            return nil
        }

        /// nil when more would be taken than there is.
        func taking(_ other: Int64?) -> Remainder? {
            guard case .known(let left) = self, let other else { return .unknown }
            guard other != Int64.min, abs(other) <= left else { return nil }
            return .known(left - abs(other))
        }
    }

    private static let nettedFields = ["quantity", "amount", "in_scope"]

    private mutating func netLines() {
        let all = (rows[.line] ?? []).indices.map { RowReference(table: .line, index: $0) }
        var position: [String: RowReference] = [:]
        for row in all where value("reverses", of: row) == nil { position[identifier(of: row)] = row }

        var left: [RowReference: [Remainder]] = [:]
        for row in all {
            guard let named = text("reverses", of: row) else { continue }
            excluded.insert(row)
            guard let target = position[named], let owner = person(of: row), owner == person(of: target) else {
                orphans.append(identifier(of: row))
                continue
            }
            let before = left[target] ?? Self.nettedFields.map { Remainder(number($0, of: target)) }
            let after = zip(Self.nettedFields, before).map { field, remainder in
                remainder.taking(number(field, of: row))
            }
            let complete = after.compactMap { $0 }
            if complete.count == after.count {
                left[target] = complete
            } else {
                orphans.append(identifier(of: row))
            }
        }
        for row in all where value("reverses", of: row) == nil {
            if Self.nettedFields.contains(where: { (number($0, of: row) ?? 0) < 0 }) {
                excluded.insert(row)
                orphans.append(identifier(of: row))
            }
        }
        for (row, remainders) in left { apply(remainders, to: row) }
    }

    private mutating func apply(_ remainders: [Remainder], to row: RowReference) {
        if case .known(0) = remainders[0] { excluded.insert(row) }
        if let daysField = Table.line.index(of: "days_supply"), let days = number("days_supply", of: row) {
            var scaled: FieldValue?
            if let original = number("quantity", of: row), original > 0, let kept = remainders[0].value {
                let total = Int128(days) * Int128(kept)
                scaled = Int64(exactly: 0 - Exact.floorDivide(0 - total, by: Int128(original))).map { .number($0) }
            }
            rows[.line]?[row.index].values[daysField] = scaled
        }
        for (field, remainder) in zip(Self.nettedFields, remainders) {
            guard let index = Table.line.index(of: field) else { continue }
            rows[.line]?[row.index].values[index] = remainder.value.map { .number($0) }
        }
    }

    private mutating func removeReversedSettlements() {
        let all = (rows[.settlement] ?? []).indices.map { RowReference(table: .settlement, index: $0) }
        for row in all {
            guard let named = text("reverses", of: row) else { continue }
            excluded.insert(row)
            for target in all where identifier(of: target) == named && person(of: target) == person(of: row) {
                excluded.insert(target)
            }
        }
    }
}
