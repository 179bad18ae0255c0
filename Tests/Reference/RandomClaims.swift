import Claims

/// Small sets of claims made to collide: few persons, items, days and amounts, so that sums touch their limits, times
/// tie and windows overlap; with refunds, gaps in every field, open stays and several settlements.
///
/// The same seed and settings give the same claims. Every line belongs to an encounter and every encounter to a
/// person, as in a dataset.
package struct RandomClaims {
    package struct Settings: Sendable {
        package var persons = 4
        package var encountersPerPersonMax = 4
        package var linesPerEncounterMax = 6
        /// How many of a hundred values are left out, in every field that may be unknown.
        package var unknownPercent = 5
        package var refundPercent = 15
        /// Days on which things happen, from 2025-01-20.
        package var days = 40
        package var closedWorld = true
        package var absent: Set<Table> = []

        package init() {}
    }

    package static let firstDay: Int32 = 20_108
    package static let items = ["A", "B", "C", "D", "E", "F"]
    package static let institutions = ["h1", "h2", "h3", "h4"]
    package static let departments = ["d1", "d2", "d3"]
    package static let practitioners = ["y1", "y2", "y3"]
    package static let wards = ["w1", "w2"]
    package static let diagnoses = ["I10", "I10.x", "I11", "E11", "E11.9", "J18.9"]
    package static let settings = ["inpatient", "inpatient", "outpatient", "pharmacy", "emergency"]
    package static let areas = ["370101", "370102", "370200", "371000"]
    package static let sites = ["left", "right"]
    package static let tills = ["t1", "t2"]
    package static let operations = ["o1", "o2"]

    private var random: Seeded
    private let settings: Settings
    private var rows: [Table: [ReferenceRow]] = [:]
    private var lineNumber = 0

    package static func make(seed: UInt64, _ settings: Settings = Settings()) -> ReferenceData {
        var maker = RandomClaims(seed: seed, settings: settings)
        return maker.make()
    }

    private init(seed: UInt64, settings: Settings) {
        random = Seeded(seed)
        self.settings = settings
    }

    private mutating func make() -> ReferenceData {
        masters()
        for index in 1...max(1, settings.persons) { person("p\(index)") }
        movements()
        for table in settings.absent { rows[table] = nil }
        return ReferenceData(rows: rows, coverage: coverage(), absent: settings.absent)
    }

    private mutating func coverage() -> ReferenceCoverage {
        let from = Self.firstDay + Int32(random.number(-20...10))
        let to = Self.firstDay + Int32(settings.days) + Int32(random.number(-5...20))
        return ReferenceCoverage(from: from, to: to, closedWorld: settings.closedWorld)
    }

    // MARK: - Rows

    /// Adds a row; fields named in `known` are kept, the others may go missing.
    @discardableResult
    private mutating func add(
        _ table: Table, _ id: String, _ fields: [String: FieldValue?], known: Set<String> = []
    ) -> Int {
        var kept: [String: FieldValue] = [:]
        for name in fields.keys.sorted() {
            guard let value = fields[name] ?? nil else { continue }
            if known.contains(name) || !random.chance(settings.unknownPercent) { kept[name] = value }
        }
        // A second without its day says nothing.
        for (day, second) in [("day", "second"), ("start_day", "start_second"), ("end_day", "end_second")]
        where kept[day] == nil { kept[second] = nil }
        rows[table, default: []].append(ReferenceRow(table: table, id: id, kept))
        return (rows[table]?.count ?? 1) - 1
    }

    private mutating func masters() {
        for code in Self.institutions {
            add(
                .institution, code,
                [
                    "kind": .text(random.pick(["hospital", "clinic", "pharmacy"])),
                    "level": .number(Int64(random.number(0...3))),
                    "ownership": .text(random.pick(["public", "private"])), "group": .text(random.pick(["g1", "g2"])),
                    "area": .text(random.pick(Self.areas)),
                ])
            if random.chance(70) { span(.agreement, code, code) }
        }
        for code in Self.practitioners {
            add(
                .practitioner, code,
                [
                    "title": .text(random.pick(["chief", "resident"])),
                    "institution": .text(random.pick(Self.institutions)),
                ])
            if random.chance(70) { span(.eligibility, "\(code)s", code) }
        }
        for code in Self.departments where random.chance(90) {
            add(.department, code, ["kind": .text(random.pick(["k1", "k2"]))])
        }
        for code in Self.wards { add(.ward, code, ["beds": .number(Int64(random.number(1...40)))]) }
        for code in Self.items where random.chance(95) {
            add(
                .item, code,
                [
                    "kind": .text(random.pick(["western-drug", "herb", "service"])),
                    "ingredient": .text(random.pick(["x1", "x2"])), "class": .text(random.pick(["c1", "c2"])),
                    "pack_size": .number(Int64(random.pick([10_000, 200_000]))),
                    "unit": .text(random.pick(["box", "piece"])),
                ])
        }
    }

    private mutating func span(_ table: Table, _ id: String, _ owner: String, person: Int? = nil) {
        let from = Self.firstDay + Int32(random.number(-30...20))
        let owner: FieldValue = person.map { .row($0) } ?? .text(owner)
        let to: FieldValue? = random.chance(50) ? .day(from + Int32(random.number(0...40))) : nil
        add(table, id, [table.fields[0].name: owner, "from": .day(from), "to": to], known: [table.fields[0].name])
    }

    private mutating func person(_ id: String) {
        let death: FieldValue? = random.chance(15) ? .day(Self.firstDay + Int32(random.number(0...60))) : nil
        let person = add(
            .person, id,
            [
                "sex": .text(random.pick(["M", "F"])), "birth": .day(Int32(random.number(-10_000...20_000))),
                "death": death, "insurance": .text(random.pick(["310", "390"])),
                "home_area": .text(random.pick(Self.areas)),
            ])
        if random.chance(70) { span(.entitlement, "\(id)t", id, person: person) }
        for index in 0..<random.number(0...settings.encountersPerPersonMax) { encounter("\(id)e\(index)", person) }
    }

    private mutating func day(_ from: Int32, _ range: ClosedRange<Int>) -> Int32 { from + Int32(random.number(range)) }

    private mutating func second() -> FieldValue {
        .second(Int32(random.pick([0, 28_800, 28_800, 29_100, 36_000, 86_399])))
    }

    private mutating func encounter(_ id: String, _ person: Int) {
        let start = day(Self.firstDay, 0...(settings.days - 1))
        let stay = random.pick([0, 0, 1, 3, 7, 15])
        let isOpen = random.chance(12)
        let encounter = add(
            .encounter, id,
            [
                "person": .row(person), "institution": .text(random.pick(Self.institutions)),
                "setting": .text(random.pick(Self.settings)), "insurance": .text(random.pick(["310", "390"])),
                "start_day": .day(start), "start_second": second(), "end_day": isOpen ? nil : .day(start + Int32(stay)),
                "end_second": isOpen ? nil : second(), "department": .text(random.pick(Self.departments)),
                "ward": .text(random.pick(Self.wards)), "practitioner": .text(random.pick(Self.practitioners)),
                "diagnosis": .text(random.pick(Self.diagnoses)), "home_area": .text(random.pick(Self.areas)),
                "care_area": .text(random.pick(Self.areas)), "care_level": .number(Int64(random.number(0...5))),
            ], known: ["person"])
        for sequence in 1..<random.number(1...4) {
            add(
                .diagnosis, "\(id)g\(sequence)",
                [
                    "encounter": .row(encounter), "sequence": .number(Int64(sequence + 1)),
                    "code": .text(random.pick(Self.diagnoses)), "kind": .text(random.pick(["1", "2"])),
                ], known: ["encounter", "sequence"])
        }
        for index in 0..<random.number(0...2) {
            add(
                .operation, "\(id)o\(index)",
                [
                    "encounter": .row(encounter), "code": .text(random.pick(["81.54", "81.51", "47.0"])),
                    "day": .day(start + Int32(random.number(0...max(0, stay)))), "second": second(),
                    "minutes": .number(Int64(random.pick([30, 60, 90]))),
                    "practitioner": .text(random.pick(Self.practitioners)),
                    "anaesthesia": .text(random.pick(["1", "2"])),
                ], known: ["encounter"])
        }
        for index in 0..<random.number(0...1) {
            add(
                .prescription, "\(id)r\(index)",
                [
                    "encounter": .row(encounter), "practitioner": .text(random.pick(Self.practitioners)),
                    "institution": .text(random.pick(Self.institutions)), "day": .day(start), "second": second(),
                    "circulated": .flag(random.chance(30)),
                ], known: ["encounter"])
        }
        let settlements = settlements(id, encounter, start: start, stay: stay)
        for _ in 0..<random.number(0...settings.linesPerEncounterMax) {
            line(id, encounter, start: start, stay: stay, settlements)
        }
    }

    private mutating func settlements(_ id: String, _ encounter: Int, start: Int32, stay: Int) -> [String] {
        var ids: [String] = []
        for index in 0..<random.pick([0, 1, 1, 1, 2]) {
            let settlement = "\(id)s\(index)"
            let total = random.pick([10_000, 33_333, 100_001])
            let inScope = total * random.pick([50, 80, 100]) / 100
            let basic = inScope * random.pick([50, 70, 90]) / 100
            let large = (inScope - basic) / random.pick([2, 3, 7])
            let assistance = (inScope - basic - large) / 3
            add(
                .settlement, settlement,
                [
                    "encounter": .row(encounter), "day": .day(start + Int32(stay + random.number(0...2))),
                    "second": second(), "kind": .text("1"), "pool": .text(random.pick(["370100", "370200"])),
                    "method": .text(random.pick(["1", "2"])), "total": .number(Int64(total)),
                    "in_scope": .number(Int64(inScope)), "basic": .number(Int64(basic)), "large": .number(Int64(large)),
                    "assistance": .number(Int64(assistance)), "civil": .number(0), "long_term_care": .number(0),
                    "other_funds": .number(0), "account": .number(0),
                    "cash": .number(Int64(total - basic - large - assistance)),
                ], known: ["encounter"])
            ids.append(settlement)
            if random.chance(10) {
                add(
                    .settlement, "\(settlement)x",
                    ["encounter": .row(encounter), "day": .day(start + 9), "reverses": .text(settlement)],
                    known: ["encounter", "reverses"])
            }
        }
        return ids
    }

    private mutating func line(_ id: String, _ encounter: Int, start: Int32, stay: Int, _ settlements: [String]) {
        lineNumber += 1
        let name = "l\(lineNumber)"
        let quantity = random.pick([5_000, 10_000, 10_000, 20_000, 30_000])
        let price = random.pick([1_000_000, 2_500_000, 33_333_333])
        let amount = quantity * price / 100_000_000
        let inScope = amount * random.pick([0, 50, 100, 100]) / 100
        let day = start + Int32(random.chance(90) ? random.number(0...max(0, min(stay, 4))) : random.number(-2...9))
        let fields: [String: FieldValue?] = [
            "encounter": .row(encounter), "item": .text(random.pick(Self.items)), "day": .day(day), "second": second(),
            "quantity": .number(Int64(quantity)), "price": .number(Int64(price)), "amount": .number(Int64(amount)),
            "in_scope": .number(Int64(inScope)), "days_supply": .number(Int64(random.pick([0, 3, 7, 15, 30]))),
            "practitioner": .text(random.pick(Self.practitioners)), "department": .text(random.pick(Self.departments)),
            "till": .text(random.pick(Self.tills)), "body_site": .text(random.pick(Self.sites)),
            "operation": .text(random.pick(Self.operations)), "prescription": .text("\(id)r0"),
            "settlement": settlements.isEmpty || random.chance(30) ? nil : .text(random.pick(settlements)),
            "dose": .number(Int64(random.pick([5_000, 10_000]))), "frequency": .text(random.pick(["qd", "bid"])),
            "minutes": .number(Int64(random.pick([10, 30, 60]))),
        ]
        add(.line, name, fields, known: ["encounter"])
        if random.chance(settings.refundPercent) {
            refund(name, encounter, day: day, quantity: quantity, amount: amount, inScope: inScope)
        }
    }

    /// Whole, partial and repeated refunds, refunds of more than there was, and of nothing known.
    private mutating func refund(_ name: String, _ encounter: Int, day: Int32, quantity: Int, amount: Int, inScope: Int)
    {
        for index in 0..<random.pick([1, 1, 1, 2]) {
            let parts = random.pick([1, 1, 2, 2, 4])
            let factor = random.chance(10) ? 3 : 1
            let sign = random.chance(80) ? -1 : 1
            let target: FieldValue? = random.chance(90) ? .text(random.chance(92) ? name : "nothing") : nil
            add(
                .line, "\(name)x\(index)",
                [
                    "encounter": .row(encounter), "item": .text(random.pick(Self.items)),
                    "day": .day(day + Int32(random.number(0...2))), "second": second(),
                    "quantity": .number(Int64(sign * factor * quantity / parts)),
                    "amount": .number(Int64(sign * factor * amount / parts)),
                    "in_scope": .number(Int64(sign * factor * inScope / parts)), "reverses": target,
                ], known: ["encounter", "reverses"])
        }
    }

    private mutating func movements() {
        for index in 0..<settings.persons * 2 {
            add(
                .stock, "k\(index)",
                [
                    "institution": .text(random.pick(Self.institutions)), "item": .text(random.pick(Self.items)),
                    "day": .day(day(Self.firstDay, 0...settings.days)),
                    "kind": .text(random.pick(["purchase", "sale", "opening"])),
                    "quantity": .number(Int64(random.pick([10_000, 50_000]))),
                ])
            add(
                .scan, "c\(index)",
                [
                    "trace": .text(random.pick(["z1", "z2", "z3", "z4"])),
                    "institution": .text(random.pick(Self.institutions)),
                    "item": .text(random.pick(Self.items)), "day": .day(day(Self.firstDay, 0...settings.days)),
                    "second": second(), "kind": .text(random.pick(["sale", "return", "purchase"])),
                    "person": .text("p\(random.number(1...max(1, settings.persons)))"),
                    "split": .flag(random.chance(20)),
                ])
        }
    }
}
