import Claims
import Columns
import Rules

/// How the rules of the online door are bound (规则绑定): once, for many questions.
extension TimelineAudit {
    /// What is made once and used for many questions.
    struct Bound {
        /// Which of the two runs the last question went to.
        var isQuickLast = true
        let binding: Binding
        /// Takes any question.
        let run: RuleRun
        /// Takes questions whose codes are all familiar, after the sieves of a batch.
        let quick: RuleRun
        /// The rules that are asked at the stages that were met.
        var asked: [Asked]
        let known: KnownPlaces
        /// Per table position, the fields that rules, netting and evidence read.
        let needed: [[Bool]]
        let runnable: [CompiledRule]
        /// By number of rule: how far apart the rows of one finding may lie.
        let breadths: [CompiledRule.Breadth]
        let notRun: [(rule: String, reason: String)]
        /// The dictionaries of findings, as far as they are always the same.
        let names: FindingDictionaries.Fixed
    }

    /// Fields whose codes the sieves must know, and which they know there.
    final class KnownPlaces {
        struct Place {
            let table: Table
            let field: Int
            /// By code, counted from -1 (not known, which is no stranger) to one beyond the last: 1 where it is strange.
            fileprivate let strange: UnsafeMutablePointer<UInt8>
            fileprivate let count: Int

            @inline(__always) func strangeness(of code: Int32) -> UInt8 { strange[min(Int(code), count) &+ 1] }
        }

        let places: [Place]

        init(_ known: [(FamiliarCodes.Place, [Int32])], count: Int) {
            places = known.map { place, codes in
                let strange = UnsafeMutablePointer<UInt8>.allocate(capacity: count + 2)
                strange.initialize(repeating: 1, count: count + 2)
                for code in codes + [-1] { strange[Int(code) + 1] = 0 }
                return Place(table: place.table, field: place.field, strange: strange, count: count)
            }
        }

        deinit { for place in places { place.strange.deallocate() } }
    }

    /// The rules of a stage, and how their candidates are found.
    struct Asked {
        /// nil: of all stages.
        let stage: String?
        let sieves: SievePlan
        let sieve: Sieve

        init(_ sieves: StageSieves, _ binding: Binding, _ quick: RuleRun) {
            stage = sieves.stage
            self.sieves = sieves.plan
            sieve = Sieve(sieves.plan, binding, quick.evaluator)
        }

        var rules: [CompiledRule] { sieves.rules }
    }

    /// The sieves of a stage. They are planned before the evaluator is made, which takes over what they know of items.
    struct StageSieves {
        let stage: String?
        let plan: SievePlan

        init(_ stage: String?, _ runnable: [CompiledRule], _ binding: Binding) {
            self.stage = stage
            plan = SievePlan(
                runnable.filter { Self.speaks($0.rule, at: stage) }, binding, isGeneral: false)
        }

        /// A rule speaks where it has a disposition; in shadow (影子运行) the batch alone asks it.
        private static func speaks(_ rule: Rule, at stage: String?) -> Bool {
            guard let stage else { return true }
            return rule.disposition[stage] != nil && !Rule.isShadow(rule.id)
        }
    }

    static func bind(
        _ plan: Plan, _ rows: [Table: [CaseRow]], _ absent: Set<Table>, _ familiar: FamiliarCodes, _ stages: [String?]
    ) -> Bound {
        let vocabulary = Vocabulary()
        familiar.intern(items: vocabulary, plan: plan, masters: rows)
        let masters = Masters()
        let binding = Binding(
            plan: plan, vocabulary: vocabulary, masters: masters,
            coverage: Coverage(from: Int32.min, to: 0, closedWorld: false), horizonDay: 0)
        let known = familiar.intern(others: vocabulary)
        var tables = RowTables { vocabulary.intern($0) }
        let filled = Table.allCases.filter { $0.role == .master && !absent.contains($0) }.map {
            ($0, tables.master($0, rows[$0] ?? [], in: masters.chunk))
        }
        for (table, filled) in filled { masters.adopt(table, filled, codes: vocabulary.count) }
        vocabulary.freeze()
        for table in Table.allCases {
            binding.isAbsent[table.position] = absent.contains(table) || table.role == .movement
        }
        binding.windowGates = Array(repeating: nil, count: binding.program.windows.count)
        let run = RuleRun(binding, keepsUndetermined: true)
        var runnable: [CompiledRule] = []
        var notRun: [(rule: String, reason: String)] = []
        for rule in binding.rules {
            if case .person = rule.partition {
                if let reason = Reach(isThere: { table, _ in !binding.isAbsent[table.position] }).reasonNotToRun(rule) {
                    notRun.append((rule.rule.id, reason))
                } else {
                    runnable.append(rule)
                }
            } else {
                notRun.append((rule.rule.id, "it looks across persons, which one timeline does not show"))
            }
        }
        let isKnown = KnownPlaces(known, count: vocabulary.count)
        for (place, codes) in known {
            if place.table == .encounter { binding.encounterCodes[place.field] = codes.sorted() }
            if place.table == .diagnosis { binding.diagnosisRanks = DiagnosisRanks(Set(codes), vocabulary) }
        }
        let sieves = stages.map { StageSieves($0, runnable, binding) }
        let quick = RuleRun(binding, keepsUndetermined: true)
        return Bound(
            binding: binding, run: run, quick: quick, asked: sieves.map { Asked($0, binding, quick) }, known: isKnown,
            needed: needed(binding), runnable: runnable, breadths: binding.rules.map(\.breadth), notRun: notRun,
            names: FindingDictionaries.Fixed(binding))
    }

    private static func needed(_ binding: Binding) -> [[Bool]] {
        var used = binding.usedFields()
        for table in ClaimsReader.timeline { used[table, default: []].insert(0) }
        used[.diagnosis] = Set(Table.diagnosis.fields.indices)
        used[.settlement] = Set(Table.settlement.fields.indices)
        used[.line, default: []].formUnion(Losses.lineFields.compactMap { Table.line.index(of: $0) })
        used[.line, default: []].formUnion(
            ["day", "second", "item", "quantity", "amount", "in_scope", "reverses"].compactMap {
                Table.line.index(of: $0)
            })
        used[.encounter, default: []].formUnion(
            ["institution", "start_day", "end_day"].compactMap { Table.encounter.index(of: $0) })
        used[.operation, default: []].formUnion(["day", "second"].compactMap { Table.operation.index(of: $0) })
        used[.prescription] = Set(Table.prescription.fields.indices)
        used[.entitlement] = Set(Table.entitlement.fields.indices)
        return Table.allCases.map { table in table.fields.indices.map { used[table]?.contains($0) ?? false } }
    }
}
