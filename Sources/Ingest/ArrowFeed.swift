import Claims
import Columns
import Foundation

/// An Arrow stream or file as a source: how Parquet and lakes come in. Values become the text that a CSV would have
/// held, so that one mapping serves both.
final class ArrowSource: @unchecked Sendable {
    private enum Reader {
        case stream(ArrowStreamReader, Int32)
        case file(ArrowFile)
    }

    private let lock = Mutex()
    private let reader: Reader
    private let path: String
    private var batch = 0
    private var rowsGiven = 0
    let fields: [ColumnField]

    struct Part {
        let rows: Int
        let firstRow: Int
        let columns: [ColumnView?]
        let dictionaries: [StringTable?]
        fileprivate let owner: AnyObject?
    }

    init(_ path: String) throws(IngestError) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw IngestError.cannotRead(path) }
        var magic = [UInt8](repeating: 0, count: 6)
        let isFile = pread(descriptor, &magic, 6, 0) == 6 && magic == Array("ARROW1".utf8)
        if isFile {
            close(descriptor)
            let file = try ColumnsCall.run { () throws(ColumnsError) in try ArrowFile(path: path) }
            reader = .file(file)
            fields = file.fields
        } else {
            let stream: ArrowStreamReader
            do {
                stream = try ArrowStreamReader(descriptor: descriptor, name: path)
            } catch {
                close(descriptor)
                throw IngestError(error)
            }
            reader = .stream(stream, descriptor)
            fields = stream.fields
        }
    }

    deinit { if case .stream(_, let descriptor) = reader { close(descriptor) } }

    /// The next batch with the chosen columns; nil at the end.
    func next(_ chosen: [Int]) throws(IngestError) -> Part? {
        lock.lock()
        defer { lock.unlock() }
        return try ColumnsCall.run { () throws(ColumnsError) -> Part? in
            switch reader {
            case .file(let file):
                guard batch < file.batchCount else { return nil }
                let number = batch
                batch += 1
                var views: [ColumnView?] = []
                var tables: [StringTable?] = []
                for column in chosen {
                    views.append(try file.column(column, batch: number))
                    tables.append(
                        file.fields[column].type == .dictionary
                            ? StringTable(try file.dictionary(column), owner: file) : nil)
                }
                return part(file.rowCount(ofBatch: number), views, tables, file)
            case .stream(let stream, _):
                guard let next = try stream.next() else { return nil }
                var views: [ColumnView?] = []
                var tables: [StringTable?] = []
                for column in chosen {
                    views.append(try next.column(column))
                    tables.append(
                        stream.fields[column].type == .dictionary
                            ? StringTable(try stream.dictionary(column), owner: next) : nil)
                }
                return part(next.rows, views, tables, next)
            }
        }
    }

    private func part(_ rows: Int, _ views: [ColumnView?], _ tables: [StringTable?], _ owner: AnyObject) -> Part {
        defer { rowsGiven += rows }
        return Part(rows: rows, firstRow: rowsGiven, columns: views, dictionaries: tables, owner: owner)
    }
}

/// One thread's records of an Arrow source.
final class ArrowFeed: RecordFeed {
    private let source: ArrowSource
    private let chosen: [Int]
    private var part: ArrowSource.Part?
    private var row = 0

    init(_ source: ArrowSource, columns: [Int]) {
        self.source = source
        chosen = columns
    }

    override func next(_ batch: CellBatch) throws(IngestError) -> Bool {
        batch.clear()
        while true {
            guard let current = part else {
                guard let fresh = try source.next(chosen) else { return false }
                part = fresh
                row = 0
                continue
            }
            if row >= current.rows {
                part = nil
                continue
            }
            let count = min(CellBatch.capacity, current.rows - row)
            for column in chosen.indices {
                let cells = batch.column(column)
                for index in 0..<count {
                    cells[index] = ArrowFeed.text(current, column, row + index, batch.scratch)
                }
            }
            for index in 0..<count {
                batch.offsets[index] = UInt64(current.firstRow + row + index)
                batch.lengths[index] = 0
                batch.damage[index] = .none
            }
            batch.rows = count
            row += count
            return true
        }
    }

    private static func text(_ part: ArrowSource.Part, _ column: Int, _ row: Int, _ scratch: Scratch) -> Cell {
        guard let view = part.columns[column], view.isValid(row) else { return .absent }
        func keep(_ text: String) -> Cell { scratch.keep(text.utf8) }
        func integer<Number: FixedWidthInteger>(_ type: Number.Type) -> Cell {
            keep(String(view.values.loadUnaligned(fromByteOffset: row &* (Number.bitWidth / 8), as: type)))
        }
        switch view.type {
        case .utf8:
            let bytes = view.utf8(row)
            guard let base = bytes.baseAddress else { return .absent }
            return Cell(start: base, count: bytes.count)
        case .dictionary:
            guard let table = part.dictionaries[column] else { return .absent }
            let code = Int(view.int32[row])
            guard code >= 0, code < table.count else { return .absent }
            let bytes = table[code] as UnsafeBufferPointer<UInt8>
            guard let base = bytes.baseAddress else { return .absent }
            return Cell(start: base, count: bytes.count)
        case .int8: return integer(Int8.self)
        case .uint8: return integer(UInt8.self)
        case .int16: return integer(Int16.self)
        case .uint16: return integer(UInt16.self)
        case .int32: return integer(Int32.self)
        case .uint32: return integer(UInt32.self)
        case .int64: return integer(Int64.self)
        case .uint64: return integer(UInt64.self)
        case .bool: return keep(view.bool(row) ? "1" : "0")
        case .float64: return keep(String(view.float64[row]))
        case .float32: return keep(String(view.values.loadUnaligned(fromByteOffset: row &* 4, as: Float.self)))
        case .decimal64(let scale): return keep(decimal(Int128(view.int64[row]), scale))
        case .decimal128(let scale):
            return keep(decimal(view.values.loadUnaligned(fromByteOffset: row &* 16, as: Int128.self), scale))
        case .date32: return keep(day(Int64(view.int32[row])))
        case .date64:
            return keep(day(floor(view.values.loadUnaligned(fromByteOffset: row &* 8, as: Int64.self), 86_400_000)))
        case .timestamp(let units, let zone):
            let raw = view.values.loadUnaligned(fromByteOffset: row &* 8, as: Int64.self)
            // An instant with a zone is shown in China Standard Time; one without is wall-clock time already.
            return keep(moment(floor(raw, max(1, units)) &+ (zone == nil ? 0 : 28_800)))
        case .time32: return keep(clock(Int64(view.int32[row])))
        case .time, .listUtf8, .null, .unsupported: return .absent
        }
    }

    private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient &- 1 : quotient
    }

    private static func day(_ number: Int64) -> String {
        guard number > -700_000, number < 2_900_000 else { return "?" }
        return Day(number: Int32(number)).description
    }

    private static func moment(_ seconds: Int64) -> String {
        let days = floor(seconds, 86_400)
        return day(days) + " " + clock(seconds &- days &* 86_400)
    }

    private static func clock(_ second: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }

    private static func decimal(_ value: Int128, _ scale: Int) -> String {
        guard scale > 0 else { return String(value) }
        var digits = String(value.magnitude)
        if digits.count <= scale { digits = String(repeating: "0", count: scale - digits.count + 1) + digits }
        return (value < 0 ? "-" : "") + digits.dropLast(scale) + "." + digits.suffix(scale)
    }
}
