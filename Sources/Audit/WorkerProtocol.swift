import Columns
import Glibc

/// How a partition of claims travels to `yijian worker` and back (工作进程协议): several Arrow streams on one pipe.
///
/// Each table is a frame: the eight bytes `YJTABLE1`, the length of the table's name as 32 bits little endian, the
/// name in UTF-8, the length of the stream as 64 bits little endian, then that many bytes: one Arrow IPC stream. After
/// the last frame stand the eight bytes `YJCLOSE1`; without them the partition was cut off and nothing of it is used.
/// `docs/worker.md` is written for senders.
package enum WorkerProtocol {
    package static let tableMark = Array("YJTABLE1".utf8)
    package static let closeMark = Array("YJCLOSE1".utf8)
    package static let nameLimit = 64

    /// What stands in front of a table's stream.
    package struct Frame: Equatable, Sendable {
        package let table: String
        package let bytes: UInt64

        package init(table: String, bytes: UInt64) {
            self.table = table
            self.bytes = bytes
        }
    }

    /// The head of the next frame; nil at the closing mark.
    package static func nextFrame(from descriptor: Int32) throws(ColumnsError) -> Frame? {
        let mark = try read(8, from: descriptor)
        if mark == closeMark { return nil }
        guard mark == tableMark else {
            throw failure(
                "YJ-340", "a frame begins with \(mark.map { String($0, radix: 16) }.joined(separator: " "))",
                advice: "Begin every table with YJTABLE1 and end the partition with YJCLOSE1")
        }
        let length = number(try read(4, from: descriptor))
        guard (1...UInt64(nameLimit)).contains(length) else {
            throw failure(
                "YJ-341", "a table's name claims \(length) bytes", advice: "Names have 1 to \(nameLimit) bytes")
        }
        let name = String(decoding: try read(Int(length), from: descriptor), as: UTF8.self)
        return Frame(table: name, bytes: number(try read(8, from: descriptor)))
    }

    /// Copies a frame's stream to a file, a piece at a time.
    package static func spool(_ frame: Frame, from descriptor: Int32, to path: String) throws(ColumnsError) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw cannotWrite(path) }
        defer { close(file) }
        var left = frame.bytes
        while left > 0 {
            let piece = try read(Int(min(left, 1 << 20)), from: descriptor)
            left -= UInt64(piece.count)
            var done = 0
            while done < piece.count {
                let written = piece.withUnsafeBytes { bytes in
                    Glibc.write(file, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw cannotWrite(path) }
                done += written
            }
        }
    }

    /// The bytes in front of a table's Arrow stream.
    package static func head(of frame: Frame) -> [UInt8] {
        let name = Array(frame.table.utf8)
        return tableMark + little(UInt64(name.count), 4) + name + little(frame.bytes, 8)
    }

    private static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    private static func number(_ bytes: [UInt8]) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

    private static func cannotWrite(_ path: String) -> ColumnsError {
        ColumnsError(
            "YJ-403", "the partition cannot be kept: \(String(cString: strerror(errno)))", at: path,
            advice: "Make room there, or set TMPDIR to another disk")
    }

    /// Reads exactly so many bytes: not one of the Arrow stream that follows may be taken.
    private static func read(_ count: Int, from descriptor: Int32) throws(ColumnsError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let got = bytes.withUnsafeMutableBytes { room in
                Glibc.read(descriptor, room.baseAddress.map { $0 + have }, count - have)
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                throw failure(
                    "YJ-342", "the partition was cut off after \(have) of \(count) bytes of a frame",
                    advice: "Send the closing mark YJCLOSE1 after the last table; see to the sender's own error first")
            }
            have += got
        }
        return bytes
    }

    private static func failure(_ code: String, _ message: String, advice: String) -> ColumnsError {
        ColumnsError(code, message, at: "standard input", advice: advice)
    }
}
