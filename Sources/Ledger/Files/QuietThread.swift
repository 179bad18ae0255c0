import Dispatch
import Glibc

/// Work that nobody waits for, on a thread to which the system gives what others leave (低优先级线程).
///
/// Compressing a segment takes seconds of a core: beside it, answers must not wait for the processor. While all processors are
/// busy such a thread hardly moves; who depends on its work must be able to do without.
enum QuietThread {
    /// `SCHED_IDLE` of Linux, which glibc's headers only show to GNU sources.
    private static let idle: Int32 = 5

    /// Runs `work` to its end; the caller waits.
    static func run(_ work: @escaping @Sendable () -> Void) {
        let done = DispatchSemaphore(value: 0)
        let own = Unmanaged.passRetained(
            Work {
                // Whoever wakes takes the processor from it at once. Refused only where a system knows no such thing; then the
                // work is done all the same.
                var parameters = sched_param()
                if sched_setscheduler(0, idle, &parameters) != 0 {
                    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15)
                }
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
