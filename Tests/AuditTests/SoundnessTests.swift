import Claims
import Reference
import Rules
import Testing

/// Unknown means: some value, we do not know which. So whatever a rule says of data with gaps must still hold when the
/// gaps are filled, in every way; the interpreter is held to that with ways picked at random.
@Suite struct SoundnessTests {
    @Test func whatIsSaidOfGapsHoldsWhenTheyAreFilled() throws {
        var settled = 0
        // The two last found groups whose rows were only possible members.
        for seed in Array(1...10) + [103, 113] as [UInt64] {
            let plan = try Scratch.plan(RandomRules.package(seed: seed + 300, rules: 30, monotone: true))
            var settings = RandomClaims.Settings()
            settings.refundPercent = 0
            settings.unknownPercent = 8
            let data = RandomClaims.make(seed: seed, settings)
            let open = Verdicts(ReferenceInterpreter(plan: plan, data: data).findings())
            for attempt in 1...4 as ClosedRange<UInt64> {
                let filled = RandomClaims.completion(of: data, seed: seed * 10 + attempt)
                let truth = Verdicts(ReferenceInterpreter(plan: plan, data: filled).findings())
                for rule in plan.rules {
                    let lost = open.convicted(rule).filter { !truth.convicted(rule).contains($0) }
                    #expect(
                        lost.isEmpty, "\(rule.id), seed \(seed): convicted, but not when the gaps are filled: \(lost)")
                    let missed = truth.missed(rule, by: open)
                    #expect(
                        missed.isEmpty, "\(rule.id), seed \(seed): clear, but not when the gaps are filled: \(missed)")
                    settled += truth.convicted(rule).count
                }
            }
        }
        #expect(settled > 500)
    }
}

/// Which units were convicted and which left open, by rule.
private struct Verdicts {
    private var findings: [String: [ReferenceFinding]] = [:]

    init(_ all: [ReferenceFinding]) { findings = Dictionary(grouping: all, by: \.rule) }

    /// Rows, or keys of groups.
    func convicted(_ rule: Rule) -> Set<String> {
        let found = (findings[rule.id] ?? []).filter { $0.outcome != .undetermined }
        if case .row = rule.unit { return Set(found.flatMap(\.violating)) }
        return Set(found.map(\.key))
    }

    /// Convicted units of which the other says nothing at all.
    func missed(_ rule: Rule, by other: Verdicts) -> [String] {
        let said = other.findings[rule.id] ?? []
        let rows = Set(said.flatMap { $0.violating + $0.involved })
        let keys = Set(said.map(\.key))
        return (findings[rule.id] ?? []).filter { $0.outcome != .undetermined }.flatMap { finding -> [String] in
            if case .row = rule.unit {
                return finding.violating.filter { !Set(said.flatMap(\.violating)).contains($0) }
            }
            return keys.contains(finding.key) || finding.violating.contains(where: rows.contains) ? [] : [finding.key]
        }
    }
}
