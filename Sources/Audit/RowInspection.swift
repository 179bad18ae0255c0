import Claims
import Columns
import Rules

/// Why one row was flagged by one rule, or was not (为何判、为何不判): every condition with its values, as the evaluator
/// that decides sees them.
package struct RowInspection: Sendable {
    package enum Conclusion: String, Sendable {
        case flagged, undetermined, clear
        /// The dataset lacks what the rule needs.
        case notRun = "not run"
        /// The rule looks across persons; here its conditions on the row itself are shown.
        case acrossPersons = "across persons"
    }

    package enum Truth: String, Sendable { case yes, no, unknown }

    package enum Kind: String, Sendable { case validity, list, filter, test }

    /// One condition under one list row.
    package struct Step: Sendable {
        package let kind: Kind
        /// In the words of the rule language; for a list its name.
        package let text: String
        package let truth: Truth
        /// What was not known.
        package let cause: String?
        /// Both sides of its comparisons, with their values.
        package let sides: [(text: String, value: String)]
        /// Line of the list file that was matched, for what depends on it.
        package let listLine: Int?
    }

    package let rule: String
    package let version: String
    package let table: Table
    package let row: String
    package let person: String?
    package let conclusion: Conclusion
    /// Of a rule that cannot run: what is missing.
    package let reason: String?
    package let steps: [Step]
    /// Rows of the finding, or of the undetermined unit, that the row is in.
    package let violating: [String]
}

/// No row of the name.
package struct RowNotFound: Error {}

extension AuditRun {
    /// Looks at one row under the only rule of the plan. `id` names a row of the rule's unit, or a line of it.
    package static func inspect(dataset: Dataset, plan: Plan, row id: String) throws -> RowInspection {
        try AuditRun(dataset: dataset, plan: plan, options: AuditOptions()).inspect(id)
    }

    private func inspect(_ id: String) throws -> RowInspection {
        let rule = binding.rules[0]
        binding.windowGates = Array(repeating: nil, count: binding.program.windows.count)
        var counts = ClaimsReader.NettingCounts()
        for number in 0..<reader.chunkCount {
            let chunk = try reader.chunk(number, &counts)
            if let row = Self.find(id, rule.table, in: chunk) {
                return Inspector(binding, rule, chunk).inspect(row, id, reason)
            }
            reader.release(number)
        }
        throw RowNotFound()
    }

    private var reason: String? { notRunnable[binding.rules[0].rule.id] }

    /// The row of the rule's table that the name means.
    private static func find(_ id: String, _ table: Int, in chunk: Chunk) -> Int? {
        func row(_ table: Int) -> Int? {
            guard Table.allCases[table].identifier == "id" else { return nil }
            let names = chunk.tables[table].slots[0]
            var id = id
            return id.withUTF8 { wanted in
                (0..<chunk.tables[table].rows).first { row in
                    let own = names.utf8(row)
                    return own.count == wanted.count && own.elementsEqual(wanted)
                }
            }
        }
        if let own = row(table) { return own }
        guard table == Table.encounter.position, let line = row(Table.line.position) else { return nil }
        return chunk[.line].parent.map { Int($0[line]) }
    }
}

/// Evaluates the conditions of one rule for one row, one by one.
private final class Inspector {
    private let binding: Binding
    private let rule: CompiledRule
    private let chunk: Chunk
    private let run: RuleRun
    private var evaluator: Evaluator { run.evaluator }
    private var steps: [RowInspection.Step] = []

    init(_ binding: Binding, _ rule: CompiledRule, _ chunk: Chunk) {
        self.binding = binding
        self.rule = rule
        self.chunk = chunk
        run = RuleRun(binding, keepsUndetermined: true)
    }

    func inspect(_ row: Int, _ id: String, _ reason: String?) -> RowInspection {
        run.enter(chunk)
        run.prepare(rule)
        let person = evaluator.person(of: row)
        var conclusion = RowInspection.Conclusion.notRun
        var violating: [String] = []
        var isPersonal = false
        if case .person = rule.partition { isPersonal = true }
        if reason == nil {
            if isPersonal, person >= 0 {
                (conclusion, violating) = conclude(row, person)
            } else {
                conclusion = .acrossPersons
            }
            run.prepare(rule)
            collect(row, person, withTest: isPersonal)
        }
        let name = person >= 0 ? String(decoding: chunk[.person].slots[0].utf8(person), as: UTF8.self) : nil
        return RowInspection(
            rule: rule.rule.id, version: rule.rule.version, table: rule.rule.unit.table, row: id, person: name,
            conclusion: conclusion, reason: reason, steps: steps, violating: violating)
    }

    /// What a batch says of the units that the row is in.
    private func conclude(_ row: Int, _ person: Int) -> (RowInspection.Conclusion, [String]) {
        let rows = evaluator.personRows(rule.table, person).map { Int32($0) }
        rows.withUnsafeBufferPointer { run.run(rule, candidates: $0) }
        let own = run.takeDrafts().filter { $0.violating.contains(Int32(row)) || $0.firstRow == Int32(row) }
        guard let draft = own.first(where: { $0.outcome != .undetermined }) ?? own.first else { return (.clear, []) }
        var names: [String] = []
        for row in draft.violating {
            RowNames.with(rule.table, Int(row), chunk) { names.append(String(decoding: $0, as: UTF8.self)) }
        }
        return (draft.outcome == .undetermined ? .undetermined : .flagged, names)
    }

    private func collect(_ row: Int, _ person: Int, withTest: Bool) {
        if rule.rule.validFrom != nil || rule.rule.validTo != nil {
            let span = [rule.rule.validFrom, rule.rule.validTo].map { $0.map { "\($0)" } ?? "" }
            add(.validity, span.joined(separator: " … "), run.isInForce(rule, row), [], nil)
        }
        if rule.isGroup && withTest { gatherMembers(row, person) }
        var isMatched = rule.matches.isEmpty
        run.forEachMatch(rule, row) { truth in
            isMatched = true
            var line: Int?
            for (number, match) in rule.matches.enumerated() {
                let matched = Int(evaluator.matchRows[number])
                let list = binding.knowledge.lists[match.list].source
                line = matched >= 0 ? Int(list.lineNumbers[matched]) : nil
                add(.list, list.id, matched >= 0 ? .yes : .maybe, [], line)
            }
            for conjunct in rule.filterConjuncts { add(.filter, conjunct, row, line) }
            guard withTest else { return }
            for conjunct in rule.testConjuncts { add(.test, conjunct, row, line) }
        }
        if !isMatched {
            for match in rule.matches { add(.list, binding.knowledge.lists[match.list].source.id, .no, [], nil) }
        }
        evaluator.members.removeAll(keepingCapacity: true)
    }

    /// The group that the row is in: rows of its person that are looked at and share its keys.
    private func gatherMembers(_ row: Int, _ person: Int) {
        let keys = rule.keys.map { evaluator.evaluate($0, row) }
        evaluator.members = evaluator.personRows(rule.table, person).compactMap { other in
            let filter = rule.filter >= 0 && !rule.filterUsesLists ? evaluator.evaluate(rule.filter, other) : .yes
            if filter.isFalse { return nil }
            var truth = filter
            for (index, key) in rule.keys.enumerated() {
                truth = Evaluator.and(truth, .equal(keys[index], evaluator.evaluate(key, other)))
                if truth.isFalse { return nil }
            }
            return Evaluator.Member(row: Int32(other), isSure: truth.isTrue)
        }
    }

    private func add(_ kind: RowInspection.Kind, _ conjunct: CompiledRule.Conjunct, _ row: Int, _ line: Int?) {
        evaluator.firstUnknown = -1
        let value = evaluator.evaluate(conjunct.node, row)
        let cause = evaluator.firstUnknown
        var sides: [(text: String, value: String)] = []
        compare(conjunct.expression, conjunct.node, row, &sides)
        add(kind, text(conjunct.expression), value, sides, line, cause: cause)
    }

    private func add(
        _ kind: RowInspection.Kind, _ text: String, _ value: Value, _ sides: [(text: String, value: String)],
        _ line: Int?, cause: Int32 = -1
    ) {
        let truth: RowInspection.Truth = value.isTrue ? .yes : value.isFalse ? .no : .unknown
        let name = truth == .unknown && cause != -1 ? binding.program.causeName(cause) : nil
        steps.append(
            RowInspection.Step(kind: kind, text: text, truth: truth, cause: name, sides: sides, listLine: line))
    }

    /// The values of both sides of each comparison; what is written as a constant needs no showing.
    private func compare(
        _ expression: Expression, _ node: Int32, _ row: Int, _ sides: inout [(text: String, value: String)]
    ) {
        let program = binding.program
        let own = program.nodes[Int(node)]
        switch expression.node {
        case .and(let parts), .or(let parts):
            guard parts.count == Int(own.count) else { return }
            for (index, part) in parts.enumerated() {
                compare(part, program.operands[Int(own.first) + index], row, &sides)
            }
        case .not(let part): if own.a >= 0 { compare(part, own.a, row, &sides) }
        case .compare(_, let left, let right):
            guard own.a >= 0, own.b >= 0 else { return }
            let scale = max(left.scale, right.scale)
            for (side, node) in [(left, own.a), (right, own.b)] where !side.isConstant {
                sides.append((text(side), show(evaluator.evaluate(node, row), side, scale)))
            }
        default: return
        }
    }

    private func text(_ expression: Expression) -> String {
        ExpressionText.text(
            expression, lists: rule.rule.lists,
            columns: rule.matches.map { binding.knowledge.lists[$0.list].source.columns.map(\.name) })
    }

    private func show(_ value: Value, _ expression: Expression, _ scale: Int) -> String {
        func one(_ end: Int128) -> String {
            switch expression.type {
            case .number: Decimals.text(end, scale: scale)
            default: KeyText.text(.known(end), expression, binding.vocabulary)
            }
        }
        if value.isKnown { return one(value.lo) }
        guard case .number = expression.type else { return "未知" }
        switch (value.lo == Value.minusInfinity, value.hi == Value.infinity) {
        case (true, true): return "未知"
        case (false, true): return "至少\(one(value.lo))"
        case (true, false): return "至多\(one(value.hi))"
        case (false, false): return "\(one(value.lo))至\(one(value.hi))之间"
        }
    }
}

extension Expression {
    fileprivate var isConstant: Bool {
        switch node {
        case .number, .text, .boolean: true
        default: false
        }
    }
}
