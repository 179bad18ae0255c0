import Foundation

/// The rejects file (拒收文件): one line for each refused row, with the bytes as they came.
///
/// CSV with the columns file, line, table, field, code, reason, encoding, original. `encoding` is `utf-8` when the
/// original is shown as text and `base64` when it is not text.
struct RejectsFile {
    let files: [SourceFile]
    let mapping: Mapping
    /// Field names of each mapping, in the order of its values.
    let fields: [Int: [String]]

    static let header = "file,line,table,field,code,reason,encoding,original\n"

    /// Writes the rejects of an import, in the order of files and lines.
    func write(_ rejects: [Reject], to path: String) throws(IngestError) {
        let output = fopen(path, "w")
        guard let output else { throw IngestError.cannotWrite(path) }
        defer { fclose(output) }
        var isSound = fputs(RejectsFile.header, output) >= 0
        let sorted = rejects.sorted {
            ($0.origin, $0.mapping, $0.step, $0.reason.rawValue) < ($1.origin, $1.mapping, $1.step, $1.reason.rawValue)
        }
        var at = 0
        while at < sorted.count {
            var end = at
            while end < sorted.count, sorted[end].source == sorted[at].source { end += 1 }
            let file = files[sorted[at].source]
            let places = try RejectPlaces(file, Array(sorted[at..<end]))
            for index in at..<end {
                let line = places.lines[index - at]
                isSound = fputs(text(sorted[index], file, line, places.originals[index - at]), output) >= 0 && isSound
            }
            at = end
        }
        if !isSound || fflush(output) != 0 { throw IngestError.cannotWrite(path) }
    }

    private func text(_ reject: Reject, _ file: SourceFile, _ line: Int, _ original: [UInt8]) -> String {
        let number = Int(reject.mapping)
        let table = number < mapping.tables.count ? mapping.tables[number].table.rawValue : ""
        let names = fields[number] ?? []
        let field = Int(reject.step) < names.count ? names[Int(reject.step)] : ""
        let asText = String(validating: original, as: UTF8.self).flatMap { $0.utf8.contains(0) ? nil : $0 }
        let shown = asText ?? Data(original).base64EncodedString()
        let cells = [
            file.path, "\(line)", table, field, reject.reason.code, reject.reason.sentence,
            asText == nil ? "base64" : "utf-8", shown,
        ]
        return cells.map { RejectsFile.quoted($0) }.joined(separator: ",") + "\n"
    }

    private static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}

/// Line numbers and original bytes of refused rows of one file; found in one pass, since rows remember only offsets.
private struct RejectPlaces {
    private(set) var lines: [Int] = []
    private(set) var originals: [[UInt8]] = []

    init(_ file: SourceFile, _ rejects: [Reject]) throws(IngestError) {
        if file.source.format == .arrow {
            lines = rejects.map { $0.offset + 1 }
            originals = rejects.map { _ in [] }
            return
        }
        let path = try file.readablePath()
        let reader = try ByteReader(path)
        var counts: [Int] = []
        var line = 1
        var at = 0
        for reject in rejects {
            line += reader.lineEnds(from: at, to: reject.offset)
            at = max(at, reject.offset)
            lines.append(line)
            let bytes = reader.bytes(reject.offset, Int(reject.length))
            originals.append(RejectPlaces.withoutLineEnd(bytes))
            counts.append(max(1, bytes.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }))
        }
        if path != file.path {
            // The file was decoded first; lines of the original are lines of the decoded one.
            originals = try ByteReader(file.path).lines(zip(lines, counts).map { ($0, $1) })
        }
    }

    fileprivate static func withoutLineEnd(_ bytes: [UInt8]) -> [UInt8] {
        var end = bytes.count
        if end > 0, bytes[end - 1] == 0x0A { end -= 1 }
        if end > 0, bytes[end - 1] == 0x0D { end -= 1 }
        return Array(bytes[..<end])
    }
}

/// Random reads from a file, and counting its lines.
private final class ByteReader {
    private let descriptor: Int32

    init(_ path: String) throws(IngestError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw IngestError.cannotRead(path) }
    }

    deinit { close(descriptor) }

    func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: min(count, 1 << 20))
        let got = pread(descriptor, &buffer, buffer.count, off_t(offset))
        return Array(buffer.prefix(max(0, got)))
    }

    func lineEnds(from: Int, to: Int) -> Int {
        var count = 0
        var at = from
        while at < to {
            let part = bytes(at, min(1 << 20, to - at))
            if part.isEmpty { break }
            for byte in part where byte == 0x0A { count += 1 }
            at += part.count
        }
        return count
    }

    /// Runs of lines by number, ascending.
    func lines(_ wanted: [(first: Int, count: Int)]) -> [[UInt8]] {
        var starts: [Int: Int] = [:]
        let needed = Set(wanted.flatMap { [$0.first, $0.first + $0.count] })
        var line = 1
        var at = 0
        if needed.contains(1) { starts[1] = 0 }
        while true {
            let part = bytes(at, 1 << 20)
            if part.isEmpty { break }
            for (index, byte) in part.enumerated() where byte == 0x0A {
                line += 1
                if needed.contains(line) { starts[line] = at + index + 1 }
            }
            at += part.count
        }
        return wanted.map { first, count in
            guard let start = starts[first] else { return [] }
            return RejectPlaces.withoutLineEnd(bytes(start, (starts[first + count] ?? at) - start))
        }
    }
}
