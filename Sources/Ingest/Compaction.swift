import Claims
import Columns

/// Makes one segment of all (压实): the rows that hold, as one import of them would have written them.
///
/// Of rows with one identifier the newest segment's stays, what was withdrawn is gone. Generations before remain
/// readable until they are pruned. Interrupted at any moment it leaves the dataset as it was.
package struct Compaction {
    package struct Report: Codable, Sendable, Equatable {
        package var generation: Int
        package var segment: String
        package var segmentsBefore: Int
        package var blocks: Int
        /// Rows per table that hold, and those that no longer held and were left out.
        package var kept: [String: Int]
        package var leftOut: [String: Int]
    }

    private let parent: Dataset
    private let options: IngestOptions
    private let tables: TableSet
    private let withdrawn: WithdrawnRows
    private let budget: MemoryBudget
    private let work: WorkMemory
    private let spool: Spool

    /// Compacts the current generation. Nil when it is one segment already.
    package static func run(dataset path: String, options: IngestOptions = IngestOptions()) throws -> Report? {
        // The draft first: it holds the writer's lock, so that nothing is added meanwhile.
        _ = try ColumnsCall.run { () throws(ColumnsError) in try Dataset.open(path) }
        let draft = try ColumnsCall.run { () throws(ColumnsError) in try GenerationDraft(dataset: path) }
        let parent = try ColumnsCall.run { () throws(ColumnsError) in try Dataset.open(path) }
        guard parent.segments.count > 1 else { return nil }
        return try Compaction(parent, options).run(draft)
    }

    private init(_ parent: Dataset, _ options: IngestOptions) throws {
        self.parent = parent
        self.options = options
        var stored: [Table: Set<String>] = [:]
        for table in Table.allCases where table.role != .master {
            for segment in parent.segments {
                let file = try ColumnsCall.run { () throws(ColumnsError) in try segment.file(table.rawValue) }
                if let file { stored[table, default: []].formUnion(file.fields.map(\.name)) }
            }
        }
        tables = TableSet(stored: stored)
        withdrawn = try ColumnsCall.run { () throws(ColumnsError) in try WithdrawnRows(parent.segments) }
        budget = MemoryBudget(limit: options.stagedBytes)
        work = WorkMemory(folder: options.workFolder ?? parent.path, limit: options.workBytes)
        spool = Spool(folder: options.workFolder ?? parent.path)
    }

    private func run(_ draft: GenerationDraft) throws -> Report {
        guard let persons = try header(.person) else {
            throw IngestError(
                "ING112", "The dataset has no persons", at: parent.path, advice: "Run `yijian dataset verify`")
        }
        let order = try TimelineOrder(persons: persons, encounters: try header(.encounter), threads: options.threads)
        let harvest = Harvest()
        try stageChildren(order, harvest)
        for table in [Table.stock, .scan] { try stageMovements(table, harvest) }
        let name = segmentName
        let segment = try ColumnsCall.run { () throws(ColumnsError) in try draft.addSegment(name) }
        let writer = SegmentWriter(
            order: order, tables: tables, staged: harvest.staged, logs: harvest.logs, withdrawals: [:],
            options: options, earlier: nil)
        let outcome = try writer.write(into: segment, threads: max(1, options.threads))
        segment.blocks = outcome.blocks
        draft.keptSegments = []
        var notes = parent.notes
        for segment in parent.segments { notes["compacted." + segment.name] = name }
        let coverage = parent.coverage
        let generation = try ColumnsCall.run { () throws(ColumnsError) in
            try draft.commit(coverage: coverage, notes: notes)
        }
        var kept = outcome.balances.mapValues(\.kept)
        kept[.person] = order.personRows.count
        kept[.encounter] = order.encounterRows.count
        var leftOut: [String: Int] = [:]
        for (table, count) in kept {
            let before = parent.segments.reduce(0) { $0 + $1.totalRows(table.rawValue) }
            leftOut[table.rawValue] = before - count
        }
        return Report(
            generation: generation, segment: name, segmentsBefore: parent.segments.count, blocks: outcome.blocks.count,
            kept: Dictionary(uniqueKeysWithValues: kept.map { ($0.key.rawValue, $0.value) }), leftOut: leftOut)
    }

    /// A name made of the parts, so that the same parts give the same segment.
    private var segmentName: String {
        let parts = parent.manifest.segments.map { "\($0.name) \($0.sha256)" }.joined(separator: "\n")
        return "c" + SHA256.hex(of: parts).prefix(16)
    }

    // MARK: Reading

    private func staged(_ table: Table, partitions: Int) -> StagedRows? {
        guard let layout = tables.layouts[table] else { return nil }
        if table == .person || table == .encounter { return StagedRows(layout: layout, in: work) }
        return StagedRows(layout: layout, partitions: partitions, budget: budget, spool: spool)
    }

    private func stored(_ segment: Segment, _ table: Table) throws(IngestError) -> StoredTable? {
        guard let layout = tables.layouts[table] else { return nil }
        return try StoredTable(segment, table, layout, tables.dictionaries[table] ?? [:])
    }

    /// Whether a row of a segment no longer holds.
    private func isHidden(_ table: Table, _ name: Cell, _ owner: Cell, _ segment: Int) -> Bool {
        if withdrawn.isEmpty { return false }
        if withdrawn.mentions(table.rawValue), withdrawn.hides(table.rawValue, name.buffer, segment: segment) {
            return true
        }
        let encounter = Table.encounter.rawValue
        return table != .encounter && withdrawn.mentions(encounter)
            && withdrawn.hides(encounter, owner.buffer, segment: segment)
    }

    /// Takes over the rows of a table that hold, the older segments first: in each the version is the segment's place.
    private func stage(_ table: Table, into rows: StagedRows) throws {
        for (number, segment) in parent.segments.enumerated() {
            guard let stored = try stored(segment, table) else { continue }
            for block in 0..<stored.blockCount {
                for row in 0..<(try stored.enter(block)) {
                    if isHidden(table, stored.identifier(row), .absent, number) { continue }
                    _ = try stored.stage(row, rank: 0, version: Int64(number), into: rows)
                }
                stored.leave(block)
            }
        }
    }

    private func header(_ table: Table) throws -> HeaderTable? {
        guard let layout = tables.layouts[table], let rows = staged(table, partitions: 1) else { return nil }
        try stage(table, into: rows)
        let result = HeaderTable(
            layout: layout, dictionaries: tables.dictionaries[table] ?? [:], expecting: rows.rows, in: work)
        try result.resolve([rows], merged: false, withdrawals: nil)
        result.finish()
        result.keep(rows)
        return result
    }

    /// What the threads staged.
    private final class Harvest: @unchecked Sendable {
        private let lock = Mutex()
        private(set) var staged: [Table: [StagedRows]] = [:]
        private(set) var logs: [Table: [IdentifierLog]] = [:]

        func add(_ table: Table, _ rows: StagedRows, _ log: IdentifierLog?) {
            lock.held {
                staged[table, default: []].append(rows)
                if let log { logs[table, default: []].append(log) }
            }
        }
    }

    private func stageChildren(_ order: TimelineOrder, _ harvest: Harvest) throws {
        let newest = try newestDiagnoses(order)
        let compaction = Unshared(value: self)
        let work = parent.segments.indices.flatMap { number in
            [Table.entitlement, .diagnosis, .operation, .prescription, .line, .settlement].map { (number, $0) }
        }
        let next = Counter()
        try Workers.run(max(1, options.threads)) { _ in
            let me = compaction.value
            var own: [Table: (rows: StagedRows, log: IdentifierLog?)] = [:]
            while true {
                let item = next.take()
                if item >= work.count { break }
                let (number, table) = work[item]
                guard let stored = try me.stored(me.parent.segments[number], table) else { continue }
                if own[table] == nil, let rows = me.staged(table, partitions: order.partitions) {
                    own[table] = (rows, table.identifier == nil ? nil : IdentifierLog(in: me.work))
                }
                guard let (rows, log) = own[table] else { continue }
                try me.stage(stored, number, order, newest, into: rows, log)
            }
            for (table, entry) in own { harvest.add(table, entry.rows, entry.log) }
        }
    }

    private func stage(
        _ stored: StoredTable, _ number: Int, _ order: TimelineOrder, _ newest: [Int32], into rows: StagedRows,
        _ log: IdentifierLog?
    ) throws(IngestError) {
        let table = stored.table
        let places = table == .entitlement ? order.personPlaces : order.encounterPlaces
        let names = NameBatch()
        let seed = HashSeed.process
        for block in 0..<stored.blockCount {
            let total = try stored.enter(block)
            var at = 0
            while at < total {
                let count = min(NameBatch.capacity, total - at)
                let ranks = UnsafeMutablePointer<Int32>.allocate(capacity: count)
                let owners = UnsafeMutablePointer<Cell>.allocate(capacity: count)
                defer {
                    ranks.deallocate()
                    owners.deallocate()
                }
                for place in 0..<count { (owners + place).initialize(to: stored.owner(at + place)) }
                places.ranks(owners, count, names, into: ranks)
                for place in 0..<count where ranks[place] >= 0 {
                    let name = stored.identifier(at + place)
                    if isHidden(table, name, owners[place], number) { continue }
                    if table == .diagnosis, newest[Int(ranks[place])] != Int32(truncatingIfNeeded: number) { continue }
                    let partition = places.partition(ranks[place])
                    _ = try stored.stage(
                        at + place, rank: UInt32(bitPattern: ranks[place]), version: Int64(number),
                        partition: partition, into: rows)
                    log?.pen.note(hashBytes(name, seed), partition: partition)
                }
                at += count
            }
            stored.leave(block)
        }
    }

    /// By encounter rank: the newest segment that states its diagnoses, which then holds them all.
    private func newestDiagnoses(_ order: TimelineOrder) throws -> [Int32] {
        var newest = [Int32](repeating: -1, count: order.encounterRows.count)
        for (number, segment) in parent.segments.enumerated() {
            guard let stored = try stored(segment, .diagnosis) else { continue }
            for block in 0..<stored.blockCount {
                for row in 0..<(try stored.enter(block)) {
                    let owner = stored.owner(row)
                    if isHidden(.diagnosis, .absent, owner, number) { continue }
                    if let rank = order.rank(of: owner, owning: .diagnosis) {
                        newest[Int(rank)] = Int32(truncatingIfNeeded: number)
                    }
                }
                stored.leave(block)
            }
        }
        return newest
    }

    private func stageMovements(_ table: Table, _ harvest: Harvest) throws {
        guard let rows = staged(table, partitions: 1) else { return }
        try stage(table, into: rows)
        harvest.add(table, rows, nil)
    }
}

/// A value that threads only read.
private struct Unshared<Value>: @unchecked Sendable {
    let value: Value
}
