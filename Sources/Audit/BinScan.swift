import Claims

/// Numbers the bins of the rows of a chunk: the rows a filter admits, then a hash of their keys, key by key.
final class BinScan {
    /// In place of a number where a key is not known.
    private static let placeless = UInt64.max

    /// Rows and the numbers of their bins, before spreading. A row with an unknown key has none: it is among `placeless`.
    struct Bins {
        let rows: UnsafePointer<Int32>
        let numbers: UnsafePointer<UInt64>
        /// A hash of the first key alone.
        let leads: UnsafePointer<UInt64>
        let count: Int
        let placeless: [Placeless]
    }

    struct Placeless {
        let row: Int32
        /// A hash of the first key; nil: that is not known either.
        let lead: UInt64?
    }

    private let rows = Scratch<Int32>()
    private let numbers = Scratch<UInt64>()
    private let leads = Scratch<UInt64>()
    private let values = Scratch<Int32>()
    private let admitted = Scratch<UInt8>()

    /// The bins of the admitted rows; valid until the next run.
    func run(_ plan: KeyedPlan.Bins, _ chunk: Chunk) -> Bins {
        let table = chunk[plan.table]
        let rows = rows.pointer(table.rows + 1)
        let numbers = numbers.pointer(table.rows + 1)
        let count = admit(plan, chunk, table, rows)
        for index in 0..<count { numbers[index] = 0 }
        let leads = leads.pointer(table.rows + 1)
        for (place, component) in plan.components.enumerated() {
            if place == 1 { leads.update(from: numbers, count: count) }
            switch component.source {
            case .text(let field): add(table.slots[field], count)
            case .day: add(component, table.slots[plan.dayField], nil, count)
            case .code(let field): add(component, table.slots[field], nil, count)
            case .encounterCode(let field): add(component, chunk[.encounter].slots[field], table.parent, count)
            }
        }
        if plan.components.count == 1 { leads.update(from: numbers, count: count) }
        return finish(plan, table, count)
    }

    /// Puts down the rows whose encounters the filter admits.
    private func admit(
        _ plan: KeyedPlan.Bins, _ chunk: Chunk, _ table: TableRows, _ rows: UnsafeMutablePointer<Int32>
    ) -> Int {
        var count = 0
        let encounters = chunk[.encounter]
        let admitted = admitted.pointer(encounters.rows + 1)
        plan.filter.admitAll(encounters, into: admitted)
        if plan.table == .encounter {
            for row in 0..<table.rows {
                rows[count] = Int32(truncatingIfNeeded: row)
                count &+= Int(admitted[row])
            }
        } else if let starts = table.starts, plan.table.role == .timeline {
            for encounter in 0..<encounters.rows where admitted[encounter] != 0 {
                for row in starts[encounter]..<starts[encounter &+ 1] {
                    rows[count] = row
                    count &+= 1
                }
            }
        } else {
            for row in 0..<table.rows { rows[row] = Int32(truncatingIfNeeded: row) }
            count = table.rows
        }
        return count
    }

    private func add(
        _ component: KeyedPlan.Bins.Component, _ slot: Slot, _ parent: UnsafeMutablePointer<Int32>?, _ count: Int
    ) {
        let rows = rows.base
        let numbers = numbers.base
        let values = values.pointer(count + 1)
        if let parent {
            for index in 0..<count { values[index] = slot.code(Int(parent[Int(rows[index])])) }
        } else if slot.validity == nil, slot.kind == .int32 || slot.kind == .code && slot.remap == nil {
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
        if let table = component.numbers {
            for index in 0..<count {
                let code = values[index]
                values[index] = code >= 0 && Int(code) < component.count ? table[Int(code)] : -1
            }
        }
        for index in 0..<count {
            let hash = (numbers[index] ^ UInt64(UInt32(bitPattern: values[index]))) &* 0xFF51_AFD7_ED55_8CCD
            let isUnknown = values[index] < 0 || numbers[index] == Self.placeless
            numbers[index] = isUnknown ? Self.placeless : hash ^ (hash &>> 32)
        }
    }

    /// A text that is not numbered: its bytes are hashed.
    private func add(_ slot: Slot, _ count: Int) {
        let rows = rows.base
        let numbers = numbers.base
        for index in 0..<count {
            let row = Int(rows[index])
            guard slot.isValid(row), numbers[index] != Self.placeless else {
                numbers[index] = Self.placeless
                continue
            }
            var hash = numbers[index] ^ 0xCBF2_9CE4_8422_2325
            for byte in slot.utf8(row) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            numbers[index] = hash ^ (hash &>> 32)
        }
    }

    /// Mixes the numbers, adds the time and sets aside the rows whose bin is not known.
    private func finish(_ plan: KeyedPlan.Bins, _ table: TableRows, _ count: Int) -> Bins {
        let rows = rows.base
        let numbers = numbers.base
        let leads = leads.base
        var placeless: [Placeless] = []
        var kept = 0
        let day = table.slots[plan.dayField]
        let second = plan.isTimed && plan.secondField >= 0 ? table.slots[plan.secondField] : Slot()
        for index in 0..<count {
            var number = numbers[index]
            let row = Int(rows[index])
            if number == Self.placeless
                || plan.span > 0 && !(day.isValid(row) && (!plan.isTimed || second.isValid(row)))
            {
                placeless.append(
                    Placeless(row: rows[index], lead: leads[index] == Self.placeless ? nil : leads[index]))
                continue
            }
            number = (number ^ (number &>> 29)) &* 0xC4CE_B9FE_1A85_EC53
            number ^= number &>> 32
            if plan.span > 0 {
                let time = Int64(day.int32s[row]) * 86_400 + (plan.isTimed ? Int64(second.int32s[row]) : 0)
                number &+= UInt64(bitPattern: time / plan.span)
            }
            numbers[kept] = number
            leads[kept] = leads[index]
            rows[kept] = rows[index]
            kept &+= 1
        }
        return Bins(rows: rows, numbers: numbers, leads: leads, count: kept, placeless: placeless)
    }
}
