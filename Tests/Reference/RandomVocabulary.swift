import Claims

/// The names that random rules may use for rows of a table, with values that random claims contain.
struct RandomVocabulary {
    /// Texts and what they are compared with.
    var texts: [(name: String, values: [String])] = []
    var numbers: [String] = []
    /// Codes that can be counted, keyed and compared.
    var codes: [String] = []
    /// What rows of two tables can share, besides periods.
    var keys: [String] = []
    var periods = ["day", "week", "month", "quarter", "year"]
    /// Codes by which a rule across persons can be divided.
    var divisions: [String] = []
    var hasPerson = true

    /// Tables a rule may look at, the commoner ones oftener.
    static let weighted: [Table] = [
        .line, .line, .line, .line, .encounter, .encounter, .operation, .diagnosis, .prescription, .settlement, .stock,
        .scan, .scan,
    ]

    static func of(_ table: Table) -> RandomVocabulary {
        switch table {
        case .line: line
        case .encounter: encounter
        case .operation: operation
        case .diagnosis: diagnosis
        case .prescription: prescription
        case .settlement: settlement
        case .stock: stock
        default: scan
        }
    }

    private static let settings = ["inpatient", "outpatient", "pharmacy", "emergency"]
    private static let visit: [(name: String, values: [String])] = [
        ("encounter.setting", settings), ("encounter.diagnosis", RandomClaims.diagnoses), ("person.sex", ["M", "F"]),
        ("institution.kind", ["hospital", "clinic"]),
    ]

    private static let line = RandomVocabulary(
        texts: visit + [
            ("item", RandomClaims.items), ("item.kind", ["herb", "service"]), ("item.ingredient", ["x1", "x2"]),
            ("department", RandomClaims.departments), ("body_site", RandomClaims.sites),
            ("practitioner.title", ["chief", "resident"]),
        ],
        numbers: ["quantity", "quantity", "amount", "price", "in_scope", "days_supply", "minutes", "dose"],
        codes: ["item", "department", "practitioner", "institution", "body_site", "till", "operation"],
        keys: ["item", "encounter", "institution", "department", "practitioner", "body_site", "till", "operation"],
        periods: ["day", "day", "week", "month", "quarter", "year", "hour"],
        divisions: ["practitioner", "institution", "item", "till"])

    private static let encounter = RandomVocabulary(
        texts: [
            ("setting", settings), ("diagnosis", RandomClaims.diagnoses), ("person.sex", ["M", "F"]),
            ("institution.kind", ["hospital", "clinic"]), ("department", RandomClaims.departments),
            ("insurance", ["310", "390"]),
        ],
        numbers: ["care_level", "(DAY(end) - DAY(start))", "(end - start)"],
        codes: ["institution", "department", "practitioner", "ward", "diagnosis", "care_area"],
        keys: ["institution", "department", "practitioner", "ward", "diagnosis", "encounter"],
        periods: ["day", "day", "week", "month", "quarter", "year", "hour"],
        divisions: ["institution", "practitioner", "ward"])

    private static let operation = RandomVocabulary(
        texts: visit + [("code", ["81.54", "81.51", "47.0"]), ("anaesthesia", ["1", "2"])], numbers: ["minutes"],
        codes: ["code", "practitioner", "institution"], keys: ["practitioner", "institution", "encounter", "code"],
        divisions: ["practitioner", "institution"])

    private static let diagnosis = RandomVocabulary(
        texts: visit + [("code", RandomClaims.diagnoses)], numbers: ["sequence"],
        codes: ["code", "kind", "institution"],
        keys: ["code", "institution", "encounter"], divisions: ["institution"])

    private static let prescription = RandomVocabulary(
        texts: visit + [("practitioner", RandomClaims.practitioners)], numbers: [],
        codes: ["practitioner", "institution"],
        keys: ["practitioner", "institution", "encounter"], divisions: ["practitioner", "institution"])

    private static let settlement = RandomVocabulary(
        texts: visit + [("pool", ["370100", "370200"]), ("method", ["1", "2"])],
        numbers: ["total", "in_scope", "basic", "cash"], codes: ["pool", "institution"],
        keys: ["pool", "institution", "encounter"], divisions: ["institution", "pool"])

    private static let stock = RandomVocabulary(
        texts: [("kind", ["purchase", "sale"]), ("item", RandomClaims.items), ("item.kind", ["herb", "service"])],
        numbers: ["quantity"], codes: ["item", "institution"], keys: ["item", "institution"],
        divisions: ["institution", "item"], hasPerson: false)

    private static let scan = RandomVocabulary(
        texts: [("kind", ["sale", "return"]), ("item", RandomClaims.items), ("trace", ["z1", "z2"])], numbers: [],
        codes: ["trace", "item", "institution"], keys: ["trace", "item", "institution"],
        periods: ["day", "day", "week", "month", "hour"], divisions: ["trace", "institution", "item"], hasPerson: false)
}
