import Glibc

/// Memory that grows with a delivery and is needed until its end: headers, look-ups, hashes of identifiers (工作内存).
///
/// Up to a limit it is ordinary memory; beyond, pages of a file without a name in the work folder, which the system writes out when memory
/// is short. Where the file cannot grow it is ordinary memory again: the import then needs more of it, and says nothing wrong.
final class WorkMemory: @unchecked Sendable {
    private static let pieceBytes = 64 << 20
    private static let alignment = 64

    private let folder: String
    private let limit: Int
    private let lock = Mutex()
    private var held = 0
    private var ordinary: [UnsafeMutableRawPointer] = []
    private var pieces: [(start: UnsafeMutableRawPointer, bytes: Int)] = []
    /// Where the last piece goes on.
    private var next = 0
    private var descriptor: Int32 = -1
    private var size = 0

    /// `limit`: bytes of ordinary memory.
    init(folder: String, limit: Int) {
        self.folder = folder
        self.limit = limit
    }

    deinit {
        for memory in ordinary { memory.deallocate() }
        for piece in pieces { munmap(piece.start, piece.bytes) }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Bytes that lie in the file.
    var bytesInFile: Int { lock.held { size } }

    /// Memory of so many bytes, not cleared, that lives as long as this.
    func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let count = max(Self.alignment, (count &+ Self.alignment &- 1) & ~(Self.alignment &- 1))
        return lock.held {
            if held &+ count > limit, let memory = claim(count) { return memory }
            held &+= count
            let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: Self.alignment)
            ordinary.append(memory)
            return memory
        }
    }

    func allocate<Element>(_ type: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
        allocate(count * MemoryLayout<Element>.stride).bindMemory(to: type, capacity: count)
    }

    private func claim(_ count: Int) -> UnsafeMutableRawPointer? {
        if let last = pieces.last, next &+ count <= last.bytes {
            defer { next &+= count }
            return last.start + next
        }
        let page = Int(getpagesize())
        let bytes = (max(Self.pieceBytes, count) + page - 1) / page * page
        guard open(), let start = map(bytes) else { return nil }
        pieces.append((start, bytes))
        next = count
        return start
    }

    private func open() -> Bool {
        if descriptor >= 0 { return true }
        let path = folder + "/memory-\(getpid())"
        descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { unlink(path) }
        return descriptor >= 0
    }

    /// Room on disk is taken first: a full disk must be an answer, not a signal while a row is written.
    private func map(_ bytes: Int) -> UnsafeMutableRawPointer? {
        guard posix_fallocate(descriptor, off_t(size), off_t(bytes)) == 0 else { return nil }
        let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(size))
        guard let start, start != MAP_FAILED else { return nil }
        size += bytes
        return start
    }
}
