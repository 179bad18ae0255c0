import Claims

/// Numbers the bins of the encounters of a chunk: the rows a filter admits, then a hash of their keys, key by key.
final class BinScan {
    static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15 | 1

    struct Bin {
        var number: UInt64
        var row: Int32
        /// Whether all keys are known; otherwise the row may belong to any bin.
        var isKnown: Bool
    }

    private let bins = Scratch<Bin>()

    /// The bins of the admitted rows, before spreading; valid until the next run.
    func run(_ plan: KeyedPlan.Bins, _ rows: TableRows) -> UnsafeBufferPointer<Bin> {
        let target = bins.pointer(rows.rows + 1)
        var count = 0
        for row in 0..<rows.rows {
            target[count] = Bin(number: 0, row: Int32(truncatingIfNeeded: row), isKnown: true)
            count &+= plan.filter.admits(row, rows) ? 1 : 0
        }
        for index in 0..<plan.componentCount { add(plan.components[index], plan.startDay, target, count, rows) }
        for index in 0..<count {
            let x = (target[index].number ^ (target[index].number &>> 29)) &* 0xC4CE_B9FE_1A85_EC53
            target[index].number = x ^ (x &>> 32)
        }
        if plan.seconds > 0 {
            let day = rows.slots[plan.startDay]
            let second = rows.slots[plan.startSecond]
            for index in 0..<count {
                let row = Int(target[index].row)
                guard day.isValid(row), second.isValid(row) else {
                    target[index].isKnown = false
                    continue
                }
                let time = Int64(day.int32s[row]) * 86_400 + Int64(second.int32s[row])
                target[index].number &+= UInt64(bitPattern: time / plan.seconds)
            }
        }
        return UnsafeBufferPointer(start: target, count: count)
    }

    private func add(
        _ component: KeyedPlan.Bins.Component, _ startDay: Int, _ target: UnsafeMutablePointer<Bin>, _ count: Int,
        _ rows: TableRows
    ) {
        let slot = rows.slots[component.field < 0 ? startDay : component.field]
        if component.field < 0 {
            for index in 0..<count {
                let row = Int(target[index].row)
                add(slot.isValid(row) ? slot.int32s[row] : -1, &target[index])
            }
        } else if let numbers = component.numbers {
            for index in 0..<count {
                let code = slot.code(Int(target[index].row))
                add(code >= 0 && Int(code) < component.count ? numbers[Int(code)] : -1, &target[index])
            }
        } else {
            for index in 0..<count { add(slot.code(Int(target[index].row)), &target[index]) }
        }
    }

    @inline(__always) private func add(_ value: Int32, _ bin: inout Bin) {
        if value < 0 { bin.isKnown = false }
        let hash = (bin.number ^ UInt64(UInt32(bitPattern: value))) &* 0xFF51_AFD7_ED55_8CCD
        bin.number = hash ^ (hash &>> 32)
    }
}
