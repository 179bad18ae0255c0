import Columns
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
        var cutter = RecordCutter(dialect: dialect, expectedColumns: -1, wanted: Array(0..<most))
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
        let block = pool.popLast() ?? CSVBlock(capacity: blockBytes)
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

/// Cuts bytes into records and records into cells, by RFC 4180: quotes open a field only at its start, doubled quotes
/// stand for one, line ends inside quotes belong to the value. Both `\n` and `\r\n` end a record.
struct RecordCutter {
    let dialect: CSVDialect
    /// −1 while the header is read.
    let expectedColumns: Int
    /// For each column of the file the cell column it fills, or −1.
    let wanted: [Int]
    private(set) var lastColumnCount = 0

    init(dialect: CSVDialect, expectedColumns: Int, wanted: [Int]) {
        self.dialect = dialect
        self.expectedColumns = expectedColumns
        self.wanted = wanted
    }

    /// Reads records from `at` on until the batch is full or the bytes end. Blank lines are no records.
    mutating func fill(
        _ batch: CellBatch, from bytes: UnsafeMutablePointer<UInt8>, count: Int, at: inout Int, offset: UInt64
    ) {
        var row = batch.rows
        let delimiter = dialect.delimiter
        let quote = dialect.quote
        let cells = batch.cells
        let columnsKnown = wanted.count
        var position = at
        wanted.withUnsafeBufferPointer { wantedBuffer in
            guard let wanted = wantedBuffer.baseAddress else { return }
            while row < CellBatch.capacity, position < count {
                let begin = position
                if bytes[position] == 0x0A {
                    position &+= 1
                    continue
                }
                if bytes[position] == 0x0D, position &+ 1 < count, bytes[position &+ 1] == 0x0A {
                    position &+= 2
                    continue
                }
                var column = 0
                var damage = Damage.none
                var firstLineEnd = -1
                while true {
                    let start = position
                    var cell: Cell
                    var byte: UInt8 = 0x0A
                    if quote != 0, position < count, bytes[position] == quote {
                        cell = RecordCutter.quoted(
                            bytes, count, &position, quote, batch.scratch, &damage, &firstLineEnd)
                        // What follows the closing quote must end the field.
                        if position < count {
                            byte = bytes[position]
                            if byte == 0x0D, position &+ 1 >= count || bytes[position &+ 1] == 0x0A {
                                position &+= 1
                                byte = 0x0A
                            }
                            if byte != delimiter && byte != 0x0A {
                                damage = .strayQuote
                                while position < count, bytes[position] != delimiter, bytes[position] != 0x0A {
                                    position &+= 1
                                }
                                byte = position < count ? bytes[position] : 0x0A
                            }
                        }
                    } else {
                        while position < count {
                            byte = bytes[position]
                            if byte == delimiter || byte == 0x0A { break }
                            position &+= 1
                        }
                        if position >= count { byte = 0x0A }
                        var end = position
                        if byte == 0x0A, end > start, bytes[end &- 1] == 0x0D { end &-= 1 }
                        cell = Cell(start: UnsafePointer(bytes + start), count: end &- start)
                    }
                    if column < columnsKnown {
                        let slot = wanted[column]
                        if slot >= 0 { cells[slot &* CellBatch.stride &+ row] = cell }
                    }
                    column &+= 1
                    position &+= 1
                    if byte == 0x0A { break }
                }
                if position > count { position = count }
                lastColumnCount = column
                if damage == .none, expectedColumns >= 0, column != expectedColumns { damage = .columnCount }
                if damage == .none, expectedColumns < 0, column > columnsKnown { damage = .columnCount }
                if damage != .none {
                    // Nothing of a spoiled record is looked at; what stood here before must not be either.
                    for slot in 0..<batch.columns { cells[slot &* CellBatch.stride &+ row] = .absent }
                }
                if damage != .none, firstLineEnd >= 0 {
                    // A quote that ran over line ends spoiled this record; its first line alone pays for it.
                    position = firstLineEnd
                }
                batch.offsets[row] = offset &+ UInt64(begin)
                batch.lengths[row] = UInt32(truncatingIfNeeded: position &- begin)
                batch.damage[row] = damage
                row &+= 1
            }
        }
        batch.rows = row
        at = position
    }

    /// A quoted value; `position` moves behind the closing quote. A value with doubled quotes is folded into scratch.
    @inline(never)
    private static func quoted(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ position: inout Int, _ quote: UInt8,
        _ scratch: Scratch, _ damage: inout Damage, _ firstLineEnd: inout Int
    ) -> Cell {
        let start = position &+ 1
        var read = start
        var doubled = 0
        while read < count {
            let byte = bytes[read]
            if byte == quote {
                if read &+ 1 < count, bytes[read &+ 1] == quote {
                    doubled &+= 1
                    read &+= 2
                    continue
                }
                break
            }
            if byte == 0x0A, firstLineEnd < 0 { firstLineEnd = read &+ 1 }
            read &+= 1
        }
        if read >= count { damage = .openQuote }
        position = min(count, read &+ 1)
        if doubled == 0 { return Cell(start: UnsafePointer(bytes + start), count: min(read, count) &- start) }
        let folded = scratch.allocate(min(read, count) &- start)
        var write = 0
        var index = start
        while index < read, index < count {
            folded[write] = bytes[index]
            write &+= 1
            index &+= bytes[index] == quote ? 2 : 1
        }
        return Cell(start: UnsafePointer(folded), count: write)
    }

    /// Behind the last record that ends inside the bytes; 0 when none does.
    static func lastRecordEnd(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ dialect: CSVDialect, atEnd: Bool
    ) -> Int {
        if dialect.quote == 0 || memchr(bytes, Int32(dialect.quote), count) == nil {
            if atEnd { return count }
            var last = count
            while last > 0, bytes[last &- 1] != 0x0A { last &-= 1 }
            return last
        }
        let ends = recordEnds(bytes, count, dialect, stopAtFirst: false)
        return atEnd && ends.closed ? count : ends.end
    }

    static func firstRecordEnd(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ dialect: CSVDialect) -> Int {
        let ends = recordEnds(bytes, count, dialect, stopAtFirst: true)
        return ends.end == 0 ? count : ends.end
    }

    private static func recordEnds(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ dialect: CSVDialect, stopAtFirst: Bool
    ) -> (end: Int, closed: Bool) {
        var lastEnd = 0
        var position = 0
        let quote = dialect.quote
        while position < count {
            // At the start of a field.
            if quote != 0, bytes[position] == quote {
                position &+= 1
                while true {
                    guard let found = memchr(bytes + position, Int32(quote), count - position) else {
                        return (lastEnd, false)
                    }
                    position = found.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(bytes) &+ 1
                    if position < count, bytes[position] == quote {
                        position &+= 1
                        continue
                    }
                    break
                }
            }
            while position < count, bytes[position] != dialect.delimiter, bytes[position] != 0x0A { position &+= 1 }
            if position < count, bytes[position] == 0x0A {
                lastEnd = position &+ 1
                if stopAtFirst { return (lastEnd, true) }
            }
            position &+= 1
        }
        return (lastEnd, true)
    }

    static func lineEnd(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        guard let found = memchr(bytes, 0x0A, count) else { return count }
        return found.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(bytes) + 1
    }
}

/// A digest that keeps pace with reading: CRC-32C and a 64-bit product chain. It tells files apart that differ by
/// accident; it is no proof against someone who tries.
struct ContentPrint {
    private var crc: UInt32 = 0
    private var chain: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        crc = crc32c(bytes, seed: crc)
        var index = 0
        var state = chain
        while index &+ 16 <= bytes.count {
            let a = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let b = bytes.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
            let product = (a ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: b ^ state)
            state = product.high ^ product.low ^ 0xE703_7ED1_A0B4_28DB
            index &+= 16
        }
        while index < bytes.count {
            state = (state ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3
            index &+= 1
        }
        chain = state
    }

    var text: String { String(chain, radix: 16) + "-" + String(crc, radix: 16) }
}
