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

    init(persons: HeaderTable, encounters: HeaderTable?, threads: Int) throws {
        self.persons = persons
        self.encounters = encounters
        var keys: [EncounterKey] = []
        if let encounters {
            let known = persons.count
            keys = try EncounterKey.all(encounters, persons, threads)
            personsByReference = persons.count - known
        }
        // Persons.
        rankOfPerson = [Int32](repeating: -1, count: persons.count)
        personRows.reserveCapacity(persons.count)
        for number in persons.index.sortedNumbers() {
            guard let row = persons.rows[Int(number)] else { continue }
            rankOfPerson[Int(number)] = Int32(truncatingIfNeeded: personRows.count)
            personRows.append(row)
        }
        firstEncounter = [Int32](repeating: 0, count: personRows.count + 1)
        if let encounters { try rank(encounters, keys, threads) }
        cutPartitions()
    }

    /// Counting sort by person, then each person's encounters by start and identifier.
    private func rank(_ encounters: HeaderTable, _ keys: [EncounterKey], _ threads: Int) throws {
        let persons = personRows.count
        var counts = [Int32](repeating: 0, count: persons + 1)
        for key in keys where key.person >= 0 {
            let person = rankOfPerson[Int(key.person)]
            if person >= 0 { counts[Int(person) + 1] &+= 1 }
        }
        for person in 0..<persons { counts[person + 1] &+= counts[person] }
        firstEncounter = counts
        let total = Int(counts[persons])
        let entries = SharedArray<EncounterEntry>(total)
        var next = counts
        for (number, key) in keys.enumerated() where key.person >= 0 {
            let person = rankOfPerson[Int(key.person)]
            guard person >= 0 else { continue }
            entries.base[Int(next[Int(person)])] = EncounterEntry(
                start: key.start, number: Int32(truncatingIfNeeded: number))
            next[Int(person)] &+= 1
        }
        let firstOfPerson = counts
        let ranks = SharedArray<Int32>(encounters.count)
        ranks.base.update(repeating: -1, count: encounters.count)
        let rows = SharedArray<StagedRow>(total)
        let owners = SharedArray<Int32>(total)
        try Workers.run(threads) { thread in
            // Shares of about equal size in whole persons.
            let begin = TimelineOrder.share(thread, of: threads, firstOfPerson)
            let end = TimelineOrder.share(thread + 1, of: threads, firstOfPerson)
            for person in begin..<end {
                let range = Int(firstOfPerson[person])..<Int(firstOfPerson[person + 1])
                EncounterEntry.sort(entries.base + range.lowerBound, range.count, encounters.index)
                for rank in range {
                    let number = Int(entries.base[rank].number)
                    ranks.base[number] = Int32(truncatingIfNeeded: rank)
                    owners.base[rank] = Int32(truncatingIfNeeded: person)
                    // An entry was made from a row that is there.
                    if let row = encounters.rows[number] { rows.base[rank] = row }
                }
            }
        }
        rankOfEncounter = ranks.array
        personOfEncounter = owners.array
        encounterRows = rows.array
    }

    /// The first person of a thread's share: persons before it have about that part of all encounters.
    private static func share(_ thread: Int, of threads: Int, _ firstOfPerson: [Int32]) -> Int {
        let persons = firstOfPerson.count - 1
        if thread <= 0 { return 0 }
        if thread >= threads { return persons }
        let wanted = Int32(truncatingIfNeeded: Int(firstOfPerson[persons]) * thread / threads)
        var low = 0
        var high = persons
        while low < high {
            let middle = (low + high) / 2
            if firstOfPerson[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
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

    /// The rank of a person or encounter by its name; nil when it has no place here.
    func rank(of name: Cell, owning table: Table) -> UInt32? {
        let isPerson = table == .entitlement || table == .encounter
        guard let index = isPerson ? persons.index : encounters?.index else { return nil }
        let number = index.find(name)
        guard number >= 0 else { return nil }
        let rank = isPerson ? rankOfPerson[number] : rankOfEncounter[number]
        return rank < 0 ? nil : UInt32(bitPattern: rank)
    }
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

    /// The ranks of a batch of names; −1 when nobody has the name, −2 when its row was refused. Neighbours with one
    /// name are looked up once.
    func ranks(_ cells: UnsafePointer<Cell>, _ rows: Int, _ room: NameBatch, into out: UnsafeMutablePointer<Int32>) {
        var distinct = 0
        var row = 0
        while row < rows {
            if distinct == 0 || !cells[row].equals(room.cells[distinct &- 1]) {
                room.cells[distinct] = cells[row]
                distinct &+= 1
            }
            out[row] = Int32(truncatingIfNeeded: distinct &- 1)
            row &+= 1
        }
        index.findAll(room.cells, distinct, hashes: room.hashes, into: room.numbers)
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
