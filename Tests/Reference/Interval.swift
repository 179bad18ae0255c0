/// One end of an interval: an exact integer, or no bound at all.
package enum Bound: Hashable, Sendable, Comparable {
    case minusInfinity
    case finite(Int128)
    case plusInfinity

    var sign: Int {
        switch self {
        case .minusInfinity: -1
        case .finite(let value): value.signum() == 0 ? 0 : (value > 0 ? 1 : -1)
        case .plusInfinity: 1
        }
    }

    var negated: Bound {
        switch self {
        case .minusInfinity: .plusInfinity
        case .finite(let value): .finite(0 - value)
        case .plusInfinity: .minusInfinity
        }
    }
}

/// What is known of a number, a day or a moment: it lies somewhere in [low, high]. Known values have equal ends.
///
/// Every operation gives the smallest interval that holds the result of every choice; nil says that an end does not
/// fit in 128 bits, so nothing is known.
package struct Interval: Hashable, Sendable {
    package let low: Bound
    package let high: Bound

    package init(_ low: Bound, _ high: Bound) {
        self.low = low
        self.high = high
    }

    package init(exactly value: Int128) {
        low = .finite(value)
        high = .finite(value)
    }

    package static let unknown = Interval(.minusInfinity, .plusInfinity)
    package static let nonNegative = Interval(.finite(0), .plusInfinity)

    package var exact: Int128? {
        if case .finite(let a) = low, case .finite(let b) = high, a == b { return a }
        return nil
    }

    var negated: Interval { Interval(high.negated, low.negated) }

    func hull(_ other: Interval) -> Interval { Interval(min(low, other.low), max(high, other.high)) }

    func adding(_ other: Interval) -> Interval? {
        guard let low = Interval.sum(low, other.low), let high = Interval.sum(high, other.high) else { return nil }
        return Interval(low, high)
    }

    func subtracting(_ other: Interval) -> Interval? { adding(other.negated) }

    func multiplied(by other: Interval) -> Interval? {
        var corners: [Bound] = []
        for a in [low, high] {
            for b in [other.low, other.high] {
                guard let product = Interval.product(a, b) else { return nil }
                corners.append(product)
            }
        }
        guard let low = corners.min(), let high = corners.max() else { return nil }
        return Interval(low, high)
    }

    var absolute: Interval {
        if low.sign >= 0 { return self }
        if high.sign <= 0 { return negated }
        return Interval(.finite(0), max(low.negated, high))
    }

    /// Both ends under a function that never falls; infinite ends stay.
    func mapped(_ rising: (Int128) -> Int128?) -> Interval? {
        func apply(_ bound: Bound) -> Bound?? {
            guard case .finite(let value) = bound else { return .some(bound) }
            guard let result = rising(value) else { return .some(nil) }
            return .some(.finite(result))
        }
        guard let low = apply(low) ?? nil, let high = apply(high) ?? nil else { return nil }
        return Interval(low, high)
    }

    /// `self / divisor`, each end times 10 to the `shift`, rounded half away from zero. The divisor must not hold zero.
    func divided(by divisor: Interval, shift: Int) -> Interval? {
        if divisor.high.sign < 0 { return negated.divided(by: divisor.negated, shift: shift) }
        let lowDivisor = low.sign >= 0 ? divisor.high : divisor.low
        let highDivisor = high.sign >= 0 ? divisor.low : divisor.high
        guard let low = Interval.quotient(low, lowDivisor, shift: shift),
            let high = Interval.quotient(high, highDivisor, shift: shift)
        else { return nil }
        return Interval(low, high)
    }

    private static func sum(_ a: Bound, _ b: Bound) -> Bound? {
        switch (a, b) {
        case (.finite(let x), .finite(let y)):
            let (sum, overflow) = x.addingReportingOverflow(y)
            return overflow ? nil : .finite(sum)
        case (.finite, _): return b
        default: return a
        }
    }

    private static func product(_ a: Bound, _ b: Bound) -> Bound? {
        if case .finite(let x) = a, case .finite(let y) = b {
            let (product, overflow) = x.multipliedReportingOverflow(by: y)
            return overflow ? nil : .finite(product)
        }
        // A bound at infinity is never reached, so zero times it stays zero.
        switch a.sign * b.sign {
        case 0: return .finite(0)
        case 1...: return .plusInfinity
        default: return .minusInfinity
        }
    }

    private static func quotient(_ a: Bound, _ b: Bound, shift: Int) -> Bound? {
        guard case .finite(let x) = a else { return a }
        guard case .finite(let y) = b else { return .finite(0) }
        return Exact.divide(x, by: y, shift: shift).map { .finite($0) }
    }
}

/// Integer arithmetic with stated rounding; nil when 128 bits do not hold the result.
package enum Exact {
    package static func power(_ exponent: Int) -> Int128? {
        guard (0...38).contains(exponent) else { return nil }
        return (0..<exponent).reduce(Int128(1)) { power, _ in power * 10 }
    }

    /// `value × 10^shift / divisor`, rounded half away from zero.
    package static func divide(_ value: Int128, by divisor: Int128, shift: Int = 0) -> Int128? {
        var numerator = value
        var denominator = divisor
        guard let factor = power(shift.magnitude > 38 ? 39 : abs(shift)), denominator != 0 else { return nil }
        if shift >= 0 {
            let (product, overflow) = numerator.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            numerator = product
        } else {
            let (product, overflow) = denominator.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            denominator = product
        }
        guard numerator != Int128.min, denominator != Int128.min else { return nil }
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        // |remainder| ≥ half of |denominator|, written so that nothing can overflow.
        let away = abs(remainder) >= abs(denominator) - abs(remainder)
        if !away || remainder == 0 { return quotient }
        return quotient + ((numerator < 0) == (denominator < 0) ? 1 : -1)
    }

    package static func rescale(_ value: Int128, from scale: Int, to target: Int) -> Int128? {
        if target == scale { return value }
        if target > scale {
            guard let factor = power(target - scale) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        guard let factor = power(scale - target) else { return nil }
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: factor)
        return remainder == 0 ? quotient : nil
    }

    package static func floorDivide(_ value: Int128, by divisor: Int128) -> Int128 {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// Decimal text without trailing zeros: mantissa 30000 at scale 4 is `3`.
    package static func text(_ mantissa: Int128, scale: Int) -> String {
        var digits = fixedText(mantissa, scale: scale)
        guard scale > 0 else { return digits }
        while digits.last == "0" { digits.removeLast() }
        if digits.last == "." { digits.removeLast() }
        return digits
    }

    /// Decimal text with exactly `scale` digits after the point: 9000 fen is `90.00`.
    package static func fixedText(_ mantissa: Int128, scale: Int) -> String {
        var digits = String(mantissa.magnitude)
        if scale > 0 {
            if digits.count <= scale { digits = String(repeating: "0", count: scale + 1 - digits.count) + digits }
            digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale))
        }
        return mantissa < 0 ? "-" + digits : digits
    }
}
