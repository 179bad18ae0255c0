import Columns
import Glibc

/// Writes `findings.arrow` from encoded chunks that arrive in any order: rows stand in chunk order, in batches of
/// fixed size, so that the bytes do not depend on chunk size or threads.
final class FindingWriter {
    private let batchRows: Int
    private let writer: ArrowWriter
    private let dictionaries: [Int: StringTable]
    private var batch = FindingColumns.fields.map { ColumnBuffer($0.type) }
    private var batchCount = 0
    private(set) var rows = 0
    private var waiting: [Int: (columns: [ColumnBuffer], rows: Int)] = [:]
    private var next = 0

    init(
        path: String, dictionaries: FindingDictionaries, batchRows: Int, metadata: [String: String]
    ) throws {
        self.batchRows = batchRows
        self.dictionaries = dictionaries.tables
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

    /// How far the file is: what a later run needs to write on from here.
    struct Mark: Codable {
        /// Full batches in the file, and the CRC-32C of the checksums of everything in it.
        let batches: Int
        let checksum: UInt32
        /// The batch begun, which lies in a file of its own; nil when none is.
        let rest: Rest?
        /// The next chunk expected.
        let next: Int
        let rows: Int
    }

    struct Rest: Codable {
        let path: String
        let rows: Int
        let checksums: Checksums
    }

    /// Makes what was deposited durable, the batch begun in a file of the name given.
    func mark(rest path: String) throws -> Mark {
        precondition(waiting.isEmpty, "chunks \(waiting.keys.sorted()) arrived, but not \(next)")
        try writer.sync()
        var rest: Rest?
        if batchCount > 0 {
            let file = try ArrowWriter(path: path, fields: FindingColumns.fields, dictionaries: dictionaries)
            try file.write(batch, rows: batchCount)
            rest = Rest(path: path, rows: batchCount, checksums: try file.finish().checksums)
        }
        return Mark(
            batches: writer.batchCount, checksum: writer.checksumSoFar, rest: rest, next: next, rows: rows)
    }

    /// Writes again what another file had at its mark. False when that file is not what it was; this writer is of no
    /// use then.
    func takeUp(_ mark: Mark, from earlier: String) throws -> Bool {
        do {
            // An unfinished file is a stream behind eight bytes of magic, without an end.
            let descriptor = open(earlier, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            guard lseek(descriptor, 8, SEEK_SET) == 8 else { return false }
            if mark.batches > 0 {
                let stream = try ArrowStreamReader(descriptor: descriptor, name: earlier)
                for _ in 0..<mark.batches {
                    guard let read = try stream.next(), read.rows == batchRows else { return false }
                    try withExtendedLifetime(read) {
                        try append(
                            (0..<read.columnCount).map { ColumnBuffer(copying: try read.column($0)) }, rows: read.rows)
                    }
                }
            }
            guard writer.checksumSoFar == mark.checksum else { return false }
            if let rest = mark.rest {
                let file = try ArrowFile(path: rest.path, checksums: rest.checksums.values)
                guard file.batchCount == 1, file.rowCount(ofBatch: 0) == rest.rows else { return false }
                try withExtendedLifetime(file) {
                    try append(
                        FindingColumns.fields.indices.map { ColumnBuffer(copying: try file.column($0, batch: 0)) },
                        rows: rest.rows)
                }
            }
            next = mark.next
            return rows == mark.rows
        } catch let error as ColumnsError where error.code != "COL030" {
            return false
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
            let taken = min(count - start, batchRows - batchCount)
            for (index, column) in columns.enumerated() {
                batch[index].append(rows: start..<start + taken, of: column.view)
            }
            batchCount += taken
            start += taken
            if batchCount == batchRows { try flush() }
        }
    }

    private func flush() throws {
        try writer.write(batch, rows: batchCount)
        for column in batch { column.reset() }
        batchCount = 0
    }
}
