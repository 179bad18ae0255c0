/// The rows of a scope by a code: rows of equal code form a chain in their order.
///
/// Built anew for each scope in one pass, without sorting and without clearing: heads of other scopes are told apart
/// by a stamp.
final class RowChains {
    /// What rows of a window's scope are chained by.
    struct Key: Hashable {
        enum Kind: Hashable { case code, day, codeAndDay, attribute }

        let kind: Kind
        let table: Int
        /// The column; for attributes, whose chains leave rows out, the window.
        let field: Int
        /// Folds over an encounter may be nested in folds over its person: each has chains of its own.
        let isEncounter: Bool
    }

    static let leftOut: Int32 = -2

    /// Heads for days, and for pairs of a code and a day.
    static let dayCodes = 1 << 16

    /// The place of a day; days that have none are looked at whatever day is asked for.
    @inline(__always) static func day(_ day: Int32) -> Int32 { day >= 0 && day < dayCodes ? day : -1 }

    /// A place for a code and a day; others may have the same.
    @inline(__always) static func pair(_ code: Int32, _ day: Int32) -> Int32 {
        Int32(bitPattern: (UInt32(bitPattern: code) &* 0x9E37_79B1 ^ UInt32(bitPattern: day) &* 0x85EB_CA6B) >> 16)
    }

    private struct Head {
        var row: Int32
        var stamp: UInt32
    }

    private(set) var rows: Range<Int>?
    /// Rows without a code: they may belong to any.
    private(set) var unknown: [Int32] = []
    private let heads: UnsafeMutablePointer<Head>
    private let codes: Int
    private let following = Scratch<Int32>()
    private var stamp: UInt32 = 0
    private var first = 0

    init(codes: Int) {
        self.codes = codes
        heads = .allocate(capacity: max(1, codes))
        heads.initialize(repeating: Head(row: -1, stamp: 0), count: codes)
    }

    deinit { heads.deallocate() }

    /// The scope asked for last without chains, and how often.
    private var asked: (rows: Range<Int>, times: Int)?

    func forget() {
        rows = nil
        asked = nil
    }

    /// Whether chains of the scope are there, or asked for so often that it pays to build them.
    func isWorthwhile(_ scope: Range<Int>) -> Bool {
        if rows == scope || scope.count > Self.manyRows { return true }
        let times = asked?.rows == scope ? (asked?.times ?? 0) + 1 : 1
        asked = (scope, times)
        return times > Self.fewTimes
    }

    /// Chaining a row costs a few times as much as passing it.
    private static let fewTimes = 3
    private static let manyRows = 1024

    /// Chains the rows of a scope; `code` answers -1 for rows that may belong anywhere, `leftOut` for rows nobody asks for.
    @inline(__always) func build(_ scope: Range<Int>, code: (Int) -> Int32) {
        rows = scope
        first = scope.lowerBound
        unknown.removeAll(keepingCapacity: true)
        if stamp == UInt32.max {
            for code in 0..<codes { heads[code].stamp = 0 }
            stamp = 0
        }
        stamp &+= 1
        let following = following.pointer(max(1, scope.count))
        var row = scope.upperBound
        while row > first {
            row &-= 1
            let code = Int(code(row))
            if code == Int(Self.leftOut) { continue }
            guard code >= 0, code < codes else {
                unknown.append(Int32(truncatingIfNeeded: row))
                continue
            }
            following[row &- first] = heads[code].stamp == stamp ? heads[code].row : -1
            heads[code] = Head(row: Int32(truncatingIfNeeded: row), stamp: stamp)
        }
        unknown.reverse()
    }

    /// The first row of a code; -1: none.
    @inline(__always) func first(of code: Int32) -> Int {
        guard code >= 0, Int(code) < codes, heads[Int(code)].stamp == stamp else { return -1 }
        return Int(heads[Int(code)].row)
    }

    /// The next row of the same code; -1: none.
    @inline(__always) func next(after row: Int) -> Int { Int(following.base[row &- first]) }

    /// Rows of the code and rows without one, in order.
    func possible(_ code: Int32) -> [Int32] {
        var found = unknown
        var row = first(of: code)
        while row >= 0 {
            found.append(Int32(truncatingIfNeeded: row))
            row = next(after: row)
        }
        found.sort()
        return found
    }
}

extension Evaluator {
    /// Rows of a scope by the code in a column; nil: better passed one by one.
    func chains(_ window: WindowPlan, _ field: Int, _ rows: Range<Int>) -> RowChains? {
        guard let chains = chains(.code, window, field, codes: binding.vocabulary.count, rows) else { return nil }
        if chains.rows != rows {
            let slot = tables[window.table].slots[field]
            chains.build(rows) { slot.code($0) }
        }
        return chains
    }

    /// Rows of a scope by day.
    func chains(_ window: WindowPlan, day slot: UnsafeMutablePointer<Slot>, _ rows: Range<Int>) -> RowChains? {
        let field = Int(window.keys[window.dayKey].dayField)
        guard let chains = chains(.day, window, field, codes: RowChains.dayCodes, rows) else { return nil }
        if chains.rows != rows {
            let days = slot.pointee
            chains.build(rows) { days.isValid($0) ? RowChains.day(days.int32s[$0]) : -1 }
        }
        return chains
    }

    /// Rows of a scope by code and day.
    func chains(
        _ window: WindowPlan, code: UnsafeMutablePointer<Slot>, day: UnsafeMutablePointer<Slot>, _ rows: Range<Int>
    ) -> RowChains? {
        let field = Int(window.keys[window.lead].codeField)
        guard let chains = chains(.codeAndDay, window, field, codes: RowChains.dayCodes, rows) else { return nil }
        if chains.rows != rows {
            let codes = code.pointee
            let days = day.pointee
            chains.build(rows) { row in
                let code = codes.code(row)
                return code >= 0 && days.isValid(row) ? RowChains.pair(code, days.int32s[row]) : -1
            }
        }
        return chains
    }

    /// Lines of a scope by an attribute of their item; lines of items that the window never counts are left out.
    func chains(attribute window: WindowPlan, _ rows: Range<Int>) -> RowChains? {
        guard let chains = chains(.attribute, window, window.number, codes: binding.vocabulary.count, rows) else {
            return nil
        }
        if chains.rows != rows, let attributes = window.attributes {
            let slot = tables[window.table].slots[binding.lineItemField]
            chains.build(rows) { row in
                let code = Int(slot.code(row))
                guard code >= 0 && code < window.attributeCount else { return -1 }
                if let gate = window.gate, code < window.gateCount, gate[code] == 0 { return RowChains.leftOut }
                return attributes[code]
            }
        }
        return chains
    }

    /// nil: the rows are better passed one by one.
    private func chains(
        _ kind: RowChains.Key.Kind, _ window: WindowPlan, _ field: Int, codes: Int, _ rows: Range<Int>
    ) -> RowChains? {
        let key = RowChains.Key(
            kind: kind, table: window.table, field: field, isEncounter: window.scope == .encounter)
        let found = chains[key] ?? RowChains(codes: codes)
        if chains[key] == nil { chains[key] = found }
        return binding.largeScope < 48 || found.isWorthwhile(rows) ? found : nil
    }
}
