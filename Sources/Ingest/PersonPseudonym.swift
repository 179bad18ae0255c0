import Claims
import Columns

/// Makes persons' pseudonyms (人员假名) as `PersonKey` does, for many rows and threads, and counts identity numbers that
/// cannot be right.
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

    /// What an earlier run counted.
    func add(_ numbers: Int, wrong: Int) {
        lock.held {
            identityNumbers += numbers
            wrongIdentityNumbers += wrong
        }
    }

    /// 32 hexadecimal digits: the first half of HMAC-SHA256 over `kind|number`.
    func make(kind: Cell, number: Cell, in scratch: Scratch) -> Cell {
        let kindText = kind.isAbsent ? "01" : kind.text
        let message = PersonKey.message(kind: kindText, number: number.text)
        var code = [UInt8](repeating: 0, count: SHA256.byteCount)
        if kindText == "01" || kindText == "1" {
            let normal = PersonKey.normalised(kind: kindText, number: number.text)
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
        let digits = Array(PersonKey.text(code).utf8)
        let memory = scratch.allocate(digits.count)
        memory.update(from: digits, count: digits.count)
        return Cell(start: UnsafePointer(memory), count: digits.count)
    }
}
