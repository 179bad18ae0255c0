import Claims

/// What one thread gathers during a pass: staged rows, refused rows, counts.
final class ThreadState: @unchecked Sendable {
    private let importer: Importer
    private let partitions: Int
    private(set) var staged: [Table: StagedRows] = [:]
    private(set) var logs: [Table: IdentifierLog] = [:]
    private(set) var balances: [Table: Balance] = [:]
    private(set) var rejects: [Reject] = []
    private(set) var firstLineDay = Int32.max
    private(set) var lastLineDay = Int32.min
    var recordsRead = 0
    /// What was handed over already.
    private var givenBalances: [Table: Balance] = [:]
    private var givenRejects = 0
    private let ranks: UnsafeMutablePointer<Int32>
    private let lookups = NameBatch()

    init(_ importer: Importer, partitions: Int) {
        self.importer = importer
        self.partitions = partitions
        ranks = .allocate(capacity: CellBatch.capacity)
    }

    deinit { ranks.deallocate() }

    private func rows(for table: Table) -> StagedRows? {
        if let found = staged[table] { return found }
        let made = importer.makeStaged(table, partitions: partitions)
        staged[table] = made
        return made
    }

    /// Rows that an earlier run of this import staged, as they lie.
    func adopt(_ bytes: UnsafeMutableRawBufferPointer, _ table: Table, partition: Int) throws(IngestError) {
        guard let target = rows(for: table), let base = bytes.baseAddress, partition < target.partitions else { return }
        let layout = target.layout
        let identifier = layout.identifierSlot ?? -1
        let isHeader = table == .person || table == .encounter
        let log = identifier >= 0 && table.role == .timeline && !isHeader ? identifierLog(table).pen : nil
        let seed = HashSeed.process
        var at = 0
        while at < bytes.count {
            let row = StagedRow(base: base + at)
            let count = row.length
            precondition(count >= layout.fixedBytes && at + count <= bytes.count, "a part that is whole has whole rows")
            try target.claim(count, in: partition).copyMemory(from: row.base, byteCount: count)
            if let log {
                log.note(hashBytes(row.text(identifier, layout), seed), partition: partition)
            }
            at += count
        }
    }

    /// What was counted since the last time.
    func takeNewCounts(into head: inout ImportParts.Head) {
        for (table, balance) in balances {
            head.balances[table, default: Balance()] += balance - (givenBalances[table] ?? Balance())
        }
        givenBalances = balances
        head.rejects += rejects[givenRejects...].flatMap(\.packed)
        givenRejects = rejects.count
        head.firstLineDay = min(head.firstLineDay, firstLineDay)
        head.lastLineDay = max(head.lastLineDay, lastLineDay)
    }

    /// Persons and encounters: staged whole, resolved later.
    func takeHeader(_ typed: TypedBatch, _ batch: CellBatch, _ file: SourceFile) throws(IngestError) {
        let table = typed.program.layout.table
        guard let target = rows(for: table), let plan = importer.tables.plans[table] else { return }
        let source = UInt64(file.number) << 48
        var balance = Balance()
        let isWithdrawal = typed.program.action == .withdraw
        for row in 0..<batch.rows {
            guard typed.isIncluded[row] else {
                balance.leftOut += 1
                continue
            }
            if isWithdrawal {
                withdraw(typed, row, table)
                continue
            }
            balance.read += 1
            if typed.faults[row] != 0 {
                balance.rejected += 1
                refuse(typed, batch, row, source)
                continue
            }
            _ = try RowStager.stage(
                typed, batch, row: row, rank: typed.program.clears, origin: source | batch.offsets[row], partition: 0,
                into: target, plan)
        }
        balances[table, default: Balance()] += balance
    }

    /// All other rows: to the partition of their owner.
    func take(_ typed: TypedBatch, _ batch: CellBatch, _ file: SourceFile, _ order: TimelineOrder) throws(IngestError) {
        let table = typed.program.layout.table
        guard let target = rows(for: table), let plan = importer.tables.plans[table] else { return }
        let source = UInt64(file.number) << 48
        let hasOwner = table.role == .timeline
        let ownedByPerson = table == .entitlement
        let identifier = typed.program.layout.identifierSlot ?? -1
        let log = identifier >= 0 && table.role == .timeline ? identifierLog(table).pen : nil
        let isWithdrawal = typed.program.action == .withdraw
        let daySlot = table == .line ? typed.program.layout.slot("day") ?? -1 : -1
        let stride = CellBatch.stride
        let places = ownedByPerson ? order.personPlaces : order.encounterPlaces
        let included = typed.isIncluded
        let faults = typed.faults
        let offsets = batch.offsets
        let presence = typed.presence
        let identifiers = typed.texts + max(0, identifier) &* stride
        let days = typed.values + max(0, daySlot) &* stride
        var earliest = firstLineDay
        var latest = lastLineDay
        var balance = Balance()
        if hasOwner, !isWithdrawal { places.ranks(typed.owners, batch.rows, lookups, into: ranks) }
        let seed = HashSeed.process
        var row = 0
        while row < batch.rows {
            defer { row &+= 1 }
            guard included[row] else {
                balance.leftOut &+= 1
                continue
            }
            if isWithdrawal {
                withdraw(typed, row, table)
                continue
            }
            balance.read &+= 1
            if faults[row] != 0 {
                balance.rejected &+= 1
                refuse(typed, batch, row, source)
                continue
            }
            var rank: Int32 = 0
            var partition = 0
            if hasOwner {
                rank = ranks[row]
                if rank < 0 {
                    balance.rejected &+= 1
                    refuse(batch, row, source, rank == -1 ? places.unknown : places.lost, typed.program.number, 255)
                    continue
                }
                partition = places.partition(rank)
            }
            _ = try RowStager.stage(
                typed, batch, row: row, rank: UInt32(bitPattern: rank), origin: source | offsets[row],
                partition: partition, into: target, plan)
            if let log { log.note(hashBytes(identifiers[row], seed), partition: partition) }
            if daySlot >= 0, presence[row] >> UInt32(truncatingIfNeeded: daySlot) & 1 != 0 {
                let day = Int32(truncatingIfNeeded: days[row])
                if day < earliest { earliest = day }
                if day > latest { latest = day }
            }
        }
        firstLineDay = earliest
        lastLineDay = latest
        balances[table, default: Balance()] += balance
    }

    private func identifierLog(_ table: Table) -> IdentifierLog {
        if let found = logs[table] { return found }
        let made = IdentifierLog(in: importer.work)
        logs[table] = made
        return made
    }

    private func withdraw(_ typed: TypedBatch, _ row: Int, _ table: Table) {
        if typed.faults[row] != 0 { return }
        let layout = typed.program.layout
        let stride = CellBatch.stride
        func text(_ slot: Int?) -> Cell {
            guard let slot, typed.presence[row] >> UInt32(slot) & 1 != 0 else { return .absent }
            return typed.texts[slot &* stride &+ row]
        }
        importer.withdrawals[table]?.add(
            identifier: text(layout.identifierSlot), group: text(layout.slot(RowLayout.groupText)),
            owner: typed.owners[row], version: typed.versions[row])
    }

    private func refuse(_ typed: TypedBatch, _ batch: CellBatch, _ row: Int, _ source: UInt64) {
        guard let reason = RejectReason(rawValue: typed.faults[row]) else { return }
        refuse(batch, row, source, reason, typed.program.number, typed.faultySteps[row])
    }

    private func refuse(
        _ batch: CellBatch, _ row: Int, _ source: UInt64, _ reason: RejectReason, _ mapping: Int, _ step: UInt8
    ) {
        rejects.append(
            Reject(
                origin: source | batch.offsets[row], length: batch.lengths[row], reason: reason,
                mapping: UInt16(truncatingIfNeeded: mapping), step: step))
    }
}
