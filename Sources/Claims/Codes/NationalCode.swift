/// A code of a national system (国家编码) whose structure was checked when the value was made.
///
/// A value of a conforming type is well formed: right length, right characters, right check digit where the standard has
/// one. It says nothing about whether the code was ever issued; that is what the catalogue is for.
package protocol NationalCode: Hashable, Sendable, CustomStringConvertible {
    /// The name of the system, with the Chinese term.
    static var system: String { get }
    /// The code in its normal writing.
    var text: String { get }
    /// Reads a code as it is written; letters may be lower case where the standard has capitals.
    init(_ written: String) throws(CodeFault)
}

extension NationalCode {
    package var description: String { text }
}

/// Why a text is not a code of the system it was read as.
///
/// A value, because a mistyped code is bad input and not a failure of ours. It never repeats the text itself: an identity
/// number must not end up in a log.
package struct CodeFault: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case length(found: Int, expected: String)
        /// `position` counts from 1.
        case character(position: Int, expected: String)
        case checkDigit
        case part(String)
    }

    package let system: String
    package let reason: Reason

    package init(_ system: String, _ reason: Reason) {
        self.system = system
        self.reason = reason
    }

    /// `COD001` … `COD004`, one per kind of reason.
    package var code: String {
        switch reason {
        case .length: "COD001"
        case .character: "COD002"
        case .checkDigit: "COD003"
        case .part: "COD004"
        }
    }
}

extension CodeFault: CustomStringConvertible {
    package var description: String {
        switch reason {
        case .length(let found, let expected): "\(code) \(system): \(found) characters, expected \(expected)"
        case .character(let position, let expected): "\(code) \(system): character \(position) should be \(expected)"
        case .checkDigit: "\(code) \(system): the check digit is wrong; a digit was mistyped or two were swapped"
        case .part(let what): "\(code) \(system): \(what)"
        }
    }
}

/// The characters of a code while it is being read: bounded, ASCII, capital letters.
struct CodeCharacters {
    let bytes: [UInt8]
    private let system: String

    /// No national code is longer than a trace code; a longer text is refused before it is looked at.
    static let longest = 100

    init(_ written: String, _ system: String) throws(CodeFault) {
        self.system = system
        guard written.utf8.count <= CodeCharacters.longest else {
            throw CodeFault(system, .length(found: written.utf8.count, expected: "at most \(CodeCharacters.longest)"))
        }
        bytes = written.utf8.map { $0 >= 0x61 && $0 <= 0x7A ? $0 & 0xDF : $0 }
    }

    var count: Int { bytes.count }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    func length(_ allowed: Int...) throws(CodeFault) {
        guard allowed.contains(bytes.count) else {
            throw CodeFault(
                system, .length(found: bytes.count, expected: allowed.map(String.init).joined(separator: " or ")))
        }
    }

    func digits(_ range: Range<Int>) throws(CodeFault) {
        for index in range where !bytes[index].isDigit {
            throw CodeFault(system, .character(position: index + 1, expected: "a digit"))
        }
    }

    func letters(_ range: Range<Int>) throws(CodeFault) {
        for index in range where !bytes[index].isCapital {
            throw CodeFault(system, .character(position: index + 1, expected: "a letter"))
        }
    }

    func lettersOrDigits(_ range: Range<Int>) throws(CodeFault) {
        for index in range where !bytes[index].isDigit && !bytes[index].isCapital {
            throw CodeFault(system, .character(position: index + 1, expected: "a letter or a digit"))
        }
    }

    func exactly(_ character: Character, at index: Int) throws(CodeFault) {
        guard index < bytes.count, bytes[index] == character.asciiValue else {
            throw CodeFault(system, .character(position: index + 1, expected: "“\(character)”"))
        }
    }

    /// The number that the digits in `range` write; call only after `digits(range)`, on at most 18 digits.
    func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 &* 10 &+ Int($1 &- 0x30) } }
}

extension UInt8 {
    var isDigit: Bool { self >= 0x30 && self <= 0x39 }
    var isCapital: Bool { self >= 0x41 && self <= 0x5A }
}
