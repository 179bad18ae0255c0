import Columns

/// Who may do what, and what of it they see (权限矩阵): the file `knowledge/access/authority.yaml`, expanded into one table
/// over feature × role × area × department × state × class of field. What no grant gives is denied.
package struct Authority: Sendable {
    /// Whose matter it is, seen from the organisation of a post.
    package enum Area: String, CaseIterable, Sendable {
        case own, below, above, beside
        /// The other side of care outside the home area (异地就医).
        case cross
        /// The matter is about this organisation.
        case subject
    }

    package enum Department: String, CaseIterable, Sendable { case own, other, handed }

    /// The state that decides who may know of a matter: sealed before covert before closed before open.
    package enum State: String, CaseIterable, Sendable { case open, closed, covert, sealed }

    /// What is shown of a class of field.
    package enum Showing: Int, Comparable, CaseIterable, Sendable {
        case absent = 0
        case masked = 1
        case plain = 2
        package static func < (a: Showing, b: Showing) -> Bool { a.rawValue < b.rawValue }
    }

    package struct Role: Hashable, Sendable {
        package let id: String
        package let name: String
        /// One of the three administrators (三员): never together with any other role.
        package let isAdministrator: Bool
    }

    package struct Feature: Hashable, Sendable {
        package let id: String
        package let name: String
        /// Whether it is about a matter, and so about places and fields; otherwise about the system.
        package let isAboutMatter: Bool
    }

    package struct FieldClass: Hashable, Sendable {
        package let id: String
        package let name: String
    }

    /// Where a matter stands as seen from one post.
    package struct Place: Hashable, Sendable {
        package let area: Area
        package let department: Department
        package let state: State

        package init(area: Area, department: Department, state: State) {
            self.area = area
            self.department = department
            self.state = state
        }

        package static let all: [Place] = Area.allCases.flatMap { area in
            Department.allCases.flatMap { department in
                State.allCases.map { Place(area: area, department: department, state: $0) }
            }
        }
    }

    package let roles: [Role]
    package let features: [Feature]
    package let fieldClasses: [FieldClass]
    /// Fields by `field` or `procedure.field`, each of one class; others are classed by their kind.
    let listed: [String: FieldPlace]
    /// SHA-256 of the file.
    package let digest: String
    /// For every cell: 0 denied; otherwise bit 0 and two bits for each class of field.
    private var cells: [UInt32]
    private let roleIndex: [String: Int]
    private let featureIndex: [String: Int]

    static let fieldClassesMax = 15

    init(
        roles: [Role], features: [Feature], fieldClasses: [FieldClass], listed: [String: FieldPlace] = [:],
        digest: String
    ) {
        self.listed = listed
        self.roles = roles
        self.features = features
        self.fieldClasses = fieldClasses
        self.digest = digest
        roleIndex = Dictionary(roles.enumerated().map { ($1.id, $0) }) { first, _ in first }
        featureIndex = Dictionary(features.enumerated().map { ($1.id, $0) }) { first, _ in first }
        cells = [UInt32](repeating: 0, count: roles.count * features.count * Place.all.count)
    }

    private static let numbers = Dictionary(uniqueKeysWithValues: zip(Place.all, Place.all.indices))

    private func cell(_ feature: Int, _ role: Int, _ place: Place?) -> Int {
        (feature * roles.count + role) * Place.all.count + (place.flatMap { Self.numbers[$0] } ?? 0)
    }

    /// Adds to a cell; a class that two grants show is shown as the more open of them says.
    mutating func grant(_ feature: String, to role: String, at place: Place?, showing: [String: Showing]) {
        guard let feature = featureIndex[feature], let role = roleIndex[role] else { return }
        let index = cell(feature, role, place)
        var word = cells[index] | 1
        for (offset, field) in fieldClasses.enumerated() {
            let shift = UInt32(1 + 2 * offset)
            let shown = max(showing[field.id]?.rawValue ?? 0, Int(word >> shift & 3))
            word = word & ~(3 << shift) | UInt32(shown) << shift
        }
        cells[index] = word
    }

    /// What the roles together may do with a feature at a place. Unknown features and roles are denied, not an error.
    package func decide(_ feature: String, roles: Set<String>, at place: Place? = nil) -> Decision {
        guard let index = featureIndex[feature], features[index].isAboutMatter == (place != nil) else { return .denied }
        let words = roles.compactMap { roleIndex[$0] }.map { cells[cell(index, $0, place)] }
        guard words.contains(where: { $0 != 0 }) else { return .denied }
        var showing: [String: Showing] = [:]
        for (offset, field) in fieldClasses.enumerated() {
            let shown = words.map { Int($0 >> UInt32(1 + 2 * offset) & 3) }.max() ?? 0
            if let shown = Showing(rawValue: shown), shown != .absent { showing[field.id] = shown }
        }
        return Decision(isAllowed: true, showing: showing)
    }

    /// The places at which the roles may use a feature: what a list is made of.
    package func places(of feature: String, roles: Set<String>) -> [Place] {
        Place.all.filter { decide(feature, roles: roles, at: $0).isAllowed }
    }

    package func role(_ id: String) -> Role? { roleIndex[id].map { roles[$0] } }

    package struct Decision: Equatable, Sendable {
        package let isAllowed: Bool
        /// Classes that are not named are absent.
        package let showing: [String: Showing]

        package static let denied = Decision(isAllowed: false, showing: [:])

        package subscript(field: String) -> Showing { showing[field] ?? .absent }
    }
}
