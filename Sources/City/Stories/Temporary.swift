extension CityRun {
    var traceIsAutomatic: Bool { true }
    func stockShortage(institution: Int, item: Int) -> Int? { nil }
}
