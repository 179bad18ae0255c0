import Claims
import Columns

/// Rows of earlier generations that new rows meet again: the same identifier, written by an earlier import.
///
/// Same content is a repeat and the new row is dropped. Other content with a version corrects: the new row stays, and
/// the old one is listed in the new segment's table `withdrawn`. Other content without a version is a conflict.
/// Memory is needed for the new rows' hashes and for the rows that meet, not for the earlier ones.
final class EarlierRows {
    private let earlier: EarlierGenerations
    private let order: TimelineOrder
    private let withdrawnEncounters: Withdrawals?

    init(_ earlier: EarlierGenerations, _ order: TimelineOrder, withdrawnEncounters: Withdrawals?) {
        self.earlier = earlier
        self.order = order
        self.withdrawnEncounters = withdrawnEncounters.flatMap { $0.isEmpty ? nil : $0 }
    }

    struct Outcome {
        var balance = Balance()
        var rejects: [Reject] = []
        /// Identifiers of earlier rows that no longer hold.
        var superseded: [String] = []
    }

    /// An earlier row that may have the identifier of a new one.
    private struct Hit {
        var segment: Int
        var block: Int
        var row: Int
        var key: UInt64
    }

    /// Compares the new rows of one table with what earlier segments hold.
    func meet(
        _ table: Table, _ layout: RowLayout, _ dictionaries: [Int: CodeDictionary], _ staged: [StagedRows],
        _ logs: [IdentifierLog], _ withdrawals: Withdrawals?
    ) throws -> Outcome {
        var outcome = Outcome()
        var superseded: Set<String> = []
        let tables = try earlier.segments.map { try StoredTable($0, table, layout, dictionaries) }
        let hits = try find(table, tables, KeySet(logs), withdrawals, &superseded)
        if !hits.isEmpty {
            let known = try gather(layout, staged, keys: Set(hits.map(\.key)))
            let memory = StagedRows(
                layout: layout, partitions: 1, budget: MemoryBudget(limit: .max), spool: Spool(folder: ""))
            var at = (segment: -1, block: -1)
            for hit in hits {
                guard let stored = tables[hit.segment], let candidates = known[hit.key] else { continue }
                if at != (hit.segment, hit.block) {
                    _ = try stored.enter(hit.block)
                    at = (hit.segment, hit.block)
                }
                let name = stored.identifier(hit.row)
                let matching = candidates.filter { row in
                    row.rank != UInt32.max && layout.identifierSlot.map { row.text($0, layout).equals(name) } == true
                }
                if matching.isEmpty { continue }
                // An owner that this delivery does not name is another than that of any new row.
                let rank = order.rank(of: stored.owner(hit.row), owning: table) ?? UInt32.max - 1
                let old = try stored.stage(hit.row, rank: rank, version: Int64.min, into: memory)
                // What this delivery says and takes back again by its group is taken back from earlier ones too.
                let live = matching.filter { row in
                    guard let slot = layout.slot(RowLayout.groupText), row.has(slot) else { return true }
                    return withdrawals?.covers(group: row.text(slot, layout), version: row.version(layout)) != true
                }
                if live.isEmpty {
                    superseded.insert(name.text)
                } else {
                    decide(live, old, name, layout, &outcome, &superseded)
                }
            }
        }
        outcome.superseded = superseded.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        return outcome
    }

    /// The newest of the new rows meets the old one: what this delivery says of it earlier was corrected in between.
    private func decide(
        _ rows: [StagedRow], _ old: StagedRow, _ name: Cell, _ layout: RowLayout, _ outcome: inout Outcome,
        _ superseded: inout Set<String>
    ) {
        let contest = RowContest.decide(rows, layout)
        // Who contradict each other are refused where they are put in order; the old row stands.
        guard let new = contest.kept else { return }
        if new.saysTheSame(as: old, layout) {
            for row in rows { row.rank = UInt32.max }
            outcome.balance.repeated += 1 + contest.repeated
            outcome.balance.corrected += contest.corrected
        } else if new.version(layout) != Int64.min {
            superseded.insert(name.text)
        } else {
            new.rank = UInt32.max
            outcome.balance.rejected += 1
            outcome.rejects.append(
                Reject(
                    origin: new.origin, length: new.sourceLength, reason: .earlierConflict, mapping: .max, step: 255))
        }
    }

    /// Earlier rows that still hold and whose identifier a new row may have; notes those that are taken back.
    private func find(
        _ table: Table, _ tables: [StoredTable?], _ keys: KeySet, _ withdrawals: Withdrawals?,
        _ superseded: inout Set<String>
    ) throws(IngestError) -> [Hit] {
        var hits: [Hit] = []
        let seed = HashSeed.process
        let withdrawn = earlier.withdrawn
        let encounter = Table.encounter.rawValue
        let hasHidden = withdrawn.mentions(table.rawValue)
        let hasHiddenOwners = withdrawn.mentions(encounter)
        let active = withdrawals.flatMap { $0.isEmpty ? nil : $0 }
        for (number, stored) in tables.enumerated() {
            guard let stored else { continue }
            for block in 0..<stored.blockCount {
                let total = try stored.enter(block)
                for row in 0..<total {
                    let name = stored.identifier(row)
                    let key = IdentifierLog.key(hashBytes(name, seed))
                    let isMet = keys.contains(key)
                    if !isMet, active == nil { continue }
                    if hasHidden, withdrawn.hides(table.rawValue, name.buffer, segment: number) { continue }
                    let owner = stored.owner(row)
                    if hasHiddenOwners, withdrawn.hides(encounter, owner.buffer, segment: number) { continue }
                    if let withdrawnEncounters, withdrawnEncounters.covers(identifier: owner, version: Int64.min) {
                        continue
                    }
                    if let active,
                        active.covers(identifier: name, version: Int64.min)
                            || (active.hasOwners && active.covers(owner: owner, version: Int64.min))
                    {
                        superseded.insert(name.text)
                    } else if isMet {
                        hits.append(Hit(segment: number, block: block, row: row, key: key))
                    }
                }
                stored.leave(block)
            }
        }
        return hits
    }

    /// The new rows with one of the keys.
    private func gather(
        _ layout: RowLayout, _ staged: [StagedRows], keys: Set<UInt64>
    ) throws(IngestError) -> [UInt64: [StagedRow]] {
        var result: [UInt64: [StagedRow]] = [:]
        guard let slot = layout.identifierSlot else { return result }
        let seed = HashSeed.process
        for rows in staged {
            for partition in 0..<rows.partitions {
                for (start, bytes) in try rows.readBack(partition) {
                    var at = 0
                    while at < bytes {
                        let row = StagedRow(base: start + at)
                        at += row.length
                        let key = IdentifierLog.key(hashBytes(row.text(slot, layout), seed))
                        if keys.contains(key) { result[key, default: []].append(row) }
                    }
                }
            }
        }
        return result
    }
}
