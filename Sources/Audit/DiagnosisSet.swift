import Claims
import Rules

/// The diagnoses for which a condition may hold, as intervals of ranks: found by asking the condition of every
/// diagnosis there is, as `ItemFacts` does with items.
///
/// A diagnosis that is not known, or is none of the dataset, may be any.
struct DiagnosisSet {
    let intervals: [ClosedRange<Int32>]
    private let admitted: [Bool]

    private init(admitted byRank: [Bool], _ binding: Binding) {
        var intervals: [ClosedRange<Int32>] = []
        var flags = [Bool](repeating: true, count: binding.diagnosisRanks.ranks.count)
        for (rank, code) in binding.diagnosisRanks.codes.enumerated() {
            flags[Int(code)] = byRank[rank]
            guard byRank[rank] else { continue }
            if let last = intervals.last, Int(last.upperBound) == rank - 1 {
                intervals[intervals.count - 1] = last.lowerBound...Int32(rank)
            } else {
                intervals.append(Int32(rank)...Int32(rank))
            }
        }
        self.intervals = intervals
        admitted = flags
    }

    /// What a window over the diagnoses of an encounter asks of each of them; nil when it asks nothing of the code
    /// alone. `EXISTS` cannot hold without a diagnosis of the set.
    init?(existsIn expression: Expression, _ binding: Binding) {
        guard case .aggregate(let aggregate) = expression.node, aggregate.function == .exists,
            let window = aggregate.window, window.table == .diagnosis, let filter = window.filter,
            window.same.contains(where: {
                $0.related.isIdentity(of: .encounter) && $0.focus.isIdentity(of: .encounter)
            })
        else { return nil }
        let compiled = binding.program.windows.first { window in
            window.table == UInt8(Table.diagnosis.position)
                && window.filterRest.contains { part in
                    filter.conjuncts.contains { $0.position == part.position }
                }
        }
        guard let compiled else { return nil }
        let node = binding.program.nodes[Int(compiled.filter)]
        var parts: [Int32] = []
        if compiled.filterRest.count == 1 {
            if Self.isAboutCode(compiled.filterRest[0], .related, binding) { parts = [compiled.filter] }
        } else {
            for (index, condition) in compiled.filterRest.enumerated()
            where Self.isAboutCode(condition, .related, binding) {
                parts.append(binding.program.operands[Int(node.first) + index])
            }
        }
        guard !parts.isEmpty else { return nil }
        let scratch = Scratchpad(binding)
        self.init(
            admitted: binding.diagnosisRanks.codes.indices.map { rank in
                !parts.contains { scratch.evaluator.evaluate($0, 0, rank).isFalse }
            }, binding)
    }

    /// The diagnoses that have a row in the list a rule about diagnoses is joined with; nil when there is no such list.
    init?(joined rule: CompiledRule, _ binding: Binding) {
        for match in rule.rule.lists where match.on.count == 1 {
            guard case .field(let path, .focus) = match.on[0].expression.node, Self.isCode(path) else { continue }
            let list = binding.knowledge.lists[binding.knowledge.number(of: match.list)]
            let column = list.columns[match.on[0].column]
            guard column.isCode || column.isPrefix else { continue }
            let index = list.index(column: match.on[0].column)
            self.init(admitted: binding.diagnosisRanks.codes.map { !index.rows($0).isEmpty }, binding)
            return
        }
        return nil
    }

    @inline(__always) func admits(_ code: Int32) -> Bool {
        code < 0 || Int(code) >= admitted.count || admitted[Int(code)]
    }

    private static func isCode(_ path: FieldPath) -> Bool {
        guard path.start == .diagnosis, path.steps.isEmpty, case .stored(let field) = path.field else { return false }
        return field == Table.diagnosis.index(of: "code")
    }

    private static func isAboutCode(_ expression: Expression, _ scope: RowScope, _ binding: Binding) -> Bool {
        switch expression.node {
        case .aggregate, .covered, .listColumn: return false
        case .field(let path, let own): return own == scope && isCode(path)
        case .inList(let list, _, let arguments):
            let bound = binding.knowledge.lists[binding.knowledge.number(of: list)]
            return bound.isPlain && arguments.allSatisfy { isAboutCode($0, scope, binding) }
        default: return expression.operands.allSatisfy { isAboutCode($0, scope, binding) }
        }
    }

    /// One diagnosis of every code there is, and the ordinary evaluator over them.
    private final class Scratchpad {
        let evaluator: Evaluator
        private let chunk = Chunk()

        init(_ binding: Binding) {
            evaluator = Evaluator(binding)
            let codes = binding.diagnosisRanks.codes
            let copy = chunk.arena.allocate(Int32.self, codes.count)
            for (rank, code) in codes.enumerated() { copy[rank] = code }
            var rows = chunk[.diagnosis]
            rows.rows = codes.count
            rows.isPresent = true
            let field = Table.diagnosis.index(of: "code") ?? 0
            rows.slots[field].kind = .code
            rows.slots[field].base = UnsafeRawPointer(copy)
            chunk[.diagnosis] = rows
            evaluator.enter(chunk)
            evaluator.focusTable = Table.diagnosis.position
        }
    }
}

/// Rows of a rule about diagnoses, or encounters, that have a diagnosis of the set.
final class DiagnosedSieve: SieveOperator {
    private let rule: Int
    private let set: DiagnosisSet
    private let focus: EncounterFilter?
    private let field = Table.diagnosis.index(of: "code") ?? 0

    /// `focus`: the rule is about encounters; nil: about the diagnoses themselves.
    init(_ rule: Int, _ set: DiagnosisSet, _ focus: EncounterFilter?) {
        self.rule = rule
        self.set = set
        self.focus = focus
    }

    override func run(_ context: SieveContext, _ lists: UnsafeMutablePointer<CandidateList>) {
        let diagnoses = context.rows(.diagnosis)
        let slot = diagnoses.slots[field]
        guard let parent = diagnoses.parent else {
            if focus != nil { lists[rule].append(all: 0..<context.encounters) }
            return
        }
        let encounters = context.rows(.encounter)
        for row in context.askedRows(diagnoses) ?? 0..<diagnoses.rows where set.admits(slot.code(row)) {
            guard let focus else {
                lists[rule].append(Int32(truncatingIfNeeded: row))
                continue
            }
            if focus.admits(Int(parent[row]), encounters) { lists[rule].append(parent[row]) }
        }
    }
}
