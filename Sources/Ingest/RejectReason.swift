/// Why a row did not become part of the dataset. Each has a code that `docs/mapping.md` explains.
package enum RejectReason: UInt8, CaseIterable, Sendable {
    case columnCount = 1
    case openQuote, strayQuote, tooLong, notText, notJSON
    case malformedNumber, tooManyDecimals, overflow, malformedDate, impossibleDate, malformedFlag, textTooLong
    case requiredAbsent, unmapped, wrongCheckDigit
    case unknownEncounter, rejectedEncounter, unknownPerson
    case conflict, earlierConflict, otherPerson

    package var code: String {
        switch self {
        case .columnCount: "ING001"
        case .openQuote: "ING002"
        case .strayQuote: "ING003"
        case .tooLong: "ING004"
        case .notText: "ING005"
        case .notJSON: "ING006"
        case .malformedNumber: "ING010"
        case .tooManyDecimals: "ING011"
        case .overflow: "ING012"
        case .malformedDate: "ING013"
        case .impossibleDate: "ING014"
        case .malformedFlag: "ING015"
        case .textTooLong: "ING016"
        case .requiredAbsent: "ING020"
        case .unmapped: "ING021"
        case .wrongCheckDigit: "ING022"
        case .unknownEncounter: "ING030"
        case .rejectedEncounter: "ING031"
        case .unknownPerson: "ING032"
        case .conflict: "ING040"
        case .earlierConflict: "ING041"
        case .otherPerson: "ING042"
        }
    }

    package var sentence: String {
        switch self {
        case .columnCount: "the record has another number of columns than the header"
        case .openQuote: "a quote is never closed"
        case .strayQuote: "something follows a closing quote"
        case .tooLong: "the record is longer than the limit"
        case .notText: "the bytes are not text in the stated encoding"
        case .notJSON: "the record is not valid JSON"
        case .malformedNumber: "the value is not a number"
        case .tooManyDecimals: "the number has more decimals than the field keeps"
        case .overflow: "the number is too large"
        case .malformedDate: "the value is not a date or time of the stated format"
        case .impossibleDate: "the date or time does not exist"
        case .malformedFlag: "the value is neither yes nor no"
        case .textTooLong: "the value is longer than the limit"
        case .requiredAbsent: "a required value is absent"
        case .unmapped: "the value is in no value map and not in the field's vocabulary"
        case .wrongCheckDigit: "the number or code has not the form, or not the check digit, of the national standard"
        case .unknownEncounter: "no encounter has this number"
        case .rejectedEncounter: "the encounter it belongs to was itself refused"
        case .unknownPerson: "no person has this pseudonym"
        case .conflict: "another row has the same identifier and other content, and no version tells which is newer"
        case .earlierConflict: "an earlier generation has a row with this identifier and other content"
        case .otherPerson: "in an earlier generation the encounter belongs to another person"
        }
    }

    init?(_ damage: Damage) {
        switch damage {
        case .none: return nil
        case .columnCount: self = .columnCount
        case .openQuote: self = .openQuote
        case .strayQuote: self = .strayQuote
        case .tooLong: self = .tooLong
        case .notText: self = .notText
        case .notJSON: self = .notJSON
        }
    }
}
