/// Records out of JSON messages: one message a line (NDJSON), or one document a file.
///
/// Tolerant as real senders need it: where a list is expected one object, an empty text or nothing will do; a member
/// that should be an object may be JSON written as text. Columns are paths: `cnt` in the record, `/input.data.psn_no`
/// from the message's root, `^.mdtrt_id` in the object around the record.
final class JSONFeed: RecordFeed {
    private let blocks: CSVBlocks
    private let paths: [JSONPath]
    /// Alternative ways to the list of records.
    private let rowPaths: [[[UInt8]]]
    private let isWholeFile: Bool
    private var block: CSVBlock?
    private var at = 0
    private var pending: [(document: Int, value: Int32)] = []
    private var nextPending = 0
    private var documents: [JSONDocument] = []
    private var texts: [Cell] = []
    private let memory = Scratch(blockBytes: 1 << 20)
    private var messageOffset: UInt64 = 0
    private var messageLength = 0

    init(_ blocks: CSVBlocks, columns: [String], rows: String?, isWholeFile: Bool) {
        self.blocks = blocks
        self.isWholeFile = isWholeFile
        paths = columns.map { JSONPath($0) }
        rowPaths = (rows ?? "").split(separator: "|").map { JSONPath.steps(String($0).filter { $0 != " " }) }
    }

    override func next(_ batch: CellBatch) throws(IngestError) -> Bool {
        batch.clear()
        while batch.rows < CellBatch.capacity {
            if nextPending < pending.count {
                emit(pending[nextPending], batch)
                nextPending += 1
                continue
            }
            // Cells point into the message; the next one is read only when the batch is empty.
            if batch.rows > 0 { return true }
            guard try readMessage(batch) else { return batch.rows > 0 }
        }
        return true
    }

    /// Takes the next message apart; false at the end.
    private func readMessage(_ batch: CellBatch) throws(IngestError) -> Bool {
        pending = []
        nextPending = 0
        documents = []
        memory.clear()
        guard let cell = try nextText() else { return false }
        if cell.trimmed.isAbsent { return true }
        do {
            documents.append(try JSONDocument(cell.start, cell.count))
        } catch {
            batch.offsets[0] = messageOffset
            batch.lengths[0] = UInt32(truncatingIfNeeded: messageLength)
            batch.damage[0] = .notJSON
            for column in 0..<batch.columns { batch.column(column)[0] = .absent }
            batch.rows = 1
            return true
        }
        for root in elements((0, 0)) { gather(root) }
        return true
    }

    private func nextText() throws(IngestError) -> Cell? {
        while true {
            guard let current = block else {
                guard let fresh = try blocks.next() else { return nil }
                block = fresh
                at = 0
                continue
            }
            if at >= current.count {
                blocks.giveBack(current)
                block = nil
                continue
            }
            let end = isWholeFile ? current.count : at + RecordCutter.lineEnd(current.bytes + at, current.count - at)
            messageOffset = current.offset + UInt64(at)
            messageLength = end - at
            let cell = Cell(start: UnsafePointer(current.bytes + at), count: end - at)
            at = end
            return cell
        }
    }

    private func gather(_ root: (document: Int, value: Int32)) {
        if rowPaths.isEmpty {
            pending.append(root)
            return
        }
        for path in rowPaths {
            var found = [root]
            for step in path { found = found.flatMap { elements($0) }.compactMap { member(step, of: $0) } }
            let rows = found.flatMap { elements($0) }.filter { kind($0) == .object }
            if !rows.isEmpty {
                pending += rows
                return
            }
        }
    }

    private func kind(_ place: (document: Int, value: Int32)) -> JSONDocument.Kind {
        documents[place.document].values[Int(place.value)].kind
    }

    /// The elements of a list; any other value is its own only element.
    private func elements(_ place: (document: Int, value: Int32)) -> [(document: Int, value: Int32)] {
        let place = opened(place)
        guard kind(place) == .array else { return [place] }
        var result: [(document: Int, value: Int32)] = []
        var child = documents[place.document].values[Int(place.value)].first
        while child >= 0 {
            result.append((place.document, child))
            child = documents[place.document].values[Int(child)].next
        }
        return result
    }

    /// JSON written as text is read as what it says.
    private func opened(_ place: (document: Int, value: Int32)) -> (document: Int, value: Int32) {
        guard kind(place) == .string else { return place }
        let text = documents[place.document].text(place.value, memory).trimmed
        guard text.count > 1, text.start[0] == 0x7B || text.start[0] == 0x5B, documents.count < 16,
            let inner = try? JSONDocument(text.start, text.count)
        else { return place }
        documents.append(inner)
        return (documents.count - 1, 0)
    }

    private func member(_ name: [UInt8], of place: (document: Int, value: Int32)) -> (document: Int, value: Int32)? {
        let place = opened(place)
        guard kind(place) == .object else { return nil }
        return name.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return nil }
            return documents[place.document].member(Cell(start: base, count: buffer.count), of: place.value)
                .map { (place.document, $0) }
        }
    }

    private func emit(_ place: (document: Int, value: Int32), _ batch: CellBatch) {
        let row = batch.rows
        for (column, path) in paths.enumerated() {
            var current: (document: Int, value: Int32)? = place
            if path.isFromRoot {
                current = elements((0, 0)).count == 1 ? elements((0, 0)).first : rootOf(place)
            }
            for _ in 0..<path.up { current = current.flatMap { enclosing($0) } }
            for step in path.steps {
                current = current.flatMap { elements($0).first }.flatMap { member(step, of: $0) }
            }
            if let current = current.flatMap({ kind($0) == .array ? elements($0).first : $0 }) {
                batch.column(column)[row] = documents[current.document].text(current.value, batch.scratch)
            } else {
                batch.column(column)[row] = .absent
            }
        }
        batch.offsets[row] = messageOffset
        batch.lengths[row] = UInt32(truncatingIfNeeded: messageLength)
        batch.damage[row] = .none
        batch.rows = row + 1
    }

    /// The message a record belongs to when one file holds a list of messages.
    private func rootOf(_ place: (document: Int, value: Int32)) -> (document: Int, value: Int32)? {
        guard place.document == 0 else { return elements((0, 0)).first }
        var value = place.value
        while true {
            let parent = documents[0].values[Int(value)].parent
            if parent <= 0 { return (0, value) }
            value = parent
        }
    }

    private func enclosing(_ place: (document: Int, value: Int32)) -> (document: Int, value: Int32)? {
        var value = documents[place.document].values[Int(place.value)].parent
        while value >= 0, documents[place.document].values[Int(value)].kind != .object {
            value = documents[place.document].values[Int(value)].parent
        }
        return value >= 0 ? (place.document, value) : nil
    }
}

/// A column of a JSON source.
private struct JSONPath {
    let steps: [[UInt8]]
    let up: Int
    let isFromRoot: Bool

    init(_ text: String) {
        var rest = Substring(text)
        var up = 0
        isFromRoot = rest.hasPrefix("/")
        if isFromRoot { rest = rest.dropFirst() }
        while rest.hasPrefix("^.") {
            up += 1
            rest = rest.dropFirst(2)
        }
        self.up = up
        steps = JSONPath.steps(String(rest))
    }

    static func steps(_ text: String) -> [[UInt8]] { text.split(separator: ".").map { Array($0.utf8) } }
}
