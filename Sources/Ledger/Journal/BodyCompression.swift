import CZlib

/// Compresses bodies one after the other in the same memory: setting it up anew costs a third of the work.
final class BodyCompression {
    private var stream = z_stream()

    init() {
        let status = deflateInit_(&stream, 1, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot be set up: status \(status)")
    }

    deinit { deflateEnd(&stream) }

    /// Empty when it could not be made smaller.
    func pack(_ plain: [UInt8]) -> [UInt8] {
        guard deflateReset(&stream) == Z_OK else { return [] }
        return plain.withUnsafeBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: plain.count) { target, filled in
                // zlib takes a pointer it may write through, and does not.
                stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                filled = deflate(&stream, Z_FINISH) == Z_STREAM_END ? target.count - Int(stream.avail_out) : 0
            }
        }
    }
}
