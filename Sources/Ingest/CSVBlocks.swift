import Glibc

/// How a delimited file is written.
struct CSVDialect: Equatable, Sendable {
    var delimiter: UInt8 = 0x2C
    /// 0 when the file knows no quoting.
    var quote: UInt8 = 0x22
    /// The longest record, in bytes. A quote that is still open after that many is taken for a stray one.
    var recordLimit = 1 << 20
    var columnLimit = 4096
}

/// Whole records of a delimited file, as raw bytes.
final class CSVBlock: @unchecked Sendable {
    fileprivate(set) var bytes: UnsafeMutablePointer<UInt8>
    fileprivate(set) var count = 0
    /// Place of the first byte in the file.
    fileprivate(set) var offset: UInt64 = 0
    /// The block is one line that cannot be a record: an open quote, or too long.
    fileprivate(set) var damage = Damage.none
    fileprivate let capacity: Int

    fileprivate init(capacity: Int) {
        self.capacity = capacity
        bytes = .allocate(capacity: capacity + 64)
        bytes.initialize(repeating: 0, count: capacity + 64)
    }

    deinit { bytes.deallocate() }
}

/// Cuts a file into blocks that end where a record ends, so that several threads can read one file.
///
/// The cuts depend on the file alone, never on who asks when: the result of a parallel read is that of a serial one.
/// A block without a quote is cut at its last line end; else the record ends are found by the reader's own rules.
final class CSVBlocks: @unchecked Sendable {
    private let lock: Mutex
    private let descriptor: Int32
    private let size: Int
    private let dialect: CSVDialect
    private let blockBytes: Int
    private var position: Int
    private var pool: [CSVBlock] = []
    private var print = ContentPrint()
    let path: String

    /// Starts behind the byte-order mark, if there is one.
    init(path: String, dialect: CSVDialect, blockBytes: Int = 2 << 20) throws(IngestError) {
        self.path = path
        self.dialect = dialect
        self.blockBytes = max(blockBytes, 64)
        lock = Mutex()
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw IngestError.cannotRead(path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw IngestError.cannotRead(path) }
        size = Int(status.st_size)
        position = 0
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        var mark: [UInt8] = [0, 0, 0]
        if pread(descriptor, &mark, 3, 0) == 3, mark == [0xEF, 0xBB, 0xBF] { position = 3 }
    }

    deinit { close(descriptor) }

    var bytesTotal: Int { size }
    var bytesTaken: Int { lock.held { position } }

    /// A digest of the whole content; nil before the end is reached.
    var fingerprint: String? { lock.held { position >= size ? print.text : nil } }

    func giveBack(_ block: CSVBlock) { lock.held { pool.append(block) } }

    /// The header: the first record, cut into texts. Nil when the file is empty.
    func takeHeader() throws(IngestError) -> [String]? {
        guard let block = try next() else { return nil }
        let end = RecordCutter.firstRecordEnd(block.bytes, block.count, dialect)
        var most = 1
        for index in 0..<end where block.bytes[index] == dialect.delimiter { most += 1 }
        most = min(most, dialect.columnLimit)
        let batch = CellBatch(columns: most)
        let cutter = RecordCutter(dialect: dialect, expectedColumns: -1, wanted: Array(0..<most))
        var at = 0
        cutter.fill(batch, from: block.bytes, count: end, at: &at, offset: block.offset)
        let names = (0..<min(most, cutter.lastColumnCount)).map { batch.column($0)[0].trimmed.text }
        lock.held {
            position = Int(block.offset) + end
            print = ContentPrint()
            print.add(UnsafeRawBufferPointer(start: block.bytes, count: end))
        }
        giveBack(block)
        return names
    }

    /// The next block, or nil at the end of the file. May be called from any thread.
    func next() throws(IngestError) -> CSVBlock? {
        lock.lock()
        defer { lock.unlock() }
        if position >= size { return nil }
        let block = pool.popLast() ?? CSVBlock(capacity: min(blockBytes, max(size, 64)))
        block.damage = .none
        block.offset = UInt64(position)
        var got = 0
        let wanted = min(blockBytes, size - position)
        while got < wanted {
            let more = pread(descriptor, block.bytes + got, wanted - got, off_t(position + got))
            if more < 0 && errno == EINTR { continue }
            guard more > 0 else { throw IngestError.cannotRead(path) }
            got += more
        }
        let atEnd = position + got == size
        var end = RecordCutter.lastRecordEnd(block.bytes, got, dialect, atEnd: atEnd)
        if end == 0 {
            // No record ends here: an open quote or an endless line. Give up this line alone and go on behind it.
            end = RecordCutter.lineEnd(block.bytes, got)
            block.damage = end < got || atEnd ? .openQuote : .tooLong
            if block.damage == .tooLong { skipLine(from: position + end) } else { position += end }
        } else {
            position += end
        }
        block.count = end
        print.add(UnsafeRawBufferPointer(start: block.bytes, count: end))
        return block
    }

    private func skipLine(from start: Int) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        position = start
        while position < size {
            let got = pread(descriptor, &buffer, buffer.count, off_t(position))
            if got <= 0 {
                position = size
                return
            }
            if let end = buffer[..<got].firstIndex(of: 0x0A) {
                position += end + 1
                return
            }
            position += got
        }
    }
}
