import Glibc

/// Memory that views may point at when a column has no bytes of its own: zeros, for ever.
enum Zeros {
    /// 64 zero bytes, aligned for every type.
    nonisolated(unsafe) static let bytes: UnsafeRawPointer = {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        memset(memory, 0, 64)
        return UnsafeRawPointer(memory)
    }()

    static var offsets: UnsafePointer<Int32> { bytes.assumingMemoryBound(to: Int32.self) }
}

/// Negative, zero or positive as `left` comes before, equals or comes after `right`, byte by byte.
@inline(__always)
package func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
    let shared = min(left.count, right.count)
    if shared > 0, let a = left.baseAddress, let b = right.baseAddress {
        let order = memcmp(a, b, shared)
        if order != 0 { return Int(order) }
    }
    return left.count &- right.count
}

/// A block of 64-byte aligned memory that grows by doubling and keeps its content.
struct GrowingMemory {
    private(set) var pointer: UnsafeMutableRawPointer
    private(set) var capacity: Int

    init() {
        pointer = UnsafeMutableRawPointer(mutating: Zeros.bytes)
        capacity = 0
    }

    /// Makes room for `bytes`; the first `used` bytes are kept.
    mutating func reserve(_ bytes: Int, used: Int) {
        guard bytes > capacity else { return }
        var wanted = max(256, capacity)
        while wanted < bytes { wanted = wanted &* 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 64)
        memcpy(larger, pointer, used)
        free()
        pointer = larger
        capacity = wanted
    }

    mutating func free() {
        if capacity > 0 { pointer.deallocate() }
        pointer = UnsafeMutableRawPointer(mutating: Zeros.bytes)
        capacity = 0
    }
}
