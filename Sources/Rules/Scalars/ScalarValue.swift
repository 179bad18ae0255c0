import Claims

/// A single known value outside any table: what a procedure's fields, balances and days are.
///
/// Numbers are exact: a mantissa with a scale, `12.30` is (1230, 2).
package enum ScalarValue: Hashable, Codable, Sendable {
    case flag(Bool)
    case number(Int64, scale: Int)
    case text(String)
    case day(Day)

    package static func money(fen: Int64) -> ScalarValue { .number(fen, scale: 2) }

    /// The number at another scale; nil when it is no number, is not exact there, or does not fit.
    package func mantissa(scale wanted: Int) -> Int64? {
        guard case .number(var mantissa, var scale) = self else { return nil }
        while scale < wanted {
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            mantissa = product
            scale += 1
        }
        while scale > wanted {
            guard mantissa % 10 == 0 else { return nil }
            mantissa /= 10
            scale -= 1
        }
        return mantissa
    }

    package var type: ValueType {
        switch self {
        case .flag: .boolean
        case .number(_, let scale): .number(scale: scale)
        case .text: .text
        case .day: .day
        }
    }
}

extension ScalarValue: CustomStringConvertible {
    /// As people write it in a script: `true`, `12.30`, `2026-03-02`, the text itself.
    package var description: String {
        switch self {
        case .flag(let flag): return flag ? "true" : "false"
        case .text(let text): return text
        case .day(let day): return day.description
        case .number(let mantissa, let scale):
            guard scale > 0 else { return String(mantissa) }
            let digits = String(mantissa.magnitude)
            let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
            return (mantissa < 0 ? "-" : "") + padded.dropLast(scale) + "." + padded.suffix(scale)
        }
    }
}

extension ValueType {
    /// Whether values of both may stand for each other: numbers of any scale, else the same type.
    package func joinsWith(_ other: ValueType) -> Bool { joined(with: other) != nil }
}
