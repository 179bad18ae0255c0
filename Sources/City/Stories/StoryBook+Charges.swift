/// Stories about what is charged: steps billed twice, hours a day has not, prices, arithmetic.
extension StoryBook {
    func tellChargeStories() {
        stepsBilledTwice()
        hoursOfOxygen()
        priceAboveList()
        amountNotProduct()
        dailyCaps()
        nursingGrades()
        bedDays()
        feesOutsideStay()
        courseTooLong()
    }

    private func stepsBilledTwice() {
        begin("手术步骤重复收费")
        let whole = [
            ("spine", "neurolysis", 10), ("spine", "laminectomy", 10), ("stomachcancer", "gastrectomy", 14),
            ("delivery", "tearsuture", 4),
        ]
        for round in 0..<times(12, least: 4) {
            let (admission, step, length) = whole[round % whole.count]
            var patient = newcomer(
                admission == "delivery" ? .female : nil, age: admission == "delivery" ? 29 : random.within(48, 72))
            let first = random.within(20, 280)
            var stay = stay(one(of: city.town.tertiary), admission, from: first, length: length)
            let operation = stay.operations[0]
            let place = stay.charge(city.item(step), city, day: operation.day, second: operation.second, operation: 1)
            let written = write(stay, &patient)
            hit("P24-visit", .line, [line(written, place)], "主手术已含该步骤，同次手术又单独收取")
            // The same step in a later stay of its own is lawful.
            var later = self.stay(one(of: city.town.tertiary), "disc", from: first + 60, length: 8)
            let alone = later.charge(city.item(step), city, day: first + 62, second: 36_000)
            later.operations.append(operation.repeated(on: first + 62, second: 36_000))
            guard step != "tearsuture" else { continue }
            let other = write(later, &patient)
            nearMiss("P24-visit", .line, [line(other, alone)], "步骤在另一次住院单独实施，未与主手术同次收取")
        }
        let daily = [("stenting", "angiography", 7), ("stenting", "angioplasty", 7), ("wrist", "reduction", 5)]
        for round in 0..<times(12, least: 3) {
            let (admission, step, length) = daily[round % daily.count]
            var patient = newcomer(age: random.within(48, 72))
            var stay = stay(one(of: city.town.tertiary), admission, from: random.within(20, 330), length: length)
            let operation = stay.operations[0]
            let place = stay.charge(city.item(step), city, day: operation.day, second: operation.second, operation: 1)
            hit("P24-day", .line, [line(write(stay, &patient), place)], "同日已收主项，主项内涵包含该项")
            var twin = newcomer(age: random.within(48, 72))
            stay = self.stay(one(of: city.town.tertiary), admission, from: random.within(20, 330), length: length)
            let before = stay.charge(city.item(step), city, day: stay.operations[0].day - 1, second: 79_200)
            nearMiss("P24-day", .line, [line(write(stay, &twin), before)], "前一日实施，不在同一日")
        }
    }

    private func hoursOfOxygen() {
        begin("一天三十一小时吸氧")
        let oxygen = city.item("oxygen")
        for round in 0..<times(9) {
            let first = random.within(20, 330)
            let day = first + random.within(1, 4)
            for (hours, refunded) in [(31, 0), (24, 0), (31, 7)] {
                var patient = newcomer(age: random.within(60, 80))
                var stay = stay(one(of: city.town.secondary), "copd", from: first, length: 10)
                guard let ordinary = stay.places(of: oxygen, on: day).first else { continue }
                let rest = hours * 100 - stay.charges[ordinary].quantity
                let added = stay.charge(oxygen, city, day: day, second: 82_000, quantity: rest)
                if refunded > 0 { stay.refund(added, quantity: refunded * 100, day: day, second: 84_000) }
                let written = write(stay, &patient)
                let keys = [line(written, ordinary), line(written, added)]
                if hours - refunded > 24 {
                    hit("D102", .line, keys, "同日吸氧合计\(hours)小时")
                } else {
                    nearMiss("D102", .line, keys, refunded > 0 ? "退费后恰为24小时" : "恰为24小时")
                }
            }
            if round % 3 == 0 { monitoringHours(first) }
        }
    }

    private func monitoringHours(_ first: Int) {
        var patient = newcomer(age: 66)
        var stay = stay(one(of: city.town.tertiary), "angina", from: first, length: 8)
        let monitor = city.item("ecgmonitor")
        guard let ordinary = stay.places(of: monitor, on: first + 1).first else { return }
        let added = stay.charge(monitor, city, day: first + 1, second: 83_000, quantity: 200)
        let written = write(stay, &patient)
        hit("D102", .line, [line(written, ordinary), line(written, added)], "同日心电监测合计26小时")
    }

    private func priceAboveList() {
        begin("超过价目收费")
        for round in 0..<times(15) {
            let key = ["ct", "doppler", "mri", "bloodcount", "ecg"][round % 5]
            for isAbove in [true, false] {
                var patient = newcomer()
                let day = weekday(10, 350)
                var visit = visit(one(of: city.town.secondary), .cardiology, on: day, dx: ("R07.400", "胸痛"))
                let place = visit.charge(city.item(key), city, day: day, second: visit.startSecond + 900)
                let list = city.catalogue.items[city.item(key)].listPrice
                visit.charges[place].price = isAbove ? list * (115 + 5 * (round % 4)) / 100 : list
                visit.charges[place].amount = Visit.amount(quantity: 100, price: visit.charges[place].price)
                let keys = [line(write(visit, &patient), place)]
                if isAbove {
                    hit("P23", .line, keys, "单价高于政府指导价")
                } else {
                    nearMiss("P23", .line, keys, "单价恰等于最高限价")
                }
            }
        }
    }

    private func amountNotProduct() {
        begin("金额与数量单价不符")
        for round in 0..<times(12) {
            for difference in [500 + 100 * round, 1] {
                var patient = newcomer()
                let day = weekday(10, 350)
                var visit = visit(one(of: city.town.primary), .general, on: day, dx: ("K29.500", "慢性胃炎"))
                let place = visit.charge(
                    city.item("omeprazole"), city, day: day, second: visit.startSecond + 900, quantity: 200, days: 7)
                visit.charges[place].amount += difference
                let keys = [line(write(visit, &patient), place)]
                if difference > 1 {
                    hit("P23-amount", .line, keys, "金额多出")
                } else {
                    nearMiss("P23-amount", .line, keys, "只差一分，属四舍五入")
                }
            }
        }
    }

    private func dailyCaps() {
        begin("按日项目一日多收")
        let round = city.item("roundvisit")
        for _ in 0..<times(12) {
            for refunds in [false, true] {
                var patient = newcomer()
                let first = random.within(20, 330)
                var stay = stay(one(of: city.town.secondary), "gastritis", from: first, length: 7)
                let ordinary = stay.places(of: round, on: first + 3)[0]
                let added = stay.charge(round, city, day: first + 3, second: 60_000)
                if refunds { stay.refund(added, quantity: 100, day: first + 3, second: 70_000) }
                let written = write(stay, &patient)
                let keys = [line(written, ordinary), line(written, added)]
                if refunds {
                    nearMiss("P17-day", .line, keys, "多收的一次已于当日退费")
                } else {
                    hit("P17-day", .line, keys, "同日收取两次住院诊查费")
                }
            }
        }
    }

    private func nursingGrades() {
        begin("互斥的护理等级")
        for _ in 0..<times(12) {
            var patient = newcomer(age: random.within(60, 80))
            let first = random.within(20, 330)
            var stay = stay(one(of: city.town.secondary), "failure", from: first, length: 9)
            let ordinary = stay.places(of: city.item("nurse2"), on: first + 4)[0]
            let added = stay.charge(city.item("nurse1"), city, day: first + 4, second: 81_000)
            let written = write(stay, &patient)
            hit("P24-nursing", .line, [line(written, ordinary), line(written, added)], "同日收取两个等级的护理")
            let changed = [
                line(written, stay.places(of: city.item("nurse1"), on: first + 1)[0]),
                line(written, stay.places(of: city.item("nurse2"), on: first + 2)[0]),
            ]
            nearMiss("P24-nursing", .line, changed, "次日才改变护理等级")
        }
    }

    private func bedDays() {
        begin("床位费超过住院天数")
        for _ in 0..<times(10) {
            for extra in [true, false] {
                var patient = newcomer()
                let first = random.within(20, 330)
                var stay = stay(one(of: city.town.primary), "disc", from: first, length: 9)
                if extra {
                    let kind = stay.places(of: city.item("bed2")).isEmpty ? "bed3" : "bed2"
                    stay.charge(city.item(kind), city, day: first + 9, second: 28_800)
                }
                let keys = [encounter(write(stay, &patient))]
                if extra {
                    hit("P28", .encounter, keys, "出院当日又收床位费")
                } else {
                    nearMiss("P28", .encounter, keys, "床位费天数等于住院天数")
                }
            }
        }
    }

    private func feesOutsideStay() {
        begin("费用日期不在住院期间")
        for _ in 0..<times(10) {
            var patient = newcomer()
            let first = random.within(20, 320)
            var stay = stay(one(of: city.town.secondary), "diabetes", from: first, length: 8)
            let within = stay.charge(city.item("glucose"), city, day: first + 8, second: 25_200)
            let after = stay.charge(city.item("hba1c"), city, day: first + 9, second: 32_400)
            let before = stay.charge(city.item("bloodcount"), city, day: first - 1, second: 32_400)
            let written = write(stay, &patient)
            hit("M07", .line, [line(written, after)], "出院次日的费用")
            hit("M07", .line, [line(written, before)], "入院前一日的费用")
            nearMiss("M07", .line, [line(written, within)], "出院当日的费用")
        }
    }

    private func courseTooLong() {
        begin("超过支付疗程")
        for _ in 0..<times(6, least: 2) {
            for sessions in [31, 30] {
                var patient = newcomer(age: random.within(50, 75))
                let first = random.within(10, 300)
                var stay = stay(one(of: city.town.secondary), "rehabilitation", from: first, length: 36)
                var places: [Int] = []
                for session in 0..<sessions {
                    places.append(
                        stay.charge(city.item("harness"), city, day: first + 2 + session, second: 54_000))
                }
                let written = write(stay, &patient)
                let keys = places.map { line(written, $0) }
                if sessions > 30 {
                    hit("P18", .line, keys, "减重支持系统训练支付超过30天")
                } else {
                    nearMiss("P18", .line, keys, "恰为30天")
                }
            }
        }
    }
}
