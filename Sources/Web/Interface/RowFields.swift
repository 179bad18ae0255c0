import Claims
import Rules

/// Places of the canonical fields that messages fill, found once.
enum RowFields {
    struct Person {
        static let table = Table.person
        static let sex = place("sex"), birth = place("birth"), death = place("death"), insurance = place("insurance")
        static let homeArea = place("home_area")
        private static func place(_ name: String) -> Int { RowFields.place(name, .person) }
    }

    struct Encounter {
        static let person = place("person"), institution = place("institution"), setting = place("setting")
        static let insurance = place("insurance"), startDay = place("start_day"), startSecond = place("start_second")
        static let endDay = place("end_day"), endSecond = place("end_second"), department = place("department")
        static let ward = place("ward"), practitioner = place("practitioner"), diagnosis = place("diagnosis")
        static let homeArea = place("home_area"), careArea = place("care_area")
        private static func place(_ name: String) -> Int { RowFields.place(name, .encounter) }
    }

    struct Line {
        static let encounter = place("encounter"), item = place("item"), day = place("day"), second = place("second")
        static let quantity = place("quantity"), price = place("price"), amount = place("amount")
        static let daysSupply = place("days_supply"), reverses = place("reverses")
        static let practitioner = place("practitioner"), department = place("department"), till = place("till")
        static let operation = place("operation"), prescription = place("prescription")
        static let settlement = place("settlement"), dose = place("dose"), frequency = place("frequency")
        private static func place(_ name: String) -> Int { RowFields.place(name, .line) }
    }

    struct Diagnosis {
        static let encounter = place("encounter"), sequence = place("sequence"), code = place("code")
        static let kind = place("kind")
        private static func place(_ name: String) -> Int { RowFields.place(name, .diagnosis) }
    }

    struct Operation {
        static let encounter = place("encounter"), code = place("code"), day = place("day"), second = place("second")
        static let practitioner = place("practitioner"), anaesthesia = place("anaesthesia")
        private static func place(_ name: String) -> Int { RowFields.place(name, .operation) }
    }

    struct Settlement {
        static let encounter = place("encounter"), day = place("day"), second = place("second")
        static let reverses = place("reverses"), pool = place("pool"), method = place("method")
        static let total = place("total"), inScope = place("in_scope"), basic = place("basic")
        static let large = place("large"), assistance = place("assistance"), civil = place("civil")
        static let longTermCare = place("long_term_care"), otherFunds = place("other_funds")
        static let account = place("account"), cash = place("cash")
        private static func place(_ name: String) -> Int { RowFields.place(name, .settlement) }
    }

    struct Scan {
        static let id = place("id"), trace = place("trace"), institution = place("institution"), item = place("item")
        static let day = place("day"), second = place("second"), kind = place("kind"), person = place("person")
        static let split = place("split")
        private static func place(_ name: String) -> Int { RowFields.place(name, .scan) }
    }

    static let prescriptionEncounter = place("encounter", .prescription)

    private static func place(_ name: String, _ table: Table) -> Int {
        guard let place = table.index(of: name) else {
            preconditionFailure("the claims model has no field \(table.rawValue).\(name)")
        }
        return place
    }

    /// Values of a table that are all unknown.
    static func unknown(_ table: Table) -> [CaseValue?] { Array(repeating: nil, count: table.fields.count) }
}

extension String {
    /// As a value of the claims model.
    var value: CaseValue { .text(self) }
}
