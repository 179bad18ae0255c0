import Glibc
import Synchronization

/// The system calls by which history reaches the disk.
package enum FileCall: String, Sendable, CaseIterable {
    case open, create, read, write, syncData, syncFolder, truncate, rename, remove, makeFolder, lock
}

/// What a test makes of one system call.
package enum FileFault: Sendable, Equatable {
    /// The call does nothing and fails with this error number.
    case error(Int32)
    /// A write takes this many bytes and succeeds, as the system may do at any time.
    case short(Int)
    /// A write takes this many bytes, then fails.
    case torn(Int, Int32)
}

/// A system call that failed: which, on what, and the system's error number.
package struct FileTrouble: Error, Equatable {
    package let call: FileCall
    package let path: String
    package let number: Int32

    package var reason: String { String(cString: strerror(number)) }
    /// Disk or quota full: it passes when space returns.
    package var isFull: Bool { number == ENOSPC || number == EDQUOT || number == EFBIG }
}

/// An open file; closed when nobody holds it any more.
package final class OpenFile: Sendable {
    let descriptor: Int32
    package let path: String

    private let isLock: Bool
    private let isLarge = Atomic<Bool>(false)

    init(descriptor: Int32, path: String, isLock: Bool = false) {
        self.descriptor = descriptor
        self.path = path
        self.isLock = isLock
    }

    deinit {
        // A child between fork and exec still has this file: closing alone would not end the lock.
        if isLock { flock(descriptor, LOCK_UN) }
        if isLarge.load(ordering: .relaxed) { GradualRelease.take(descriptor) } else { Glibc.close(descriptor) }
    }

    /// Another file has taken its name: when nobody holds it any more, its space is given back piece by piece.
    func release() { isLarge.store(true, ordering: .relaxed) }
}

/// The file layer of this module: every system call of journal and ledger goes through here.
///
/// `fault` is asked before each call, so that tests can make each call of one append fail in turn, cut writes short, or stop
/// the world. Interrupted calls (EINTR) are taken up again; writes go on until every byte is taken. A failed sync is never
/// tried again: the kernel may have forgotten what it could not write, so the caller must give the file up.
package struct FileCalls: Sendable {
    package typealias Fault = @Sendable (FileCall, String) -> FileFault?

    private let fault: Fault?

    package init(fault: Fault? = nil) { self.fault = fault }

    package func open(_ path: String) throws(FileTrouble) -> OpenFile {
        try descriptor(.open, path) { Glibc.open(path, O_RDONLY | O_CLOEXEC) }
    }

    /// As `open`, for a reader beside the process that writes: while it holds the file, its bytes stay although the file may
    /// have lost its name.
    package func openBesideWriter(_ path: String) throws(FileTrouble) -> OpenFile {
        var file = try open(path)
        // It may have lost its name a moment before: then another file has it.
        for _ in 0..<3 {
            if flock(file.descriptor, LOCK_SH | LOCK_NB) == 0, try status(file).st_nlink > 0 { break }
            file = try open(path)
        }
        return file
    }

    package func openForWriting(_ path: String) throws(FileTrouble) -> OpenFile {
        try descriptor(.open, path) { Glibc.open(path, O_RDWR | O_CLOEXEC) }
    }

    /// An empty file of this name; what was there before is gone.
    package func create(_ path: String, mode: mode_t = 0o640) throws(FileTrouble) -> OpenFile {
        try descriptor(.create, path) { Glibc.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode) }
    }

    /// Writes all bytes at `offset`. After an error some of them may be there.
    package func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile, at offset: Int) throws(FileTrouble) {
        var rest = bytes
        var place = offset
        while rest.count > 0 {
            var most = min(rest.count, 1 << 30)
            var failure: Int32?
            switch fault?(.write, file.path) {
            case .error(EINTR): continue
            case .error(let number): throw FileTrouble(call: .write, path: file.path, number: number)
            case .short(let count): most = max(1, min(most, count))
            case .torn(let count, let number):
                most = min(most, count)
                failure = number
            case nil: break
            }
            let written = most == 0 ? 0 : pwrite(file.descriptor, rest.baseAddress, most, off_t(place))
            if written < 0 {
                if errno == EINTR { continue }
                throw FileTrouble(call: .write, path: file.path, number: errno)
            }
            if let failure { throw FileTrouble(call: .write, path: file.path, number: failure) }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            place += written
        }
    }

    package func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(FileTrouble) {
        let trouble: FileTrouble? = bytes.withUnsafeBytes { raw in
            do throws(FileTrouble) {
                try write(raw, to: file, at: offset)
                return nil
            } catch { return error }
        }
        if let trouble { throw trouble }
    }

    /// The last path component left out; "." when there is none.
    package static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Up to `count` bytes from `offset`; fewer at the end of the file.
    package func read(_ file: OpenFile, at offset: Int, count: Int) throws(FileTrouble) -> [UInt8] {
        try ask(.read, file.path)
        guard count > 0 else { return [] }
        var number: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let done = pread(
                    file.descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
                if done < 0 && errno == EINTR { continue }
                if done < 0 { number = errno }
                if done <= 0 { break }
                filled += done
            }
        }
        if number != 0 { throw FileTrouble(call: .read, path: file.path, number: number) }
        return bytes
    }

    package func size(of file: OpenFile) throws(FileTrouble) -> Int { Int(try status(file).st_size) }

    package func mode(of file: OpenFile) throws(FileTrouble) -> mode_t { try status(file).st_mode }

    package func syncData(_ file: OpenFile) throws(FileTrouble) {
        try repeating(.syncData, file.path) { fdatasync(file.descriptor) }
    }

    package func truncate(_ file: OpenFile, to size: Int) throws(FileTrouble) {
        try repeating(.truncate, file.path) { ftruncate(file.descriptor, off_t(size)) }
    }

    package func rename(_ path: String, to target: String) throws(FileTrouble) {
        try repeating(.rename, target) { Glibc.rename(path, target) }
    }

    package func remove(_ path: String) throws(FileTrouble) {
        try repeating(.remove, path) { unlink(path) == 0 || errno == ENOENT ? 0 : -1 }
    }

    /// Makes a folder only its owner and group can read; one that is there already is fine.
    package func makeFolder(_ path: String) throws(FileTrouble) {
        try repeating(.makeFolder, path) { mkdir(path, 0o750) == 0 || errno == EEXIST ? 0 : -1 }
    }

    /// Makes new names in a folder durable.
    package func syncFolder(_ path: String) throws(FileTrouble) {
        let folder = try descriptor(.syncFolder, path) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        try repeating(.syncFolder, path, asked: true) { fsync(folder.descriptor) }
    }

    /// A lock that ends with the file returned, at the latest with the process.
    package func lock(_ path: String) throws(FileTrouble) -> OpenFile {
        let file = try descriptor(.lock, path, isLock: true) {
            Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        }
        try repeating(.lock, path, asked: true) { flock(file.descriptor, LOCK_EX | LOCK_NB) }
        return file
    }

    /// A small file whole under its name, or not at all: written beside it, synced, renamed, the folder synced.
    package func replace(_ path: String, with bytes: [UInt8], in folder: String, mode: mode_t = 0o640)
        throws(FileTrouble)
    {
        let draft = path + ".new"
        let file = try create(draft, mode: mode)
        try write(bytes, to: file, at: 0)
        try syncData(file)
        try rename(draft, to: path)
        try syncFolder(folder)
    }

    private func status(_ file: OpenFile) throws(FileTrouble) -> stat {
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else {
            throw FileTrouble(call: .read, path: file.path, number: errno)
        }
        return status
    }

    private func ask(_ call: FileCall, _ path: String) throws(FileTrouble) {
        while let fault = fault?(call, path) {
            guard case .error(let number) = fault else { return }
            if number != EINTR { throw FileTrouble(call: call, path: path, number: number) }
        }
    }

    private func descriptor(_ call: FileCall, _ path: String, isLock: Bool = false, _ body: () -> Int32)
        throws(FileTrouble) -> OpenFile
    {
        try ask(call, path)
        while true {
            let descriptor = body()
            if descriptor >= 0 { return OpenFile(descriptor: descriptor, path: path, isLock: isLock) }
            if errno != EINTR { throw FileTrouble(call: call, path: path, number: errno) }
        }
    }

    private func repeating(_ call: FileCall, _ path: String, asked: Bool = false, _ body: () -> Int32)
        throws(FileTrouble)
    {
        if !asked { try ask(call, path) }
        while body() != 0 {
            if errno != EINTR { throw FileTrouble(call: call, path: path, number: errno) }
        }
    }
}
