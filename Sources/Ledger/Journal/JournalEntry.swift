/// What identifies a record, or what it is about (幂等键、业务键): a space and its parts.
///
/// Parts carry their length, so that ("a", "bc") and ("ab", "c") differ. The journal keeps only a keyed code of 128 bits: who
/// reads its files learns nothing, who knows the parts and holds the key file finds the record.
package struct JournalKey: Hashable, Sendable {
    let bytes: [UInt8]

    package init(_ space: String, _ parts: [String]) {
        var bytes: [UInt8] = []
        for part in [space] + parts {
            bytes.appendLittle(UInt32(part.utf8.count))
            bytes.append(contentsOf: part.utf8)
        }
        self.bytes = bytes
    }

    /// The key of a message that names itself by nothing: its content.
    package static func content(_ message: [UInt8]) -> JournalKey {
        JournalKey("content", [HexText.text(Digest.of(message, .sha256))])
    }
}

/// What is to be recorded: a request with its answer, or a later audit of one. The journal does not look inside.
package struct JournalEntry: Sendable {
    /// The caller's number for what this is.
    package let kind: UInt8
    /// At most `Frame.keysMax`.
    package let keys: [JournalKey]
    /// At most `Frame.bodyBytesMax` bytes.
    package let content: [UInt8]

    package init(kind: UInt8, keys: [JournalKey], content: [UInt8]) {
        self.kind = kind
        self.keys = keys
        self.content = content
    }

    /// Content of two parts: the length of the first, four bytes, then both.
    package init(kind: UInt8, keys: [JournalKey], request: [UInt8], answer: [UInt8]) {
        var content: [UInt8] = []
        content.reserveCapacity(4 + request.count + answer.count)
        content.appendLittle(UInt32(request.count))
        content.append(contentsOf: request)
        content.append(contentsOf: answer)
        self.init(kind: kind, keys: keys, content: content)
    }
}

/// What became of an append.
package enum JournalReceipt: Equatable, Sendable {
    /// It is on disk, under this number, with the recorded instant (milliseconds since 1970).
    case recorded(sequence: UInt64, instant: Int64)
    /// The key of `unlessKnown` was there already, in this record; nothing was written.
    case known(sequence: UInt64)

    package var sequence: UInt64 {
        switch self {
        case .recorded(let sequence, _), .known(let sequence): sequence
        }
    }
}

/// A record as it was written; what it says has been compared with its commitment.
package struct JournalRecord: Equatable, Sendable {
    package let sequence: UInt64
    /// Milliseconds since 1970 by the clock of that moment. Clocks jump: order is the sequence, never this.
    package let instant: Int64
    package let kind: UInt8
    package let content: [UInt8]
    /// The leaf: hash of salt and content.
    package let commitment: [UInt8]
    package let salt: [UInt8]

    /// The parts of a content of two; empty when it has none.
    package var request: [UInt8] { Array(parts.0) }
    package var answer: [UInt8] { Array(parts.1) }

    private var parts: (ArraySlice<UInt8>, ArraySlice<UInt8>) {
        guard content.count >= 4 else { return ([], []) }
        let count = Int(content.little(UInt32.self, at: 0))
        return count + 4 <= content.count ? (content[4..<(4 + count)], content[(4 + count)...]) : ([], [])
    }
}
