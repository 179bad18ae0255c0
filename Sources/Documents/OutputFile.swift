import Glibc

/// Why a paper could not be written: the path, the system's reason, and what to do about it.
package struct DocumentError: Error, Sendable, CustomStringConvertible {
    package let code: String
    package let path: String
    package let reason: String
    package let advice: String

    package init(code: String, path: String, reason: String, advice: String) {
        self.code = code
        self.path = path
        self.reason = reason
        self.advice = advice
    }

    package var description: String { "\(path): \(reason)" }
}

/// A file being written: bytes gather in a buffer, and the finished file takes its name only when it is complete.
///
/// A run that is killed, or a disk that fills up, leaves the former file as it was. `-` stands for standard output.
package final class OutputFile {
    package let path: String
    private let temporary: String?
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isOpen = true
    /// Bytes written so far, buffered ones included.
    package private(set) var position = 0

    private static let bufferSize = 1 << 16

    package init(path: String) throws(DocumentError) {
        self.path = path
        if path == "-" {
            descriptor = STDOUT_FILENO
            temporary = nil
        } else {
            let name = "\(path).part-\(getpid())"
            descriptor = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw Self.failure(of: path, "cannot be created") }
            temporary = name
        }
        buffer.reserveCapacity(Self.bufferSize)
    }

    /// Writes to a descriptor that belongs to the caller.
    package init(descriptor: Int32, name: String) {
        path = name
        self.descriptor = descriptor
        temporary = nil
        buffer.reserveCapacity(Self.bufferSize)
    }

    /// Gathers the bytes in memory, for answers that are small enough to be held whole.
    package init(gatheringUnder name: String) {
        path = name
        descriptor = Self.none
        temporary = nil
    }

    /// What was written to a file that gathers in memory.
    package var gathered: [UInt8] { descriptor == Self.none ? buffer : [] }

    private static let none: Int32 = -1

    deinit {
        guard isOpen, let temporary else { return }
        close(descriptor)
        unlink(temporary)
    }

    package func write(_ text: String) throws(DocumentError) {
        var text = text
        let count = text.withUTF8 { bytes in
            buffer.append(contentsOf: bytes)
            return bytes.count
        }
        position += count
        if buffer.count >= Self.bufferSize { try flush() }
    }

    package func write(_ bytes: some Collection<UInt8>) throws(DocumentError) {
        buffer.append(contentsOf: bytes)
        position += bytes.count
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Gives buffered bytes to the system, so that a reader of a pipe sees them.
    package func flush() throws(DocumentError) {
        guard descriptor != Self.none else { return }
        var done = 0
        while done < buffer.count {
            let written = buffer.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.failure(of: path, "cannot be written")
            }
            done += written
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes what is left, makes it durable and gives the file its name.
    package func finish() throws(DocumentError) {
        try flush()
        guard let temporary else { return }
        guard fsync(descriptor) == 0 else { throw Self.failure(of: path, "cannot be made durable") }
        isOpen = false
        close(descriptor)
        guard rename(temporary, path) == 0 else { throw Self.failure(of: path, "cannot take its name") }
    }

    private static func failure(of path: String, _ what: String) -> DocumentError {
        let number = errno
        let advice =
            switch number {
            case ENOSPC, EDQUOT: "make room on that disk, or choose another path, and run the same command again"
            case ENOENT: "make the folder first, or choose another path"
            case EACCES, EPERM, EROFS: "choose a path that you may write to"
            case EPIPE: "the reader closed the pipe; nothing is wrong with the data"
            default: "see to the disk and run the same command again"
            }
        return DocumentError(
            code: number == EPIPE ? "YJ-408" : "YJ-401", path: path == "-" ? "standard output" : path,
            reason: "\(what): \(String(cString: strerror(number)))", advice: advice)
    }
}
