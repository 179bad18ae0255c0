import Glibc

/// Rows of one table waiting for their place, spread over partitions; one per thread and table, so that nobody waits.
///
/// When all threads together hold more than the budget allows, full chunks go to a spool file.
final class StagedRows: @unchecked Sendable {
    private struct Chunk {
        var memory: UnsafeMutableRawPointer?
        var used: Int
        var spoolOffset: Int
    }

    let layout: RowLayout
    let partitions: Int
    private var open: [UnsafeMutableRawPointer?]
    private var used: [Int]
    private var capacity: [Int]
    private var chunks: [[Chunk]]
    private let budget: MemoryBudget
    private let spool: Spool
    private(set) var rows = 0

    init(layout: RowLayout, partitions: Int, budget: MemoryBudget, spool: Spool) {
        self.layout = layout
        self.partitions = partitions
        self.budget = budget
        self.spool = spool
        open = Array(repeating: nil, count: partitions)
        used = Array(repeating: 0, count: partitions)
        capacity = Array(repeating: 0, count: partitions)
        chunks = Array(repeating: [], count: partitions)
    }

    deinit {
        for memory in open { memory?.deallocate() }
        for list in chunks { for chunk in list { chunk.memory?.deallocate() } }
    }

    private static let chunkBytes = 128 << 10

    /// Memory for one row of `count` bytes in a partition.
    @inline(__always)
    func claim(_ count: Int, in partition: Int) throws(IngestError) -> UnsafeMutableRawPointer {
        rows &+= 1
        if used[partition] &+ count > capacity[partition] { try turnOver(partition, atLeast: count) }
        guard let memory = open[partition] else { preconditionFailure("partition \(partition) has no open chunk") }
        let row = memory + used[partition]
        used[partition] &+= count
        return row
    }

    private func turnOver(_ partition: Int, atLeast count: Int) throws(IngestError) {
        if let memory = open[partition], used[partition] > 0 {
            if budget.isExhausted {
                let place = try spool.append(memory, used[partition])
                chunks[partition].append(Chunk(memory: nil, used: used[partition], spoolOffset: place))
                used[partition] = 0
                if count <= capacity[partition] { return }
                memory.deallocate()
                budget.give(back: capacity[partition])
            } else {
                chunks[partition].append(Chunk(memory: memory, used: used[partition], spoolOffset: 0))
            }
        }
        let size = max(StagedRows.chunkBytes, count)
        open[partition] = .allocate(byteCount: size, alignment: 16)
        capacity[partition] = size
        used[partition] = 0
        budget.take(size)
    }

    /// Calls `body` with each run of rows of a partition. The memory stays until `forget`.
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
        if let memory = open[partition], used[partition] > 0 { runs.append((memory, used[partition])) }
        return runs
    }

    /// Gives the memory of a partition back.
    func forget(_ partition: Int) {
        for chunk in chunks[partition] { chunk.memory?.deallocate() }
        chunks[partition] = []
        open[partition]?.deallocate()
        open[partition] = nil
        used[partition] = 0
        capacity[partition] = 0
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
