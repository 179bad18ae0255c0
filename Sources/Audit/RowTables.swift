import Claims
import Glibc
import Rules

/// Lays rows given as plain values out as columns of a chunk, so that the evaluator finds what it finds on disk.
///
/// Rows lie as ingest orders them: persons by the bytes of their identifier, encounters by person, start and
/// identifier, everything else by encounter, day, second and identifier; unknown before known. A row that names no
/// encounter or person of the rows given is refused.
struct RowTables {
    /// The code of a text: interned while binding, late afterwards.
    let code: (UnsafeBufferPointer<UInt8>) -> Int32
    private var places: [[String: Int32]] = Array(repeating: [:], count: Chunk.tableCount)
    /// Per table position, whether a field is read at all; nil: all are.
    private let needed: [[Bool]]?
    /// Per table position: the identifiers of the rows in their order.
    private var orders: [[String]] = Array(repeating: [], count: Chunk.tableCount)

    init(needed: [[Bool]]? = nil, code: @escaping (UnsafeBufferPointer<UInt8>) -> Int32) {
        self.needed = needed
        self.code = code
    }

    /// A chunk of whole timelines.
    mutating func timelines(_ rows: [Table: [TimelineRow]], absent: Set<Table>) throws(RowRefusal) -> Chunk {
        let chunk = Chunk()
        for table in Self.parentsFirst where table == .person || table == .encounter || !absent.contains(table) {
            let given = rows[table] ?? []
            let order = try order(given, in: table, chunk.arena)
            if table == .person || table == .encounter {
                var own: [String: Int32] = [:]
                own.reserveCapacity(given.count)
                for (place, row) in order.rows.enumerated().reversed() { own[given[Int(row)].id] = Int32(place) }
                places[table.position] = own
            }
            orders[table.position] = order.rows.map { given[Int($0)].id }
            var result = fill(given, order.rows, table, chunk.arena)
            if let parent = Self.parent(of: table) {
                result.parent = order.owners
                result.starts = Gather.starts(
                    order.owners, rows: given.count, parentRows: chunk[parent].rows, arena: chunk.arena)
            }
            adopt(result, table, chunk)
        }
        return chunk
    }

    private static let parentsFirst = ClaimsReader.timeline.sorted { depth($0) < depth($1) }

    /// By place: whether a row of the table has one of the names.
    func marks(of names: Set<String>, in table: Table) -> [Bool] {
        orders[table.position].map { names.contains($0) }
    }

    /// A master table, in the memory of the chunk that keeps it.
    func master(_ table: Table, _ rows: [CaseRow], in chunk: Chunk) -> TableRows {
        fill(rows.map { TimelineRow($0, in: table) }, Array(0..<Int32(rows.count)), table, chunk.arena)
    }

    /// Rows of movements, in the order in which they are given.
    func movements(_ rows: [TimelineRow], in table: Table) -> Chunk {
        let chunk = Chunk()
        adopt(fill(rows, Array(0..<Int32(rows.count)), table, chunk.arena), table, chunk)
        return chunk
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

    /// What a row is ordered by; `name` is where its bytes lie among those of the table.
    private struct Key {
        var owner: Int32
        var row: Int32
        var first: Int64
        var second: Int64
        var name: UnsafePointer<UInt8>
        var nameCount: Int

        @inline(__always) func precedes(_ other: Key) -> Bool {
            if owner != other.owner { return owner < other.owner }
            if first != other.first { return first < other.first }
            if second != other.second { return second < other.second }
            let difference = memcmp(name, other.name, min(nameCount, other.nameCount))
            if difference != 0 { return difference < 0 }
            // Equal names keep the order in which they were given.
            return nameCount != other.nameCount ? nameCount < other.nameCount : row < other.row
        }
    }

    /// The places of the rows in timeline order, and the place of each one's parent.
    private func order(
        _ rows: [TimelineRow], in table: Table, _ arena: Arena
    ) throws(RowRefusal) -> (rows: [Int32], owners: UnsafeMutablePointer<Int32>) {
        let owners = arena.allocate(Int32.self, rows.count)
        guard !rows.isEmpty else { return ([], owners) }
        let times = Self.timeFields[table.position]
        let code = table == .diagnosis ? Self.diagnosisCode : nil
        let parent = Self.parent(of: table)
        let parentField = Self.parentFields[table.position]
        let names = arena.allocate(UInt8.self, rows.reduce(0) { $0 + Self.name(of: $1, code).utf8.count })
        var end = 0
        var keys: [Key] = []
        keys.reserveCapacity(rows.count)
        // Rows of one parent mostly come one after the other.
        var last: (id: String, place: Int32)?
        var isOrdered = true
        for (number, row) in rows.enumerated() {
            var owner: Int32 = 0
            if let parent, parentField >= 0 {
                guard case .row(let id) = row.values[parentField] else {
                    throw RowRefusal(table: table, row: row.id, parent: parent)
                }
                if let last, last.id == id {
                    owner = last.place
                } else {
                    guard let place = places[parent.position][id] else {
                        throw RowRefusal(table: table, row: row.id, parent: parent)
                    }
                    owner = place
                    last = (id, place)
                }
            }
            var name = Self.name(of: row, code)
            let count = name.withUTF8 { source in
                if let base = source.baseAddress { (names + end).update(from: base, count: source.count) }
                return source.count
            }
            let key = Key(
                owner: owner, row: Int32(truncatingIfNeeded: number),
                first: times.first >= 0 ? row.values[times.first].order : 0,
                second: times.second >= 0 ? row.values[times.second].order : 0, name: names + end, nameCount: count)
            end += count
            if isOrdered, let before = keys.last, !before.precedes(key) { isOrdered = false }
            keys.append(key)
        }
        if !isOrdered { keys.sort { $0.precedes($1) } }
        for (place, key) in keys.enumerated() { owners[place] = key.owner }
        return (keys.map(\.row), owners)
    }

    /// Per table position: the field that names the parent; -1 for none.
    private static let parentFields: [Int] = Table.allCases.map { table in
        parent(of: table).flatMap { table.index(of: $0.rawValue) } ?? -1
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

    private func fill(_ rows: [TimelineRow], _ order: [Int32], _ table: Table, _ arena: Arena) -> TableRows {
        let shapes = Self.shapes[table.position]
        var result = TableRows(slots: .allocate(capacity: max(1, shapes.count)))
        result.slots.initialize(repeating: Slot(), count: max(1, shapes.count))
        result.rows = rows.count
        result.isPresent = true
        guard !rows.isEmpty || table.role == .master else { return result }
        for (index, shape) in shapes.enumerated() where needed?[table.position][index] != false {
            result.slots[index] = slot(rows, order, index, shape, arena)
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

    private func slot(
        _ rows: [TimelineRow], _ order: [Int32], _ field: Int, _ shape: Shape, _ arena: Arena
    ) -> Slot {
        switch shape.kind {
        case .identifier, .text, .code:
            return shape.isCode ? codes(rows, order, field, shape, arena) : texts(rows, order, field, shape, arena)
        case .decimal:
            let target = arena.allocate(Int64.self, order.count)
            var gaps = Gaps(order.count, arena)
            for place in order.indices {
                let value = rows[Int(order[place])].values[field]
                if value == nil { gaps.note(place) }
                target[place] = value.number
            }
            return gaps.slot(.int64, UnsafeRawPointer(target))
        case .integer, .day, .second:
            let target = arena.allocate(Int32.self, order.count)
            var gaps = Gaps(order.count, arena)
            for place in order.indices {
                let value = rows[Int(order[place])].values[field]
                if value == nil { gaps.note(place) }
                target[place] = Int32(clamping: value.number)
            }
            return gaps.slot(.int32, UnsafeRawPointer(target))
        case .flag:
            let target = arena.allocate(UInt8.self, order.count / 8 + 1)
            target.initialize(repeating: 0, count: order.count / 8 + 1)
            var gaps = Gaps(order.count, arena)
            for place in order.indices {
                let value = rows[Int(order[place])].values[field]
                if value == nil { gaps.note(place) }
                if value == .flag(true) { target[place >> 3] |= 1 << UInt8(place & 7) }
            }
            return gaps.slot(.flag, UnsafeRawPointer(target))
        case .row: return Slot()
        }
    }

    /// Which rows have no value. Columns without a gap say so, and the quick paths may be taken.
    private struct Gaps {
        private let count: Int
        private let arena: Arena
        private var bits: UnsafeMutablePointer<UInt8>?

        init(_ count: Int, _ arena: Arena) {
            self.count = count
            self.arena = arena
        }

        mutating func note(_ place: Int) {
            if bits == nil {
                let fresh = arena.allocate(UInt8.self, count / 8 + 1)
                fresh.initialize(repeating: 0xFF, count: count / 8 + 1)
                bits = fresh
            }
            bits?[place >> 3] &= ~(1 << UInt8(place & 7))
        }

        func slot(_ kind: Slot.Kind, _ base: UnsafeRawPointer) -> Slot {
            var slot = Slot()
            slot.kind = kind
            slot.base = base
            slot.validity = bits.map { UnsafePointer($0) }
            return slot
        }
    }

    private static func text(_ row: TimelineRow, _ field: Int, _ shape: Shape) -> String {
        guard shape.isIdentifier else { return row.values[field].text }
        if case .text(let text) = row.values[field] { return text }
        return row.id
    }

    private func codes(
        _ rows: [TimelineRow], _ order: [Int32], _ field: Int, _ shape: Shape, _ arena: Arena
    ) -> Slot {
        let target = arena.allocate(Int32.self, order.count)
        var gaps = Gaps(order.count, arena)
        // One department, one practitioner: lines that follow each other often agree.
        var last: (text: String, code: Int32)?
        for place in order.indices {
            let row = Int(order[place])
            guard shape.isIdentifier || rows[row].values[field] != nil else {
                gaps.note(place)
                target[place] = 0
                continue
            }
            var text = Self.text(rows[row], field, shape)
            if let last, last.text == text {
                target[place] = last.code
                continue
            }
            target[place] = text.withUTF8 { code($0) }
            last = (text, target[place])
        }
        return gaps.slot(.code, UnsafeRawPointer(target))
    }

    private func texts(
        _ rows: [TimelineRow], _ order: [Int32], _ field: Int, _ shape: Shape, _ arena: Arena
    ) -> Slot {
        let offsets = arena.allocate(Int32.self, order.count + 1)
        var gaps = Gaps(order.count, arena)
        var total = 0
        for (place, row) in order.enumerated() {
            offsets[place] = Int32(clamping: total)
            if !shape.isIdentifier, rows[Int(row)].values[field] == nil {
                gaps.note(place)
            } else {
                total += Self.text(rows[Int(row)], field, shape).utf8.count
            }
        }
        offsets[order.count] = Int32(clamping: total)
        let bytes = arena.allocate(UInt8.self, total)
        for (place, row) in order.enumerated() where offsets[place] < offsets[place + 1] {
            var text = Self.text(rows[Int(row)], field, shape)
            text.withUTF8 { source in
                if let base = source.baseAddress {
                    (bytes + Int(offsets[place])).update(from: base, count: source.count)
                }
            }
        }
        var slot = gaps.slot(.text, UnsafeRawPointer(bytes))
        slot.offsets = UnsafePointer(offsets)
        return slot
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
