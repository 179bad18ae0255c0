/// A background person's year: stays, monthly drugs, visits, purchases, in the order of days.
///
/// Whatever it writes obeys every rule that the package ships: one place a day, no overlaps, stays of one disease well
/// apart, limits of drugs and services kept, sums that agree. What is found in the city is therefore what was planted.
struct Life {
    let city: CityRun
    var resident: Resident
    let person: [UInt8]
    var random: SplitMix64
    /// Days that are taken by an event.
    var busy: [Bool]
    var events: [Event] = []
    /// The days on which the fund covers this person alive.
    let firstDay: Int
    let lastDay: Int

    struct Event {
        let day: Int
        let kind: Kind

        enum Kind {
            case stay(admission: Int, length: Int, institution: Int)
            case visit(ailment: Int, institution: Int)
            case refill(institution: Int, at: Refill)
            case purchase(institution: Int, ailment: Int)
            case dialysis(institution: Int)
            case care(days: Int)
        }
    }

    /// Where the monthly drugs are collected.
    enum Refill { case hospital, pharmacy, internet }

    init(city: CityRun, number: Int) {
        self.city = city
        random = SplitMix64(seed: city.plan.seed, purpose: 3, number: number)
        resident = city.demography.resident(number, random: &random)
        person = city.identifier(resident)
        busy = Array(repeating: false, count: city.calendar.count)
        firstDay = max(0, (resident.entitledFrom ?? 0) + (resident.entitledFrom == nil ? 0 : 1))
        lastDay = min(
            city.calendar.count - 1, resident.death ?? city.calendar.count, resident.entitledTo ?? city.calendar.count)
    }

    mutating func live() {
        city.register.write(resident, identifier: person, calendar: city.calendar)
        guard lastDay - firstDay > 10 else { return }
        let age = city.calendar.age(birth: resident.birth, on: min(lastDay, firstDay + 180))
        if age >= 75, random.chance(90) {
            planCare()
        } else if age >= 35, random.chance(8) {
            planDialysis()
        } else if (36...80).contains(age), random.chance(25) {
            planChemotherapy()
        } else {
            planStays(age)
        }
        let conditions = conditions(age)
        if !conditions.isEmpty { planRefills(conditions) }
        planVisits(age)
        events.sort { $0.day < $1.day }
        for event in events {
            switch event.kind {
            case .stay(let admission, let length, let institution):
                stay(admission, from: event.day, length: length, institution: institution)
            case .visit(let ailment, let institution): visit(ailment, on: event.day, institution: institution)
            case .refill(let institution, let at): refill(conditions, on: event.day, institution: institution, at: at)
            case .purchase(let institution, let ailment):
                purchase(ailment, on: event.day, institution: institution)
            case .dialysis(let institution): dialysis(on: event.day, institution: institution)
            case .care(let days): care(from: event.day, days: days)
            }
        }
    }

    var lastFirstLine = -1000

    // MARK: planning

    /// Takes the days `first ... last` (and a margin around) when they are all free.
    private mutating func take(_ first: Int, _ last: Int, margin: Int = 0) -> Bool {
        guard first >= firstDay, last <= lastDay else { return false }
        let low = max(0, first - margin)
        let high = min(busy.count - 1, last + margin)
        for day in low...high where busy[day] { return false }
        for day in first...last { busy[day] = true }
        return true
    }

    /// A day of the year as people come: fewer at weekends, more in the cold months when `winter` is above 100.
    private mutating func someDay(winter: Int = 100) -> Int {
        let most = max(100, winter)
        while true {
            let day = random.below(city.calendar.count)
            if city.calendar.isWeekend(day), !random.chance(4200) { continue }
            let month = city.calendar.month[day]
            let weight = month <= 1 || month >= 10 ? winter : (month == 2 || month == 9 ? (winter + 100) / 2 : 100)
            if random.below(most) < weight { return day }
        }
    }

    private mutating func planStays(_ age: Int) {
        let rate =
            switch age {
            case 0: 1100
            case ..<6: 520
            case ..<20: 130
            case ..<45: 190
            case ..<60: 420
            case ..<70: 800
            case ..<80: 1350
            default: 1700
            }
        if resident.sex == .female, (21...41).contains(age), random.chance(260) {
            planStay(city.ailments.admission(random.chance(5800) ? "delivery" : "caesarean"), margin: 25)
            return
        }
        guard random.chance(rate) else { return }
        var last = -1
        repeat {
            guard let admission = admission(age, unlike: last) else { return }
            planStay(admission, margin: 21)
            last = admission
        } while random.chance(1800)
    }

    private mutating func admission(_ age: Int, unlike last: Int) -> Int? {
        for _ in 0..<40 {
            let candidate = random.below(city.ailments.inpatient.count)
            let admission = city.ailments.inpatient[candidate]
            guard candidate != last, admission.weight > random.below(100), admission.ages.contains(age),
                admission.sex == nil || admission.sex == resident.sex
            else { continue }
            return candidate
        }
        return nil
    }

    private mutating func planStay(_ number: Int, margin: Int) {
        let admission = city.ailments.inpatient[number]
        let length = random.within(admission.days.lowerBound, admission.days.upperBound)
        for _ in 0..<12 {
            let day = someDay(winter: admission.specialty == .respiratory ? 170 : 110)
            let young = admission.key == "jaundice"
            if young, city.calendar.age(birth: resident.birth, on: day) > 0 || day - resident.birth > 24 { continue }
            let end = min(day + length, city.calendar.count - 1)
            guard take(day, end, margin: margin) else { continue }
            events.append(
                Event(
                    day: day,
                    kind: .stay(admission: number, length: length, institution: hospital(admission))))
            return
        }
    }

    /// A hospital for a stay: what the illness needs, near home when it can be, sometimes far away.
    private mutating func hospital(_ admission: Admission) -> Int {
        if admission.specialty == .psychiatry { return city.town.psychiatric }
        if admission.level >= 2, random.chance(320) { return city.town.away[random.below(city.town.away.count)] }
        let draw = random.below(100)
        if admission.level == 1, draw < 34 { return nearby(city.town.primary) }
        if admission.level <= 2, draw < 68 { return nearby(city.town.secondary) }
        return city.town.tertiary[random.below(city.town.tertiary.count)]
    }

    /// One of the list, of the person's own district when the first tries find one.
    private mutating func nearby(_ list: [Int]) -> Int {
        let wanted = Town.districts[resident.district].code.utf8
        var choice = list[random.below(list.count)]
        for _ in 0..<5 where !city.town.institutions[choice].area.elementsEqual(wanted) {
            choice = list[random.below(list.count)]
        }
        return choice
    }

    private mutating func planChemotherapy() {
        let number = city.ailments.admission("chemotherapy")
        let institution = city.town.tertiary[random.below(city.town.tertiary.count)]
        var day = random.within(5, 200)
        for _ in 0..<random.within(3, 6) {
            let length = random.within(3, 4)
            if day + length < city.calendar.count - 1, take(day, day + length) {
                events.append(Event(day: day, kind: .stay(admission: number, length: length, institution: institution)))
            }
            day += random.within(21, 24)
        }
    }

    private mutating func planDialysis() {
        let institution = city.town.tertiary[random.below(city.town.tertiary.count)]
        let offset = random.below(2)
        for day in firstDay...lastDay where [0, 2, 4].contains(city.calendar.weekday(day) - offset) {
            if take(day, day) { events.append(Event(day: day, kind: .dialysis(institution: institution))) }
        }
    }

    private mutating func planCare() {
        for month in 1...12 {
            let first = city.calendar.day(month, 1)
            let next = month == 12 ? city.calendar.count : city.calendar.day(month + 1, 1)
            guard first >= firstDay, next - 1 <= lastDay else { continue }
            events.append(Event(day: first, kind: .care(days: next - first)))
        }
    }

    private mutating func conditions(_ age: Int) -> [Int] {
        guard age >= 30 else { return [] }
        var mine: [Int] = []
        for (number, condition) in city.ailments.conditions.enumerated() {
            guard condition.sex == nil || condition.sex == resident.sex else { continue }
            let rate = condition.at40 + (condition.at70 - condition.at40) * min(40, max(0, age - 40)) / 30
            // Not everybody who is ill collects drugs through the fund every month.
            if random.chance(rate * 24 / 100) { mine.append(number) }
        }
        return mine
    }

    private mutating func planRefills(_ conditions: [Int]) {
        let draw = random.below(100)
        let at: Refill = draw < 58 ? .hospital : (draw < 92 ? .pharmacy : .internet)
        let institution =
            switch at {
            case .hospital: random.chance(6000) ? nearby(city.town.primary) : nearby(city.town.secondary)
            case .pharmacy: nearby(city.town.pharmacies)
            case .internet: city.town.tertiary[random.below(city.town.tertiary.count)]
            }
        var day = firstDay + random.below(33)
        while day <= lastDay {
            if city.calendar.isWeekend(day), at == .hospital, !random.chance(3000) { day += 1 }
            if day <= lastDay, take(day, day) {
                events.append(Event(day: day, kind: .refill(institution: institution, at: at)))
                day += random.within(30, 34)
                if random.chance(500) { day += 28 }
            } else {
                day += 1
            }
        }
    }

    private mutating func planVisits(_ age: Int) {
        let often = age < 7 ? 26 : (age < 45 ? 12 : (age < 65 ? 17 : 20))
        for _ in 0..<random.below(often) / 8 {
            guard let number = ailment(age) else { continue }
            let ailment = city.ailments.outpatient[number]
            let day = someDay(winter: ailment.winter)
            guard take(day, day, margin: 5) else { continue }
            let buysOnly = random.chance(2700) && ailment.specialty != .paediatrics && !ailment.drugs.isEmpty
            if buysOnly {
                events.append(
                    Event(day: day, kind: .purchase(institution: nearby(city.town.pharmacies), ailment: number)))
            } else {
                events.append(Event(day: day, kind: .visit(ailment: number, institution: clinic(ailment))))
            }
        }
    }

    private mutating func ailment(_ age: Int) -> Int? {
        for _ in 0..<60 {
            let candidate = random.below(city.ailments.outpatient.count)
            let ailment = city.ailments.outpatient[candidate]
            guard ailment.weight > random.below(190), ailment.ages.contains(age),
                ailment.sex == nil || ailment.sex == resident.sex
            else { continue }
            return candidate
        }
        return nil
    }

    private mutating func clinic(_ ailment: Ailment) -> Int {
        let draw = random.below(100)
        switch ailment.specialty {
        case .general, .respiratory, .tcm, .digestive:
            if draw < 34 { return nearby(city.town.primary) }
            if draw < 54 { return nearby(city.town.clinics) }
            return draw < 80
                ? nearby(city.town.secondary) : city.town.tertiary[random.below(city.town.tertiary.count)]
        case .dermatology, .ophthalmology, .urology, .oncology, .nephrology:
            return city.town.tertiary[random.below(city.town.tertiary.count)]
        default:
            return draw < 62
                ? nearby(city.town.secondary) : city.town.tertiary[random.below(city.town.tertiary.count)]
        }
    }
}
