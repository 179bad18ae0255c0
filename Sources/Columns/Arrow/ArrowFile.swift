import Synchronization

/// A memory-mapped Arrow file, opened in time that does not depend on its size.
///
/// With checksums, every byte is verified (CRC-32C) before its first use: the footer when the file is opened, a batch's
/// metadata and a column's buffers when they are first asked for. With or without them, offsets, codes and lengths are
/// checked before a view is handed out, so that a hostile file ends in an error. May be used from many threads.
package final class ArrowFile: @unchecked Sendable {
    package let path: String
    package let metadata: [String: String]
    package let batchCount: Int
    package var fields: [ColumnField] { schema.fields }

    private struct Extent {
        let offset: Int
        let metadataLength: Int
        let bodyLength: Int
        var end: Int { offset + metadataLength + bodyLength }
    }

    private struct Dictionary {
        let id: Int64
        let values: ArrowColumn.Text
        let extent: Extent
    }

    private struct Converted {
        let spill: Spill
        let view: ColumnView
    }

    private let file: MappedFile
    private let schema: ArrowSchema
    private let columnNumbers: [String: Int]
    private let limits: ArrowLimits
    private let batches: FlatVector?
    private let bodyEnd: Int
    private let dictionaries: [Dictionary]
    private let checksums: [UInt32]?
    private let checked: CheckedFlags
    /// Views that had to be converted, by flag number.
    private let converted = Mutex<[Int: Converted]>([:])

    private static let magic: [UInt8] = Array("ARROW1".utf8)

    /// Opens a file. `checksums` are those that `ArrowWriter.finish` returned for it; nil for a foreign file.
    package init(path: String, checksums: [UInt32]? = nil, limits: ArrowLimits = ArrowLimits()) throws(ColumnsError) {
        self.path = path
        self.limits = limits
        self.checksums = checksums
        file = try MappedFile(path: path)
        do throws(Malformed) {
            let footerRange = try Self.footer(of: file.bytes)
            if let checksums {
                guard let first = checksums.first,
                    crc32c(UnsafeRawBufferPointer(rebasing: file.bytes[footerRange.lowerBound...])) == first
                else { throw Malformed("the footer does not match its checksum") }
            }
            let footer = try FlatTable(root: UnsafeRawBufferPointer(rebasing: file.bytes[footerRange]))
            guard let table = try footer.table(1) else { throw Malformed("the footer has no schema") }
            schema = try ArrowSchema(table, limits: limits)
            metadata = schema.metadata
            batches = try footer.vector(3, elementSize: 24)
            batchCount = batches?.count ?? 0
            bodyEnd = footerRange.lowerBound
            guard batchCount <= limits.batchesPerFile else { throw Malformed("there are \(batchCount) batches") }
            dictionaries = try Self.dictionaries(
                footer, schema: schema, bytes: file.bytes, end: bodyEnd, checksums: checksums, limits: limits)
            if let checksums {
                let expected = 1 + 4 * dictionaries.count + batchCount * (1 + schema.buffersPerBatch)
                guard checksums.count == expected, schema.variadicsPerBatch == 0 else {
                    throw Malformed("there are \(checksums.count) checksums for \(expected) parts")
                }
            }
            try Self.checkExtents(
                batches, columns: schema.columns.count, dictionaries: dictionaries.map(\.extent), end: bodyEnd)
            checked = CheckedFlags(dictionaries.count + batchCount * (1 + schema.columns.count))
        } catch {
            throw ColumnsError(
                "COL020", "this is not a sound Arrow file: \(error.reason)", at: path,
                advice:
                    "Restore the file from its source; Arrow files (.arrow, Feather V2) without compression are read")
        }
        columnNumbers = Swift.Dictionary(
            schema.columns.enumerated().map { ($1.field.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package var byteCount: Int { file.bytes.count }

    package func index(of name: String) -> Int? { columnNumbers[name] }

    /// Rows of a batch; 0 when its metadata cannot be read, which `column` then explains.
    package func rowCount(ofBatch batch: Int) -> Int { (try? self.batch(batch).0.rows) ?? 0 }

    package var totalRows: Int {
        var total = 0
        for batch in 0..<batchCount { total += rowCount(ofBatch: batch) }
        return total
    }

    /// A column of a batch, verified. Valid until `release(batch:)` or the end of this object.
    package func column(_ index: Int, batch: Int) throws(ColumnsError) -> ColumnView {
        precondition(schema.columns.indices.contains(index), "\(path) has no column \(index)")
        let flag = dictionaries.count + batchCount + batch * schema.columns.count + index
        let column = schema.columns[index]
        do throws(Malformed) {
            if let view = converted.withLock({ $0[flag]?.view }) { return view }
            let (metadata, body) = try self.batch(batch)
            let isFirstTouch = !checked[flag]
            if isFirstTouch { try verify(column, of: metadata, batch: batch, body: body) }
            return try decode(
                ColumnDecoder(
                    column: column, batch: metadata, body: body, dictionaryCount: try dictionaryCount(column),
                    isFirstTouch: isFirstTouch, spill: Spill(limits)), flag: flag)
        } catch {
            throw damaged(error, "batch \(batch), column '\(column.field.name)'")
        }
    }

    /// The strings of a dictionary column's one dictionary.
    package func dictionary(_ column: Int) throws(ColumnsError) -> ColumnView {
        precondition(schema.columns.indices.contains(column), "\(path) has no column \(column)")
        let field = schema.columns[column]
        do throws(Malformed) {
            guard let number = try dictionaryNumber(field) else { return .noStrings }
            if let view = converted.withLock({ $0[number]?.view }) { return view }
            let (metadata, body) = try Self.dictionary(at: dictionaries[number].extent, file.bytes, limits)
            let isFirstTouch = !checked[number]
            if isFirstTouch, let checksums {
                try Self.verify(metadata, 0..<3, body, against: checksums, from: 2 + 4 * number)
            }
            let view = try decode(
                ColumnDecoder(
                    column: ArrowSchema.dictionaryColumn(dictionaries[number].values), batch: metadata, body: body,
                    dictionaryCount: 0, isFirstTouch: isFirstTouch, spill: Spill(limits)), flag: number)
            guard view.nullCount == 0 else { throw Malformed("the dictionary has null entries") }
            return view
        } catch {
            throw damaged(error, "dictionary of column '\(field.field.name)'")
        }
    }

    /// The same as a table that keeps this file open.
    package func strings(_ column: Int) throws(ColumnsError) -> StringTable {
        StringTable(try dictionary(column), owner: self)
    }

    /// Gives the memory of a batch back to the system; its views must not be used any more.
    package func release(batch: Int) {
        guard let extent = try? extent(batch) else { return }
        let first = dictionaries.count + batchCount + batch * schema.columns.count
        converted.withLock { views in
            guard !views.isEmpty else { return }
            for flag in first..<(first + schema.columns.count) { views[flag] = nil }
        }
        file.release(extent.offset..<extent.end)
    }

    /// Asks the system to read a batch ahead of its use.
    package func prefetch(batch: Int) {
        guard let extent = try? extent(batch) else { return }
        file.prefetch(extent.offset..<extent.end)
    }

    /// Reads everything and reports every batch, column or dictionary that is not sound.
    package func verifyAll() -> [DatasetProblem] {
        var problems: [DatasetProblem] = []
        func attempt(_ work: () throws(ColumnsError) -> Void) {
            do throws(ColumnsError) { try work() } catch {
                problems.append(DatasetProblem(error, path: path))
            }
        }
        for (index, column) in schema.columns.enumerated() {
            guard case .coded = column.layout else { continue }
            attempt { () throws(ColumnsError) in _ = try dictionary(index) }
        }
        for batch in 0..<batchCount {
            for (index, column) in schema.columns.enumerated() where column.layout != .skipped {
                attempt { () throws(ColumnsError) in _ = try self.column(index, batch: batch) }
            }
            release(batch: batch)
        }
        return problems
    }

    // MARK: - Finding the parts

    private static func footer(of bytes: UnsafeRawBufferPointer) throws(Malformed) -> Range<Int> {
        guard bytes.count >= 24, bytes[0..<6].elementsEqual(magic), bytes[(bytes.count - 6)...].elementsEqual(magic)
        else { throw Malformed("it does not begin and end with ARROW1") }
        let length = Int(bytes.loadUnaligned(fromByteOffset: bytes.count - 10, as: Int32.self))
        guard length >= 8, length <= bytes.count - 18 else { throw Malformed("its footer claims \(length) bytes") }
        return (bytes.count - 10 - length)..<(bytes.count - 10)
    }

    private static func extent(_ blocks: FlatVector, _ index: Int, end: Int) throws(Malformed) -> Extent {
        let offset = blocks.int64(index)
        let metadata = Int64(blocks.int32(index, at: 8))
        let body = blocks.int64(index, at: 16)
        let limit = Int64(end)
        guard offset >= 8, offset % 8 == 0, metadata >= 16, body >= 0, offset <= limit, metadata <= limit - offset,
            body <= limit - offset - metadata
        else { throw Malformed("a batch lies outside the file") }
        return Extent(offset: Int(offset), metadataLength: Int(metadata), bodyLength: Int(body))
    }

    /// Batches that share bytes, or more of them than bytes, would let a small file ask for endless work.
    private static func checkExtents(
        _ batches: FlatVector?, columns: Int, dictionaries: [Extent], end: Int
    ) throws(Malformed) {
        var rest = end
        for extent in dictionaries { rest -= extent.end - extent.offset }
        for index in 0..<(batches?.count ?? 0) {
            guard let batches, rest >= 0 else { break }
            let extent = try extent(batches, index, end: end)
            guard extent.metadataLength >= 16 * columns else { throw Malformed("a batch describes too few columns") }
            rest -= extent.end - extent.offset
        }
        guard rest >= 0 else { throw Malformed("batches overlap") }
    }

    private func extent(_ batch: Int) throws(Malformed) -> Extent {
        guard let batches, batch >= 0, batch < batches.count else {
            throw Malformed("there are \(batchCount) batches, none with the number \(batch)")
        }
        return try Self.extent(batches, batch, end: bodyEnd)
    }

    private static func message(
        _ extent: Extent, _ bytes: UnsafeRawBufferPointer, _ limits: ArrowLimits
    ) throws(Malformed) -> (ArrowMessage, UnsafeRawBufferPointer) {
        guard bytes.loadUnaligned(fromByteOffset: extent.offset, as: UInt32.self) == ArrowMessage.continuation else {
            throw Malformed("a batch does not begin with its mark")
        }
        let length = Int(bytes.loadUnaligned(fromByteOffset: extent.offset + 4, as: Int32.self))
        guard length >= 8, length <= extent.metadataLength - 8, length <= limits.metadataBytes else {
            throw Malformed("a batch's metadata claims \(length) bytes")
        }
        let start = extent.offset + 8
        let message = try ArrowMessage(
            UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)]), limits: limits)
        guard message.bodyLength <= extent.bodyLength else {
            throw Malformed("a batch's body is longer than the footer says")
        }
        let body = extent.offset + extent.metadataLength
        return (message, UnsafeRawBufferPointer(rebasing: bytes[body..<(body + message.bodyLength)]))
    }

    private static func dictionary(
        at extent: Extent, _ bytes: UnsafeRawBufferPointer, _ limits: ArrowLimits
    ) throws(Malformed) -> (BatchMetadata, UnsafeRawBufferPointer) {
        let (message, body) = try message(extent, bytes, limits)
        guard case .dictionary(_, _, let metadata) = message.header else {
            throw Malformed("the footer names a dictionary that is none")
        }
        return (metadata, body)
    }

    private static func dictionaries(
        _ footer: FlatTable, schema: ArrowSchema, bytes: UnsafeRawBufferPointer, end: Int, checksums: [UInt32]?,
        limits: ArrowLimits
    ) throws(Malformed) -> [Dictionary] {
        guard let blocks = try footer.vector(2, elementSize: 24) else { return [] }
        guard blocks.count <= limits.fields else { throw Malformed("there are \(blocks.count) dictionaries") }
        var known: [Int64: ArrowColumn.Text] = [:]
        for column in schema.columns {
            if case .coded(_, _, let id, let values) = column.layout { known[id] = values }
        }
        var dictionaries: [Dictionary] = []
        for index in 0..<blocks.count {
            let extent = try extent(blocks, index, end: end)
            if let checksums { try verify(bytes, extent, against: checksums, at: 1 + 4 * index) }
            let (message, _) = try message(extent, bytes, limits)
            guard case .dictionary(let id, let isDelta, let metadata) = message.header else {
                throw Malformed("the footer names a dictionary that is none")
            }
            guard !isDelta, !dictionaries.contains(where: { $0.id == id }) else {
                throw Malformed("a dictionary comes in pieces; write one full dictionary per column")
            }
            // A dictionary that belongs to no column we read stays unread.
            let values = known[id] ?? .small
            if known[id] != nil {
                try metadata.check(
                    nodes: 1, buffers: values == .view ? 2 : 3, variadics: values == .view ? 1 : 0,
                    body: message.bodyLength)
            }
            dictionaries.append(Dictionary(id: id, values: values, extent: extent))
        }
        return dictionaries
    }

    private func dictionaryNumber(_ column: ArrowColumn) throws(Malformed) -> Int? {
        guard case .coded(_, _, let id, _) = column.layout else { throw Malformed("the column has no dictionary") }
        return dictionaries.firstIndex { $0.id == id }
    }

    private func dictionaryCount(_ column: ArrowColumn) throws(Malformed) -> Int {
        guard case .coded = column.layout, let number = try dictionaryNumber(column) else { return 0 }
        return try Self.dictionary(at: dictionaries[number].extent, file.bytes, limits).0.rows
    }

    private func batch(_ batch: Int) throws(Malformed) -> (BatchMetadata, UnsafeRawBufferPointer) {
        let extent = try extent(batch)
        let flag = dictionaries.count + batch
        if let checksums, !checked[flag] {
            try Self.verify(file.bytes, extent, against: checksums, at: part(batch))
            checked.set(flag)
        }
        let (message, body) = try Self.message(extent, file.bytes, limits)
        guard case .batch(let metadata) = message.header else {
            throw Malformed("the footer names a batch that is none")
        }
        try metadata.check(
            nodes: schema.nodesPerBatch, buffers: schema.buffersPerBatch, variadics: schema.variadicsPerBatch,
            body: body.count)
        return (metadata, body)
    }

    // MARK: - Verifying

    /// The number of the checksum of a batch's metadata.
    private func part(_ batch: Int) -> Int { 1 + 4 * dictionaries.count + batch * (1 + schema.buffersPerBatch) }

    private func verify(
        _ column: ArrowColumn, of metadata: BatchMetadata, batch: Int, body: UnsafeRawBufferPointer
    ) throws(Malformed) {
        guard let checksums else { return }
        let first = column.firstBuffer
        try Self.verify(
            metadata, first..<(first + column.bufferCount), body, against: checksums, from: part(batch) + 1 + first)
    }

    private static func verify(
        _ bytes: UnsafeRawBufferPointer, _ extent: Extent, against checksums: [UInt32], at part: Int
    ) throws(Malformed) {
        let range = extent.offset..<(extent.offset + extent.metadataLength)
        guard part < checksums.count, crc32c(UnsafeRawBufferPointer(rebasing: bytes[range])) == checksums[part] else {
            throw Malformed("the metadata does not match its checksum")
        }
    }

    private static func verify(
        _ metadata: BatchMetadata, _ buffers: Range<Int>, _ body: UnsafeRawBufferPointer,
        against checksums: [UInt32], from part: Int
    ) throws(Malformed) {
        for (step, index) in buffers.enumerated() {
            let bytes = try metadata.buffer(index, in: body)
            guard part + step < checksums.count, crc32c(bytes) == checksums[part + step] else {
                throw Malformed("buffer \(step) does not match its checksum")
            }
        }
    }

    private func decode(_ decoder: ColumnDecoder, flag: Int) throws(Malformed) -> ColumnView {
        let view = try decoder.decode()
        if decoder.spill.isEmpty {
            checked.set(flag)
            return view
        }
        return converted.withLock { views in
            if let earlier = views[flag] { return earlier.view }
            views[flag] = Converted(spill: decoder.spill, view: view)
            return view
        }
    }

    private func damaged(_ error: Malformed, _ part: String) -> ColumnsError {
        ColumnsError(
            "COL021", error.reason, at: "\(path): \(part)",
            advice: "The file is damaged or not ours: run `yijian dataset verify`, restore it, or import it again")
    }
}

/// One bit of memory per part of a file: whether it was checked. Setting one twice does no harm.
private final class CheckedFlags: @unchecked Sendable {
    private let flags: UnsafeMutablePointer<Atomic<UInt8>>
    private let count: Int

    init(_ count: Int) {
        self.count = count
        flags = .allocate(capacity: max(1, count))
        for index in 0..<count { (flags + index).initialize(to: Atomic(0)) }
    }

    deinit {
        flags.deinitialize(count: count)
        flags.deallocate()
    }

    subscript(_ index: Int) -> Bool { flags[index].load(ordering: .acquiring) != 0 }

    func set(_ index: Int) { flags[index].store(1, ordering: .releasing) }
}
