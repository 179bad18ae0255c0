@testable import Columns

/// A table with one column of every type that is written, with nulls, empty and awkward values.
struct SampleTable {
    static let fields = [
        ColumnField("i32", .int32), ColumnField("i64", .int64), ColumnField("money", .decimal64(scale: 2)),
        ColumnField("price", .decimal64(scale: 6)), ColumnField("day", .date32), ColumnField("second", .time32),
        ColumnField("flag", .bool), ColumnField("text", .utf8), ColumnField("code", .dictionary),
        ColumnField("tags", .listUtf8), ColumnField("score", .float64), ColumnField("sure", .int32, nullable: false),
        ColumnField("plain", .utf8), ColumnField("unused", .dictionary),
    ]
    static let dictionary = StringTable(["", "甲", "beta", "γ"])
    static let dictionaries = [8: dictionary]

    /// Columns for `rows` rows, the first of which has the number `start`. Every third value is null.
    static func columns(_ rows: Int, from start: Int = 0, nulls: Bool = true) -> [ColumnBuffer] {
        let columns = fields.map { ColumnBuffer($0.type) }
        fill(columns, rows, from: start, nulls: nulls)
        return columns
    }

    static func fill(_ columns: [ColumnBuffer], _ rows: Int, from start: Int, nulls: Bool) {
        for (index, column) in columns.enumerated() {
            column.reset()
            for row in start..<(start + rows) {
                let isNull = nulls && (row + index) % 3 == 0 && fields[index].nullable && index != 12
                if isNull || index == 13 {
                    column.appendNull()
                    continue
                }
                switch column.type {
                case .int32: column.append(Int32(row) &* 7919 &- 1000)
                case .date32: column.append(Int32(row) &* 13 &- 1000)
                case .time32: column.append(Int32(row % 86400))
                case .dictionary: column.append(Int32(row % 4))
                case .int64: column.append(Int64(row) &* 1_000_000_007)
                case .decimal64: column.append(Int64(row) &* 12345 &- 99)
                case .bool: column.append(row % 2 == 0)
                case .utf8: column.append(row % 5 == 0 ? "" : "第\(row)行, \"x\"")
                case .listUtf8: column.append(list: (0..<(row % 4)).map { "t\($0)-\(row)" })
                case .float64: column.append(Double(row) / 8)
                default: column.appendNull()
                }
            }
        }
    }

    /// Values as text, so that columns of any type can be compared.
    static func describe(_ view: ColumnView, dictionary: ColumnView? = nil) -> [String] {
        (0..<view.count).map { row in
            guard view.isValid(row) else { return "null" }
            switch view.type {
            case .int32, .date32, .time32: return "\(view.int32[row])"
            case .int64, .decimal64: return "\(view.int64[row])"
            case .bool: return "\(view.bool(row))"
            case .utf8: return view.string(row)
            case .dictionary: return dictionary?.string(Int(view.int32[row])) ?? "?"
            case .listUtf8: return "\(view.strings(row))"
            case .float64: return "\(view.float64[row])"
            default: return "\(view.type)"
            }
        }
    }

    /// Writes batches of the given sizes and returns what was written.
    static func write(
        to path: String, batches: [Int], nulls: Bool = true, format: ArrowWriter.Format = .file, disk: Disk = Disk()
    ) throws -> FileSummary {
        let writer = try ArrowWriter(
            path: path, fields: fields, metadata: ["maker": "test", "名": "值"], dictionaries: dictionaries,
            format: format, disk: disk)
        let columns = fields.map { ColumnBuffer($0.type) }
        var start = 0
        for rows in batches {
            fill(columns, rows, from: start, nulls: nulls)
            try writer.write(columns, rows: rows)
            start += rows
        }
        return try writer.finish()
    }
}
