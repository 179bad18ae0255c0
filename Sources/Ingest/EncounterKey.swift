import Claims

/// What decides an encounter's place: its person and its start. One an encounter number, made side by side by threads.
struct EncounterKey {
    /// Number in the table of persons; −1 when the encounter is not kept or names nobody.
    var person: Int32 = -1
    /// Day and second of the start, the unknown first.
    var start: UInt64 = 0

    /// The keys of all encounters. Persons that only an encounter tells of are added to `persons`.
    static func all(_ encounters: HeaderTable, _ persons: HeaderTable, _ threads: Int) throws -> [EncounterKey] {
        let layout = encounters.layout
        guard let personSlot = layout.slot(RowLayout.personText) else { return [] }
        let daySlot = layout.slot("start_day")
        let secondSlot = layout.slot("start_second")
        let total = encounters.count
        let keys = SharedArray<EncounterKey>(total)
        let size = (total + threads - 1) / threads
        try Workers.run(threads) { thread in
            let names = NameBatch()
            var at = min(total, thread * size)
            let end = min(total, at + size)
            while at < end {
                let rows = min(NameBatch.capacity, end - at)
                for place in 0..<rows {
                    guard let row = encounters.rows[at + place] else {
                        names.cells[place] = .absent
                        continue
                    }
                    names.cells[place] = row.text(personSlot, layout)
                    var start: UInt64 = 0
                    if let daySlot, row.has(daySlot) {
                        start =
                            (UInt64(bitPattern: Int64(row.narrow(at: layout.slots[daySlot].offset))) &+ (1 << 40)) << 20
                        if let secondSlot, row.has(secondSlot) {
                            start |= UInt64(row.narrow(at: layout.slots[secondSlot].offset)) &+ 1
                        }
                    }
                    keys.base[at + place].start = start
                }
                persons.index.findAll(names.cells, rows, hashes: names.hashes, into: names.numbers)
                for place in 0..<rows {
                    keys.base[at + place].person = names.cells[place].isAbsent ? -1 : names.numbers[place]
                }
                at += rows
            }
        }
        // Names that nobody described, in the order of encounters.
        for number in 0..<total where keys.base[number].person < 0 {
            guard let row = encounters.rows[number] else { continue }
            let name = row.text(personSlot, layout)
            if name.isAbsent { continue }
            keys.base[number].person = Int32(truncatingIfNeeded: persons.addByReference(name))
        }
        return keys.array
    }
}

/// An encounter among those of its person.
struct EncounterEntry {
    var start: UInt64
    var number: Int32

    static func sort(_ entries: UnsafeMutablePointer<EncounterEntry>, _ count: Int, _ index: ByteIndex) {
        if count < 2 { return }
        var all = UnsafeMutableBufferPointer(start: entries, count: count)
        all.sort { a, b in
            a.start != b.start ? a.start < b.start : orderBytes(index[Int(a.number)], index[Int(b.number)]) < 0
        }
    }
}

/// Plain memory that several threads fill, each its own places.
final class SharedArray<Element: BitwiseCopyable>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>
    private let count: Int

    /// Zeroed: every use has a meaning for it, or fills all places.
    init(_ count: Int) {
        self.count = count
        let bytes = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 16)
        bytes.initializeMemory(as: UInt8.self, repeating: 0, count: max(1, count) * MemoryLayout<Element>.stride)
        base = bytes.bindMemory(to: Element.self, capacity: max(1, count))
    }

    deinit { base.deallocate() }

    var array: [Element] { Array(UnsafeBufferPointer(start: base, count: count)) }
}

/// Room for the look-ups of one thread: some names, their hashes, what was found.
final class NameBatch {
    static let capacity = CellBatch.capacity
    let cells: UnsafeMutablePointer<Cell>
    let hashes: UnsafeMutablePointer<UInt64>
    let numbers: UnsafeMutablePointer<Int32>

    init() {
        cells = .allocate(capacity: NameBatch.capacity)
        cells.initialize(repeating: .absent, count: NameBatch.capacity)
        hashes = .allocate(capacity: NameBatch.capacity)
        hashes.initialize(repeating: 0, count: NameBatch.capacity)
        numbers = .allocate(capacity: NameBatch.capacity)
        numbers.initialize(repeating: 0, count: NameBatch.capacity)
    }

    deinit {
        cells.deallocate()
        hashes.deallocate()
        numbers.deallocate()
    }
}
