import Claims
import Columns

/// Tables that are sorted as a whole: movements and masters. Ordered by content, so that input order leaves no trace.
struct FlatTable {
    let layout: RowLayout
    let dictionaries: [Int: CodeDictionary]
    let remaps: [Int: [Int32]]

    /// Fields by which rows are ordered, before the rest of their content.
    private var leading: [String] {
        switch layout.table {
        case .stock: ["institution", "item", "day", "id"]
        case .scan: ["trace", "day", "second", "id"]
        case .agreement: ["institution", "from"]
        case .eligibility: ["practitioner", "from"]
        default: ["code"]
        }
    }

    /// `meet` lets the rows meet those of earlier generations, before they are ordered.
    func resolve(
        _ staged: [StagedRows], merged: Bool, withdrawals: Withdrawals?,
        meet: (HeaderTable) throws(IngestError) -> Void = { _ in }
    ) throws(IngestError) -> OrderedRows {
        var result = OrderedRows()
        var rows: [StagedRow] = []
        if let slot = layout.identifierSlot, layout.slots[slot].width == .text {
            let header = HeaderTable(layout: layout, dictionaries: dictionaries, expecting: 1024)
            try header.resolve(staged, merged: merged, withdrawals: withdrawals)
            try meet(header)
            rows = header.rows.compactMap { $0 }
            result.balance = header.balance
            result.rejects = header.rejects
            result.keeper = header
        } else {
            for one in staged {
                for (start, bytes) in try one.readBack(0) {
                    var at = 0
                    while at < bytes {
                        let row = StagedRow(base: start + at)
                        at += row.length
                        rows.append(row)
                    }
                }
            }
        }
        rows.sort { comesBefore($0, $1) }
        let keeper = HeaderTable(layout: layout, dictionaries: dictionaries, expecting: 0)
        if layout.table.role == .master, result.keeper == nil { result.keeper = keeper }
        for row in rows {
            if let last = result.rows.last, last.saysTheSame(as: row, layout) {
                if !last.isEarlier, !row.isEarlier { result.balance.repeated += 1 }
                if last.isEarlier != row.isEarlier {
                    result.balance.repeated += 1
                    result.rows[result.rows.count - 1] = last.isEarlier ? last : row
                }
                continue
            }
            if layout.table.role == .master, let last = result.rows.last, let slot = layout.identifierSlot,
                layout.slots[slot].width == .narrow,
                last.narrow(at: layout.slots[slot].offset) == row.narrow(at: layout.slots[slot].offset)
            {
                // One code described twice: the newer description, then the later in content, stays; where descriptions
                // are merged it is laid over the older, which knows what the newer does not say.
                if !last.isEarlier, !row.isEarlier { result.balance.corrected += 1 }
                let isNewer = last.isEarlier || (!row.isEarlier && row.version(layout) >= last.version(layout))
                let (older, newer) = isNewer ? (last, row) : (row, last)
                result.rows[result.rows.count - 1] = merged ? keeper.combine([older, newer]) : newer
                continue
            }
            result.rows.append(row)
        }
        result.balance.kept = result.rows.reduce(0) { $0 + ($1.isEarlier ? 0 : 1) }
        return result
    }

    private func comesBefore(_ a: StagedRow, _ b: StagedRow) -> Bool {
        for name in leading {
            guard let slot = layout.slot(name) else { continue }
            let description = layout.slots[slot]
            if a.has(slot) != b.has(slot) { return !a.has(slot) }
            if !a.has(slot) { continue }
            if description.width == .text {
                let order = orderBytes(a.text(slot, layout), b.text(slot, layout))
                if order != 0 { return order < 0 }
                continue
            }
            var left = a.narrow(at: description.offset)
            var right = b.narrow(at: description.offset)
            if let remap = remaps[description.field] {
                left = remap[Int(left)]
                right = remap[Int(right)]
            }
            if left != right { return left < right }
        }
        return a.contentOrder(b, layout, dictionaries) < 0
    }
}

extension StagedRow {
    /// Whether the row was read back from an earlier generation.
    fileprivate var isEarlier: Bool { origin == UInt64.max }
}

/// Writes the master tables of a generation.
struct MasterWriter {
    let tables: TableSet
    let staged: [Table: [StagedRows]]
    let parent: Dataset?

    /// The rows of the parent's master table, staged as if they came first: any new row with their code replaces them.
    private func earlierRows(_ table: Table, _ layout: RowLayout) throws -> StagedRows? {
        let parentFile = try ColumnsCall.run { () throws(ColumnsError) in try parent?.master(table.rawValue) }
        guard let file = parentFile, let plan = tables.plans[table] else { return nil }
        let place = MappingPlace(line: 0, column: 0)
        var mapping = TableMapping(table: table, source: "", place: place)
        for field in file.fields where layout.slot(field.name) != nil {
            mapping.fields.append(
                FieldMapping(
                    field: field.name, place: place, value: ValueMapping(form: .column(field.name), place: place)))
        }
        var binder = Binder(
            file: file.path, tables: tables, lookups: [:], pseudonym: nil, available: file.fields.map(\.name))
        let source = SourceMapping(name: "", place: place)
        let bound = binder.bind(Mapping(tables: [mapping]), source: source, chosen: [0])
        guard let program = bound.programs.first else { return nil }
        let columns = bound.columns.compactMap { file.index(of: $0) }
        let feed = ArrowFeed(try ArrowSource(file.path), columns: columns)
        let batch = CellBatch(columns: columns.count)
        let typed = TypedBatch(program)
        let rows = StagedRows(
            layout: layout, partitions: 1, budget: MemoryBudget(limit: .max), spool: Spool(folder: ""))
        while try feed.next(batch) {
            typed.read(batch)
            for row in 0..<batch.rows where typed.faults[row] == 0 {
                _ = try RowStager.stage(
                    typed, batch, row: row, rank: 0, origin: UInt64.max, partition: 0, into: rows, plan)
            }
        }
        return rows
    }

    func write(into draft: GenerationDraft) throws -> [Table: OrderedRows] {
        var outcomes: [Table: OrderedRows] = [:]
        for table in Table.allCases where table.role == .master {
            guard let layout = tables.layouts[table] else { continue }
            var rows = staged[table] ?? []
            if let earlier = try earlierRows(table, layout) { rows.append(earlier) }
            let codes = (tables.dictionaries[table] ?? [:]).mapValues { $0.finish() }
            let columns = SegmentColumns(layout, dictionaries: codes)
            let sorter = FlatTable(
                layout: layout, dictionaries: tables.dictionaries[table] ?? [:], remaps: codes.mapValues(\.remap))
            let result = try sorter.resolve(rows, merged: tables.merged.contains(table), withdrawals: nil)
            let arena = Scratch(blockBytes: 1 << 20)
            let buffers = result.rows.withUnsafeBufferPointer { columns.fill($0, owners: nil, arena) }
            let writer = try ColumnsCall.run { () throws(ColumnsError) in
                let writer = try draft.masterWriter(
                    for: table.rawValue, fields: columns.fields, dictionaries: columns.dictionaries)
                try writer.write(buffers, rows: result.rows.count)
                return writer
            }
            try ColumnsCall.run { () throws(ColumnsError) in try draft.finishMaster(table.rawValue, writer) }
            outcomes[table] = result
        }
        return outcomes
    }
}
