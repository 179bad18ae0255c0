import Claims
import Columns
import Rules

/// The scans of single trace codes in a dataset (追溯码扫码记录), read where they lie.
///
/// No index is held: a code is looked for among the codes of each segment, which costs a pass over their bytes and no
/// memory. Rows that a later segment took back are left out. Shared by threads.
struct DatasetScans: @unchecked Sendable {
    private struct Source {
        let segment: Int
        let file: ArrowFile
        /// By field of the table: its column.
        let columns: [Int?]
        let trace: Int
    }

    private let sources: [Source]
    private let withdrawn: WithdrawnRows

    init(_ dataset: Dataset) throws(ColumnsError) {
        var sources: [Source] = []
        for (number, segment) in dataset.segments.enumerated() {
            guard let file = try segment.file(Table.scan.rawValue), let trace = file.index(of: "trace") else {
                continue
            }
            let columns = Table.scan.fields.map { file.index(of: $0.name) }
            sources.append(Source(segment: number, file: file, columns: columns, trace: trace))
        }
        self.sources = sources
        withdrawn = try WithdrawnRows(dataset.segments)
    }

    var isEmpty: Bool { sources.isEmpty }

    func rows(of trace: String) throws(ColumnsError) -> [TimelineRow] {
        var found: [TimelineRow] = []
        for source in sources {
            guard source.file.fields[source.trace].type == .dictionary,
                let code = Self.place(of: Array(trace.utf8), in: try source.file.strings(source.trace))
            else { continue }
            for batch in 0..<source.file.batchCount {
                let view = try source.file.column(source.trace, batch: batch)
                for row in 0..<view.count where view.int32[row] == code && view.isValid(row) {
                    if let row = try self.row(row, batch, source) { found.append(row) }
                }
            }
        }
        return found
    }

    private static func place(of bytes: [UInt8], in words: StringTable) -> Int32? {
        for number in 0..<words.count {
            let start = Int(words.offsets[number])
            guard Int(words.offsets[number + 1]) - start == bytes.count else { continue }
            let own = UnsafeBufferPointer(start: words.bytes + start, count: bytes.count)
            if own.elementsEqual(bytes) { return Int32(number) }
        }
        return nil
    }

    /// nil when a later segment took it back.
    private func row(_ row: Int, _ batch: Int, _ source: Source) throws(ColumnsError) -> TimelineRow? {
        var id = ""
        var values: [CaseValue?] = []
        for (field, column) in source.columns.enumerated() {
            guard let column else {
                values.append(nil)
                continue
            }
            let view = try source.file.column(column, batch: batch)
            guard view.isValid(row) else {
                values.append(nil)
                continue
            }
            if Table.scan.fields[field].name == Table.scan.identifier {
                if withdrawn.hides(Table.scan.rawValue, view.utf8(row), segment: source.segment) { return nil }
                id = view.string(row)
            }
            values.append(try Self.value(view, row, source.file, column, Table.scan.fields[field].kind))
        }
        return TimelineRow(id: id, values: values)
    }

    private static func value(
        _ view: ColumnView, _ row: Int, _ file: ArrowFile, _ column: Int, _ kind: FieldKind
    ) throws(ColumnsError) -> CaseValue? {
        switch (view.type, kind) {
        case (.dictionary, _): .text(try file.strings(column).string(Int(view.int32[row])))
        case (.utf8, _): .text(view.string(row))
        case (.bool, _): .flag(view.bool(row))
        case (_, .day): .day(view.int32[row])
        case (_, .second): .second(view.int32[row])
        default: nil
        }
    }
}
