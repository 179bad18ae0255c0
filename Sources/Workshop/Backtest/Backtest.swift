import Columns

/// What a version of a rule would have found, against another version or against nothing (规则回测).
///
/// It takes findings one by one, as plain values, and keeps sums, months, institutions and a sample. Money is in fen.
package struct Backtest: Sendable {
    package enum Change: String, Sendable, CaseIterable {
        case gained, lost, kept
        /// Found by both, with another content.
        case changed
    }

    /// A finding of one of the two versions.
    package struct Hit: Sendable, Equatable {
        /// What was found, whichever version found it: unit and group key.
        package let key: String
        package let outcome: String
        package let institution: String
        /// `yyyy-mm`, or empty when the day is not known.
        package let month: String
        package let person: String
        package let gross: Int64
        package let loss: Int64

        package init(
            key: String, outcome: String, institution: String, month: String, person: String, gross: Int64, loss: Int64
        ) {
            self.key = key
            self.outcome = outcome
            self.institution = institution
            self.month = month
            self.person = person
            self.gross = gross
            self.loss = loss
        }
    }

    package struct Sum: Sendable, Equatable {
        package var findings = 0
        package var gross: Int64 = 0
        package var loss: Int64 = 0

        package init() {}
    }

    /// A hit that was drawn for review, with the size of its stratum and how many were drawn there.
    package struct Drawn: Sendable {
        package let hit: Hit
        package let change: Change
        package let stratum: String
        package let of: Int
        package let drawn: Int
    }

    package private(set) var sums: [Change: Sum] = [:]
    package private(set) var months: [String: [Change: Sum]] = [:]
    package private(set) var institutions: [String: [Change: Sum]] = [:]
    /// Units of which too much is unknown, by version.
    package var undetermined: (now: Int, before: Int) = (0, 0)
    private var former: [String: Hit] = [:]
    private var strata: [String: [(order: UInt64, hit: Hit, change: Change)]] = [:]
    private var sizes: [String: Int] = [:]
    private let seed: UInt64
    private let perStratumMax: Int

    /// `sample` hits are drawn altogether; the seed fixes which.
    package init(sample: Int, seed: UInt64) {
        self.seed = seed
        perStratumMax = max(1, sample)
        self.sample = sample
    }

    package let sample: Int

    /// Findings of the version compared with come first.
    package mutating func addFormer(_ hit: Hit) { former[hit.key] = hit }

    package mutating func add(_ hit: Hit) {
        guard let before = former.removeValue(forKey: hit.key) else { return count(hit, .gained) }
        let isSame = before.outcome == hit.outcome && before.gross == hit.gross && before.loss == hit.loss
        count(hit, isSame ? .kept : .changed)
    }

    /// What is left was found by the other version only. Call once, at the end.
    package mutating func finish() {
        for hit in former.values.sorted(by: { $0.key < $1.key }) { count(hit, .lost) }
        former = [:]
    }

    private mutating func count(_ hit: Hit, _ change: Change) {
        func add(_ sum: inout Sum) {
            sum.findings += 1
            sum.gross &+= hit.gross
            sum.loss &+= hit.loss
        }
        add(&sums[change, default: Sum()])
        add(&months[hit.month.isEmpty ? "unknown" : hit.month, default: [:]][change, default: Sum()])
        add(&institutions[hit.institution, default: [:]][change, default: Sum()])
        let stratum = Self.stratum(of: hit, change)
        sizes[stratum, default: 0] += 1
        // The hits with the least hashes are a simple random sample, in whatever order they come.
        let order = Self.order(hit.key, seed)
        var drawn = strata[stratum] ?? []
        if drawn.count == perStratumMax, let last = drawn.last, last.order <= order { return }
        let place = drawn.firstIndex { $0.order > order } ?? drawn.count
        drawn.insert((order, hit, change), at: place)
        if drawn.count > perStratumMax { drawn.removeLast() }
        strata[stratum] = drawn
    }

    /// Strata: what changed, and how much money is at stake.
    package static func stratum(of hit: Hit, _ change: Change) -> String {
        let band = hit.gross < 10_000 ? "<100" : hit.gross < 100_000 ? "<1000" : ">=1000"
        return "\(change.rawValue) \(band)"
    }

    private static func order(_ key: String, _ seed: UInt64) -> UInt64 {
        // FNV-1a over seed and key, then two rounds of mixing: fast, and without a pattern in the keys.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ seed
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }

    /// How many of each stratum are drawn: in proportion to size, two at least where there are two, so that a share has
    /// a variance.
    package func allocation() -> [String: Int] {
        let total = sizes.values.reduce(0, +)
        guard total > 0, sample > 0 else { return [:] }
        var allocation: [String: Int] = [:]
        for (stratum, size) in sizes {
            let share = (size * sample + total / 2) / total
            allocation[stratum] = min(size, min(perStratumMax, max(2, share)))
        }
        return allocation
    }

    package func drawn() -> [Drawn] {
        let allocation = allocation()
        return strata.sorted { $0.key < $1.key }.flatMap { stratum, hits in
            let count = allocation[stratum] ?? 0
            return hits.prefix(count).map {
                Drawn(hit: $0.hit, change: $0.change, stratum: stratum, of: sizes[stratum] ?? 0, drawn: count)
            }
        }
    }

    /// What the new version finds altogether.
    package var now: Sum {
        [Change.gained, .kept, .changed].reduce(into: Sum()) { sum, change in
            sum.findings += sums[change]?.findings ?? 0
            sum.gross &+= sums[change]?.gross ?? 0
            sum.loss &+= sums[change]?.loss ?? 0
        }
    }
}

/// What reviewers said about hits (复核结论): by key, whether the hit was right. Hits without a word stay without one.
package struct ReviewOutcomes: Sendable {
    package let isRight: [String: Bool]

    package init(_ isRight: [String: Bool]) { self.isRight = isRight }
}

extension Backtest {
    package struct Quality: Sendable {
        /// The share of right hits among what the version finds, from the sample alone; nil without reviews.
        package let precision: Proportion?
        package let confidence: Double
        /// Drawn hits that nobody reviewed yet.
        package let waiting: Int
        /// Reviewed hits that were not drawn: what was inspected for a reason says nothing about the rest.
        package let aside: Int
        /// Right hits that the version does not find any more, or that others found.
        package let missed: Int
        /// At most this share of what is there is found; nil while nothing missed is known.
        package let recallMost: Double?
    }

    /// Precision and a bound of recall from reviews of the sample.
    ///
    /// Recall can only be bounded from above: the true hits are at most `high` × found, and `missed` more are known. What
    /// nobody knows of lowers it further. `elsewhere` are right cases that others know and this rule could have found.
    package func quality(_ outcomes: ReviewOutcomes, elsewhere: Int = 0, confidence: Double = 0.95) -> Quality {
        let drawn = drawn()
        let own = drawn.filter { $0.change != .lost }
        var strata: [String: (size: Int, reviewed: Int, right: Int)] = [:]
        for entry in own {
            var stratum = strata[entry.stratum] ?? (entry.of, 0, 0)
            if let isRight = outcomes.isRight[entry.hit.key] {
                stratum.reviewed += 1
                if isRight { stratum.right += 1 }
            }
            strata[entry.stratum] = stratum
        }
        let reviewed = strata.sorted { $0.key < $1.key }.map {
            Proportion.Stratum(size: $0.value.size, reviewed: $0.value.reviewed, right: $0.value.right)
        }
        let precision = Proportion.stratified(reviewed, confidence: confidence)
        let lost = drawn.filter { $0.change == .lost && outcomes.isRight[$0.hit.key] == true }.count
        let missed = lost + elsewhere
        let most = precision.map { Double(now.findings) * $0.high }
        let keys = Set(drawn.map(\.hit.key))
        return Quality(
            precision: precision, confidence: confidence,
            waiting: own.filter { outcomes.isRight[$0.hit.key] == nil }.count,
            aside: outcomes.isRight.keys.filter { !keys.contains($0) }.count, missed: missed,
            recallMost: missed > 0 ? most.map { $0 / ($0 + Double(missed)) } : nil)
    }
}
