import Claims
import Columns

/// Rows of earlier generations that new rows meet again: the same identifier, written by an earlier import.
///
/// Same content is a repeat and the new row is dropped. Other content with a version corrects: the new row stays, and
/// the old one is listed in the new segment's table `withdrawn`. Other content without a version is a conflict.
final class EarlierRows {
    /// Name of the table of rows in earlier segments that no longer hold: columns `table` and `id`.
    static let tombstones = "withdrawn"

    private let segments: [Segment]
    private let order: TimelineOrder

    init(_ segments: [Segment], _ order: TimelineOrder) {
        self.segments = segments
        self.order = order
    }

    struct Meeting {
        var balance = Balance()
        var rejects: [Reject] = []
        /// Identifiers of earlier rows that no longer hold.
        var superseded: [String] = []
    }

    /// Compares the new rows of one table with what earlier segments hold.
    func meet(
        _ table: Table, _ layout: RowLayout, _ dictionaries: [Int: CodeDictionary], _ staged: [StagedRows],
        _ logs: [IdentifierLog], _ withdrawals: Withdrawals?
    ) throws -> Meeting {
        var meeting = Meeting()
        let seed = HashSeed.process
        let keys = IdentifierLog.allKeys(logs)
        var newRows: [String: [StagedRow]]?
        for segment in segments {
            guard let file = try ColumnsCall.run({ () throws(ColumnsError) in try segment.file(table.rawValue) }),
                let column = file.index(of: table.identifier ?? "id")
            else { continue }
            var firstEncounter = 0
            for block in 0..<file.batchCount {
                let ids = try ColumnsCall.run { () throws(ColumnsError) in try file.column(column, batch: block) }
                let owners = table.role == .timeline ? try EarlierOwners(segment, file, block, firstEncounter) : nil
                for row in 0..<ids.count {
                    let bytes = ids.utf8(row)
                    guard let base = bytes.baseAddress else { continue }
                    let cell = Cell(start: base, count: bytes.count)
                    if let withdrawals, !withdrawals.isEmpty,
                        withdrawals.covers(identifier: cell, version: Int64.min)
                            || (withdrawals.hasOwners
                                && withdrawals.covers(owner: owners?.name(row) ?? .absent, version: Int64.min))
                    {
                        meeting.superseded.append(cell.text)
                        continue
                    }
                    guard keys.contains(IdentifierLog.key(hashBytes(cell, seed))) else { continue }
                    let known: [String: [StagedRow]]
                    if let newRows {
                        known = newRows
                    } else {
                        known = try gather(table, layout, staged)
                        newRows = known
                    }
                    for new in known[cell.text] ?? [] where new.rank != UInt32.max {
                        if try same(new, layout, dictionaries, file, block, row, owners, table) {
                            new.rank = UInt32.max
                            meeting.balance.repeated += 1
                        } else if new.version(layout) != Int64.min {
                            meeting.superseded.append(cell.text)
                        } else {
                            new.rank = UInt32.max
                            meeting.balance.rejected += 1
                            meeting.rejects.append(
                                Reject(
                                    origin: new.origin, length: new.sourceLength, reason: .earlierConflict,
                                    mapping: .max, step: 255))
                        }
                    }
                }
                firstEncounter += segment.rows(Table.encounter.rawValue, block: block)
                file.release(batch: block)
            }
        }
        meeting.superseded = Array(Set(meeting.superseded)).sorted {
            Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8))
        }
        return meeting
    }

    private func gather(_ table: Table, _ layout: RowLayout, _ staged: [StagedRows]) throws(IngestError) -> [String:
        [StagedRow]]
    {
        var result: [String: [StagedRow]] = [:]
        guard let slot = layout.identifierSlot else { return result }
        for rows in staged {
            for partition in 0..<rows.partitions {
                for (start, bytes) in try rows.readBack(partition) {
                    var at = 0
                    while at < bytes {
                        let row = StagedRow(base: start + at)
                        at += row.length
                        result[row.text(slot, layout).text, default: []].append(row)
                    }
                }
            }
        }
        return result
    }

    private func same(
        _ new: StagedRow, _ layout: RowLayout, _ dictionaries: [Int: CodeDictionary], _ file: ArrowFile, _ block: Int,
        _ row: Int, _ owners: EarlierOwners?, _ table: Table
    ) throws -> Bool {
        if let owners, !owners.name(row).equals(order.nameOfOwner(new.rank, table)) { return false }
        for (slot, description) in layout.slots.enumerated() where description.field >= 0 {
            guard let column = file.index(of: description.name) else {
                if new.has(slot) { return false }
                continue
            }
            let view = try ColumnsCall.run { () throws(ColumnsError) in try file.column(column, batch: block) }
            if view.isValid(row) != new.has(slot) { return false }
            if !new.has(slot) { continue }
            let isEqual: Bool
            switch view.type {
            case .utf8: isEqual = EarlierRows.cell(view.utf8(row)).equals(new.text(slot, layout))
            case .dictionary:
                let strings = try ColumnsCall.run { () throws(ColumnsError) in try file.dictionary(column) }
                let value = dictionaries[description.field]?.value(new.narrow(at: description.offset)) ?? .absent
                isEqual = EarlierRows.cell(strings.utf8(Int(view.int32[row]))).equals(value)
            case .decimal64, .int64: isEqual = view.int64[row] == new.wide(at: description.offset)
            case .bool: isEqual = view.bool(row) == (new.narrow(at: description.offset) != 0)
            default: isEqual = view.int32[row] == new.narrow(at: description.offset)
            }
            if !isEqual { return false }
        }
        return true
    }

    fileprivate static func cell(_ bytes: UnsafeBufferPointer<UInt8>) -> Cell {
        bytes.baseAddress.map { Cell(start: $0, count: bytes.count) } ?? .absent
    }
}

/// Names of the encounters that the rows of one block belong to.
private final class EarlierOwners {
    private let rows: ColumnView?
    private let ids: ColumnView?
    private let first: Int

    init(_ segment: Segment, _ file: ArrowFile, _ block: Int, _ firstEncounter: Int) throws {
        first = firstEncounter
        let encounters = try ColumnsCall.run { () throws(ColumnsError) in try segment.file(Table.encounter.rawValue) }
        guard let encounters, let id = encounters.index(of: "id"), let owner = file.index(of: "encounter") else {
            rows = nil
            ids = nil
            return
        }
        rows = try ColumnsCall.run { () throws(ColumnsError) in try file.column(owner, batch: block) }
        ids = try ColumnsCall.run { () throws(ColumnsError) in try encounters.column(id, batch: block) }
    }

    func name(_ row: Int) -> Cell {
        guard let rows, let ids else { return .absent }
        let place = Int(rows.int32[row]) - first
        return place >= 0 && place < ids.count ? EarlierRows.cell(ids.utf8(place)) : .absent
    }
}
