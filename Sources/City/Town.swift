enum Sex: String {
    case male = "M"
    case female = "F"
}

/// A hospital, clinic, pharmacy or care home of the city, or a hospital elsewhere.
struct Institution {
    let code: [UInt8]
    let name: String
    let kind: Kind
    let level: Int
    let isPublic: Bool
    let area: [UInt8]
    let group: String
    /// The department of each specialty; -1 when there is none.
    var departments: [Int]
    var tills: Int
    /// Background life keeps away from it: a story needs it to itself.
    var reserved: Bool

    enum Kind: String {
        case hospital, clinic, pharmacy
        case careProvider = "care-provider"
    }
}

struct Department {
    let code: [UInt8]
    let institution: Int
    let specialty: Specialty
    var wards: [Int]
    let practitioners: Range<Int>
}

struct Ward {
    let code: [UInt8]
    let department: Int
    let beds: Int
}

struct Practitioner {
    let code: [UInt8]
    let institution: Int
    let title: String
    /// The last day on which the fund pays for this practitioner's orders; nil: not ended.
    var lastEligibleDay: Int?
}

/// Where care takes place: institutions with their departments, wards and staff, and how busy each is on each day.
///
/// It keeps three promises that single patients cannot keep: no practitioner sees too many patients in a day, no ward
/// takes in a crowd, and no till serves many cards within a few minutes.
struct Town {
    let calendar: CityCalendar
    private(set) var institutions: [Institution] = []
    private(set) var departments: [Department] = []
    private(set) var wards: [Ward] = []
    var practitioners: [Practitioner] = []
    /// Numbers of institutions by what they are for; story premises are in none of these.
    private(set) var tertiary: [Int] = []
    private(set) var secondary: [Int] = []
    private(set) var primary: [Int] = []
    private(set) var clinics: [Int] = []
    private(set) var pharmacies: [Int] = []
    private(set) var away: [Int] = []
    private(set) var careHome = 0
    private(set) var psychiatric = 0
    private(set) var stories = StoryPremises()

    private var patients: [UInt8] = []
    private var admissions: [UInt8] = []
    private var customers: [UInt16] = []

    static let cityArea = "379900"
    static let awayArea = "379801"
    static let districts: [(code: String, name: String)] = [
        ("379902", "云中"), ("379903", "云东"), ("379904", "松湖"), ("379921", "清河"), ("379922", "平岭"),
        ("379981", "望江"),
    ]
    /// The most patients of a practitioner in a day, and new patients of a ward in a day.
    static let patientsPerDay = 55
    static let admissionsPerDay = 5

    /// Premises that background life does not use, so that a story there stays as planned.
    struct StoryPremises {
        var hospital = 0
        var clinic = 0
        var resalePharmacy = 0
        var gatheringPharmacy = 0
        var stockPharmacy = 0
    }

    init(calendar: CityCalendar, persons: Int, seed: UInt64) {
        self.calendar = calendar
        var random = SplitMix64(seed: seed, purpose: 1, number: 0)
        build(persons: persons, random: &random)
        patients = Array(repeating: 0, count: practitioners.count * calendar.count)
        admissions = Array(repeating: 0, count: wards.count * calendar.count)
        var tills = 0
        tillBase = institutions.map { institution in
            defer { tills += institution.tills }
            return tills
        }
        customers = Array(repeating: 0, count: tills * calendar.count)
    }

    private var tillBase: [Int] = []

    // MARK: laying it out

    private mutating func build(persons: Int, random: inout SplitMix64) {
        func scaled(_ atFullSize: Int, least: Int) -> Int { max(least, atFullSize * persons / 200_000) }
        let ordinals = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"]
        func ordinal(_ number: Int) -> String {
            number < 10 ? ordinals[number] : (number < 19 ? "十" + ordinals[number - 10] : "\(number + 1)")
        }
        for number in 0..<scaled(3, least: 2) {
            let name = number == 1 ? "云州市中医医院" : "云州市第\(ordinal(number == 0 ? 0 : number - 1))人民医院"
            tertiary.append(
                hospital(name, level: 3, isPublic: true, district: 0, staff: 12, wardsEach: 2, without: [.psychiatry]))
        }
        let names = ["康宁", "仁和", "博爱", "同德", "济民", "惠安"]
        for number in 0..<scaled(12, least: 4) {
            let district = number % Town.districts.count
            let isPublic = number % 4 != 3
            let round = number / Town.districts.count
            let name =
                isPublic
                ? "\(Town.districts[district].name)\(round == 0 ? "" : "第\(ordinal(round))")人民医院"
                : "云州\(names[(number / 4) % names.count])\(number / 24 == 0 ? "" : ordinal(number / 24))医院"
            secondary.append(
                hospital(
                    name, level: 2, isPublic: isPublic, district: district, staff: 6, wardsEach: 1,
                    without: [.nephrology, .oncology, .ophthalmology, .dermatology, .psychiatry, .urology]))
        }
        psychiatric = hospital(
            "云州市安宁医院", level: 2, isPublic: true, district: 2, staff: 8, wardsEach: 3,
            without: Set(Specialty.allCases).subtracting([.psychiatry, .general]))
        let towns = ["白石", "柳泉", "金沙", "桃源", "双桥", "龙潭", "青溪", "石门", "南湾", "北塘"]
        for number in 0..<scaled(25, least: 6) {
            let district = number % Town.districts.count
            let town = towns[(number / Town.districts.count) % towns.count]
            let suffix = number >= Town.districts.count * towns.count ? "\(number)" : ""
            let name = Town.districts[district].name + town + suffix + (district < 3 ? "社区卫生服务中心" : "镇卫生院")
            primary.append(
                hospital(
                    name, level: 1, isPublic: true, district: district, staff: 5, wardsEach: 1,
                    without: Set(Specialty.allCases).subtracting([.general, .tcm])))
        }
        let surnames = ["赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈"]
        for number in 0..<scaled(60, least: 6) {
            let name =
                Town.districts[number % 6].name + surnames[number / 6 % 10]
                + (number >= 60 ? "\(number / 60)" : "") + "氏诊所"
            clinics.append(clinic(name, district: number % 6))
        }
        let brands = ["百草堂", "益生", "康民", "同济春", "万和", "国安", "宝和堂", "康泰", "仁心", "杏和堂"]
        for number in 0..<scaled(80, least: 6) {
            let brand = brands[number / 6 % 10]
            pharmacies.append(
                pharmacy(brand + "大药房" + Town.districts[number % 6].name + "\(number / 6 + 1)店", district: number % 6))
        }
        for number in 0..<scaled(2, least: 1) {
            away.append(
                hospital(
                    "海临大学附属第\(ordinal(number))医院", level: 3, isPublic: true, district: nil, staff: 12,
                    wardsEach: 2, without: [.psychiatry]))
        }
        careHome = add(
            Institution(
                code: code("H", area: "379902"), name: "云州市颐和照护院", kind: .careProvider, level: 0,
                isPublic: false, area: Array("379902".utf8), group: "", departments: noDepartments, tills: 0,
                reserved: false))
        staff(careHome, specialty: .general, practitioners: 4, wards: 0)
        stories.hospital = hospital(
            "云州福佑医院", level: 2, isPublic: false, district: 3, staff: 6, wardsEach: 2,
            without: [.nephrology, .oncology, .ophthalmology, .dermatology, .psychiatry, .urology], reserved: true)
        stories.clinic = clinic("望江杏林诊所", district: 5, reserved: true)
        stories.resalePharmacy = pharmacy("聚源大药房望江店", district: 5, reserved: true)
        stories.gatheringPharmacy = pharmacy("聚源大药房清河店", district: 3, reserved: true)
        stories.stockPharmacy = pharmacy("聚源大药房平岭店", district: 4, reserved: true)
        for number in practitioners.indices where random.chance(200) {
            practitioners[number].lastEligibleDay = random.within(60, 330)
        }
    }

    private var noDepartments: [Int] { Array(repeating: -1, count: Specialty.allCases.count) }

    private func code(_ letter: String, area: String) -> [UInt8] {
        let digits = String(institutions.count + 1)
        return Array((letter + area + String(repeating: "0", count: 5 - min(5, digits.utf8.count)) + digits).utf8)
    }

    private mutating func add(_ institution: Institution) -> Int {
        institutions.append(institution)
        return institutions.count - 1
    }

    private mutating func hospital(
        _ name: String, level: Int, isPublic: Bool, district: Int?, staff count: Int, wardsEach: Int,
        without: Set<Specialty>, reserved: Bool = false
    ) -> Int {
        let area = district.map { Town.districts[$0].code } ?? Town.awayArea
        let group = level < 3 && isPublic && district.map { $0 < 3 } == true ? "云州城市医疗集团" : ""
        let number = add(
            Institution(
                code: code("H", area: area), name: name, kind: .hospital, level: level, isPublic: isPublic,
                area: Array(area.utf8), group: group, departments: noDepartments, tills: 4, reserved: reserved))
        for specialty in Specialty.allCases where !without.contains(specialty) {
            staff(number, specialty: specialty, practitioners: count, wards: specialty == .emergency ? 0 : wardsEach)
        }
        return number
    }

    private mutating func clinic(_ name: String, district: Int, reserved: Bool = false) -> Int {
        let area = Town.districts[district].code
        let number = add(
            Institution(
                code: code("H", area: area), name: name, kind: .clinic, level: 0, isPublic: false,
                area: Array(area.utf8), group: "", departments: noDepartments, tills: 1, reserved: reserved))
        staff(number, specialty: .general, practitioners: 2, wards: 0)
        return number
    }

    private mutating func pharmacy(_ name: String, district: Int, reserved: Bool = false) -> Int {
        let area = Town.districts[district].code
        return add(
            Institution(
                code: code("P", area: area), name: name, kind: .pharmacy, level: 0, isPublic: false,
                area: Array(area.utf8), group: "", departments: noDepartments, tills: 2, reserved: reserved))
    }

    private mutating func staff(
        _ institution: Int, specialty: Specialty, practitioners count: Int, wards wardCount: Int
    ) {
        let department = departments.count
        let first = practitioners.count
        let owner = institutions[institution]
        let titles = ["住院医师", "主治医师", "主治医师", "副主任医师", "主任医师"]
        for number in 0..<count {
            let serial = String(100_001 + practitioners.count)
            practitioners.append(
                Practitioner(
                    code: Array("D".utf8) + owner.area + Array(serial.utf8), institution: institution,
                    title: titles[number % titles.count], lastEligibleDay: nil))
        }
        var mine: [Int] = []
        for number in 0..<wardCount {
            mine.append(wards.count)
            let code = String(decoding: owner.code, as: UTF8.self) + "-\(specialty.rawValue + 10)-W\(number + 1)"
            wards.append(Ward(code: Array(code.utf8), department: department, beds: 36 + 2 * (specialty.rawValue % 5)))
        }
        let code = String(decoding: owner.code, as: UTF8.self) + "-\(specialty.rawValue + 10)"
        departments.append(
            Department(
                code: Array(code.utf8), institution: institution, specialty: specialty, wards: mine,
                practitioners: first..<(first + count)))
        institutions[institution].departments[specialty.rawValue] = department
    }

    // MARK: who has time

    /// The department of a specialty, else the general one; -1 when the institution has neither.
    func department(_ institution: Int, _ specialty: Specialty) -> Int {
        let found = institutions[institution].departments[specialty.rawValue]
        return found >= 0 ? found : institutions[institution].departments[Specialty.general.rawValue]
    }

    /// A practitioner of the department who is eligible and not too busy on that day; nil when all are.
    mutating func practitioner(_ department: Int, day: Int, random: inout SplitMix64) -> Int? {
        let staff = departments[department].practitioners
        var candidate = staff.lowerBound + random.below(staff.count)
        for _ in 0..<staff.count {
            let eligible = practitioners[candidate].lastEligibleDay.map { day <= $0 } ?? true
            let place = candidate * calendar.count + day
            if eligible, patients[place] < Town.patientsPerDay {
                patients[place] += 1
                return candidate
            }
            candidate = candidate + 1 == staff.upperBound ? staff.lowerBound : candidate + 1
        }
        return nil
    }

    /// An eligible practitioner of the department for a whole stay.
    func attending(_ department: Int, until day: Int, random: inout SplitMix64) -> Int {
        let staff = departments[department].practitioners
        var candidate = staff.lowerBound + random.below(staff.count)
        for _ in 0..<staff.count {
            if practitioners[candidate].lastEligibleDay.map({ day <= $0 }) ?? true { return candidate }
            candidate = candidate + 1 == staff.upperBound ? staff.lowerBound : candidate + 1
        }
        return candidate
    }

    /// A ward of the department that can still take somebody on that day; nil when none can.
    mutating func ward(_ department: Int, day: Int, random: inout SplitMix64) -> Int? {
        let mine = departments[department].wards
        guard !mine.isEmpty else { return nil }
        let start = random.below(mine.count)
        for step in 0..<mine.count {
            let ward = mine[(start + step) % mine.count]
            if admissions[ward * calendar.count + day] < Town.admissionsPerDay {
                admissions[ward * calendar.count + day] += 1
                return ward
            }
        }
        return nil
    }

    /// A till and a second of the day at which nobody else is served within the next few minutes.
    ///
    /// Customers of one till are 200 seconds apart at least, so no ten minutes ever see five of them. Nil on a day
    /// without room.
    mutating func till(_ institution: Int, day: Int, random: inout SplitMix64) -> (till: Int, second: Int)? {
        let count = institutions[institution].tills
        let till = random.below(count)
        let place = (tillBase[institution] + till) * calendar.count + day
        let taken = Int(customers[place])
        guard taken < Town.slots else { return nil }
        customers[place] += 1
        let slot = (taken * 89 + (institution * 31 + till * 17 + day * 7)) % Town.slots
        return (till, 8 * 3600 + slot * 210 + random.below(11))
    }

    /// A prime, so that multiples of 89 visit every slot; 211 × 210 seconds reach from 8:00 to 20:18.
    private static let slots = 211
}
