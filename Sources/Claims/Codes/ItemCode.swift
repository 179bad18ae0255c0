/// The national code of a drug, service or consumable (医保目录编码).
///
/// The first character tells the catalogue and the length the kind; the parts are those the standard names. No catalogue
/// has a check digit, so a mistyped code is found only by looking it up.
package struct ItemCode: NationalCode {
    package enum Kind: Hashable, Sendable {
        /// 西药: X, class 5, name 4, form 4, specification 2, package 2, maker 5.
        case westernDrug
        /// 中成药: Z, class 5, name 5, form 2, specification and package 2, maker 5.
        case patentDrug
        /// 中药饮片: T and 9 digits.
        case herb
        /// 中药配方颗粒: T and 19 characters.
        case herbGranules
        /// 医疗服务项目: 15 digits, `00`, price item 9, extension 4.
        case service
        /// 医用耗材: C, class 6, name 3, feature 5, maker 5; a single specification has 7 more.
        case consumable
    }

    package static let system = "catalogue code (医保目录编码)"

    package let text: String
    package let kind: Kind

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        guard let first = characters.bytes.first else {
            throw CodeFault(Self.system, .length(found: 0, expected: "10 to 27"))
        }
        switch first {
        case UInt8(ascii: "X"):
            try characters.length(23)
            try ItemCode.therapeuticClass(of: characters)
            try characters.letters(6..<7)
            try characters.digits(7..<10)
            try characters.letters(10..<11)
            try characters.digits(11..<23)
            kind = .westernDrug
        case UInt8(ascii: "Z"):
            try characters.length(20)
            try ItemCode.therapeuticClass(of: characters)
            try characters.letters(6..<7)
            try characters.digits(7..<20)
            kind = .patentDrug
        case UInt8(ascii: "T"):
            try characters.length(10, 20)
            if characters.count == 10 { try characters.digits(1..<10) } else { try characters.lettersOrDigits(1..<20) }
            kind = characters.count == 10 ? .herb : .herbGranules
        case UInt8(ascii: "C"):
            try characters.length(20, 27)
            try characters.lettersOrDigits(1..<characters.count)
            kind = .consumable
        case 0x30...0x39:
            try characters.length(15)
            try characters.digits(0..<15)
            try characters.exactly("0", at: 0)
            try characters.exactly("0", at: 1)
            kind = .service
        default: throw CodeFault(Self.system, .character(position: 1, expected: "X, Z, T, C or a digit"))
        }
        text = characters.text
    }

    /// Letter, two digits, two letters: the therapeutic class, for western drugs that of the ATC system.
    private static func therapeuticClass(of characters: CodeCharacters) throws(CodeFault) {
        try characters.letters(1..<2)
        try characters.digits(2..<4)
        try characters.letters(4..<6)
    }

    /// The therapeutic class of a western drug or patent medicine (药品分类).
    package var drugClass: Substring? {
        switch kind {
        case .westernDrug, .patentDrug: text.dropFirst().prefix(5)
        case .herb, .herbGranules, .service, .consumable: nil
        }
    }

    /// What products of the same generic name (通用名) have in common, whoever makes them and however they are packed.
    package var generic: Substring? {
        switch kind {
        case .westernDrug: text.prefix(10)
        case .patentDrug: text.prefix(11)
        case .consumable: text.prefix(10)
        case .herb, .herbGranules, .service: nil
        }
    }

    /// The nine digits of the price item (价格项目编码) inside a service code.
    package var priceItem: Substring? { kind == .service ? text.dropFirst(2).prefix(9) : nil }
}
