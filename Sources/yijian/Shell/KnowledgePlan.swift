import Rules

extension Surroundings {
    /// The checked rules and lists; nil where no package is named or found, and then rules are shown by identifier.
    func plan() throws -> Plan? { nil }
}
