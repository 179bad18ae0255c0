import Glibc
import Synchronization

/// Jobs that wait for a thread, in three bounded lines (有界队列): reviews first, then uploads, then reviews that were
/// answered before they were audited. One thread of several is kept from uploads, so that bulk never starves care.
package final class WorkQueue: @unchecked Sendable {
    package enum Line: Int, Sendable { case review, upload, later }

    /// What was taken leaves an empty place: its memory is for the next message.
    private var lines: [[Job?]] = [[], [], []]
    private var heads = [0, 0, 0]
    private var waitingBytes = 0
    private var isClosed = false
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// Threads without work: those that take everything, and those that are kept from uploads.
    private let anything = Waiters()
    private let care = Waiters()
    private let limits: [Int]
    private let bytesMax: Int

    package init(reviewsMax: Int, uploadsMax: Int, bytesMax: Int) {
        limits = [reviewsMax, uploadsMax, reviewsMax * 16]
        self.bytesMax = bytesMax
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    private func count(_ line: Int) -> Int { lines[line].count - heads[line] }

    package var counts: (reviews: Int, uploads: Int, later: Int, bytes: Int) {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return (count(0), count(1), count(2), waitingBytes)
    }

    /// False when the line is full: the caller answers at once in another way.
    package func add(_ job: Job, to line: Line) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard !isClosed, count(line.rawValue) < limits[line.rawValue], waitingBytes + job.body.count <= bytesMax else {
            return false
        }
        lines[line.rawValue].append(job)
        waitingBytes += job.body.count
        // One is woken who may take it; who is at work looks by itself.
        if line != .upload, care.isAnyAsleep { care.wakeOne() } else { anything.wakeOne() }
        return true
    }

    /// Waits for the next job; nil once the queue is closed and empty. A thread that is kept for care takes no uploads
    /// while it has a choice.
    package func next(takesUploads: Bool) -> Job? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while true {
            for line in takesUploads ? [0, 1, 2] : [0, 2] {
                guard let job = take(line) else { continue }
                waitingBytes -= job.body.count
                return job
            }
            if isClosed, takesUploads || count(1) == 0 { return nil }
            (takesUploads ? anything : care).wait(lock)
        }
    }

    private func take(_ line: Int) -> Job? {
        let head = heads[line]
        guard head < lines[line].count, let job = lines[line][head] else { return nil }
        lines[line][head] = nil
        heads[line] = head + 1
        if head + 1 == lines[line].count {
            lines[line].removeAll(keepingCapacity: true)
            heads[line] = 0
        } else if head > 1_024, head * 2 > lines[line].count {
            lines[line].removeFirst(head + 1)
            heads[line] = 0
        }
        return job
    }

    package func close() {
        pthread_mutex_lock(lock)
        isClosed = true
        anything.wakeAll()
        care.wakeAll()
        pthread_mutex_unlock(lock)
    }

    /// Threads that wait for the same. All of it happens under the lock of the queue.
    private final class Waiters {
        private let signal = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private var count = 0
        /// Those of them that were woken and have not looked yet.
        private var woken = 0

        init() { pthread_cond_init(signal, nil) }

        deinit {
            pthread_cond_destroy(signal)
            signal.deallocate()
        }

        var isAnyAsleep: Bool { count > woken }

        /// May return without cause; the caller looks again.
        func wait(_ lock: UnsafeMutablePointer<pthread_mutex_t>) {
            count += 1
            pthread_cond_wait(signal, lock)
            count -= 1
            woken = max(0, woken - 1)
        }

        func wakeOne() {
            guard isAnyAsleep else { return }
            woken += 1
            pthread_cond_signal(signal)
        }

        func wakeAll() {
            woken = count
            pthread_cond_broadcast(signal)
        }
    }
}

/// One message on its way: answered exactly once, by whoever comes first — the audit, or the clock.
package final class Job: Sendable {
    package let body: [UInt8]
    package let head: MessageHead
    /// Nanoseconds of the steady clock.
    package let arrived: UInt64
    package let reply: @Sendable (Reply) -> Void
    private let isAnswered: AnsweredOnce
    /// Answered already; only the audit is still due.
    package let isLater: Bool

    private final class AnsweredOnce: Sendable {
        let flag = Atomic<Bool>(false)
    }

    private init(_ job: Job) {
        body = job.body
        head = job.head
        arrived = job.arrived
        reply = job.reply
        isAnswered = job.isAnswered
        isLater = true
    }

    /// The same message, to be audited when there is time.
    package func later() -> Job { Job(self) }

    package init(body: [UInt8], head: MessageHead, arrived: UInt64, reply: @escaping @Sendable (Reply) -> Void) {
        self.body = body
        self.head = head
        self.arrived = arrived
        self.reply = reply
        isAnswered = AnsweredOnce()
        isLater = false
    }

    /// True for the first who asks.
    package func claim() -> Bool {
        isAnswered.flag.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }

    package var isClaimed: Bool { isAnswered.flag.load(ordering: .acquiring) }
}

/// What the transport says besides the body.
package struct MessageHead: Sendable {
    package var path = ""
    /// Names in lower case; only those that signing needs.
    package var fields: [String: String] = [:]

    package init() {}
}

package struct Reply: Sendable {
    package var status = 200
    package var body: [UInt8]
    package var closes = false
    package var retryAfter: Int?
    package var type = "application/json; charset=utf-8"
    /// Further heads, names in lower case.
    package var headers: [(name: String, value: String)] = []

    package init(body: [UInt8]) { self.body = body }
}
