import Claims
import Columns
import Rules

/// The online door (在线审核): the history of a person and the rows of one message, answered in milliseconds.
///
/// Rules are bound once; each question is evaluated by the same evaluator as a batch, over the rows that come with it.
/// What cannot be known from one timeline is said, not guessed: rules that look across persons are named as not run,
/// and what lies outside the coverage stays undetermined. One thread at a time may ask.
package final class TimelineAudit {
    /// Rows known so far, those of the message among them, and up to when they are complete.
    package struct Question: Sendable {
        /// A sheet, and the rows of it that are not taken, by table; none: all are taken.
        package struct Part: Sendable {
            package let sheet: TimelineSheet
            package let leftOut: [Table: [Bool]]

            package init(_ sheet: TimelineSheet, leftOut: [Table: [Bool]] = [:]) {
                self.sheet = sheet
                self.leftOut = leftOut
            }
        }

        /// What lies side by side: what a message says, its rows being written marked, and what was known before.
        package let parts: [Part]
        package let coverage: CaseTables.Coverage

        package init(_ parts: [Part], coverage: CaseTables.Coverage) {
            self.parts = parts
            self.coverage = coverage
        }

        /// `message`: identifiers of the rows that are now being written, by table.
        package init(rows: [Table: [CaseRow]], message: [Table: Set<String>], coverage: CaseTables.Coverage) {
            let sheet = TimelineSheet()
            for table in Table.allCases {
                for row in rows[table] ?? [] {
                    sheet.append(TimelineRow(row, in: table), to: table).isWritten =
                        message[table]?.contains(row.id) ?? false
                }
            }
            parts = [Part(sheet)]
            self.coverage = coverage
        }
    }

    /// A finding as a batch over the same rows would have it, and what of it is in the message.
    package struct Finding: Sendable {
        package let record: FindingsRecord
        /// Violating rows that the message writes: these are to be marked (本次违规).
        package let written: [String]
        /// Violating rows that were there before: for the message they are evidence.
        package let earlier: [String]
    }

    /// That a rule could not be decided (未决), and the first thing that was not known.
    package struct Open: Sendable {
        package let rule: String
        package let cause: String?

        package init(rule: String, cause: String?) {
            self.rule = rule
            self.cause = cause
        }

        package init(_ record: FindingsRecord) { self.init(rule: record.rule, cause: record.cause) }
    }

    package struct Answer: Sendable {
        /// Findings with a row of the message, violating or involved, in the order of a batch.
        package let findings: [Finding]
        /// What could not be decided about the message, where it was asked for in short; else it is among the findings.
        package let open: [Open]
        /// Everything that was found on the timelines given; only that about the message when nothing else was asked for.
        package let all: [FindingsRecord]
        /// Rules that could not be asked here, and why.
        package let notRun: [(rule: String, reason: String)]
        /// The day up to which open stays were taken to last.
        package let horizon: Day
    }

    private let plan: Plan
    private let masterRows: [Table: [CaseRow]]
    private let absent: Set<Table>
    /// The same, by position.
    private let isAbsent: [Bool]
    private let familiar: FamiliarCodes
    private(set) var bound: Bound
    /// Codes that questions brought and that were not familiar when the rules were bound.
    private var strangers = FamiliarCodes()

    /// `masters` are the rows of master tables; `absent` the tables that are not delivered. Questions with no other codes
    /// than `familiar` ones are sieved as a batch is; the answer is the same either way. What `stages` need is made ready.
    package init(
        plan: Plan, masters: [Table: [CaseRow]], absent: Set<Table>, familiar: FamiliarCodes = FamiliarCodes(),
        stages: [String?] = [nil]
    ) {
        precondition(!stages.isEmpty, "rules are bound for one stage at least; nil stands for all of them")
        self.plan = plan
        masterRows = masters.filter { $0.key.role == .master }
        self.absent = absent
        isAbsent = Table.allCases.map { absent.contains($0) }
        self.familiar = familiar
        bound = Self.bind(plan, masterRows, absent, familiar, stages)
    }

    /// The rules of a stage.
    func asked(_ stage: String?) -> Asked {
        if let known = bound.asked.first(where: { $0.stage == stage }) { return known }
        let made = Asked(StageSieves(stage, bound.runnable, bound.binding), bound.binding, bound.quick)
        bound.asked.append(made)
        return made
    }

    /// The same rules, bound with the codes that questions brought meanwhile.
    package func learned() -> TimelineAudit {
        TimelineAudit(
            plan: plan, masters: masterRows, absent: absent, familiar: familiar.union(strangers),
            stages: bound.asked.map(\.stage))
    }

    /// The number of codes that `learned()` would add.
    package var strangerCount: Int { strangers.count }

    /// The codes that questions brought, to be shared with other doors.
    package var codesMet: FamiliarCodes { familiar.union(strangers) }

    /// Rules that cannot be asked here, and why.
    package var notRun: [(rule: String, reason: String)] { bound.notRun }

    /// With `onlyMessage`, what has nothing to do with the message is neither evaluated nor told: the findings are the
    /// same, and a long history costs little. With `openInShort`, what could not be decided is told by rule and cause alone.
    /// At a `stage` only the rules are asked that have a disposition for it (处置); nil asks them all.
    package func ask(
        _ question: Question, at stage: String? = nil, onlyMessage: Bool = false, openInShort: Bool = false
    ) throws(RowRefusal) -> Answer {
        let laid = try lay(question, at: stage, onlyMessage: onlyMessage)
        var drafts = judge(laid)
        var open: [Open] = []
        if openInShort {
            open = drafts.inFileOrder.map { drafts[$0] }.filter { draft in
                draft.outcome == .undetermined
                    && laid.written.concern(draft, bound.binding.rules[Int(draft.rule)].table)
            }.map(self.open)
            drafts.removeAll { $0.outcome == .undetermined }
        }
        let records = tell(drafts, laid)
        let findings = zip(records, drafts.inFileOrder).compactMap { finding($0, drafts[$1], laid) }
        return Answer(
            findings: findings, open: open, all: records, notRun: bound.notRun,
            horizon: Day(number: bound.binding.horizonDay))
    }

    private func open(_ draft: Draft) -> Open {
        Open(rule: bound.binding.rules[Int(draft.rule)].rule.id, cause: bound.names.cause(draft.cause))
    }

    /// A question in columns, as the evaluator reads it.
    struct Laid {
        let stage: String?
        let chunk: Chunk
        let written: WrittenRows
        /// What has nothing to do with the written rows is not asked for.
        let onlyWritten: Bool
    }

    /// The first of three steps of an answer: columns, findings by row numbers, findings in words.
    func lay(_ question: Question, at stage: String? = nil, onlyMessage: Bool) throws(RowRefusal) -> Laid {
        let binding = bound.binding
        let vocabulary = binding.vocabulary
        vocabulary.forgetLate()
        var tables = RowTables(needed: bound.needed) { vocabulary.lateCode($0) }
        let chunk = try tables.timelines(question.parts, absent: isAbsent)
        // What was taken back was seen as well: it says how far history reaches.
        let to = question.coverage.to?.number ?? Self.latestDay(in: chunk)
        var counts = ClaimsReader.NettingCounts()
        Netting.apply(to: chunk, fields: Self.lineFields, &counts)
        Netting.dropReversedSettlements(of: chunk, fields: Self.settlementFields)
        binding.cover(from: question.coverage.from?.number ?? Int32.min, to: to, isClosed: question.coverage.closed)
        return Laid(stage: stage, chunk: chunk, written: WrittenRows(tables.written, chunk), onlyWritten: onlyMessage)
    }

    private static let lineFields = Array(Table.line.fields.indices)
    private static let settlementFields = Array(Table.settlement.fields.indices)

    /// Whether the sieves know every code of the chunk. What they do not know is noted.
    private func isFamiliar(_ chunk: Chunk) -> Bool {
        let vocabulary = bound.binding.vocabulary
        var isFamiliar = true
        let itemCount = Int32(vocabulary.itemCount)
        let items = chunk.tables[Table.line.position]
        if Self.hasStranger(bound.binding.lineItemField, items, { $0 >= itemCount ? 1 : 0 }) {
            isFamiliar = false
            let slot = items.slots[bound.binding.lineItemField]
            for row in 0..<items.rows where slot.code(row) >= itemCount {
                strangers.add(item: vocabulary.string(slot.code(row)))
            }
        }
        for place in bound.known.places {
            let rows = chunk.tables[place.table.position]
            guard Self.hasStranger(place.field, rows, { place.strangeness(of: $0) }) else { continue }
            isFamiliar = false
            let slot = rows.slots[place.field]
            for row in 0..<rows.rows where place.strangeness(of: slot.code(row)) != 0 {
                strangers.add(vocabulary.string(slot.code(row)), in: place.table, field: place.field)
            }
        }
        return isFamiliar
    }

    /// Looks at every code without a branch: nearly always there is no stranger.
    @inline(__always) private static func hasStranger(
        _ field: Int, _ rows: TableRows, _ strangeness: (Int32) -> UInt8
    ) -> Bool {
        let slot = rows.slots[field]
        guard slot.kind == .code else { return false }
        var found: UInt8 = 0
        if slot.validity == nil, slot.remap == nil {
            let codes = slot.int32s
            for row in 0..<rows.rows { found |= strangeness(codes[row]) }
        } else {
            for row in 0..<rows.rows { found |= strangeness(slot.code(row)) }
        }
        return found != 0
    }

    /// What was found, sieved where that is sound, else of every row of every rule.
    func judge(_ laid: Laid) -> [Draft] {
        let chunk = laid.chunk
        let run: RuleRun
        let asked = asked(laid.stage)
        bound.isQuickLast = isFamiliar(chunk)
        if bound.isQuickLast {
            run = bound.quick
            run.enter(chunk)
            asked.sieve.find(in: chunk, written: laid.onlyWritten ? laid.written.extent : nil)
            for index in asked.sieve.hits { ask(asked.rules[index], asked.sieve.candidates(index), run, laid) }
        } else {
            run = bound.run
            run.enter(chunk)
            for rule in asked.rules {
                let rows = (0..<Int32(chunk.tables[rule.table].rows)).map { $0 }
                rows.withUnsafeBufferPointer { ask(rule, $0, run, laid) }
            }
        }
        var drafts = run.takeDrafts()
        if laid.onlyWritten, !drafts.isEmpty {
            drafts.removeAll { !laid.written.concern($0, bound.binding.rules[Int($0.rule)].table) }
        }
        return drafts
    }

    private func ask(_ rule: CompiledRule, _ candidates: UnsafeBufferPointer<Int32>, _ run: RuleRun, _ laid: Laid) {
        defer { run.forgetTally(rule) }
        guard laid.onlyWritten else { return run.run(rule, candidates: candidates) }
        run.run(rule, candidates: laid.written.among(candidates, rule.table, bound.breadths[rule.number]))
    }

    /// The findings with identifiers in place of row numbers.
    func tell(_ drafts: [Draft], _ laid: Laid) -> [FindingsRecord] {
        guard !drafts.isEmpty else { return [] }
        let chunk = laid.chunk
        func codes(_ fields: [(table: Table, field: Int)]) -> Set<Int32> {
            var found: Set<Int32> = []
            for (table, field) in fields {
                let slot = chunk[table].slots[field]
                for row in 0..<chunk[table].rows where slot.isValid(row) { found.insert(slot.code(row)) }
            }
            return found
        }
        // A finding names the item of its first row.
        var items: Set<Int32> = []
        let item = chunk[.line].slots[bound.binding.lineItemField]
        for draft in drafts where bound.binding.rules[Int(draft.rule)].table == bound.binding.lineTable {
            if item.isValid(Int(draft.firstRow)) { items.insert(item.code(Int(draft.firstRow))) }
        }
        let dictionaries = FindingDictionaries(
            bound.binding, bound.names, institutions: codes(Self.institutionFields), items: items,
            pools: codes(Self.poolFields))
        let encoder = FindingEncoder(bound.binding, dictionaries)
        encoder.encode(
            drafts, drafts.inFileOrder, in: chunk,
            evaluator: (bound.isQuickLast ? bound.quick : bound.run).evaluator)
        let (columns, count) = encoder.take()
        let page = FindingsPage(
            views: columns.map(\.view),
            dictionaries: FindingColumns.Column.allCases.map { dictionaries.texts(of: $0) })
        // The page reads the columns where they lie.
        return withExtendedLifetime(columns) { (0..<count).map { page.record($0) } }
    }

    private static let institutionFields = fields([(.encounter, "institution"), (.prescription, "institution")])
    private static let poolFields = fields([(.settlement, "pool")])
    private static let dayFields = fields([(.line, "day"), (.encounter, "start_day"), (.encounter, "end_day")])

    /// Places of fields, found once; what the model does not have is left out.
    private static func fields(_ names: [(Table, String)]) -> [(table: Table, field: Int)] {
        names.compactMap { table, name in table.index(of: name).map { (table, $0) } }
    }

    /// nil when the finding has nothing to do with the message. The rows of a record stand in the order of its draft.
    private func finding(_ record: FindingsRecord, _ draft: Draft, _ laid: Laid) -> Finding? {
        let table = bound.binding.rules[Int(draft.rule)].table
        guard laid.written.concern(draft, table) else { return nil }
        var (written, earlier) = ([String](), [String]())
        for (row, name) in zip(draft.violating, record.violating) {
            if laid.written.isWritten(table, Int(row)) { written.append(name) } else { earlier.append(name) }
        }
        return Finding(record: record, written: written, earlier: earlier)
    }

    /// The last day on which a line or an encounter is seen.
    private static func latestDay(in chunk: Chunk) -> Int32 {
        var latest: Int32?
        for (table, field) in dayFields {
            let slot = chunk[table].slots[field]
            for row in 0..<chunk[table].rows where slot.isValid(row) {
                latest = max(latest ?? Int32.min, slot.int32s[row])
            }
        }
        return latest ?? 0
    }
}
