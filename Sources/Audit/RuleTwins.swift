import Rules

/// Rules that say the same as an earlier one are not asked (同问同答): what that one finds is theirs too, under their own names.
struct RuleTwins: Sendable {
    /// The rules that are asked.
    let asked: [CompiledRule]
    /// Those that are not, by number of rule, with the one that is asked for them.
    let spokenFor: [Int: CompiledRule]
    /// By number of rule: the rules that have its findings, itself first; none for those that are not asked.
    private let voices: [[Int32]]

    /// `isGeneral`: all are asked.
    init(_ rules: [CompiledRule], _ binding: Binding, isGeneral: Bool) {
        var asked: [CompiledRule] = []
        var spokenFor: [Int: CompiledRule] = [:]
        var voices: [[Int32]] = binding.rules.map { [Int32($0.number)] }
        var known: [Int32: CompiledRule] = [:]
        for rule in rules {
            let question = binding.sayings.rules[rule.number]
            if !isGeneral, let first = known[question] {
                spokenFor[rule.number] = first
                voices[first.number].append(Int32(rule.number))
                voices[rule.number] = []
            } else {
                known[question] = rule
                asked.append(rule)
            }
        }
        self.asked = asked
        self.spokenFor = spokenFor
        self.voices = voices
    }

    /// The rules that have the findings of a rule that is asked.
    @inline(__always) func voices(of rule: Int32) -> [Int32] { voices[Int(rule)] }

    /// Whether a rule that has something here speaks for others.
    func speakForOthers(_ drafts: [Draft]) -> Bool {
        !spokenFor.isEmpty && drafts.contains { voices[Int($0.rule)].count > 1 }
    }

    /// What a rule was asked was asked for those it speaks for.
    func spread(_ tallies: inout [RuleTally]) {
        for (rule, first) in spokenFor { tallies[rule] = tallies[first.number] }
    }

    /// The findings of drafts by person, then rule, then first row.
    func findings(of drafts: [Draft]) -> [Finding] {
        var ordered: [(key: UInt64, row: Int32, draft: Int32)] = []
        ordered.reserveCapacity(drafts.count * 4)
        for (place, draft) in drafts.enumerated() {
            let partition = UInt64(UInt32(bitPattern: draft.partition)) << 32
            for rule in voices[Int(draft.rule)] {
                ordered.append((partition | UInt64(UInt32(bitPattern: rule)), draft.firstRow, Int32(place)))
            }
        }
        ordered.sort { $0.key != $1.key ? $0.key < $1.key : $0.row != $1.row ? $0.row < $1.row : $0.draft < $1.draft }
        return ordered.map {
            Finding(
                draft: $0.draft, rule: Int32(truncatingIfNeeded: $0.key), listRow: drafts[Int($0.draft)].listRow)
        }
    }

    /// A draft as a finding of one of the rules that have it.
    struct Finding {
        let draft: Int32
        let rule: Int32
        let listRow: Int32
    }
}
