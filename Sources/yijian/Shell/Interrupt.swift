import Glibc
import Synchronization

/// Whether somebody pressed Ctrl-C or asked the process to end.
///
/// The first signal asks the work to stop where it can go on later; the second ends the process at once, which is
/// also safe: nothing is visible before it is complete.
enum Interrupt {
    private static let count = Atomic<Int>(0)

    static func listen() {
        // A parent may have blocked them, and children inherit that.
        var heard = sigset_t()
        sigemptyset(&heard)
        for number in [SIGINT, SIGTERM] { sigaddset(&heard, number) }
        sigprocmask(SIG_UNBLOCK, &heard, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                if Interrupt.count.wrappingAdd(1, ordering: .relaxed).newValue > 1 {
                    _exit(ExitStatus.interrupted.rawValue)
                }
            }
        }
        // A reader that goes away is an error of the write, not a death of the process.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that may not grow any further.
        signal(SIGXFSZ, SIG_IGN)
    }

    static var isPending: Bool { count.load(ordering: .relaxed) > 0 }

    static func check() throws { if isPending { throw CommandError.interrupted } }
}
