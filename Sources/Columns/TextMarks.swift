import CKernels

/// Places of two bytes in a run of text: the delimiters and line ends by which records are cut.
///
/// Ends before the first `stop` byte; `end` says how far the search came.
package struct TextMarks: ~Copyable {
    package let places: UnsafeMutablePointer<UInt32>
    package private(set) var count = 0
    /// Bytes searched.
    package private(set) var end = 0
    private let capacity: Int

    /// Room for the marks of at most `capacity` bytes.
    package init(capacity: Int) {
        self.capacity = capacity
        places = .allocate(capacity: max(1, capacity))
    }

    deinit { places.deallocate() }

    /// Finds the marks among the first bytes, as many as there is room for. Without `stop` nothing ends the search.
    package mutating func find(
        _ a: UInt8, _ b: UInt8, stoppingAt stop: UInt8?, in bytes: UnsafePointer<UInt8>, count length: Int
    ) {
        var stopped = 0
        count = yj_find_marks(bytes, min(length, capacity), a, b, stop ?? a, places, &stopped)
        end = stopped
    }
}
