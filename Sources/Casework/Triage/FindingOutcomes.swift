import Rules

/// What became of the findings of batches, by rule and kind of institution: what flows back to the rules (结果回流).
package struct FindingOutcomes: Sendable {
    package struct Key: Hashable, Sendable {
        package let rule: String
        package let institutionKind: String
    }

    package private(set) var precision: [Key: RulePrecision] = [:]

    /// Reads matters of the two finding procedures; others have no findings and are passed over.
    package init(_ matters: some Sequence<Matter>) {
        var counts: [Key: (confirmed: Int, dropped: Int)] = [:]
        for matter in matters {
            guard let track = matter.procedure.track("finding"), matter.procedure.field("rule")?.item == "finding"
            else {
                continue
            }
            let kind = matter.field("institution_kind")?.description ?? ""
            for item in matter.items where item.kind == "finding" {
                guard let rule = matter.fields[item.key]?["rule"]?.description,
                    let state = matter.state(track.id, item: item.key)
                else { continue }
                let key = Key(rule: rule, institutionKind: kind)
                if track.state(state)?.isDecision == true {
                    counts[key, default: (0, 0)].confirmed += 1
                } else if state == "dropped" || state == "rule_withdrawn" {
                    counts[key, default: (0, 0)].dropped += 1
                }
            }
        }
        precision = counts.mapValues { RulePrecision(confirmed: $0.confirmed, dropped: $0.dropped) }
    }
}
