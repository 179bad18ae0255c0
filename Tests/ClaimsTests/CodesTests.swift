import Foundation
import Testing

@testable import Claims

@Suite("National codes")
struct CodesTests {
    private func fault<Code: NationalCode>(_ type: Code.Type, _ text: String) -> String? {
        do {
            _ = try Code(text)
            return nil
        } catch { return error.code }
    }

    @Test("The standard's example of an identity number is read whole")
    func identityNumber() throws {
        let number = try IdentityNumber("11010519491231002x")
        #expect(number.text == "11010519491231002X")
        #expect(number.birth == Day(year: 1949, month: 12, day: 31))
        #expect(number.isFemale)
        #expect(number.description == "1101051949********")
    }

    @Test("Fifteen digits become the eighteen of the same person")
    func widening() throws {
        #expect(try IdentityNumber("110105491231002") == IdentityNumber("11010519491231002X"))
    }

    @Test("Every single wrong digit and every swap of unlike neighbours is found")
    func identityErrors() throws {
        let right = Array("11010519491231002X".utf8)
        for index in 0..<17 {
            for digit in UInt8(ascii: "0")...UInt8(ascii: "9") where digit != right[index] {
                var wrong = right
                wrong[index] = digit
                #expect(fault(IdentityNumber.self, String(decoding: wrong, as: UTF8.self)) != nil)
            }
            var swapped = right
            swapped.swapAt(index, index + 1)
            if swapped != right {
                #expect(fault(IdentityNumber.self, String(decoding: swapped, as: UTF8.self)) != nil)
            }
        }
    }

    @Test(
        "An identity number that cannot be names its fault",
        arguments: [
            ("", "COD001"), ("1101051949123100", "COD001"), ("1101051949123100AX", "COD002"),
            ("11010519491231002Y", "COD002"), ("110105194912310021", "COD003"), ("000105194912310021", "COD004"),
            ("110105194902300020", "COD004"), ("１１０１０５１９４９１２３１００２", "COD001"),
        ])
    func identityFaults(text: String, code: String) {
        #expect(fault(IdentityNumber.self, text) == code)
    }

    @Test("A fault never repeats the number")
    func discretion() {
        do {
            _ = try IdentityNumber("110105194912310021")
            Issue.record("a wrong check digit was taken")
        } catch { #expect(!error.description.contains("110105")) }
    }

    @Test("A unified social credit code carries its check character")
    func socialCredit() throws {
        let code = try UnifiedSocialCreditCode("91350100M000100Y43")
        #expect(code.division == "350100")
        #expect(code.organisation == "M000100Y4")
        #expect(fault(UnifiedSocialCreditCode.self, "91350100M000100Y44") == "COD003")
        #expect(fault(UnifiedSocialCreditCode.self, "91350100M000100I43") == "COD002")
        #expect(fault(UnifiedSocialCreditCode.self, "91350100M000100Y4") == "COD001")
    }

    @Test("Divisions know their level and what they cover")
    func areas() throws {
        let province = try AreaCode("370000")
        let city = try AreaCode("370100")
        let county = try AreaCode("370102")
        #expect([province.level, city.level, county.level] == [.province, .city, .county])
        #expect(try AreaCode("430299").level == .cityPool)
        #expect(try AreaCode("439900").level == .provincePool)
        #expect(province.covers(county) && city.covers(county) && county.covers(county) && !county.covers(city))
        #expect(try !city.covers(AreaCode("370202")))
        #expect(try AreaCode("000000").covers(county))
        #expect(fault(AreaCode.self, "990000") == "COD004")
        #expect(fault(AreaCode.self, "370001") == "COD004")
        #expect(fault(AreaCode.self, "37010") == "COD001")
    }

    @Test("Institutions and practitioners carry kind and division")
    func institutions() throws {
        let hospital = try InstitutionCode("H43020000001")
        #expect(hospital.kind == .hospital && hospital.area.text == "430200")
        #expect(try InstitutionCode("p62100200036").kind == .pharmacy)
        #expect(fault(InstitutionCode.self, "X43020000001") == "COD002")
        #expect(try PractitionerCode("D430200000001").kind == .doctor)
        #expect(try PractitionerCode("HY430200000001").kind == .pharmacist)
        #expect(fault(PractitionerCode.self, "HX430200000001") == "COD004")
        #expect(fault(PractitionerCode.self, "D43020000000A") == "COD002")
    }

    @Test("Catalogue codes are told apart by their shape")
    func items() throws {
        let drug = try ItemCode("XA11DAW036A001010104127")
        #expect(drug.kind == .westernDrug && drug.drugClass == "A11DA" && drug.generic == "XA11DAW036")
        let patent = try ItemCode("ZA04CAE0023010100166")
        #expect(patent.kind == .patentDrug && patent.drugClass == "A04CA" && patent.generic == "ZA04CAE0023")
        #expect(try ItemCode("T001700001").kind == .herb)
        #expect(try ItemCode("001102000010000").priceItem == "110200001")
        #expect(try ItemCode("C0101010010000000001").kind == .consumable)
        #expect(fault(ItemCode.self, "XA11DAW036A00101010412") == "COD001")
        #expect(fault(ItemCode.self, "101102000010000") == "COD002")
        #expect(fault(ItemCode.self, "药001102000010000") == "COD002")
        #expect(fault(ItemCode.self, "") == "COD001")
    }

    @Test("Diagnoses, procedures and trace codes")
    func others() throws {
        #expect(try DiagnosisCode("I63.900").category == "I63")
        #expect(try DiagnosisCode("i10.X00X002").text == "I10.x00x002")
        #expect(try DiagnosisCode("A17.000+G01*").category == "A17")
        #expect(fault(DiagnosisCode.self, "I63.9") == "COD001")
        #expect(fault(DiagnosisCode.self, "I63.900x0") == "COD004")
        #expect(fault(DiagnosisCode.self, "I63.900+") == "COD004")
        #expect(try ProcedureCode("00.0102").category == "00")
        #expect(try ProcedureCode("00.0200x001").text == "00.0200x001")
        #expect(fault(ProcedureCode.self, "00.02") == "COD001")
        #expect(try TraceCode("83857930000000000001").drug == "8385793")
        #expect(try TraceCode("(01)06901234567892(21)A1").drug == nil)
        #expect(fault(TraceCode.self, "6901234567892") == "COD004")
    }

    @Test("Any text is either a code that reads again as itself, or a fault")
    func total() {
        var random = SplitMix(state: 11)
        let alphabet = Array("0123456789XZTCHDNPY.x+*医 \u{0}".unicodeScalars)
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<random.next(below: 30) {
                text.unicodeScalars.append(alphabet[random.next(below: alphabet.count)])
            }
            check(IdentityNumber.self, text)
            check(UnifiedSocialCreditCode.self, text)
            check(AreaCode.self, text)
            check(InstitutionCode.self, text)
            check(PractitionerCode.self, text)
            check(ItemCode.self, text)
            check(DiagnosisCode.self, text)
            check(ProcedureCode.self, text)
            check(TraceCode.self, text)
        }
    }

    private func check<Code: NationalCode>(_ type: Code.Type, _ text: String) {
        guard let code = try? Code(text) else { return }
        #expect((try? Code(code.text)) == code)
    }

    @Test(
        "The published lists are well formed",
        .enabled(if: SharedData.folder != nil, "skipped: YIJIAN_SHARED_DATA is not set"))
    func publishedLists() throws {
        let folder = try #require(SharedData.folder)
        try expectAll(DiagnosisCode.self, in: folder + "/codes/icd10_yibao_dx.csv", tolerating: 1)
        try expectAll(ProcedureCode.self, in: folder + "/codes/icd9cm3_yibao_px.csv", tolerating: 2)
        try expectAll(AreaCode.self, in: folder + "/codes/admdiv_6digit.csv", tolerating: 0)
    }

    private func expectAll<Code: NationalCode>(_ type: Code.Type, in path: String, tolerating limit: Int) throws {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline).dropFirst()
        let refused = lines.filter { (try? Code(String($0.prefix { $0 != "," }))) == nil }
        #expect(!lines.isEmpty && refused.count <= limit, "refused: \(refused.prefix(5))")
    }
}

enum SharedData {
    /// A folder of public data that tests may check against but must not need.
    static let folder = ProcessInfo.processInfo.environment["YIJIAN_SHARED_DATA"]
}

struct SplitMix {
    var state: UInt64
    mutating func next(below bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(max(1, bound)))
    }
}
