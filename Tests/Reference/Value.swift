import Claims
import Rules

/// The value of an expression, as far as it is known, and why it is not known better.
///
/// `cause` names the first unknown field (`table.field`) that made the value inexact; an exact value has none.
package struct Value: Sendable {
    package enum Content: Hashable, Sendable {
        /// nil: unknown.
        case truth(Bool?)
        /// Numbers (mantissa at the expression's scale), days (from 1970-01-01) and moments (seconds from then).
        case number(Interval)
        case text(String?)
        case identity(RowReference?)
    }

    package let content: Content
    package let cause: String?

    init(_ content: Content, cause: String?) {
        self.content = content
        self.cause = Value.isExact(content) ? nil : cause
    }

    static func truth(_ truth: Bool?, cause: String? = nil) -> Value { Value(.truth(truth), cause: cause) }
    static func number(_ interval: Interval, cause: String? = nil) -> Value { Value(.number(interval), cause: cause) }
    static func text(_ text: String?, cause: String? = nil) -> Value { Value(.text(text), cause: cause) }

    /// A number, or nothing known when it did not fit in 128 bits.
    static func number(fitting interval: Interval?, cause: String?) -> Value {
        interval.map { .number($0, cause: cause) } ?? .number(.unknown, cause: "overflow")
    }

    package var isExact: Bool { Value.isExact(content) }

    package var truth: Bool? {
        if case .truth(let truth) = content { return truth }
        return nil
    }

    package var interval: Interval {
        if case .number(let interval) = content { return interval }
        return .unknown
    }

    package var text: String? {
        if case .text(let text) = content { return text }
        return nil
    }

    package var row: RowReference? {
        if case .identity(let row) = content { return row }
        return nil
    }

    private static func isExact(_ content: Content) -> Bool {
        switch content {
        case .truth(let truth): truth != nil
        case .number(let interval): interval.exact != nil
        case .text(let text): text != nil
        case .identity(let row): row != nil
        }
    }

    /// What can be said when it is open which of the two it is.
    func hull(_ other: Value, cause: String?) -> Value {
        switch (content, other.content) {
        case (.truth(let a), .truth(let b)): .truth(a == b ? a : nil, cause: cause)
        case (.text(let a), .text(let b)): .text(a == b ? a : nil, cause: cause)
        case (.identity(let a), .identity(let b)): Value(.identity(a == b ? a : nil), cause: cause)
        default: .number(interval.hull(other.interval), cause: cause)
        }
    }
}

/// Kleene's logic, keeping the cause of the first operand that left the answer open.
enum Kleene {
    static func not(_ value: Value) -> Value { .truth(value.truth.map { !$0 }, cause: value.cause) }

    static func and(_ values: [Value]) -> Value {
        if values.contains(where: { $0.truth == false }) { return .truth(false) }
        if let open = values.first(where: { $0.truth == nil }) { return .truth(nil, cause: open.cause) }
        return .truth(true)
    }

    static func or(_ values: [Value]) -> Value {
        if values.contains(where: { $0.truth == true }) { return .truth(true) }
        if let open = values.first(where: { $0.truth == nil }) { return .truth(nil, cause: open.cause) }
        return .truth(false)
    }

    /// Compares numbers, days or moments at the same scale.
    static func compare(_ comparison: Comparison, _ a: Interval, _ b: Interval) -> Bool? {
        switch comparison {
        case .less: a.high < b.low ? true : (a.low >= b.high ? false : nil)
        case .lessOrEqual: a.high <= b.low ? true : (a.low > b.high ? false : nil)
        case .greater: compare(.less, b, a)
        case .greaterOrEqual: compare(.lessOrEqual, b, a)
        case .equal:
            if let x = a.exact, let y = b.exact { x == y } else { a.high < b.low || b.high < a.low ? false : nil }
        case .notEqual: compare(.equal, a, b).map { !$0 }
        }
    }
}
