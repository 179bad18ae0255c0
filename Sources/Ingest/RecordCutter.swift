import Columns
import Glibc

/// Cuts bytes into records and records into cells, by RFC 4180: quotes open a field only at its start, doubled quotes
/// stand for one, line ends inside quotes belong to the value. Both `\n` and `\r\n` end a record.
///
/// Records without quotes are cut at the marks that a vector search finds; the others byte by byte, by the same rules.
final class RecordCutter {
    let dialect: CSVDialect
    /// −1 while the header is read.
    let expectedColumns: Int
    /// For each column of the file the cell column it fills, or −1.
    let wanted: [Int]
    private(set) var lastColumnCount = 0

    /// Delimiters and line ends of the bytes from `windowBegin` on.
    private var marks = TextMarks(capacity: 32 << 10)
    private var windowBegin = 0
    /// The next mark, and the first behind the last line end among them.
    private var nextMark = 0
    private var usableMarks = 0
    /// Where the next mark's field begins; −1 when there are no marks.
    private var markedPosition = -1

    init(dialect: CSVDialect, expectedColumns: Int, wanted: [Int]) {
        self.dialect = dialect
        self.expectedColumns = expectedColumns
        self.wanted = wanted
    }

    /// Other bytes come next: what was found in the last ones does not hold for them.
    func forgetMarks() { markedPosition = -1 }

    /// Reads records from `at` on until the batch is full or the bytes end. Blank lines are no records.
    func fill(
        _ batch: CellBatch, from bytes: UnsafeMutablePointer<UInt8>, count: Int, at: inout Int, offset: UInt64
    ) {
        wanted.withUnsafeBufferPointer { wanted in
            while batch.rows < CellBatch.capacity, at < count {
                let before = at
                cutMarked(batch, bytes, count, &at, offset, wanted)
                if at == before { cutOne(batch, bytes, count, &at, offset, wanted) }
            }
        }
    }

    /// Cuts the records whose marks are known; none when the next one has a quote or is longer than the window.
    private func cutMarked(
        _ batch: CellBatch, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ at: inout Int, _ offset: UInt64,
        _ wanted: UnsafeBufferPointer<Int>
    ) {
        if at != markedPosition || nextMark >= usableMarks { findMarks(bytes, count, at) }
        let places = marks.places
        let base = windowBegin
        let usable = usableMarks
        let cells = batch.cells
        let columnsKnown = wanted.count
        var mark = nextMark
        var row = batch.rows
        var position = at
        while row < CellBatch.capacity, mark < usable {
            let begin = position
            if bytes[position] == 0x0A {
                position &+= 1
                mark &+= 1
                continue
            }
            if bytes[position] == 0x0D, position &+ 1 < count, bytes[position &+ 1] == 0x0A {
                position &+= 2
                mark &+= 1
                continue
            }
            var column = 0
            while true {
                let end = base &+ Int(places[mark])
                mark &+= 1
                let isLast = bytes[end] == 0x0A
                if column < columnsKnown {
                    let slot = wanted[column]
                    if slot >= 0 {
                        var length = end &- position
                        if isLast, length > 0, bytes[end &- 1] == 0x0D { length &-= 1 }
                        cells[slot &* CellBatch.stride &+ row] = Cell(
                            start: UnsafePointer(bytes + position), count: length)
                    }
                }
                column &+= 1
                position = end &+ 1
                if isLast { break }
            }
            lastColumnCount = column
            close(batch, row, offset, begin, position, damageOf(column, .none))
            row &+= 1
        }
        batch.rows = row
        at = position
        nextMark = mark
        markedPosition = position
    }

    private func findMarks(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ at: Int) {
        let quote = dialect.quote
        marks.find(
            dialect.delimiter, 0x0A, stoppingAt: quote == 0 ? nil : quote, in: bytes + at, count: count &- at)
        windowBegin = at
        markedPosition = at
        nextMark = 0
        usableMarks = marks.count
        while usableMarks > 0, bytes[at &+ Int(marks.places[usableMarks &- 1])] != 0x0A { usableMarks &-= 1 }
    }

    private func damageOf(_ columns: Int, _ damage: Damage) -> Damage {
        if damage != .none { return damage }
        if expectedColumns >= 0 { return columns == expectedColumns ? .none : .columnCount }
        return columns > wanted.count ? .columnCount : .none
    }

    @inline(__always)
    private func close(
        _ batch: CellBatch, _ row: Int, _ offset: UInt64, _ begin: Int, _ end: Int, _ damage: Damage
    ) {
        if damage != .none {
            // Nothing of a spoiled record is looked at; what stood here before must not be either.
            for slot in 0..<batch.columns { batch.cells[slot &* CellBatch.stride &+ row] = .absent }
        }
        batch.offsets[row] = offset &+ UInt64(begin)
        batch.lengths[row] = UInt32(truncatingIfNeeded: end &- begin)
        batch.damage[row] = damage
    }

    /// Cuts one record, or skips one blank line, byte by byte.
    private func cutOne(
        _ batch: CellBatch, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ at: inout Int, _ offset: UInt64,
        _ wanted: UnsafeBufferPointer<Int>
    ) {
        let delimiter = dialect.delimiter
        let quote = dialect.quote
        let row = batch.rows
        let begin = at
        var position = at
        if bytes[position] == 0x0A {
            at &+= 1
            return
        }
        if bytes[position] == 0x0D, position &+ 1 < count, bytes[position &+ 1] == 0x0A {
            at &+= 2
            return
        }
        var column = 0
        var damage = Damage.none
        var firstLineEnd = -1
        while true {
            let start = position
            var cell: Cell
            var byte: UInt8 = 0x0A
            if quote != 0, position < count, bytes[position] == quote {
                cell = RecordCutter.quoted(bytes, count, &position, quote, batch.scratch, &damage, &firstLineEnd)
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
            if column < wanted.count {
                let slot = wanted[column]
                if slot >= 0 { batch.cells[slot &* CellBatch.stride &+ row] = cell }
            }
            column &+= 1
            position &+= 1
            if byte == 0x0A { break }
        }
        if position > count { position = count }
        lastColumnCount = column
        damage = damageOf(column, damage)
        // A quote that ran over line ends spoiled this record; its first line alone pays for it.
        if damage != .none, firstLineEnd >= 0 { position = firstLineEnd }
        close(batch, row, offset, begin, position, damage)
        batch.rows = row &+ 1
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
