import Claims
import Rules

/// The conditions of each rule that the short way of evaluation understands: asked of a row before anything is
/// prepared for the rule (先行条件).
///
/// A condition that is known to be false decides: the rule is clear for that row, or the row is no member of a group,
/// whatever else is unknown. What is not known to be false goes on to the whole evaluation.
final class PlainConditions {
    private let starts: UnsafeMutablePointer<Int32>
    private let nodes: UnsafeMutablePointer<Int32>

    init(_ rules: [CompiledRule], _ evaluator: Evaluator) {
        var starts: [Int32] = [0]
        var nodes: [Int32] = []
        for rule in rules {
            // The test of a group is about its members together.
            for conjunct in rule.filterConjuncts + (rule.isGroup ? [] : rule.testConjuncts)
            where evaluator.nodes[Int(conjunct.node)].isSimple && !evaluator.nodes[Int(conjunct.node)].readsList {
                nodes.append(conjunct.node)
            }
            starts.append(Int32(nodes.count))
        }
        self.starts = .allocate(capacity: starts.count)
        self.starts.initialize(from: starts, count: starts.count)
        self.nodes = .allocate(capacity: max(1, nodes.count))
        self.nodes.initialize(from: nodes, count: nodes.count)
    }

    deinit {
        starts.deallocate()
        nodes.deallocate()
    }

    /// False when a condition of the rule is known to fail for the row.
    @inline(__always) func mayHold(_ rule: Int, _ row: Int, _ evaluator: Evaluator) -> Bool {
        var next = Int(starts[rule])
        let end = Int(starts[rule &+ 1])
        while next < end {
            var truth: Int64 = 1
            if evaluator.known(evaluator.nodes + Int(nodes[next]), row, -1, &truth), truth == 0 { return false }
            next &+= 1
        }
        return true
    }
}
