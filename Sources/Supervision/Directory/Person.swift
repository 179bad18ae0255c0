/// Who stands at the door, as of one moment (当事的工作人员): an account with every post it holds now.
package struct Caller: Sendable, Equatable {
    /// A post that is held now, and where it stands.
    package struct Holding: Sendable, Equatable {
        package let id: String
        package let post: String
        package let organisation: String
        /// The organisations from the root down to this one, each followed by `/`.
        package let path: String
        package let department: String
        package let roles: Set<String>
        /// own, lent, delegated.
        package let kind: String
    }

    package let account: String
    package let name: String
    package let holdings: [Holding]

    package var roles: Set<String> { holdings.reduce(into: []) { $0.formUnion($1.roles) } }
}

/// Where a matter lies, as far as authority goes.
package struct MatterPlace: Sendable, Equatable {
    /// The organisation that handles it, and the organisations from the root down to it.
    package let organisation: String
    package let path: String
    package let department: String
    package let state: Authority.State
    /// Organisations it was handed to, that are its other side across areas, that it is about.
    package let handedTo: Set<String>
    package let crossSides: Set<String>
    package let subjects: Set<String>

    package init(
        organisation: String, path: String, department: String, state: Authority.State, handedTo: Set<String> = [],
        crossSides: Set<String> = [], subjects: Set<String> = []
    ) {
        self.organisation = organisation
        self.path = path
        self.department = department
        self.state = state
        self.handedTo = handedTo
        self.crossSides = crossSides
        self.subjects = subjects
    }

    /// The place as seen from a post. What a matter is about comes first: whoever is its subject is nothing else to it.
    package func seen(from holding: Caller.Holding) -> Authority.Place {
        let area: Authority.Area =
            if subjects.contains(holding.organisation) {
                .subject
            } else if organisation == holding.organisation {
                .own
            } else if crossSides.contains(holding.organisation) {
                .cross
            } else if path.hasPrefix(holding.path) {
                .below
            } else if holding.path.hasPrefix(path) {
                .above
            } else {
                .beside
            }
        let isHanded = handedTo.contains(holding.organisation) && area != .own
        let isOwn = area == .subject || department.isEmpty || department == holding.department
        return Authority.Place(area: area, department: isHanded ? .handed : isOwn ? .own : .other, state: state)
    }
}

extension Authority {
    /// What a person may do with a matter: the best of what each post allows, each judged from where it stands. A role
    /// held in one county gives nothing in the next.
    package func decide(_ feature: String, _ caller: Caller, on matter: MatterPlace) -> Decision {
        var showing: [String: Showing] = [:]
        var isAllowed = false
        for holding in caller.holdings {
            let decision = decide(feature, roles: holding.roles, at: matter.seen(from: holding))
            guard decision.isAllowed else { continue }
            isAllowed = true
            for (field, shown) in decision.showing { showing[field] = max(showing[field] ?? .absent, shown) }
        }
        return isAllowed ? Decision(isAllowed: true, showing: showing) : .denied
    }

    package func allows(_ feature: String, _ caller: Caller) -> Bool {
        caller.holdings.contains { decide(feature, roles: $0.roles).isAllowed }
    }
}
