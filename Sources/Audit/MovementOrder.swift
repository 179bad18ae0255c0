import Claims

/// The order of movements by day, second and identifier, whatever segments they came in (库存、扫码记录的次序).
///
/// Rows of timelines need none: they lie in the order of persons already.
struct MovementOrder {
    private let rows: [TableRows]
    private let day: Int
    private let second: Int

    init?(_ table: Table, _ parts: [Chunk], _ binding: Binding) {
        guard table.role == .movement else { return nil }
        rows = parts.map { $0[table] }
        day = binding.referenceDay[table.position]
        second = binding.referenceSecond[table.position]
    }

    func precedes(_ a: RowReference, _ b: RowReference) -> Bool {
        let (x, y) = (time(a), time(b))
        if x != y { return x < y }
        let (p, q) = (rows[Int(a.source)].slots[0].utf8(Int(a.row)), rows[Int(b.source)].slots[0].utf8(Int(b.row)))
        if p.lexicographicallyPrecedes(q) { return true }
        return !q.lexicographicallyPrecedes(p) && (a.source, a.row) < (b.source, b.row)
    }

    private func time(_ reference: RowReference) -> (Int32, Int32) {
        let slots = rows[Int(reference.source)].slots
        let row = Int(reference.row)
        guard slots[day].isValid(row) else { return (Int32.min, Int32.min) }
        let isTimed = second >= 0 && slots[second].isValid(row)
        return (slots[day].int32s[row], isTimed ? slots[second].int32s[row] : Int32.min)
    }
}
