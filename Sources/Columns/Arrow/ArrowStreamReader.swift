/// Reads an Arrow stream batch by batch from a file descriptor or from bytes.
package final class ArrowStreamReader {
    package let fields: [ColumnField]
    package let metadata: [String: String]

    package init(descriptor: Int32, name: String, limits: ArrowLimits = ArrowLimits()) throws(ColumnsError) {
        fields = []
        metadata = [:]
        throw ColumnsError("COL000", "reading is not in this build", at: name, advice: "Use a later build")
    }

    package init(bytes: [UInt8], name: String, limits: ArrowLimits = ArrowLimits()) throws(ColumnsError) {
        fields = []
        metadata = [:]
        throw ColumnsError("COL000", "reading is not in this build", at: name, advice: "Use a later build")
    }

    /// The next batch; nil at the end of the stream.
    package func next() throws(ColumnsError) -> RecordBatch? { nil }

    /// The strings of a dictionary column; complete before the first batch.
    package func dictionary(_ column: Int) throws(ColumnsError) -> StringTable { StringTable([]) }
}

/// One record batch of a stream; its views live as long as it does.
package final class RecordBatch {
    package let rows: Int
    package let columnCount: Int

    init(rows: Int, columnCount: Int) {
        self.rows = rows
        self.columnCount = columnCount
    }

    package func column(_ index: Int) throws(ColumnsError) -> ColumnView {
        throw ColumnsError("COL000", "reading is not in this build", at: "stream", advice: "Use a later build")
    }
}

/// Bounds on what foreign bytes may ask for.
package struct ArrowLimits: Sendable {
    package var metadataBytes = 64 << 20
    package var bodyBytes = 2 << 30
    package var fields = 4096
    package var depth = 16
    package init() {}
}
