import Claims
import Rules

/// Lays rows given as plain values out as columns of a chunk, so that the evaluator finds what it finds on disk.
///
/// Rows lie as ingest orders them: persons by the bytes of their identifier, encounters by person, start and
/// identifier, everything else by encounter, day, second and identifier; unknown before known. A row that names no
/// encounter or person of the rows given is refused.
struct RowTables {
    /// The code of a text: interned while binding, late afterwards.
    let code: (UnsafeBufferPointer<UInt8>) -> Int32
    private var places: [Table: [String: Int32]] = [:]

    init(code: @escaping (UnsafeBufferPointer<UInt8>) -> Int32) { self.code = code }

    /// A chunk of whole timelines.
    mutating func timelines(_ rows: [Table: [CaseRow]], absent: Set<Table>) throws(RowRefusal) -> Chunk {
        let chunk = Chunk()
        for table in ClaimsReader.timeline.sorted(by: { Self.depth($0) < Self.depth($1) })
        where table == .person || table == .encounter || !absent.contains(table) {
            let (ordered, owners) = try ordered(rows[table] ?? [], in: table)
            places[table] = Dictionary(
                ordered.enumerated().map { ($0.element.id, Int32($0.offset)) }, uniquingKeysWith: { first, _ in first })
            var result = fill(ordered, table, chunk.arena)
            if let parent = Self.parent(of: table) {
                let copy = chunk.arena.allocate(Int32.self, owners.count)
                for (index, owner) in owners.enumerated() { copy[index] = owner }
                result.parent = copy
                result.starts = Gather.starts(
                    copy, rows: owners.count, parentRows: chunk[parent].rows, arena: chunk.arena)
            }
            adopt(result, table, chunk)
        }
        return chunk
    }

    /// A master table, in the memory of the chunk that keeps it.
    func master(_ table: Table, _ rows: [CaseRow], in chunk: Chunk) -> TableRows { fill(rows, table, chunk.arena) }

    private func adopt(_ rows: TableRows, _ table: Table, _ chunk: Chunk) {
        let slots = chunk[table].slots
        for field in table.fields.indices { slots[field] = rows.slots[field] }
        rows.slots.deallocate()
        var rows = rows
        rows.slots = slots
        chunk[table] = rows
    }

    // MARK: Order

    private static func depth(_ table: Table) -> Int { table == .person ? 0 : table == .encounter ? 1 : 2 }

    private static func parent(of table: Table) -> Table? {
        switch table {
        case .person: nil
        case .encounter, .entitlement: .person
        default: .encounter
        }
    }

    private func ordered(
        _ rows: [CaseRow], in table: Table
    ) throws(RowRefusal) -> (rows: [CaseRow], owners: [Int32]) {
        var keyed: [(owner: Int32, numbers: [Int64], text: [UInt8], row: CaseRow)] = []
        for row in rows {
            let time = RowTables.time(of: row, in: table)
            keyed.append((try owner(of: row, in: table), time, RowTables.name(of: row, in: table), row))
        }
        keyed.sort { a, b in
            if a.owner != b.owner { return a.owner < b.owner }
            if a.numbers != b.numbers { return a.numbers.lexicographicallyPrecedes(b.numbers) }
            return a.text.lexicographicallyPrecedes(b.text)
        }
        return (keyed.map(\.row), keyed.map(\.owner))
    }

    private func owner(of row: CaseRow, in table: Table) throws(RowRefusal) -> Int32 {
        guard let parent = Self.parent(of: table) else { return 0 }
        guard let field = table.index(of: parent.rawValue), case .row(let id) = row.values[field],
            let place = places[parent]?[id]
        else { throw RowRefusal(table: table, row: row.id, parent: parent) }
        return place
    }

    private static func time(of row: CaseRow, in table: Table) -> [Int64] {
        let names: [String] =
            switch table {
            case .person: []
            case .encounter: ["start_day", "start_second"]
            case .entitlement: ["from"]
            case .diagnosis: ["sequence"]
            default: ["day", "second"]
            }
        return names.map { name in
            switch table.index(of: name).flatMap({ row.values[$0] }) {
            case .day(let number), .second(let number): Int64(number)
            case .number(let number): number
            default: Int64.min
            }
        }
    }

    private static func name(of row: CaseRow, in table: Table) -> [UInt8] {
        if table == .diagnosis, let field = table.index(of: "code"), case .text(let code) = row.values[field] {
            return Array(code.utf8)
        }
        return Array(row.id.utf8)
    }

    // MARK: Columns

    private func fill(_ rows: [CaseRow], _ table: Table, _ arena: Arena) -> TableRows {
        var result = TableRows(slots: .allocate(capacity: max(1, table.fields.count)))
        result.slots.initialize(repeating: Slot(), count: max(1, table.fields.count))
        result.rows = rows.count
        result.isPresent = true
        for (index, field) in table.fields.enumerated() {
            let values = rows.map { $0.values[index] ?? (field.name == table.identifier ? .text($0.id) : nil) }
            let isCode = table.role == .master ? !Self.isPlainNumber(field.kind) : table.isNumbered(index)
            result.slots[index] = slot(values, field.kind, isCode: isCode, arena)
            result.slots[index].isNonNegative = table.isNonNegative(index)
        }
        return result
    }

    private static func isPlainNumber(_ kind: FieldKind) -> Bool {
        switch kind {
        case .identifier, .text, .code: false
        default: true
        }
    }

    private func slot(_ values: [CaseValue?], _ kind: FieldKind, isCode: Bool, _ arena: Arena) -> Slot {
        var slot = Slot()
        let bits = arena.allocate(UInt8.self, values.count / 8 + 1)
        bits.initialize(repeating: 0, count: values.count / 8 + 1)
        for (row, value) in values.enumerated() where value != nil { bits[row >> 3] |= 1 << UInt8(row & 7) }
        slot.validity = UnsafePointer(bits)
        switch kind {
        case .identifier, .text, .code:
            if isCode { codes(values, arena, &slot) } else { texts(values, arena, &slot) }
        case .decimal:
            let target = arena.allocate(Int64.self, values.count)
            for (row, value) in values.enumerated() { target[row] = value.number }
            slot.kind = .int64
            slot.base = UnsafeRawPointer(target)
        case .integer, .day, .second:
            let target = arena.allocate(Int32.self, values.count)
            for (row, value) in values.enumerated() { target[row] = Int32(clamping: value.number) }
            slot.kind = .int32
            slot.base = UnsafeRawPointer(target)
        case .flag:
            let target = arena.allocate(UInt8.self, values.count / 8 + 1)
            target.initialize(repeating: 0, count: values.count / 8 + 1)
            for (row, value) in values.enumerated() where value == .flag(true) {
                target[row >> 3] |= 1 << UInt8(row & 7)
            }
            slot.kind = .flag
            slot.base = UnsafeRawPointer(target)
        case .row: return Slot()
        }
        return slot
    }

    private func codes(_ values: [CaseValue?], _ arena: Arena, _ slot: inout Slot) {
        let target = arena.allocate(Int32.self, values.count)
        for (row, value) in values.enumerated() {
            var text = value.text
            target[row] = value == nil ? 0 : text.withUTF8 { code($0) }
        }
        slot.kind = .code
        slot.base = UnsafeRawPointer(target)
    }

    private func texts(_ values: [CaseValue?], _ arena: Arena, _ slot: inout Slot) {
        let joined = values.map { Array($0.text.utf8) }
        let offsets = arena.allocate(Int32.self, values.count + 1)
        let bytes = arena.allocate(UInt8.self, joined.reduce(0) { $0 + $1.count })
        var place = 0
        for (row, text) in joined.enumerated() {
            offsets[row] = Int32(clamping: place)
            for byte in text {
                bytes[place] = byte
                place += 1
            }
        }
        offsets[values.count] = Int32(clamping: place)
        slot.kind = .text
        slot.offsets = UnsafePointer(offsets)
        slot.base = UnsafeRawPointer(bytes)
    }
}

/// A row that belongs to nothing among the rows given.
package struct RowRefusal: Error, Hashable, CustomStringConvertible {
    package let table: Table
    package let row: String
    package let parent: Table

    package var description: String {
        "AUD010: \(table.rawValue) `\(row)` names no \(parent.rawValue) among the rows given; "
            + "send the \(parent.rawValue) with it"
    }
}

extension Optional where Wrapped == CaseValue {
    fileprivate var number: Int64 {
        switch self {
        case .number(let number): number
        case .day(let number), .second(let number): Int64(number)
        default: 0
        }
    }

    fileprivate var text: String {
        if case .text(let text) = self { return text }
        return ""
    }
}
