/// A JSON message taken apart in one pass: nodes that point into its bytes, nothing copied.
///
/// Strict inside (RFC 8259) and bounded: depth, number of nodes, length of names and texts, members given twice and bytes
/// that are no UTF-8 are refused with the offset. Numbers stay the digits that were written; no binary floating-point
/// number is ever made. A tape is used again for the next message by the thread that owns it.
package final class JSONTape {
    package enum Kind: UInt8 { case object, array, string, number, yes, no, null }

    package struct Limits: Sendable {
        package var bytes = 4 << 20
        package var depth = 32
        package var nodes = 400_000
        /// Of one text, in bytes.
        package var text = 65_536
        package init() {}
    }

    package struct Failure: Error, Equatable {
        package enum Reason: Sendable {
            case malformed, tooDeep, tooMany, tooLong, repeatedName, notUTF8, tooLarge
        }
        package let reason: Reason
        /// Offset in bytes from the beginning of the message.
        package let offset: Int
    }

    /// The name of a member; of an element and of the whole message it is empty.
    struct Name {
        var start: Int32 = 0
        var hash: UInt32 = 0
        var count: UInt16 = 0
    }

    struct Node {
        var kind: Kind
        var isEscaped: Bool
        var name: Name
        var start: Int32
        /// Bytes of a text or number; children of an object or array.
        var count: Int32
        /// The node after this one and all that is inside it.
        var after: Int32
    }

    private(set) var bytes: UnsafePointer<UInt8>
    private(set) var nodes: UnsafeMutablePointer<Node>
    private(set) var nodeCount = 0
    private var capacity = 1024
    private let limits: Limits
    /// One set of 1,024 bits for each depth: names seen in the object at hand.
    private let seen: UnsafeMutablePointer<UInt64>
    private let nothing: UnsafePointer<UInt8>

    package init(limits: Limits = Limits()) {
        self.limits = limits
        nodes = .allocate(capacity: 1024)
        nothing = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: 1))
        bytes = nothing
        seen = .allocate(capacity: (limits.depth + 2) * TapeReader.seenWords)
    }

    deinit {
        nodes.deallocate()
        nothing.deallocate()
        seen.deallocate()
    }

    /// Reads a message. The bytes must outlive what is asked of the tape afterwards.
    package func read(_ text: UnsafeBufferPointer<UInt8>) throws(Failure) {
        nodeCount = 0
        guard let base = text.baseAddress, text.count > 0 else { throw Failure(reason: .malformed, offset: 0) }
        guard text.count <= limits.bytes else { throw Failure(reason: .tooLarge, offset: limits.bytes) }
        bytes = base
        var reader = TapeReader(base, text.count, limits, nodes, capacity, seen)
        defer {
            nodes = reader.nodes
            capacity = reader.capacity
            nodeCount = reader.count
        }
        try reader.read()
    }

    static func hexadecimal(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46: UInt32(byte - 0x41 + 10)
        case 0x61...0x66: UInt32(byte - 0x61 + 10)
        default: nil
        }
    }
}
