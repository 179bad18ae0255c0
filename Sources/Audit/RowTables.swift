import Claims
import Columns
import Glibc
import Rules

/// Lays the rows of sheets out side by side as columns of a chunk, so that the evaluator finds what it finds on disk.
///
/// Rows lie as ingest orders them: persons by the bytes of their identifier, encounters by person, start and
/// identifier, everything else by encounter, day, second and identifier; unknown before known. A row that names no
/// encounter or person of the rows given is refused.
struct RowTables {
    /// The code of a text: interned while binding, late afterwards.
    let code: (UnsafeBufferPointer<UInt8>) -> Int32
    /// Per table position, whether a field is read at all; nil: all are.
    private let needed: [[Bool]]?
    private var sources: [Source] = []
    /// Per table position: whether the rows, in their order, are being written; empty where none is.
    private(set) var written: [[Bool]] = Array(repeating: [], count: Chunk.tableCount)

    init(needed: [[Bool]]? = nil, code: @escaping (UnsafeBufferPointer<UInt8>) -> Int32) {
        self.needed = needed
        self.code = code
    }

    /// A sheet, and by number of its texts: the place of the person or encounter of that name, -1 where that was not
    /// found, and the code, `noCode` before it is asked for.
    private struct Source {
        let sheet: TimelineSheet
        /// By table position.
        let leftOut: [[Bool]]
        let persons: UnsafeMutablePointer<Int32>
        let encounters: UnsafeMutablePointer<Int32>
        let codes: UnsafeMutablePointer<Int32>

        init(_ sheet: TimelineSheet, _ leftOut: [Table: [Bool]], _ arena: Arena) {
            self.sheet = sheet
            self.leftOut = leftOut.isEmpty ? [] : Table.allCases.map { leftOut[$0] ?? [] }
            let count = sheet.texts.count
            let numbers = arena.allocate(Int32.self, count * 3)
            persons = numbers
            encounters = numbers + count
            codes = numbers + 2 * count
            numbers.initialize(repeating: -1, count: count * 2)
            codes.initialize(repeating: RowTables.noCode, count: count)
        }
    }

    private static let noCode = Int32.min

    /// A chunk of whole timelines; `absent` tells by position which tables nobody delivered.
    mutating func timelines(
        _ parts: [TimelineAudit.Question.Part], absent: [Bool]
    ) throws(RowRefusal) -> Chunk {
        let chunk = Chunk()
        sources = parts.map { Source($0.sheet, $0.leftOut, chunk.arena) }
        for table in Self.parentsFirst where table == .person || table == .encounter || !absent[table.position] {
            let keys = try order(table)
            if table == .person || table == .encounter { place(keys, table) }
            if keys.contains(where: { $0.row.isWritten }) { written[table.position] = keys.map { $0.row.isWritten } }
            var result = fill(keys, table, chunk.arena)
            if let parent = Self.parent(of: table) {
                let owners = chunk.arena.allocate(Int32.self, keys.count)
                for (place, key) in keys.enumerated() { owners[place] = key.owner }
                result.parent = owners
                result.starts = Gather.starts(
                    owners, rows: keys.count, parentRows: chunk[parent].rows, arena: chunk.arena)
            }
            adopt(result, table, chunk)
        }
        return chunk
    }

    private static let parentsFirst = ClaimsReader.timeline.sorted { depth($0) < depth($1) }

    /// A master table, in the memory of the chunk that keeps it.
    mutating func master(_ table: Table, _ rows: [CaseRow], in chunk: Chunk) -> TableRows {
        inOrder(rows.map { TimelineRow($0, in: table) }, table, chunk)
    }

    private mutating func inOrder(_ rows: [TimelineRow], _ table: Table, _ chunk: Chunk) -> TableRows {
        let sheet = TimelineSheet()
        for row in rows { sheet.append(row, to: table) }
        sources = [Source(sheet, [:], chunk.arena)]
        let keys = (0..<rows.count).map { number in
            Key(row: sheet.block(table.position).row(number), owner: 0, source: 0, number: Int32(number))
        }
        return withExtendedLifetime(sheet) { fill(keys, table, chunk.arena) }
    }

    /// Rows of movements, in the order in which they are given.
    mutating func movements(_ rows: [TimelineRow], in table: Table) -> Chunk {
        let chunk = Chunk()
        adopt(inOrder(rows, table, chunk), table, chunk)
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

    /// A row, and what it is ordered by.
    private struct Key {
        let row: TimelineSheet.Row
        var owner: Int32
        let source: Int32
        let number: Int32
        var first = Int64.min
        var second = Int64.min
        var name: UnsafePointer<UInt8>?
        var nameCount = 0

        @inline(__always) func precedes(_ other: Key) -> Bool {
            if owner != other.owner { return owner < other.owner }
            if first != other.first { return first < other.first }
            if second != other.second { return second < other.second }
            if let name, let otherName = other.name {
                let difference = memcmp(name, otherName, min(nameCount, other.nameCount))
                if difference != 0 { return difference < 0 }
            }
            // Equal names keep the order in which they were given.
            return nameCount != other.nameCount ? nameCount < other.nameCount : number < other.number
        }
    }

    /// The rows of all sources in timeline order.
    private func order(_ table: Table) throws(RowRefusal) -> [Key] {
        let times = Self.timeFields[table.position]
        let nameField = table == .diagnosis ? Self.diagnosisCode : nil
        let parent = Self.parent(of: table)
        let parentField = Self.parentFields[table.position]
        var keys: [Key] = []
        keys.reserveCapacity(sources.reduce(0) { $0 + $1.sheet.count(table) })
        var isOrdered = true
        for (place, source) in sources.enumerated() {
            let block = source.sheet.block(table.position)
            guard block.count > 0 else { continue }
            let leftOut = source.leftOut.isEmpty ? [] : source.leftOut[table.position]
            for number in 0..<block.count where leftOut.isEmpty || !leftOut[number] {
                let row = block.row(number)
                var key = Key(
                    row: row, owner: 0, source: Int32(truncatingIfNeeded: place),
                    number: Int32(truncatingIfNeeded: keys.count))
                if let parent, parentField >= 0 {
                    guard let text = row.text(parentField), let owner = owner(text, parent, place) else {
                        throw RowRefusal(table: table, row: source.sheet.text(row.name), parent: parent)
                    }
                    key.owner = owner
                }
                if times.first >= 0, let value = row[times.first] { key.first = value }
                if times.second >= 0, let value = row[times.second] { key.second = value }
                let name = source.sheet.texts[nameField.flatMap { row.text($0) } ?? row.name]
                key.name = name.baseAddress
                key.nameCount = name.count
                if isOrdered, let before = keys.last, !before.precedes(key) { isOrdered = false }
                keys.append(key)
            }
        }
        if !isOrdered { keys.sort { $0.precedes($1) } }
        return keys
    }

    /// Notes where the persons or encounters are; of several with one name the first.
    private func place(_ keys: [Key], _ table: Table) {
        for (place, key) in keys.enumerated().reversed() {
            let source = sources[Int(key.source)]
            (table == .person ? source.persons : source.encounters)[Int(key.row.name)] = Int32(
                truncatingIfNeeded: place)
        }
    }

    /// The place of the person or encounter that a text of a source names: in its own sheet, else in another.
    private func owner(_ text: Int32, _ table: Table, _ place: Int) -> Int32? {
        let own = table == .person ? sources[place].persons : sources[place].encounters
        if own[Int(text)] >= 0 { return own[Int(text)] }
        for (number, other) in sources.enumerated() where number != place {
            guard let same = other.sheet.texts.known(sources[place].sheet.texts[text]) else { continue }
            let found = (table == .person ? other.persons : other.encounters)[Int(same)]
            guard found >= 0 else { continue }
            own[Int(text)] = found
            return found
        }
        return nil
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

    // MARK: Columns

    private func fill(_ keys: [Key], _ table: Table, _ arena: Arena) -> TableRows {
        let shapes = Self.shapes[table.position]
        var result = TableRows(slots: .allocate(capacity: max(1, shapes.count)))
        result.slots.initialize(repeating: Slot(), count: max(1, shapes.count))
        result.rows = keys.count
        result.isPresent = true
        guard !keys.isEmpty || table.role == .master else { return result }
        var knownOfAll = UInt64.max
        var knownOfAny: UInt64 = 0
        for key in keys {
            knownOfAll &= key.row.known
            knownOfAny |= key.row.known
        }
        var nothing: UnsafeMutablePointer<Int64>?
        for (field, shape) in shapes.enumerated() where needed?[table.position][field] != false {
            let bit: UInt64 = 1 &<< UInt64(field)
            var slot = Slot()
            slot.kind = shape.slot
            slot.isNonNegative = shape.isNonNegative
            if shape.slot != .absent, knownOfAny & bit == 0, !shape.isIdentifier {
                // A column of unknowns: zeros serve as values, offsets and validity of all of them.
                let zeros = nothing ?? arena.allocate(Int64.self, keys.count + 1)
                if nothing == nil { zeros.initialize(repeating: 0, count: keys.count + 1) }
                nothing = zeros
                slot.base = UnsafeRawPointer(zeros)
                slot.validity = UnsafeRawPointer(zeros).assumingMemoryBound(to: UInt8.self)
                if slot.kind == .text { slot.offsets = UnsafeRawPointer(zeros).assumingMemoryBound(to: Int32.self) }
            } else {
                fill(&slot, keys, field, shape, arena)
                if knownOfAll & bit == 0, !shape.isIdentifier { slot.validity = validity(keys, bit, arena) }
            }
            result.slots[field] = slot
        }
        return result
    }

    /// What is asked of a field again and again, found out once.
    private struct Shape {
        let slot: Slot.Kind
        let isIdentifier: Bool
        let isNonNegative: Bool
    }

    private static let shapes: [[Shape]] = Table.allCases.map { table in
        table.fields.enumerated().map { index, field in
            let slot: Slot.Kind =
                switch field.kind {
                case .identifier, .text, .code: table.role == .master || table.isNumbered(index) ? .code : .text
                case .decimal: .int64
                case .integer, .day, .second: .int32
                case .flag: .flag
                case .row: .absent
                }
            return Shape(
                slot: slot, isIdentifier: field.name == table.identifier, isNonNegative: table.isNonNegative(index))
        }
    }

    private func fill(_ slot: inout Slot, _ keys: [Key], _ field: Int, _ shape: Shape, _ arena: Arena) {
        let word = TimelineSheet.Row.head + field
        let bit: UInt64 = 1 &<< UInt64(field)
        /// The text of a row; -1 is unknown.
        @inline(__always) func text(_ row: TimelineSheet.Row) -> Int32 {
            if row.known & bit != 0 { return Int32(truncatingIfNeeded: row.words[word]) }
            return shape.isIdentifier ? row.name : -1
        }
        switch shape.slot {
        case .int64:
            let target = arena.allocate(Int64.self, keys.count)
            for (place, key) in keys.enumerated() { target[place] = key.row.words[word] }
            slot.base = UnsafeRawPointer(target)
        case .int32:
            let target = arena.allocate(Int32.self, keys.count)
            for (place, key) in keys.enumerated() { target[place] = Int32(clamping: key.row.words[word]) }
            slot.base = UnsafeRawPointer(target)
        case .flag:
            let target = arena.allocate(UInt8.self, keys.count / 8 + 1)
            target.initialize(repeating: 0, count: keys.count / 8 + 1)
            for (place, key) in keys.enumerated() where key.row.words[word] != 0 {
                target[place >> 3] |= 1 << UInt8(place & 7)
            }
            slot.base = UnsafeRawPointer(target)
        case .code:
            let target = arena.allocate(Int32.self, keys.count)
            for (place, key) in keys.enumerated() {
                let number = text(key.row)
                target[place] = number < 0 ? 0 : code(of: number, Int(key.source))
            }
            slot.base = UnsafeRawPointer(target)
        case .text:
            let offsets = arena.allocate(Int32.self, keys.count + 1)
            var total = 0
            for (place, key) in keys.enumerated() {
                offsets[place] = Int32(clamping: total)
                let number = text(key.row)
                if number >= 0 { total += sources[Int(key.source)].sheet.texts[number].count }
            }
            offsets[keys.count] = Int32(clamping: total)
            let bytes = arena.allocate(UInt8.self, total)
            for (place, key) in keys.enumerated() {
                let number = text(key.row)
                guard number >= 0 else { continue }
                let source = sources[Int(key.source)].sheet.texts[number]
                if let base = source.baseAddress {
                    (bytes + Int(offsets[place])).update(from: base, count: source.count)
                }
            }
            slot.base = UnsafeRawPointer(bytes)
            slot.offsets = UnsafePointer(offsets)
        case .absent, .word: break
        }
    }

    @inline(__always) private func code(of text: Int32, _ source: Int) -> Int32 {
        let codes = sources[source].codes
        let known = codes[Int(text)]
        if known != Self.noCode { return known }
        let found = code(sources[source].sheet.texts[text])
        codes[Int(text)] = found
        return found
    }

    /// Which rows have a value. Columns without a gap have none, and the quick paths may be taken.
    private func validity(_ keys: [Key], _ bit: UInt64, _ arena: Arena) -> UnsafePointer<UInt8> {
        let bits = arena.allocate(UInt8.self, keys.count / 8 + 1)
        bits.initialize(repeating: 0, count: keys.count / 8 + 1)
        for (place, key) in keys.enumerated() where key.row.known & bit != 0 {
            bits[place >> 3] |= 1 << UInt8(place & 7)
        }
        return UnsafePointer(bits)
    }
}
