import Foundation

/// Decodes a file that is not UTF-8 before anything is split: in GB18030 the second byte of a character may look like a
/// delimiter or a quote.
///
/// Bytes that are no character become a zero byte, which no field accepts, so that their record is refused and its
/// neighbours are not. Line ends survive as they are: line n of the result is line n of the original.
enum TextDecoding {
    static func decode(_ path: String, from encoding: String, to result: String) throws(IngestError) {
        guard let converter = Converter("UTF-8", encoding) else {
            throw IngestError(
                "ING109", "This machine cannot decode \(encoding)", at: path,
                advice: "Install the system's character sets")
        }
        let input = open(path, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw IngestError.cannotRead(path) }
        defer { close(input) }
        let output = open(result, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw IngestError.cannotWrite(result) }
        defer { close(output) }
        let size = 1 << 20
        var raw = [CChar](repeating: 0, count: size)
        var text = [CChar](repeating: 0, count: size * 4)
        var held = 0
        while true {
            let got = raw.withUnsafeMutableBytes {
                Foundation.read(input, $0.baseAddress.map { $0 + held }, size - held)
            }
            if got < 0 { throw IngestError.cannotRead(path) }
            let available = held + got
            if available == 0 { break }
            let (used, made) = converter.convert(&raw, available, &text, isLast: got == 0)
            var written = 0
            while written < made {
                let count = text.withUnsafeBytes { write(output, $0.baseAddress.map { $0 + written }, made - written) }
                guard count > 0 else { throw IngestError.cannotWrite(result) }
                written += count
            }
            held = available - used
            if held > 0 {
                raw.withUnsafeMutableBytes { bytes in
                    if let base = bytes.baseAddress { memmove(base, base + used, held) }
                }
            }
            if got == 0 { break }
        }
    }

    private final class Converter {
        private let handle: iconv_t

        init?(_ to: String, _ from: String) {
            guard let opened = iconv_open(to, from), Int(bitPattern: opened) != -1 else { return nil }
            handle = opened
        }

        deinit { iconv_close(handle) }

        /// Converts what it can; returns the bytes used and made.
        func convert(_ raw: inout [CChar], _ count: Int, _ text: inout [CChar], isLast: Bool) -> (Int, Int) {
            raw.withUnsafeMutableBufferPointer { raw in
                text.withUnsafeMutableBufferPointer { text in
                    var input = raw.baseAddress
                    var left = count
                    var output = text.baseAddress
                    var room = text.count
                    while left > 0 {
                        if iconv(handle, &input, &left, &output, &room) != -1 { break }
                        if errno == EINVAL && !isLast { break }
                        if errno == E2BIG || room < 8 { break }
                        // Not a character: a zero byte stands for it.
                        output?.pointee = 0
                        output = output.map { $0 + 1 }
                        room -= 1
                        input = input.map { $0 + 1 }
                        left -= 1
                    }
                    return (count - left, text.count - room)
                }
            }
        }
    }
}
