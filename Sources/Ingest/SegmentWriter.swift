import Claims
import Columns

/// Writes the timeline and movement tables of one segment: partition by partition, block by block.
///
/// Threads put partitions in order side by side and write them in turn, so the bytes do not depend on their number.
final class SegmentWriter: @unchecked Sendable {
    struct Outcome {
        var blocks: [Block] = []
        var balances: [Table: Balance] = [:]
        var rejects: [Reject] = []
    }

    private let order: TimelineOrder
    private let tables: TableSet
    private let staged: [Table: [StagedRows]]
    private let logs: [Table: [IdentifierLog]]
    private let withdrawals: [Table: Withdrawals]
    private let options: IngestOptions
    private let earlier: EarlierGenerations?
    private var tombstones: [(table: Table, id: String)]
    private let began = ContinuousClock.now
    private let lock = Mutex()
    private var outcome = Outcome()
    private var columns: [Table: SegmentColumns] = [:]
    private var remaps: [Table: [Int: [Int32]]] = [:]
    private var writers: [Table: ArrowWriter] = [:]
    private var assemblies: [Table: PartitionAssembly] = [:]

    init(
        order: TimelineOrder, tables: TableSet, staged: [Table: [StagedRows]], logs: [Table: [IdentifierLog]],
        withdrawals: [Table: Withdrawals], options: IngestOptions, earlier: EarlierGenerations?,
        withdrawnEncounters: [String] = []
    ) {
        self.earlier = earlier
        tombstones = withdrawnEncounters.map { (.encounter, $0) }
        self.order = order
        self.tables = tables
        self.staged = staged
        self.logs = logs
        self.withdrawals = withdrawals
        self.options = options
    }

    private static let children: [Table] = [.entitlement, .diagnosis, .operation, .prescription, .line, .settlement]

    func write(into segment: SegmentDraft, threads: Int) throws -> Outcome {
        let present = Table.allCases.filter { tables.layouts[$0] != nil && $0.role != .master }
        try finishDictionaries(present, threads)
        for table in present { writers[table] = try makeWriter(table, segment) }
        for table in present where SegmentWriter.children.contains(table) { try prepare(table, threads) }
        let turnstile = Turnstile()
        let next = Counter()
        let partitions = order.partitions
        try Workers.run(threads) { _ in
            let arena = Scratch(blockBytes: 8 << 20)
            while true {
                let partition = next.take()
                if partition >= partitions { return }
                do {
                    try self.goOn(partition, of: partitions)
                    arena.clear()
                    let blocks = try self.blocks(partition, arena)
                    guard turnstile.wait(for: partition) else { return }
                    try self.write(blocks)
                    turnstile.pass()
                } catch {
                    turnstile.breakDown()
                    throw error
                }
            }
        }
        for table in present where table.role == .movement { try writeMovement(table) }
        try writeTombstones(segment)
        for table in present {
            guard let writer = writers[table] else { continue }
            try ColumnsCall.run { () throws(ColumnsError) in try segment.finish(table.rawValue, writer) }
        }
        return outcome
    }

    /// Tells how far the writing is, and ends it when that is asked for.
    private func goOn(_ partition: Int, of partitions: Int) throws(IngestError) {
        let written = Int(order.firstEncounter[order.firstPerson[partition]])
        let state = IngestProgress(
            phase: .writing, rows: written, bytes: partition, bytesTotal: partitions,
            seconds: (ContinuousClock.now - began).inSeconds)
        guard let progress = options.progress, !progress(state) else { return }
        throw IngestError("ING104", "Stopped on request", at: "the segment", advice: "Run the same command again")
    }

    private func makeWriter(_ table: Table, _ segment: SegmentDraft) throws(IngestError) -> ArrowWriter? {
        guard let columns = columns[table] else { return nil }
        return try ColumnsCall.run { () throws(ColumnsError) in
            try segment.writer(for: table.rawValue, fields: columns.fields, dictionaries: columns.dictionaries)
        }
    }

    private func finishDictionaries(_ present: [Table], _ threads: Int) throws {
        var work: [(Table, Int, CodeDictionary)] = []
        for table in present {
            for (field, dictionary) in tables.dictionaries[table] ?? [:] { work.append((table, field, dictionary)) }
        }
        // The largest first, so that no thread is left alone with it.
        work.sort { ($0.2.count, $0.0.rawValue, $0.1) > ($1.2.count, $1.0.rawValue, $1.1) }
        let list = work
        let next = Counter()
        let done = FinishedDictionaries()
        try Workers.run(threads) { _ in
            while true {
                let number = next.take()
                if number >= list.count { return }
                done.add(list[number].0, list[number].1, list[number].2.finish())
            }
        }
        for table in present {
            guard let layout = tables.layouts[table] else { continue }
            let codes = done.tables[table] ?? [:]
            remaps[table] = codes.mapValues(\.remap)
            columns[table] = SegmentColumns(layout, dictionaries: codes)
        }
    }

    /// Finds identifiers that occur more than once and settles those whose rows lie in several partitions.
    private func prepare(_ table: Table, _ threads: Int) throws {
        guard let layout = tables.layouts[table] else { return }
        let found = RepeatedIdentifiers()
        if let logs = logs[table] {
            let next = Counter()
            try Workers.run(threads) { _ in
                while true {
                    let bucket = next.take()
                    if bucket >= IdentifierLog.buckets { return }
                    found.add(IdentifierLog.repeated(logs, bucket: bucket))
                }
            }
        }
        let order = order
        let active = withdrawals[table].flatMap { $0.isEmpty ? nil : $0 }
        let assembly = PartitionAssembly(
            layout: layout, dictionaries: tables.dictionaries[table] ?? [:], remaps: remaps[table] ?? [:],
            repeated: found.within, withdrawals: active, ownerOf: { order.nameOfOwner($0, table) })
        assemblies[table] = assembly
        if !found.across.isEmpty { try settleAcross(table, layout, found.across, assembly) }
        if let earlier, table.identifier != nil {
            let outcome = try EarlierRows(earlier, order, withdrawnEncounters: withdrawals[.encounter]).meet(
                table, layout, tables.dictionaries[table] ?? [:], staged[table] ?? [], logs[table] ?? [], active)
            self.outcome.balances[table, default: Balance()] += outcome.balance
            self.outcome.rejects += outcome.rejects
            tombstones += outcome.superseded.map { (table, $0) }
        }
    }

    /// Rows of earlier segments that no longer hold: taken back, or corrected here.
    private func writeTombstones(_ segment: SegmentDraft) throws {
        if tombstones.isEmpty { return }
        let names = ColumnBuffer(.utf8, capacity: tombstones.count)
        let ids = ColumnBuffer(.utf8, capacity: tombstones.count)
        for (table, id) in tombstones {
            names.append(table.rawValue)
            ids.append(id)
        }
        let count = tombstones.count
        try ColumnsCall.run { () throws(ColumnsError) in
            let writer = try segment.writer(for: WithdrawnRows.table, fields: WithdrawnRows.fields)
            try writer.write([names, ids], rows: count)
            try segment.finish(WithdrawnRows.table, writer)
        }
    }

    private func settleAcross(
        _ table: Table, _ layout: RowLayout, _ hashes: Set<UInt64>, _ assembly: PartitionAssembly
    ) throws(IngestError) {
        guard let slot = layout.identifierSlot else { return }
        var contested: [StagedRow] = []
        for rows in staged[table] ?? [] {
            for partition in 0..<rows.partitions {
                for (start, bytes) in try rows.readBack(partition) {
                    var at = 0
                    while at < bytes {
                        let row = StagedRow(base: start + at)
                        at += row.length
                        if hashes.contains(IdentifierLog.key(hashBytes(row.text(slot, layout), HashSeed.process))) {
                            contested.append(row)
                        }
                    }
                }
            }
        }
        var result = OrderedRows()
        _ = assembly.decide(contested, &result)
        outcome.balances[table, default: Balance()] += result.balance
        outcome.rejects += result.rejects
    }

    // MARK: Partitions

    private struct PreparedBlock {
        var rows: [Table: Int] = [:]
        var columns: [(Table, [ColumnBuffer], Int)] = []
        var firstPerson = ""
        var lastPerson = ""

        mutating func add(_ table: Table, _ buffers: [ColumnBuffer], _ count: Int) {
            rows[table] = count
            columns.append((table, buffers, count))
        }
    }

    /// Everything of one partition in final order, as columns.
    private func blocks(_ partition: Int, _ arena: Scratch) throws -> [PreparedBlock] {
        let persons = order.firstPerson[partition]..<order.firstPerson[partition + 1]
        let encounters = Int(order.firstEncounter[persons.lowerBound])..<Int(order.firstEncounter[persons.upperBound])
        var ordered: [Table: OrderedRows] = [:]
        for table in SegmentWriter.children {
            guard let assembly = assemblies[table] else { continue }
            let rows = try assembly.order(
                staged[table] ?? [], partition: partition, owners: table == .entitlement ? persons : encounters)
            ordered[table] = rows
            lock.held {
                outcome.balances[table, default: Balance()] += rows.balance
                outcome.rejects += rows.rejects
            }
        }
        let cuts = cut(persons, encounters, ordered[.line] ?? ordered[.diagnosis])
        var result: [PreparedBlock] = []
        for (index, begin) in cuts.dropLast().enumerated() {
            let range = begin..<cuts[index + 1]
            result.append(block(range, encounters.lowerBound, persons.lowerBound, ordered, arena))
        }
        for table in SegmentWriter.children { for rows in staged[table] ?? [] { rows.forget(partition) } }
        return result
    }

    /// Ranks of the persons at which blocks begin, with the end: about equal numbers of lines.
    private func cut(_ persons: Range<Int>, _ encounters: Range<Int>, _ lines: OrderedRows?) -> [Int] {
        guard !persons.isEmpty else { return [] }
        func before(_ person: Int) -> Int {
            let encounter = Int(order.firstEncounter[person]) - encounters.lowerBound
            return lines.map { Int($0.starts[encounter]) } ?? encounter
        }
        let total = before(persons.upperBound)
        let count = max(1, (total + options.blockLines / 2) / options.blockLines)
        let size = max(1, (total + count - 1) / count)
        var cuts = [persons.lowerBound]
        var begin = 0
        for person in persons where person + 1 < persons.upperBound {
            let end = before(person + 1)
            if end - begin >= size {
                cuts.append(person + 1)
                begin = end
            }
        }
        return cuts + [persons.upperBound]
    }

    private func block(
        _ persons: Range<Int>, _ firstEncounter: Int, _ firstPerson: Int, _ ordered: [Table: OrderedRows],
        _ arena: Scratch
    ) -> PreparedBlock {
        var block = PreparedBlock()
        let encounters = Int(order.firstEncounter[persons.lowerBound])..<Int(order.firstEncounter[persons.upperBound])
        if let columns = columns[.person] {
            order.personRows[persons].withUnsafeBufferPointer { rows in
                block.add(.person, columns.fill(rows, owners: nil, arena), rows.count)
            }
        }
        if let columns = columns[.encounter] {
            order.encounterRows[encounters].withUnsafeBufferPointer { rows in
                order.personOfEncounter[encounters].withUnsafeBufferPointer { owners in
                    block.add(.encounter, columns.fill(rows, owners: owners.baseAddress, arena), rows.count)
                }
            }
        }
        for table in SegmentWriter.children {
            guard let columns = columns[table], let rows = ordered[table] else { continue }
            let range =
                table == .entitlement
                ? Int(
                    rows.starts[persons.lowerBound - firstPerson])..<Int(rows.starts[persons.upperBound - firstPerson])
                : Int(
                    rows.starts[encounters.lowerBound - firstEncounter])..<Int(
                        rows.starts[encounters.upperBound - firstEncounter])
            rows.rows[range].withUnsafeBufferPointer { rows in
                block.add(table, columns.fill(rows, owners: nil, arena), rows.count)
            }
        }
        block.firstPerson = order.nameOfPerson(persons.lowerBound)
        block.lastPerson = order.nameOfPerson(persons.upperBound - 1)
        return block
    }

    private func write(_ blocks: [PreparedBlock]) throws {
        for block in blocks {
            for (table, columns, rows) in block.columns {
                guard let writer = writers[table] else { continue }
                try ColumnsCall.run { () throws(ColumnsError) in try writer.write(columns, rows: rows) }
            }
            let rows = Dictionary(uniqueKeysWithValues: block.rows.map { ($0.key.rawValue, $0.value) })
            outcome.blocks.append(Block(rows: rows, firstPerson: block.firstPerson, lastPerson: block.lastPerson))
        }
    }

    // MARK: Movements

    /// Stock and scans: sorted as a whole, written in batches of their own.
    private func writeMovement(_ table: Table) throws {
        guard let layout = tables.layouts[table], let columns = columns[table], let writer = writers[table] else {
            return
        }
        let sorter = FlatTable(
            layout: layout, dictionaries: tables.dictionaries[table] ?? [:], remaps: remaps[table] ?? [:])
        let result = try sorter.resolve(staged[table] ?? [], merged: false, withdrawals: withdrawals[table]) {
            (header) throws(IngestError) in
            guard let earlier else { return }
            let gone = try earlier.meet(header, table, tables, withdrawals: withdrawals[table])
            tombstones += gone.map { (table, $0) }
        }
        outcome.balances[table, default: Balance()] += result.balance
        outcome.rejects += result.rejects
        let arena = Scratch(blockBytes: 8 << 20)
        var at = 0
        while at < result.rows.count {
            let end = min(result.rows.count, at + options.blockLines)
            arena.clear()
            let buffers = result.rows[at..<end].withUnsafeBufferPointer { columns.fill($0, owners: nil, arena) }
            let count = end - at
            try ColumnsCall.run { () throws(ColumnsError) in try writer.write(buffers, rows: count) }
            at = end
        }
    }
}

extension TimelineOrder {
    func nameOfPerson(_ rank: Int) -> String {
        guard let slot = persons.layout.identifierSlot else { return "" }
        return personRows[rank].text(slot, persons.layout).text
    }

    func nameOfOwner(_ rank: UInt32, _ table: Table) -> Cell {
        let header = table == .entitlement ? persons : (encounters ?? persons)
        let rows = table == .entitlement ? personRows : encounterRows
        guard let slot = header.layout.identifierSlot, Int(rank) < rows.count else { return .absent }
        return rows[Int(rank)].text(slot, header.layout)
    }
}

/// A number that threads draw from.
final class Counter: @unchecked Sendable {
    private let lock = Mutex()
    private var number = 0

    func take() -> Int {
        lock.held {
            defer { number += 1 }
            return number
        }
    }
}

private final class FinishedDictionaries: @unchecked Sendable {
    private let lock = Mutex()
    private(set) var tables: [Table: [Int: (strings: StringTable, remap: [Int32])]] = [:]

    func add(_ table: Table, _ field: Int, _ finished: (strings: StringTable, remap: [Int32])) {
        lock.held { tables[table, default: [:]][field] = finished }
    }
}

private final class RepeatedIdentifiers: @unchecked Sendable {
    private let lock = Mutex()
    private(set) var within: Set<UInt64> = []
    private(set) var across: Set<UInt64> = []

    func add(_ found: (within: Set<UInt64>, across: Set<UInt64>)) {
        if found.within.isEmpty, found.across.isEmpty { return }
        lock.held {
            within.formUnion(found.within)
            across.formUnion(found.across)
        }
    }
}
