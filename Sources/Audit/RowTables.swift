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
    /// Per table position, whether a field is read at all; nil: all are.
    private let needed: [[Bool]]?

    init(needed: [[Bool]]? = nil, code: @escaping (UnsafeBufferPointer<UInt8>) -> Int32) {
        self.needed = needed
        self.code = code
    }

    /// A chunk of whole timelines.
    mutating func timelines(_ rows: [Table: [TimelineRow]], absent: Set<Table>) throws(RowRefusal) -> Chunk {
        let chunk = Chunk()
        for table in ClaimsReader.timeline.sorted(by: { Self.depth($0) < Self.depth($1) })
        where table == .person || table == .encounter || !absent.contains(table) {
            let (ordered, owners) = try ordered(rows[table] ?? [], in: table)
            if table == .person || table == .encounter {
                places[table] = Dictionary(
                    ordered.enumerated().map { ($0.element.id, Int32($0.offset)) },
                    uniquingKeysWith: { first, _ in first })
            }
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
    func master(_ table: Table, _ rows: [CaseRow], in chunk: Chunk) -> TableRows {
        fill(rows.map { TimelineRow($0, in: table) }, table, chunk.arena)
    }

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
        _ rows: [TimelineRow], in table: Table
    ) throws(RowRefusal) -> (rows: [TimelineRow], owners: [Int32]) {
        guard !rows.isEmpty else { return ([], []) }
        let times = Self.timeFields[table.position]
        let code = table == .diagnosis ? Self.diagnosisCode : nil
        let parent = Self.parent(of: table)
        let parentField = parent.flatMap { table.index(of: $0.rawValue) }
        var keys: [(owner: Int32, first: Int64, second: Int64, row: Int)] = []
        keys.reserveCapacity(rows.count)
        for (number, row) in rows.enumerated() {
            var owner: Int32 = 0
            if let parent, let parentField {
                guard case .row(let id) = row.values[parentField], let place = places[parent]?[id] else {
                    throw RowRefusal(table: table, row: row.id, parent: parent)
                }
                owner = place
            }
            keys.append(
                (
                    owner, times.first >= 0 ? row.values[times.first].order : 0,
                    times.second >= 0 ? row.values[times.second].order : 0, number
                ))
        }
        keys.sort { a, b in
            if a.owner != b.owner { return a.owner < b.owner }
            if a.first != b.first { return a.first < b.first }
            if a.second != b.second { return a.second < b.second }
            return Self.name(of: rows[a.row], code).precedes(Self.name(of: rows[b.row], code))
        }
        return (keys.map { rows[$0.row] }, keys.map(\.owner))
    }

    private static let diagnosisCode = Table.diagnosis.index(of: "code")

    /// Per table position, the fields by which its rows are ordered; -1 for none.
    private static let timeFields: [(first: Int, second: Int)] = Table.allCases.map { table in
        let names: [String] =
            switch table {
            case .person: []
            case .encounter: ["start_day", "start_second"]
            case .entitlement: ["from"]
            case .diagnosis: ["sequence"]
            default: ["day", "second"]
            }
        let places = names.map { table.index(of: $0) ?? -1 }
        return (places.first ?? -1, places.count > 1 ? places[1] : -1)
    }

    private static func name(of row: TimelineRow, _ code: Int?) -> String {
        if let code, case .text(let text) = row.values[code] { return text }
        return row.id
    }

    // MARK: Columns

    private func fill(_ rows: [TimelineRow], _ table: Table, _ arena: Arena) -> TableRows {
        var result = TableRows(slots: .allocate(capacity: max(1, table.fields.count)))
        result.slots.initialize(repeating: Slot(), count: max(1, table.fields.count))
        result.rows = rows.count
        result.isPresent = true
        let shapes = Self.shapes[table.position]
        guard !rows.isEmpty || table.role == .master else { return result }
        for (index, shape) in shapes.enumerated() where needed?[table.position][index] != false {
            result.slots[index] = slot(rows, index, shape, arena)
            result.slots[index].isNonNegative = shape.isNonNegative
        }
        return result
    }

    /// What is asked of a field again and again, found out once.
    private struct Shape {
        let kind: FieldKind
        let isCode: Bool
        let isIdentifier: Bool
        let isNonNegative: Bool
    }

    private static let shapes: [[Shape]] = Table.allCases.map { table in
        table.fields.enumerated().map { index, field in
            let isText =
                switch field.kind {
                case .identifier, .text, .code: true
                default: false
                }
            return Shape(
                kind: field.kind, isCode: table.role == .master ? isText : table.isNumbered(index),
                isIdentifier: field.name == table.identifier, isNonNegative: table.isNonNegative(index))
        }
    }

    private func slot(_ rows: [TimelineRow], _ field: Int, _ shape: Shape, _ arena: Arena) -> Slot {
        var slot = Slot()
        let count = rows.count
        let bits = arena.allocate(UInt8.self, count / 8 + 1)
        bits.initialize(repeating: 0, count: count / 8 + 1)
        var isWhole = true
        for row in 0..<count {
            if shape.isIdentifier || rows[row].values[field] != nil {
                bits[row >> 3] |= 1 << UInt8(row & 7)
            } else {
                isWhole = false
            }
        }
        // Columns without a gap say so, and the quick paths may be taken.
        if !isWhole { slot.validity = UnsafePointer(bits) }
        switch shape.kind {
        case .identifier, .text, .code:
            if shape.isCode { codes(rows, field, shape, arena, &slot) } else { texts(rows, field, shape, arena, &slot) }
        case .decimal:
            let target = arena.allocate(Int64.self, count)
            for row in 0..<count { target[row] = rows[row].values[field].number }
            slot.kind = .int64
            slot.base = UnsafeRawPointer(target)
        case .integer, .day, .second:
            let target = arena.allocate(Int32.self, count)
            for row in 0..<count { target[row] = Int32(clamping: rows[row].values[field].number) }
            slot.kind = .int32
            slot.base = UnsafeRawPointer(target)
        case .flag:
            let target = arena.allocate(UInt8.self, count / 8 + 1)
            target.initialize(repeating: 0, count: count / 8 + 1)
            for row in 0..<count where rows[row].values[field] == .flag(true) {
                target[row >> 3] |= 1 << UInt8(row & 7)
            }
            slot.kind = .flag
            slot.base = UnsafeRawPointer(target)
        case .row: return Slot()
        }
        return slot
    }

    private static func text(_ row: TimelineRow, _ field: Int, _ shape: Shape) -> String {
        guard shape.isIdentifier else { return row.values[field].text }
        if case .text(let text) = row.values[field] { return text }
        return row.id
    }

    private func codes(_ rows: [TimelineRow], _ field: Int, _ shape: Shape, _ arena: Arena, _ slot: inout Slot) {
        let target = arena.allocate(Int32.self, rows.count)
        for (number, row) in rows.enumerated() {
            guard shape.isIdentifier || row.values[field] != nil else {
                target[number] = 0
                continue
            }
            var text = Self.text(row, field, shape)
            target[number] = text.withUTF8 { code($0) }
        }
        slot.kind = .code
        slot.base = UnsafeRawPointer(target)
    }

    private func texts(_ rows: [TimelineRow], _ field: Int, _ shape: Shape, _ arena: Arena, _ slot: inout Slot) {
        let offsets = arena.allocate(Int32.self, rows.count + 1)
        var total = 0
        for row in rows { total += Self.text(row, field, shape).utf8.count }
        let bytes = arena.allocate(UInt8.self, total)
        var place = 0
        for (number, row) in rows.enumerated() {
            offsets[number] = Int32(clamping: place)
            var text = Self.text(row, field, shape)
            text.withUTF8 { source in
                if let base = source.baseAddress { (bytes + place).update(from: base, count: source.count) }
                place += source.count
            }
        }
        offsets[rows.count] = Int32(clamping: place)
        slot.kind = .text
        slot.offsets = UnsafePointer(offsets)
        slot.base = UnsafeRawPointer(bytes)
    }
}

/// A row of a person's history, or of a message, as plain values: one place for each field of the table.
package struct TimelineRow: Sendable, Hashable {
    package let id: String
    /// By index in the table's fields; nil is unknown.
    package var values: [CaseValue?]

    package init(id: String, values: [CaseValue?]) {
        self.id = id
        self.values = values
    }

    package init(_ row: CaseRow, in table: Table) {
        id = row.id
        var values = [CaseValue?](repeating: nil, count: table.fields.count)
        for (field, value) in row.values { values[field] = value }
        self.values = values
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

extension String {
    /// In the order of bytes.
    fileprivate func precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}

extension Optional where Wrapped == CaseValue {
    /// For ordering: unknown before known.
    fileprivate var order: Int64 { self == nil ? Int64.min : number }

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
