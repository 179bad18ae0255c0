import CZlib

/// A ZIP archive written front to back: members are deflated as they come, their sizes follow them.
///
/// It needs no seeking and holds one member's state at a time. Limits: 4 GiB − 1 a member and altogether, as the
/// format without its 64-bit extension allows; beyond them it stops with an error and never writes a broken archive.
package final class ZipArchive {
    private struct Member {
        let name: [UInt8]
        let offset: UInt32
        var checksum: UInt32 = 0
        var compressed = 0
        var size = 0
    }

    package let file: OutputFile
    private var members: [Member] = []
    private var open: Member?
    private var stream = z_stream()
    private var pending: [UInt8] = []
    private var output = [UInt8](repeating: 0, count: 1 << 16)
    private static let limit = Int(UInt32.max) - (1 << 20)

    package init(to file: OutputFile) { self.file = file }

    deinit { if open != nil { deflateEnd(&stream) } }

    /// Starts the next member; the one before must be closed.
    package func begin(_ name: String) throws {
        precondition(open == nil, "a member of the archive is still open")
        let member = Member(name: Array(name.utf8), offset: try offset())
        stream = z_stream()
        // -15: raw deflate with the largest window, as ZIP wants it.
        let status = deflateInit2_(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw failure("zlib cannot start (status \(status))") }
        open = member
        // Flag bit 3: sizes and checksum follow the data; bit 11: the name is UTF-8.
        var header: [UInt8] = []
        header.append(little: 0x0403_4b50, bytes: 4)
        header.append(little: 20, bytes: 2)
        header.append(little: 0x0808, bytes: 2)
        header.append(little: 8, bytes: 2)
        header.append(little: Self.stamp, bytes: 4)
        header.append(little: 0, bytes: 12)
        header.append(little: UInt64(member.name.count), bytes: 2)
        header.append(little: 0, bytes: 2)
        try file.write(header)
        try file.write(member.name)
    }

    package func write(_ text: String) throws {
        var text = text
        text.withUTF8 { pending.append(contentsOf: $0) }
        if pending.count >= 1 << 16 { try deflatePending(Z_NO_FLUSH) }
    }

    package func endMember() throws {
        try deflatePending(Z_FINISH)
        deflateEnd(&stream)
        guard let member = open else { return }
        open = nil
        members.append(member)
        var descriptor: [UInt8] = []
        descriptor.append(little: 0x0807_4b50, bytes: 4)
        descriptor.append(little: UInt64(member.checksum), bytes: 4)
        descriptor.append(little: UInt64(member.compressed), bytes: 4)
        descriptor.append(little: UInt64(member.size), bytes: 4)
        try file.write(descriptor)
    }

    /// Writes the directory and completes the file.
    package func finish() throws {
        let start = try offset()
        for member in members {
            var entry: [UInt8] = []
            entry.append(little: 0x0201_4b50, bytes: 4)
            entry.append(little: 20, bytes: 2)
            entry.append(little: 20, bytes: 2)
            entry.append(little: 0x0808, bytes: 2)
            entry.append(little: 8, bytes: 2)
            entry.append(little: Self.stamp, bytes: 4)
            entry.append(little: UInt64(member.checksum), bytes: 4)
            entry.append(little: UInt64(member.compressed), bytes: 4)
            entry.append(little: UInt64(member.size), bytes: 4)
            entry.append(little: UInt64(member.name.count), bytes: 2)
            entry.append(little: 0, bytes: 12)
            entry.append(little: UInt64(member.offset), bytes: 4)
            try file.write(entry)
            try file.write(member.name)
        }
        let end = try offset()
        var trailer: [UInt8] = []
        trailer.append(little: 0x0605_4b50, bytes: 4)
        trailer.append(little: 0, bytes: 4)
        trailer.append(little: UInt64(members.count), bytes: 2)
        trailer.append(little: UInt64(members.count), bytes: 2)
        trailer.append(little: UInt64(end - start), bytes: 4)
        trailer.append(little: UInt64(start), bytes: 4)
        trailer.append(little: 0, bytes: 2)
        try file.write(trailer)
        try file.finish()
    }

    private func deflatePending(_ flush: Int32) throws {
        guard var member = open else { return }
        member.size += pending.count
        guard member.size < Self.limit, file.position < Self.limit else {
            throw failure("larger than the 4 GiB that the format holds")
        }
        var written: [UInt8] = []
        pending.withUnsafeMutableBufferPointer { input in
            member.checksum = UInt32(
                truncatingIfNeeded: crc32(UInt(member.checksum), input.baseAddress, UInt32(input.count)))
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            var isMore = true
            while isMore {
                output.withUnsafeMutableBufferPointer { room in
                    stream.next_out = room.baseAddress
                    stream.avail_out = UInt32(room.count)
                    _ = deflate(&stream, flush)
                    written.append(contentsOf: room[..<(room.count - Int(stream.avail_out))])
                    isMore = stream.avail_out == 0
                }
            }
        }
        member.compressed += written.count
        pending.removeAll(keepingCapacity: true)
        open = member
        try file.write(written)
    }

    private func offset() throws -> UInt32 {
        guard file.position < Self.limit else { throw failure("larger than the 4 GiB that the format holds") }
        return UInt32(file.position)
    }

    private func failure(_ reason: String) -> DocumentError {
        DocumentError(
            code: "YJ-402", path: file.path, reason: reason,
            advice: "write fewer rows with --where or --limit, or use --format csv")
    }

    /// 1980-01-01, the format's first day: equal content gives equal bytes.
    private static let stamp: UInt64 = 0x0021_0000
}

extension [UInt8] {
    fileprivate mutating func append(little value: UInt64, bytes count: Int) {
        for index in 0..<count { append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
    }
}
