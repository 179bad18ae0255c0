extension Life {
    /// A stay in hospital, day by day.
    mutating func stay(_ number: Int, from first: Int, length: Int, institution: Int) {
        let admission = city.ailments.inpatient[number]
        let department = city.town.department(institution, admission.specialty)
        guard let ward = city.town.ward(department, day: first, random: &random) else { return }
        let isOpen = first + length >= city.calendar.count
        let practitioner = city.town.attending(
            department, until: min(city.calendar.count - 1, first + length), random: &random)
        let visit = city.stay(
            StayPlan(
                admission: number, institution: institution, department: department, ward: ward,
                practitioner: practitioner, first: first, length: length, isOpen: isOpen,
                died: resident.death == first + length && !isOpen),
            random: &random)
        city.write(visit, &resident, person)
    }
}

/// What is decided about a stay before its days are filled.
struct StayPlan {
    let admission: Int
    let institution: Int
    let department: Int
    let ward: Int
    let practitioner: Int
    let first: Int
    let length: Int
    var isOpen = false
    var died = false
    /// A story may want the bare stay without refunds.
    var mayRefund = true
    var admittedAt: Int?
    var dischargedAt: Int?
}

extension CityRun {
    /// Fills the days of a stay: bed, nursing and doctor's round a day, infusions, oxygen, tests, the operation.
    func stay(_ plan: StayPlan, random: inout SplitMix64) -> Visit {
        let admission = ailments.inpatient[plan.admission]
        var visit = Visit(
            institution: plan.institution, setting: .inpatient, startDay: plan.first,
            startSecond: plan.admittedAt ?? random.within(8 * 3600 + 1800, 16 * 3600),
            endDay: plan.isOpen ? nil : plan.first + plan.length)
        visit.department = plan.department
        visit.ward = plan.ward
        visit.practitioner = plan.practitioner
        visit.died = plan.died
        visit.diagnoses = [(admission.code, admission.name)]
        if admission.ages.lowerBound >= 45, random.chance(5500) {
            visit.diagnoses.append((ailments.conditions[0].code, ailments.conditions[0].name))
        }
        visit.endSecond = plan.dischargedAt ?? random.within(9 * 3600, 11 * 3600 + 1800)
        let last = min(plan.first + plan.length, calendar.count)
        let operationDay = admission.operation == nil ? -1 : plan.first + (plan.length > 4 ? 2 : 1)
        let isTwoBed = random.chance(2000)
        addPanel(to: &visit, day: plan.first, second: visit.startSecond + 1500)
        for day in plan.first..<last {
            addDay(admission, to: &visit, day: day, plan: plan, isTwoBed: isTwoBed, random: &random)
            if day == operationDay { operate(admission, on: &visit, day: day, random: &random) }
            if day == plan.first + plan.length / 2, plan.length > 5 {
                for test in ["bloodcount", "crp", "potassium", "creatinine"] {
                    visit.charge(item(test), self, day: day, second: 7 * 3600 + 40 * 60)
                }
            }
        }
        if plan.mayRefund, random.chance(600) { refundSomething(&visit, random: &random) }
        settle(&visit, plan)
        return visit
    }

    private func addDay(
        _ admission: Admission, to visit: inout Visit, day: Int, plan: StayPlan, isTwoBed: Bool,
        random: inout SplitMix64
    ) {
        let start = day == plan.first ? visit.startSecond + 1800 : 8 * 3600
        let evening = 22 * 3600 + 1800
        let isPsychiatric = admission.specialty == .psychiatry
        visit.charge(item(isTwoBed ? "bed2" : "bed3"), self, day: day, second: evening)
        visit.charge(item("roundvisit"), self, day: day, second: max(start, 9 * 3600))
        let nursing =
            isPsychiatric
            ? "nursepsy"
            : (admission.key == "jaundice"
                ? "nursenew" : (day < plan.first + 2 ? "nurse1" : (day < plan.first + 12 ? "nurse2" : "nurse3")))
        visit.charge(item(nursing), self, day: day, second: evening)
        if !admission.drugs.isEmpty {
            var clock = start + 900
            for drug in admission.drugs {
                visit.charge(drug, self, day: day, second: clock, quantity: random.chance(2500) ? 200 : 100)
                clock += 20
            }
            visit.charge(item("infusion"), self, day: day, second: clock)
            visit.charge(item("infusionset"), self, day: day, second: clock)
            visit.charge(item("syringe"), self, day: day, second: clock, quantity: random.within(1, 3) * 100)
            if (day - plan.first) % 4 == 0 { visit.charge(item("indwelling"), self, day: day, second: clock) }
        }
        for service in admission.services where service != item("nursenew") {
            let hours = service == item("phototherapy") ? 800 : 100
            if service == item("doppler"), day != plan.first { continue }
            visit.charge(service, self, day: day, second: start + 4000, quantity: hours)
        }
        if isPsychiatric, day % 7 == 0 { visit.charge(item("olanzapine"), self, day: day, second: start + 500) }
        if admission.oxygenHours > 0, day < plan.first + 6 {
            let most = day == plan.first ? max(1, (86_400 - visit.startSecond) / 3600 - 1) : 24
            visit.charge(
                item("oxygen"), self, day: day, second: evening + 300,
                quantity: min(most, admission.oxygenHours + random.below(4)) * 100)
        }
        if admission.specialty == .cardiology, day < plan.first + 3 {
            let hours = day == plan.first ? max(1, (86_400 - visit.startSecond) / 3600 - 1) : 24
            visit.charge(item("ecgmonitor"), self, day: day, second: evening + 400, quantity: hours * 100)
            visit.charge(item("spo2"), self, day: day, second: evening + 400, quantity: hours * 100)
        }
    }

    private func addPanel(to visit: inout Visit, day: Int, second: Int) {
        let tests = [
            "bloodcount", "urinalysis", "alt", "ast", "protein", "albumin", "urea", "creatinine", "uricacid", "glucose",
            "potassium", "sodium", "chloride", "crp", "prothrombin", "ecg",
        ]
        for test in tests { visit.charge(item(test), self, day: day, second: second) }
        switch visit.diagnoses.first?.code.first {
        case UInt8(ascii: "J"): visit.charge(item("ct"), self, day: day, second: second + 60)
        case UInt8(ascii: "I"): visit.charge(item("echocardiogram"), self, day: day, second: second + 60)
        case UInt8(ascii: "M"): visit.charge(item("mri"), self, day: day, second: second + 60)
        default: visit.charge(item("digitalxray"), self, day: day, second: second + 60)
        }
    }

    func operate(_ admission: Admission, on visit: inout Visit, day: Int, random: inout SplitMix64) {
        guard let operation = admission.operation else { return }
        let second = random.within(9 * 3600, 14 * 3600)
        let link = visit.operations.count + 1
        let surgeon = visit.practitioner ?? 0
        let isGeneral = operation.anaesthesia == item("generalanaesthesia")
        visit.operations.append(
            OperationRecord(
                code: operation.code, name: operation.name, day: day, second: second, minutes: operation.minutes,
                surgeon: surgeon, isGeneralAnaesthesia: isGeneral))
        visit.charge(operation.item, self, day: day, second: second, operation: link)
        visit.charge(operation.anaesthesia, self, day: day, second: second, operation: link)
        visit.charge(
            item(isGeneral ? "propofol" : "ropivacaine"), self, day: day, second: second, quantity: 200, operation: link
        )
        if let consumable = operation.consumable {
            visit.charge(consumable, self, day: day, second: second, operation: link)
        }
    }

    /// A drug that was not given after all: taken back in part or whole on the same day.
    private func refundSomething(_ visit: inout Visit, random: inout SplitMix64) {
        for _ in 0..<20 {
            let place = random.below(visit.charges.count)
            let charge = visit.charges[place]
            guard charge.reverses == nil, catalogue.items[charge.item].kind == .western, charge.second < 79_000 else {
                continue
            }
            let quantity = charge.quantity >= 200 ? 100 : charge.quantity
            visit.refund(place, quantity: quantity, day: charge.day, second: charge.second + 7200)
            return
        }
    }

    /// One settlement at discharge; every thirty days an interim one before (中途结算). A patient who is still there
    /// at the end of the year has only the interim ones.
    private func settle(_ visit: inout Visit, _ plan: StayPlan) {
        let interim = plan.length > 40 ? 30 : Int.max
        let end = min(plan.first + plan.length, calendar.count)
        var boundaries: [Int] = []
        if interim < Int.max {
            var day = plan.first + interim
            while day + 5 < end {
                boundaries.append(day)
                day += interim
            }
        }
        for boundary in boundaries {
            visit.settlements.append(Settling(day: boundary, second: 8 * 3600, isInterim: true))
        }
        for place in visit.charges.indices {
            let charge = visit.charges[place]
            var ordinal = 0
            while ordinal < boundaries.count, charge.day >= boundaries[ordinal] { ordinal += 1 }
            visit.charges[place].settlement = ordinal < boundaries.count || !plan.isOpen ? ordinal : nil
        }
        if !plan.isOpen, let last = visit.endDay {
            visit.settlements.append(Settling(day: last, second: min(86_000, visit.endSecond + 1800)))
        }
    }
}
