import Claims
import Columns
import Rules
import Synchronization

/// A plan bound to what it will be run on: compiled rules, lists and master data as vocabulary codes, coverage.
///
/// Immutable once made; shared by all threads.
package final class Binding: @unchecked Sendable {
    let plan: Plan
    let program: Program
    /// What of the program says the same as something before it.
    let sayings: Sayings
    let rules: [CompiledRule]
    let knowledge: BoundKnowledge
    let masters: Masters
    let vocabulary: Vocabulary
    private(set) var coverageFrom: Int32
    private(set) var coverageTo: Int32
    private(set) var isClosedWorld: Bool
    /// Day on which open stays are taken to end.
    private(set) var horizonDay: Int32
    /// Per table position: the nodes that select list rows by date and area.
    let selections: [Selection]

    /// Per window: for conditions that depend on nothing but the related line's item, their truth (0, 1, 2 unknown) by
    /// item code. Set once, before any thread starts.
    var windowGates: [WindowGate?] = []

    /// By field of the item table: the code of that field for every item code, -1 unknown. Set once, before any
    /// thread starts.
    var itemAttributes: [Int: [Int32]] = [:]

    /// The diagnosis codes of the dataset in byte order; set once, before any thread starts.
    var diagnosisRanks = DiagnosisRanks([], Vocabulary())

    /// Per table position: nobody delivered the table. Set once, before any thread starts.
    var isAbsent = [Bool](repeating: false, count: Chunk.tableCount)

    /// Scopes with more rows are indexed and remembered, and sums slide over an eighth of that; smaller ones are scanned.
    /// Set once, before any thread starts.
    var largeScope = 192
    /// How many rows of an `EXISTS` about one person stand as evidence of a row that it flags: enough to prove it, and a
    /// timeline of many rows does not list itself for each of them. Set once, before any thread starts.
    var evidenceMost = 20
    /// Scopes of more rows than this are put in order of time for windows of days or seconds.
    var orderedScope: Int { largeScope * 6 }

    /// The vocabulary codes that occur in each code field of encounters; set once, before any thread starts.
    var encounterCodes: [Int: [Int32]] = [:]

    /// Conditions on encounters that sieves share, each with a number.
    let filterNumbers = Mutex<[[EncounterFilter.Condition]: Int]>([:])

    /// The cause when it is not known on which day a row was settled.
    let settlementDayCause: Int32

    /// Per table position: the cause when nobody delivered the table, or it is silent about a code.
    let tableCauses: [Int32]

    /// The cause when the smallest or largest of no rows is asked for.
    let emptyCause: Int32

    /// The cause when a row has no area by which a list could be chosen.
    let areaCause: Int32

    /// Rules across persons: the node of the partition key on focus rows, and on the rows of other tables.
    let partitionNodes: [Int: Int32]
    let relatedPartitionNodes: [Int: [(table: Table, node: Int32)]]

    struct Selection {
        var fee: Int32 = -1
        var discharge: Int32 = -1
        var settlement: Int32 = -1
        var care: Int32 = -1
        var home: Int32 = -1

        var nodes: [Int32] { [fee, discharge, settlement, care, home].filter { $0 >= 0 } }
    }

    // Field numbers that the evaluator reads by position.
    let encounterTable = Table.encounter.position
    let personTable = Table.person.position
    let lineTable = Table.line.position
    let amountField = Table.line.index(of: "amount") ?? 0
    let inScopeField = Table.line.index(of: "in_scope") ?? 0
    let quantityField = Table.line.index(of: "quantity") ?? 0
    let lineDayField = Table.line.index(of: "day") ?? 0
    let lineSecondField = Table.line.index(of: "second") ?? 0
    let settlementDayField = Table.settlement.index(of: "day") ?? 0
    let lineItemField = Table.line.index(of: "item") ?? 0
    let startDay: Int
    let startSecond: Int
    let endDay: Int
    let endSecond: Int
    let referenceDay: [Int]
    let referenceSecond: [Int]

    init(
        plan: Plan, vocabulary: Vocabulary, masters: Masters, coverage: Coverage, horizonDay: Int32
    ) {
        self.plan = plan
        self.vocabulary = vocabulary
        self.masters = masters
        coverageFrom = coverage.from
        coverageTo = coverage.to
        isClosedWorld = coverage.closedWorld
        self.horizonDay = horizonDay
        knowledge = BoundKnowledge(lists: plan.lists, vocabulary: vocabulary)
        startDay = Table.encounter.index(of: "start_day") ?? 0
        startSecond = Table.encounter.index(of: "start_second") ?? 0
        endDay = Table.encounter.index(of: "end_day") ?? 0
        endSecond = Table.encounter.index(of: "end_second") ?? 0
        referenceDay = Table.allCases.map { table in
            table.referenceTime.flatMap { table.index(of: $0.day) } ?? 0
        }
        referenceSecond = Table.allCases.map { table in
            table.referenceTime?.second.flatMap { table.index(of: $0) } ?? -1
        }
        var compiler = Compiler(knowledge: knowledge)
        selections = compiler.selections
        settlementDayCause = compiler.program.otherCause("settlement.day")
        emptyCause = compiler.program.otherCause("empty")
        areaCause = compiler.program.otherCause("area")
        tableCauses = Table.allCases.map { compiler.program.otherCause($0.rawValue) }
        rules = plan.rules.enumerated().map { compiler.compile(rule: $1, number: $0) }
        var own: [Int: Int32] = [:]
        var others: [Int: [(table: Table, node: Int32)]] = [:]
        for rule in rules {
            guard case .keyed(let key) = rule.partition else { continue }
            own[rule.number] = compiler.compile(key, Compiler.Context(rule: rule.rule))
            for (table, related) in rule.rule.relatedKeys(of: key) {
                let context = Compiler.Context(rule: rule.rule, related: table)
                others[rule.number, default: []].append((table, compiler.compile(related, context)))
            }
        }
        partitionNodes = own
        relatedPartitionNodes = others
        program = compiler.program
        sayings = Sayings(program, rules, knowledge)
    }

    /// What the next question's rows cover; for bindings that one thread uses for many questions.
    func cover(from: Int32, to: Int32, isClosed: Bool) {
        coverageFrom = from
        coverageTo = to
        isClosedWorld = isClosed
        horizonDay = to
    }

    func covers(_ from: Int128, _ to: Int128) -> Bool {
        from >= Int128(coverageFrom) && to <= Int128(coverageTo)
    }

    /// By vocabulary code: a number for the first `count` characters of the codes of an encounter's field; -1 for
    /// codes that do not occur there.
    func prefixNumbers(_ field: Int, _ count: Int) -> [Int32] {
        var numbers: [String: Int32] = [:]
        var table = [Int32](repeating: -1, count: vocabulary.count)
        for code in encounterCodes[field] ?? [] {
            let text = String(vocabulary.string(code).prefix(count))
            let number = numbers[text] ?? Int32(numbers.count)
            numbers[text] = number
            table[Int(code)] = number
        }
        return table
    }

    /// The fields of each table that the rules, or the writing of findings, read.
    func usedFields() -> [Table: Set<Int>] {
        var used: [Table: Set<Int>] = [:]
        func use(_ table: Table, _ names: String...) {
            for name in names { if let index = table.index(of: name) { used[table, default: []].insert(index) } }
        }
        use(.person, "id")
        use(.encounter, "id", "person", "institution", "start_day")
        use(.entitlement, "person", "from", "to")
        use(.line, "id", "encounter", "item", "day", "second", "quantity", "amount", "in_scope", "reverses")
        if knowledge.lists.contains(where: { $0.isDated && $0.source.dateSelector == .settlement }) {
            use(.settlement, "id", "encounter", "day", "reverses")
            use(.line, "settlement")
        }
        // Findings name the place and the item of their row, whatever the rule reads.
        for rule in rules { use(rule.rule.unit.table, "institution", "item") }
        for access in program.accesses {
            for hop in access.hops {
                if let field = hop.codeField { used[access.tableBefore(hop), default: []].insert(Int(field)) }
            }
            switch access.leaf {
            case .stored: used[access.path.table, default: []].insert(Int(access.field))
            case .day, .time:
                if let reference = access.path.table.referenceTime {
                    use(access.path.table, reference.day)
                    if let second = reference.second { use(access.path.table, second) }
                }
            case .start: use(.encounter, "start_day", "start_second")
            case .end: use(.encounter, "end_day", "end_second")
            case .identity: break
            }
            if access.path.start != .person { use(access.path.start, "encounter") }
        }
        return used
    }
}

extension Access {
    /// The table from which a hop leaves.
    func tableBefore(_ hop: Hop) -> Table {
        var table = path.start
        for (index, step) in hops.enumerated() {
            if step.table == hop.table && step.codeField == hop.codeField { return table }
            table = path.steps[index]
        }
        return table
    }
}
