/// One insured person.
struct Resident {
    /// Number in the city; it decides the pseudonym.
    let number: Int
    let sex: Sex
    /// Day of birth, counted like the days of the year (mostly far below zero).
    var birth: Int
    var death: Int?
    let insurance: Insurance
    /// The division that insures the person, and the district of the city where the person lives.
    var homeArea: [UInt8]
    let district: Int
    let isPoor: Bool
    let isCivilServant: Bool
    /// Entitlement begins and ends within the year for a few.
    var entitledFrom: Int?
    var entitledTo: Int?
    /// What is left in the personal account, in fen.
    var account: Int

    enum Insurance: String {
        case employee = "310"
        case resident = "390"
    }
}

/// Draws persons as a city has them: an age pyramid, six districts, two insurances, few deaths.
struct Demography {
    let calendar: CityCalendar
    /// Persons of each five years of age, from 0–4 to 90 and above.
    private static let pyramid = [40, 52, 58, 56, 50, 58, 78, 92, 80, 74, 80, 92, 66, 70, 56, 34, 20, 10, 4]
    private static let districtWeights = [26, 20, 14, 16, 12, 12]

    func resident(_ number: Int, random: inout SplitMix64) -> Resident {
        let band = random.index(weights: Demography.pyramid)
        let age = band * 5 + random.below(5)
        var birth = -(age * 1461) / 4 - random.below(365) - 1
        if band == 0, random.chance(1500) { birth = random.within(5, 250) }
        let insurance: Resident.Insurance = age >= 22 && random.chance(4600) ? .employee : .resident
        let district = random.index(weights: Demography.districtWeights)
        let home = random.chance(350) ? Town.awayArea : Town.districts[district].code
        var resident = Resident(
            number: number, sex: random.chance(5080) ? .male : .female, birth: birth, death: nil,
            insurance: insurance, homeArea: Array(home.utf8), district: district,
            isPoor: insurance == .resident && random.chance(300),
            isCivilServant: insurance == .employee && age < 60 && random.chance(500), entitledFrom: nil,
            entitledTo: nil, account: insurance == .employee ? random.within(40_000, 420_000) : 0)
        if birth >= 0 {
            resident.entitledFrom = birth
        } else if random.chance(200) {
            resident.entitledFrom = random.within(30, 200)
        } else if random.chance(60) {
            resident.entitledTo = random.within(200, 340)
        }
        if resident.entitledTo == nil, birth < 0, random.chance(deathsPer10000(age)) {
            resident.death = random.within(max(20, (resident.entitledFrom ?? 0) + 10), calendar.count - 1)
        }
        return resident
    }

    /// A person of a certain sex and age for a story; lives through the year, insured all the time.
    func storyResident(
        _ number: Int, sex: Sex, age: Int, insurance: Resident.Insurance = .resident, away: Bool = false,
        random: inout SplitMix64
    ) -> Resident {
        let district = random.index(weights: Demography.districtWeights)
        return Resident(
            number: number, sex: sex, birth: -(age * 1461) / 4 - random.within(20, 300), death: nil,
            insurance: insurance, homeArea: Array((away ? Town.awayArea : Town.districts[district].code).utf8),
            district: district, isPoor: false, isCivilServant: false, entitledFrom: nil, entitledTo: nil,
            account: insurance == .employee ? random.within(80_000, 300_000) : 0)
    }

    private func deathsPer10000(_ age: Int) -> Int {
        switch age {
        case ..<40: 4
        case ..<60: 25
        case ..<70: 90
        case ..<80: 280
        default: 850
        }
    }
}

extension Resident {
    /// The pseudonym: twelve digits that do not follow the order in which people were made.
    func identifier(seed: UInt64) -> [UInt8] {
        let modulus = 10_000_000_000
        let offset = Int(truncatingIfNeeded: seed % 9_999_999_967)
        let mixed = (number &* 7_368_787 &+ offset) % modulus
        let digits = String(mixed)
        return Array(("37" + String(repeating: "0", count: 10 - digits.utf8.count) + digits).utf8)
    }
}
