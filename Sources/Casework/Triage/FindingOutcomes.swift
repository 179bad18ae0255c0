import Rules

/// What became of the findings of batches, by rule and kind of institution: what flows back to the rules (结果回流).
package struct FindingOutcomes: Sendable {
    package struct Key: Hashable, Sendable {
        package let rule: String
        package let institutionKind: String
    }

    /// Whether a decided finding was right, by its group key and rule: what a backtest takes as reviews.
    package private(set) var reviews: [(rule: String, key: String, isRight: Bool)] = []

    private var counts: [Key: (confirmed: Int, dropped: Int)] = [:]

    package init() {}

    package init(_ matters: some Sequence<Matter>) { for matter in matters { add(matter) } }

    package var precision: [Key: RulePrecision] {
        counts.mapValues { RulePrecision(confirmed: $0.confirmed, dropped: $0.dropped) }
    }

    /// Takes a matter of a procedure with findings; others have none and are passed over.
    package mutating func add(_ matter: Matter) {
        guard !matter.isVoid, let track = matter.procedure.track("finding"),
            matter.procedure.field("rule")?.item == "finding"
        else { return }
        let kind = matter.field("institution_kind")?.description ?? ""
        for item in matter.items where item.kind == "finding" {
            guard let fields = matter.fields[item.key], let rule = fields["rule"]?.description,
                let state = matter.state(track.id, item: item.key)
            else { continue }
            let isRight = track.state(state)?.isDecision == true
            guard isRight || state == "dropped" || state == "rule_withdrawn" else { continue }
            let key = Key(rule: rule, institutionKind: kind)
            if isRight {
                counts[key, default: (0, 0)].confirmed += 1
            } else {
                counts[key, default: (0, 0)].dropped += 1
            }
            if let group = fields["key"]?.description { reviews.append((rule, group, isRight)) }
        }
    }
}
