import Glibc

/// A share with an interval that holds it with the stated confidence (比例及其置信区间).
package struct Proportion: Sendable, Equatable {
    package let estimate: Double
    package let low: Double
    package let high: Double
    /// Units that were looked at.
    package let reviewed: Int
    /// The size of a simple random sample that would say as much.
    package let effective: Double

    /// One stratum of a sample: how many there are, how many were looked at, how many of these were right.
    package struct Stratum: Sendable, Equatable {
        package let size: Int
        package let reviewed: Int
        package let right: Int

        package init(size: Int, reviewed: Int, right: Int) {
            self.size = size
            self.reviewed = reviewed
            self.right = right
        }
    }

    /// The exact interval of Clopper and Pearson (Biometrika 26, 1934): never covers less than it says, whatever the
    /// share; for small samples it is wide, and so it should be.
    package static func exact(right: Double, of reviewed: Double, confidence: Double) -> (low: Double, high: Double) {
        let tail = (1 - confidence) / 2
        let low = right <= 0 ? 0 : Beta.quantile(tail, right, reviewed - right + 1)
        let high = right >= reviewed ? 1 : Beta.quantile(1 - tail, right + 1, reviewed - right)
        return (low, high)
    }

    /// The share in the whole from a stratified sample.
    ///
    /// The estimate weights each stratum by its size. The interval is that of Korn and Graubard (Survey Methodology 24,
    /// 1998): the exact interval at the effective size p(1−p)/var, never above the number reviewed. Strata with fewer
    /// than two reviewed are joined with their neighbour. nil when nothing was reviewed.
    package static func stratified(_ strata: [Stratum], confidence: Double = 0.95) -> Proportion? {
        let joined = join(strata.filter { $0.size > 0 })
        let reviewed = joined.reduce(0) { $0 + $1.reviewed }
        let total = Double(joined.reduce(0) { $0 + $1.size })
        guard reviewed > 0, total > 0 else { return nil }
        var estimate = 0.0
        var variance = 0.0
        for stratum in joined {
            let weight = Double(stratum.size) / total
            let share = Double(stratum.right) / Double(stratum.reviewed)
            estimate += weight * share
            guard stratum.reviewed > 1, stratum.size > stratum.reviewed else { continue }
            let rest = 1 - Double(stratum.reviewed) / Double(stratum.size)
            variance += weight * weight * rest * share * (1 - share) / Double(stratum.reviewed - 1)
        }
        var effective = Double(reviewed)
        if variance > 0 { effective = min(effective, estimate * (1 - estimate) / variance) }
        // Everything was looked at: the share is known.
        if joined.allSatisfy({ $0.reviewed >= $0.size }) {
            return Proportion(estimate: estimate, low: estimate, high: estimate, reviewed: reviewed, effective: total)
        }
        let (low, high) = exact(right: estimate * effective, of: effective, confidence: confidence)
        return Proportion(estimate: estimate, low: low, high: high, reviewed: reviewed, effective: effective)
    }

    private static func join(_ strata: [Stratum]) -> [Stratum] {
        var joined: [Stratum] = []
        for stratum in strata {
            if let last = joined.last, last.reviewed < 2 {
                joined[joined.count - 1] = sum(last, stratum)
            } else {
                joined.append(stratum)
            }
        }
        if joined.count > 1, let last = joined.last, last.reviewed < 2 {
            joined.removeLast()
            joined[joined.count - 1] = sum(joined[joined.count - 1], last)
        }
        return joined
    }

    private static func sum(_ a: Stratum, _ b: Stratum) -> Stratum {
        Stratum(size: a.size + b.size, reviewed: a.reviewed + b.reviewed, right: a.right + b.right)
    }
}

/// The beta distribution, as far as intervals need it.
enum Beta {
    /// The x below which a share `probability` of the distribution lies.
    static func quantile(_ probability: Double, _ a: Double, _ b: Double) -> Double {
        var low = 0.0
        var high = 1.0
        // 60 halvings leave less than a rounding error.
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if cumulative(middle, a, b) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The regularised incomplete beta function by its continued fraction (Lentz's method).
    static func cumulative(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges quickly below the mean.
        if x > (a + 1) / (a + b + 2) { return 1 - cumulative(1 - x, b, a) }
        let logarithm: Double = lgamma(a + b) - lgamma(a) - lgamma(b)
        let powers: Double = a * log(x) + b * log(1 - x)
        let front = exp(logarithm + powers) / a
        let tiny = 1e-300
        var c = 1.0
        var d = 1 - (a + b) * x / (a + 1)
        d = 1 / (abs(d) < tiny ? tiny : d)
        var result = d
        for m in 1...500 {
            let n = Double(m)
            let twice = a + 2 * n
            let even: Double = n * (b - n) * x / ((twice - 1) * twice)
            let odd: Double = -(a + n) * (a + b + n) * x / (twice * (twice + 1))
            for numerator in [even, odd] {
                d = 1 + numerator * d
                d = 1 / (abs(d) < tiny ? tiny : d)
                c = 1 + numerator / c
                if abs(c) < tiny { c = tiny }
                result *= d * c
            }
            if abs(d * c - 1) < 1e-14 { break }
        }
        return front * result
    }
}
