/// How one column of a file or stream lies in a record batch.
struct ArrowColumn {
    /// How the bytes of the column are to be read.
    enum Layout: Equatable {
        case plain(width: Int)
        case bits
        /// UTF-8 with offsets of 32 or 64 bits.
        case text(isLarge: Bool)
        /// UTF-8 as 16-byte views with any number of data buffers.
        case textView
        case listOfText
        /// Codes into dictionary `id`.
        case coded(width: Int, isSigned: Bool, id: Int64, values: Text)
        case none
        case skipped
    }

    /// The three ways in which strings come.
    enum Text: Equatable { case small, large, view }

    let field: ColumnField
    let layout: Layout
    /// Places of the column's first entry in the lists of nodes, buffers and variadic counts of a batch; the place of
    /// the first buffer does not count the variadic buffers of earlier columns.
    let firstNode: Int
    let firstBuffer: Int
    let bufferCount: Int
    let firstVariadic: Int
}

/// The schema of a file or stream, decoded and counted out.
struct ArrowSchema {
    private(set) var columns: [ArrowColumn] = []
    private(set) var metadata: [String: String] = [:]
    private(set) var nodesPerBatch = 0
    /// Without variadic buffers.
    private(set) var buffersPerBatch = 0
    private(set) var variadicsPerBatch = 0
    private var fieldCount = 0
    private let limits: ArrowLimits

    var fields: [ColumnField] { columns.map(\.field) }

    init(columns: [ArrowColumn], limits: ArrowLimits) {
        self.columns = columns
        self.limits = limits
    }

    init(_ schema: FlatTable, limits: ArrowLimits) throws(Malformed) {
        self.limits = limits
        guard try schema.int16(0) == 0 else { throw Malformed("the bytes are big-endian") }
        for table in try schema.tables(1, limit: limits.fields) {
            let (node, buffer, variadic) = (nodesPerBatch, buffersPerBatch, variadicsPerBatch)
            let (field, layout) = try top(table)
            columns.append(
                ArrowColumn(
                    field: field, layout: layout, firstNode: node, firstBuffer: buffer,
                    bufferCount: buffersPerBatch - buffer, firstVariadic: variadic))
        }
        metadata = try Self.pairs(schema, slot: 2)
    }

    /// A column that is a dictionary's content.
    static func dictionaryColumn(_ text: ArrowColumn.Text) -> ArrowColumn {
        let layout: ArrowColumn.Layout =
            switch text {
            case .small: .text(isLarge: false)
            case .large: .text(isLarge: true)
            case .view: .textView
            }
        return ArrowColumn(
            field: ColumnField("dictionary", .utf8), layout: layout, firstNode: 0, firstBuffer: 0,
            bufferCount: text == .view ? 2 : 3, firstVariadic: 0)
    }

    static func pairs(_ table: FlatTable, slot: Int) throws(Malformed) -> [String: String] {
        var pairs: [String: String] = [:]
        for pair in try table.tables(slot, limit: 1024) {
            if let key = try pair.string(0) { pairs[key] = try pair.string(1) ?? "" }
        }
        return pairs
    }

    private mutating func top(_ table: FlatTable) throws(Malformed) -> (ColumnField, ArrowColumn.Layout) {
        let name = try table.string(0) ?? ""
        let nullable = try table.bool(1)
        let (type, layout): (ColumnType, ArrowColumn.Layout)
        if let encoding = try table.table(4) {
            (type, layout) = try coded(table, encoding)
        } else {
            (type, layout) = try plain(table, depth: 0)
        }
        return (ColumnField(name, type, nullable: nullable), layout)
    }

    private mutating func coded(
        _ table: FlatTable, _ encoding: FlatTable
    ) throws(Malformed) -> (ColumnType, ArrowColumn.Layout) {
        try countField()
        nodesPerBatch += 1
        buffersPerBatch += 2
        var (width, isSigned) = (4, true)
        if let index = try encoding.table(1) {
            width = Int(try index.int32(0)) / 8
            isSigned = try index.bool(1)
        }
        guard [1, 2, 4, 8].contains(width) else { throw Malformed("a dictionary has codes of \(width) bytes") }
        let text: ArrowColumn.Text
        switch try table.int8(2) {
        case Kind.utf8: text = .small
        case Kind.largeUtf8: text = .large
        case Kind.utf8View: text = .view
        case let kind: return (.unsupported("dictionary of \(Kind.name(kind))"), .skipped)
        }
        return (.dictionary, .coded(width: width, isSigned: isSigned, id: try encoding.int64(0), values: text))
    }

    private mutating func countField() throws(Malformed) {
        fieldCount += 1
        guard fieldCount <= limits.fields else { throw Malformed("there are more than \(limits.fields) fields") }
    }

    /// Counts the nodes and buffers of a field and its children, and tells how to read it.
    private mutating func plain(
        _ table: FlatTable, depth: Int
    ) throws(Malformed) -> (ColumnType, ArrowColumn.Layout) {
        try countField()
        guard depth <= limits.depth else { throw Malformed("fields are nested deeper than \(limits.depth)") }
        if depth > 0, let encoding = try table.table(4) {
            _ = encoding
            nodesPerBatch += 1
            buffersPerBatch += 2
            return (.unsupported("dictionary inside a nested column"), .skipped)
        }
        let kind = try table.int8(2)
        let detail = try table.table(3)
        let shape = try Kind.shape(kind, detail)
        nodesPerBatch += 1
        buffersPerBatch += shape.buffers
        variadicsPerBatch += shape.isVariadic ? 1 : 0
        var children: [ArrowColumn.Layout] = []
        for child in try table.tables(5, limit: limits.fields) {
            children.append(try plain(child, depth: depth + 1).1)
        }
        if kind == Kind.list, children == [.text(isLarge: false)] { return (.listUtf8, .listOfText) }
        guard let type = try Kind.type(kind, detail), children.isEmpty else {
            return (.unsupported(Kind.name(kind)), .skipped)
        }
        switch type {
        case .null: return (type, .none)
        case .bool: return (type, .bits)
        case .utf8:
            if kind == Kind.utf8View { return (type, .textView) }
            return (type, .text(isLarge: kind == Kind.largeUtf8))
        default:
            guard let width = type.width else { return (.unsupported(Kind.name(kind)), .skipped) }
            return (type, .plain(width: width))
        }
    }
}

/// Arrow's numbers for types, and what each means for the layout of a batch.
enum Kind {
    static let int: Int8 = 2
    static let float: Int8 = 3
    static let utf8: Int8 = 5
    static let bool: Int8 = 6
    static let decimal: Int8 = 7
    static let date: Int8 = 8
    static let time: Int8 = 9
    static let timestamp: Int8 = 10
    static let list: Int8 = 12
    static let largeUtf8: Int8 = 20
    static let utf8View: Int8 = 24

    private static let names: [Int8: String] = [
        1: "null", 2: "integer", 3: "float", 4: "binary", 5: "utf8", 6: "bool", 7: "decimal", 8: "date", 9: "time",
        10: "timestamp", 11: "interval", 12: "list", 13: "struct", 14: "union", 15: "fixed-size binary",
        16: "fixed-size list", 17: "map", 18: "duration", 19: "large binary", 20: "large utf8", 21: "large list",
        22: "run-end encoded", 23: "binary view", 24: "utf8 view", 25: "list view", 26: "large list view",
    ]

    static func name(_ kind: Int8) -> String { names[kind] ?? "type \(kind)" }

    /// The buffers of a field itself, without its children.
    static func shape(_ kind: Int8, _ detail: FlatTable?) throws(Malformed) -> (buffers: Int, isVariadic: Bool) {
        switch kind {
        case 1, 22: (0, false)
        case 2, 3, 6...11, 15, 18, 12, 17, 21: (2, false)
        case 4, 5, 19, 20, 25, 26: (3, false)
        case 13, 16: (1, false)
        case 14: (try detail?.int16(0) == 1 ? 2 : 1, false)
        case 23, 24: (2, true)
        default: throw Malformed("a field has the unknown type \(kind)")
        }
    }

    /// Our type for a field without children; nil when we have none.
    static func type(_ kind: Int8, _ detail: FlatTable?) throws(Malformed) -> ColumnType? {
        switch kind {
        case 1: return .null
        case utf8, largeUtf8, utf8View: return .utf8
        case bool: return .bool
        case int:
            guard let detail else { return nil }
            return integer(bits: try detail.int32(0), isSigned: try detail.bool(1))
        case float:
            switch try detail?.int16(0) {
            case 1: return .float32
            case 2: return .float64
            default: return nil
            }
        case decimal:
            guard let detail else { return nil }
            let scale = Int(try detail.int32(1))
            switch try detail.int32(2, default: 128) {
            case 64: return (0...18).contains(scale) ? .decimal64(scale: scale) : nil
            case 128: return (0...38).contains(scale) ? .decimal128(scale: scale) : nil
            default: return nil
            }
        case date: return try detail?.int16(0, default: 1) == 0 ? .date32 : .date64
        case time:
            let unit = try detail?.int16(0, default: 1) ?? 1
            let bits = try detail?.int32(1, default: 32) ?? 32
            guard let units = unitsPerSecond(unit), (bits == 32) == (units <= 1000) else { return nil }
            return units == 1 ? .time32 : .time(unitsPerSecond: units)
        case timestamp:
            guard let units = unitsPerSecond(try detail?.int16(0) ?? 0) else { return nil }
            return .timestamp(unitsPerSecond: units, zone: try detail?.string(1))
        default: return nil
        }
    }

    private static func integer(bits: Int32, isSigned: Bool) -> ColumnType? {
        switch (bits, isSigned) {
        case (8, true): .int8
        case (16, true): .int16
        case (32, true): .int32
        case (64, true): .int64
        case (8, false): .uint8
        case (16, false): .uint16
        case (32, false): .uint32
        case (64, false): .uint64
        default: nil
        }
    }

    private static func unitsPerSecond(_ unit: Int16) -> Int64? {
        switch unit {
        case 0: 1
        case 1: 1000
        case 2: 1_000_000
        case 3: 1_000_000_000
        default: nil
        }
    }
}
