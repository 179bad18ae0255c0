import Claims
import Columns

/// What earlier generations hold of the persons, encounters and movements that a delivery names.
///
/// A delivery may correct them, add to them, or only refer to them. What it touches is taken over into its own segment,
/// so that every row finds its owner there; the older statement stays where it is and no longer counts.
final class EarlierGenerations {
    let segments: [Segment]
    let withdrawn: WithdrawnRows

    /// Nil when there is nothing earlier.
    init?(_ parent: Dataset?) throws(IngestError) {
        guard let segments = parent?.segments, !segments.isEmpty else { return nil }
        self.segments = segments
        withdrawn = try ColumnsCall.run { () throws(ColumnsError) in try WithdrawnRows(segments) }
    }

    /// The fields that earlier segments fill and that must not be lost when a row is taken over.
    func fields(_ table: Table) throws(IngestError) -> Set<String> {
        var names: Set<String> = []
        for segment in segments {
            let file = try ColumnsCall.run { () throws(ColumnsError) in try segment.file(table.rawValue) }
            names.formUnion(file?.fields.map(\.name) ?? [])
        }
        return names
    }

    /// Lets the rows of `header` meet those that earlier segments hold under the same names, the newest of each, and
    /// takes over those that are only `referenced`. Returns the names of earlier rows that no longer hold.
    func meet(
        _ header: HeaderTable, _ table: Table, _ tables: TableSet, referenced: ByteIndex = ByteIndex(),
        withdrawals: Withdrawals? = nil
    ) throws(IngestError) -> [String] {
        let staged = StagedRows(
            layout: header.layout, partitions: 1, budget: MemoryBudget(limit: .max), spool: Spool(folder: ""))
        header.keep(staged)
        let rule: HeaderTable.Meeting =
            table.role == .movement ? .movement : tables.merged.contains(table) ? .merged : .whole
        var isStatedFound = [Bool](repeating: false, count: header.count)
        var isReferencedFound = [Bool](repeating: false, count: referenced.count)
        var gone: Set<String> = []
        let stated = NameBatch()
        let others = NameBatch()
        let active = withdrawals.flatMap { $0.isEmpty ? nil : $0 }
        let hasHidden = withdrawn.mentions(table.rawValue)
        for (number, segment) in segments.enumerated().reversed() {
            guard let stored = try StoredTable(segment, table, header.layout, tables.dictionaries[table] ?? [:])
            else { continue }
            for block in 0..<stored.blockCount {
                let total = try stored.enter(block)
                var at = 0
                while at < total {
                    let rows = min(NameBatch.capacity, total - at)
                    for place in 0..<rows { stated.cells[place] = stored.identifier(at + place) }
                    others.cells.update(from: stated.cells, count: rows)
                    header.index.findAll(stated.cells, rows, hashes: stated.hashes, into: stated.numbers)
                    referenced.findAll(others.cells, rows, hashes: others.hashes, into: others.numbers)
                    for place in 0..<rows {
                        let (own, other) = (Int(stated.numbers[place]), Int(others.numbers[place]))
                        guard own >= 0 || other >= 0 || active != nil else { continue }
                        let name = stated.cells[place]
                        if hasHidden, withdrawn.hides(table.rawValue, name.buffer, segment: number) { continue }
                        if let active,
                            active.covers(identifier: name, version: Int64.min)
                                || header.takenBack.contains(own)
                        {
                            gone.insert(name.text)
                        } else if own >= 0, own < isStatedFound.count, !isStatedFound[own] {
                            isStatedFound[own] = true
                            let row = try stored.stage(at + place, rank: 0, version: Int64.min, into: staged)
                            if header.meet(own, row, rule) { gone.insert(name.text) }
                        } else if own < 0, other >= 0, !isReferencedFound[other] {
                            isReferencedFound[other] = true
                            header.carry(try stored.stage(at + place, rank: 0, version: Int64.min, into: staged))
                        }
                    }
                    at += rows
                }
                stored.leave(block)
            }
        }
        return gone.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }
}

extension Cell {
    var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }
}
