import Claims
import Columns
import Rules

/// The dictionaries of a findings file: known before the first finding, so that they stand at its head.
final class FindingDictionaries: @unchecked Sendable {
    /// The part that is the same for every finding of a binding, made once.
    final class Fixed: @unchecked Sendable {
        let texts: [FindingColumns.Column: [String]]
        let tables: [Int: StringTable]
        let causeNumbers: [Int32]
        /// By number of rule.
        let names: [RuleName]

        init(_ binding: Binding) {
            causeNumbers =
                Array(binding.program.accesses.indices.map { Int32($0) })
                + [Draft.causeCoverage, Draft.causeOverflow, Draft.causeDivision]
                + binding.program.otherCauses.indices.map { Draft.firstOtherCause - Int32($0) }
            let rules = binding.rules.map(\.rule)
            names = binding.rules.map { RuleName($0, binding.knowledge) }
            var texts: [FindingColumns.Column: [String]] = [
                .rule: rules.map(\.id), .version: rules.map(\.version),
                .category: ["policy", "management", "medical"],
                .outcome: FindingDictionaries.outcomeList.map(\.rawValue) + ["stated"],
                .unit: FindingDictionaries.tableNames, .list: binding.knowledge.lists.map(\.source.id),
                .violatingTable: FindingDictionaries.tableNames, .involvedTable: FindingDictionaries.tableNames,
                .lossMethod: FindingDictionaries.lossMethods, .cause: causeNumbers.map(binding.program.causeName),
                .source: ["yijian"], .package: ["\(binding.plan.packageName) \(binding.plan.packageVersion)"],
                .packageHash: [binding.plan.packageHash],
            ]
            for (column, names) in texts where names.isEmpty { texts[column] = [""] }
            self.texts = texts
            tables = Dictionary(uniqueKeysWithValues: texts.map { ($0.rawValue, StringTable($1)) })
        }

        /// The place of a draft's cause in the dictionary of causes.
        func place(ofCause number: Int32) -> Int32 {
            number >= 0 ? number : Int32(causeNumbers.firstIndex(of: number) ?? 0)
        }

        /// What a draft's cause is called in a record.
        func cause(_ number: Int32) -> String? {
            let names = texts[.cause] ?? []
            let place = Int(place(ofCause: number))
            return place < names.count ? names[place] : nil
        }
    }

    /// What every finding has of its rule.
    struct RuleName {
        let id: String
        let number: Int32
        let category: Int32
        let grade: Int32
        /// The list that decided, and where its rows stand; -1: none.
        let list: Int32
        let lines: [Int32]

        init(_ rule: CompiledRule, _ knowledge: BoundKnowledge) {
            id = rule.rule.id
            number = Int32(rule.number)
            category = ["policy", "management"].firstIndex(of: rule.rule.category).map { Int32($0) } ?? 2
            grade = Int32(rule.rule.grade)
            list = rule.matches.first.map { Int32($0.list) } ?? -1
            lines = rule.matches.first.map { knowledge.lists[$0.list].source.lineNumbers } ?? []
        }
    }

    /// Vocabulary code → place in a dictionary; -1 elsewhere. A table for many codes, a search for few.
    struct Places {
        private let codes: [Int32]
        private let dense: [Int32]

        init(_ ordered: [Int32], size: Int) {
            codes = ordered
            guard ordered.count > 64 else {
                dense = []
                return
            }
            var places = [Int32](repeating: -1, count: size)
            for (place, code) in ordered.enumerated() { places[Int(code)] = Int32(place) }
            dense = places
        }

        subscript(code: Int) -> Int32 {
            if !dense.isEmpty { return code < dense.count ? dense[code] : -1 }
            return codes.firstIndex(of: Int32(truncatingIfNeeded: code)).map { Int32($0) } ?? -1
        }
    }

    /// By number of column.
    let tables: [Int: StringTable]
    private let texts: [FindingColumns.Column: [String]]
    private let fixed: Fixed
    let institutionOf: Places
    let itemOf: Places
    let poolOf: Places
    /// How many pools there are, and then the one of several.
    let poolCount: Int

    static let lossMethods = ["ratio", "unknown"]
    static let outcomeList: [Outcome] = [.violation, .suspicion, .undetermined, .error]
    static let tableNames = Table.allCases.map(\.rawValue) + Table.allCases.map { "group of \($0.rawValue)" }

    convenience init(_ binding: Binding, institutions: Set<Int32>, items: Set<Int32>, pools: Set<Int32>) {
        self.init(binding, Fixed(binding), institutions: institutions, items: items, pools: pools)
    }

    init(_ binding: Binding, _ fixed: Fixed, institutions: Set<Int32>, items: Set<Int32>, pools: Set<Int32>) {
        let vocabulary = binding.vocabulary
        func ordered(_ codes: Set<Int32>) -> ([String], Places) {
            // Online some codes are met first during the run.
            let size = max(vocabulary.count, Int(codes.max() ?? -1) + 1)
            let sorted = codes.map { ($0, vocabulary.bytes(of: $0)) }
                .sorted { $0.1.lexicographicallyPrecedes($1.1) }
            return (sorted.map { String(decoding: $0.1, as: UTF8.self) }, Places(sorted.map(\.0), size: size))
        }
        let (institutionNames, institutionOf) = ordered(institutions)
        let (itemNames, itemOf) = ordered(items)
        let (poolNames, poolOf) = ordered(pools)
        self.fixed = fixed
        self.institutionOf = institutionOf
        self.itemOf = itemOf
        self.poolOf = poolOf
        poolCount = poolNames.count
        let own: [FindingColumns.Column: [String]] = [
            .institution: institutionNames.isEmpty ? [""] : institutionNames,
            .item: itemNames.isEmpty ? [""] : itemNames, .pool: poolNames + ["multiple"],
        ]
        texts = own
        var tables = fixed.tables
        for (column, names) in own { tables[column.rawValue] = StringTable(names) }
        self.tables = tables
    }

    /// The texts of a column's dictionary; none for columns without one.
    func texts(of column: FindingColumns.Column) -> [String] { texts[column] ?? fixed.texts[column] ?? [] }

    /// By number of rule: what its findings have of it.
    var rules: [RuleName] { fixed.names }

    func outcome(_ outcome: Outcome) -> Int32 {
        Self.outcomeList.firstIndex(of: outcome).map { Int32($0) } ?? 0
    }

    func cause(_ number: Int32) -> Int32 { fixed.place(ofCause: number) }
}
