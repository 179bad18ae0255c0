import Claims

/// The order of a segment: persons by the bytes of their pseudonym, encounters by person, start and identifier.
///
/// Known before the first line is read, so that each line goes straight to its partition.
final class TimelineOrder: @unchecked Sendable {
    let persons: HeaderTable
    let encounters: HeaderTable?
    /// Number in the header table → rank in the segment; −1 for a row that is not kept.
    private(set) var rankOfPerson: [Int32]
    private(set) var rankOfEncounter: [Int32] = []
    /// By rank.
    private(set) var personRows: [StagedRow] = []
    private(set) var encounterRows: [StagedRow] = []
    private(set) var personOfEncounter: [Int32] = []
    /// By person rank: the first encounter, with one more at the end.
    private(set) var firstEncounter: [Int32] = []
    /// By partition: its first person, with one more at the end.
    private(set) var firstPerson: [Int] = []
    /// How rows find their place: name → number → rank → partition.
    private(set) var personPlaces = OwnerPlaces()
    private(set) var encounterPlaces = OwnerPlaces()
    private(set) var personsByReference = 0

    /// Encounters a partition should hold; a fixed figure, so that results do not depend on threads.
    private static let encountersPerPartition = 20_000
    private static let partitionLimit = 1000

    init(persons: HeaderTable, encounters: HeaderTable?) {
        self.persons = persons
        self.encounters = encounters
        var personOfNumber: [Int32] = []
        if let encounters, let slot = encounters.layout.slot(RowLayout.personText) {
            personOfNumber = [Int32](repeating: -1, count: encounters.count)
            let known = persons.count
            for number in 0..<encounters.count {
                guard let row = encounters.rows[number] else { continue }
                let name = row.text(slot, encounters.layout)
                if name.isAbsent { continue }
                personOfNumber[number] = Int32(truncatingIfNeeded: persons.addByReference(name))
            }
            personsByReference = persons.count - known
        }
        // Persons.
        rankOfPerson = [Int32](repeating: -1, count: persons.count)
        for number in persons.index.sortedNumbers() {
            guard let row = persons.rows[Int(number)] else { continue }
            rankOfPerson[Int(number)] = Int32(truncatingIfNeeded: personRows.count)
            personRows.append(row)
        }
        firstEncounter = [Int32](repeating: 0, count: personRows.count + 1)
        if let encounters { rank(encounters, personOfNumber) }
        cutPartitions()
    }

    private func rank(_ encounters: HeaderTable, _ personOfNumber: [Int32]) {
        let layout = encounters.layout
        let daySlot = layout.slot("start_day")
        let secondSlot = layout.slot("start_second")
        struct Entry {
            var key: UInt64
            var number: Int32
        }
        // Counting sort by person.
        var counts = [Int32](repeating: 0, count: personRows.count + 1)
        for number in personOfNumber.indices where personOfNumber[number] >= 0 {
            let person = rankOfPerson[Int(personOfNumber[number])]
            if person >= 0 { counts[Int(person) + 1] &+= 1 }
        }
        for person in 0..<personRows.count { counts[person + 1] &+= counts[person] }
        firstEncounter = counts
        let total = Int(counts[personRows.count])
        var entries = [Entry](repeating: Entry(key: 0, number: 0), count: total)
        var next = counts
        for number in personOfNumber.indices where personOfNumber[number] >= 0 {
            let person = rankOfPerson[Int(personOfNumber[number])]
            guard person >= 0, let row = encounters.rows[number] else { continue }
            var key: UInt64 = 0
            if let daySlot, row.has(daySlot) {
                key = (UInt64(bitPattern: Int64(row.narrow(at: layout.slots[daySlot].offset))) &+ (1 << 40)) << 20
                if let secondSlot, row.has(secondSlot) {
                    key |= UInt64(row.narrow(at: layout.slots[secondSlot].offset)) &+ 1
                }
            }
            entries[Int(next[Int(person)])] = Entry(key: key, number: Int32(truncatingIfNeeded: number))
            next[Int(person)] &+= 1
        }
        let index = encounters.index
        for person in 0..<personRows.count {
            let begin = Int(counts[person])
            let end = Int(counts[person + 1])
            if end &- begin < 2 { continue }
            entries[begin..<end].sort { a, b in
                a.key != b.key ? a.key < b.key : orderBytes(index[Int(a.number)], index[Int(b.number)]) < 0
            }
        }
        rankOfEncounter = [Int32](repeating: -1, count: encounters.count)
        personOfEncounter = [Int32](repeating: 0, count: total)
        encounterRows.reserveCapacity(total)
        for (rank, entry) in entries.enumerated() {
            rankOfEncounter[Int(entry.number)] = Int32(truncatingIfNeeded: rank)
            if let row = encounters.rows[Int(entry.number)] { encounterRows.append(row) }
        }
        for person in 0..<personRows.count {
            for rank in Int(counts[person])..<Int(counts[person + 1]) {
                personOfEncounter[rank] = Int32(truncatingIfNeeded: person)
            }
        }
    }

    private func cutPartitions() {
        let total = encounterRows.count
        let wanted = min(
            TimelineOrder.partitionLimit,
            max(1, (total + TimelineOrder.encountersPerPartition - 1) / TimelineOrder.encountersPerPartition))
        let size = max(1, (total + wanted - 1) / wanted)
        firstPerson = [0]
        var partitionOfEncounter = [UInt16](repeating: 0, count: total)
        var partitionOfPerson = [UInt16](repeating: 0, count: personRows.count)
        var begin = 0
        for person in 0..<personRows.count {
            let end = Int(firstEncounter[person + 1])
            let partition = UInt16(truncatingIfNeeded: firstPerson.count - 1)
            partitionOfPerson[person] = partition
            for encounter in Int(firstEncounter[person])..<end { partitionOfEncounter[encounter] = partition }
            if end - begin >= size, person + 1 < personRows.count {
                firstPerson.append(person + 1)
                begin = end
            }
        }
        firstPerson.append(personRows.count)
        personPlaces = OwnerPlaces(
            persons.index, rankOfPerson, partitionOfPerson, unknown: .unknownPerson, lost: .unknownPerson)
        encounterPlaces = OwnerPlaces(
            encounters?.index ?? ByteIndex(), rankOfEncounter, partitionOfEncounter, unknown: .unknownEncounter,
            lost: .rejectedEncounter)
    }

    var partitions: Int { max(1, firstPerson.count - 1) }
}

/// Finds the rank and partition of an owner by its name; plain memory, for the loop over rows.
final class OwnerPlaces: @unchecked Sendable {
    private let index: ByteIndex
    private let ranks: UnsafeMutablePointer<Int32>
    private let partitions: UnsafeMutablePointer<UInt16>
    let unknown: RejectReason
    let lost: RejectReason

    init(
        _ index: ByteIndex = ByteIndex(), _ rankOfNumber: [Int32] = [], _ partitionOfRank: [UInt16] = [],
        unknown: RejectReason = .unknownEncounter, lost: RejectReason = .rejectedEncounter
    ) {
        self.index = index
        self.unknown = unknown
        self.lost = lost
        ranks = .allocate(capacity: max(1, rankOfNumber.count))
        for (number, rank) in rankOfNumber.enumerated() { ranks[number] = rank }
        partitions = .allocate(capacity: max(1, partitionOfRank.count))
        for (rank, partition) in partitionOfRank.enumerated() { partitions[rank] = partition }
    }

    deinit {
        ranks.deallocate()
        partitions.deallocate()
    }

    /// Room for the look-ups of one thread.
    final class Room {
        fileprivate let names: UnsafeMutablePointer<Cell>
        fileprivate let hashes: UnsafeMutablePointer<UInt64>
        fileprivate let numbers: UnsafeMutablePointer<Int32>

        init() {
            names = .allocate(capacity: CellBatch.capacity)
            names.initialize(repeating: .absent, count: CellBatch.capacity)
            hashes = .allocate(capacity: CellBatch.capacity)
            numbers = .allocate(capacity: CellBatch.capacity)
        }

        deinit {
            names.deallocate()
            hashes.deallocate()
            numbers.deallocate()
        }
    }

    /// The ranks of a batch of names; −1 when nobody has the name, −2 when its row was refused. Neighbours with one
    /// name are looked up once.
    func ranks(_ cells: UnsafePointer<Cell>, _ rows: Int, _ room: Room, into out: UnsafeMutablePointer<Int32>) {
        var distinct = 0
        var row = 0
        while row < rows {
            if distinct == 0 || !cells[row].equals(room.names[distinct &- 1]) {
                room.names[distinct] = cells[row]
                distinct &+= 1
            }
            out[row] = Int32(truncatingIfNeeded: distinct &- 1)
            row &+= 1
        }
        index.findAll(room.names, distinct, hashes: room.hashes, into: room.numbers)
        row = 0
        while row < distinct {
            let number = room.numbers[row]
            if number >= 0 {
                let rank = ranks[Int(number)]
                room.numbers[row] = rank < 0 ? -2 : rank
            }
            row &+= 1
        }
        row = 0
        while row < rows {
            out[row] = room.numbers[Int(out[row])]
            row &+= 1
        }
    }

    @inline(__always) func partition(_ rank: Int32) -> Int { Int(partitions[Int(rank)]) }
}
