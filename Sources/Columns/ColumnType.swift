/// The type of a column as the rest of the house sees it.
///
/// The first group is what our files are made of. The second is accepted when foreign files or streams are read.
/// Large strings and string views arrive as `utf8`, dictionaries with any index width as `dictionary`: the difference
/// is converted away while reading.
package enum ColumnType: Equatable, Sendable {
    case int32, int64
    /// An integer of 64 bits that counts units of 10^-scale.
    case decimal64(scale: Int)
    /// Days since 1970-01-01.
    case date32
    /// Seconds of the day.
    case time32
    case bool, utf8
    /// An int32 code that points into the file's one dictionary of strings.
    case dictionary
    /// A list of strings per row.
    case listUtf8
    case float64

    case int8, int16, uint8, uint16, uint32, uint64, float32
    /// 16 bytes a value, little endian.
    case decimal128(scale: Int)
    /// 64 bits since 1970-01-01T00:00 in units; `zone` nil means wall-clock time of no stated zone.
    case timestamp(unitsPerSecond: Int64, zone: String?)
    /// Milliseconds since 1970-01-01.
    case date64
    /// A time of day that does not count whole seconds: 32 bits for milliseconds, else 64.
    case time(unitsPerSecond: Int64)
    /// Every row is null; there are no values.
    case null
    /// A type that is known to Arrow and not to us; the column can be skipped, not read.
    case unsupported(String)

    /// Whether `ArrowWriter` writes it.
    package var isWritable: Bool {
        switch self {
        case .int32, .int64, .date32, .time32, .bool, .utf8, .dictionary, .listUtf8, .float64: true
        case .decimal64(let scale): (0...18).contains(scale)
        default: false
        }
    }

    /// Bytes of one value in `ColumnView.values`; nil where values are bits, strings, or absent.
    package var width: Int? {
        switch self {
        case .int8, .uint8: 1
        case .int16, .uint16: 2
        case .int32, .uint32, .date32, .time32, .dictionary, .float32: 4
        case .int64, .uint64, .decimal64, .timestamp, .date64, .float64: 8
        case .time(let unitsPerSecond): unitsPerSecond <= 1000 ? 4 : 8
        case .decimal128: 16
        case .bool, .utf8, .listUtf8, .null, .unsupported: nil
        }
    }
}

/// The name and type of one column.
package struct ColumnField: Equatable, Sendable {
    package let name: String
    package let type: ColumnType
    package let nullable: Bool

    package init(_ name: String, _ type: ColumnType, nullable: Bool = true) {
        self.name = name
        self.type = type
        self.nullable = nullable
    }
}
