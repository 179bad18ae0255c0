/// Stories about stays: split in two, in two places at once, whole groups on one day.
extension StoryBook {
    func tellStayStories() {
        neighboursAdmitted()
        splitStays()
        twoRegionsAtOnce()
        outpatientDuringStay()
        careDuringStay()
    }

    private func neighboursAdmitted() {
        begin("邻居成批入院")
        let hospital = city.town.stories.hospital
        let specialties = [("gastritis", Specialty.digestive), ("disc", .orthopaedics), ("vertigo", .neurology)]
        for round in 0..<times(6, least: 2) {
            let (key, specialty) = specialties[round % 3]
            let ward = city.town.departments[city.town.department(hospital, specialty)].wards[round / 3 % 2]
            let day = 20 + round * 47 % 300
            let size = 8 + round % 4
            hit("M19", .encounter, admit(size, key, ward: ward, day: day), "同一病区同日收治同类疾病\(size)人")
            nearMiss("M19", .encounter, admit(7, key, ward: ward, day: day + 9), "同日只有7人")
            let mixed = admit(5, key, ward: ward, day: day + 18) + admit(4, "pneumonia", ward: ward, day: day + 18)
            nearMiss("M19", .encounter, mixed, "9人，但分属两类疾病")
        }
    }

    private func admit(_ count: Int, _ key: String, ward: Int, day: Int) -> [String] {
        var keys: [String] = []
        for _ in 0..<count {
            var neighbour = newcomer(age: random.within(60, 78), insurance: .resident) { resident in
                resident.homeArea = Array(Town.districts[3].code.utf8)
            }
            let visit = stay(city.town.stories.hospital, key, from: day, length: random.within(6, 8), ward: ward)
            keys.append(encounter(write(visit, &neighbour)))
        }
        return keys
    }

    private func splitStays() {
        begin("满十五日分解住院")
        for round in 0..<times(12) {
            let hospital = one(of: city.town.secondary)
            var patient = newcomer(age: random.within(60, 80))
            let first = random.within(10, 180)
            write(stay(hospital, "infarct", from: first, length: 15), &patient)
            let second = first + 15 + [1, 0, 15][round % 3]
            let again = write(
                stay(hospital, "infarct", from: second, length: 15, admittedAt: 15 * 3600), &patient)
            hit("M16", .encounter, [encounter(again)], "出院\(second - first - 15)日内同院同病再入院")
            let third = second + 15 + 16
            let apart = write(stay(hospital, "infarct", from: third, length: 12), &patient)
            nearMiss("M16", .encounter, [encounter(apart)], "相隔16日")
            let other = third + 12 + 5
            let different = write(stay(hospital, "pneumonia", from: other, length: 8), &patient)
            nearMiss("M16", .encounter, [encounter(different)], "另一疾病")
            var cancer = newcomer(age: random.within(45, 70))
            let centre = one(of: city.town.tertiary)
            write(stay(centre, "chemotherapy", from: first, length: 3), &cancer)
            let cycle = write(stay(centre, "chemotherapy", from: first + 12, length: 3), &cancer)
            nearMiss("M16", .encounter, [encounter(cycle)], "计划内化疗")
        }
    }

    private func twoRegionsAtOnce() {
        begin("两地同时住院")
        for round in 0..<times(10) {
            let first = random.within(20, 320)
            for overlap in [3, 0] {
                var patient = newcomer(age: random.within(40, 70))
                let here = write(
                    stay(one(of: city.town.secondary), "pneumonia", from: first, length: 9, dischargedAt: 36_000),
                    &patient)
                // The twin is moved on the day, at the very moment, of discharge or some hours later.
                let admitted = overlap > 0 ? 50_000 : (round % 2 == 0 ? 36_000 : 52_000)
                let there = write(
                    stay(
                        one(of: city.town.away), "pneumonia", from: first + 9 - overlap, length: 8, admittedAt: admitted
                    ),
                    &patient)
                if overlap > 0 {
                    hit("M20-stay", .encounter, [encounter(here)], "与海临市住院重叠")
                    hit("M20-stay", .encounter, [encounter(there)], "与云州市住院重叠")
                } else {
                    nearMiss("M20-stay", .encounter, [encounter(here), encounter(there)], "出院即转往异地")
                }
            }
        }
        begin("同日两地门诊")
        for _ in 0..<times(8) {
            var patient = newcomer()
            let day = weekday(20, 340)
            let here = write(
                visit(one(of: city.town.primary), .general, on: day, dx: ("J02.900", "急性咽炎"), second: 30_000), &patient)
            let there = write(
                visit(one(of: city.town.away), .respiratory, on: day, dx: ("J20.900", "急性支气管炎"), second: 52_000),
                &patient)
            hit("M24", .encounter, [encounter(here)], "同日又在海临市就诊")
            hit("M24", .encounter, [encounter(there)], "同日又在云州市就诊")
            let next = write(
                visit(one(of: city.town.primary), .general, on: day + 1, dx: ("J02.900", "急性咽炎"), second: 30_000),
                &patient)
            nearMiss("M24", .encounter, [encounter(next)], "次日才在另一地就诊")
        }
    }

    private func outpatientDuringStay() {
        begin("住院期间门诊购药")
        for _ in 0..<times(12) {
            var patient = newcomer()
            let first = random.within(20, 320)
            write(stay(one(of: city.town.secondary), "diabetes", from: first, length: 9), &patient)
            let during = write(
                visit(one(of: city.town.clinics), .general, on: first + 4, dx: ("J02.900", "急性咽炎")), &patient)
            hit("M20-outpatient", .encounter, [encounter(during)], "住院第5日在诊所就诊")
            let bought = write(purchase(one(of: city.town.pharmacies), "banlangen", on: first + 6, days: 5), &patient)
            hit("M20-outpatient", .encounter, [encounter(bought)], "住院第7日在药店购药")
            let before = write(
                visit(one(of: city.town.primary), .general, on: first, dx: ("E11.900", "2 型糖尿病"), second: 28_800),
                &patient)
            nearMiss("M20-outpatient", .encounter, [encounter(before)], "入院当日先看门诊")
            let after = write(purchase(one(of: city.town.pharmacies), "ganmao", on: first + 9, days: 5), &patient)
            nearMiss("M20-outpatient", .encounter, [encounter(after)], "出院当日购药")
        }
    }

    private func careDuringStay() {
        begin("住院期间照常收取长护费用")
        let home = city.town.careHome
        let department = city.town.department(home, .general)
        for round in 0..<times(4, least: 2) {
            var elder = newcomer(.female, age: 83, insurance: .resident)
            let first = city.calendar.day(3 + round % 8, 1)
            var month = Visit(
                institution: home, setting: .longTermCare, startDay: first, startSecond: 0, endDay: first + 27)
            month.department = department
            month.practitioner = city.town.attending(department, until: first + 27, random: &random)
            month.diagnoses = [(Array("I69.300".utf8), Array("脑梗死后遗症".utf8))]
            for day in first..<first + 28 { month.charge(city.item("dailycare"), city, day: day, second: 9 * 3600) }
            month.endSecond = 20 * 3600
            month.settlements = [Settling(day: first + 27, second: 19 * 3600)]
            let written = write(month, &elder)
            write(stay(one(of: city.town.secondary), "pneumonia", from: first + 8, length: 7), &elder)
            for day in 9...14 { hit("W05", .line, [line(written, day)], "住院期间的照护费") }
            nearMiss("W05", .line, [line(written, 8), line(written, 15)], "入院当日与出院当日")
        }
    }
}
