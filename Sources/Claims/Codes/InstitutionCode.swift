/// The code of a designated institution (定点医药机构代码): `H` or `P`, division 6, serial 5.
package struct InstitutionCode: NationalCode {
    package enum Kind: Hashable, Sendable {
        /// 定点医疗机构
        case hospital
        /// 定点零售药店
        case pharmacy
    }

    package static let system = "institution code (定点医药机构代码)"

    package let text: String
    package let kind: Kind
    package let area: AreaCode

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        try characters.length(12)
        switch characters.bytes[0] {
        case UInt8(ascii: "H"): kind = .hospital
        case UInt8(ascii: "P"): kind = .pharmacy
        default: throw CodeFault(Self.system, .character(position: 1, expected: "H or P"))
        }
        try characters.digits(1..<12)
        area = try AreaCode(characters.text(1..<7))
        text = characters.text
    }
}

/// The code of a doctor, nurse, pharmacist or technician (医保医师、护士、药师、技师代码).
///
/// `D` or `N`, division 6, serial 6; in a hospital pharmacists have `HY` and technicians `HJ` in front.
package struct PractitionerCode: NationalCode {
    package enum Kind: Hashable, Sendable { case doctor, nurse, pharmacist, technician }

    package static let system = "practitioner code (医保医师代码)"

    package let text: String
    package let kind: Kind
    package let area: AreaCode

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        try characters.length(13, 14)
        let letters = characters.count - 12
        switch characters.text(0..<letters) {
        case "D": kind = .doctor
        case "N": kind = .nurse
        case "HY": kind = .pharmacist
        case "HJ": kind = .technician
        default:
            throw CodeFault(
                Self.system, .part("13 characters begin with D or N, 14 characters with HY or HJ"))
        }
        try characters.digits(letters..<characters.count)
        area = try AreaCode(characters.text(letters..<(letters + 6)))
        text = characters.text
    }
}
