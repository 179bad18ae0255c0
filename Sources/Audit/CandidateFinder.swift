import Claims

/// Candidate rows of one rule in one chunk: growable, in no promised order until `close()`.
struct CandidateList {
    private(set) var rows: UnsafeMutablePointer<Int32>
    private(set) var count = 0
    private var capacity = 64
    private var isAscending = true

    init() { rows = .allocate(capacity: 64) }

    func free() { rows.deallocate() }

    @inline(__always) mutating func append(_ row: Int32) {
        if count == capacity { grow(to: count &+ 1) }
        if count > 0, rows[count &- 1] >= row {
            if rows[count &- 1] == row { return }
            isAscending = false
        }
        rows[count] = row
        count &+= 1
    }

    mutating func append(all range: Range<Int>) {
        if count + range.count > capacity { grow(to: count + range.count) }
        for row in range { append(Int32(truncatingIfNeeded: row)) }
    }

    mutating func reset() {
        count = 0
        isAscending = true
    }

    /// Orders the rows and drops repetitions.
    mutating func close() {
        guard !isAscending else { return }
        var buffer = UnsafeMutableBufferPointer(start: rows, count: count)
        buffer.sort()
        var kept = 0
        for row in buffer where kept == 0 || rows[kept - 1] != row {
            rows[kept] = row
            kept += 1
        }
        count = kept
        isAscending = true
    }

    var buffer: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: rows, count: count) }

    private mutating func grow(to needed: Int) {
        let size = max(needed, capacity * 2)
        let larger = UnsafeMutablePointer<Int32>.allocate(capacity: size)
        larger.update(from: rows, count: count)
        rows.deallocate()
        rows = larger
        capacity = size
    }
}
