/// Departments of the city's hospitals (临床科室).
enum Specialty: Int, CaseIterable {
    case general, cardiology, respiratory, digestive, neurology, endocrine, nephrology, oncology, surgery
    case orthopaedics, gynaecology, paediatrics, ophthalmology, emergency, rehabilitation, tcm, dermatology
    case psychiatry, urology

    var name: String {
        switch self {
        case .general: "全科医疗科"
        case .cardiology: "心血管内科"
        case .respiratory: "呼吸内科"
        case .digestive: "消化内科"
        case .neurology: "神经内科"
        case .endocrine: "内分泌科"
        case .nephrology: "肾脏内科"
        case .oncology: "肿瘤科"
        case .surgery: "普通外科"
        case .orthopaedics: "骨科"
        case .gynaecology: "妇产科"
        case .paediatrics: "儿科"
        case .ophthalmology: "眼科"
        case .emergency: "急诊科"
        case .rehabilitation: "康复医学科"
        case .tcm: "中医科"
        case .dermatology: "皮肤科"
        case .psychiatry: "精神科"
        case .urology: "泌尿外科"
        }
    }
}

/// Why somebody sees a doctor without staying.
struct Ailment {
    let code: [UInt8]
    let name: [UInt8]
    let specialty: Specialty
    let sex: Sex?
    let ages: ClosedRange<Int>
    let weight: Int
    /// How much commoner in the cold months, in percent.
    let winter: Int
    let drugs: [Int]
    let services: [Int]
}

/// Why somebody is admitted.
struct Admission {
    let key: String
    let code: [UInt8]
    let name: [UInt8]
    let specialty: Specialty
    let sex: Sex?
    let ages: ClosedRange<Int>
    let weight: Int
    let days: ClosedRange<Int>
    /// The lowest level of hospital that takes it.
    let level: Int
    let drugs: [Int]
    let services: [Int]
    let operation: Operation?
    /// Hours of oxygen on an ordinary day.
    let oxygenHours: Int

    struct Operation {
        let code: [UInt8]
        let name: [UInt8]
        let item: Int
        let consumable: Int?
        let anaesthesia: Int
        let minutes: Int
    }
}

/// A lasting illness with monthly drugs (慢特病).
struct Condition {
    let code: [UInt8]
    let name: [UInt8]
    /// Per 10,000 persons at 40 and at 70 years.
    let at40: Int
    let at70: Int
    let sex: Sex?
    let choices: [Int]
}

/// Every illness of the city.
struct Ailments {
    let outpatient: [Ailment]
    let inpatient: [Admission]
    let conditions: [Condition]
    private let places: [String: Int]

    init(_ catalogue: Catalogue) {
        func keys(_ cell: String) -> [Int] {
            cell.split(separator: "+").map { catalogue.number(String($0)) }
        }
        func number(_ cell: String) -> Int {
            guard let value = Int(cell) else { preconditionFailure("not a number in a table of ailments: \(cell)") }
            return value
        }
        func rows(_ table: String, cells count: Int) -> [[String]] {
            table.split(separator: "\n").map { row in
                let cells = row.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
                precondition(cells.count == count, "a row of ailments has \(count) cells: \(row)")
                return cells
            }
        }
        func specialty(_ cell: String) -> Specialty {
            guard let found = Specialty.allCases.first(where: { "\($0)" == cell }) else {
                preconditionFailure("no specialty is called \(cell)")
            }
            return found
        }
        outpatient = rows(Ailments.outpatientTable, cells: 10).map { cells in
            Ailment(
                code: Array(cells[0].utf8), name: Array(cells[1].utf8), specialty: specialty(cells[2]),
                sex: Sex(rawValue: cells[3]), ages: number(cells[4])...number(cells[5]), weight: number(cells[6]),
                winter: number(cells[7]), drugs: keys(cells[8]), services: keys(cells[9]))
        }
        inpatient = rows(Ailments.inpatientTable, cells: 15).map { cells in
            let operation = cells[13].split(separator: ";").map(String.init)
            return Admission(
                key: cells[0], code: Array(cells[1].utf8), name: Array(cells[2].utf8), specialty: specialty(cells[3]),
                sex: Sex(rawValue: cells[4]), ages: number(cells[5])...number(cells[6]), weight: number(cells[7]),
                days: number(cells[8])...number(cells[9]), level: number(cells[10]), drugs: keys(cells[11]),
                services: keys(cells[12]),
                operation: operation.isEmpty
                    ? nil
                    : Admission.Operation(
                        code: Array(operation[0].utf8), name: Array(operation[1].utf8),
                        item: catalogue.number(operation[2]),
                        consumable: operation[3] == "-" ? nil : catalogue.number(operation[3]),
                        anaesthesia: catalogue.number(operation[4]), minutes: number(operation[5])),
                oxygenHours: number(cells[14]))
        }
        conditions = rows(Ailments.conditionTable, cells: 6).map { cells in
            Condition(
                code: Array(cells[0].utf8), name: Array(cells[1].utf8), at40: number(cells[2]),
                at70: number(cells[3]), sex: Sex(rawValue: cells[4]), choices: keys(cells[5]))
        }
        places = Dictionary(uniqueKeysWithValues: inpatient.enumerated().map { ($1.key, $0) })
    }

    /// The number of an admission of the table; a key that is not in it is a mistake of ours.
    func admission(_ key: String) -> Int {
        guard let place = places[key] else { preconditionFailure("no admission is called \(key)") }
        return place
    }
}
