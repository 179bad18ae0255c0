import CZlib

/// A ZIP archive held in memory, its directory read and its members unpacked piece by piece.
///
/// Nothing that the archive says about itself is believed: offsets, sizes, checksums and names are compared with the
/// bytes, and a member stops at the limits whatever its header promises. Encrypted members, other methods than stored
/// and deflated, archives in several files and the 64-bit extension are refused.
package struct ZipInput {
    package struct Member: Sendable {
        package let name: String
        let isDeflated: Bool
        let checksum: UInt32
        let packed: Int
        package let size: Int
        let offset: Int
    }

    let file: String
    let limits: SheetLimits
    private let bytes: [UInt8]
    package private(set) var members: [String: Member] = [:]

    package init(_ bytes: [UInt8], file: String, limits: SheetLimits = SheetLimits()) throws(SheetError) {
        self.bytes = bytes
        self.file = file
        self.limits = limits
        try readDirectory()
    }

    private func broken(_ message: String, _ place: String = "") -> SheetError {
        SheetError(
            "SHT002", file: file, place: place, message, advice: "copy the file again, or save it once more as .xlsx")
    }

    private func number(_ offset: Int, _ count: Int) throws(SheetError) -> Int {
        guard offset >= 0, offset <= bytes.count - count else { throw broken("the archive ends too early") }
        var value = 0
        for index in 0..<count { value |= Int(bytes[offset + index]) << (8 * index) }
        return value
    }

    private mutating func readDirectory() throws(SheetError) {
        // The end record stands last, before a comment of at most 65,535 bytes.
        var end = bytes.count - 22
        let first = max(0, end - 65_535)
        while end >= first {
            if try number(end, 4) == 0x0605_4b50 { break }
            end -= 1
        }
        guard end >= first, end >= 0 else { throw broken("this is no complete archive: its directory is missing") }
        let count = try number(end + 10, 2)
        var offset = try number(end + 16, 4)
        guard try number(end + 4, 4) == 0, count != 0xFFFF, offset != 0xFFFF_FFFF else {
            throw broken("archives in several parts or of more than 4 GiB are not read")
        }
        guard count <= limits.membersMax else {
            throw broken("the archive has \(count) parts, more than \(limits.membersMax)")
        }
        for _ in 0..<count {
            guard try number(offset, 4) == 0x0201_4b50 else { throw broken("the archive's directory is damaged") }
            let flags = try number(offset + 8, 2)
            let method = try number(offset + 10, 2)
            let checksum = try number(offset + 16, 4)
            let packed = try number(offset + 20, 4)
            let size = try number(offset + 24, 4)
            let nameLength = try number(offset + 28, 2)
            let extra = try number(offset + 30, 2) + number(offset + 32, 2)
            let header = try number(offset + 42, 4)
            guard offset + 46 + nameLength <= bytes.count, nameLength <= 512 else {
                throw broken("the archive's directory is damaged")
            }
            let name = String(decoding: bytes[(offset + 46)..<(offset + 46 + nameLength)], as: UTF8.self)
            offset += 46 + nameLength + extra
            guard flags & 1 == 0 else {
                throw SheetError(
                    "SHT003", file: file, place: name, "the workbook is encrypted",
                    advice: "open it, remove the password, and save it")
            }
            guard method == 0 || method == 8 else { throw broken("packed in a way that is not read", name) }
            guard size <= limits.memberBytesMax, size <= (1 << 20) || size / max(packed, 1) <= limits.ratioMax else {
                throw tooLarge(name)
            }
            guard members[name] == nil else { throw broken("two parts have one name", name) }
            members[name] = Member(
                name: name, isDeflated: method == 8, checksum: UInt32(checksum), packed: packed, size: size,
                offset: header)
        }
    }

    private func tooLarge(_ name: String) -> SheetError {
        SheetError(
            "SHT004", file: file, place: name,
            "unpacked it would be larger than \(limits.memberBytesMax >> 20) MiB, or \(limits.ratioMax) times its "
                + "packed size", advice: "no published list is like that: ask where the file comes from")
    }

    /// The member's bytes, in pieces.
    package func open(_ member: Member) throws(SheetError) -> Stream {
        guard try number(member.offset, 4) == 0x0403_4b50 else {
            throw broken("the part is not where it should be", member.name)
        }
        let start = member.offset + 30 + (try number(member.offset + 26, 2)) + (try number(member.offset + 28, 2))
        guard start <= bytes.count, member.packed <= bytes.count - start else {
            throw broken("the part ends too early", member.name)
        }
        return try Stream(self, member, start: start)
    }

    /// Unpacks one member; checks its size and checksum at the end.
    package final class Stream {
        private let archive: ZipInput
        private let member: Member
        private var position: Int
        private let end: Int
        private var stream = z_stream()
        private var made = 0
        private var checksum: UInt = 0
        private var isDone = false
        private var room = [UInt8](repeating: 0, count: 1 << 16)

        fileprivate init(_ archive: ZipInput, _ member: Member, start: Int) throws(SheetError) {
            self.archive = archive
            self.member = member
            position = start
            end = start + member.packed
            guard member.isDeflated else { return }
            let status = inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            guard status == Z_OK else { throw archive.broken("zlib cannot start (\(status))", member.name) }
        }

        deinit { if member.isDeflated { inflateEnd(&stream) } }

        /// The next piece; nil when the member is complete and is what its header says.
        package func next() throws(SheetError) -> [UInt8]? {
            guard !isDone else { return nil }
            let piece = member.isDeflated ? try inflated() : stored()
            made += piece.count
            guard made <= archive.limits.memberBytesMax,
                made <= (1 << 20) || made / max(member.packed, 1) <= archive.limits.ratioMax
            else { throw archive.tooLarge(member.name) }
            piece.withUnsafeBufferPointer { checksum = crc32(checksum, $0.baseAddress, UInt32($0.count)) }
            guard isDone else { return piece }
            guard made == member.size, UInt32(truncatingIfNeeded: checksum) == member.checksum else {
                throw archive.broken("the part is damaged: size or checksum differ", member.name)
            }
            return piece.isEmpty ? nil : piece
        }

        private func stored() -> [UInt8] {
            let upper = min(end, position + room.count)
            let piece = Array(archive.bytes[position..<upper])
            position = upper
            isDone = position == end
            return piece
        }

        private func inflated() throws(SheetError) -> [UInt8] {
            var produced = 0
            var status = Z_OK
            while produced == 0, status == Z_OK {
                let upper = min(end, position + (1 << 16))
                // zlib wants its input mutable but does not change it.
                var input = Array(archive.bytes[position..<upper])
                input.withUnsafeMutableBufferPointer { from in
                    room.withUnsafeMutableBufferPointer { to in
                        stream.next_in = from.baseAddress
                        stream.avail_in = UInt32(from.count)
                        stream.next_out = to.baseAddress
                        stream.avail_out = UInt32(to.count)
                        status = inflate(&stream, Z_NO_FLUSH)
                        position = upper - Int(stream.avail_in)
                        produced = to.count - Int(stream.avail_out)
                    }
                }
                if status == Z_OK, produced == 0, position == end {
                    throw archive.broken("the part ends too early", member.name)
                }
            }
            guard status == Z_OK || status == Z_STREAM_END else {
                throw archive.broken("the part is damaged (zlib \(status))", member.name)
            }
            isDone = status == Z_STREAM_END
            return Array(room[..<produced])
        }
    }
}
