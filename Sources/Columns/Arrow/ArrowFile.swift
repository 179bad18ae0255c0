/// A memory-mapped Arrow file.
package final class ArrowFile: @unchecked Sendable {
    package let path: String
    package let fields: [ColumnField]
    package let metadata: [String: String]
    package let batchCount: Int

    package init(path: String, checksums: [UInt32]? = nil) throws(ColumnsError) {
        self.path = path
        fields = []
        metadata = [:]
        batchCount = 0
        throw ColumnsError("COL000", "reading is not in this build", at: path, advice: "Use a later build")
    }

    package var totalRows: Int { (0..<batchCount).reduce(0) { $0 + rowCount(ofBatch: $1) } }

    package func rowCount(ofBatch batch: Int) -> Int { 0 }

    package func index(of name: String) -> Int? { fields.firstIndex { $0.name == name } }

    package func column(_ index: Int, batch: Int) throws(ColumnsError) -> ColumnView {
        throw ColumnsError("COL000", "reading is not in this build", at: path, advice: "Use a later build")
    }

    package func dictionary(_ column: Int) throws(ColumnsError) -> StringTable {
        throw ColumnsError("COL000", "reading is not in this build", at: path, advice: "Use a later build")
    }

    package func release(batch: Int) {}

    package func verifyAll() -> [DatasetProblem] { [] }
}
