import Glibc

/// Reads an Arrow stream batch by batch, from a descriptor (a pipe, standard input) or from bytes.
///
/// Dictionaries are complete before the first batch; streams that extend or replace one later are refused. A stream
/// that ends without its end mark was cut off and is an error, since rows may be missing. One thread at a time.
package final class ArrowStreamReader {
    package let metadata: [String: String]
    package var fields: [ColumnField] { schema.fields }

    private struct StreamDictionary {
        let memory: BatchMemory
        let spill: Spill
        let view: ColumnView
    }

    private let source: StreamSource
    private let limits: ArrowLimits
    private let schema: ArrowSchema
    private var dictionaries: [Int64: StreamDictionary] = [:]
    private var dictionaryBytes = 0
    private var memory = BatchMemory()
    /// The first batch, read ahead to have all dictionaries.
    private var ahead: RecordBatch?
    private var isAtEnd = false
    private var batchNumber = 0

    /// Reads the schema and the dictionaries from a descriptor, which stays open and the caller's.
    package convenience init(
        descriptor: Int32, name: String, limits: ArrowLimits = ArrowLimits()
    ) throws(ColumnsError) {
        try self.init(StreamSource(descriptor: descriptor, name: name), limits)
    }

    package convenience init(bytes: [UInt8], name: String, limits: ArrowLimits = ArrowLimits()) throws(ColumnsError) {
        try self.init(StreamSource(bytes: bytes, name: name), limits)
    }

    private init(_ source: StreamSource, _ limits: ArrowLimits) throws(ColumnsError) {
        self.source = source
        self.limits = limits
        do throws(Malformed) {
            guard let message = try source.message(into: memory, limits: limits),
                case .schema(let table) = message.header
            else { throw Malformed("it does not begin with a schema") }
            schema = try ArrowSchema(table, limits: limits)
            metadata = schema.metadata
        } catch {
            throw source.damaged(error, "schema")
        }
        ahead = try read()
    }

    /// The next batch; nil at the end of the stream. Dropping a batch before asking for the next saves memory.
    package func next() throws(ColumnsError) -> RecordBatch? {
        if let batch = ahead {
            ahead = nil
            return batch
        }
        return try read()
    }

    package func index(of name: String) -> Int? { schema.columns.firstIndex { $0.field.name == name } }

    /// The strings of a dictionary column, valid while the reader lives.
    package func dictionary(_ column: Int) throws(ColumnsError) -> ColumnView {
        precondition(schema.columns.indices.contains(column), "\(source.name) has no column \(column)")
        guard case .coded(_, _, let id, _) = schema.columns[column].layout else {
            throw source.damaged(Malformed("the column has no dictionary"), schema.columns[column].field.name)
        }
        return dictionaries[id]?.view ?? .noStrings
    }

    /// The same as a table that keeps its memory alive.
    package func strings(_ column: Int) throws(ColumnsError) -> StringTable {
        StringTable(try dictionary(column), owner: self)
    }

    private func read() throws(ColumnsError) -> RecordBatch? {
        guard !isAtEnd else { return nil }
        do throws(Malformed) {
            while true {
                if !isKnownUniquelyReferenced(&memory) { memory = BatchMemory() }
                guard let message = try source.message(into: memory, limits: limits) else {
                    isAtEnd = true
                    return nil
                }
                switch message.header {
                case .batch(let batch):
                    try batch.check(
                        nodes: schema.nodesPerBatch, buffers: schema.buffersPerBatch,
                        variadics: schema.variadicsPerBatch, body: message.bodyLength)
                    batchNumber += 1
                    return RecordBatch(
                        schema: schema, batch: batch, memory: memory,
                        dictionaryCounts: dictionaries.mapValues { $0.view.count },
                        place: "\(source.name): batch \(batchNumber - 1)", limits: limits)
                case .dictionary(let id, let isDelta, let content):
                    try keep(id, isDelta, content)
                case .schema: throw Malformed("a second schema follows")
                case .other: throw Malformed("the stream has a message that is not a batch of rows")
                }
            }
        } catch {
            isAtEnd = true
            throw source.damaged(error, "after \(batchNumber) batches")
        }
    }

    private func keep(_ id: Int64, _ isDelta: Bool, _ content: BatchMetadata) throws(Malformed) {
        guard !isDelta, dictionaries[id] == nil else {
            throw Malformed(
                "the dictionary \(id) is extended or replaced on the way; "
                    + "write one full dictionary per column before the first batch (pyarrow: unify_dictionaries)")
        }
        var text: ArrowColumn.Text?
        for column in schema.columns {
            if case .coded(_, _, id, let values) = column.layout { text = values }
        }
        guard let text else { return }
        dictionaryBytes += memory.body.count
        guard dictionaryBytes <= limits.dictionaryBytes else {
            throw Malformed("the dictionaries have more than \(limits.dictionaryBytes) bytes")
        }
        try content.check(
            nodes: 1, buffers: text == .view ? 2 : 3, variadics: text == .view ? 1 : 0, body: memory.bodyLength)
        let spill = Spill(limits)
        let view = try ColumnDecoder(
            column: ArrowSchema.dictionaryColumn(text), batch: content, body: memory.body, dictionaryCount: 0,
            isFirstTouch: true, spill: spill
        ).decode()
        guard view.nullCount == 0 else { throw Malformed("the dictionary \(id) has null entries") }
        dictionaries[id] = StreamDictionary(memory: memory, spill: spill, view: view)
    }
}

/// One record batch of a stream; its views live as long as it does. One thread at a time.
package final class RecordBatch {
    package var rows: Int { batch.rows }
    package var columnCount: Int { schema.columns.count }

    private let schema: ArrowSchema
    private let batch: BatchMetadata
    private let memory: BatchMemory
    private let dictionaryCounts: [Int64: Int]
    private let place: String
    private let spill: Spill
    private var views: [ColumnView?]

    fileprivate init(
        schema: ArrowSchema, batch: BatchMetadata, memory: BatchMemory, dictionaryCounts: [Int64: Int], place: String,
        limits: ArrowLimits
    ) {
        spill = Spill(limits)
        self.schema = schema
        self.batch = batch
        self.memory = memory
        self.dictionaryCounts = dictionaryCounts
        self.place = place
        views = Array(repeating: nil, count: schema.columns.count)
    }

    /// A column, checked when it is first asked for.
    package func column(_ index: Int) throws(ColumnsError) -> ColumnView {
        precondition(schema.columns.indices.contains(index), "\(place) has no column \(index)")
        if let view = views[index] { return view }
        let column = schema.columns[index]
        var dictionaryCount = 0
        if case .coded(_, _, let id, _) = column.layout { dictionaryCount = dictionaryCounts[id] ?? 0 }
        do throws(Malformed) {
            let view = try ColumnDecoder(
                column: column, batch: batch, body: memory.body, dictionaryCount: dictionaryCount,
                isFirstTouch: true, spill: spill
            ).decode()
            views[index] = view
            return view
        } catch {
            throw ColumnsError(
                "COL022", error.reason, at: "\(place), column '\(column.field.name)'",
                advice: "Have the sender write the stream again, without compression and with types that we read")
        }
    }
}

/// The metadata and the body of one message, both at aligned addresses.
private final class BatchMemory {
    var metadata = GrowingMemory()
    var content = GrowingMemory()
    var bodyLength = 0

    var body: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: content.pointer, count: bodyLength) }

    deinit {
        metadata.free()
        content.free()
    }
}

/// Where a stream's bytes come from, message by message.
private final class StreamSource {
    let name: String
    private let descriptor: Int32
    private let bytes: [UInt8]
    private var position = 0

    /// How much is asked for at once: a claim of gigabytes costs memory only as the bytes arrive.
    private static let step = 1 << 24

    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
        bytes = []
    }

    init(bytes: [UInt8], name: String) {
        descriptor = -1
        self.name = name
        self.bytes = bytes
    }

    /// The next message with its body; nil at the end mark.
    func message(into memory: BatchMemory, limits: ArrowLimits) throws(Malformed) -> ArrowMessage? {
        try fill(&memory.metadata, 8)
        let mark = memory.metadata.pointer.load(as: UInt32.self)
        let claimed = Int(memory.metadata.pointer.load(fromByteOffset: 4, as: Int32.self))
        guard mark == ArrowMessage.continuation else {
            throw Malformed("it is no Arrow stream (or one of a writer older than Arrow 0.15, or an Arrow file)")
        }
        if claimed == 0 { return nil }
        guard claimed >= 8, claimed <= limits.metadataBytes else {
            throw Malformed("a message's metadata claims \(claimed) bytes; at most \(limits.metadataBytes) are read")
        }
        try fill(&memory.metadata, claimed)
        let message = try ArrowMessage(
            UnsafeRawBufferPointer(start: memory.metadata.pointer, count: claimed), limits: limits)
        memory.bodyLength = 0
        try fill(&memory.content, message.bodyLength)
        memory.bodyLength = message.bodyLength
        return message
    }

    func damaged(_ error: Malformed, _ part: String) -> ColumnsError {
        ColumnsError(
            "COL022", error.reason, at: "\(name): \(part)",
            advice: "Have the sender write the stream again, as an uncompressed Arrow IPC stream")
    }

    private func fill(_ memory: inout GrowingMemory, _ count: Int) throws(Malformed) {
        var have = 0
        while have < count {
            let wanted = min(count, max(have &* 2, Self.step))
            memory.reserve(wanted, used: have)
            while have < wanted {
                let got = try read(memory.pointer + have, wanted - have)
                guard got > 0 else { throw Malformed("it was cut off: it ends without its end mark") }
                have += got
            }
        }
    }

    private func read(_ target: UnsafeMutableRawPointer, _ count: Int) throws(Malformed) -> Int {
        guard descriptor >= 0 else {
            let got = min(count, bytes.count - position)
            bytes.withUnsafeBytes { source in
                if got > 0, let base = source.baseAddress { memcpy(target, base + position, got) }
            }
            position += got
            return got
        }
        while true {
            let got = Glibc.read(descriptor, target, count)
            if got >= 0 { return got }
            guard errno == EINTR else { throw Malformed("reading failed (\(Disk.reason(errno)))") }
        }
    }
}
