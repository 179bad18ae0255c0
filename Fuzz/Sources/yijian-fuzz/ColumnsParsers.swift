import CFuzzer
import Columns
import Glibc

/// Arrow files and streams, every column of every batch decoded.
let columnsParsers = [
    FuzzedParser("arrow-file") { bytes in
        guard let path = InputFile.shared.write(bytes), let file = try? ArrowFile(path: path) else { return }
        for index in file.fields.indices {
            if file.fields[index].type == .dictionary, let strings = try? file.dictionary(index) { touch(strings) }
            for batch in 0..<min(file.batchCount, 64) {
                if let view = try? file.column(index, batch: batch) { touch(view) }
            }
        }
        _ = file.verifyAll()
    },
    FuzzedParser("arrow-stream") { bytes in
        guard let reader = try? ArrowStreamReader(bytes: Array(bytes), name: "input") else { return }
        for index in reader.fields.indices where reader.fields[index].type == .dictionary {
            if let strings = try? reader.dictionary(index) { touch(strings) }
        }
        while let batch = try? reader.next() {
            for index in reader.fields.indices {
                if let view = try? batch.column(index) { touch(view) }
            }
        }
    },
]

/// Reads what a view promises to hold, so that the sanitizer sees a promise that is too large.
private func touch(_ view: ColumnView) {
    for row in 0..<min(view.count, 4096) where view.isValid(row) {
        switch view.type {
        case .utf8: sum(view.utf8(row))
        case .dictionary, .int32, .date32, .time32: seen &+= Int(view.int32[row])
        case .int64, .decimal64: seen &+= Int(view.int64[row])
        default: break
        }
    }
}

private func sum(_ bytes: UnsafeBufferPointer<UInt8>) {
    for byte in bytes { seen &+= Int(byte) }
}

/// Keeps the optimiser from dropping the reads.
nonisolated(unsafe) private var seen = 0

/// One anonymous file that is written anew for every input.
final class InputFile {
    nonisolated(unsafe) static let shared = InputFile()
    private let descriptor = yijian_memory_file("input")

    func write(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard descriptor >= 0, ftruncate(descriptor, 0) == 0 else { return nil }
        guard pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count else { return nil }
        return "/proc/self/fd/\(descriptor)"
    }
}
