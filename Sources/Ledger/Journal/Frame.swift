import Columns

/// The keyed code of a `JournalKey`.
struct KeyTag: Hashable, Comparable, Sendable {
    static let byteCount = 16
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    init(_ key: JournalKey, _ codes: CodingKey) {
        let code = codes.code(key.bytes)
        self.init(high: code.little(UInt64.self, at: 0), low: code.little(UInt64.self, at: 8))
    }

    static func < (a: KeyTag, b: KeyTag) -> Bool { a.high != b.high ? a.high < b.high : a.low < b.low }
}

/// One record as it lies in a segment (帧). All numbers little-endian:
///
///     0   magic "YJR1"            16  sequence, 8 bytes            80   commitment, 32
///     4   CRC-32C of the rest     24  instant, 8                   112  keyed codes, 16 each
///     8   length of the whole     32  records known durable, 8     …    body as stored
///     12  kind, suite, codec,     40  number of the cipher key, 4
///         hash: a byte each       44  count of keys, 4
///                                 48  link of the record before, 32
///
/// The *commitment* is `H(0 ‖ salt ‖ content)`; the stored body is the enciphered `salt 16 ‖ content`. The *link* is `H(2 ‖ link before ‖ kind ‖ hash ‖ sequence ‖ instant ‖ count ‖ codes ‖
/// commitment)`: it covers neither cipher nor compression, so that both can change and bodies can be erased.
struct Frame {
    static let magic: UInt32 = 0x3152_4A59
    static let headCount = 112
    static let keysMax = 4096
    static let bodyBytesMax = 64 << 20
    static let byteCountMax = headCount + keysMax * KeyTag.byteCount + bodyBytesMax + (1 << 20)

    var kind: UInt8
    var suite: UInt8
    var codec: UInt8
    var hash: HashAlgorithm
    var sequence: UInt64
    var instant: Int64
    /// How many records were known to be durable when this one was written: a damaged record below that number had been
    /// acknowledged, one at or above it may be a torn write.
    var durable: UInt64
    var keyIdentifier: UInt32
    var previous: [UInt8]
    var commitment: [UInt8]
    var tags: [KeyTag]
    var stored: [UInt8]

    var byteCount: Int { Self.headCount + tags.count * KeyTag.byteCount + stored.count }

    /// Its body was forgotten; commitment and link remain.
    var isErased: Bool { suite == 0 }

    mutating func erase() {
        (suite, codec, keyIdentifier) = (0, 0, 0)
        stored = []
    }

    /// Appends the bytes of this frame.
    func write(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.reserveCapacity(start + byteCount)
        bytes.appendLittle(Self.magic)
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(UInt32(byteCount))
        bytes.append(contentsOf: [kind, suite, codec, hash.rawValue])
        bytes.appendLittle(sequence)
        bytes.appendLittle(instant)
        bytes.appendLittle(durable)
        bytes.appendLittle(keyIdentifier)
        bytes.appendLittle(UInt32(tags.count))
        bytes.append(contentsOf: previous)
        bytes.append(contentsOf: commitment)
        for tag in tags {
            bytes.appendLittle(tag.high)
            bytes.appendLittle(tag.low)
        }
        bytes.append(contentsOf: stored)
        let crc = bytes.withUnsafeBytes { crc32c(UnsafeRawBufferPointer(rebasing: $0[(start + 8)...])) }
        bytes.putLittle(crc, at: start + 4)
    }

    /// How long the frame that begins at `offset` says it is; nil when no frame begins there or the number cannot be.
    static func byteCount(in bytes: UnsafeRawBufferPointer, at offset: Int) -> Int? {
        guard offset + headCount <= bytes.count, bytes.little(UInt32.self, at: offset) == magic else { return nil }
        let count = Int(bytes.little(UInt32.self, at: offset + 8))
        let keys = Int(bytes.little(UInt32.self, at: offset + 44))
        guard count <= byteCountMax, keys <= keysMax, count >= headCount + keys * KeyTag.byteCount else { return nil }
        return count
    }

    /// The instant of the frame that begins here, if one does.
    static func instant(in head: UnsafeRawBufferPointer) -> Int64? {
        byteCount(in: head, at: 0) == nil ? nil : head.little(Int64.self, at: 24)
    }

    /// The frame at `offset`, or nil when it is not whole there or its checksum differs.
    init?(_ bytes: UnsafeRawBufferPointer, at offset: Int, withBody: Bool = true) {
        guard let count = Self.byteCount(in: bytes, at: offset), offset + count <= bytes.count,
            crc32c(UnsafeRawBufferPointer(rebasing: bytes[(offset + 8)..<(offset + count)]))
                == bytes.little(UInt32.self, at: offset + 4),
            let hash = HashAlgorithm(rawValue: bytes[offset + 15])
        else { return nil }
        self.hash = hash
        kind = bytes[offset + 12]
        suite = bytes[offset + 13]
        codec = bytes[offset + 14]
        sequence = bytes.little(UInt64.self, at: offset + 16)
        instant = bytes.little(Int64.self, at: offset + 24)
        durable = bytes.little(UInt64.self, at: offset + 32)
        keyIdentifier = bytes.little(UInt32.self, at: offset + 40)
        previous = Array(bytes[(offset + 48)..<(offset + 80)])
        commitment = Array(bytes[(offset + 80)..<(offset + 112)])
        let keys = Int(bytes.little(UInt32.self, at: offset + 44))
        tags = (0..<keys).map { index in
            let place = offset + Self.headCount + index * KeyTag.byteCount
            return KeyTag(high: bytes.little(UInt64.self, at: place), low: bytes.little(UInt64.self, at: place + 8))
        }
        stored = withBody ? Array(bytes[(offset + Self.headCount + keys * KeyTag.byteCount)..<(offset + count)]) : []
    }

    init(
        kind: UInt8, suite: UInt8, codec: UInt8, hash: HashAlgorithm, keyIdentifier: UInt32, commitment: [UInt8],
        tags: [KeyTag], stored: [UInt8]
    ) {
        self.kind = kind
        self.suite = suite
        self.codec = codec
        self.hash = hash
        self.keyIdentifier = keyIdentifier
        self.commitment = commitment
        self.tags = tags
        self.stored = stored
        (sequence, instant, durable, previous) = (0, 0, 0, Self.noLink)
    }

    /// What the first record of a journal names as the link before it.
    static let noLink = [UInt8](repeating: 0, count: HashAlgorithm.byteCount)

    /// The link of this record, which the next one names.
    func link(_ digest: Digest) -> [UInt8] {
        var bytes: [UInt8] = [2]
        bytes.reserveCapacity(128 + tags.count * KeyTag.byteCount)
        bytes.append(contentsOf: previous)
        bytes.append(contentsOf: [kind, hash.rawValue])
        bytes.appendLittle(sequence)
        bytes.appendLittle(instant)
        bytes.appendLittle(UInt32(tags.count))
        for tag in tags {
            bytes.appendLittle(tag.high)
            bytes.appendLittle(tag.low)
        }
        bytes.append(contentsOf: commitment)
        digest.add(bytes)
        return digest.finish()
    }
}

extension UnsafeRawBufferPointer {
    func little<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
