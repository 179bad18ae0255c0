import Claims

/// A row of one of several sources.
struct RowReference: Equatable {
    var source: Int32
    var row: Int32
}

/// Copies chosen rows of one or more tables into fresh columns, in the order asked for.
///
/// Serves the places where rows cannot be used where they lie: netting of reversals, merging of segments, and the
/// partitions of rules that look across persons. Codes become vocabulary codes on the way.
enum Gather {
    static func slot(
        _ field: Int, _ rows: [RowReference], from sources: [TableRows], arena: Arena
    ) -> Slot {
        var result = Slot()
        guard let kind = sources.lazy.map({ $0.slots[field].kind }).first(where: { $0 != .absent }) else {
            return result
        }
        result.kind = kind == .word ? .text : kind
        result.isNonNegative = sources.contains { $0.slots[field].isNonNegative }
        let slots = sources.map { $0.slots[field] }
        let hasNulls = slots.contains { $0.kind == .absent || $0.validity != nil }
        if hasNulls { result.validity = validity(slots, rows, arena) }
        switch kind {
        case .code:
            let target = arena.allocate(Int32.self, rows.count)
            for (index, reference) in rows.enumerated() {
                let code = slots[Int(reference.source)].code(Int(reference.row))
                target[index] = code < 0 ? 0 : code
            }
            result.base = UnsafeRawPointer(target)
        case .int32:
            let target = arena.allocate(Int32.self, rows.count)
            for (index, reference) in rows.enumerated() {
                let slot = slots[Int(reference.source)]
                target[index] = slot.kind == .absent ? 0 : slot.int32s[Int(reference.row)]
            }
            result.base = UnsafeRawPointer(target)
        case .int64:
            let target = arena.allocate(Int64.self, rows.count)
            for (index, reference) in rows.enumerated() {
                let slot = slots[Int(reference.source)]
                target[index] = slot.kind == .absent ? 0 : slot.int64s[Int(reference.row)]
            }
            result.base = UnsafeRawPointer(target)
        case .flag:
            let target = arena.allocate(UInt8.self, rows.count / 8 + 1)
            target.initialize(repeating: 0, count: rows.count / 8 + 1)
            for (index, reference) in rows.enumerated() {
                let slot = slots[Int(reference.source)]
                guard slot.kind != .absent, let base = slot.base else { continue }
                let row = Int(reference.row)
                let bit = base.assumingMemoryBound(to: UInt8.self)[row >> 3] >> UInt8(row & 7) & 1
                target[index >> 3] |= bit << UInt8(index & 7)
            }
            result.base = UnsafeRawPointer(target)
        case .text, .word: text(slots, rows, arena, &result)
        case .absent: break
        }
        return result
    }

    private static func validity(_ slots: [Slot], _ rows: [RowReference], _ arena: Arena) -> UnsafePointer<UInt8> {
        let bits = arena.allocate(UInt8.self, rows.count / 8 + 1)
        bits.initialize(repeating: 0, count: rows.count / 8 + 1)
        for (index, reference) in rows.enumerated() where slots[Int(reference.source)].isValid(Int(reference.row)) {
            bits[index >> 3] |= 1 << UInt8(index & 7)
        }
        return UnsafePointer(bits)
    }

    private static func text(_ slots: [Slot], _ rows: [RowReference], _ arena: Arena, _ result: inout Slot) {
        let offsets = arena.allocate(Int32.self, rows.count + 1)
        var length = 0
        for (index, reference) in rows.enumerated() {
            offsets[index] = Int32(length)
            length += slots[Int(reference.source)].utf8(Int(reference.row)).count
        }
        offsets[rows.count] = Int32(length)
        let bytes = arena.allocate(UInt8.self, length)
        for (index, reference) in rows.enumerated() {
            let value = slots[Int(reference.source)].utf8(Int(reference.row))
            if let start = value.baseAddress { (bytes + Int(offsets[index])).update(from: start, count: value.count) }
        }
        result.offsets = UnsafePointer(offsets)
        result.base = UnsafeRawPointer(bytes)
    }

    /// Start of each parent's rows, from ascending parents.
    static func starts(
        _ parents: UnsafePointer<Int32>, rows: Int, parentRows: Int, arena: Arena
    ) -> UnsafeMutablePointer<Int32> {
        let starts = arena.allocate(Int32.self, parentRows + 1)
        var parent = -1
        for row in 0..<rows {
            let own = Int(parents[row])
            while parent < own {
                parent &+= 1
                starts[parent] = Int32(truncatingIfNeeded: row)
            }
        }
        while parent < parentRows {
            parent &+= 1
            starts[parent] = Int32(truncatingIfNeeded: rows)
        }
        return starts
    }
}
