import Claims
import Rules

extension Draft {
    /// Moves money between accounts. What is posted is a field's split, a sum, or all that an account holds (`balance.account`, the
    /// same account as `from`): fund by fund, and in a step on the whole matter item by item.
    mutating func post(_ posting: Step.Posting, _ step: Step, _ item: String) throws(Refusal) {
        if posting.amount?.source == "balance." + posting.from {
            let held = matter.coffers.filter { coffer, amount in
                let place = matter.coffer(posting.from, item.isEmpty ? coffer.item : item, coffer.part)
                return coffer == place && amount > 0
            }
            for (owner, coffers) in Dictionary(grouping: held, by: \.key.item).sorted(by: { $0.key < $1.key }) {
                let parts = coffers.map { ($0.key.part, $0.value) }
                try post(Dictionary(parts, uniquingKeysWith: +), posting, step, item.isEmpty ? owner : item)
            }
            return
        }
        var parts: [String: Int64] = [:]
        if let field = posting.field {
            switch matter.field(field, item: item) {
            case .split(let given): parts = given
            case .single(let value): if let fen = value.mantissa(scale: 2) { parts[""] = fen }
            case nil: break
            }
        } else if let fen = posting.amount?.value(facts(item, [:]).value)?.mantissa(scale: 2) {
            parts[""] = fen
        }
        guard !parts.isEmpty, parts.values.allSatisfy({ $0 >= 0 }) else {
            throw Refusal("CAS021", "“\(step.name)”的金额无法确定或为负")
        }
        try post(parts.filter { $0.value != 0 }, posting, step, item)
    }

    private mutating func post(_ parts: [String: Int64], _ posting: Step.Posting, _ step: Step, _ item: String)
        throws(Refusal)
    {
        guard !parts.isEmpty else { return }
        for (part, amount) in parts.sorted(by: { $0.key < $1.key }) {
            let source = matter.coffer(posting.from, item, part)
            let target = matter.coffer(posting.to, item, part)
            let account = procedure.accounts.first { $0.id == posting.from }
            let before = matter.coffers[source, default: 0]
            let (left, under) = before.subtractingReportingOverflow(amount)
            let (more, over) = matter.coffers[target, default: 0].addingReportingOverflow(amount)
            guard !under, !over, account?.isFree == true || left >= 0 else {
                throw Refusal(
                    "CAS021",
                    "\(part.isEmpty ? "" : part + " ")“\(account?.name ?? posting.from)”只有\(ScalarValue.money(fen: before))元，不足\(ScalarValue.money(fen: amount))元",
                    advice: "请核对金额与基金、统筹区")
            }
            matter.coffers[source] = left
            matter.coffers[target] = more
        }
        events.append(.posted(from: posting.from, to: posting.to, item: item, parts: parts))
    }
}
