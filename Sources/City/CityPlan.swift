/// What city-year is wanted (城市年的规模与种子).
///
/// Equal plans give equal bytes. About ten fee lines come from each person.
package struct CityPlan: Equatable, Sendable {
    package let seed: UInt64
    package let persons: Int
    package let year: Int

    /// Smaller or larger cities than these are refused: below, the stories find no room; above, identifiers would not.
    package static let allowedPersons = 500...20_000_000
    package static let allowedYears = 2001...2098

    package init(seed: UInt64 = 1, persons: Int = 200_000, year: Int = 2025) throws(CityError) {
        guard CityPlan.allowedPersons.contains(persons) else { throw .persons(persons) }
        guard CityPlan.allowedYears.contains(year) else { throw .year(year) }
        self.seed = seed
        self.persons = persons
        self.year = year
    }
}

/// What was written: rows and bytes of each file, in the order of their names.
package struct CitySummary: Equatable, Sendable {
    package struct File: Equatable, Sendable {
        package let name: String
        package let rows: Int
        package let bytes: Int
    }

    package let files: [File]
    package let stories: Int
    package let plantedHits: Int
    package let plantedNearMisses: Int

    package func rows(of name: String) -> Int { files.first { $0.name == name }?.rows ?? 0 }
}

/// Why a city could not be made.
package enum CityError: Error, Equatable, CustomStringConvertible {
    case persons(Int)
    case year(Int)
    case cannotWrite(path: String, reason: String)
    case cannotRead(path: String, reason: String)

    package var description: String {
        switch self {
        case .persons(let count):
            "CTY001: a city of \(count) persons cannot be made; choose \(CityPlan.allowedPersons.lowerBound) to "
                + "\(CityPlan.allowedPersons.upperBound)."
        case .year(let year):
            "CTY002: the year \(year) cannot be made; choose \(CityPlan.allowedYears.lowerBound) to "
                + "\(CityPlan.allowedYears.upperBound)."
        case .cannotWrite(let path, let reason):
            "CTY003: cannot write \(path): \(reason). Free some space or choose another folder, then run it again."
        case .cannotRead(let path, let reason):
            "CTY004: cannot read \(path): \(reason). Make the city again with `yijian demo`."
        }
    }
}
