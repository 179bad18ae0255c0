/// A value computed from the cells of a record: the limited expressions of a mapping file, bound to one file's columns.
///
/// Evaluated a column at a time: one call makes the values of all records of a batch.
final class CellExpression: @unchecked Sendable {
    enum Kind {
        case column(Int)
        case constant([UInt8])
        case joined([CellExpression], separator: [UInt8])
        case first([CellExpression])
        case split(CellExpression, by: UInt8, take: Int)
        case slice(CellExpression, from: Int, count: Int)
        case upper(CellExpression)
        case lower(CellExpression)
        case withoutLeadingZeros(CellExpression)
        case mapped(CellExpression, ValueMap)
        case mappedByInstitution(
            CellExpression, institution: CellExpression, maps: [String: ValueMap], other: ValueMap?)
        case pseudonym(kind: CellExpression, number: CellExpression, PersonPseudonym)
        case lookedUp(CellExpression, LookupTable)
    }

    let kind: Kind
    private let constant: Cell
    let nullWords: [[UInt8]]

    /// `nulls` are the words that mean "absent" in this source, besides the empty value.
    init(_ kind: Kind, nulls: [[UInt8]] = []) {
        self.kind = kind
        nullWords = nulls
        if case .constant(let bytes) = kind {
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
            for (index, byte) in bytes.enumerated() { memory[index] = byte }
            constant = Cell(start: UnsafePointer(memory), count: bytes.count)
        } else {
            constant = .absent
        }
    }

    deinit { if case .constant = kind { UnsafeMutablePointer(mutating: constant.start).deallocate() } }

    /// Makes the values of `batch.rows` records. `unmapped` is told what no map knew.
    func evaluate(_ batch: CellBatch, into out: UnsafeMutablePointer<Cell>) {
        let rows = batch.rows
        switch kind {
        case .column(let index):
            let cells = batch.column(index)
            for row in 0..<rows {
                let cell = cells[row].trimmed
                out[row] = isNull(cell) ? .absent : cell
            }
        case .constant:
            for row in 0..<rows { out[row] = constant }
        case .joined(let parts, let separator):
            evaluateAll(parts, batch) { values in
                for row in 0..<rows {
                    var total = separator.count &* (parts.count &- 1)
                    var absent = false
                    for part in values {
                        total &+= part[row].count
                        if part[row].isAbsent { absent = true }
                    }
                    // A key with a missing part is no key.
                    if absent {
                        out[row] = .absent
                        continue
                    }
                    let memory = batch.scratch.allocate(total)
                    var at = 0
                    for (number, part) in values.enumerated() {
                        if number > 0 {
                            for byte in separator {
                                memory[at] = byte
                                at &+= 1
                            }
                        }
                        (memory + at).update(from: part[row].start, count: part[row].count)
                        at &+= part[row].count
                    }
                    out[row] = Cell(start: UnsafePointer(memory), count: at)
                }
            }
        case .first(let parts):
            evaluateAll(parts, batch) { values in
                for row in 0..<rows {
                    out[row] = .absent
                    for part in values where !part[row].isAbsent {
                        out[row] = part[row]
                        break
                    }
                }
            }
        case .split(let inner, let by, let take):
            inner.evaluate(batch, into: out)
            for row in 0..<rows { out[row] = CellExpression.part(of: out[row], by: by, take: take) }
        case .slice(let inner, let from, let count):
            inner.evaluate(batch, into: out)
            for row in 0..<rows {
                let cell = out[row]
                let begin = min(from, cell.count)
                out[row] = Cell(start: cell.start + begin, count: min(count, cell.count &- begin))
            }
        case .upper(let inner):
            inner.evaluate(batch, into: out)
            for row in 0..<rows { out[row] = recased(out[row], 0x61, 0x7A, batch.scratch) }
        case .lower(let inner):
            inner.evaluate(batch, into: out)
            for row in 0..<rows { out[row] = recased(out[row], 0x41, 0x5A, batch.scratch) }
        case .withoutLeadingZeros(let inner):
            inner.evaluate(batch, into: out)
            for row in 0..<rows {
                var cell = out[row]
                while cell.count > 1, cell.start[0] == 0x30 {
                    cell = Cell(start: cell.start + 1, count: cell.count &- 1)
                }
                out[row] = cell
            }
        case .mapped(let inner, let map):
            inner.evaluate(batch, into: out)
            for row in 0..<rows where !out[row].isAbsent { out[row] = map[out[row]] }
        case .mappedByInstitution(let inner, let institution, let maps, let other):
            inner.evaluate(batch, into: out)
            evaluateAll([institution], batch) { values in
                for row in 0..<rows where !out[row].isAbsent {
                    if let map = maps[values[0][row].text] ?? other { out[row] = map[out[row]] }
                }
            }
        case .pseudonym(let kind, let number, let pseudonym):
            evaluateAll([kind, number], batch) { values in
                for row in 0..<rows {
                    out[row] =
                        values[1][row].isAbsent
                        ? .absent : pseudonym.make(kind: values[0][row], number: values[1][row], in: batch.scratch)
                }
            }
        case .lookedUp(let key, let table):
            key.evaluate(batch, into: out)
            for row in 0..<rows where !out[row].isAbsent { out[row] = table[out[row]] }
        }
    }

    private func evaluateAll(
        _ parts: [CellExpression], _ batch: CellBatch, _ body: ([UnsafeMutablePointer<Cell>]) -> Void
    ) {
        let values = parts.map { part in
            let memory = UnsafeMutablePointer<Cell>.allocate(capacity: CellBatch.capacity)
            part.evaluate(batch, into: memory)
            return memory
        }
        body(values)
        for memory in values { memory.deallocate() }
    }

    @inline(__always)
    private func isNull(_ cell: Cell) -> Bool {
        if nullWords.isEmpty { return false }
        for word in nullWords where word.count == cell.count && cell.equals(word) { return true }
        return false
    }

    private static func part(of cell: Cell, by separator: UInt8, take: Int) -> Cell {
        var start = 0
        var number = 1
        for index in 0...cell.count where index == cell.count || cell.start[index] == separator {
            if number == take { return Cell(start: cell.start + start, count: index &- start).trimmed }
            number &+= 1
            start = index &+ 1
        }
        return .absent
    }

    private func recased(_ cell: Cell, _ low: UInt8, _ high: UInt8, _ scratch: Scratch) -> Cell {
        let memory = scratch.allocate(cell.count)
        for index in 0..<cell.count {
            let byte = cell.start[index]
            memory[index] = byte >= low && byte <= high ? byte ^ 0x20 : byte
        }
        return Cell(start: UnsafePointer(memory), count: cell.count)
    }
}

/// A table of values and what they mean here (值域映射).
final class ValueMap: @unchecked Sendable {
    private let keys = ByteIndex()
    private var values: [CellConstant] = []
    /// What every other value becomes; nil lets it through as it is.
    private let other: CellConstant?

    init(_ pairs: [(String, String)], other: String?) {
        self.other = other.map { CellConstant($0) }
        for (key, value) in pairs {
            if keys.insert(text: key) == values.count { values.append(CellConstant(value)) }
        }
    }

    subscript(cell: Cell) -> Cell {
        let number = keys.find(cell)
        return number >= 0 ? values[number].cell : (other?.cell ?? cell)
    }
}

/// Bytes that live as long as this object.
final class CellConstant: @unchecked Sendable {
    let cell: Cell

    init(_ text: String) {
        let bytes = Array(text.utf8)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        for (index, byte) in bytes.enumerated() { memory[index] = byte }
        cell = Cell(start: UnsafePointer(memory), count: bytes.count)
    }

    deinit { UnsafeMutablePointer(mutating: cell.start).deallocate() }
}

/// A side file read into memory: key → value, for header values that a line needs as its own.
final class LookupTable: @unchecked Sendable {
    static let rowLimit = 20_000_000
    private let keys = ByteIndex()
    private let values = ByteIndex()
    private var valueOfKey: [Int32] = []

    func add(_ key: Cell, _ value: Cell) {
        let number = keys.insert(key)
        let valueNumber = Int32(values.insert(value))
        if number == valueOfKey.count {
            valueOfKey.append(valueNumber)
        } else if orderBytes(values[Int(valueOfKey[number])], value) < 0 {
            // Two values for one key: the larger in byte order, whatever the order of the rows.
            valueOfKey[number] = valueNumber
        }
    }

    var count: Int { valueOfKey.count }

    subscript(key: Cell) -> Cell {
        let number = keys.find(key)
        return number >= 0 ? values[Int(valueOfKey[number])] : .absent
    }
}
