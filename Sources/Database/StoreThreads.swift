import Foundation

/// Threads for calls that block: SQLite and libpq wait, and the threads of Swift's tasks must not. As many as there are
/// connections, with a queue that has an end.
package final class StoreThreads: @unchecked Sendable {
    private let condition = NSCondition()
    private var waiting: [@Sendable () -> Void] = []
    private var next = 0
    private var isClosed = false
    private let waitingMax: Int

    package init(count: Int, waitingMax: Int = 1_000) {
        self.waitingMax = waitingMax
        for index in 0..<max(1, count) {
            let thread = Thread { [self] in work() }
            thread.name = "store \(index)"
            thread.start()
        }
    }

    /// Runs the work on one of the threads. With the queue full it is refused at once.
    package func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = enqueue { continuation.resume(with: Result(catching: work)) }
            guard !isTaken else { return }
            continuation.resume(
                throwing: StoreError(
                    .busy, "\(waitingMax) calls are waiting for the store already, or it is being closed",
                    at: "the store", advice: StoreError.advice(for: .busy)))
        }
    }

    /// Lets what waits be done, then ends the threads.
    package func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    private func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed, waiting.count - next < waitingMax else { return false }
        waiting.append(work)
        condition.signal()
        return true
    }

    private func work() {
        while let work = take() { work() }
    }

    private func take() -> (@Sendable () -> Void)? {
        condition.lock()
        defer { condition.unlock() }
        while next == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            next = 0
            if isClosed { return nil }
            condition.wait()
        }
        next += 1
        return waiting[next - 1]
    }
}
