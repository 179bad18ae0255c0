import Claims
import Columns

/// The one pseudonym of a person (人员假名), keyed from certificate kind and normalised number.
///
/// The same person gives the same pseudonym whatever the source writes: blanks and case are folded and a 15-digit
/// identity number becomes its 18-digit form (GB 11643). Without the key nobody can go back or compare.
final class PersonPseudonym: @unchecked Sendable {
    private let key: [UInt8]
    private let authenticator: HMACSHA256
    private let lock = Mutex()
    /// Refuses identity numbers that cannot be right instead of counting them.
    private let isStrict: Bool
    private(set) var identityNumbers = 0
    private(set) var wrongIdentityNumbers = 0

    /// Stands for an identity number that was refused: told from a pseudonym by where it lies.
    static let refused: Cell = {
        let text = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
        text.initialize(repeating: UInt8(ascii: "?"), count: 8)
        return Cell(start: UnsafePointer(text), count: 1)
    }()

    init(key: [UInt8], isStrict: Bool = false) {
        self.key = key
        self.isStrict = isStrict
        authenticator = HMACSHA256(key: key)
    }

    /// 32 hexadecimal digits: the first half of HMAC-SHA256 over `kind|number`.
    func make(kind: Cell, number: Cell, in scratch: Scratch) -> Cell {
        let kindText = kind.isAbsent ? "01" : kind.text
        let normal = PersonPseudonym.normalised(kind: kindText, number: number.text)
        let message = Array("\(kindText)|\(normal)".utf8)
        var code = [UInt8](repeating: 0, count: SHA256.byteCount)
        if kindText == "01" || kindText == "1" {
            let isWrong = (try? IdentityNumber(normal)) == nil
            lock.held {
                identityNumbers += 1
                if isWrong { wrongIdentityNumbers += 1 }
            }
            if isWrong, isStrict { return PersonPseudonym.refused }
        }
        lock.held {
            code = message.withUnsafeBytes { bytes in authenticator.code(for: bytes) }
        }
        let digits = Array("0123456789abcdef".utf8)
        let memory = scratch.allocate(32)
        for index in 0..<16 {
            memory[index &* 2] = digits[Int(code[index] >> 4)]
            memory[index &* 2 &+ 1] = digits[Int(code[index] & 15)]
        }
        return Cell(start: UnsafePointer(memory), count: 32)
    }

    static func normalised(kind: String, number: String) -> String {
        let folded = number.uppercased().filter { !$0.isWhitespace && $0 != "-" }
        guard kind == "01" || kind == "1", folded.utf8.count == 15, folded.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return folded }
        // 15 digits were given out until 1999, so the century is 19.
        let longer = folded.prefix(6) + "19" + folded.dropFirst(6)
        return longer + checkDigit(of: Array(longer.utf8))
    }

    /// The 18th character for 17 digits (ISO 7064 MOD 11-2).
    static func checkDigit(of digits: [UInt8]) -> String {
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
        let sum = zip(digits, weights).reduce(0) { $0 + Int($1.0 &- 0x30) * $1.1 }
        return ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][sum % 11]
    }
}
