/// The metadata of one Arrow message, checked as far as it can be without its body.
struct ArrowMessage {
    enum Header {
        case schema(FlatTable)
        case dictionary(id: Int64, isDelta: Bool, BatchMetadata)
        case batch(BatchMetadata)
        /// A message of a kind that is not for us (tensors).
        case other
    }

    static let continuation: UInt32 = 0xFFFF_FFFF

    let header: Header
    let bodyLength: Int

    init(_ bytes: UnsafeRawBufferPointer, limits: ArrowLimits) throws(Malformed) {
        let message = try FlatTable(root: bytes)
        let version = try message.int16(0)
        guard version == 3 || version == 4 else { throw Malformed("the message has the unknown version \(version)") }
        let length = try message.int64(3)
        guard length >= 0, length <= Int64(limits.bodyBytes) else {
            throw Malformed("a message body claims \(length) bytes; at most \(limits.bodyBytes) are read")
        }
        bodyLength = Int(length)
        guard let table = try message.table(2) else { throw Malformed("a message has no header") }
        switch try message.int8(1) {
        case 1: header = .schema(table)
        case 2:
            guard let data = try table.table(1) else { throw Malformed("a dictionary has no content") }
            header = .dictionary(
                id: try table.int64(0), isDelta: try table.bool(2), try BatchMetadata(data, limits: limits))
        case 3: header = .batch(try BatchMetadata(table, limits: limits))
        default: header = .other
        }
    }
}

/// Where the columns of one record batch lie in its body.
struct BatchMetadata {
    let rows: Int
    let nodes: FlatVector
    let buffers: FlatVector
    let variadics: FlatVector?

    init(_ table: FlatTable, limits: ArrowLimits) throws(Malformed) {
        let rows = try table.int64(0)
        guard rows >= 0, rows <= Int64(limits.rowsPerBatch) else {
            throw Malformed("a batch claims \(rows) rows; at most \(limits.rowsPerBatch) are read")
        }
        guard try table.table(3) == nil else {
            throw Malformed("the batch is compressed; write it without compression")
        }
        guard let nodes = try table.vector(1, elementSize: 16), let buffers = try table.vector(2, elementSize: 16)
        else { throw Malformed("a batch lists no columns or no buffers") }
        self.rows = Int(rows)
        self.nodes = nodes
        self.buffers = buffers
        variadics = try table.vector(4, elementSize: 8)
    }

    /// Checks the numbers of nodes, buffers and rows against the schema and the length of the body.
    func check(
        nodes expectedNodes: Int, buffers expectedBuffers: Int, variadics expected: Int, body: Int
    ) throws(Malformed) {
        // A row takes at least a bit, unless all columns are null: a few bytes must not keep a loop busy for hours.
        guard rows <= 1 << 20 || rows / 8 <= body else {
            throw Malformed("a batch claims \(rows) rows in a body of \(body) bytes")
        }
        guard nodes.count == expectedNodes else {
            throw Malformed("a batch has \(nodes.count) columns where the schema has \(expectedNodes)")
        }
        let count = variadics?.count ?? 0
        guard count == expected else {
            throw Malformed("a batch counts data buffers for \(count) columns where the schema has \(expected)")
        }
        var total = expectedBuffers
        for index in 0..<count {
            let more = variadics?.int64(index) ?? 0
            guard more >= 0, more <= Int64(buffers.count) else { throw Malformed("a batch has \(more) data buffers") }
            total += Int(more)
            guard total <= buffers.count else { break }
        }
        guard buffers.count == total else {
            throw Malformed("a batch has \(buffers.count) buffers where the schema asks for \(total)")
        }
        // Buffers that share bytes would let a small body be scanned again and again.
        var rest = Int64(body)
        for index in 0..<buffers.count {
            let length = buffers.int64(index, at: 8)
            guard length >= 0, length <= rest else { throw Malformed("the buffers are longer than their body") }
            rest -= length
        }
    }

    /// The place of a column's first buffer, counting the variadic buffers before it.
    func firstBuffer(of column: ArrowColumn) -> Int {
        guard let variadics, column.firstVariadic > 0 else { return column.firstBuffer }
        var first = column.firstBuffer
        for index in 0..<column.firstVariadic { first += Int(variadics.int64(index)) }
        return first
    }

    /// A buffer of the body. Its length may be more than is needed, never less than what the reader then asks for.
    func buffer(_ index: Int, in body: UnsafeRawBufferPointer) throws(Malformed) -> UnsafeRawBufferPointer {
        let (offset, length) = (buffers.int64(index), buffers.int64(index, at: 8))
        guard length >= 0, offset >= 0, offset <= Int64(body.count), length <= Int64(body.count) - offset else {
            throw Malformed("a buffer of \(length) bytes at \(offset) lies outside its body of \(body.count)")
        }
        guard length > 0, let base = body.baseAddress else {
            return UnsafeRawBufferPointer(start: Zeros.bytes, count: 0)
        }
        let start = base + Int(offset)
        guard UInt(bitPattern: start) % 8 == 0 else { throw Malformed("a buffer does not start at a multiple of 8") }
        return UnsafeRawBufferPointer(start: start, count: Int(length))
    }
}
