import Claims
import Columns

/// Rows copied out of their chunks, with the encounters, persons and children that belong to them.
enum GatheredChunk {
    struct Part {
        let table: Table
        let rows: [RowReference]
    }

    /// The chunk, and for each part the place of its first row in its table.
    static func make(
        _ parts: [Part], _ sources: [Chunk], withChildren: Bool, withEncounterLines: Bool
    ) -> (chunk: Chunk, first: [Int]) {
        let chunk = Chunk()
        var first: [Int] = []
        // Rows that follow one another share their encounter; identities tell which of the others are the same.
        var encounters: [RowReference] = []
        var links: [(Table, [Int32])] = []
        for part in parts {
            guard part.table.role == .timeline, part.table != .person else {
                first.append(0)
                fill(part.table, part.rows, sources, chunk)
                continue
            }
            first.append(part.table == .encounter ? encounters.count : 0)
            if part.table != .encounter {
                fill(part.table, part.rows, sources, chunk)
                var parents: [Int32] = []
                for row in part.rows {
                    let encounter = parent(of: row, part.table, sources)
                    if parents.isEmpty || encounters.last != encounter { encounters.append(encounter) }
                    parents.append(Int32(encounters.count - 1))
                }
                links.append((part.table, parents))
            } else {
                encounters += part.rows
            }
        }
        guard !encounters.isEmpty else { return (chunk, first) }
        for (table, parents) in links { link(chunk, table, parents: parents, parentRows: encounters.count) }
        let persons = encounters.map { parent(of: $0, .encounter, sources) }
        fill(.encounter, encounters, sources, chunk)
        fill(.person, persons, sources, chunk)
        link(chunk, .encounter, parents: persons.indices.map { Int32($0) }, parentRows: persons.count)
        guard withChildren else { return (chunk, first) }
        if withEncounterLines { chunk.encounterLines = companions(.line, of: encounters, sources, in: chunk).rows }
        if parts.contains(where: { $0.table == .settlement }) {
            let (rows, identities) = companions(.settlement, of: encounters, sources, in: chunk)
            chunk.encounterSettlements = rows
            chunk.encounterSettlementIdentities = identities
        }
        addChildren(of: persons, .entitlement, sources, to: chunk)
        for child in [Table.diagnosis, .operation, .prescription, .line, .settlement]
        where !parts.contains(where: { $0.table == child }) {
            addChildren(of: encounters, child, sources, to: chunk)
        }
        return (chunk, first)
    }

    private static func parent(of row: RowReference, _ table: Table, _ sources: [Chunk]) -> RowReference {
        RowReference(source: row.source, row: sources[Int(row.source)][table].parent?[Int(row.row)] ?? 0)
    }

    /// All rows of a table that belong to the encounters, beside those that were gathered themselves: the lines may be
    /// at stake with their encounters, the settlements tell what was paid for them.
    private static func companions(
        _ table: Table, of encounters: [RowReference], _ sources: [Chunk], in chunk: Chunk
    ) -> (rows: TableRows, identities: [Int64]) {
        let tables = sources.map { source in
            switch table {
            case .line: source.encounterLines ?? source[table]
            default: source.encounterSettlements ?? source[table]
            }
        }
        var children: [RowReference] = []
        var parents: [Int32] = []
        var identities: [Int64] = []
        for (index, encounter) in encounters.enumerated() {
            let source = Int(encounter.source)
            guard let starts = tables[source].starts else { continue }
            for row in starts[Int(encounter.row)]..<starts[Int(encounter.row) + 1] {
                children.append(RowReference(source: encounter.source, row: row))
                parents.append(Int32(index))
                identities.append(
                    table == .settlement
                        ? sources[source].identity(ofSettlement: Int(row)) : 0)
            }
        }
        var rows = TableRows(slots: .allocate(capacity: table.fields.count))
        rows.slots.initialize(repeating: Slot(), count: table.fields.count)
        rows.rows = children.count
        for field in 0..<table.fields.count {
            rows.slots[field] = Gather.slot(field, children, from: tables, arena: chunk.arena)
        }
        let copy = chunk.arena.allocate(Int32.self, parents.count)
        for (index, parent) in parents.enumerated() { copy[index] = parent }
        rows.parent = copy
        rows.starts = Gather.starts(copy, rows: parents.count, parentRows: encounters.count, arena: chunk.arena)
        return (rows, identities)
    }

    private static func addChildren(
        of parents: [RowReference], _ child: Table, _ sources: [Chunk], to chunk: Chunk
    ) {
        var children: [RowReference] = []
        var owners: [Int32] = []
        for (index, parent) in parents.enumerated() {
            guard let starts = sources[Int(parent.source)][child].starts else { continue }
            for row in starts[Int(parent.row)]..<starts[Int(parent.row) + 1] {
                children.append(RowReference(source: parent.source, row: row))
                owners.append(Int32(index))
            }
        }
        fill(child, children, sources, chunk)
        link(chunk, child, parents: owners, parentRows: parents.count)
    }

    private static func fill(_ table: Table, _ rows: [RowReference], _ sources: [Chunk], _ chunk: Chunk) {
        let tables = sources.map { $0[table] }
        var result = chunk[table]
        result.rows = rows.count
        result.isPresent = tables.contains { $0.isPresent }
        for field in 0..<table.fields.count {
            result.slots[field] = Gather.slot(field, rows, from: tables, arena: chunk.arena)
        }
        let identities = chunk.arena.allocate(Int64.self, rows.count)
        for (index, row) in rows.enumerated() {
            identities[index] = sources[Int(row.source)].identity(table.position, Int(row.row))
        }
        chunk.identities[table.position] = identities
        chunk[table] = result
    }

    private static func link(_ chunk: Chunk, _ table: Table, parents: [Int32], parentRows: Int) {
        let copy = chunk.arena.allocate(Int32.self, parents.count)
        for (index, parent) in parents.enumerated() { copy[index] = parent }
        var rows = chunk[table]
        rows.parent = copy
        rows.starts = Gather.starts(copy, rows: parents.count, parentRows: parentRows, arena: chunk.arena)
        chunk[table] = rows
    }
}
