/// One making of a city-year: the town, the catalogue, the files, and who comes next.
///
/// Background persons are made one after the other, each from a stream of chance of its own; then come the stories.
final class CityRun {
    let plan: CityPlan
    let calendar: CityCalendar
    let catalogue: Catalogue
    let ailments: Ailments
    let demography: Demography
    let register: Register
    var town: Town
    private(set) var personCount = 0
    /// Packs sold at pharmacies, at `(pharmacy * items + item) * 12 + month`.
    var sold: [Int32]
    /// False while a story scans by itself.
    var scansAreAutomatic = true
    /// Packs that a story wants to be missing from the stock book of its pharmacy, by item.
    var plannedShortages: [Int: Int] = [:]
    /// The rows of those stock books, by item.
    var shortageRows: [Int: [String]] = [:]
    /// The place of each pharmacy in `sold`; -1 for other institutions.
    let pharmacyPlace: [Int]

    init(plan: CityPlan, folder: String) throws(CityError) {
        self.plan = plan
        calendar = CityCalendar(year: plan.year)
        catalogue = Catalogue()
        ailments = Ailments(catalogue)
        demography = Demography(calendar: calendar)
        register = try Register(folder: folder, year: plan.year)
        town = Town(calendar: calendar, persons: plan.persons, seed: plan.seed)
        var places = 0
        pharmacyPlace = town.institutions.map { institution in
            guard institution.kind == .pharmacy else { return -1 }
            places += 1
            return places - 1
        }
        sold = Array(repeating: 0, count: places * catalogue.items.count * 12)
    }

    /// The next person's number; numbers are given to background persons first.
    func nextPersonNumber() -> Int {
        defer { personCount += 1 }
        return personCount
    }

    func identifier(_ resident: Resident) -> [UInt8] { resident.identifier(seed: plan.seed) }

    /// Writes a visit and returns what it is called.
    @discardableResult
    func write(_ visit: Visit, _ resident: inout Resident, _ person: [UInt8]) -> Register.Written {
        register.write(visit, resident: &resident, person: person, city: self)
    }

    func item(_ key: String) -> Int { catalogue.number(key) }
}
