/// Stories about people and premises: the dead, the uninsured, crowds of cards, resold drugs, empty shelves.
extension StoryBook {
    func tellPersonStories() {
        deadMansPrescriptions()
        notEntitled()
        notEligible()
        tooManyPatients()
        cardsBackToBack()
        resoldDrugs()
        emptyShelves()
        billedTwice()
    }

    private func deadMansPrescriptions() {
        begin("死者的处方")
        for round in 0..<times(8) {
            let death = random.within(60, 230)
            var patient = newcomer(age: random.within(66, 84)) { $0.death = death }
            for month in 0..<3 + round % 2 {
                let day = death + 12 + month * 31
                var visit = visit(city.town.stories.clinic, .general, on: day, dx: ("I10.x00x002", "高血压病"))
                visit.charge(city.item("valsartan"), city, day: day, second: visit.startSecond + 600, days: 28)
                visit.charge(city.item("aspirin"), city, day: day, second: visit.startSecond + 610, days: 28)
                let written = write(visit, &patient)
                for place in 0..<3 { hit("M21", .line, [line(written, place)], "死亡之后的费用") }
            }
            let lastDay = write(
                visit(one(of: city.town.tertiary), .emergency, on: death, dx: ("I21.900", "急性心肌梗死")), &patient)
            nearMiss("M21", .line, [line(lastDay, 0)], "死亡当日的抢救")
        }
    }

    private func notEntitled() {
        begin("停保后就医")
        for _ in 0..<times(8) {
            let last = random.within(60, 280)
            var patient = newcomer(insurance: .resident) { $0.entitledTo = last }
            let within = write(
                visit(one(of: city.town.primary), .general, on: last, dx: ("J02.900", "急性咽炎")), &patient)
            let after = write(
                visit(one(of: city.town.primary), .general, on: last + 1, dx: ("J20.900", "急性支气管炎")), &patient)
            hit("P30-status", .line, [line(after, 0)], "待遇已停止")
            nearMiss("P30-status", .line, [line(within, 0)], "待遇的最后一日")
        }
    }

    private func notEligible() {
        begin("支付资格已终止的医师")
        let hospital = city.town.stories.hospital
        let staff = city.town.departments[city.town.department(hospital, .tcm)].practitioners
        for round in 0..<min(times(4, least: 2), staff.count - 2) {
            let practitioner = staff.upperBound - 1 - round
            let last = 120 + 30 * round
            city.town.practitioners[practitioner].lastEligibleDay = last
            for day in [last, last + 1, last + 20] {
                var patient = newcomer()
                var visit = visit(hospital, .tcm, on: day, dx: ("M47.802", "混合型颈椎病"), practitioner: practitioner)
                visit.charge(city.item("acupuncture"), city, day: day, second: visit.startSecond + 900)
                let written = write(visit, &patient)
                for place in 0..<2 {
                    if day > last {
                        hit("M02", .line, [line(written, place)], "支付资格终止之后开单")
                    } else {
                        nearMiss("M02", .line, [line(written, place)], "资格的最后一日")
                    }
                }
            }
        }
    }

    private func tooManyPatients() {
        begin("一日看不完的病人")
        let hospital = city.town.stories.hospital
        let practitioner = city.town.departments[city.town.department(hospital, .rehabilitation)].practitioners
            .lowerBound
        for round in 0..<times(3, least: 1) {
            for count in [81 + round % 9, 80] {
                let day = weekday(30 + round % 8 * 40, 60 + round % 8 * 40)
                var keys: [String] = []
                for number in 0..<count {
                    var patient = newcomer()
                    var visit = visit(
                        hospital, .rehabilitation, on: day, dx: ("M54.500", "下背痛"), second: 28_800 + number * 350,
                        practitioner: practitioner + (count == 80 ? 1 : 0))
                    visit.charge(city.item("exercise"), city, day: day, second: visit.startSecond + 100)
                    keys.append(encounter(write(visit, &patient)))
                }
                if count > 80 {
                    hit("M15", .encounter, keys, "一名医师一日门诊\(count)人")
                } else {
                    nearMiss("M15", .encounter, keys, "恰为80人")
                }
            }
        }
    }

    private func cardsBackToBack() {
        begin("药店集中刷卡")
        let pharmacy = city.town.stories.gatheringPharmacy
        for round in 0..<times(10) {
            let size = 5 + round % 4
            let day = 10 + round * 31 % 350
            let second = 9 * 3600 + (round * 31 / 350) * 1800
            for number in 0..<size {
                var holder = newcomer(age: random.within(60, 80))
                let written = write(
                    purchase(
                        pharmacy, "xuefu", on: day, dx: ("I25.102", "冠状动脉粥样硬化"), till: 0,
                        second: second + number * 85, days: 7), &holder)
                if number >= 4 { hit("M25", .line, [line(written, 0)], "十分钟内第\(number + 1)张卡") }
            }
            // Four within ten minutes, the fifth one second too late.
            for (number, offset) in [0, 150, 300, 450, 601].enumerated() {
                var holder = newcomer(age: random.within(60, 80))
                let written = write(
                    purchase(
                        pharmacy, "xuefu", on: day, dx: ("I25.102", "冠状动脉粥样硬化"), till: 1,
                        second: 14 * 3600 + (round * 31 / 350) * 1800 + offset, days: 7), &holder)
                if number == 4 { nearMiss("M25", .line, [line(written, 0)], "十分钟内只有4人") }
            }
        }
    }

    private func resoldDrugs() {
        begin("药店回流药")
        let pharmacy = city.town.stories.resalePharmacy
        let drugs = ["dripping", "liuwei", "clopidogrel", "atorvastatin"]
        for round in 0..<times(24, least: 4) {
            let drug = drugs[round % drugs.count]
            let day = weekday(city.scanningFrom + 2, city.scanningFrom + 60)
            let later = weekday(day + 40, day + 90)
            for twin in ResaleTwin.allCases {
                let first = sell(drug, at: pharmacy, on: day)
                let trace = city.trace(item: city.item(drug), line: first.line, pack: 15)
                var keys = [scan(trace, first, "sale", split: twin == .split)]
                if twin == .returned { keys.append(scan(trace, first, "return", at: 120)) }
                let again = sell(drug, at: pharmacy, on: later)
                keys.append(scan(trace, again, "sale", split: twin == .split))
                if twin == .resold, round % 3 == 0 {
                    keys.append(scan(trace, sell(drug, at: one(of: city.town.pharmacies), on: later + 9), "sale"))
                }
                switch twin {
                case .resold:
                    hit("M11", .scan, Array(keys.dropFirst()), "同一追溯码重复结算")
                    nearMiss("M11", .scan, [keys[0]], "第一次销售")
                case .returned: nearMiss("M11", .scan, keys, "退货后再次销售")
                case .split: nearMiss("M11", .scan, keys, "拆零销售")
                }
            }
        }
    }

    private enum ResaleTwin: CaseIterable { case resold, returned, split }

    private struct Sale {
        let pharmacy: Int
        let item: Int
        let day: Int
        let second: Int
        let person: [UInt8]
        let line: Int
    }

    private func sell(_ drug: String, at pharmacy: Int, on day: Int) -> Sale {
        var buyer = newcomer(age: random.within(50, 75))
        let visit = purchase(pharmacy, drug, on: day, dx: ("I25.102", "冠状动脉粥样硬化"), days: 7)
        city.scansAreAutomatic = false
        let written = write(visit, &buyer)
        city.scansAreAutomatic = true
        return Sale(
            pharmacy: pharmacy, item: city.item(drug), day: day, second: visit.startSecond, person: buyer.person,
            line: written.firstLine)
    }

    private func scan(_ trace: String, _ sale: Sale, _ kind: String, at offset: Int = 1, split: Bool = false) -> String
    {
        city.scan(
            trace: trace, institution: sale.pharmacy, item: sale.item, day: sale.day, second: sale.second + offset,
            kind: kind, person: sale.person, line: sale.line, split: split)
    }

    private func emptyShelves() {
        let pharmacy = city.town.stories.stockPharmacy
        for (drug, short) in [("liuwei", 30), ("dripping", 1), ("xuefu", 0)] {
            for number in 0..<70 {
                var buyer = newcomer(age: random.within(50, 75))
                write(
                    purchase(
                        pharmacy, drug, on: (number * 5 + short) % 360, dx: ("I25.102", "冠状动脉粥样硬化"), days: 7), &buyer)
            }
            city.plannedShortages[city.item(drug)] = short
        }
    }

    /// After the stock books are written: which of their rows tell the story.
    func tellStockTruth() {
        begin("卖出多于买进")
        for (drug, short) in [("liuwei", 30), ("dripping", 1), ("xuefu", 0)] {
            guard let rows = city.shortageRows[city.item(drug)] else { continue }
            if short > 0 {
                hit("M09", .stock, rows, "结算比库存与购进之和多\(short)")
            } else {
                nearMiss("M09", .stock, rows, "结算恰等于库存与购进之和")
            }
        }
    }

    private func billedTwice() {
        begin("同一检查两院结算")
        for _ in 0..<times(9) {
            for gap in [0, 1] {
                var patient = newcomer()
                let day = weekday(20, 340)
                var keys: [String] = []
                let start = random.below(city.town.secondary.count)
                for number in 0..<2 {
                    let hospital = city.town.secondary[(start + number) % city.town.secondary.count]
                    var visit = visit(
                        hospital, .digestive, on: day + gap * number, dx: ("K29.500", "慢性胃炎"),
                        second: 30_000 + number * 15_000)
                    visit.charges.removeAll()
                    visit.charge(city.item("doppler"), city, day: day + gap * number, second: visit.startSecond + 600)
                    keys.append(line(write(visit, &patient), 0))
                }
                if gap == 0 {
                    for key in keys { hit("P30-double", .line, [key], "同日同项同额，两家医院结算") }
                } else {
                    nearMiss("P30-double", .line, keys, "次日复查")
                }
            }
        }
    }
}
