/// The trace code on a package of a drug (药品追溯码).
///
/// Mostly 20 digits: 7 identify the drug and its package size, 13 the single package. A few makers use other carriers, so
/// other texts up to 100 characters are kept as they are; only the product's bar code, which every package shares, is refused.
package struct TraceCode: NationalCode {
    package static let system = "trace code (药品追溯码)"

    package let text: String
    /// The 7 digits that identify drug and package size (药品标识码), when the code is of the usual form.
    package let drug: String?

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        guard characters.count >= 8 else {
            throw CodeFault(Self.system, .length(found: characters.count, expected: "8 to 100, mostly 20"))
        }
        for (index, byte) in characters.bytes.enumerated() where byte <= 0x20 || byte >= 0x7F {
            throw CodeFault(Self.system, .character(position: index + 1, expected: "a printed ASCII character"))
        }
        let allDigits = characters.bytes.allSatisfy(\.isDigit)
        if allDigits, characters.count == 13, characters.text.hasPrefix("69") {
            throw CodeFault(Self.system, .part("this is the product's bar code (商品条码); scan the trace code beside it"))
        }
        text = allDigits ? characters.text : written
        drug = allDigits && characters.count == 20 ? characters.text(0..<7) : nil
    }
}
