import Knowledge
import Rules
import Testing

/// The forms that rules take must all be parsed and typed.
struct FormsTests {
    @Test func thirtyBenchmarkFormsLoad() {
        let clock = ContinuousClock()
        var plan: Plan?
        var diagnostics: [Diagnostic] = []
        let time = clock.measure {
            (plan, diagnostics) = PlanLoader.load(package: Golden.folder + "/rules-bench", demand: .runnable)
        }
        print("thirty rules and nineteen lists loaded in \(time)")
        #expect(diagnostics.filter { $0.code != "RUL027" }.map(\.description) == [])
        #expect(plan?.rules.count == 30)
        #expect(plan?.lists.count == 19)
    }

    /// Forms beyond the benchmark's that the language must express.
    @Test(arguments: [
        ("line", "quantity * price <> amount AND institution.ownership = 'private'"),
        ("line", "NOT eligible(practitioner, day) OR NOT contracted(institution, day) OR NOT entitled(person, day)"),
        ("line", "SUM(quantity) OVER (SAME operation, item WHERE operation IS KNOWN) > 1"),
        ("line", "EXISTS (prescription SAME encounter WHERE id = this.prescription AND circulated)"),
        ("line", "SUM(quantity) OVER (SAME person, item, body_site, quarter) > 2"),
        ("line", "SUM(quantity) OVER (SAME person, item, hour) > 1"),
        ("line", "SUM(quantity) OVER (SAME person, item HOURS -24..0) > $most"),
        ("line", "COUNT(DISTINCT day) OVER (SAME person, item RUN 3 DAYS) > 14"),
        ("line", "COUNT(DISTINCT institution) OVER (SAME person, item, week) >= 2"),
        ("line", "SUM(minutes) OVER (SAME practitioner, day) > 480"),
        ("line", "ROUND(amount / quantity, 2) > 10 AND encounter.insurance = '310'"),
        ("line", "EXISTS (SAME encounter, item.class DAYS 0..0 WHERE price < this.price)"),
        ("encounter", "DAY(end) - DAY(start) > 15 AND person.sex = 'F'"),
        ("encounter", "COUNT(*) OVER (operation SAME encounter WHERE minutes < 30) > 1"),
        ("encounter", "EXISTS (SAME person, day WHERE institution.area <> this.institution.area)"),
        ("group of encounter by ward, day", "COUNT(DISTINCT person) >= 8 AND MIN(start) < MAX(end)"),
        ("group of scan by trace", "COUNT(*) > 1 AND COUNT(DISTINCT line) > 1"),
        (
            "group of stock by institution, item, month",
            "SUM(CASE WHEN kind = 'sale' THEN quantity ELSE 0 END) > SUM(CASE WHEN kind = 'purchase' THEN quantity ELSE 0 END)"
        ),
        ("operation", "EXISTS (SAME encounter, day WHERE code <> this.code AND time < this.time)"),
        ("settlement", "basic + large + assistance > total OR COUNT(*) OVER (SAME encounter) > 3"),
        ("diagnosis", "code STARTS WITH 'O' AND person.sex = 'M' AND sequence = 1"),
        ("prescription", "COUNT(*) OVER (SAME practitioner, day) BETWEEN 100 AND 200"),
        ("group of line by encounter", "MAX(day) > DAY(encounter.end) OR encounter.care_area <> encounter.home_area"),
        ("group of line by person, month", "SUM(amount) > 10000 AND AGE(person.birth, month) < 18"),
    ]) func formsLoad(unit: String, when: String) throws {
        let (rule, diagnostics) = try Sample.load(
            unit: unit, list: nil, when: when, more: "parameters: { most: 3 }\n")
        #expect(diagnostics.map(\.description) == [])
        #expect(rule != nil)
    }
}
