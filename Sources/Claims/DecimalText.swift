/// Writes and reads exact decimals (a mantissa with a scale) as text, without ever passing through binary floats.
package enum DecimalText {
    /// `-1.50` for mantissa -150 at scale 2. With `trimmed`, trailing zeros of the fraction are left out.
    package static func format(_ mantissa: Int64, scale: Int, trimmed: Bool = false) -> String {
        guard scale > 0 else { return String(mantissa) }
        var digits = Array(String(mantissa.magnitude).utf8)
        if digits.count <= scale {
            digits.insert(contentsOf: repeatElement(UInt8(ascii: "0"), count: scale + 1 - digits.count), at: 0)
        }
        let point = digits.count - scale
        var end = digits.count
        if trimmed { while end > point, digits[end - 1] == UInt8(ascii: "0") { end -= 1 } }
        var text = mantissa < 0 ? "-" : ""
        text += String(decoding: digits[..<point], as: UTF8.self)
        if end > point { text += "." + String(decoding: digits[point..<end], as: UTF8.self) }
        return text
    }

    /// The mantissa at `scale`, or nil when the text is not a plain decimal, has more decimals than the scale holds
    /// (zeros aside), or does not fit 64 bits.
    package static func parse(_ text: some StringProtocol, scale: Int) -> Int64? {
        var magnitude: Int64 = 0
        var negative = false
        var decimals: Int?
        var digits = 0
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "-") where index == 0: negative = true
            case UInt8(ascii: ".") where decimals == nil: decimals = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let digit = Int64(byte - UInt8(ascii: "0"))
                digits += 1
                if let places = decimals {
                    guard places < scale else {
                        if digit == 0 { continue } else { return nil }
                    }
                    decimals = places + 1
                }
                let (scaled, overflow) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, carried) = scaled.addingReportingOverflow(digit)
                guard !overflow, !carried else { return nil }
                magnitude = sum
            default: return nil
            }
        }
        guard digits > 0 else { return nil }
        for _ in 0..<(scale - (decimals ?? 0)) {
            let (scaled, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            magnitude = scaled
        }
        return negative ? -magnitude : magnitude
    }
}
