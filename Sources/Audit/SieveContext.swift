import Claims
import Rules

/// What sieves need to know of a chunk: plain arrays, computed once per chunk.
///
/// A scalar that is not known reads as `unknownScalar`, which lies outside every interval.
final class SieveContext {
    static let unknownScalar = Int64.min

    let binding: Binding
    /// Places of fields that are read for every chunk.
    let lineDay: Int
    let startDay: Int
    let endDay: Int
    private(set) var chunk: Chunk
    /// The tables of the chunk: read without counting a reference to it.
    private(set) var tables: UnsafeMutablePointer<TableRows>
    private(set) var lines = 0
    private(set) var encounters = 0
    private(set) var persons = 0
    /// The encounters that are looked at, and their lines: all of them, or those that a message writes in.
    private(set) var asked = 0..<0
    private(set) var askedLines = 0..<0
    private var narrow = 0..<0
    /// The lines of the encounters that a message writes in, and whether they are not all there are.
    private(set) var narrowLines = 0..<0
    private(set) var isNarrowed = false
    /// Vocabulary code of each line's item; -1 when unknown.
    private(set) var items: UnsafePointer<Int32>
    private(set) var hasUnknownItems = false
    private(set) var encounterOf: UnsafePointer<Int32>
    private(set) var lineStarts: UnsafePointer<Int32>
    private(set) var personOf: UnsafePointer<Int32>
    private(set) var personStarts: UnsafePointer<Int32>
    /// First and last day of each encounter's lines; min and max of Int32 when a day is not known.
    let firstDay = Scratch<Int32>()
    let lastDay = Scratch<Int32>()
    private let itemScratch = Scratch<Int32>()
    private let columns: ScratchColumns<Int64>
    private let plans: [ContextPlan]
    let masters: Masters
    let masterTables: UnsafeMutablePointer<TableRows>
    /// By column: read for narrow rules alone.
    private let isNarrow: [Bool]
    /// By number of the filter.
    private var admissions: [Admission] = []
    /// Grows with every chunk.
    private var stamp = 0

    /// The encounters of a chunk that a filter admits, worked out once for all sieves that ask.
    private final class Admission {
        let flags = Scratch<UInt8>()
        let places = Scratch<Int32>()
        var stamp = 0
        /// How many places there are; nil: not yet asked for.
        var count: Int?
    }

    init(_ binding: Binding, _ contextColumns: [ContextColumn], isNarrow: [Bool]) {
        self.isNarrow = isNarrow
        self.binding = binding
        lineDay = binding.lineDayField
        startDay = binding.startDay
        endDay = binding.endDay
        plans = contextColumns.map { $0.plan() }
        chunk = binding.masters.chunk
        tables = chunk.tables
        let nothing = UnsafePointer(itemScratch.pointer(1))
        items = nothing
        encounterOf = nothing
        lineStarts = nothing
        personOf = nothing
        personStarts = nothing
        columns = ScratchColumns(contextColumns.count)
        masters = binding.masters
        masterTables = binding.masters.chunk.tables
    }

    /// `narrow`: the encounters that rules whose findings stay within one are asked about; nil: all.
    func enter(_ chunk: Chunk, narrow: Range<Int>? = nil) {
        self.chunk = chunk
        stamp += 1
        tables = chunk.tables
        let line = chunk[.line]
        let encounter = chunk[.encounter]
        lines = line.rows
        encounters = encounter.rows
        persons = chunk[.person].rows
        let empty = UnsafePointer(itemScratch.pointer(1))
        encounterOf = line.parent.map { UnsafePointer($0) } ?? empty
        lineStarts = line.starts.map { UnsafePointer($0) } ?? empty
        personOf = encounter.parent.map { UnsafePointer($0) } ?? empty
        personStarts = encounter.starts.map { UnsafePointer($0) } ?? empty
        bindItems(line.slots[binding.lineItemField])
        bindDays(line.slots[binding.lineDayField])
        let all = 0..<encounters
        self.narrow = narrow ?? all
        let columns = columns
        columns.reserve(encounters)
        for (index, plan) in plans.enumerated() {
            plan.fill(columns[index], self, isNarrow[index] ? self.narrow : all)
        }
        isNarrowed = self.narrow != all
        look(narrowly: true)
        narrowLines = askedLines
        look(narrowly: false)
    }

    /// For every encounter whether a filter admits it: 1, else 0.
    func flags(admittedBy filter: EncounterFilter) -> UnsafePointer<UInt8> {
        UnsafePointer(admission(filter).flags.base)
    }

    /// The encounters that a filter admits, rising.
    func places(admittedBy filter: EncounterFilter) -> UnsafeBufferPointer<Int32> {
        let own = admission(filter)
        if let count = own.count { return UnsafeBufferPointer(start: own.places.base, count: count) }
        let flags = own.flags.base
        let places = own.places.pointer(encounters + 1)
        var count = 0
        for encounter in 0..<encounters {
            places[count] = Int32(truncatingIfNeeded: encounter)
            count &+= Int(flags[encounter])
        }
        own.count = count
        return UnsafeBufferPointer(start: places, count: count)
    }

    private func admission(_ filter: EncounterFilter) -> Admission {
        while admissions.count <= filter.number { admissions.append(Admission()) }
        let own = admissions[filter.number]
        if own.stamp != stamp {
            filter.admitAll(rows(.encounter), into: own.flags.pointer(encounters + 1))
            own.stamp = stamp
            own.count = nil
        }
        return own
    }

    /// Which encounters are looked at from here on.
    func look(narrowly isNarrow: Bool) {
        asked = isNarrow ? narrow : 0..<encounters
        askedLines =
            asked.isEmpty ? 0..<0 : Int(lineStarts[asked.lowerBound])..<Int(lineStarts[asked.upperBound])
    }

    /// The rows of a table that lie in the encounters that are looked at; nil where rows have no encounter.
    func askedRows(_ table: TableRows) -> Range<Int>? {
        guard let starts = table.starts else { return nil }
        return asked.isEmpty ? 0..<0 : Int(starts[asked.lowerBound])..<Int(starts[asked.upperBound])
    }

    @inline(__always) func rows(_ table: Table) -> TableRows { tables[table.position] }

    @inline(__always) func column(_ number: Int) -> UnsafeMutablePointer<Int64> { columns[number] }

    @inline(__always) func lines(of encounter: Int) -> Range<Int> {
        Int(lineStarts[encounter])..<Int(lineStarts[encounter &+ 1])
    }

    private func bindItems(_ slot: Slot) {
        hasUnknownItems = slot.kind == .absent || slot.validity != nil
        if slot.kind == .code, slot.validity == nil, slot.remap == nil {
            items = slot.int32s
            return
        }
        let target = itemScratch.pointer(max(1, lines))
        for row in 0..<lines { target[row] = slot.code(row) }
        items = UnsafePointer(target)
    }

    private func bindDays(_ slot: Slot) {
        let first = firstDay.pointer(max(1, encounters))
        let last = lastDay.pointer(max(1, encounters))
        let isSure = slot.kind == .int32 && slot.validity == nil
        for encounter in 0..<encounters {
            let start = Int(lineStarts[encounter])
            let end = Int(lineStarts[encounter &+ 1])
            if isSure && start < end {
                // Lines of an encounter are in day order.
                first[encounter] = slot.int32s[start]
                last[encounter] = slot.int32s[end &- 1]
            } else {
                first[encounter] = start < end ? Int32.min : Int32.max
                last[encounter] = start < end ? Int32.max : Int32.min
            }
        }
    }
}

/// Memory that is used again for every chunk.
final class Scratch<T> {
    private(set) var base: UnsafeMutablePointer<T>
    private var capacity = 16

    init() { base = .allocate(capacity: 16) }

    deinit { base.deallocate() }

    func pointer(_ count: Int) -> UnsafeMutablePointer<T> {
        if count > capacity {
            base.deallocate()
            capacity = count + count / 4
            base = .allocate(capacity: capacity)
        }
        return base
    }
}

/// Columns of rows that are used again for every chunk and grow together.
final class ScratchColumns<T> {
    let bases: UnsafeMutableBufferPointer<UnsafeMutablePointer<T>?>
    private var capacity = 0

    init(_ count: Int) {
        bases = .allocate(capacity: count)
        bases.initialize(repeating: nil)
        reserve(16)
    }

    deinit {
        for base in bases { base?.deallocate() }
        bases.deallocate()
    }

    /// Makes room for so many rows in every column; what they held is gone when they had less.
    @inline(__always) func reserve(_ rows: Int) { if rows > capacity { grow(to: rows + rows / 4) } }

    /// There is memory since the beginning.
    @inline(__always) subscript(_ column: Int) -> UnsafeMutablePointer<T> { bases[column].unsafelyUnwrapped }

    private func grow(to rows: Int) {
        for column in bases.indices {
            bases[column]?.deallocate()
            bases[column] = .allocate(capacity: rows)
        }
        capacity = rows
    }
}

/// A number per encounter that guards compare: a code, a level, an age bound, a day.
struct ContextColumn: Hashable {
    enum Source: Hashable {
        case path(FieldPath)
        /// At least, or at most, the whole years of the person on the days of the encounter's lines.
        case age(onLastDay: Bool)
        /// Day of the encounter's start or (open: the horizon) end.
        case startDay, endDay
    }

    let source: Source

    /// Where the number comes from, found once.
    func plan() -> ContextPlan {
        switch source {
        case .startDay: return .day(isStart: true)
        case .endDay: return .day(isStart: false)
        case .age(let onLastDay): return .age(onLastDay: onLastDay)
        case .path(let path):
            guard case .stored(let field) = path.field else { return .unknown }
            // Steps start with the encounter, unless the path starts there.
            let steps = path.start == .encounter ? path.steps[...] : path.steps.dropFirst()
            switch steps.count {
            case 0: return .encounter(field: field)
            case 1 where steps.first == .person: return .person(field: field)
            case 1:
                guard let table = steps.first, let via = Table.encounter.index(of: table.rawValue) else {
                    return .unknown
                }
                return .master(table: table.position, via: via, field: field)
            default: return .unknown
            }
        }
    }
}

/// A context column as it is filled for every chunk: no references inside.
enum ContextPlan {
    case day(isStart: Bool)
    case age(onLastDay: Bool)
    case encounter(field: Int)
    case person(field: Int)
    /// Through the code in field `via` of the encounter.
    case master(table: Int, via: Int, field: Int)
    case unknown

    private static let birth = Table.person.index(of: "birth") ?? 0

    func fill(_ target: UnsafeMutablePointer<Int64>, _ context: SieveContext, _ encounters: Range<Int>) {
        switch self {
        case .day(let isStart):
            let slot = context.rows(.encounter).slots[isStart ? context.startDay : context.endDay]
            let absent = isStart ? SieveContext.unknownScalar : Int64(context.binding.horizonDay)
            for row in encounters { target[row] = slot.isValid(row) ? Int64(slot.int32s[row]) : absent }
        case .age(let onLastDay): fillAge(target, context, encounters, onLastDay)
        case .encounter(let field): read(context.rows(.encounter).slots[field], target, encounters) { $0 }
        case .person(let field):
            let personOf = context.personOf
            read(context.rows(.person).slots[field], target, encounters) { Int(personOf[$0]) }
        case .master(let table, let via, let field):
            let codes = context.rows(.encounter).slots[via]
            let attribute = context.masterTables[table].slots[field]
            let masters = context.masters
            for row in encounters {
                let master = masters.row(table, code: codes.code(row))
                target[row] = master >= 0 ? Self.number(attribute, Int(master)) : SieveContext.unknownScalar
            }
        case .unknown: for row in encounters { target[row] = SieveContext.unknownScalar }
        }
    }

    /// No birthday is further than this from the whole years of 365.2425 days that it ends: leap days lie unevenly, and
    /// who was born on one has its birthday a day later.
    private static let birthdayDays: Int64 = 4

    /// The least age on the first day, or the greatest on the last: a day or two from a birthday both years count.
    private func fillAge(
        _ target: UnsafeMutablePointer<Int64>, _ context: SieveContext, _ encounters: Range<Int>, _ onLastDay: Bool
    ) {
        let births = context.rows(.person).slots[Self.birth]
        let days = onLastDay ? context.lastDay.base : context.firstDay.base
        let slack = onLastDay ? Self.birthdayDays : -Self.birthdayDays
        let starts = context.personStarts
        for person in 0..<context.persons {
            let isKnown = births.isValid(person) && births.kind == .int32
            let birth = isKnown ? Int64(births.int32s[person]) &- slack : 0
            for row in (Int(starts[person])..<Int(starts[person &+ 1])).clamped(to: encounters) {
                let lived = Int64(days[row]) &- birth
                // The days of a thousand Gregorian years more and less, so that the quotient is rounded down.
                let years = (lived &* 400 &+ 146_097_000) / 146_097 &- 1000
                target[row] = isKnown && abs(lived) < 300_000 ? years : SieveContext.unknownScalar
            }
        }
    }

    @inline(__always) private func read(
        _ slot: Slot, _ target: UnsafeMutablePointer<Int64>, _ rows: Range<Int>, _ at: (Int) -> Int
    ) {
        if slot.validity == nil, slot.kind == .code, let remap = slot.remap {
            for row in rows { target[row] = Int64(remap[Int(slot.int32s[at(row)])]) }
        } else if slot.validity == nil, slot.kind == .code || slot.kind == .int32 {
            let values = slot.int32s
            for row in rows { target[row] = Int64(values[at(row)]) }
        } else {
            for row in rows { target[row] = Self.number(slot, at(row)) }
        }
    }

    @inline(__always) private static func number(_ slot: Slot, _ row: Int) -> Int64 {
        guard slot.isValid(row) else { return SieveContext.unknownScalar }
        switch slot.kind {
        case .code: return Int64(slot.code(row))
        case .int32: return Int64(slot.int32s[row])
        case .int64: return slot.int64s[row]
        default: return SieveContext.unknownScalar
        }
    }
}
