/// Rows of earlier segments that no longer hold, because a later segment withdrew or corrected them (撤销).
///
/// A segment names them in its table `withdrawn` (columns `table` and `id`). A name hides every row so named in the
/// segments before it, never in its own or a later one. Held in memory: corrections are few beside what they correct.
package final class WithdrawnRows: Sendable {
    package static let table = "withdrawn"
    package static let fields = [
        ColumnField("table", .utf8, nullable: false), ColumnField("id", .utf8, nullable: false),
    ]

    private struct Names: @unchecked Sendable {
        let ids: StringDictionary
        /// By number of the id: the newest segment that names it.
        var newest: [Int32]
    }

    private let tables: [String: Names]

    package init(_ segments: [Segment]) throws(ColumnsError) {
        var tables: [String: Names] = [:]
        for (number, segment) in segments.enumerated() {
            guard let file = try segment.file(Self.table), let tableColumn = file.index(of: "table"),
                let idColumn = file.index(of: "id"), file.fields[tableColumn].type == .utf8,
                file.fields[idColumn].type == .utf8
            else { continue }
            for batch in 0..<file.batchCount {
                let names = try file.column(tableColumn, batch: batch)
                let ids = try file.column(idColumn, batch: batch)
                for row in 0..<names.count {
                    let table = names.string(row)
                    var entry = tables[table] ?? Names(ids: StringDictionary(), newest: [])
                    let code = Int(entry.ids.code(for: ids.utf8(row)))
                    if code == entry.newest.count { entry.newest.append(0) }
                    entry.newest[code] = Int32(truncatingIfNeeded: number)
                    tables[table] = entry
                }
            }
        }
        self.tables = tables
    }

    package var isEmpty: Bool { tables.isEmpty }

    /// Whether any row of a table was withdrawn.
    package func mentions(_ table: String) -> Bool { tables[table] != nil }

    /// Whether a row of segment `number` no longer holds.
    package func hides(_ table: String, _ id: UnsafeBufferPointer<UInt8>, segment number: Int) -> Bool {
        guard let names = tables[table], let code = names.ids.known(id) else { return false }
        return number < Int(names.newest[Int(code)])
    }

    /// How many names each table has.
    package var counts: [String: Int] { tables.mapValues(\.newest.count) }
}
