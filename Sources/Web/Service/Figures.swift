import Synchronization

/// What the service counts (运行指标), for `/metrics` in the text form of Prometheus. No count names a person.
package final class Figures: Sendable {
    package enum Count: Int, CaseIterable, Sendable {
        case reviews, uploads, feedback, refused, degraded, auditedLater, findings, undetermined, repeats, collisions
        case notRecorded, busy, httpErrors, connections, tolerated, unreadable, rulesReloaded, rulesRefused
        case relayed, relayFailed, datasetsAdopted, datasetsRefused

        var name: String {
            switch self {
            case .reviews: "reviews_total"
            case .uploads: "uploads_total"
            case .feedback: "feedback_total"
            case .refused: "refused_total"
            case .degraded: "degraded_total"
            case .auditedLater: "audited_later_total"
            case .findings: "findings_total"
            case .undetermined: "undetermined_total"
            case .repeats: "repeats_total"
            case .collisions: "collisions_total"
            case .notRecorded: "not_recorded_total"
            case .busy: "busy_total"
            case .httpErrors: "http_errors_total"
            case .connections: "connections_total"
            case .tolerated: "tolerated_total"
            case .unreadable: "unreadable_values_total"
            case .rulesReloaded: "rules_reloaded_total"
            case .rulesRefused: "rules_refused_total"
            case .relayed: "relayed_total"
            case .relayFailed: "relay_failed_total"
            case .datasetsAdopted: "datasets_adopted_total"
            case .datasetsRefused: "datasets_refused_total"
            }
        }
    }

    private let counts = Mutex<[Int]>(Array(repeating: 0, count: Count.allCases.count))
    private let tolerated = Mutex<[Int]>(Array(repeating: 0, count: Tolerance.Kind.allCases.count))
    /// Upper bounds in microseconds.
    private static let bounds = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 300_000, 1_000_000,
    ]
    private let latency = Mutex<(buckets: [Int], sum: Int)>((Array(repeating: 0, count: 13), 0))
    private let engine = Mutex<(count: Int, nanoseconds: Int)>((0, 0))

    package init() {}

    package func add(_ count: Count, _ number: Int = 1) {
        guard number != 0 else { return }
        counts.withLock { $0[count.rawValue] += number }
    }

    package func value(_ count: Count) -> Int { counts.withLock { $0[count.rawValue] } }

    package func note(_ tolerance: Tolerance) {
        guard tolerance.kinds != 0 || tolerance.unreadableCount > 0 else { return }
        add(.tolerated)
        add(.unreadable, tolerance.unreadableCount)
        tolerated.withLock { counts in for kind in tolerance.list { counts[Int(kind.rawValue)] += 1 } }
    }

    package func note(answeredAfter microseconds: Int) {
        let bucket = Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count
        latency.withLock {
            $0.buckets[bucket] += 1
            $0.sum += microseconds
        }
    }

    package func note(reviewed nanoseconds: Int) {
        engine.withLock {
            $0.count += 1
            $0.nanoseconds += nanoseconds
        }
    }

    package func text(_ queue: WorkQueue, _ keeping: KeepingFigures, edition: Int, persons: Int, open: Int) -> String {
        var lines: [String] = []
        for count in Count.allCases {
            lines.append("# TYPE yijian_\(count.name) counter")
            lines.append("yijian_\(count.name) \(value(count))")
        }
        lines.append("# TYPE yijian_tolerated_kind_total counter")
        let kinds = tolerated.withLock { $0 }
        for kind in Tolerance.Kind.allCases {
            lines.append("yijian_tolerated_kind_total{kind=\"\(kind)\"} \(kinds[Int(kind.rawValue)])")
        }
        let (buckets, sum) = latency.withLock { $0 }
        lines.append("# TYPE yijian_answer_seconds histogram")
        var running = 0
        for (index, bound) in Self.bounds.enumerated() {
            running += buckets[index]
            lines.append("yijian_answer_seconds_bucket{le=\"\(Double(bound) / 1e6)\"} \(running)")
        }
        running += buckets[Self.bounds.count]
        lines.append("yijian_answer_seconds_bucket{le=\"+Inf\"} \(running)")
        lines.append("yijian_answer_seconds_sum \(Double(sum) / 1e6)")
        lines.append("yijian_answer_seconds_count \(running)")
        let (reviewed, nanoseconds) = engine.withLock { $0 }
        lines.append("# TYPE yijian_review_seconds summary")
        lines.append("yijian_review_seconds_sum \(Double(nanoseconds) / 1e9)")
        lines.append("yijian_review_seconds_count \(reviewed)")
        let waiting = queue.counts
        for (name, number) in [
            ("waiting_reviews", waiting.reviews), ("waiting_uploads", waiting.uploads),
            ("waiting_later", waiting.later), ("waiting_bytes", waiting.bytes), ("rules_edition", edition),
            ("histories_in_memory", persons), ("open_connections", open), ("journal_appended", keeping.appended),
            ("journal_failed", keeping.failed), ("journal_waiting", keeping.waiting),
            ("journal_taking", keeping.isTaking ? 1 : 0), ("journal_syncs", keeping.syncs),
            ("journal_sync_microseconds_p50", keeping.syncMicrosecondsP50),
            ("journal_sync_microseconds_p99", keeping.syncMicrosecondsP99), ("journal_segments", keeping.segments),
        ] {
            lines.append("# TYPE yijian_\(name) gauge")
            lines.append("yijian_\(name) \(number)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
