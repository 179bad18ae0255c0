import Claims

extension ScalarExpression {
    /// The value, nil when it depends on something unknown or does not fit. `lookup` gives the value of a name.
    package func value(_ lookup: (String) -> ScalarValue?) -> ScalarValue? { Self.value(of: root, lookup) }

    /// Whether the condition holds; nil: it depends on something unknown.
    package func holds(_ lookup: (String) -> ScalarValue?) -> Bool? {
        if case .flag(let flag) = value(lookup) { flag } else { nil }
    }

    /// The names whose values are unknown.
    package func unknowns(_ lookup: (String) -> ScalarValue?) -> [String] { names.filter { lookup($0) == nil } }

    private static func value(of syntax: Syntax, _ lookup: (String) -> ScalarValue?) -> ScalarValue? {
        switch syntax.node {
        case .number(let digits): return number(digits)
        case .text(let text): return .text(text)
        case .boolean(let flag): return .flag(flag)
        case .date(let text): return Day(text).map(ScalarValue.day)
        case .parameter(let name): return lookup("$" + name)
        case .path(let parts): return lookup(parts.joined(separator: "."))
        case .not(let inner): return flag(inner, lookup).map { .flag(!$0) }
        case .and(let terms): return all(terms.map { flag($0, lookup) }).map(ScalarValue.flag)
        case .or(let terms): return all(terms.map { flag($0, lookup).map { !$0 } }).map { .flag(!$0) }
        case .compare(let comparison, let a, let b):
            return compare(comparison, value(of: a, lookup), value(of: b, lookup)).map(ScalarValue.flag)
        case .between(let value, let low, let high):
            let middle = self.value(of: value, lookup)
            return all([
                compare(.greaterOrEqual, middle, self.value(of: low, lookup)),
                compare(.lessOrEqual, middle, self.value(of: high, lookup)),
            ]).map(ScalarValue.flag)
        case .oneOf(let value, let choices):
            let one = self.value(of: value, lookup)
            return all(choices.map { compare(.equal, one, self.value(of: $0, lookup)).map { !$0 } })
                .map { .flag(!$0) }
        case .startsWith(let a, let b):
            guard case .text(let text) = value(of: a, lookup), case .text(let beginning) = value(of: b, lookup) else {
                return nil
            }
            return .flag(text.hasPrefix(beginning))
        case .isKnown(let inner): return .flag(value(of: inner, lookup) != nil)
        case .arithmetic(let operation, let a, let b):
            return compute(operation, value(of: a, lookup), value(of: b, lookup))
        case .negate(let inner): return compute(.subtract, .number(0, scale: 0), value(of: inner, lookup))
        case .call(let function, let arguments): return call(function, arguments, lookup)
        case .choose(let branches, let otherwise):
            for branch in branches {
                guard let holds = flag(branch.condition, lookup) else { return nil }
                if holds { return value(of: branch.result, lookup) }
            }
            return value(of: otherwise, lookup)
        case .divide, .inList, .aggregate: return nil
        }
    }

    private static func flag(_ syntax: Syntax, _ lookup: (String) -> ScalarValue?) -> Bool? {
        if case .flag(let flag) = value(of: syntax, lookup) { flag } else { nil }
    }

    /// Conjunction in three-valued logic: one false decides, else one unknown makes it unknown.
    private static func all(_ terms: [Bool?]) -> Bool? {
        var unknown = false
        for term in terms {
            if term == false { return false }
            if term == nil { unknown = true }
        }
        return unknown ? nil : true
    }

    private static func number(_ digits: String) -> ScalarValue? {
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard let mantissa = Int64(parts.joined()) else { return nil }
        return .number(mantissa, scale: parts.count > 1 ? parts[1].count : 0)
    }

    private static func compare(_ comparison: Comparison, _ a: ScalarValue?, _ b: ScalarValue?) -> Bool? {
        guard let a, let b else { return nil }
        let order: Int
        switch (a, b) {
        case (.number(let x, let xScale), .number(let y, let yScale)):
            let scale = max(xScale, yScale)
            guard let left = a.mantissa(scale: scale), let right = b.mantissa(scale: scale) else {
                // Too large for the common scale: compare what is before the point.
                let (whole, other) = (x / power(xScale), y / power(yScale))
                return comparison.holds(whole == other ? nil : (whole < other ? -1 : 1))
            }
            order = left == right ? 0 : (left < right ? -1 : 1)
        case (.day(let x), .day(let y)): order = x == y ? 0 : (x < y ? -1 : 1)
        case (.text(let x), .text(let y)): order = x == y ? 0 : 2
        case (.flag(let x), .flag(let y)): order = x == y ? 0 : 2
        default: return nil
        }
        return comparison.holds(order)
    }

    private static func power(_ scale: Int) -> Int64 { (0..<min(scale, 18)).reduce(1) { product, _ in product * 10 } }

    private static func compute(_ operation: Arithmetic, _ a: ScalarValue?, _ b: ScalarValue?) -> ScalarValue? {
        switch (a, b) {
        case (.number(let x, let xScale), .number(let y, let yScale)):
            if operation == .multiply {
                let (product, overflow) = x.multipliedReportingOverflow(by: y)
                return overflow ? nil : .number(product, scale: xScale + yScale)
            }
            let scale = max(xScale, yScale)
            guard let left = a?.mantissa(scale: scale), let right = b?.mantissa(scale: scale) else { return nil }
            let (sum, overflow) =
                operation == .add ? left.addingReportingOverflow(right) : left.subtractingReportingOverflow(right)
            return overflow ? nil : .number(sum, scale: scale)
        case (.day(let x), .day(let y)) where operation == .subtract:
            return .number(Int64(x.number) - Int64(y.number), scale: 0)
        case (.day(let day), .number(let count, scale: 0)):
            let sum = operation == .add ? Int64(day.number) + count : Int64(day.number) - count
            return Int32(exactly: sum).map { .day(Day(number: $0)) }
        default: return nil
        }
    }

    private static func call(_ function: Syntax.Function, _ arguments: [Syntax], _ lookup: (String) -> ScalarValue?)
        -> ScalarValue?
    {
        switch function {
        case .coalesce:
            for argument in arguments { if let found = value(of: argument, lookup) { return found } }
            return nil
        case .absolute:
            guard case .number(let x, let scale) = value(of: arguments[0], lookup), x != .min else { return nil }
            return .number(abs(x), scale: scale)
        case .greatest, .least:
            var best: ScalarValue?
            for argument in arguments {
                guard let next = value(of: argument, lookup) else { return nil }
                guard let before = best else {
                    best = next
                    continue
                }
                guard let isLess = compare(.less, next, before) else { return nil }
                if isLess == (function == .least) { best = next }
            }
            return best
        case .round:
            guard case .number(let text) = arguments[1].node, let digits = Int(text) else { return nil }
            var below: ScalarValue? = .number(1, scale: 0)
            var above: ScalarValue?
            if case .divide(let top, let bottom) = arguments[0].node {
                above = value(of: top, lookup)
                below = value(of: bottom, lookup)
            } else {
                above = value(of: arguments[0], lookup)
            }
            guard case .number(let x, let xScale) = above, case .number(let y, let yScale) = below, y != 0 else {
                return nil
            }
            return round(Int128(x), xScale, Int128(y), yScale, digits)
        case .age, .day, .prefix, .eligible, .contracted, .entitled: return nil
        }
    }

    /// Half up, away from zero.
    private static func round(_ x: Int128, _ xScale: Int, _ y: Int128, _ yScale: Int, _ digits: Int) -> ScalarValue? {
        var above = x.magnitude
        var below = y.magnitude
        for _ in 0..<(digits + yScale) {
            let (product, overflow) = above.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            above = product
        }
        for _ in 0..<xScale {
            let (product, overflow) = below.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            below = product
        }
        let (quotient, remainder) = above.quotientAndRemainder(dividingBy: below)
        let rounded = quotient + (remainder >= below - remainder ? 1 : 0)
        guard let result = Int64(exactly: rounded) else { return nil }
        return .number((x < 0) != (y < 0) ? -result : result, scale: digits)
    }
}

extension Comparison {
    /// Whether it holds for an order of -1, 0 or 1; 2: unequal without order; nil: unknown.
    fileprivate func holds(_ order: Int?) -> Bool? {
        guard let order else { return nil }
        switch self {
        case .equal: return order == 0
        case .notEqual: return order != 0
        case .less: return order == -1
        case .lessOrEqual: return order == -1 || order == 0
        case .greater: return order == 1
        case .greaterOrEqual: return order == 1 || order == 0
        }
    }
}
