import Claims

/// National codes: a text is a code that reads again as itself, or a fault with words.
let claimsParsers = [
    FuzzedParser("codes") { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        check(IdentityNumber.self, text)
        check(UnifiedSocialCreditCode.self, text)
        check(AreaCode.self, text)
        check(InstitutionCode.self, text)
        check(PractitionerCode.self, text)
        check(ItemCode.self, text)
        check(DiagnosisCode.self, text)
        check(ProcedureCode.self, text)
        check(TraceCode.self, text)
        _ = Day(text)
    }
]

private func check<Code: NationalCode>(_ type: Code.Type, _ text: String) {
    do {
        let code = try Code(text)
        precondition((try? Code(code.text)) == code, "\(Code.system) does not read again as itself")
    } catch {
        precondition(!error.description.isEmpty)
    }
}
