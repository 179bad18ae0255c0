import Columns

/// The first 128 bytes of a segment (段头). Little-endian: magic "YJRNSEG1", CRC-32C of what follows it, size, first sequence,
/// link before the first record, number of the journal (16 random bytes), check of the key file (16), when it was made, hash.
struct SegmentHeader: Equatable {
    static let magic: UInt64 = 0x3147_4553_4E52_4A59
    static let byteCount = 128

    let first: UInt64
    let previous: [UInt8]
    let journal: [UInt8]
    let keyCheck: [UInt8]
    let created: Int64
    let hash: HashAlgorithm

    /// Tells whether a key file belongs to a journal.
    static func keyCheck(_ keys: KeyFile, journal: [UInt8]) -> [UInt8] {
        Array(KeyedCode.code(.sha256, key: keys.index, Array("yijian journal".utf8) + journal).prefix(16))
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(Self.magic)
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(UInt32(Self.byteCount))
        bytes.appendLittle(first)
        bytes += previous + journal + keyCheck
        bytes.appendLittle(created)
        bytes.append(hash.rawValue)
        bytes += [UInt8](repeating: 0, count: Self.byteCount - bytes.count)
        bytes.putLittle(bytes.withUnsafeBytes { crc32c(UnsafeRawBufferPointer(rebasing: $0[12...])) }, at: 8)
        return bytes
    }

    init(first: UInt64, previous: [UInt8], journal: [UInt8], keyCheck: [UInt8], created: Int64, hash: HashAlgorithm) {
        self.first = first
        self.previous = previous
        self.journal = journal
        self.keyCheck = keyCheck
        self.created = created
        self.hash = hash
    }

    /// Nil when these are not the bytes of a header.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.byteCount, bytes.little(UInt64.self, at: 0) == Self.magic,
            bytes.little(UInt32.self, at: 12) == UInt32(Self.byteCount),
            bytes.withUnsafeBytes({ crc32c(UnsafeRawBufferPointer(rebasing: $0[12..<Self.byteCount])) })
                == bytes.little(UInt32.self, at: 8),
            let hash = HashAlgorithm(rawValue: bytes[96])
        else { return nil }
        first = bytes.little(UInt64.self, at: 16)
        previous = Array(bytes[24..<56])
        journal = Array(bytes[56..<72])
        keyCheck = Array(bytes[72..<88])
        created = bytes.little(Int64.self, at: 88)
        self.hash = hash
    }
}

/// The last 192 bytes of a sealed segment (段尾). Before it, in this order: frames, the offset of every frame (4 bytes each),
/// the key index (code 16, number of the record in the segment 4; sorted), the words of the key filter.
struct SegmentTrailer: Equatable {
    static let magic: UInt64 = 0x314C_4145_534A_4A59
    static let byteCount = 192

    var first: UInt64
    var count: Int
    var framesEnd: Int
    var indexCount: Int
    var filterWords: Int
    var previous: [UInt8]
    var lastLink: [UInt8]
    /// Hash of offsets, index and filter.
    var footerHash: [UInt8]
    var firstInstant: Int64
    var lastInstant: Int64
    var isCompressed: Bool
    var hash: HashAlgorithm

    var next: UInt64 { first + UInt64(count) }
    var offsetsPlace: Int { framesEnd }
    var indexPlace: Int { framesEnd + 4 * count }
    var filterPlace: Int { indexPlace + KeyIndex.entryBytes * indexCount }
    var trailerPlace: Int { filterPlace + 8 * filterWords }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(Self.magic)
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(UInt32(Self.byteCount))
        bytes.appendLittle(first)
        for number in [count, framesEnd, indexCount, filterWords] { bytes.appendLittle(UInt64(number)) }
        bytes += previous + lastLink + footerHash
        bytes.appendLittle(firstInstant)
        bytes.appendLittle(lastInstant)
        bytes += [isCompressed ? 1 : 0, hash.rawValue]
        bytes += [UInt8](repeating: 0, count: Self.byteCount - bytes.count)
        bytes.putLittle(bytes.withUnsafeBytes { crc32c(UnsafeRawBufferPointer(rebasing: $0[12...])) }, at: 8)
        return bytes
    }

    /// Nil when these are not the bytes of a trailer, or they speak of a file of another size.
    static func read(_ bytes: [UInt8], fileSize: Int) -> SegmentTrailer? {
        guard bytes.count == byteCount, bytes.little(UInt64.self, at: 0) == magic,
            bytes.little(UInt32.self, at: 12) == UInt32(byteCount),
            bytes.withUnsafeBytes({ crc32c(UnsafeRawBufferPointer(rebasing: $0[12...])) })
                == bytes.little(UInt32.self, at: 8),
            let hash = HashAlgorithm(rawValue: bytes[169])
        else { return nil }
        let numbers = (0..<4).map { bytes.little(UInt64.self, at: 24 + 8 * $0) }
        guard numbers.allSatisfy({ $0 <= UInt64(fileSize) }) else { return nil }
        let trailer = SegmentTrailer(
            first: bytes.little(UInt64.self, at: 16), count: Int(numbers[0]), framesEnd: Int(numbers[1]),
            indexCount: Int(numbers[2]), filterWords: Int(numbers[3]), previous: Array(bytes[56..<88]),
            lastLink: Array(bytes[88..<120]), footerHash: Array(bytes[120..<152]),
            firstInstant: bytes.little(Int64.self, at: 152), lastInstant: bytes.little(Int64.self, at: 160),
            isCompressed: bytes[168] == 1, hash: hash)
        return trailer.trailerPlace + byteCount == fileSize ? trailer : nil
    }
}
