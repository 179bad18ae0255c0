/// What was written.
package struct FileSummary: Equatable, Sendable {
    package let bytes: Int
    package let sha256: String
    package let checksums: Checksums
    package let rows: Int
}

/// Writes an Arrow file or stream, batch by batch.
package final class ArrowWriter {
    package enum Format: Sendable { case file, stream }
    private let place: String

    package init(
        path: String, fields: [ColumnField], metadata: [String: String] = [:], dictionaries: [Int: StringTable] = [:],
        format: Format = .file
    ) throws(ColumnsError) {
        place = path
    }

    package init(
        descriptor: Int32, name: String, fields: [ColumnField], metadata: [String: String] = [:],
        dictionaries: [Int: StringTable] = [:], format: Format = .stream
    ) throws(ColumnsError) {
        place = name
    }

    /// Writes one record batch; every column has `rows` rows.
    package func write(_ columns: [ColumnBuffer], rows: Int) throws(ColumnsError) {
        throw ColumnsError("COL000", "writing is not in this build", at: place, advice: "Use a later build")
    }

    package func finish() throws(ColumnsError) -> FileSummary {
        throw ColumnsError("COL000", "writing is not in this build", at: place, advice: "Use a later build")
    }
}
