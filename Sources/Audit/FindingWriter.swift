import Columns

/// Writes `findings.arrow` from encoded chunks that arrive in any order: rows stand in chunk order, in batches of
/// fixed size, so that the bytes do not depend on chunk size or threads.
final class FindingWriter {
    static let batchRows = 65_536

    private let writer: ArrowWriter
    private var batch = FindingColumns.fields.map { ColumnBuffer($0.type) }
    private var batchCount = 0
    private(set) var rows = 0
    private var waiting: [Int: (columns: [ColumnBuffer], rows: Int)] = [:]
    private var next = 0

    init(path: String, dictionaries: FindingDictionaries, metadata: [String: String]) throws {
        writer = try ArrowWriter(
            path: path, fields: FindingColumns.fields, metadata: metadata, dictionaries: dictionaries.tables)
    }

    /// Takes the findings of one chunk; writes as far as chunks are complete in order.
    func deposit(_ chunk: Int, _ columns: [ColumnBuffer], rows: Int) throws {
        waiting[chunk] = (columns, rows)
        while let ready = waiting.removeValue(forKey: next) {
            next += 1
            try append(ready.columns, rows: ready.rows)
        }
    }

    func finish() throws -> FileSummary {
        precondition(waiting.isEmpty, "chunks \(waiting.keys.sorted()) arrived, but not \(next)")
        if batchCount > 0 { try flush() }
        return try writer.finish()
    }

    private func append(_ columns: [ColumnBuffer], rows count: Int) throws {
        rows += count
        var start = 0
        while start < count {
            let taken = min(count - start, Self.batchRows - batchCount)
            for (index, column) in columns.enumerated() {
                batch[index].append(rows: start..<start + taken, of: column.view)
            }
            batchCount += taken
            start += taken
            if batchCount == Self.batchRows { try flush() }
        }
    }

    private func flush() throws {
        try writer.write(batch, rows: batchCount)
        for column in batch { column.reset() }
        batchCount = 0
    }
}
