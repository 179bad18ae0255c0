/// Stories about who may be given what: sex, age, setting, level, insurance, line of treatment, supply.
extension StoryBook {
    func tellLimitStories() {
        menWithOvarianUltrasound()
        childrenOnly()
        restrictedDrugs()
        secondLineFirst()
        oversupply()
    }

    private func menWithOvarianUltrasound() {
        begin("男性做卵巢超声")
        let services = ["transvaginal", "transdoppler", "ovaryantibody"]
        for round in 0..<times(15) {
            for sex in [Sex.male, .female] {
                var patient = newcomer(sex, age: random.within(28, 60))
                let day = weekday(10, 350)
                var visit = visit(one(of: city.town.secondary), .gynaecology, on: day, dx: ("R10.400", "腹痛"))
                let place = visit.charge(
                    city.item(services[round % 3]), city, day: day, second: visit.startSecond + 900)
                let keys = [line(write(visit, &patient), place)]
                if sex == .male {
                    hit("C17", .line, keys, "男性收取女性专用检查")
                } else {
                    nearMiss("C17", .line, keys, "女性患者")
                }
            }
        }
        begin("性别专用药品")
        for round in 0..<times(12) {
            let (drug, right) = [("qianjin", Sex.female), ("bicalutamide", .male), ("dydrogesterone", .female)][
                round % 3]
            for sex in [Sex.male, .female] {
                var patient = newcomer(sex, age: random.within(50, 70))
                let day = weekday(10, 350)
                var visit = visit(one(of: city.town.tertiary), .general, on: day, dx: ("R53.x00", "疲劳"))
                let place = visit.charge(
                    city.item(drug), city, day: day, second: visit.startSecond + 900, days: 7)
                let keys = [line(write(visit, &patient), place)]
                if sex == right {
                    nearMiss("C09", .line, keys, "性别相符")
                } else {
                    hit("C09", .line, keys, "性别不符")
                }
            }
        }
    }

    private func childrenOnly() {
        begin("儿童专用")
        for round in 0..<times(12) {
            let drug = ["chichiao", "childcold", "childcough"][round % 3]
            let day = weekday(30, 350)
            for isAdult in [true, false] {
                // Eighteen that very day, or eighteen on the morrow.
                var patient = newcomer(insurance: .resident) { resident in
                    resident.birth = self.birthday(years: 18, on: isAdult ? day : day + 1)
                }
                var visit = visit(one(of: city.town.primary), .general, on: day, dx: ("J06.900", "急性上呼吸道感染"))
                let place = visit.charge(
                    city.item(drug), city, day: day, second: visit.startSecond + 900, days: 4)
                let keys = [line(write(visit, &patient), place)]
                if isAdult {
                    hit("C07", .line, keys, "当日已满18周岁")
                } else {
                    nearMiss("C07", .line, keys, "次日才满18周岁")
                }
            }
        }
        for _ in 0..<times(6, least: 2) {
            for age in [3, 0] {
                let first = random.within(40, 330)
                var patient = newcomer(insurance: .resident) { resident in
                    resident.birth = age == 0 ? first - 12 : self.birthday(years: age, on: first) - 40
                    if resident.birth >= 0 { resident.entitledFrom = resident.birth }
                }
                var stay = stay(
                    one(of: city.town.secondary), age == 0 ? "jaundice" : "childpneumonia", from: first, length: 6)
                let place =
                    age == 0
                    ? stay.places(of: city.item("nursenew"))[0]
                    : stay.charge(city.item("nursenew"), city, day: first + 1, second: 80_000)
                let keys = [line(write(stay, &patient), place)]
                if age > 0 {
                    hit("C08", .line, keys, "三岁儿童收取新生儿护理")
                } else {
                    nearMiss("C08", .line, keys, "新生儿")
                }
            }
        }
    }

    /// The day of birth of somebody who becomes `years` old on a day of the year; 29 February counts as 28.
    private func birthday(years: Int, on day: Int) -> Int {
        for back in (years * 365)...(years * 365 + years / 4 + 2) {
            let birth = day - back
            if city.calendar.age(birth: birth, on: day) == years, city.calendar.age(birth: birth, on: day - 1) < years {
                return birth
            }
        }
        return day - years * 1461 / 4 - 1
    }

    private func restrictedDrugs() {
        begin("限定保险限定级别限定就医方式的药品")
        for round in 0..<times(10) {
            let isWork = round % 2 == 0
            for proper in [false, true] {
                var patient = newcomer(isWork ? nil : .female, age: 30)
                let day = weekday(10, 350)
                var visit = visit(one(of: city.town.secondary), .surgery, on: day, dx: ("S61.900", "手部开放性损伤"))
                let place = visit.charge(
                    city.item(isWork ? "rabies" : "motherwort"), city, day: day, second: visit.startSecond + 900)
                if proper { visit.insurance = isWork ? "410" : "510" }
                let keys = [line(write(visit, &patient), place)]
                if proper {
                    nearMiss(isWork ? "P01" : "P02", .line, keys, isWork ? "由工伤保险支付" : "由生育保险支付")
                } else {
                    hit(isWork ? "P01" : "P02", .line, keys, "由基本医疗保险支付")
                }
            }
            for level in [1, 2] {
                var patient = newcomer(age: 66)
                let day = weekday(10, 350)
                let place = one(of: level == 1 ? city.town.primary : city.town.secondary)
                var visit = visit(place, .general, on: day, dx: ("I63.900", "脑梗死"))
                let drug = ["danshen", "xueshuantong", "shenmai"][round % 3]
                let charge = visit.charge(city.item(drug), city, day: day, second: visit.startSecond + 900)
                let keys = [line(write(visit, &patient), charge)]
                if level == 1 {
                    hit("P05", .line, keys, "一级机构使用限二级及以上的药品")
                } else {
                    nearMiss("P05", .line, keys, "二级机构")
                }
            }
            settingLimits(round)
        }
    }

    private func settingLimits(_ round: Int) {
        let drug = city.item(["fatemulsion", "aminoacid", "yinxing"][round % 3])
        var patient = newcomer(age: 58)
        let day = weekday(10, 200)
        var visit = visit(one(of: city.town.secondary), .general, on: day, dx: ("R53.x00", "疲劳"))
        let outside = visit.charge(drug, city, day: day, second: visit.startSecond + 900)
        hit("P04", .line, [line(write(visit, &patient), outside)], "门诊使用限住院的药品")
        // The drug of the third round is for infarcts, the others are for whoever is undernourished.
        var stay = stay(
            one(of: city.town.secondary), round % 3 == 2 ? "infarct" : "gastritis", from: day + 40, length: 6)
        let inside = stay.charge(drug, city, day: day + 42, second: 40_000)
        nearMiss("P04", .line, [line(write(stay, &patient), inside)], "住院使用")
    }

    private func secondLineFirst() {
        begin("未用一线先用二线")
        for round in 0..<times(9) {
            for before in [90, 91, 0] {
                var patient = newcomer(age: 55)
                let day = weekday(120, 350)
                let hospital = one(of: city.town.secondary)
                if before > 0 {
                    var first = visit(hospital, .endocrine, on: day - before, dx: ("E11.900", "2 型糖尿病"))
                    first.charge(
                        city.item("metformin"), city, day: day - before, second: first.startSecond + 900, days: 28)
                    write(first, &patient)
                }
                var visit = visit(hospital, .endocrine, on: day, dx: ("E11.900", "2 型糖尿病"))
                let place = visit.charge(
                    city.item("dulaglutide"), city, day: day, second: visit.startSecond + 900, quantity: 400, days: 28)
                if before == 0, round % 2 == 0 {
                    visit.charge(city.item("metformin"), city, day: day, second: visit.startSecond + 950, days: 28)
                }
                let keys = [line(write(visit, &patient), place)]
                if before == 90 {
                    nearMiss("P07", .line, keys, "第90天前用过二甲双胍")
                } else {
                    hit("P07", .line, keys, before == 91 ? "二甲双胍在91天前" : "此前未用一线药")
                }
            }
        }
    }

    private func oversupply() {
        begin("多处开药超量")
        for _ in 0..<times(12) {
            for (gap, refunds) in [(6, false), (30, false), (6, true)] {
                var patient = newcomer(age: random.within(55, 75))
                let day = weekday(40, 300)
                var first = visit(one(of: city.town.primary), .general, on: day, dx: ("I10.x00x002", "高血压病"))
                first.charge(city.item("amlodipine"), city, day: day, second: first.startSecond + 900, days: 28)
                write(first, &patient)
                let again = day + gap
                var second = visit(one(of: city.town.secondary), .cardiology, on: again, dx: ("I10.x00x002", "高血压病"))
                let place = second.charge(
                    city.item("amlodipine"), city, day: again, second: second.startSecond + 900, days: 28)
                if refunds { second.refund(place, quantity: 100, day: again, second: second.startSecond + 1500) }
                let keys = [line(write(second, &patient), place)]
                if gap == 6, !refunds {
                    hit("C11", .line, keys, "三十日内两处共开56天用量")
                } else {
                    nearMiss("C11", .line, keys, refunds ? "第二次已退药" : "相隔30日")
                }
            }
        }
    }
}
