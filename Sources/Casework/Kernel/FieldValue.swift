import Claims
import Rules

/// What a field of a matter holds.
package enum FieldValue: Hashable, Codable, Sendable {
    case single(ScalarValue)
    /// Money by fund and pool (分基金、分统筹区), in fen: `basic/379900` → 120000.
    case split([String: Int64])

    /// How expressions see it; a split that does not add up in 64 bits is unknown.
    package var scalar: ScalarValue? {
        switch self {
        case .single(let value): return value
        case .split(let parts):
            var total: Int64 = 0
            for part in parts.values {
                let (sum, overflow) = total.addingReportingOverflow(part)
                guard !overflow else { return nil }
                total = sum
            }
            return .money(fen: total)
        }
    }
}

extension FieldValue: CustomStringConvertible {
    package var description: String {
        switch self {
        case .single(let value): value.description
        case .split(let parts):
            parts.sorted { $0.key < $1.key }
                .map { "\($0.key):\(ScalarValue.money(fen: $0.value))" }.joined(separator: "+")
        }
    }
}

extension Field {
    /// The text as a value of this field; nil when it is none.
    package func value(of text: String) -> FieldValue? {
        switch kind {
        case .text, .person, .organisation: return text.isEmpty ? nil : .single(.text(text))
        case .choice(let choices): return choices.contains { $0.id == text } ? .single(.text(text)) : nil
        case .flag:
            switch text {
            case "true", "yes", "是": return .single(.flag(true))
            case "false", "no", "否": return .single(.flag(false))
            default: return nil
            }
        case .day: return Day(text).map { .single(.day($0)) }
        case .month: return Day(text + "-01") == nil || text.utf8.count != 7 ? nil : .single(.text(text))
        case .number(let scale): return Self.number(text, scale).map { .single(.number($0, scale: scale)) }
        case .money: return Self.number(text, 2).map { .single(.money(fen: $0)) }
        case .split:
            var parts: [String: Int64] = [:]
            for part in text.split(separator: "+", omittingEmptySubsequences: false) {
                guard let colon = part.lastIndex(of: ":") else { return nil }
                let key = String(part[..<colon])
                guard !key.isEmpty, parts[key] == nil,
                    let fen = Self.number(String(part[part.index(after: colon)...]), 2), fen >= 0
                else { return nil }
                parts[key] = fen
            }
            return parts.isEmpty ? nil : .split(parts)
        }
    }

    /// Whether a value has this field's type.
    package func accepts(_ value: FieldValue) -> Bool {
        switch (kind, value) {
        case (.split, .split(let parts)): return !parts.isEmpty && parts.values.allSatisfy { $0 >= 0 }
        case (.split, .single): return false
        case (_, .split): return false
        case (.choice(let choices), .single(.text(let text))): return choices.contains { $0.id == text }
        case (.month, .single(.text(let text))): return self.value(of: text) != nil
        case (.text, .single(.text)), (.person, .single(.text)), (.organisation, .single(.text)): return true
        case (.flag, .single(.flag)), (.day, .single(.day)): return true
        case (.money, .single(let number)): return number.mantissa(scale: 2) != nil
        case (.number(let scale), .single(let number)): return number.mantissa(scale: scale) != nil
        default: return false
        }
    }

    /// A decimal with at most `scale` digits after the point, as its mantissa.
    package static func number(_ text: String, _ scale: Int) -> Int64? {
        let isNegative = text.hasPrefix("-")
        let parts = (isNegative ? text.dropFirst() : text[...]).split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty,
            parts.allSatisfy({ $0.utf8.allSatisfy { $0 &- 48 < 10 } })
        else { return nil }
        let fraction = parts.count > 1 ? parts[1] : ""
        guard parts.count == 1 || !fraction.isEmpty, fraction.count <= scale else { return nil }
        let digits = String(parts[0]) + fraction + String(repeating: "0", count: scale - fraction.count)
        return Int64(digits).map { isNegative ? -$0 : $0 }
    }
}
