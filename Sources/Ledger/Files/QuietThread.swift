import Dispatch
import Glibc

/// Work that nobody waits for, on a thread to which the system gives what others leave (低优先级线程).
///
/// Sealing a segment takes seconds of a core: beside it, answers must not wait for the processor.
enum QuietThread {
    /// Runs `work` to its end; the caller waits.
    static func run(_ work: @escaping @Sendable () -> Void) {
        let done = DispatchSemaphore(value: 0)
        let own = Unmanaged.passRetained(
            Work {
                // Refused only where a system has no priorities; then the work is done all the same.
                _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15)
                work()
                done.signal()
            })
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body() }
                return nil
            }, own.toOpaque())
        guard status == 0 else {
            own.release()
            return work()
        }
        pthread_detach(thread)
        done.wait()
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
