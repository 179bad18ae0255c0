import Claims
import Columns

/// The distinct values of one code field over all threads, in the order they were met.
///
/// Threads keep a `CodeCache` of their own and come here only with values that are new to them. The numbers depend on
/// the order of reading; files are written with `finish()`, which numbers the values by their bytes.
final class CodeDictionary: @unchecked Sendable {
    private let lock = Mutex()
    private let index = ByteIndex()
    /// The values allowed, for a closed vocabulary.
    let vocabulary: ByteIndex?
    /// What a code's form must pass; nil when every form is taken.
    let form: (@Sendable (String) -> CodeFault?)?

    init(vocabulary: [String]? = nil, form: (@Sendable (String) -> CodeFault?)? = nil) {
        self.form = form
        self.vocabulary = vocabulary.map { words in
            let index = ByteIndex()
            for word in words { index.insert(text: word) }
            return index
        }
    }

    func number(_ cell: Cell, hash: UInt64) -> Int32 { lock.held { Int32(index.insert(cell, hash: hash)) } }

    /// Values in the order of their numbers, before any other value is met.
    func take(_ values: [String]) { lock.held { for value in values { index.insert(text: value) } } }

    func value(_ number: Int32) -> Cell { index[Int(number)] }
    var count: Int { index.count }

    /// The values sorted by bytes, and for each first-met number its sorted one.
    func finish() -> (strings: StringTable, remap: [Int32]) {
        let order = index.sortedNumbers()
        var remap = [Int32](repeating: 0, count: order.count)
        let buffer = ColumnBuffer(.utf8, capacity: order.count)
        for (place, number) in order.enumerated() {
            remap[Int(number)] = Int32(place)
            let cell = index[Int(number)]
            buffer.append(utf8: UnsafeBufferPointer(start: cell.start, count: cell.count))
        }
        return (StringTable(buffer), remap)
    }
}

/// One thread's view of a `CodeDictionary`.
final class CodeCache {
    static let lengthLimit = 4096
    private let shared: CodeDictionary
    private let seen = ByteIndex()
    private var codes: [Int32] = []

    /// −1: not in the closed vocabulary; −2: too long; −3: not text; −5: not of the form asked for.
    static let foreign: Int32 = -1
    static let tooLong: Int32 = -2
    static let notText: Int32 = -3
    /// Has not the form that was asked for.
    static let malformed: Int32 = -5
    private static let unknown: Int32 = -9
    private let hashes: UnsafeMutablePointer<UInt64>

    init(_ shared: CodeDictionary) {
        self.shared = shared
        hashes = .allocate(capacity: CellBatch.capacity)
    }

    deinit { hashes.deallocate() }

    /// The codes of a batch of values; absent values get none.
    func codes(_ cells: UnsafePointer<Cell>, _ rows: Int, into out: UnsafeMutablePointer<Int32>) {
        seen.findAll(cells, rows, hashes: hashes, into: out)
        codes.withUnsafeBufferPointer { known in
            var row = 0
            while row < rows {
                if out[row] >= 0 { out[row] = known[Int(out[row])] } else { out[row] = CodeCache.unknown }
                row &+= 1
            }
        }
        for row in 0..<rows where out[row] == CodeCache.unknown && !cells[row].isAbsent {
            // A value new to this thread may occur again in the same batch.
            let number = seen.find(cells[row], hash: hashes[row])
            out[row] = number >= 0 ? codes[number] : learn(cells[row], hashes[row])
        }
    }

    @inline(never)
    private func learn(_ cell: Cell, _ hash: UInt64) -> Int32 {
        let code: Int32
        if cell.count > CodeCache.lengthLimit { return CodeCache.tooLong }
        if !cell.isCleanText { return CodeCache.notText }
        if let vocabulary = shared.vocabulary, vocabulary.find(cell) < 0 {
            code = CodeCache.foreign
        } else if let form = shared.form, form(cell.text) != nil {
            code = CodeCache.malformed
        } else {
            code = shared.number(cell, hash: hash)
        }
        _ = seen.insert(cell, hash: hash)
        codes.append(code)
        return code
    }
}
