/// Plants the stories that supervisors know, each with its near misses, and writes down the truth about them.
///
/// A story uses people of its own and mostly premises of its own, so that it breaks the rule it is about and no other.
final class StoryBook {
    let city: CityRun
    var random: SplitMix64
    private(set) var stories = 0
    private(set) var hits = 0
    private(set) var nearMisses = 0
    private var current = ""

    init(_ city: CityRun) {
        self.city = city
        random = SplitMix64(seed: city.plan.seed, purpose: 5, number: 0)
    }

    /// A person of a story with the pseudonym that the tables show.
    struct Character {
        var resident: Resident
        let person: [UInt8]
    }

    /// The table whose rows a truth row names.
    enum Kind: String { case line, encounter, scan, stock }

    // MARK: telling

    func begin(_ story: String) {
        current = story
        stories += 1
    }

    /// How often a story happens: more in larger cities, at least `least` times.
    func times(_ atFullSize: Int, least: Int = 3) -> Int { max(least, atFullSize * city.plan.persons / 200_000) }

    func hit(_ rule: String, _ kind: Kind, _ keys: [String], _ note: String) {
        hits += 1
        write(rule, kind, keys, "hit", note)
    }

    func nearMiss(_ rule: String, _ kind: Kind, _ keys: [String], _ note: String) {
        nearMisses += 1
        write(rule, kind, keys, "near-miss", note)
    }

    private func write(_ rule: String, _ kind: Kind, _ keys: [String], _ expected: String, _ note: String) {
        precondition(keys.count <= 120, "a story names too many rows: \(keys.count)")
        let file = city.register.truth
        file.cell(current)
        file.cell(rule)
        file.cell(kind.rawValue)
        for (place, key) in keys.enumerated() {
            if place > 0 { file.add(UInt8(ascii: ";")) }
            file.add(key)
        }
        file.comma()
        file.cell(expected)
        file.add(note)
        file.endRow()
    }

    // MARK: people and days

    func newcomer(
        _ sex: Sex? = nil, age: Int? = nil, insurance: Resident.Insurance = .employee,
        change: (inout Resident) -> Void = { _ in }
    ) -> Character {
        var resident = city.demography.storyResident(
            city.nextPersonNumber(), sex: sex ?? (random.chance(5000) ? .male : .female),
            age: age ?? random.within(35, 70), insurance: insurance, random: &random)
        change(&resident)
        let person = city.identifier(resident)
        city.register.write(resident, identifier: person, calendar: city.calendar)
        return Character(resident: resident, person: person)
    }

    /// A weekday in the closed range.
    func weekday(_ low: Int, _ high: Int) -> Int {
        for _ in 0..<50 {
            let day = random.within(low, high)
            if !city.calendar.isWeekend(day) { return day }
        }
        return low
    }

    func one(of list: [Int]) -> Int { list[random.below(list.count)] }

    // MARK: visits

    @discardableResult
    func write(_ visit: Visit, _ character: inout Character) -> Register.Written {
        city.write(visit, &character.resident, character.person)
    }

    func line(_ written: Register.Written, _ place: Int) -> String {
        city.register.lineIdentifier(written.firstLine + place)
    }

    func encounter(_ written: Register.Written) -> String { city.register.encounterIdentifier(written.encounter) }

    /// A visit to a doctor with the consultation charged; more is added by the story.
    func visit(
        _ institution: Int, _ specialty: Specialty, on day: Int, dx: (String, String), second: Int? = nil,
        practitioner: Int? = nil
    ) -> Visit {
        let start = second ?? random.within(8 * 3600, 15 * 3600)
        let department = city.town.department(institution, specialty)
        var visit = Visit(
            institution: institution, setting: .outpatient, startDay: day, startSecond: start, endDay: day)
        visit.department = department
        visit.practitioner =
            practitioner ?? city.town.practitioner(department, day: day, random: &random)
            ?? city.town.departments[department].practitioners.lowerBound
        visit.diagnoses = [(Array(dx.0.utf8), Array(dx.1.utf8))]
        visit.endSecond = start + 3600
        visit.charge(city.item("visit"), city, day: day, second: start + 60)
        visit.settlements = [Settling(day: day, second: start + 3000)]
        return visit
    }

    /// A purchase at a pharmacy; `till` and `second` are free unless the story says otherwise.
    func purchase(
        _ pharmacy: Int, _ drug: String, packs: Int = 1, on day: Int, dx: (String, String) = ("J06.900", "急性上呼吸道感染"),
        till: Int? = nil, second: Int? = nil, days: Int? = nil
    ) -> Visit {
        let free = second.map { (till: till ?? 0, second: $0) } ?? city.town.till(pharmacy, day: day, random: &random)
        let place = free ?? (till: 0, second: 21 * 3600)
        var visit = Visit(
            institution: pharmacy, setting: .pharmacy, startDay: day, startSecond: place.second, endDay: day)
        visit.endSecond = place.second + 60
        visit.diagnoses = [(Array(dx.0.utf8), Array(dx.1.utf8))]
        let charge = visit.charge(
            city.item(drug), city, day: day, second: place.second, quantity: packs * 100, days: days)
        visit.charges[charge].till = place.till
        visit.settlements = [Settling(day: day, second: place.second + 30)]
        return visit
    }

    /// A plain stay; the story changes it afterwards.
    func stay(
        _ institution: Int, _ key: String, from first: Int, length: Int, admittedAt: Int? = nil,
        dischargedAt: Int? = nil, ward: Int? = nil
    ) -> Visit {
        let number = city.ailments.admission(key)
        let department = city.town.department(institution, city.ailments.inpatient[number].specialty)
        let place =
            ward ?? city.town.ward(department, day: first, random: &random)
            ?? city.town.departments[department].wards[0]
        let practitioner = city.town.attending(department, until: first + length, random: &random)
        return city.stay(
            StayPlan(
                admission: number, institution: institution, department: department, ward: place,
                practitioner: practitioner, first: first, length: length, mayRefund: false, admittedAt: admittedAt,
                dischargedAt: dischargedAt), random: &random)
    }
}

extension Visit {
    /// The places of the charges of an item, in the order of the bill.
    func places(of item: Int, on day: Int? = nil) -> [Int] {
        charges.indices.filter { charges[$0].item == item && (day == nil || charges[$0].day == day) }
    }
}
