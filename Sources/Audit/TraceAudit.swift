import Claims
import Columns
import Rules

/// The online door for trace codes (在线追溯码审核): every scan that is known of some codes, answered as a batch over the
/// same scans would.
///
/// It asks the rules over scans whose keys and windows stay with one trace code. What else lies across persons (stock,
/// an institution's minute, its lines) takes more than a message's codes to decide and is not asked here. One thread at a
/// time may ask.
package final class TraceAudit {
    private let binding: Binding
    private let run: RuleRun
    private let rules: [CompiledRule]
    private let names: FindingDictionaries.Fixed

    /// `masters` are the rows of master tables.
    package init(plan: Plan, masters: [Table: [CaseRow]]) {
        let narrowed = Plan(
            rules: plan.rules.filter { $0.unit.table == .scan }, lists: plan.lists, packageName: plan.packageName,
            packageVersion: plan.packageVersion, packageHash: plan.packageHash)
        let vocabulary = Vocabulary()
        let known = Masters()
        let given = masters.filter { $0.key.role == .master }
        FamiliarCodes().intern(items: vocabulary, plan: narrowed, masters: given)
        binding = Binding(
            plan: narrowed, vocabulary: vocabulary, masters: known,
            coverage: Coverage(from: Int32.min, to: 0, closedWorld: false), horizonDay: 0)
        var tables = RowTables { vocabulary.intern($0) }
        let filled = Table.allCases.filter { given[$0] != nil }.map {
            ($0, tables.master($0, given[$0] ?? [], in: known.chunk))
        }
        for (table, rows) in filled { known.adopt(table, rows, codes: vocabulary.count) }
        vocabulary.freeze()
        for table in Table.allCases { binding.isAbsent[table.position] = table != .scan && given[table] == nil }
        binding.windowGates = Array(repeating: nil, count: binding.program.windows.count)
        let reach = Reach { [binding] table, _ in !binding.isAbsent[table.position] }
        rules = binding.rules.filter { Self.staysWithOneCode($0) && reach.reasonNotToRun($0) == nil }
        run = RuleRun(binding, keepsUndetermined: true)
        names = FindingDictionaries.Fixed(binding)
    }

    private static func staysWithOneCode(_ rule: CompiledRule) -> Bool {
        guard case .keyed(let key) = rule.partition, case .field(let path, _) = key.node, path.start == .scan,
            path.steps.isEmpty, case .stored(let field) = path.field, Table.scan.fields[field].name == "trace"
        else { return false }
        return rule.rule.expressions.allSatisfy { $0.windowTables.allSatisfy { $0 == .scan } }
    }

    /// The rules that are asked.
    package var ruleIdentifiers: Set<String> { Set(rules.map(\.rule.id)) }

    /// Findings with a scan of the message (`written`), violating or involved. `rows` are all scans that are known of the
    /// codes, those of the message among them.
    package func ask(
        _ rows: [TimelineRow], written: Set<String>, coverage: CaseTables.Coverage
    ) -> [TimelineAudit.Finding] {
        guard !rules.isEmpty, !rows.isEmpty else { return [] }
        let vocabulary = binding.vocabulary
        vocabulary.forgetLate()
        let ordered = rows.filter { $0.values[Self.trace] != nil }.sorted(by: Self.precedes)
        var tables = RowTables { vocabulary.lateCode($0) }
        let chunk = tables.movements(ordered, in: .scan)
        binding.cover(
            from: coverage.from?.number ?? Int32.min, to: coverage.to?.number ?? Self.latestDay(ordered),
            isClosed: coverage.closed)
        run.enter(chunk)
        for rule in rules {
            run.prepare(rule)
            for (number, range) in Self.partitions(ordered).enumerated() {
                var partition = [Range<Int>](repeating: 0..<0, count: Chunk.tableCount)
                partition[Table.scan.position] = range
                run.evaluator.partition = partition
                range.map { Int32($0) }.withUnsafeBufferPointer {
                    run.run(rule, rows: $0, partition: Int32(number))
                }
            }
        }
        let drafts = run.takeDrafts()
        for rule in rules { run.forgetTally(rule) }
        return tell(drafts, chunk).compactMap { record in
            let own = record.violating.filter { written.contains($0) }
            guard !own.isEmpty || record.involvedRows.contains(where: { written.contains($0.id) }) else { return nil }
            return TimelineAudit.Finding(
                record: record, written: own, earlier: record.violating.filter { !written.contains($0) })
        }
    }

    private func tell(_ drafts: [Draft], _ chunk: Chunk) -> [FindingsRecord] {
        guard !drafts.isEmpty else { return [] }
        func codes(_ name: String) -> Set<Int32> {
            let slot = chunk.slot(.scan, name)
            return Set((0..<chunk[.scan].rows).filter { slot.isValid($0) }.map { slot.code($0) })
        }
        let dictionaries = FindingDictionaries(
            binding, names, institutions: codes("institution"), items: codes("item"), pools: [])
        let encoder = FindingEncoder(binding, dictionaries)
        let order = drafts.indices.sorted {
            (drafts[$0].rule, drafts[$0].partition, drafts[$0].firstRow, $0)
                < (drafts[$1].rule, drafts[$1].partition, drafts[$1].firstRow, $1)
        }
        encoder.encode(drafts, order, in: chunk, evaluator: run.evaluator)
        let (columns, count) = encoder.take()
        let page = FindingsPage(
            views: columns.map(\.view),
            dictionaries: FindingColumns.Column.allCases.map { dictionaries.texts(of: $0) })
        // The page reads the columns where they lie.
        return withExtendedLifetime(columns) { (0..<count).map { page.record($0) } }
    }

    // MARK: Order

    private static let trace = Table.scan.index(of: "trace") ?? 0
    private static let day = Table.scan.index(of: "day") ?? 0
    private static let second = Table.scan.index(of: "second") ?? 0

    /// By code, then as movements lie in a batch: day, second, identifier; unknown before known.
    private static func precedes(_ a: TimelineRow, _ b: TimelineRow) -> Bool {
        if text(a) != text(b) { return text(a).utf8.lexicographicallyPrecedes(text(b).utf8) }
        let (x, y) = (time(a), time(b))
        return x != y ? x < y : a.id.utf8.lexicographicallyPrecedes(b.id.utf8)
    }

    private static func text(_ row: TimelineRow) -> String {
        if case .text(let text) = row.values[trace] { return text }
        return ""
    }

    private static func time(_ row: TimelineRow) -> (Int32, Int32) {
        guard case .day(let day) = row.values[day] else { return (Int32.min, Int32.min) }
        guard case .second(let second) = row.values[second] else { return (day, Int32.min) }
        return (day, second)
    }

    private static func latestDay(_ rows: [TimelineRow]) -> Int32 { rows.map { time($0).0 }.max() ?? 0 }

    private static func partitions(_ rows: [TimelineRow]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for index in rows.indices {
            if let last = ranges.last, text(rows[last.lowerBound]) == text(rows[index]) {
                ranges[ranges.count - 1] = last.lowerBound..<index + 1
            } else {
                ranges.append(index..<index + 1)
            }
        }
        return ranges
    }
}
