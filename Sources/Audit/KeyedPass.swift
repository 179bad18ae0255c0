import Claims
import Columns
import Dispatch
import Rules
import Synchronization

/// Evaluates the rules that look across persons: gathers the rows that may convict, by key, and judges each partition.
final class KeyedPass: @unchecked Sendable {
    private let binding: Binding
    private let reader: ClaimsReader
    private let plans: [KeyedPlan]
    private let dictionaries: FindingDictionaries
    private let options: AuditOptions
    private let workers: [ChunkWorker]
    private let counters: [KeyedCounter]
    private(set) var tallies: [RuleTally]

    init(
        _ binding: Binding, _ reader: ClaimsReader, _ plans: [KeyedPlan], _ dictionaries: FindingDictionaries,
        _ options: AuditOptions, workers: [ChunkWorker]
    ) {
        self.binding = binding
        self.reader = reader
        self.plans = plans
        self.dictionaries = dictionaries
        self.options = options
        self.workers = workers
        counters = workers[0].keyedCounts
        DispatchQueue.concurrentPerform(iterations: plans.count) { index in
            for other in workers.dropFirst() { workers[0].keyedCounts[index].add(other.keyedCounts[index]) }
        }
        tallies = Array(repeating: RuleTally(), count: binding.rules.count)
    }

    /// In place of a partition key that is not known.
    private static let unknownKey = Int128.max

    /// A gathered row: its key, and where it lies among the gathered parts.
    struct Row {
        let key: Int128
        let reference: RowReference
    }

    /// `goOn` throws when the user asked to stop.
    func run(firstChunk: Int, into writer: FindingWriter, goOn: @Sendable () throws -> Void) throws {
        guard !plans.isEmpty else { return }
        let gathered = try gather(goOn)
        try goOn()
        let partitioned = Mutex<[Int: Partitioned]>([:])
        DispatchQueue.concurrentPerform(iterations: plans.count) { index in
            guard !gathered[index].rows[0].isEmpty else { return }
            let found = Partitioned(plans[index], gathered[index], binding)
            partitioned.withLock { $0[index] = found }
        }
        let all = partitioned.withLock { found in plans.indices.compactMap { found[$0] } }
        try judge(all, firstChunk: firstChunk, writer, goOn)
    }

    // MARK: Gathering

    /// Rows of each plan's tables that passed its bound.
    private final class Gathered: @unchecked Sendable {
        var parts: [Chunk] = []
        var rows: [[Row]]

        init(_ plan: KeyedPlan) { rows = plan.parts.map { _ in [] } }
    }

    private func gather(_ goOn: @Sendable () throws -> Void) throws -> [Gathered] {
        let slots = Mutex<[Int: [[(chunk: Chunk, keys: [Int128], part: Int)]]]>([:])
        let failure = Mutex<(any Error)?>(nil)
        let next = Atomic<Int>(0)
        let movements = try movementChunks()
        for (index, plan) in plans.enumerated() {
            guard let bins = plan.bins, bins.table.role == .movement else { continue }
            for movement in movements where movement.table == bins.table { counters[index].count(movement.chunk) }
        }
        // Rules about encounters alone do not need their lines again.
        let isLight = plans.allSatisfy { plan in
            !plan.needsChildren && plan.parts.allSatisfy { $0.table == .encounter || $0.table.role == .movement }
        }
        let tables: Set<Table>? = isLight ? [.person, .encounter] : nil
        let wantsTimeline = plans.contains { $0.parts.contains { $0.table.role == .timeline } }
        var wanted = [Set<Int128>?](repeating: nil, count: plans.count)
        // Movements first: their keys say which rows of timelines matter beside them.
        for isTimeline in [false, true] {
            let total = isTimeline ? (wantsTimeline ? reader.chunkCount : 0) : movements.count
            next.store(0, ordering: .relaxed)
            let known = wanted
            DispatchQueue.concurrentPerform(iterations: workers.count) { place in
                let evaluator = workers[place].judge.evaluator
                let scan = BinScan()
                while true {
                    let number = next.add(1, ordering: .relaxed).oldValue
                    guard number < total else { break }
                    do {
                        try goOn()
                        let counted = isTimeline ? counters.map { $0.survivors(ofCounted: number) } : []
                        if isTimeline, !self.isWanted(counted) { continue }
                        var netting = ClaimsReader.NettingCounts()
                        let chunk =
                            isTimeline ? try reader.chunk(number, &netting, only: tables) : movements[number].chunk
                        let table = isTimeline ? nil : movements[number].table
                        let found = self.gather(
                            chunk, movement: table, evaluator, scan, counted: counted, wanted: known)
                        let place = isTimeline ? number : reader.chunkCount + number
                        if found.contains(where: { !$0.isEmpty }) { slots.withLock { $0[place] = found } }
                        if isTimeline { reader.release(number, only: tables) }
                    } catch {
                        failure.withLock { if $0 == nil { $0 = error } }
                        return
                    }
                }
            }
            if !isTimeline {
                for (index, plan) in plans.enumerated() where plan.parts[0].table.role == .movement {
                    wanted[index] = slots.withLock { slots in
                        Set(slots.values.flatMap { $0[index].filter { $0.part == 0 }.flatMap(\.keys) })
                    }
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        let result = plans.map { Gathered($0) }
        slots.withLock { slots in
            for number in slots.keys.sorted() {
                for (index, pieces) in (slots[number] ?? []).enumerated() {
                    for piece in pieces {
                        let source = Int32(result[index].parts.count)
                        result[index].parts.append(piece.chunk)
                        for (row, key) in piece.keys.enumerated() {
                            result[index].rows[piece.part].append(
                                Row(key: key, reference: RowReference(source: source, row: Int32(row))))
                        }
                    }
                }
            }
        }
        return result
    }

    /// Whether a chunk of timelines has, or may have, rows that matter; `counted`: the survivors of each plan, where
    /// they are known.
    private func isWanted(_ counted: [[Int32]?]) -> Bool {
        plans.indices.contains { index in
            counted[index]?.isEmpty != true && plans[index].parts.contains { $0.table.role == .timeline }
        }
    }

    private func movementChunks() throws -> [(table: Table, chunk: Chunk)] {
        var found: [(Table, Chunk)] = []
        for table in [Table.stock, .scan] where plans.contains(where: { $0.parts.contains { $0.table == table } }) {
            for chunk in try reader.movement(table) { found.append((table, chunk)) }
        }
        return found
    }

    /// For each plan the rows of one chunk that may matter, copied out with their encounters and persons.
    private func gather(
        _ chunk: Chunk, movement: Table?, _ evaluator: Evaluator, _ scan: BinScan, counted: [[Int32]?],
        wanted: [Set<Int128>?]
    ) -> [[(chunk: Chunk, keys: [Int128], part: Int)]] {
        evaluator.enter(chunk)
        return plans.enumerated().map { index, plan in
            var pieces: [(chunk: Chunk, keys: [Int128], part: Int)] = []
            for (number, part) in plan.parts.enumerated() {
                guard movement == nil ? part.table.role == .timeline : part.table == movement else { continue }
                let table = part.table.position
                var rows: [Int32] = []
                var keys: [Int128] = []
                evaluator.focusTable = table
                let known = movement == nil ? counted[index] : nil
                for survivor in known ?? counters[index].survivors(chunk, part.table, scan) {
                    let row = Int(survivor)
                    if !part.isRelated, plan.conditions.contains(where: { evaluator.evaluate($0, row).isFalse }) {
                        continue
                    }
                    evaluator.firstUnknown = -1
                    let key = part.isRelated ? evaluator.evaluate(part.key, 0, row) : evaluator.evaluate(part.key, row)
                    guard key.isKnown else {
                        // A row without key is looked at by itself; it is nobody's neighbour.
                        if !part.isRelated {
                            rows.append(Int32(row))
                            keys.append(Self.unknownKey)
                        }
                        continue
                    }
                    // Rows beside those of the unit matter only where there is a unit of their key.
                    if part.isRelated, let wanted = wanted[index], !wanted.contains(key.lo) { continue }
                    rows.append(survivor)
                    keys.append(key.lo)
                }
                if !rows.isEmpty {
                    pieces.append(
                        (
                            GatheredChunk.make(
                                [
                                    GatheredChunk.Part(
                                        table: part.table, rows: rows.map { RowReference(source: 0, row: $0) })
                                ],
                                [chunk], withChildren: plan.needsChildren,
                                withEncounterLines: plan.needsEncounterLines
                            ).chunk, keys, number
                        ))
                }
            }
            return pieces
        }
    }

    // MARK: Judging

    /// The gathered rows of a plan in one chunk, partition by partition.
    private final class Partitioned: @unchecked Sendable {
        let plan: KeyedPlan
        let chunk: Chunk
        var ranges: [(key: Int128, rows: Range<Int>)] = []
        /// By table: the rows beside those of the unit, by key.
        var related: [Int: [Int128: Range<Int>]] = [:]

        init(_ plan: KeyedPlan, _ gathered: Gathered, _ binding: Binding) {
            self.plan = plan
            // Partitions in the order of their keys' texts, which no numbering of codes can change.
            let names = Self.names(of: gathered.rows, isText: plan.rule.isKeyText, binding)
            let tables = zip(plan.parts, gathered.rows).map { part, rows in
                let order = MovementOrder(part.table, gathered.parts, binding)
                // Rows arrive in timeline order, which their places keep.
                var places = rows.enumerated().map { (name: names[$1.key] ?? Int.max, place: $0) }
                places.sort { a, b in
                    if a.name != b.name { return a.name < b.name }
                    return order?.precedes(rows[a.place].reference, rows[b.place].reference) ?? (a.place < b.place)
                }
                return places.map { rows[$0.place] }
            }
            let (chunk, first) = GatheredChunk.make(
                zip(plan.parts, tables).map { GatheredChunk.Part(table: $0.table, rows: $1.map(\.reference)) },
                gathered.parts, withChildren: plan.needsChildren, withEncounterLines: plan.needsEncounterLines)
            self.chunk = chunk
            for (index, row) in tables[0].enumerated() {
                if let last = ranges.last, last.key == row.key, row.key != KeyedPass.unknownKey {
                    ranges[ranges.count - 1].rows = last.rows.lowerBound..<index + 1
                } else {
                    ranges.append((row.key, index..<index + 1))
                }
            }
            for (number, part) in plan.parts.enumerated().dropFirst() {
                var places: [Int128: Range<Int>] = [:]
                for (index, row) in tables[number].enumerated() {
                    let place = index + first[number]
                    places[row.key] = (places[row.key]?.lowerBound ?? place)..<place + 1
                }
                related[part.table.position] = places
            }
        }

        private static func names(of rows: [[Row]], isText: Bool, _ binding: Binding) -> [Int128: Int] {
            let keys = Set(rows.joined().map(\.key)).subtracting([KeyedPass.unknownKey])
            let sorted =
                isText
                ? keys.map { ($0, binding.vocabulary.bytes(of: Int32(truncatingIfNeeded: $0))) }
                    .sorted { $0.1.lexicographicallyPrecedes($1.1) }.map(\.0)
                : keys.sorted()
            return Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
        }
    }

    /// Judges the partitions of all plans, a slice of some at a time; findings stand in the order of plans and keys.
    private func judge(
        _ all: [Partitioned], firstChunk: Int, _ writer: FindingWriter, _ goOn: @Sendable () throws -> Void
    ) throws {
        let slices = all.flatMap { own in
            let length = max(1, (own.ranges.count + workers.count * 4 - 1) / (workers.count * 4))
            return stride(from: 0, to: own.ranges.count, by: length).map {
                (own, $0..<min(own.ranges.count, $0 + length))
            }
        }
        let results = Mutex<[Int: (columns: [ColumnBuffer], rows: Int)]>([:])
        let tallies = Mutex<[RuleTally]>(self.tallies)
        let failure = Mutex<(any Error)?>(nil)
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: workers.count) { place in
            let worker = workers[place]
            var entered: Partitioned?
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < slices.count else { break }
                do { try goOn() } catch {
                    failure.withLock { if $0 == nil { $0 = error } }
                    break
                }
                let (own, range) = slices[number]
                if entered !== own {
                    worker.judge.enter(own.chunk)
                    worker.judge.prepare(own.plan.rule)
                    entered = own
                }
                judge(own, range, worker)
                let taken = worker.encoder.take()
                results.withLock { $0[number] = taken }
            }
            let found = worker.takeTallies()
            tallies.withLock { all in for index in all.indices { all[index].add(found[index]) } }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        self.tallies = tallies.withLock { $0 }
        try results.withLock { results in
            for number in slices.indices {
                if let result = results[number] {
                    try writer.deposit(firstChunk + number, result.columns, rows: result.rows)
                }
            }
        }
    }

    private func judge(_ own: Partitioned, _ places: Range<Int>, _ worker: ChunkWorker) {
        let run = worker.judge
        let rule = own.plan.rule
        for index in places {
            let range = own.ranges[index]
            var partition = [Range<Int>](repeating: 0..<0, count: Chunk.tableCount)
            partition[rule.table] = range.rows
            for (table, places) in own.related { partition[table] = places[range.key] ?? 0..<0 }
            run.evaluator.partition = partition
            if range.key == Self.unknownKey {
                run.run(rule, placeless: Int32(range.rows.lowerBound), partition: Int32(index))
                continue
            }
            let crowded = rule.isGroup ? nil : own.plan.bins?.crowded(range.rows, own.chunk.tables[rule.table])
            let rows = crowded ?? range.rows.map { Int32($0) }
            rows.withUnsafeBufferPointer { run.run(rule, rows: $0, partition: Int32(index)) }
        }
        let drafts = run.takeDrafts()
        let order = drafts.indices.sorted {
            let (a, b) = (drafts[$0], drafts[$1])
            return (a.partition, a.firstRow, $0) < (b.partition, b.firstRow, $1)
        }
        worker.encoder.encode(drafts, order, in: own.chunk, evaluator: run.evaluator)
    }
}

extension CompiledRule {
    /// Whether the partition key is a text.
    var isKeyText: Bool {
        if case .keyed(let key) = partition { return key.type == .text }
        return false
    }
}
