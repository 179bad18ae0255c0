import Claims
import Columns
import Rules

/// Rows of timelines as numbers (时间线行), by table: what a message says of a person, or what is known of one.
///
/// A row is a run of words: its name, which of its fields are known, and a value for each field; texts are numbered by the
/// sheet's own dictionary. So no text is looked at twice when a question is laid out in columns, and a row of history takes a
/// quarter of the memory that it takes as values. One thread fills a sheet; once it is full, any number may read it.
package final class TimelineSheet: @unchecked Sendable {
    /// The texts of all tables.
    package let texts: StringDictionary
    private let blocks: UnsafeMutablePointer<Block>

    /// The rows of one table, one behind the other.
    struct Block {
        private(set) var count = 0
        private var words: UnsafeMutablePointer<Int64>?
        private var capacity = 0
        let stride: Int

        init(fields: Int) {
            precondition(fields <= 64, "a table of \(fields) fields: which are known is kept in 64 bits")
            stride = Row.head + fields
        }

        @inline(__always) func row(_ number: Int) -> Row {
            // There is memory where there are rows.
            Row(words: words.unsafelyUnwrapped + number &* stride)
        }

        mutating func reserve(_ rows: Int) {
            if count + rows > capacity { grow(to: max(count + rows, capacity * 2)) }
        }

        private mutating func grow(to larger: Int) {
            let fresh = UnsafeMutablePointer<Int64>.allocate(capacity: larger * stride)
            if let words {
                fresh.update(from: words, count: count * stride)
                words.deallocate()
            }
            words = fresh
            capacity = larger
        }

        mutating func append() -> Row {
            if count == capacity { grow(to: max(4, capacity * 2)) }
            count += 1
            let row = row(count - 1)
            row.words.update(repeating: 0, count: stride)
            return row
        }

        func free() { words?.deallocate() }

        var byteCount: Int { capacity * stride * MemoryLayout<Int64>.stride }
    }

    /// A row where it lies: valid until a row is added to its table.
    package struct Row {
        static let head = 2
        let words: UnsafeMutablePointer<Int64>

        /// The number of its identifier among the texts.
        package var name: Int32 {
            get { Int32(truncatingIfNeeded: words[0]) }
            nonmutating set { words[0] = Int64(newValue) | (isWritten ? Self.mark : 0) }
        }

        /// It is being written now; rows of history never are.
        package var isWritten: Bool {
            get { words[0] & Self.mark != 0 }
            nonmutating set { words[0] = newValue ? words[0] | Self.mark : words[0] & ~Self.mark }
        }

        private static let mark: Int64 = 1 << 40

        /// One bit a field.
        @inline(__always) var known: UInt64 { UInt64(bitPattern: words[1]) }

        /// The value of a field at its scale, as a day or second, or as the number of a text; nil is unknown.
        @inline(__always) package subscript(field: Int) -> Int64? {
            known & (1 &<< UInt64(field)) != 0 ? words[Self.head &+ field] : nil
        }

        package func set(_ field: Int, _ value: Int64?) {
            guard let value else { return }
            words[1] |= 1 &<< Int64(field)
            words[Self.head &+ field] = value
        }

        package func set(_ field: Int, _ value: Int32?) { set(field, value.map { Int64($0) }) }

        /// The number of a text.
        package func text(_ field: Int) -> Int32? { self[field].map { Int32(truncatingIfNeeded: $0) } }
    }

    package init() {
        texts = StringDictionary(capacity: 256)
        blocks = .allocate(capacity: Chunk.tableCount)
        for (place, count) in Self.fieldCounts.enumerated() { (blocks + place).initialize(to: Block(fields: count)) }
    }

    private static let fieldCounts = Table.allCases.map(\.fields.count)

    deinit {
        for place in 0..<Chunk.tableCount { blocks[place].free() }
        blocks.deallocate()
    }

    // MARK: Filling

    package func number(of text: String) -> Int32 { texts.code(for: text) }

    package func append(_ table: Table, name: Int32) -> Row {
        let row = blocks[table.position].append()
        row.name = name
        return row
    }

    /// Makes room for so many more rows of a table.
    package func reserve(_ table: Table, _ rows: Int) { blocks[table.position].reserve(rows) }

    @discardableResult package func append(_ row: TimelineRow, to table: Table) -> Row {
        let own = append(table, name: number(of: row.id))
        fill(own, with: row.values)
        return own
    }

    /// Sets the fields that are not known yet.
    package func fill(_ row: Row, with values: [CaseValue?]) {
        for (field, value) in values.enumerated() where row[field] == nil {
            switch value {
            case nil: break
            case .text(let text), .row(let text): row.set(field, number(of: text))
            case .number(let number): row.set(field, number)
            case .day(let number), .second(let number): row.set(field, number)
            case .flag(let isSet): row.set(field, Int64(isSet ? 1 : 0))
            }
        }
    }

    package convenience init(_ rows: [Table: [TimelineRow]]) {
        self.init()
        for table in Table.allCases { for row in rows[table] ?? [] { append(row, to: table) } }
    }

    // MARK: Reading

    package func count(_ table: Table) -> Int { blocks[table.position].count }

    package func row(_ table: Table, _ number: Int) -> Row {
        precondition(number < blocks[table.position].count, "there is no row \(number) in \(table.rawValue)")
        return blocks[table.position].row(number)
    }

    @inline(__always) func block(_ table: Int) -> Block { blocks[table] }

    package func text(_ number: Int32) -> String { texts.string(number) }

    /// The row as plain values.
    package func values(_ table: Table, _ number: Int) -> TimelineRow {
        let row = row(table, number)
        let values = table.fields.enumerated().map { field, declared -> CaseValue? in
            guard let value = row[field] else { return nil }
            switch declared.kind {
            case .identifier, .text, .code: return .text(text(Int32(truncatingIfNeeded: value)))
            case .row: return .row(text(Int32(truncatingIfNeeded: value)))
            case .day: return .day(Int32(truncatingIfNeeded: value))
            case .second: return .second(Int32(truncatingIfNeeded: value))
            case .flag: return .flag(value != 0)
            case .decimal, .integer: return .number(value)
            }
        }
        return TimelineRow(id: text(row.name), values: values)
    }

    /// Memory that it takes, in bytes; texts as half of what rows take, which they rarely reach.
    package var byteCount: Int {
        (0..<Chunk.tableCount).reduce(1024) { $0 + blocks[$1].byteCount * 3 / 2 }
    }
}
