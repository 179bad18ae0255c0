import Claims

/// Numbers the bins of the encounters of a chunk: the rows a filter admits, then a hash of their keys, key by key.
final class BinScan {
    static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15 | 1

    /// Rows and the numbers of their bins, before spreading. A row with an unknown key has none: it is among `placeless`.
    struct Bins {
        let rows: UnsafePointer<Int32>
        let numbers: UnsafePointer<UInt64>
        let count: Int
        let placeless: [Int32]
    }

    private let rows = Scratch<Int32>()
    private let numbers = Scratch<UInt64>()
    private let values = Scratch<Int32>()

    /// The bins of the admitted rows; valid until the next run.
    func run(_ plan: KeyedPlan.Bins, _ table: TableRows) -> Bins {
        let rows = rows.pointer(table.rows + 1)
        let numbers = numbers.pointer(table.rows + 1)
        let values = values.pointer(table.rows + 1)
        var count = 0
        for row in 0..<table.rows {
            rows[count] = Int32(truncatingIfNeeded: row)
            count &+= plan.filter.admits(row, table) ? 1 : 0
        }
        var hasUnknown = false
        for index in 0..<count { numbers[index] = 0 }
        for index in 0..<plan.componentCount {
            let component = plan.components[index]
            read(table.slots[component.field < 0 ? plan.startDay : component.field], rows, count, into: values)
            if let table = component.numbers {
                for index in 0..<count {
                    let code = values[index]
                    values[index] = code >= 0 && Int(code) < component.count ? table[Int(code)] : -1
                }
            }
            for index in 0..<count {
                hasUnknown = hasUnknown || values[index] < 0
                let hash = (numbers[index] ^ UInt64(UInt32(bitPattern: values[index]))) &* 0xFF51_AFD7_ED55_8CCD
                let isUnknown = values[index] < 0 || numbers[index] == UInt64.max
                numbers[index] = isUnknown ? UInt64.max : hash ^ (hash &>> 32)
            }
        }
        return finish(plan, table, count, hasUnknown: hasUnknown || plan.seconds > 0)
    }

    @inline(__always) private func read(
        _ slot: Slot, _ rows: UnsafePointer<Int32>, _ count: Int, into values: UnsafeMutablePointer<Int32>
    ) {
        if slot.validity == nil, slot.kind == .int32 || slot.kind == .code && slot.remap == nil {
            let source = slot.int32s
            for index in 0..<count { values[index] = source[Int(rows[index])] }
        } else if slot.kind == .int32 {
            for index in 0..<count {
                let row = Int(rows[index])
                values[index] = slot.isValid(row) ? slot.int32s[row] : -1
            }
        } else {
            for index in 0..<count { values[index] = slot.code(Int(rows[index])) }
        }
    }

    /// Mixes the numbers, adds the time and sets aside the rows whose bin is not known.
    private func finish(_ plan: KeyedPlan.Bins, _ table: TableRows, _ count: Int, hasUnknown: Bool) -> Bins {
        let rows = rows.base
        let numbers = numbers.base
        var placeless: [Int32] = []
        var kept = 0
        let day = table.slots[plan.startDay]
        let second = table.slots[plan.startSecond]
        for index in 0..<count {
            var number = numbers[index]
            let row = Int(rows[index])
            if hasUnknown, number == UInt64.max || plan.seconds > 0 && !(day.isValid(row) && second.isValid(row)) {
                placeless.append(rows[index])
                continue
            }
            number = (number ^ (number &>> 29)) &* 0xC4CE_B9FE_1A85_EC53
            number ^= number &>> 32
            if plan.seconds > 0 {
                let time = Int64(day.int32s[row]) * 86_400 + Int64(second.int32s[row])
                number &+= UInt64(bitPattern: time / plan.seconds)
            }
            numbers[kept] = number
            rows[kept] = rows[index]
            kept &+= 1
        }
        return Bins(rows: rows, numbers: numbers, count: kept, placeless: placeless)
    }
}
