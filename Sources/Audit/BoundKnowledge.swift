import Claims
import Columns
import Rules

/// Lists whose texts are vocabulary codes, with the indexes that rules look them up by.
final class BoundKnowledge: @unchecked Sendable {
    let vocabulary: Vocabulary
    let lists: [BoundList]
    private let numbers: [String: Int]
    /// By list: the first one with the same rows, which it shares.
    private let twins: [Int]
    private(set) var memberships: [Membership] = []

    /// `(a, b) IN LIST name`: the columns compared, and the index over the first of them.
    final class Membership: Sendable {
        let list: Int
        let bound: BoundList
        let columns: [ComparedColumn]
        let index: ListIndex
        /// Place of the index's column among the columns.
        let lead: Int

        init(list: Int, bound: BoundList, columns: [ComparedColumn], index: ListIndex, lead: Int) {
            self.list = list
            self.bound = bound
            self.columns = columns
            self.index = index
            self.lead = lead
        }
    }

    init(lists: [String: KnowledgeList], vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        let names = lists.keys.sorted()
        var bound: [BoundList] = []
        var twins: [Int] = []
        var known: [KnowledgeList.Outline: [Int]] = [:]
        for (number, list) in names.compactMap({ lists[$0] }).enumerated() {
            let alike = known[list.outline, default: []]
            if let twin = alike.first(where: { bound[$0].source.hasRows(of: list) }) {
                bound.append(BoundList(list, sharing: bound[twin]))
                twins.append(twin)
            } else {
                bound.append(BoundList(list, vocabulary: vocabulary))
                twins.append(number)
                known[list.outline] = alike + [number]
            }
        }
        self.lists = bound
        self.twins = twins
        numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    func number(of list: String) -> Int {
        guard let number = numbers[list] else {
            preconditionFailure("the rule checker lets no unknown list \(list) pass")
        }
        return number
    }

    /// The first list with the same rows.
    func twin(of list: Int) -> Int { twins[list] }

    /// `scales` are those of numbers; nil for values that are compared as they are.
    func membership(list: String, columns: [Int], scales: [Int?]) -> Int {
        let number = twin(of: number(of: list))
        let bound = lists[number]
        let compared = zip(columns, scales).map { bound.compared($0, with: $1) }
        if let known = memberships.firstIndex(where: { $0.list == number && $0.columns == compared }) { return known }
        let lead =
            columns.firstIndex { bound.columns[$0].isCode } ?? columns.firstIndex { bound.columns[$0].isPrefix } ?? 0
        memberships.append(
            Membership(
                list: number, bound: bound, columns: compared, index: bound.index(column: columns[lead]), lead: lead))
        return memberships.count - 1
    }
}

/// A column of a list that is compared with a value: numbers of unlike scales at the wider one.
struct ComparedColumn: Hashable {
    let column: Int
    /// The scale at which both are compared; 0 for what is no number.
    let scale: Int
    /// Takes a cell to that scale.
    let factor: Int64
}

/// One list with its cells as integers.
final class BoundList: @unchecked Sendable {
    struct Column {
        let isCode: Bool
        let isPrefix: Bool
        let scale: Int
        /// Vocabulary code, mantissa, day number or 0/1. The list owns the memory.
        let values: UnsafeBufferPointer<Int64>
        let isNull: UnsafeBufferPointer<Bool>

        init(isCode: Bool, isPrefix: Bool, scale: Int, values: [Int64], isNull: [Bool]) {
            self.isCode = isCode
            self.isPrefix = isPrefix
            self.scale = scale
            self.values = values.pinned()
            self.isNull = isNull.pinned()
        }

        @inline(__always) func isKnown(_ row: Int) -> Bool { isNull.isEmpty || !isNull[row] }
    }

    let source: KnowledgeList
    /// Without references inside, so that reading a cell counts none.
    let columns: UnsafeBufferPointer<Column>
    let rowCount: Int
    let isDated: Bool
    let hasAreas: Bool
    /// Rows apply everywhere and always.
    var isPlain: Bool { !isDated && !hasAreas }
    private let vocabulary: Vocabulary
    private var indexes: [Int: ListIndex] = [:]
    /// The list whose cells and indexes these are.
    private let owner: BoundList?
    /// Whether rows of equal keys may differ in area or dates.
    let isRanked: Bool

    init(_ list: KnowledgeList, vocabulary: Vocabulary) {
        source = list
        owner = nil
        self.vocabulary = vocabulary
        rowCount = list.rowCount
        isDated = list.from.contains { $0 != Int32.min } || list.to.contains { $0 != Int32.max }
        hasAreas = list.areaSelector != .none && list.areas.contains { !$0.isEmpty }
        isRanked = isDated || list.areas.contains { !$0.isEmpty }
        let bound = list.columns.map { column in
            switch column.kind {
            case .code, .text, .prefix:
                var isPrefix = false
                if case .prefix = column.kind { isPrefix = true }
                let codes = (0..<list.rowCount).map { Int64(vocabulary.intern(column.texts[$0])) }
                return Column(isCode: !isPrefix, isPrefix: isPrefix, scale: 0, values: codes, isNull: column.isNull)
            case .decimal(let scale):
                return Column(
                    isCode: false, isPrefix: false, scale: scale, values: column.numbers, isNull: column.isNull)
            case .integer, .day, .flag:
                return Column(isCode: false, isPrefix: false, scale: 0, values: column.numbers, isNull: column.isNull)
            }
        }
        columns = bound.pinned()
    }

    /// A list with the same rows as another: it has that one's cells and indexes.
    init(_ list: KnowledgeList, sharing twin: BoundList) {
        source = list
        owner = twin
        vocabulary = twin.vocabulary
        rowCount = twin.rowCount
        isDated = twin.isDated
        hasAreas = twin.hasAreas
        isRanked = twin.isRanked
        columns = twin.columns
    }

    deinit {
        guard owner == nil else { return }
        for column in columns {
            column.values.deallocate()
            column.isNull.deallocate()
        }
        columns.deallocate()
        for index in indexes.values { index.free() }
    }

    func index(column: Int) -> ListIndex {
        if let owner { return owner.index(column: column) }
        if let index = indexes[column] { return index }
        let index = ListIndex(self, column: column, vocabulary: vocabulary)
        indexes[column] = index
        return index
    }

    func compared(_ column: Int, with scale: Int?) -> ComparedColumn {
        guard let scale else { return ComparedColumn(column: column, scale: 0, factor: 1) }
        let own = columns[column].scale
        return ComparedColumn(
            column: column, scale: max(own, scale), factor: Int64.power(ofTen: max(0, scale - own)))
    }

    /// Whether a cell equals, or for a prefix column begins, the value. An empty cell agrees with nothing.
    @inline(__always) func matches(_ row: Int, _ compared: ComparedColumn, _ value: Value) -> Value {
        let cell = columns[compared.column]
        guard cell.isKnown(row) else { return .no }
        if cell.isPrefix {
            guard value.isKnown else { return .maybe }
            let prefix = vocabulary.view(Int32(truncatingIfNeeded: cell.values[row]))
            return .truth(vocabulary.bytes(of: Int32(truncatingIfNeeded: value.lo)).starts(with: prefix))
        }
        let number = Int128(cell.values[row]) * Int128(compared.factor)
        return .equal(value, .known(number))
    }

    /// Whether the row applies on the day and in the area; nil when one of them is unknown and decides.
    func applies(_ row: Int, day: Value, area: [UInt8]?) -> Bool? {
        var sure = true
        if isDated {
            let from = Int128(source.from[row])
            let to = Int128(source.to[row])
            if day.hi < from || day.lo > to { return false }
            if day.lo < from || day.hi > to { sure = false }
        }
        if hasAreas, !source.areas[row].isEmpty {
            guard let area else { return nil }
            guard area.starts(with: significant(source.areas[row])) else { return false }
        }
        return sure ? true : nil
    }

    /// The part of a division code before its trailing pairs of zeros: `370000` → `37`.
    func significant(_ area: String) -> ArraySlice<UInt8> {
        var bytes = Array(area.utf8)[...]
        while bytes.count >= 2, bytes.suffix(2).elementsEqual([48, 48]) { bytes = bytes.dropLast(2) }
        return bytes
    }

    /// Of rows that apply and share their keys, the most specific area wins, then the latest start.
    /// What only may apply drives out what it would win over, but does not apply for certain itself.
    func mostSpecific(_ rows: [Int32], besides possible: [Int32]) -> [Int32] {
        let rows = rows.sorted()
        guard isRanked, rows.count + possible.count > 1 else { return rows }
        let rivals = rows + possible
        return rows.filter { row in
            !rivals.contains { $0 != row && sharesKeys(Int($0), Int(row)) && isPreferred($0, to: row) }
        }
    }

    private func isPreferred(_ a: Int32, to b: Int32) -> Bool {
        let (x, y) = (rank(Int(a)), rank(Int(b)))
        return x == y ? a < b : x > y
    }

    private func sharesKeys(_ a: Int, _ b: Int) -> Bool {
        let keys = source.keys.isEmpty ? Array(columns.indices) : source.keys
        return keys.allSatisfy { columns[$0].values[a] == columns[$0].values[b] }
    }

    private func rank(_ row: Int) -> (Int, Int32) {
        (
            source.areas.indices.contains(row) ? significant(source.areas[row]).count : 0,
            source.from.indices.contains(row) ? source.from[row] : Int32.min
        )
    }
}

/// Rows of a list by the code in one column; prefix columns are found through the prefixes of a text.
struct ListIndex: @unchecked Sendable {
    let column: Int
    private let starts: UnsafeBufferPointer<Int32>
    private let rows: UnsafeBufferPointer<Int32>
    /// Lengths in bytes of the prefixes of a prefix column, ascending; empty for code columns.
    private let lengths: UnsafeBufferPointer<Int>
    // The list that owns this index holds the vocabulary too.
    private unowned(unsafe) let vocabulary: Vocabulary

    init(_ list: BoundList, column: Int, vocabulary: Vocabulary) {
        self.column = column
        self.vocabulary = vocabulary
        let cells = list.columns[column]
        let top = cells.values.max().map { $0 < 0 || $0 > 50_000_000 ? -1 : Int($0) } ?? -1
        // A list without rows is indexed as well: no code is in it.
        let indexable = (cells.isCode || cells.isPrefix) && (top >= 0 || list.rowCount == 0)
        var counts = [Int32](repeating: 0, count: indexable ? top + 2 : 1)
        if indexable {
            for row in 0..<list.rowCount where cells.isKnown(row) { counts[Int(cells.values[row]) + 1] += 1 }
            for code in 0..<top + 1 { counts[code + 1] += counts[code] }
            var ordered = [Int32](repeating: 0, count: Int(counts[top + 1]))
            var next = counts
            for row in 0..<list.rowCount where cells.isKnown(row) {
                let code = Int(cells.values[row])
                ordered[Int(next[code])] = Int32(row)
                next[code] += 1
            }
            rows = ordered.pinned()
        } else {
            rows = (0..<Int32(list.rowCount)).map { $0 }.pinned()
        }
        starts = counts.pinned()
        let found =
            cells.isPrefix
            ? Set(
                cells.values.indices.filter { cells.isKnown($0) }.map {
                    vocabulary.view(Int32(truncatingIfNeeded: cells.values[$0])).count
                }
            ).sorted() : []
        lengths = found.pinned()
        isIndexed = indexable
        isPrefix = cells.isPrefix
    }

    func free() {
        starts.deallocate()
        rows.deallocate()
        lengths.deallocate()
    }

    /// False for numeric lead columns: every row is a candidate.
    let isIndexed: Bool
    private let isPrefix: Bool
    /// Whether a code alone tells which rows have it.
    var isExact: Bool { isIndexed && !isPrefix }

    /// Calls the body with every row whose cell equals the code, or is a prefix of it, in list order per prefix.
    @inline(__always) func forEach(_ code: Int32, _ body: (Int32) -> Bool) {
        guard isIndexed else {
            for row in rows where !body(row) { return }
            return
        }
        guard lengths.isEmpty else { return forEachPrefix(of: code, body) }
        guard code >= 0, Int(code) + 1 < starts.count else { return }
        var next = Int(starts[Int(code)])
        let end = Int(starts[Int(code) + 1])
        while next < end {
            if !body(rows[next]) { return }
            next &+= 1
        }
    }

    private func forEachPrefix(of code: Int32, _ body: (Int32) -> Bool) {
        guard code >= 0 else { return }
        let text = vocabulary.bytes(of: code)
        for length in lengths where length <= text.count {
            let prefix = text.withUnsafeBufferPointer {
                vocabulary.known(UnsafeBufferPointer(rebasing: $0[..<length]))
            }
            guard let prefix, Int(prefix) + 1 < starts.count else { continue }
            for next in Int(starts[Int(prefix)])..<Int(starts[Int(prefix) + 1]) where !body(rows[next]) { return }
        }
    }

    /// The row of a code in an exact column, when there is just one.
    @inline(__always) func only(_ code: Int32) -> Int32? {
        guard isExact, code >= 0, Int(code) + 1 < starts.count else { return nil }
        let first = Int(starts[Int(code)])
        return Int(starts[Int(code) + 1]) == first + 1 ? rows[first] : nil
    }

    /// Whether an exact column surely has no row of this code.
    @inline(__always) func surelyLacks(_ code: Int32) -> Bool {
        guard isExact else { return false }
        return code < 0 || Int(code) + 1 >= starts.count || starts[Int(code)] == starts[Int(code) + 1]
    }

    /// Whether any row has this code (exact columns only).
    func hasRows(_ code: Int) -> Bool {
        guard isIndexed, code + 1 < starts.count else { return !isIndexed }
        return starts[code] < starts[code + 1]
    }

    func rows(_ code: Int32) -> [Int32] {
        var found: [Int32] = []
        forEach(code) {
            found.append($0)
            return true
        }
        return found
    }
}

extension Array {
    /// A copy at a place of its own; whoever keeps it gives it back.
    fileprivate func pinned() -> UnsafeBufferPointer<Element> {
        let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: Swift.max(1, count))
        _ = copy.initialize(from: self)
        return UnsafeBufferPointer(rebasing: copy[..<count])
    }
}
