/// The city's only source of chance (伪随机数).
///
/// SplitMix64 is a pure function of its state, so a stream that is derived from (seed, purpose, number) gives the
/// same choices on every machine and in whatever order the streams are used.
package struct SplitMix64: Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// An independent stream for one thing, for example the life of person 17.
    package init(seed: UInt64, purpose: UInt64, number: Int) {
        var mixer = SplitMix64(seed: seed ^ (purpose &* 0xD6E8_FEB8_6659_FD93))
        let base = mixer.next()
        state = SplitMix64.scramble(base &+ UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SplitMix64.scramble(state)
    }

    /// A whole number in 0 ..< bound; `bound` is a positive number of ours.
    package mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A whole number in the closed range.
    package mutating func within(_ low: Int, _ high: Int) -> Int { low + below(high - low + 1) }

    /// True in about `count` of 10,000 cases.
    package mutating func chance(_ count: Int) -> Bool { below(10_000) < count }

    /// The index of one weight, chosen in proportion to the weights; their sum is positive.
    package mutating func index(weights: [Int]) -> Int {
        var total = 0
        for weight in weights { total += weight }
        var left = below(total)
        for (index, weight) in weights.enumerated() {
            if left < weight { return index }
            left -= weight
        }
        return weights.count - 1
    }

    private static func scramble(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }
}
