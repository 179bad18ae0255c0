import Claims
import Columns

/// One table of a stored segment, read back as staged rows: for what a delivery meets again, and for compaction.
///
/// Values keep their meaning, not their numbers: codes are numbered anew by the dictionaries of the import, the owner
/// of a row is given by name. Fields that the layout does not know are left out.
final class StoredTable {
    let segment: Segment
    let table: Table
    let file: ArrowFile
    private let layout: RowLayout
    /// By slot: its column, −1 when the file lacks it.
    private let columns: [Int]
    private let dictionaries: [CodeDictionary?]
    private var words: [StringTable?]
    /// By slot: the segment's code → the import's, −1 while not met.
    private var remaps: [[Int32]]
    private let identifierColumn: Int
    private let owners: OwnerNames?
    private var views: [ColumnView?] = []
    private var identifiers: ColumnView?

    /// Nil when the segment has no such table.
    init?(
        _ segment: Segment, _ table: Table, _ layout: RowLayout, _ dictionaries: [Int: CodeDictionary]
    ) throws(IngestError) {
        let found = try ColumnsCall.run { () throws(ColumnsError) in try segment.file(table.rawValue) }
        guard let file = found else { return nil }
        self.segment = segment
        self.table = table
        self.layout = layout
        self.file = file
        columns = layout.slots.map { $0.field < 0 ? -1 : file.index(of: $0.name) ?? -1 }
        identifierColumn = table.identifier.flatMap { file.index(of: $0) } ?? -1
        self.dictionaries = layout.slots.map { dictionaries[$0.field] }
        words = layout.slots.map { _ in nil }
        remaps = layout.slots.map { _ in [] }
        owners = try OwnerNames(segment, table, file)
        for (slot, column) in columns.enumerated() where column >= 0 {
            guard StoredTable.holds(file.fields[column].type, layout.slots[slot]) else {
                throw IngestError(
                    "ING111", "The stored column \(layout.slots[slot].name) is not of the type it should have",
                    at: file.path, advice: "Import the segment again with this build")
            }
            guard file.fields[column].type == .dictionary else { continue }
            let strings = try ColumnsCall.run { () throws(ColumnsError) in
                StringTable(try file.dictionary(column), owner: file)
            }
            words[slot] = strings
            remaps[slot] = [Int32](repeating: -1, count: strings.count)
        }
    }

    private static func holds(_ type: ColumnType, _ slot: RowLayout.Slot) -> Bool {
        switch slot.kind {
        case .identifier, .text: type == .utf8
        case .code: type == .dictionary
        case .decimal(let scale): type == .decimal64(scale: scale)
        case .day: type == .date32
        case .second: type == .time32
        case .integer, .row: type == .int32
        case .flag: type == .bool
        }
    }

    var blockCount: Int { file.batchCount }

    /// Goes to a block. Rows are numbered within it.
    func enter(_ block: Int) throws(IngestError) -> Int {
        try ColumnsCall.run { () throws(ColumnsError) in
            views = []
            for column in columns { views.append(column < 0 ? nil : try file.column(column, batch: block)) }
            identifiers = identifierColumn < 0 ? nil : try file.column(identifierColumn, batch: block)
        }
        try owners?.enter(block)
        return file.rowCount(ofBatch: block)
    }

    /// Gives the mapped memory of a block back.
    func leave(_ block: Int) {
        views = []
        file.release(batch: block)
    }

    func identifier(_ row: Int) -> Cell { identifiers.map { Cell($0.utf8(row)) } ?? .absent }

    /// The name of the person or encounter the row belongs to.
    func owner(_ row: Int) -> Cell { owners?.name(row) ?? .absent }

    /// Stages one row of the block at hand.
    func stage(
        _ row: Int, rank: UInt32, version: Int64, partition: Int = 0, into staged: StagedRows
    ) throws(IngestError) -> StagedRow {
        var presence: UInt32 = 0
        var total = layout.fixedBytes
        for (slot, description) in layout.slots.enumerated() {
            if description.name == RowLayout.personText {
                let name = owner(row)
                if name.isAbsent { continue }
                presence |= 1 << UInt32(slot)
                total += name.count
            } else if let view = views[slot], view.isValid(row) {
                presence |= 1 << UInt32(slot)
                if description.width == .text { total += view.utf8(row).count }
            }
        }
        total = (total + 7) & ~7
        let base = try staged.claim(total, in: partition)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: total)
        base.storeBytes(of: rank, as: UInt32.self)
        base.storeBytes(of: presence, toByteOffset: RowLayout.presence, as: UInt32.self)
        base.storeBytes(of: UInt64.max, toByteOffset: RowLayout.origin, as: UInt64.self)
        base.storeBytes(of: UInt32(truncatingIfNeeded: total), toByteOffset: RowLayout.rowLength, as: UInt32.self)
        if layout.isVersioned { base.storeBytes(of: version, toByteOffset: RowLayout.version, as: Int64.self) }
        var at = layout.fixedBytes
        for (slot, description) in layout.slots.enumerated() where presence >> UInt32(slot) & 1 != 0 {
            let place = base + description.offset
            switch description.width {
            case .wide: place.storeBytes(of: views[slot]?.int64[row] ?? 0, as: Int64.self)
            case .narrow: place.storeBytes(of: narrow(slot, description, row), as: Int32.self)
            case .text:
                let text = description.field < 0 ? owner(row) : views[slot].map { Cell($0.utf8(row)) } ?? .absent
                place.storeBytes(of: UInt32(truncatingIfNeeded: text.count), as: UInt32.self)
                (base + at).assumingMemoryBound(to: UInt8.self).update(from: text.start, count: text.count)
                at += text.count
            }
        }
        return StagedRow(base: base)
    }

    private func narrow(_ slot: Int, _ description: RowLayout.Slot, _ row: Int) -> Int32 {
        guard let view = views[slot] else { return 0 }
        if case .flag = description.kind { return view.bool(row) ? 1 : 0 }
        guard let strings = words[slot], let dictionary = dictionaries[slot] else { return view.int32[row] }
        let code = Int(view.int32[row])
        if remaps[slot][code] < 0 {
            let cell = Cell(strings[code])
            remaps[slot][code] = dictionary.number(cell, hash: hashBytes(cell, HashSeed.process))
        }
        return remaps[slot][code]
    }
}

extension Cell {
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            self = .absent
            return
        }
        self.init(start: base, count: bytes.count)
    }
}

/// Names of the persons or encounters that the rows of a stored table belong to.
private final class OwnerNames {
    private let file: ArrowFile
    private let column: Int
    private let ownerFile: ArrowFile
    private let ownerIdentifier: Int
    private let firstRows: [Int]
    private var rows: ColumnView?
    private var names: ColumnView?
    private var first = 0

    /// Nil for tables whose rows belong to nobody.
    init?(_ segment: Segment, _ table: Table, _ file: ArrowFile) throws(IngestError) {
        let owner: Table
        switch table {
        case .encounter, .entitlement: owner = .person
        case .diagnosis, .operation, .prescription, .line, .settlement: owner = .encounter
        default: return nil
        }
        let found = try ColumnsCall.run { () throws(ColumnsError) in try segment.file(owner.rawValue) }
        guard let ownerFile = found, let identifier = ownerFile.index(of: "id"),
            let column = file.index(of: owner.rawValue), file.fields[column].type == .int32,
            ownerFile.fields[identifier].type == .utf8
        else { return nil }
        self.file = file
        self.column = column
        self.ownerFile = ownerFile
        ownerIdentifier = identifier
        var running = 0
        firstRows = (0..<segment.blockCount).map { block in
            defer { running += segment.rows(owner.rawValue, block: block) }
            return running
        }
    }

    func enter(_ block: Int) throws(IngestError) {
        try ColumnsCall.run { () throws(ColumnsError) in
            rows = try file.column(column, batch: block)
            names = try ownerFile.column(ownerIdentifier, batch: block)
        }
        first = firstRows[block]
    }

    func name(_ row: Int) -> Cell {
        guard let rows, let names else { return .absent }
        let place = Int(rows.int32[row]) - first
        return place >= 0 && place < names.count ? Cell(names.utf8(place)) : .absent
    }
}
