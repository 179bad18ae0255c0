/// A diagnosis in the insurance edition of ICD-10 (疾病诊断代码, 医保版 2.0).
///
/// Category of a letter and two digits, dot, three more, an extension `x` and three digits when the national list is finer
/// than ICD; a pair of dagger and asterisk codes is joined by `+`.
package struct DiagnosisCode: NationalCode {
    package static let system = "diagnosis code (ICD-10 医保版)"

    package let text: String
    /// Letter and two digits (类目).
    package let category: String

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        guard characters.count >= 7 else {
            throw CodeFault(Self.system, .length(found: characters.count, expected: "at least 7, such as I63.900"))
        }
        try characters.letters(0..<1)
        try characters.digits(1..<3)
        try characters.exactly(".", at: 3)
        if characters.bytes[4] != UInt8(ascii: "X") { try characters.digits(4..<5) }
        try characters.digits(5..<7)
        var next = 7
        if next < characters.count, characters.bytes[next] == UInt8(ascii: "X") {
            guard characters.count >= next + 4 else {
                throw CodeFault(Self.system, .part("an extension has three digits after its x"))
            }
            try characters.digits((next + 1)..<(next + 4))
            next += 4
        }
        if next < characters.count { try DiagnosisCode.asterisk(in: characters, from: next) }
        text = DiagnosisCode.normal(characters)
        category = characters.text(0..<3)
    }

    /// `+A99*` or `+A99.9*`: the manifestation beside the cause.
    private static func asterisk(in characters: CodeCharacters, from start: Int) throws(CodeFault) {
        let length = characters.count - start
        guard length == 5 || length == 7 else {
            throw CodeFault(Self.system, .part("what follows the code should be an extension or +A99.9*"))
        }
        try characters.exactly("+", at: start)
        try characters.letters((start + 1)..<(start + 2))
        try characters.digits((start + 2)..<(start + 4))
        if length == 7 {
            try characters.exactly(".", at: start + 4)
            try characters.digits((start + 5)..<(start + 6))
        }
        try characters.exactly("*", at: characters.count - 1)
    }

    /// The national list writes the placeholder small: `I10.x00x002`.
    private static func normal(_ characters: CodeCharacters) -> String {
        var bytes = characters.bytes
        for index in [4, 7] where index < bytes.count && bytes[index] == UInt8(ascii: "X") {
            bytes[index] = UInt8(ascii: "x")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// An operation or procedure in the insurance edition of ICD-9-CM-3 (手术操作代码, 医保版).
///
/// Two digits, dot, four more, and an extension `x` with three digits when the national list is finer.
package struct ProcedureCode: NationalCode {
    package static let system = "procedure code (ICD-9-CM-3 医保版)"

    package let text: String

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        try characters.length(7, 11)
        try characters.digits(0..<2)
        try characters.exactly(".", at: 2)
        try characters.digits(3..<7)
        if characters.count > 7 {
            try characters.exactly("X", at: 7)
            try characters.digits(8..<characters.count)
        }
        text = characters.text.replacing("X", with: "x")
    }

    /// The chapter and category (类目): the two digits before the dot.
    package var category: Substring { text.prefix(2) }
}
