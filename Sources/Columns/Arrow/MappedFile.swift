import Glibc

/// A whole file mapped into memory, read-only. Pages come and go as they are touched.
///
/// `bytes` is valid while this object lives: whoever holds on to one must hold on to the other.
/// The files of a dataset are never changed in place; a file that another program cuts short while it is mapped ends
/// the process, as with every mapped file.
final class MappedFile: @unchecked Sendable {
    let path: String
    let bytes: UnsafeRawBufferPointer

    init(path: String) throws(ColumnsError) {
        self.path = path
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ColumnsError(
                "COL010", "the file cannot be opened (\(Disk.reason(errno)))", at: path,
                advice: "Check that it exists and may be read")
        }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ColumnsError("COL010", "this is not a regular file", at: path, advice: "Name a file")
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw ColumnsError(
                "COL011", "the file cannot be mapped (\(Disk.reason(errno)))", at: path,
                advice: "Check the limits on address space and the file system")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    /// SHA-256 of the whole file.
    static func sha256(_ path: String) throws(ColumnsError) -> String {
        let file = try MappedFile(path: path)
        return withExtendedLifetime(file) { SHA256.hex(of: file.bytes) }
    }

    /// Gives back the pages of a range; they are read again when touched again.
    func release(_ range: Range<Int>) { advise(range, MADV_DONTNEED) }

    /// Asks for the pages of a range ahead of their use.
    func prefetch(_ range: Range<Int>) { advise(range, MADV_WILLNEED) }

    private func advise(_ range: Range<Int>, _ advice: Int32) {
        guard let base = bytes.baseAddress, !range.isEmpty else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = range.lowerBound / page * page
        let end = min(bytes.count, (range.upperBound + page - 1) / page * page)
        madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, advice)
    }
}
