/// Where one thread gets its records from. Several feeds over one file share the work without overlap.
class RecordFeed {
    /// Fills the batch anew; false when the file has no more records.
    func next(_ batch: CellBatch) throws(IngestError) -> Bool { false }
}

/// Records of a delimited file.
final class CSVFeed: RecordFeed {
    private let blocks: CSVBlocks
    private let cutter: RecordCutter
    private var block: CSVBlock?
    private var at = 0

    init(_ blocks: CSVBlocks, dialect: CSVDialect, expectedColumns: Int, wanted: [Int]) {
        self.blocks = blocks
        cutter = RecordCutter(dialect: dialect, expectedColumns: expectedColumns, wanted: wanted)
    }

    override func next(_ batch: CellBatch) throws(IngestError) -> Bool {
        batch.clear()
        while true {
            guard let current = block else {
                guard let fresh = try blocks.next() else { return false }
                block = fresh
                at = 0
                cutter.forgetMarks()
                continue
            }
            if current.damage != .none {
                batch.offsets[0] = current.offset
                batch.lengths[0] = UInt32(truncatingIfNeeded: current.count)
                batch.damage[0] = current.damage
                for column in 0..<batch.columns { batch.column(column)[0] = .absent }
                batch.rows = 1
                blocks.giveBack(current)
                block = nil
                return true
            }
            cutter.fill(batch, from: current.bytes, count: current.count, at: &at, offset: current.offset)
            if batch.rows > 0 { return true }
            blocks.giveBack(current)
            block = nil
        }
    }
}
