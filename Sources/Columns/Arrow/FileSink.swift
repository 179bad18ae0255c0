import Glibc

/// A file or pipe being written, with its length and SHA-256 so far. Small pieces are gathered.
final class FileSink {
    let path: String
    private(set) var position = 0
    private let disk: Disk
    private let ownsDescriptor: Bool
    private var descriptor: Int32
    private let hash = SHA256()
    private var pending: [UInt8] = []

    /// Up to here the disk was asked to begin.
    private var begun = 0

    private static let gathered = 1 << 18
    /// The disk is asked to begin when so many bytes wait.
    private static let ahead = 8 << 20

    init(path: String, disk: Disk) throws(ColumnsError) {
        self.path = path
        self.disk = disk
        ownsDescriptor = true
        descriptor = try disk.create(path)
    }

    init(descriptor: Int32, name: String, disk: Disk) {
        path = name
        self.disk = disk
        ownsDescriptor = false
        self.descriptor = descriptor
    }

    deinit { close() }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ColumnsError) {
        hash.update(bytes)
        position += bytes.count
        if bytes.count < Self.gathered / 4 {
            pending.append(contentsOf: bytes)
            if pending.count >= Self.gathered { try flush() }
        } else {
            try flush()
            try disk.write(bytes, to: descriptor, path: path)
        }
        begin()
    }

    /// Lets the disk begin with what was written, so that little is left when the file must be durable.
    private func begin() {
        let written = position - pending.count
        guard ownsDescriptor, written - begun >= Self.ahead else { return }
        disk.begin(descriptor, from: begun, to: written)
        begun = written
    }

    func write(_ bytes: [UInt8]) throws(ColumnsError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(ColumnsError) in try write(UnsafeRawBufferPointer(buffer)) }
    }

    /// Zeros up to the next multiple of `alignment`.
    func pad(to alignment: Int) throws(ColumnsError) {
        let rest = position % alignment
        guard rest > 0 else { return }
        try write(UnsafeRawBufferPointer(start: Zeros.bytes, count: alignment - rest))
    }

    func flush() throws(ColumnsError) {
        guard !pending.isEmpty else { return }
        try pending.withUnsafeBufferPointer { (buffer) throws(ColumnsError) in
            try disk.write(UnsafeRawBufferPointer(buffer), to: descriptor, path: path)
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// Makes durable what was written so far; a pipe is only flushed.
    func sync() throws(ColumnsError) {
        try flush()
        if ownsDescriptor { try disk.sync(descriptor, path: path) }
    }

    /// Makes the file durable and closes it; a pipe is only flushed. Returns the SHA-256 of everything written.
    func finish() throws(ColumnsError) -> String {
        try sync()
        close()
        return hash.finishHex()
    }

    private func close() {
        guard ownsDescriptor, descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }
}
