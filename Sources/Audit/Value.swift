/// A value as far as it is known: every number from `lo` to `hi` is possible.
///
/// Numbers are mantissas at a statically known scale, days are day numbers, moments are seconds since 1970 in China
/// Standard Time, texts are vocabulary codes, truth is 0 or 1. Known means `lo == hi`. `docs/language.md` defines the
/// arithmetic.
package struct Value: Equatable, Sendable {
    package var lo: Int128
    package var hi: Int128

    @inline(__always) package init(lo: Int128, hi: Int128) {
        self.lo = lo
        self.hi = hi
    }

    @inline(__always) package init(_ known: Int64) {
        lo = Int128(known)
        hi = lo
    }

    // Computed, because stored globals are guarded by a lock on every access.
    package static var minusInfinity: Int128 { @inline(__always) get { Int128.min } }
    package static var infinity: Int128 { @inline(__always) get { Int128.max } }
    package static var unknown: Value { @inline(__always) get { Value(lo: minusInfinity, hi: infinity) } }
    package static var unknownCount: Value { @inline(__always) get { Value(lo: 0, hi: infinity) } }
    package static var yes: Value { @inline(__always) get { Value(1) } }
    package static var no: Value { @inline(__always) get { Value(0) } }
    package static var maybe: Value { @inline(__always) get { Value(lo: 0, hi: 1) } }

    @inline(__always) package var isKnown: Bool { lo == hi }
    /// Definitely true, for truth values.
    @inline(__always) package var isTrue: Bool { lo == 1 }
    @inline(__always) package var isFalse: Bool { hi == 0 }

    @inline(__always) package static func truth(_ known: Bool) -> Value { known ? yes : no }

    package static func add(_ a: Value, _ b: Value) -> Value {
        Value(lo: saturatingAdd(a.lo, b.lo, minusInfinity), hi: saturatingAdd(a.hi, b.hi, infinity))
    }

    package static func negate(_ a: Value) -> Value { Value(lo: negated(a.hi), hi: negated(a.lo)) }

    package static func multiply(_ a: Value, _ b: Value) -> Value {
        if a.isKnown && b.isKnown && a.lo != infinity && b.lo != infinity {
            let (product, overflow) = a.lo.multipliedReportingOverflow(by: b.lo)
            return overflow ? unknown : Value(lo: product, hi: product)
        }
        var lo = infinity
        var hi = minusInfinity
        for x in [a.lo, a.hi] {
            for y in [b.lo, b.hi] {
                let product = saturatingMultiply(x, y)
                if product < lo { lo = product }
                if product > hi { hi = product }
            }
        }
        return Value(lo: lo, hi: hi)
    }

    package static func hull(_ a: Value, _ b: Value) -> Value {
        Value(lo: Swift.min(a.lo, b.lo), hi: Swift.max(a.hi, b.hi))
    }

    package static func absolute(_ a: Value) -> Value {
        if a.lo >= 0 { return a }
        if a.hi <= 0 { return negate(a) }
        return Value(lo: 0, hi: Swift.max(negated(a.lo), a.hi))
    }

    package static func not(_ a: Value) -> Value { Value(lo: 1 - a.hi, hi: 1 - a.lo) }

    /// `a < b` for every choice, for none, or unknown.
    package static func less(_ a: Value, _ b: Value) -> Value {
        if a.hi < b.lo { return yes }
        if a.lo >= b.hi && !(a.lo == infinity || b.hi == minusInfinity) || a.lo > b.hi { return no }
        return maybe
    }

    package static func lessOrEqual(_ a: Value, _ b: Value) -> Value { not(less(b, a)) }

    package static func equal(_ a: Value, _ b: Value) -> Value {
        if a.isKnown && b.isKnown { return truth(a.lo == b.lo) }
        if a.hi < b.lo || b.hi < a.lo { return no }
        return maybe
    }

    /// `numerator / denominator` rounded half up (away from zero) after multiplying by `factor`.
    package static func divide(_ a: Value, _ b: Value, factor: Int128) -> Value {
        if b.hi < 0 { return divide(negate(a), negate(b), factor: factor) }
        guard b.lo > 0 else { return unknown }
        // The divisor is positive: it makes a number smaller the larger it is.
        func end(_ x: Int128, _ y: Int128) -> Int128? {
            if x == infinity || x == minusInfinity { return x }
            if y == infinity { return 0 }
            let (scaled, overflow) = x.multipliedReportingOverflow(by: factor)
            return overflow || scaled == minusInfinity ? nil : roundedHalfUp(scaled, y)
        }
        guard let lo = end(a.lo, a.lo >= 0 ? b.hi : b.lo), let hi = end(a.hi, a.hi >= 0 ? b.lo : b.hi) else {
            return unknown
        }
        return Value(lo: lo, hi: hi)
    }

    package static func known(_ value: Int128) -> Value { Value(lo: value, hi: value) }

    /// The quotient rounded half up, halves away from zero (四舍五入).
    package static func roundedHalfUp(_ numerator: Int128, _ denominator: Int128) -> Int128 {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        // |remainder| ≥ half of |denominator|, written so that nothing can overflow.
        guard remainder != 0, remainder.magnitude >= denominator.magnitude - remainder.magnitude else {
            return quotient
        }
        return (numerator < 0) == (denominator < 0) ? quotient + 1 : quotient - 1
    }

    private static func negated(_ x: Int128) -> Int128 {
        x == minusInfinity ? infinity : x == infinity ? minusInfinity : -x
    }

    private static func saturatingAdd(_ x: Int128, _ y: Int128, _ infinite: Int128) -> Int128 {
        if x == infinite || y == infinite { return infinite }
        if x == infinity || y == infinity { return infinity }
        if x == minusInfinity || y == minusInfinity { return minusInfinity }
        let (sum, overflow) = x.addingReportingOverflow(y)
        return overflow ? infinite : sum
    }

    private static func saturatingMultiply(_ x: Int128, _ y: Int128) -> Int128 {
        if x == 0 || y == 0 { return 0 }
        let (product, overflow) = x.multipliedReportingOverflow(by: y)
        if overflow || x == infinity || y == infinity || x == minusInfinity || y == minusInfinity {
            return (x < 0) == (y < 0) ? infinity : minusInfinity
        }
        return product
    }
}
