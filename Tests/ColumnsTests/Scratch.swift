import Glibc

@testable import Columns

/// A folder of its own for one test, removed afterwards.
final class Scratch {
    let path: String

    init() {
        var template = Array("/tmp/yijian-columns-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? "."
        }
    }

    deinit { try? Disk().remove(path) }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    func write(_ bytes: [UInt8], to name: String) throws {
        let disk = Disk()
        // Some file systems flush a file that was cut to nothing and written anew; a new file is not flushed.
        unlink(self(name))
        let descriptor = try disk.create(self(name), replacing: true)
        defer { close(descriptor) }
        try bytes.withUnsafeBufferPointer { (buffer) throws(ColumnsError) in
            try disk.write(UnsafeRawBufferPointer(buffer), to: descriptor, path: self(name))
        }
    }

    func read(_ name: String) throws -> [UInt8] { try Disk.read(self(name), limit: 1 << 30) }
}
