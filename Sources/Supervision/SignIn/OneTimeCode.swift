import CCrypto
import Foundation

/// Codes of an authenticator (动态口令, TOTP of RFC 6238): six digits that change every 30 seconds, HMAC-SHA-1 as the
/// authenticators in use compute them.
package struct OneTimeCode: Sendable {
    let key: [UInt8]
    static let stepSeconds = 30

    init(key: [UInt8]) { self.key = key }

    /// From what an authenticator reads; nil: no `otpauth://…?secret=…`.
    package init?(address: String) {
        guard let start = address.range(of: "secret=") else { return nil }
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bytes: [UInt8] = []
        var bits = 0
        var held = 0
        for letter in address[start.upperBound...].prefix(while: { $0 != "&" }) {
            guard let place = letters.firstIndex(of: letter) else { return nil }
            held = (held << 5 | place) & 0xFFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> bits))
            }
        }
        guard !bytes.isEmpty else { return nil }
        key = bytes
    }

    /// The code of an instant, in seconds since 1970 UTC.
    package func code(at instant: Int) -> String { code(step: Self.step(at: instant)) }

    /// Which period of 30 seconds an instant is in.
    static func step(at instant: Int) -> Int { instant / stepSeconds }

    func code(step: Int, digits: Int = 6) -> String {
        let message = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(step) >> UInt64(8 * (7 - $0))) }
        var length: UInt32 = 0
        var digest = [UInt8](repeating: 0, count: 20)
        let done = HMAC(EVP_sha1(), key, Int32(key.count), message, message.count, &digest, &length)
        precondition(
            done != nil && length == 20, "the cryptographic library refused HMAC; is OpenSSL 3 installed whole?")
        let offset = Int(digest[19] & 15)
        let word = digest[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let modulus = (0..<digits).reduce(UInt32(1)) { value, _ in value * 10 }
        let text = String(word % modulus)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// The period whose code it is: this one, the one before or after, later than any used before; a code works once.
    func step(of code: String, at instant: Int, usedUpTo used: Int) -> Int? {
        let now = Self.step(at: instant)
        return (now - 1...now + 1).first { step in
            step > used && ConstantTime.isEqual(Array(self.code(step: step).utf8), Array(code.utf8))
        }
    }

    /// What an authenticator reads: `otpauth://totp/…`.
    func address(account: String) -> String {
        "otpauth://totp/Yijian:\(account)?secret=\(Self.base32(key))&issuer=Yijian"
    }

    static func base32(_ bytes: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var text = ""
        var bits = 0
        var held: UInt32 = 0
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(letters[Int(held >> UInt32(bits) & 31)])
            }
        }
        if bits > 0 { text.append(letters[Int(held << UInt32(5 - bits) & 31)]) }
        return text
    }
}
