import Foundation
import Glibc

/// The records of a delimited file, one after the other, with the line each begins on.
///
/// Quoted fields may hold delimiters, doubled quotes and line ends (RFC 4180). Limits: 1 GiB a file, 4,096 columns
/// and 1 MiB a record; a quote that never closes ends with the record limit and not with the memory.
struct ForeignRows {
    static let bytesMax = 1 << 30
    static let recordMax = 1 << 20
    static let columnsMax = 4096

    private let bytes: [UInt8]
    private let delimiter: UInt8
    private var at = 0
    private var line = 1

    init(path: String, delimiter: UInt8, isGB18030: Bool) throws {
        var status = stat()
        guard stat(path, &status) == 0, let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                code: "YJ-353", what: "the file cannot be read: \(String(cString: strerror(errno)))", place: path,
                advice: "check the path and its permissions")
        }
        guard data.count <= Self.bytesMax else {
            throw CommandError(
                code: "YJ-354", what: "the file has more than 1 GiB", place: path, advice: "import it in parts")
        }
        var bytes = Array(data)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        self.bytes = isGB18030 ? try Self.decoded(bytes, path) : bytes
        self.delimiter = delimiter
    }

    init(_ text: String, delimiter: UInt8 = 0x2C) {
        bytes = Array(text.utf8)
        self.delimiter = delimiter
    }

    struct Record {
        let line: Int
        let fields: [String]
        let raw: String
    }

    /// The next record; nil at the end. Blank lines are passed over.
    mutating func next() -> Record? {
        while at < bytes.count, bytes[at] == 0x0A || bytes[at] == 0x0D {
            if bytes[at] == 0x0A { line += 1 }
            at += 1
        }
        guard at < bytes.count else { return nil }
        let start = at
        let first = line
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        scan: while at < bytes.count, at - start < Self.recordMax, fields.count < Self.columnsMax {
            let byte = bytes[at]
            at += 1
            switch byte {
            case 0x22 where isQuoted && at < bytes.count && bytes[at] == 0x22:
                field.append(0x22)
                at += 1
            case 0x22 where isQuoted: isQuoted = false
            case 0x22 where field.isEmpty: isQuoted = true
            case delimiter where !isQuoted:
                fields.append(String(decoding: field, as: UTF8.self))
                field.removeAll(keepingCapacity: true)
            case 0x0A where !isQuoted:
                line += 1
                break scan
            case 0x0D where !isQuoted && (at == bytes.count || bytes[at] == 0x0A): continue
            default:
                if byte == 0x0A { line += 1 }
                field.append(byte)
            }
        }
        fields.append(String(decoding: field, as: UTF8.self))
        var end = at
        while end > start, bytes[end - 1] == 0x0A || bytes[end - 1] == 0x0D { end -= 1 }
        return Record(line: first, fields: fields, raw: String(decoding: bytes[start..<end], as: UTF8.self))
    }

    /// GB18030 as UTF-8, by the C library.
    private static func decoded(_ bytes: [UInt8], _ path: String) throws -> [UInt8] {
        let converter = iconv_open("UTF-8", "GB18030")
        guard converter != iconv_t(bitPattern: -1) else {
            throw CommandError(
                code: "YJ-355", what: "this system knows no GB18030", place: path, advice: "convert the file to UTF-8",
                status: .worldFailed)
        }
        defer { iconv_close(converter) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count * 2 + 16)
        let written = input.withUnsafeMutableBytes { source in
            output.withUnsafeMutableBytes { target -> Int? in
                var from = source.baseAddress?.assumingMemoryBound(to: CChar.self)
                var to = target.baseAddress?.assumingMemoryBound(to: CChar.self)
                var left = source.count
                var room = target.count
                let result = iconv(converter, &from, &left, &to, &room)
                return result == Int(bitPattern: UInt.max) ? nil : target.count - room
            }
        }
        guard let written else {
            throw CommandError(
                code: "YJ-356", what: "the file is not GB18030", place: path,
                advice: "write encoding: utf-8 in the mapping")
        }
        return Array(output[..<written])
    }
}
