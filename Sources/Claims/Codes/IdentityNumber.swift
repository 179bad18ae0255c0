/// A citizen's identity number (公民身份号码, GB 11643): 18 characters, the last of them a check digit.
///
/// Numbers of 15 digits, issued until 1999, are taken and widened to 18, so that one person has one number. A value
/// carries a division that may exist, a real day of birth and a right check digit.
package struct IdentityNumber: NationalCode {
    package static let system = "identity number (公民身份号码)"

    package let text: String
    package let birth: Day
    package let isFemale: Bool

    package init(_ written: String) throws(CodeFault) {
        var characters = try CodeCharacters(written, Self.system)
        try characters.length(15, 18)
        if characters.count == 15 {
            try characters.digits(0..<15)
            let widened = characters.text(0..<6) + "19" + characters.text(6..<15)
            characters = try CodeCharacters(widened + IdentityNumber.checkDigit(of: Array(widened.utf8)), Self.system)
        }
        try characters.digits(0..<17)
        guard characters.bytes[17].isDigit || characters.bytes[17] == UInt8(ascii: "X") else {
            throw CodeFault(Self.system, .character(position: 18, expected: "a digit or X"))
        }
        guard Province.isKnown(characters.number(0..<2)) || characters.bytes[0] == UInt8(ascii: "9") else {
            throw CodeFault(Self.system, .part("no province has the first two digits"))
        }
        guard
            let birth = Day(
                year: characters.number(6..<10), month: characters.number(10..<12), day: characters.number(12..<14))
        else { throw CodeFault(Self.system, .part("the day of birth does not exist")) }
        guard characters.text(17..<18) == IdentityNumber.checkDigit(of: Array(characters.bytes[0..<17])) else {
            throw CodeFault(Self.system, .checkDigit)
        }
        text = characters.text
        self.birth = birth
        isFemale = characters.bytes[16] & 1 == 0
    }

    /// The 18th character for 17 digits, by ISO 7064 MOD 11-2.
    static func checkDigit(of digits: [UInt8]) -> String {
        var remainder = 0
        for digit in digits { remainder = (remainder + Int(digit &- 0x30)) * 2 % 11 }
        let value = (12 - remainder) % 11
        return value == 10 ? "X" : String(value)
    }
}

extension IdentityNumber {
    /// A number is personal data: only its place of issue and year of birth are shown.
    package var masked: String { String(text.prefix(10)) + "********" }
    package var description: String { masked }
}

/// The first two digits of a division (省级行政区划代码, GB/T 2260).
enum Province {
    /// 66 is how insurance divisions write the Production and Construction Corps (新疆生产建设兵团); 83 is Taiwan in
    /// residence permits (台湾居民居住证).
    static func isKnown(_ number: Int) -> Bool {
        switch number {
        case 11...15, 21...23, 31...37, 41...46, 50...54, 61...66, 71, 81...83: true
        default: false
        }
    }
}
