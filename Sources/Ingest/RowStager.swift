import Claims

/// Puts typed rows into staged memory.
enum RowStager {
    /// Stages one row of a typed batch and returns where it lies.
    @inline(__always)
    static func stage(
        _ typed: TypedBatch, _ batch: CellBatch, row: Int, rank: UInt32, origin: UInt64, partition: Int,
        into staged: StagedRows, _ plan: StagingPlan
    ) throws(IngestError) -> StagedRow {
        let stride = CellBatch.stride
        let presence = typed.presence[row]
        var total = plan.fixedBytes
        var number = 0
        while number < plan.textCount {
            let slot = plan.texts[number]
            total &+=
                presence >> UInt32(truncatingIfNeeded: slot.slot) & 1 != 0
                ? typed.texts[slot.slot &* stride &+ row].count : 0
            number &+= 1
        }
        total = (total &+ 7) & ~7
        let base = try staged.claim(total, in: partition)
        base.storeBytes(of: rank, as: UInt32.self)
        base.storeBytes(of: presence, toByteOffset: RowLayout.presence, as: UInt32.self)
        base.storeBytes(of: origin, toByteOffset: RowLayout.origin, as: UInt64.self)
        base.storeBytes(of: batch.lengths[row], toByteOffset: RowLayout.sourceLength, as: UInt32.self)
        base.storeBytes(of: UInt32(truncatingIfNeeded: total), toByteOffset: RowLayout.rowLength, as: UInt32.self)
        if plan.isVersioned {
            base.storeBytes(of: typed.versions[row], toByteOffset: RowLayout.version, as: Int64.self)
        }
        // Zero the tail, so that equal rows have equal bytes.
        base.storeBytes(of: 0, toByteOffset: total &- 8, as: UInt64.self)
        number = 0
        while number < plan.wideCount {
            let slot = plan.wides[number]
            let mask = 0 &- Int64(presence >> UInt32(truncatingIfNeeded: slot.slot) & 1)
            base.storeBytes(
                of: typed.values[slot.slot &* stride &+ row] & mask, toByteOffset: slot.offset, as: Int64.self)
            number &+= 1
        }
        number = 0
        while number < plan.narrowCount {
            let slot = plan.narrows[number]
            let mask = 0 &- Int64(presence >> UInt32(truncatingIfNeeded: slot.slot) & 1)
            let value = typed.values[slot.slot &* stride &+ row] & mask
            base.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: slot.offset, as: Int32.self)
            number &+= 1
        }
        number = 0
        var at = plan.fixedBytes
        while number < plan.textCount {
            let slot = plan.texts[number]
            var count = 0
            if presence >> UInt32(truncatingIfNeeded: slot.slot) & 1 != 0 {
                let cell = typed.texts[slot.slot &* stride &+ row]
                count = cell.count
                let target = (base + at).assumingMemoryBound(to: UInt8.self)
                var index = 0
                while index < count {
                    target[index] = cell.start[index]
                    index &+= 1
                }
                at &+= count
            }
            base.storeBytes(of: UInt32(truncatingIfNeeded: count), toByteOffset: slot.offset, as: UInt32.self)
            number &+= 1
        }
        return StagedRow(base: base)
    }
}

/// A layout as plain numbers, for the loop that stages rows.
final class StagingPlan: @unchecked Sendable {
    struct Place {
        var slot: Int
        var offset: Int
    }

    let fixedBytes: Int
    let isVersioned: Bool
    let wides: UnsafeMutablePointer<Place>
    let wideCount: Int
    let narrows: UnsafeMutablePointer<Place>
    let narrowCount: Int
    let texts: UnsafeMutablePointer<Place>
    let textCount: Int

    init(_ layout: RowLayout) {
        fixedBytes = layout.fixedBytes
        isVersioned = layout.isVersioned
        func places(_ width: RowLayout.Width) -> (UnsafeMutablePointer<Place>, Int) {
            let found = layout.slots.indices.filter { layout.slots[$0].width == width }
            let memory = UnsafeMutablePointer<Place>.allocate(capacity: max(1, found.count))
            for (number, slot) in found.enumerated() {
                (memory + number).initialize(to: Place(slot: slot, offset: layout.slots[slot].offset))
            }
            return (memory, found.count)
        }
        (wides, wideCount) = places(.wide)
        (narrows, narrowCount) = places(.narrow)
        (texts, textCount) = places(.text)
    }

    deinit {
        wides.deallocate()
        narrows.deallocate()
        texts.deallocate()
    }
}
