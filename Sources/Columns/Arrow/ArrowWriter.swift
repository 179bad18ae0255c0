import CKernels

/// What was written.
package struct FileSummary: Equatable, Sendable {
    package let bytes: Int
    /// SHA-256 of the whole file, lower-case hex.
    package let sha256: String
    /// CRC-32C of the footer, then of each dictionary and batch: its metadata and its buffers, in file order.
    package let checksums: Checksums
    package let rows: Int
}

/// Writes an Arrow file or stream, batch by batch: uncompressed, little endian, buffers at multiples of 64 bytes.
///
/// Equal columns give equal bytes. All dictionaries are written before the first batch. A file that was not finished is
/// no Arrow file.
package final class ArrowWriter {
    package enum Format: Sendable { case file, stream }

    package let fields: [ColumnField]
    private let sink: FileSink
    private let format: Format
    private let metadata: [String: String]
    private let dictionaryCounts: [Int]
    private var dictionaryBlocks: [Int64] = []
    private var batchBlocks: [Int64] = []
    private var checksums: [UInt32] = []
    private var rows = 0

    private static let alignment = 64

    /// Writes a new file; one that is there already is an error.
    package convenience init(
        path: String, fields: [ColumnField], metadata: [String: String] = [:], dictionaries: [Int: StringTable] = [:],
        format: Format = .file, disk: Disk = Disk()
    ) throws(ColumnsError) {
        try self.init(try FileSink(path: path, disk: disk), fields, metadata, dictionaries, format)
    }

    /// Writes to a descriptor that stays open: a pipe, standard output.
    package convenience init(
        descriptor: Int32, name: String, fields: [ColumnField], metadata: [String: String] = [:],
        dictionaries: [Int: StringTable] = [:], format: Format = .stream, disk: Disk = Disk()
    ) throws(ColumnsError) {
        try self.init(
            FileSink(descriptor: descriptor, name: name, disk: disk), fields, metadata, dictionaries, format)
    }

    private init(
        _ sink: FileSink, _ fields: [ColumnField], _ metadata: [String: String], _ dictionaries: [Int: StringTable],
        _ format: Format
    ) throws(ColumnsError) {
        for field in fields { precondition(field.type.isWritable, "columns of type \(field.type) are not written") }
        self.sink = sink
        self.fields = fields
        self.metadata = metadata
        self.format = format
        dictionaryCounts = fields.indices.map { dictionaries[$0]?.count ?? 0 }
        if format == .file { try sink.write(Array("ARROW1\0\0".utf8)) }
        var builder = FlatBufferBuilder()
        let schema = builder.schema(fields, metadata: metadata)
        _ = try write(message: &builder, kind: 1, header: schema, bodyLength: 0)
        for (index, field) in fields.enumerated() where field.type == .dictionary {
            try write(dictionaries[index] ?? StringTable([]), id: Int64(index))
        }
    }

    /// Writes one record batch of `rows` rows; the columns are in the order and of the types of the fields.
    package func write(_ columns: [ColumnBuffer], rows: Int) throws(ColumnsError) {
        precondition(columns.count == fields.count, "\(columns.count) columns for \(fields.count) fields")
        var body = BatchBody()
        for (index, column) in columns.enumerated() {
            let field = fields[index]
            precondition(column.type == field.type, "column '\(field.name)' is \(column.type), not \(field.type)")
            precondition(column.count == rows, "column '\(field.name)' has \(column.count) rows, not \(rows)")
            guard !column.isOverfull else {
                throw refused("column '\(field.name)' has over 2 GiB of strings in one batch", "Write smaller batches")
            }
            guard field.nullable || column.nullCount == 0 else {
                throw refused("column '\(field.name)' has nulls and may not", "Reject the rows that lack it")
            }
            if field.type == .dictionary { try check(column, index) }
            body.add(column.view)
        }
        try write(body, rows: rows, into: &batchBlocks) { builder, batch in (3, batch) }
        self.rows += rows
    }

    /// The batches written so far.
    package var batchCount: Int { batchBlocks.count / 3 }

    /// CRC-32C of the checksums of all dictionaries and batches written so far: equal content has an equal one.
    package var checksumSoFar: UInt32 { checksums.withUnsafeBytes { crc32c($0) } }

    /// Makes durable what was written so far.
    package func sync() throws(ColumnsError) { try sink.sync() }

    /// Ends the file or stream and makes it durable.
    package func finish() throws(ColumnsError) -> FileSummary {
        try sink.write([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
        var footerChecksum: [UInt32] = []
        if format == .file {
            var builder = FlatBufferBuilder()
            let schema = builder.schema(fields, metadata: metadata)
            let dictionaries = builder.vector(words: dictionaryBlocks, wordsPerElement: 3)
            let batches = builder.vector(words: batchBlocks, wordsPerElement: 3)
            let footer = builder.table([
                (0, .int16(4)), (1, .reference(schema)), (2, .reference(dictionaries)), (3, .reference(batches)),
            ])
            var bytes = builder.finish(root: footer)
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: bytes.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: "ARROW1".utf8)
            footerChecksum = [bytes.withUnsafeBytes { crc32c($0) }]
            try sink.write(bytes)
        }
        let hash = try sink.finish()
        return FileSummary(
            bytes: sink.position, sha256: hash, checksums: Checksums(footerChecksum + checksums), rows: rows)
    }

    private func check(_ column: ColumnBuffer, _ index: Int) throws(ColumnsError) {
        let view = column.view
        let codes = view.values.assumingMemoryBound(to: UInt32.self)
        guard view.nullCount < view.count else { return }
        guard Int(yj_max_u32(codes, view.count)) < dictionaryCounts[index] else {
            throw refused("column '\(fields[index].name)' has a code outside its dictionary", "Report this as a fault")
        }
    }

    private func write(_ dictionary: StringTable, id: Int64) throws(ColumnsError) {
        var body = BatchBody()
        body.add(dictionary.view)
        try write(body, rows: dictionary.count, into: &dictionaryBlocks) { builder, batch in
            (2, builder.table([(0, .int64(id)), (1, .reference(batch))]))
        }
    }

    private func write(
        _ body: BatchBody, rows: Int, into blocks: inout [Int64],
        header: (inout FlatBufferBuilder, FlatBufferBuilder.Reference) -> (Int8, FlatBufferBuilder.Reference)
    ) throws(ColumnsError) {
        var builder = FlatBufferBuilder()
        let nodes = builder.vector(words: body.nodes, wordsPerElement: 2)
        let buffers = builder.vector(words: body.places(alignment: Self.alignment), wordsPerElement: 2)
        let batch = builder.table([(0, .int64(Int64(rows))), (1, .reference(nodes)), (2, .reference(buffers))])
        let (kind, reference) = header(&builder, batch)
        let start = sink.position
        let length = body.length(alignment: Self.alignment)
        let metadata = try write(message: &builder, kind: kind, header: reference, bodyLength: length)
        blocks += [Int64(start), Int64(metadata), Int64(length)]
        for buffer in body.buffers {
            checksums.append(crc32c(buffer))
            try sink.write(buffer)
            try sink.pad(to: Self.alignment)
        }
    }

    /// Writes a message's metadata so that its body begins at a multiple of 64. Returns its length with the prefix.
    private func write(
        message builder: inout FlatBufferBuilder, kind: Int8, header: FlatBufferBuilder.Reference, bodyLength: Int
    ) throws(ColumnsError) -> Int {
        let message = builder.table([
            (0, .int16(4)), (1, .int8(kind)), (2, .reference(header)), (3, .int64(Int64(bodyLength))),
        ])
        let bytes = builder.finish(root: message)
        let end = sink.position + 8 + bytes.count
        let padding = (Self.alignment - end % Self.alignment) % Self.alignment
        var framed: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: bytes.count + padding).littleEndian) {
            framed.append(contentsOf: $0)
        }
        framed += bytes
        framed += [UInt8](repeating: 0, count: padding)
        if kind != 1 { checksums.append(framed.withUnsafeBytes { crc32c($0) }) }
        try sink.write(framed)
        return framed.count
    }

    private func refused(_ message: String, _ advice: String) -> ColumnsError {
        ColumnsError("COL031", message, at: sink.path, advice: advice)
    }
}

/// The nodes and buffers of a batch in the order of the format.
private struct BatchBody {
    private(set) var nodes: [Int64] = []
    private(set) var buffers: [UnsafeRawBufferPointer] = []
    /// Copies of offsets that had to be moved to begin at zero.
    private var moved: [ColumnBuffer] = []

    mutating func add(_ column: ColumnView) {
        var view = column
        if let offsets = column.offsets, column.count > 0, offsets[0] != 0 {
            let copy = ColumnBuffer(copying: column)
            moved.append(copy)
            view = copy.view
        }
        addNode(view.count, view.nullCount)
        addBuffer(view.nullCount > 0 ? view.validity.map { UnsafeRawPointer($0) } : nil, (view.count + 7) / 8)
        switch view.type {
        case .bool: addBuffer(view.values, (view.count + 7) / 8)
        case .utf8:
            let end = addOffsets(view.offsets, view.count)
            addBuffer(view.values, end)
        case .listUtf8:
            let items = addOffsets(view.offsets, view.count)
            addNode(items, 0)
            addBuffer(nil, 0)
            let end = addOffsets(view.itemOffsets, items)
            addBuffer(view.values, end)
        default: addBuffer(view.values, view.count * (view.type.width ?? 0))
        }
    }

    func places(alignment: Int) -> [Int64] {
        var places: [Int64] = []
        var offset = 0
        for buffer in buffers {
            places += [Int64(offset), Int64(buffer.count)]
            offset += Self.padded(buffer.count, alignment)
        }
        return places
    }

    func length(alignment: Int) -> Int { buffers.reduce(0) { $0 + Self.padded($1.count, alignment) } }

    private static func padded(_ length: Int, _ alignment: Int) -> Int {
        (length + alignment - 1) / alignment * alignment
    }

    private mutating func addNode(_ count: Int, _ nulls: Int) { nodes += [Int64(count), Int64(nulls)] }

    private mutating func addBuffer(_ start: UnsafeRawPointer?, _ count: Int) {
        buffers.append(UnsafeRawBufferPointer(start: start ?? Zeros.bytes, count: start == nil ? 0 : count))
    }

    /// Adds `count + 1` offsets and returns the last.
    private mutating func addOffsets(_ offsets: UnsafePointer<Int32>?, _ count: Int) -> Int {
        guard let offsets, count > 0 else {
            addBuffer(UnsafeRawPointer(Zeros.offsets), 4)
            return 0
        }
        addBuffer(UnsafeRawPointer(offsets), (count + 1) * 4)
        return Int(offsets[count])
    }
}
