import Glibc

/// Rows of one table waiting for their place, spread over partitions; one per thread and table, so that nobody waits.
///
/// When all threads together hold more than the budget allows, full chunks go to a spool file.
final class StagedRows: @unchecked Sendable {
    private struct OpenChunk {
        var memory: UnsafeMutableRawPointer?
        var used = 0
        var capacity = 0
    }

    private struct Chunk {
        var memory: UnsafeMutableRawPointer?
        var used: Int
        var spoolOffset: Int
    }

    let layout: RowLayout
    let partitions: Int
    private let open: UnsafeMutablePointer<OpenChunk>
    private var chunks: [[Chunk]]
    private let budget: MemoryBudget
    private let spool: Spool
    /// Where rows lie that stay to the end: they are neither spooled nor given back before it.
    private let work: WorkMemory?
    private(set) var rows = 0
    /// By partition: how far `takeNewPieces` came, in chunks and in bytes of the chunk after them.
    private var taken: [(chunk: Int, bytes: Int)] = []

    init(layout: RowLayout, partitions: Int, budget: MemoryBudget, spool: Spool) {
        self.layout = layout
        self.partitions = partitions
        self.budget = budget
        self.spool = spool
        work = nil
        open = .allocate(capacity: partitions)
        open.initialize(repeating: OpenChunk(), count: partitions)
        chunks = Array(repeating: [], count: partitions)
    }

    /// Rows that stay to the end of the import, in one partition.
    init(layout: RowLayout, in work: WorkMemory) {
        self.layout = layout
        partitions = 1
        budget = MemoryBudget(limit: .max)
        spool = Spool(folder: "")
        self.work = work
        open = .allocate(capacity: 1)
        open.initialize(to: OpenChunk())
        chunks = [[]]
    }

    deinit {
        defer { open.deallocate() }
        guard work == nil else { return }
        for partition in 0..<partitions { open[partition].memory?.deallocate() }
        for list in chunks { for chunk in list { chunk.memory?.deallocate() } }
    }

    /// Below the size from which the allocator maps and unmaps each piece on its own.
    private static let chunkBytes = 120 << 10

    /// Memory for one row of `count` bytes in a partition.
    @inline(__always)
    func claim(_ count: Int, in partition: Int) throws(IngestError) -> UnsafeMutableRawPointer {
        rows &+= 1
        let chunk = open + partition
        if chunk.pointee.used &+ count > chunk.pointee.capacity { try turnOver(partition, atLeast: count) }
        guard let memory = chunk.pointee.memory else { preconditionFailure("partition \(partition) has no open chunk") }
        let row = memory + chunk.pointee.used
        chunk.pointee.used &+= count
        return row
    }

    @inline(never)
    private func turnOver(_ partition: Int, atLeast count: Int) throws(IngestError) {
        let chunk = open + partition
        if let memory = chunk.pointee.memory, chunk.pointee.used > 0 {
            let used = chunk.pointee.used
            if budget.isExhausted {
                let place = try spool.append(memory, used)
                chunks[partition].append(Chunk(memory: nil, used: used, spoolOffset: place))
                chunk.pointee.used = 0
                if count <= chunk.pointee.capacity { return }
                memory.deallocate()
                budget.give(back: chunk.pointee.capacity)
            } else {
                chunks[partition].append(Chunk(memory: memory, used: used, spoolOffset: 0))
            }
        }
        let size = max(StagedRows.chunkBytes, count)
        let memory = work?.allocate(size) ?? .allocate(byteCount: size, alignment: 16)
        chunk.pointee = OpenChunk(memory: memory, used: 0, capacity: size)
        budget.take(size)
    }

    /// Where rows lie that were claimed since the last time; `chunk` is a full one, or the open one behind them.
    struct Piece {
        let partition: Int
        let chunk: Int
        let from: Int
        let count: Int
    }

    func takeNewPieces() -> [Piece] {
        if taken.isEmpty { taken = Array(repeating: (0, 0), count: partitions) }
        var pieces: [Piece] = []
        for partition in 0..<partitions {
            var (chunk, from) = taken[partition]
            func take(_ used: Int) {
                guard used > from else { return }
                pieces.append(Piece(partition: partition, chunk: chunk, from: from, count: used - from))
            }
            while chunk < chunks[partition].count {
                take(chunks[partition][chunk].used)
                chunk += 1
                from = 0
            }
            let used = open[partition].memory == nil ? 0 : open[partition].used
            take(used)
            taken[partition] = (chunk, max(from, used))
        }
        return pieces
    }

    /// The bytes of a piece, from memory or from the spool.
    func read(_ piece: Piece, _ take: (UnsafeRawBufferPointer) throws -> Void) throws {
        let chunks = chunks[piece.partition]
        let memory = piece.chunk < chunks.count ? chunks[piece.chunk].memory : open[piece.partition].memory
        if let memory { return try take(UnsafeRawBufferPointer(start: memory + piece.from, count: piece.count)) }
        let copy = UnsafeMutableRawPointer.allocate(byteCount: piece.count, alignment: 16)
        defer { copy.deallocate() }
        try spool.read(chunks[piece.chunk].spoolOffset + piece.from, piece.count, into: copy)
        try take(UnsafeRawBufferPointer(start: copy, count: piece.count))
    }

    /// The runs of rows of a partition. The memory stays until `forget`.
    func readBack(_ partition: Int) throws(IngestError) -> [(UnsafeMutableRawPointer, Int)] {
        var runs: [(UnsafeMutableRawPointer, Int)] = []
        for index in chunks[partition].indices {
            let chunk = chunks[partition][index]
            if let memory = chunk.memory {
                runs.append((memory, chunk.used))
            } else {
                let memory = UnsafeMutableRawPointer.allocate(byteCount: chunk.used, alignment: 16)
                chunks[partition][index].memory = memory
                try spool.read(chunk.spoolOffset, chunk.used, into: memory)
                runs.append((memory, chunk.used))
            }
        }
        if let memory = open[partition].memory, open[partition].used > 0 {
            runs.append((memory, open[partition].used))
        }
        return runs
    }

    /// Gives the memory of a partition back.
    func forget(_ partition: Int) {
        guard work == nil else { return }
        for chunk in chunks[partition] { chunk.memory?.deallocate() }
        chunks[partition] = []
        open[partition].memory?.deallocate()
        open[partition] = OpenChunk()
    }
}

/// How much staged memory may be held before rows go to disk.
final class MemoryBudget: @unchecked Sendable {
    private let lock = Mutex()
    private var held = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func take(_ bytes: Int) { lock.held { held &+= bytes } }
    func give(back bytes: Int) { lock.held { held &-= bytes } }
    var isExhausted: Bool { lock.held { held >= limit } }
}

/// A file without a name for what does not fit into memory; gone when the import ends, however it ends.
final class Spool: @unchecked Sendable {
    private let folder: String
    private let lock = Mutex()
    private var descriptor: Int32 = -1
    private var size = 0

    init(folder: String) { self.folder = folder }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var bytes: Int { lock.held { size } }

    func append(_ memory: UnsafeRawPointer, _ count: Int) throws(IngestError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        if descriptor < 0 {
            let path = folder + "/spool-\(getpid())"
            descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw IngestError.cannotWrite(path) }
            unlink(path)
        }
        let place = size
        var done = 0
        while done < count {
            let written = pwrite(descriptor, memory + done, count - done, off_t(place + done))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw IngestError.cannotWrite(folder) }
            done += written
        }
        size = place + count
        return place
    }

    func read(_ offset: Int, _ count: Int, into memory: UnsafeMutableRawPointer) throws(IngestError) {
        var done = 0
        while done < count {
            let got = pread(descriptor, memory + done, count - done, off_t(offset + done))
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { throw IngestError.cannotRead(folder) }
            done += got
        }
    }
}
