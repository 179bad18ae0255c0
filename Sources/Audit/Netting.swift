import Claims
import Columns

/// Takes reversals off the lines they name, before any rule sees them (冲红冲销).
///
/// A line netted to zero and the reversal rows themselves take no part in any rule; a reversal that names no line of
/// the person, or takes more than the line had, is an orphan: it takes no part and is counted.
enum Netting {
    private static let reverses = Table.line.index(of: "reverses") ?? 0
    private static let quantity = Table.line.index(of: "quantity") ?? 0
    private static let amount = Table.line.index(of: "amount") ?? 0
    private static let inScope = Table.line.index(of: "in_scope") ?? 0
    private static let day = Table.line.index(of: "day") ?? 0
    private static let second = Table.line.index(of: "second") ?? 0
    private static let daysSupply = Table.line.index(of: "days_supply") ?? 0

    /// A settlement that reverses another takes it, and itself, out of every rule.
    static func dropReversedSettlements(of chunk: Chunk, fields: [Int]) {
        let rows = chunk[.settlement]
        guard let named = Table.settlement.index(of: "reverses"), rows.slots[named].kind == .text,
            let parent = rows.parent
        else { return }
        guard let persons = chunk[.encounter].parent else { return }
        func name(_ row: Int, _ field: Int) -> [UInt8] {
            // Numbers are those of the same person.
            withUnsafeBytes(of: persons[Int(parent[row])]) { Array($0) } + rows.slots[field].utf8(row)
        }
        var gone: Set<[UInt8]> = []
        for row in 0..<rows.rows where rows.slots[named].isValid(row) {
            gone.insert(name(row, named))
            gone.insert(name(row, 0))
        }
        guard !gone.isEmpty else { return }
        let kept = (0..<rows.rows).filter { !gone.contains(name($0, 0)) }
        var result = rows
        result.rows = kept.count
        let references = kept.map { RowReference(source: 0, row: Int32($0)) }
        let slots = fields.map { Gather.slot($0, references, from: [rows], arena: chunk.arena) }
        let parents = chunk.arena.allocate(Int32.self, kept.count)
        let identities = chunk.arena.allocate(Int64.self, kept.count)
        for (index, row) in kept.enumerated() {
            parents[index] = parent[row]
            identities[index] = chunk.identity(Table.settlement.position, row)
        }
        for (index, field) in fields.enumerated() { rows.slots[field] = slots[index] }
        chunk.identities[Table.settlement.position] = identities
        result.parent = parents
        result.starts = Gather.starts(
            parents, rows: kept.count, parentRows: chunk[.encounter].rows, arena: chunk.arena)
        chunk[.settlement] = result
    }

    static func apply(to chunk: Chunk, fields: [Int], _ counts: inout ClaimsReader.NettingCounts) {
        let lines = chunk[.line]
        guard needsNetting(lines) else { return }
        var work = Work(lines, encounters: chunk[.encounter])
        work.net()
        counts.reversals += work.reversals
        counts.orphans += work.orphans
        replace(lines, in: chunk, keeping: work, fields)
    }

    private static func needsNetting(_ lines: TableRows) -> Bool {
        let named = lines.slots[reverses]
        if named.kind == .text {
            if named.validity == nil, lines.rows > 0 { return true }
            for row in 0..<lines.rows where named.isValid(row) { return true }
        }
        return [quantity, amount, inScope].contains { hasNegative(lines.slots[$0], lines.rows) }
    }

    private static func hasNegative(_ slot: Slot, _ rows: Int) -> Bool {
        guard slot.kind == .int64 else { return false }
        let values = slot.int64s
        var signs: Int64 = 0
        for row in 0..<rows { signs |= values[row] }
        guard signs < 0 else { return false }
        for row in 0..<rows where values[row] < 0 && slot.isValid(row) { return true }
        return false
    }

    /// The amounts of a block's lines while reversals are taken off.
    private struct Work {
        let lines: TableRows
        let encounters: TableRows
        var quantities: [Int64?]
        var amounts: [Int64?]
        var scoped: [Int64?]
        var isDropped: [Bool]
        var isTouched: [Bool]
        var reversals = 0
        var orphans = 0

        init(_ lines: TableRows, encounters: TableRows) {
            self.lines = lines
            self.encounters = encounters
            func values(_ field: Int) -> [Int64?] {
                let slot = lines.slots[field]
                return (0..<lines.rows).map { slot.isValid($0) ? slot.int64s[$0] : nil }
            }
            quantities = values(Netting.quantity)
            amounts = values(Netting.amount)
            scoped = values(Netting.inScope)
            isDropped = Array(repeating: false, count: lines.rows)
            isTouched = isDropped
        }

        mutating func net() {
            guard let persons = encounters.starts, let starts = lines.starts, let parent = lines.parent,
                let person = encounters.parent
            else { return }
            let id = lines.slots[0]
            let named = lines.slots[Netting.reverses]
            var known: (person: Int32, names: StringDictionary, rows: [Int]) = (-1, StringDictionary(), [])
            var taking: [Int] = []
            for row in 0..<lines.rows {
                let isReversal = named.isValid(row) && named.kind == .text
                let isNegative = (quantities[row] ?? 0) < 0 || (amounts[row] ?? 0) < 0 || (scoped[row] ?? 0) < 0
                guard isReversal || isNegative else { continue }
                isDropped[row] = true
                if isReversal { taking.append(row) } else { orphans += 1 }
            }
            // Where several take from one line, the earlier come first.
            taking.sort { a, b in
                let (x, y) = (person[Int(parent[a])], person[Int(parent[b])])
                return x != y ? x < y : precedes(a, b)
            }
            for row in taking {
                let owner = person[Int(parent[row])]
                if known.person != owner {
                    let first = Int(starts[Int(persons[Int(owner)])])
                    let last = Int(starts[Int(persons[Int(owner) + 1])])
                    known = (owner, StringDictionary(capacity: last - first), [])
                    for line in first..<last {
                        let name = Int(known.names.code(for: id.utf8(line)))
                        // Of several lines with one name the last is meant.
                        if name < known.rows.count { known.rows[name] = line } else { known.rows.append(line) }
                    }
                }
                guard let target = known.names.known(named.utf8(row)).map({ known.rows[Int($0)] }), target != row,
                    !(named.isValid(target) && named.kind == .text), takeOff(row, from: target)
                else {
                    orphans += 1
                    continue
                }
                reversals += 1
            }
            for row in 0..<lines.rows where isTouched[row] && (quantities[row] ?? 1) == 0 { isDropped[row] = true }
        }

        /// False, and nothing is taken, when the line had less of anything than is taken back.
        private mutating func takeOff(_ row: Int, from target: Int) -> Bool {
            guard let quantity = less(quantities[target], quantities[row]),
                let amount = less(amounts[target], amounts[row]), let scope = less(scoped[target], scoped[row])
            else { return false }
            quantities[target] = quantity
            amounts[target] = amount
            scoped[target] = scope
            isTouched[target] = true
            return true
        }

        /// What is left: not known when one of the two is not; none when it would be below zero.
        private func less(_ had: Int64?, _ taken: Int64?) -> Int64?? {
            guard let had, let taken else { return .some(nil) }
            guard had >= 0, taken.magnitude <= had.magnitude else { return .none }
            return .some(had - Int64(taken.magnitude))
        }

        /// Day, second, bytes of the identifier; unknown before known.
        private func precedes(_ a: Int, _ b: Int) -> Bool {
            let day = lines.slots[Netting.day]
            let second = lines.slots[Netting.second]
            func time(_ row: Int) -> (Int32, Int32) {
                guard day.isValid(row) else { return (Int32.min, Int32.min) }
                return (day.int32s[row], second.isValid(row) ? second.int32s[row] : Int32.min)
            }
            let (x, y) = (time(a), time(b))
            return x != y ? x < y : lines.slots[0].utf8(a).lexicographicallyPrecedes(lines.slots[0].utf8(b))
        }
    }

    private static func replace(_ lines: TableRows, in chunk: Chunk, keeping work: Work, _ fields: [Int]) {
        let kept = (0..<lines.rows).filter { !work.isDropped[$0] }
        let references = kept.map { RowReference(source: 0, row: Int32($0)) }
        var result = lines
        result.rows = kept.count
        let slots = chunk.arena.allocate(Slot.self, Table.line.fields.count)
        slots.initialize(repeating: Slot(), count: Table.line.fields.count)
        for field in fields { slots[field] = Gather.slot(field, references, from: [lines], arena: chunk.arena) }
        let parents = chunk.arena.allocate(Int32.self, kept.count)
        if let parent = lines.parent { for (index, row) in kept.enumerated() { parents[index] = parent[row] } }
        result.parent = parents
        result.starts = Gather.starts(
            parents, rows: kept.count, parentRows: chunk[.encounter].rows, arena: chunk.arena)
        write(work.quantities, kept, quantity, slots, chunk.arena)
        write(work.amounts, kept, amount, slots, chunk.arena)
        write(work.scoped, kept, inScope, slots, chunk.arena)
        scaleDays(lines, work, kept, slots, chunk.arena)
        let identities = chunk.arena.allocate(Int64.self, kept.count)
        let line = Table.line.position
        for (index, row) in kept.enumerated() { identities[index] = chunk.identity(line, row) }
        chunk.identities[line] = identities
        for field in 0..<Table.line.fields.count { lines.slots[field] = slots[field] }
        result.slots = lines.slots
        chunk[.line] = result
    }

    private static func write(
        _ values: [Int64?], _ kept: [Int], _ field: Int, _ slots: UnsafeMutablePointer<Slot>, _ arena: Arena
    ) {
        guard slots[field].kind == .int64 else { return }
        let target = arena.allocate(Int64.self, kept.count)
        let bits = arena.allocate(UInt8.self, kept.count / 8 + 1)
        bits.initialize(repeating: 0, count: kept.count / 8 + 1)
        var hasNulls = false
        for (index, row) in kept.enumerated() {
            target[index] = values[row] ?? 0
            if values[row] == nil { hasNulls = true } else { bits[index >> 3] |= 1 << UInt8(index & 7) }
        }
        slots[field].base = UnsafeRawPointer(target)
        slots[field].validity = hasNulls ? UnsafePointer(bits) : nil
    }

    /// Days of supply shrink with the quantity, rounded up.
    private static func scaleDays(
        _ lines: TableRows, _ work: Work, _ kept: [Int], _ slots: UnsafeMutablePointer<Slot>, _ arena: Arena
    ) {
        let source = lines.slots[daysSupply]
        let whole = lines.slots[quantity]
        guard source.kind == .int32, slots[daysSupply].kind == .int32 else { return }
        let target = arena.allocate(Int32.self, kept.count)
        let bits = arena.allocate(UInt8.self, kept.count / 8 + 1)
        bits.initialize(repeating: 0, count: kept.count / 8 + 1)
        for (index, row) in kept.enumerated() {
            var days = source.isValid(row) ? source.int32s[row] : nil
            if work.isTouched[row] {
                days = days.flatMap { scaled($0, left: work.quantities[row], of: whole, row) }
            }
            target[index] = days ?? 0
            if days != nil { bits[index >> 3] |= 1 << UInt8(index & 7) }
        }
        slots[daysSupply].base = UnsafeRawPointer(target)
        slots[daysSupply].validity = UnsafePointer(bits)
    }

    private static func scaled(_ days: Int32, left: Int64?, of whole: Slot, _ row: Int) -> Int32? {
        guard let left, whole.isValid(row), whole.int64s[row] > 0 else { return nil }
        let product = Int128(days) * Int128(left)
        let (quotient, remainder) = product.quotientAndRemainder(dividingBy: Int128(whole.int64s[row]))
        return Int32(exactly: quotient + (remainder > 0 ? 1 : 0))
    }
}
