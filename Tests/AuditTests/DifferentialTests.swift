import Audit
import Claims
import Columns
import Foundation
import Reference
import Rules
import Testing

/// The engine against the interpreter: random rules over random claims.
///
/// Three answers must agree: the interpreter's, the engine's without sieves, and the engine's with them. The first two
/// are compared field by field; every other way of running the engine must give the same bytes as the general path.
/// `YIJIAN_SEED` and `YIJIAN_SEEDS` choose where to begin and how many random worlds to compare.
@Suite struct DifferentialTests {
    @Test func engineAgreesWithInterpreter() throws {
        let environment = ProcessInfo.processInfo.environment
        let seeds = environment["YIJIAN_SEEDS"].flatMap { Int($0) } ?? 6
        let base = environment["YIJIAN_SEED"].flatMap { UInt64($0) } ?? 1
        var differences: [Difference] = []
        var compared = 0
        for seed in base..<(base + UInt64(seeds)) {
            let world = try RandomWorld(seed: seed)
            let (found, count) = try world.compare()
            compared += count
            differences += found
            if !found.isEmpty { world.explain(found) }
        }
        let rules = Set(differences.map { "\($0.seed) \($0.rule)" })
        print("differential: \(seeds) seeds from \(base), \(compared) findings compared, \(rules.count) rules disagree")
        for (field, list) in Dictionary(grouping: differences, by: \.field).sorted(by: { $0.key < $1.key }) {
            print("    \(field): \(list.count) in \(Set(list.map { "\($0.seed) \($0.rule)" }).count) rules")
        }
        #expect(differences.isEmpty)
        #expect(compared > 0)
    }
}

/// One field in which two answers differ.
struct Difference {
    let seed: UInt64
    let rule: String
    let key: String
    let field: String
    let engine: String
    let reference: String

    var line: String { "seed \(seed) \(rule) \(key) \(field): engine \(engine), reference \(reference)" }
}

/// Rules, claims and the ways to run them, all from one seed.
struct RandomWorld {
    let seed: UInt64
    let files: [String: String]
    let plan: Plan
    let data: ReferenceData
    /// As small as random claims need to reach it.
    let evidenceMost: Int

    init(seed: UInt64) throws {
        self.seed = seed
        evidenceMost = [20, 1, 2, 3][Int(seed % 4)]
        files = RandomRules.withCopies(RandomRules.package(seed: seed, rules: 30))
        plan = try Scratch.plan(files)
        var settings = RandomClaims.Settings()
        settings.closedWorld = seed % 3 != 0
        settings.unknownPercent = [0, 5, 0, 12][Int(seed % 4)]
        if seed % 7 == 3 {
            settings.persons = 12
            settings.linesPerEncounterMax = 14
        }
        // Now and then a table that nobody delivered.
        if seed % 5 == 0 { settings.absent = [[.diagnosis], [.settlement], [.operation, .scan]][Int(seed / 5 % 3)] }
        data = RandomClaims.make(seed: seed, settings)
    }

    /// One way of running the engine.
    struct Way {
        var name: String
        var segments = 1
        var personsPerBlock = 2
        var isGeneral = false
        var threads = 2
        /// Every scope is indexed and remembered.
        var remembersAll = false
    }

    static let ways = [
        Way(name: "fast"), Way(name: "fast, 3 segments", segments: 3, personsPerBlock: 3, threads: 3),
        Way(name: "general, remembering", personsPerBlock: 1, isGeneral: true, threads: 1, remembersAll: true),
        Way(name: "fast, remembering, 2 segments", segments: 2, personsPerBlock: 50, threads: 1, remembersAll: true),
    ]

    /// What differs, and how many findings were looked at.
    func compare() throws -> (differences: [Difference], compared: Int) {
        let general = try run(Way(name: "general", isGeneral: true))
        var expected: [String: ReferenceFinding] = [:]
        for finding in ReferenceInterpreter(plan: plan, data: data, evidenceMost: evidenceMost).findings() {
            expected["\(finding.rule) \(finding.key)"] = finding
        }
        var differences: [Difference] = []
        func note(_ rule: String, _ key: String, _ field: String, _ engine: String, _ reference: String) {
            differences.append(
                Difference(seed: seed, rule: rule, key: key, field: field, engine: engine, reference: reference))
        }
        let compared = expected.count
        for record in general.records {
            guard let finding = expected.removeValue(forKey: "\(record.rule) \(record.key)") else {
                note(record.rule, record.key, "surplus", record.outcome + " " + (record.cause ?? ""), "none")
                continue
            }
            let other = FindingText(finding).fields
            for (index, (name, value)) in FindingText(record).fields.enumerated() where value != other[index].1 {
                note(record.rule, record.key, name, value, other[index].1)
            }
        }
        for finding in expected.values.sorted(by: { ($0.rule, $0.key) < ($1.rule, $1.key) }) {
            // A rule that could convict nobody is not run, and says so; then nothing may be missing but open units.
            if general.notRunnable.contains(finding.rule), finding.outcome == .undetermined { continue }
            note(
                finding.rule, finding.key, "missing", "none",
                "\(finding.outcome.rawValue) \(finding.cause ?? "") \(finding.violating)")
        }
        for way in Self.ways {
            let other = try run(way)
            // What is remembered of a large scope may name another of several unknown fields.
            guard way.remembersAll || other.bytes != general.bytes else { continue }
            let before = differences.count
            var known = Dictionary(
                general.records.map { ("\($0.rule) \($0.key)", $0) }, uniquingKeysWith: { first, _ in first })
            for record in other.records {
                guard let same = known.removeValue(forKey: "\(record.rule) \(record.key)") else {
                    note(record.rule, record.key, "\(way.name): surplus", record.outcome, "none")
                    continue
                }
                let other = FindingText(same).fields
                for (index, (name, value)) in FindingText(record).fields.enumerated() where value != other[index].1 {
                    note(record.rule, record.key, "\(way.name): \(name)", value, other[index].1)
                }
                if !way.remembersAll, record != same {
                    note(record.rule, record.key, "\(way.name): record", "\(record)", "\(same)")
                }
            }
            for record in known.values {
                note(record.rule, record.key, "\(way.name): missing", "none", record.outcome)
            }
            if !way.remembersAll, differences.count == before {
                note("-", "-", "\(way.name): bytes", "other order", "-")
            }
        }
        return (differences, compared)
    }

    private func run(_ way: Way) throws -> (records: [FindingsRecord], bytes: Data, notRunnable: Set<String>) {
        try Scratch.withFolder { folder in
            let dataset = try DatasetMaker.write(
                data, to: folder + "/dataset", segments: way.segments, personsPerBlock: way.personsPerBlock)
            var options = AuditOptions()
            options.undeterminedRows = true
            options.generalPathOnly = way.isGeneral
            options.threads = way.threads
            options.evidenceMost = evidenceMost
            if way.remembersAll { options.largeScope = 0 }
            let report = try AuditRun.run(dataset: dataset, plan: plan, into: folder + "/run", options: options)
            let copies = report.rules.count { $0.path == "as \($0.rule.dropLast("again".count))" }
            #expect(way.isGeneral == (copies == 0), "seed \(seed), \(way.name): \(copies) copies were not asked")
            var records: [FindingsRecord] = []
            try FindingsFile(path: folder + "/run/findings.arrow").visit {
                records.append($0)
                return true
            }
            return (
                records, try Data(contentsOf: URL(filePath: folder + "/run/findings.arrow")),
                Set(report.rules.filter { $0.notRunnable != nil }.map(\.rule))
            )
        }
    }

    /// Prints the differences by rule and field, two examples of each, with the rule's text.
    func explain(_ differences: [Difference]) {
        for (rule, list) in Dictionary(grouping: differences, by: \.rule).sorted(by: { $0.key < $1.key }) {
            let text = (files["rules/\(rule).yaml"] ?? "").split(separator: "\n")
                .filter { ["unit", "list", "wher", "when", "amou", "from", "to: "].contains(String($0.prefix(4))) }
            print("seed \(seed) \(rule): " + text.joined(separator: "; "))
            for (field, same) in Dictionary(grouping: list, by: \.field).sorted(by: { $0.key < $1.key }) {
                for difference in same.prefix(2) { print("    \(difference.line.prefix(700))") }
                if same.count > 2 { print("    … \(same.count) times \(field)") }
            }
        }
    }
}

/// The fields of a finding as texts that compare, whoever found it.
struct FindingText {
    let fields: [(String, String)]

    init(_ record: FindingsRecord) {
        func money(_ fen: Int64?) -> String { fen.map { DecimalText.format($0, scale: 2, trimmed: false) } ?? "?" }
        func exact(_ number: Int64?) -> String { number.map { DecimalText.format($0, scale: 6, trimmed: true) } ?? "?" }
        let isOpen = record.outcome == "undetermined"
        let parts = record.lossParts
        let funds = [
            parts.basic, parts.large, parts.assistance, parts.civil, parts.longTermCare, parts.other,
        ]
        let involved = record.involved.map { id in
            Table.allCases.contains { id.hasPrefix("\($0.rawValue):") } ? id : "\(record.involvedTable ?? "?"):\(id)"
        }
        fields = [
            ("outcome", record.outcome), ("unit", record.unit), ("violating", record.violating.sorted().text),
            ("person", record.person ?? "?"), ("involved", isOpen ? "" : involved.sorted().text),
            ("value", isOpen ? "" : exact(record.value)), ("limit", isOpen ? "" : exact(record.limit)),
            ("list", isOpen ? "" : "\(record.list ?? "?") \(record.listRow.map { "\($0)" } ?? "?")"),
            ("gross", money(record.gross)), ("in_scope", money(record.inScope)), ("loss", money(record.loss)),
            ("funds", funds.map(money).text), ("method", record.lossMethod ?? "?"), ("pool", record.pool ?? "?"),
            ("stakes", zip(record.violating, record.stakes).map { "\($0)=\($1)" }.sorted().text),
            ("cause", isOpen ? record.cause == nil || record.cause == "overflow" ? "wrong" : "" : record.cause ?? ""),
        ]
    }

    init(_ finding: ReferenceFinding) {
        // The file keeps six decimals and no days or moments.
        func number(_ text: String?) -> String {
            guard let text, text.allSatisfy({ $0.isNumber || $0 == "." || $0 == "-" }), !text.dropFirst().contains("-")
            else { return "?" }
            return (text.split(separator: ".").dropFirst().first?.count ?? 0) > 6 ? "?" : text
        }
        let isOpen = finding.outcome == .undetermined
        let money = finding.money
        let funds = money.lossPerFund ?? Array(repeating: "?", count: 6)
        fields = [
            ("outcome", finding.outcome.rawValue), ("unit", finding.unit),
            ("violating", finding.violating.sorted().text),
            ("person", finding.person ?? "?"), ("involved", isOpen ? "" : finding.involvedRows.sorted().text),
            ("value", isOpen ? "" : number(finding.value)), ("limit", isOpen ? "" : number(finding.limit)),
            ("list", isOpen ? "" : "\(finding.list ?? "?") \(finding.listRow.map { "\($0)" } ?? "?")"),
            ("gross", money.gross ?? "?"), ("in_scope", money.inScope ?? "?"), ("loss", money.loss ?? "?"),
            ("funds", funds.text), ("method", money.method ?? "?"), ("pool", money.pool ?? "?"),
            ("stakes", zip(finding.violating, money.stakes).map { "\($0)=\($1 ?? "")" }.sorted().text),
            ("cause", isOpen == (finding.cause == nil) ? "wrong" : ""),
        ]
    }
}

extension [String] {
    fileprivate var text: String { joined(separator: ",") }
}
