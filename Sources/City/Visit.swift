/// How care was given (就医方式), with the national category of care.
enum Setting {
    case outpatient, emergency, inpatient, chronic, pharmacy, internet, longTermCare

    /// `med_type`; four digits are local children of the national dictionary.
    var medicalType: String {
        switch self {
        case .outpatient: "11"
        case .emergency: "13"
        case .chronic: "14"
        case .inpatient: "21"
        case .pharmacy: "41"
        case .internet: "9901"
        case .longTermCare: "9902"
        }
    }
}

/// One charge of a bill; a negative one takes an earlier charge of the same bill back.
struct Charge {
    var item: Int
    var day: Int
    var second: Int
    /// Hundredths of a unit.
    var quantity: Int
    /// Ten-thousandths of a yuan.
    var price: Int
    /// Fen.
    var amount: Int
    var daysSupply: Int?
    /// The place, in the bill, of the charge that this one takes back.
    var reverses: Int?
    var practitioner: Int?
    var department: Int?
    var till: Int?
    var operation: Int?
    var isPrescribed = false
    /// Which settlement of the visit it belongs to; nil while unsettled.
    var settlement: Int? = 0
}

/// A settlement of a visit (结算). One that takes an earlier one back repeats its parts with the sign turned.
struct Settling {
    var day: Int
    var second: Int
    var isInterim = false
    var reverses: Int?
}

/// An operation of a stay.
struct OperationRecord {
    let code: [UInt8]
    let name: [UInt8]
    let day: Int
    let second: Int
    let minutes: Int
    let surgeon: Int
    let isGeneralAnaesthesia: Bool

    /// The same operation at another time.
    func repeated(on day: Int, second: Int) -> OperationRecord {
        OperationRecord(
            code: code, name: name, day: day, second: second, minutes: minutes, surgeon: surgeon,
            isGeneralAnaesthesia: isGeneralAnaesthesia)
    }
}

/// One encounter with everything that belongs to it, before it is written.
struct Visit {
    var institution: Int
    var setting: Setting
    var startDay: Int
    var startSecond: Int
    /// Nil: the patient is still there at the end of the year.
    var endDay: Int?
    var endSecond = 0
    var department: Int?
    var ward: Int?
    var practitioner: Int?
    var diagnoses: [(code: [UInt8], name: [UInt8])] = []
    var insurance: String?
    var died = false
    var charges: [Charge] = []
    var operations: [OperationRecord] = []
    var settlements: [Settling] = []
    /// Who prescribed, when the drugs were prescribed; `circulated` when another institution dispenses.
    var prescription: (practitioner: Int, institution: Int, circulated: Bool)?

    /// Adds a charge at the institution's price; returns its place in the bill.
    @discardableResult
    mutating func charge(
        _ item: Int, _ city: CityRun, day: Int, second: Int, quantity: Int = 100, days: Int? = nil,
        operation: Int? = nil
    ) -> Int {
        let price = city.catalogue.price(item, level: city.town.institutions[institution].level)
        charges.append(
            Charge(
                item: item, day: day, second: second, quantity: quantity, price: price,
                amount: Visit.amount(quantity: quantity, price: price), daysSupply: days, reverses: nil,
                practitioner: practitioner ?? prescription?.practitioner, department: department, till: nil,
                operation: operation))
        return charges.count - 1
    }

    /// Takes back `quantity` hundredths of a charge.
    mutating func refund(_ place: Int, quantity: Int, day: Int, second: Int) {
        var back = charges[place]
        back.day = day
        back.second = second
        back.quantity = -quantity
        back.amount =
            quantity == charges[place].quantity
            ? -charges[place].amount : -Visit.amount(quantity: quantity, price: back.price)
        back.daysSupply = nil
        back.reverses = place
        charges.append(back)
    }

    /// Quantity × price, rounded half up to the fen.
    @inline(__always)
    static func amount(quantity: Int, price: Int) -> Int { (quantity * price + 5000) / 10_000 }
}
