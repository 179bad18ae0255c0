import Claims
import Columns
import Rules
import Supervision
import Synchronization

/// The point-of-care service (事前、事中服务): takes messages of the national interface and answers each exactly once.
///
/// Acknowledged means recorded: an answer leaves after request and answer lie in the journal. Care is never blocked: what
/// is not audited inside the time budget is answered "accepted, not yet audited" and audited afterwards.
package final class PointOfCare: Sendable {
    package let settings: ServiceSettings
    package let rulebook: Rulebook
    package let reviewer: Reviewer
    package let histories: Histories
    package let keeper: any RecordKeeping
    package let figures: Figures
    package let queue: WorkQueue
    let log: ServiceLog
    /// Why the package that was read last is not in force; nil when it is.
    let refusedRules = Mutex<String?>(nil)
    let verifier: SignatureVerifier
    /// nil when no institution is relayed.
    let upstream: Upstream?
    /// Matters, for appeals; nil: they are not taken here.
    let casebook: Casebook?

    package init(
        settings: ServiceSettings, rulebook: Rulebook, reviewer: Reviewer, keeper: any RecordKeeping,
        verifier: SignatureVerifier, casebook: Casebook? = nil, log: ServiceLog
    ) {
        self.casebook = casebook
        self.settings = settings
        self.rulebook = rulebook
        self.reviewer = reviewer
        histories = reviewer.histories
        self.keeper = keeper
        self.verifier = verifier
        self.log = log
        figures = Figures()
        queue = WorkQueue(
            reviewsMax: settings.reviewsMax, uploadsMax: settings.uploadsMax, bytesMax: settings.waitingBytesMax)
        let relays = settings.unlisted.relay != nil || settings.institutions.values.contains { $0.relay != nil }
        upstream =
            relays ? Upstream(waitingMax: settings.relaysMax, secondsMax: settings.relaySecondsMax) : nil
    }

    func makeReading() -> UploadReading {
        UploadReading(
            { [verifier, settings] in verifier.decipher($0, settings) },
            { [settings] in settings.institution($0)?.tables ?? CodeTables() })
    }

    /// Numbers that are reviewed: the national ones, and Hainan's.
    static let reviews: [Substring: Reviewer.Stage] = [
        "3101": .before, "3102": .during, "3660": .before, "3661": .during,
    ]

    /// Which line a message joins, by what is known before its body is read.
    package static func line(path: String, fields: [String: String], length: Int?) -> WorkQueue.Line {
        let hint = fields["_api_name"] ?? path
        let isReview = ["3101", "3102", "3103", "3660", "3661", "beforeAnalyze", "courseAnalyze"].contains {
            hint.hasSuffix($0)
        }
        if isReview { return .review }
        let last = hint.split(separator: "/").last ?? ""
        let digits = last.drop { !$0.isNumber }.prefix(4)
        if digits.count == 4, UploadReader.numbers.contains(String(digits)) || AppealMessage.numbers.contains(digits) {
            return .upload
        }
        return (length ?? 0) > 262_144 ? .upload : .review
    }

    /// Whether there is room for another message; asked before its body is read.
    package func hasRoom(in line: WorkQueue.Line) -> Bool {
        let counts = queue.counts
        guard counts.bytes < settings.waitingBytesMax else { return false }
        return line == .upload
            ? counts.uploads < settings.uploadsMax
            : counts.reviews < settings.reviewsMax && counts.later < settings.reviewsMax * 16
    }

    /// Takes a message. Where there is no room the sender is told to come again.
    package func submit(_ job: Job, to line: WorkQueue.Line) {
        if !queue.add(job, to: line) { refuseBusy(job) }
    }

    func refuseBusy(_ job: Job) {
        guard job.claim() else { return }
        figures.add(.busy)
        var reply = Reply(body: InterfaceAnswer.failure(.busy, area: nil))
        reply.status = 503
        // One client repeats at once up to three times; it is asked to wait, each time.
        reply.retryAfter = 1
        job.reply(reply)
    }

    /// One thread's work until the queue is closed.
    package func work(takesUploads: Bool) {
        let desk = Desk(self)
        while let job = queue.next(takesUploads: takesUploads) {
            if job.isClaimed, !job.isLater, queue.add(job.later(), to: .later) { continue }
            desk.handle(job)
        }
    }

    /// The budget of a review is used up: it is answered now, and audited when its turn comes.
    package func expire(_ job: Job, with desk: Desk) { desk.degrade(job) }

    /// Reviews that were answered before they were audited when the service last ended.
    package func resume() {
        guard let open = try? keeper.records(of: .degraded, limit: 4_000) else { return }
        let opener = MessageOpener { [verifier, settings] in verifier.decipher($0, settings) }
        var resumed = 0
        for kept in open {
            let name = opener.read(kept) { envelope, _ in Desk.name(of: envelope, kept.request) }
            guard let name, let newest = try? keeper.newest(name), newest.sequence == kept.sequence else { continue }
            let job = Job(body: kept.request, head: MessageHead(), arrived: WallClock.steady) { _ in }
            _ = job.claim()
            guard queue.add(job.later(), to: .later) else { break }
            resumed += 1
        }
        if resumed > 0 { log.event("resumed", [("reviews", "\(resumed)")]) }
    }
}
