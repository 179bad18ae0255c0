/// The rows of a scope by a code: rows of equal code form a chain in their order.
///
/// Built anew for each scope in one pass, without sorting and without clearing: heads of other scopes are told apart
/// by a stamp.
final class RowChains {
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

    func forget() { rows = nil }

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
