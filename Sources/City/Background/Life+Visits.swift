extension Life {
    /// A visit without a stay: consultation, tests, drugs for a few days.
    mutating func visit(_ number: Int, on day: Int, institution: Int) {
        let ailment = city.ailments.outpatient[number]
        let department = city.town.department(institution, ailment.specialty)
        guard let practitioner = city.town.practitioner(department, day: day, random: &random) else { return }
        let level = city.town.institutions[institution].level
        let isEmergency = ailment.specialty == .emergency
        let second = random.within(8 * 3600, isEmergency ? 21 * 3600 : 16 * 3600)
        var visit = Visit(
            institution: institution, setting: isEmergency ? .emergency : .outpatient, startDay: day,
            startSecond: second, endDay: day)
        visit.department = department
        visit.practitioner = practitioner
        visit.diagnoses = [(ailment.code, ailment.name)]
        var clock = second + 60
        visit.charge(city.item(isEmergency ? "emergencyvisit" : "visit"), city, day: day, second: clock)
        for service in ailment.services where level > 0 || service == city.item("bloodcount") {
            guard random.chance(5500) else { continue }
            clock += random.within(120, 900)
            visit.charge(service, city, day: day, second: clock)
        }
        clock += random.within(600, 1800)
        let firstDrug = visit.charges.count
        addDrugs(ailment, to: &visit, day: day, second: clock)
        if ailment.specialty == .tcm, random.chance(4500) { addHerbs(to: &visit, day: day, second: clock + 5) }
        if visit.charges.count > firstDrug {
            visit.prescription = (practitioner, institution, false)
            for place in firstDrug..<visit.charges.count { visit.charges[place].isPrescribed = true }
        }
        let till = random.below(max(1, city.town.institutions[institution].tills))
        for place in visit.charges.indices { visit.charges[place].till = till }
        visit.endSecond = min(86_000, clock + 1200)
        visit.settlements = [Settling(day: day, second: clock + 300)]
        // Now and then a bill is taken back, whole or for one drug that was not wanted.
        if random.chance(35) {
            let count = visit.charges.count
            for place in 0..<count {
                visit.refund(place, quantity: visit.charges[place].quantity, day: day, second: clock + 900)
                visit.charges[visit.charges.count - 1].settlement = 1
            }
            visit.settlements.append(Settling(day: day, second: clock + 900, reverses: 0))
        } else if random.chance(60), visit.charges.count > firstDrug {
            visit.refund(firstDrug, quantity: visit.charges[firstDrug].quantity, day: day, second: clock + 200)
        }
        city.write(visit, &resident, person)
    }

    private mutating func addDrugs(_ ailment: Ailment, to visit: inout Visit, day: Int, second: Int) {
        guard !ailment.drugs.isEmpty else { return }
        // The first of a list is the commonest: popularity falls as in any pharmacy.
        var taken = 0
        for (rank, drug) in ailment.drugs.enumerated() where taken < 3 {
            guard random.chance([8200, 5200, 3000, 2000][min(3, rank)]) else { continue }
            addDrug(drug, to: &visit, day: day, second: second + taken)
            taken += 1
        }
    }

    private mutating func addDrug(_ drug: Int, to visit: inout Visit, day: Int, second: Int) {
        let item = city.catalogue.items[drug]
        let packs = item.daysPerPack <= 3 ? random.within(1, 2) : 1
        visit.charge(
            drug, city, day: day, second: second, quantity: packs * 100, days: min(7, max(1, item.daysPerPack * packs)))
    }

    /// A prescription of herbs: five to nine of them, seven doses.
    private mutating func addHerbs(to visit: inout Visit, day: Int, second: Int) {
        let first = city.item("huangqi")
        let count = random.within(5, 9)
        for place in 0..<count {
            visit.charge(
                first + place, city, day: day, second: second, quantity: random.within(6, 15) * 7 * 100, days: 7)
        }
    }

    /// Buying drugs at a pharmacy without a visit.
    mutating func purchase(_ number: Int, on day: Int, institution: Int) {
        let ailment = city.ailments.outpatient[number]
        guard let place = city.town.till(institution, day: day, random: &random) else { return }
        var visit = Visit(
            institution: institution, setting: .pharmacy, startDay: day, startSecond: place.second, endDay: day)
        visit.endSecond = place.second + 60
        visit.diagnoses = [(ailment.code, ailment.name)]
        addDrugs(ailment, to: &visit, day: day, second: place.second)
        if visit.charges.isEmpty { addDrug(ailment.drugs[0], to: &visit, day: day, second: place.second) }
        finishPurchase(&visit, till: place.till, day: day, second: place.second)
    }

    private mutating func finishPurchase(_ visit: inout Visit, till: Int, day: Int, second: Int) {
        for place in visit.charges.indices { visit.charges[place].till = till }
        visit.settlements = [Settling(day: day, second: second + 30)]
        if random.chance(40) {
            let last = visit.charges.count - 1
            visit.refund(last, quantity: visit.charges[last].quantity, day: day, second: second + 45)
        }
        city.write(visit, &resident, person)
    }

    /// The monthly drugs of lasting illnesses: four weeks of each, never before the last are used up.
    mutating func refill(_ conditions: [Int], on day: Int, institution: Int, at place: Refill) {
        var choices = SplitMix64(seed: city.plan.seed, purpose: 4, number: resident.number)
        var visit = Visit(
            institution: institution, setting: .chronic, startDay: day, startSecond: 0, endDay: day)
        var till: Int?
        switch place {
        case .pharmacy:
            guard let free = city.town.till(institution, day: day, random: &random) else { return }
            visit.setting = .pharmacy
            visit.startSecond = free.second
            till = free.till
            guard resident.insurance == .employee || random.chance(7000) else { break }
            let issuer = city.town.primary[choices.below(city.town.primary.count)]
            let department = city.town.department(issuer, .general)
            guard let prescriber = city.town.practitioner(department, day: day, random: &random) else { return }
            visit.prescription = (prescriber, issuer, true)
        case .hospital, .internet:
            let specialty: Specialty = conditions.contains(1) ? .endocrine : .cardiology
            let department = city.town.department(institution, specialty)
            guard let practitioner = city.town.practitioner(department, day: day, random: &random) else { return }
            visit.setting = place == .internet ? .internet : .chronic
            visit.department = department
            visit.practitioner = practitioner
            visit.startSecond = random.within(8 * 3600, 16 * 3600)
            visit.prescription = (practitioner, institution, false)
        }
        for condition in conditions {
            let ailment = city.ailments.conditions[condition]
            visit.diagnoses.append((ailment.code, ailment.name))
        }
        let second = visit.startSecond + (till == nil ? 600 : 0)
        if place == .hospital { addCheckUp(conditions, to: &visit, day: day, second: second) }
        for condition in conditions {
            let choice = choices.below(city.ailments.conditions[condition].choices.count)
            let drug = city.ailments.conditions[condition].choices[choice]
            addMonth(drug, to: &visit, day: day, second: second)
            if drug == city.item("metformin") { addSecondLine(to: &visit, day: day, second: second) }
        }
        visit.endSecond = second + 600
        if let till {
            finishPurchase(&visit, till: till, day: day, second: second)
        } else {
            visit.settlements = [Settling(day: day, second: second + 300)]
            let window = random.below(max(1, city.town.institutions[institution].tills))
            for place in visit.charges.indices { visit.charges[place].till = window }
            city.write(visit, &resident, person)
        }
    }

    private func addMonth(_ drug: Int, to visit: inout Visit, day: Int, second: Int) {
        let item = city.catalogue.items[drug]
        let packs = max(1, 28 / max(1, item.daysPerPack))
        let place = visit.charge(drug, city, day: day, second: second, quantity: packs * 100, days: 28)
        visit.charges[place].isPrescribed = visit.prescription != nil
    }

    /// A later drug only beside the first-line drug, and only when that was collected within the last weeks.
    private mutating func addSecondLine(to visit: inout Visit, day: Int, second: Int) {
        let level = city.town.institutions[visit.institution].level
        if level >= 2, resident.number % 5 == 0, (1...70).contains(day - lastFirstLine) {
            addMonth(city.item("dulaglutide"), to: &visit, day: day, second: second)
        }
        lastFirstLine = day
    }

    private mutating func addCheckUp(_ conditions: [Int], to visit: inout Visit, day: Int, second: Int) {
        guard random.chance(2500), city.town.institutions[visit.institution].level > 0 else { return }
        var tests = ["creatinine", "potassium"]
        if conditions.contains(1) { tests += ["glucose", "hba1c"] }
        if conditions.contains(2) { tests += ["cholesterol", "triglyceride", "ldl"] }
        for test in tests { visit.charge(city.item(test), city, day: day, second: second - 300) }
    }

    /// One session of dialysis.
    mutating func dialysis(on day: Int, institution: Int) {
        let department = city.town.department(institution, .nephrology)
        guard let practitioner = city.town.practitioner(department, day: day, random: &random) else { return }
        let second = 8 * 3600 + random.below(3) * 18_000 + random.below(900)
        var visit = Visit(
            institution: institution, setting: .chronic, startDay: day, startSecond: second, endDay: day)
        visit.department = department
        visit.practitioner = practitioner
        visit.diagnoses = [(Array("N18.500".utf8), Array("慢性肾脏病 5 期".utf8))]
        visit.charge(city.item("dialysis"), city, day: day, second: second + 300)
        visit.charge(city.item("dialyser"), city, day: day, second: second + 300)
        visit.charge(city.item("heparin"), city, day: day, second: second + 320)
        if city.calendar.weekday(day) < 2 { visit.charge(city.item("epo"), city, day: day, second: second + 12_000) }
        visit.endSecond = second + 14_400
        visit.settlements = [Settling(day: day, second: second + 14_000)]
        city.write(visit, &resident, person)
    }

    /// A month in the care home (长期护理).
    mutating func care(from first: Int, days: Int) {
        let home = city.town.careHome
        let department = city.town.department(home, .general)
        var visit = Visit(
            institution: home, setting: .longTermCare, startDay: first, startSecond: 0, endDay: first + days - 1)
        visit.department = department
        visit.practitioner = city.town.attending(department, until: first + days - 1, random: &random)
        visit.diagnoses = [(Array("I69.300".utf8), Array("脑梗死后遗症".utf8))]
        for day in first..<first + days {
            visit.charge(city.item("dailycare"), city, day: day, second: 9 * 3600)
            if city.calendar.weekday(day) == 2 { visit.charge(city.item("bathing"), city, day: day, second: 15 * 3600) }
        }
        visit.endSecond = 20 * 3600
        visit.settlements = [Settling(day: first + days - 1, second: 19 * 3600)]
        city.write(visit, &resident, person)
    }
}
