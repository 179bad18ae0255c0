import Dispatch
import Glibc

/// Gives the space of a large file back piece by piece (逐步释放), once nobody can reach the file any more.
///
/// Where a file system tells the disk at once what became free, 256 MiB freed in one go keep the next sync waiting for a
/// quarter of a second. A process that ends before it is through leaves the rest to the system, which frees it in one go.
enum GradualRelease {
    private static let queue = DispatchQueue(label: "journal.release", qos: .utility)
    private static let stepBytes = 1 << 20
    private static let pauseMicroseconds: UInt32 = 10_000

    /// Waits for what is being given back.
    static func finish() { queue.sync {} }

    /// Takes over a descriptor and closes it in the end. A file that still has a name, or that somebody else reads, is only closed.
    static func take(_ descriptor: Int32) {
        queue.async {
            var status = stat()
            if fstat(descriptor, &status) == 0, status.st_nlink == 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                var size = Int(status.st_size)
                while size > stepBytes {
                    size -= stepBytes
                    guard ftruncate(descriptor, off_t(size)) == 0 else { break }
                    usleep(pauseMicroseconds)
                }
            }
            close(descriptor)
        }
    }
}
