import CKernels
import Glibc

/// The kinds of file operations a writer performs.
package enum DiskOperation: String, Sendable, CaseIterable {
    case create, write, sync, rename, makeDirectory, syncDirectory, remove, lock
}

/// The one place through which writers reach the file system.
///
/// `trouble` is asked before each operation and may answer an error number instead of 0: that is how tests make each
/// operation of a commit fail in turn, or stop the world after it. Errors name the path and what to do.
package struct Disk: Sendable {
    private let trouble: @Sendable (DiskOperation, String) -> Int32

    package init(trouble: @escaping @Sendable (DiskOperation, String) -> Int32 = { _, _ in 0 }) {
        self.trouble = trouble
    }

    package func create(_ path: String, replacing: Bool = false) throws(ColumnsError) -> Int32 {
        try ask(.create, path)
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? O_TRUNC : O_EXCL)
        let descriptor = open(path, flags, 0o644)
        guard descriptor >= 0 else { throw Self.error(.create, path, errno) }
        return descriptor
    }

    /// Writes all bytes. When trouble strikes, half of them may have been written.
    package func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(ColumnsError) {
        let code = trouble(.write, path)
        var rest = code == 0 ? bytes : UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)])
        while rest.count > 0 {
            // Linux writes at most 2 GiB in one go.
            let written = Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.error(.write, path, errno)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
        if code != 0 { throw Self.error(.write, path, code) }
    }

    package func sync(_ descriptor: Int32, path: String) throws(ColumnsError) {
        try ask(.sync, path)
        guard fsync(descriptor) == 0 else { throw Self.error(.sync, path, errno) }
    }

    /// Lets the kernel bring a part of a file to disk while other parts are written. Nothing is durable by it.
    package func begin(_ descriptor: Int32, from start: Int, to end: Int) {
        yj_begin_writing(descriptor, Int64(start), Int64(end - start))
    }

    package func rename(_ path: String, to target: String) throws(ColumnsError) {
        try ask(.rename, target)
        guard Glibc.rename(path, target) == 0 else { throw Self.error(.rename, target, errno) }
    }

    /// Makes a directory; one that is there already is fine.
    package func makeDirectory(_ path: String) throws(ColumnsError) {
        try ask(.makeDirectory, path)
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw Self.error(.makeDirectory, path, errno) }
    }

    /// Makes renames and new names in a directory durable.
    package func syncDirectory(_ path: String) throws(ColumnsError) {
        try ask(.syncDirectory, path)
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.error(.syncDirectory, path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.error(.syncDirectory, path, errno) }
    }

    /// Removes a file or a directory with all it holds; symbolic links are removed, not followed.
    package func remove(_ path: String) throws(ColumnsError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in Self.names(in: path) { try remove(path + "/" + name) }
            try ask(.remove, path)
            guard rmdir(path) == 0 else { throw Self.error(.remove, path, errno) }
        } else {
            try ask(.remove, path)
            guard unlink(path) == 0 else { throw Self.error(.remove, path, errno) }
        }
    }

    /// Takes a lock that ends with the descriptor, at the latest with the process.
    package func lock(_ path: String) throws(ColumnsError) -> Int32 {
        try ask(.lock, path)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error(.lock, path, errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            throw Self.error(.lock, path, code)
        }
        return descriptor
    }

    /// Ends a lock. A child between fork and exec still has the file: closing alone would not end it.
    package static func unlock(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Writes a small file so that a crash leaves the old one or the new one: beside it, synced, then renamed.
    package func replace(_ path: String, with bytes: [UInt8], directory: String) throws(ColumnsError) {
        let temporary = path + ".new"
        let descriptor = try create(temporary, replacing: true)
        do throws(ColumnsError) {
            try bytes.withUnsafeBufferPointer { (buffer) throws(ColumnsError) in
                try write(UnsafeRawBufferPointer(buffer), to: descriptor, path: temporary)
            }
            try sync(descriptor, path: temporary)
        } catch {
            close(descriptor)
            throw error
        }
        close(descriptor)
        try rename(temporary, to: path)
        try syncDirectory(directory)
    }

    /// The names in a directory, sorted; none when it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// A whole small file.
    static func read(_ path: String, limit: Int) throws(ColumnsError) -> [UInt8] {
        let file = try MappedFile(path: path)
        guard file.bytes.count <= limit else {
            throw ColumnsError(
                "COL012", "the file has \(file.bytes.count) bytes; at most \(limit) are read", at: path,
                advice: "Restore it from its source")
        }
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    private func ask(_ operation: DiskOperation, _ path: String) throws(ColumnsError) {
        let code = trouble(operation, path)
        guard code == 0 else { throw Self.error(operation, path, code) }
    }

    private static func error(_ operation: DiskOperation, _ path: String, _ code: Int32) -> ColumnsError {
        let advice: String
        switch code {
        case ENOSPC, EDQUOT: advice = "The disk or the quota is full: make room there and run again; nothing was lost"
        case EFBIG:
            advice =
                "Files may not grow so large here (see `ulimit -f`): raise the limit and run again; nothing was lost"
        case EACCES, EPERM, EROFS: advice = "Check the owner and mode of this path; the writer needs to write there"
        case EWOULDBLOCK where operation == .lock:
            advice = "Another writer is at work on this dataset: wait for it, then run again"
        case EIO: advice = "The disk reports a fault: check it before running again; the last generation is untouched"
        case EEXIST: advice = "Something else has this name: choose another or remove it"
        case ENOENT: advice = "Check that the folder exists"
        default: advice = "Run again once this is solved; the last generation is untouched"
        }
        return ColumnsError("COL030", "\(operation.wording) failed (\(reason(code)))", at: path, advice: advice)
    }
}

extension DiskOperation {
    fileprivate var wording: String {
        switch self {
        case .create: "creating the file"
        case .write: "writing"
        case .sync: "making the file durable"
        case .rename: "putting the file in its place"
        case .makeDirectory: "making the folder"
        case .syncDirectory: "making the folder durable"
        case .remove: "removing"
        case .lock: "taking the writer's lock"
        }
    }
}
