/// Lines of encounters that have an item which every group of the rule has (必有项目).
final class NeededItemSieve: SieveOperator {
    private let rule: Int
    private let gate: ItemGate
    private let needed: ItemGate

    /// The groups of the rule stay within an encounter.
    init(_ rule: Int, _ gate: ItemGate, _ needed: ItemGate) {
        self.rule = rule
        self.gate = gate
        self.needed = needed
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        // A list that awaits its rows costs nothing; lines of unknown items are added apart.
        guard !needed.codes.isEmpty else { return }
        let items = context.items
        for encounter in context.asked {
            let lines = context.lines(of: encounter)
            guard lines.contains(where: { needed.admits(items[$0]) }) else { continue }
            for line in lines where gate.admits(items[line]) {
                lists[rule].append(Int32(truncatingIfNeeded: line))
            }
        }
    }
}
