import Audit
import Claims
import Foundation
import Reference
import Rules
import Testing

/// The online door gives the answers of a batch over the same rows at the same horizon.
@Suite struct TimelineTests {
    /// Encounters of random persons are played message by message; every answer is compared with a batch.
    @Test func messagesAreAnsweredAsABatchWould() throws {
        var compared = 0
        var touched = 0
        var spared = 0
        var diagnosed = 0
        var opened = 0
        var unsaid = 0
        for seed in [1, 2, 3, 5, 8, 9] as [UInt64] {
            let plan = try Scratch.plan(RandomRules.package(seed: seed, rules: 30))
            var settings = RandomClaims.Settings()
            settings.closedWorld = seed % 3 != 0
            settings.unknownPercent = seed % 2 == 0 ? 0 : 5
            let data = RandomClaims.make(seed: seed, settings)
            let masters = data.caseTables.rows.filter { $0.key.role == .master }
            let door = TimelineAudit(plan: plan, masters: masters, absent: data.absent)
            let narrowed = Plan(
                rules: plan.rules.filter { rule in
                    !door.notRun.contains { $0.rule == rule.id }
                }, lists: plan.lists, packageName: plan.packageName, packageVersion: plan.packageVersion,
                packageHash: plan.packageHash)
            // Every second rule says nothing before the fact.
            let silent = Set(plan.rules.enumerated().filter { $0.offset % 2 == 0 }.map(\.element.id))
            var package = RandomRules.package(seed: seed, rules: 30)
            for rule in silent {
                let file = "rules/\(rule).yaml"
                package[file] = package[file]?.replacingOccurrences(of: "before: remind, ", with: "")
            }
            let staged = Plan(
                rules: try Scratch.plan(package).rules, lists: plan.lists, packageName: plan.packageName,
                packageVersion: plan.packageVersion, packageHash: plan.packageHash)
            let before = TimelineAudit(plan: staged, masters: masters, absent: data.absent, stages: ["before"])
            var asked: [(TimelineAudit.Question, TimelineAudit.Answer)] = []
            for play in Play.plays(of: data, seed: seed) {
                let tables = play.data.caseTables
                let question = TimelineAudit.Question(
                    rows: tables.rows, message: play.message, coverage: tables.coverage)
                let answer = try door.ask(question)
                // Asked only about the message, it tells the same of the message.
                let narrow = try door.ask(question, onlyMessage: true)
                #expect(narrow.findings.map(\.record) == answer.findings.map(\.record))
                #expect(narrow.findings.map(\.written) == answer.findings.map(\.written))
                spared += answer.all.count - narrow.all.count
                // At a stage, the same of the rules that speak there; what is open, in short.
                let brief = try before.ask(question, at: "before", onlyMessage: true, openInShort: true)
                let spoken = narrow.findings.map(\.record).filter { !silent.contains($0.rule) }
                #expect(brief.findings.map(\.record) == spoken.filter { $0.outcome != "undetermined" })
                #expect(
                    brief.open.map { [$0.rule, $0.cause ?? ""] }
                        == spoken.filter { $0.outcome == "undetermined" }.map { [$0.rule, $0.cause ?? ""] })
                opened += brief.open.count
                unsaid += narrow.findings.count - spoken.count
                asked.append((question, answer))
                let batch = try Scratch.audit(play.data, narrowed)
                if answer.all != batch {
                    let fields = zip(answer.all, batch).flatMap { online, other in
                        online.differences(from: other).map { "\(online.rule) \(online.key): \($0)" }
                    }
                    Issue.record("seed \(seed), \(play.message): \(answer.all.count) of \(batch.count), \(fields)")
                }
                let lines = play.message[.line] ?? []
                let marked = batch.filter {
                    $0.violatingTable == "line" && $0.violating.contains(where: lines.contains)
                }
                #expect(
                    answer.findings.filter { $0.record.violatingTable == "line" && !$0.written.isEmpty }.map(\.record)
                        == marked)
                let named = play.diagnoses
                #expect(
                    answer.findings.filter { $0.record.table == .diagnosis && !$0.written.isEmpty }.map(\.record)
                        == batch.filter { $0.table == .diagnosis && $0.violating.contains(where: named.contains) })
                diagnosed += answer.findings.count { $0.record.table == .diagnosis && !$0.written.isEmpty }
                compared += batch.count
                touched += answer.findings.count
                for finding in answer.findings {
                    #expect(Set(finding.written).union(finding.earlier) == Set(finding.record.violating))
                }
            }
            // The same questions where every code is familiar: after the sieves, which may not change an answer.
            let learned = door.learned()
            for (question, answer) in asked {
                #expect(try learned.ask(question).all == answer.all)
                #expect(
                    try learned.ask(question, onlyMessage: true).findings.map(\.record) == answer.findings.map(\.record)
                )
            }
            #expect(learned.strangerCount == 0)
        }
        print(
            "online door: \(compared) findings as in a batch, \(touched) of them about the message; \(spared) not looked for "
                + "when only the message is asked for")
        #expect(compared > 100 && touched > 20 && spared > 20 && diagnosed > 5 && opened > 5 && unsaid > 5)
    }

    /// The examples beside the rules hold online as well; rules across persons say that they were not run.
    @Test(arguments: ["knowledge", "Tests/Golden/language"]) func examplesHoldOnline(_ package: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let plan = try #require(PlanLoader.load(package: root.appending(path: package).path()).plan)
        var asked = 0
        var named = 0
        for rule in plan.rules {
            for example in rule.cases {
                let script = try #require(CaseScript.parse(example, plan: plan).script)
                let narrowed = Plan(
                    rules: [rule], lists: plan.lists.merging(script.tables.lists) { $1 },
                    packageName: plan.packageName, packageVersion: plan.packageVersion, packageHash: plan.packageHash)
                let door = TimelineAudit(plan: narrowed, masters: script.tables.rows, absent: script.tables.absent)
                if !door.notRun.isEmpty {
                    named += 1
                    continue
                }
                let answer = try door.ask(
                    TimelineAudit.Question(
                        rows: script.tables.rows, message: [:], coverage: script.tables.coverage))
                let problems = script.mismatches(answer.all.compactMap(\.summary))
                #expect(problems.isEmpty, "\(rule.id), \(example.title): \(problems.joined(separator: "; "))")
                asked += 1
            }
        }
        print("online door: \(asked) examples of \(package) hold, \(named) not run")
        #expect(asked > named)
    }

    /// A line that belongs to no encounter of the question is refused with a reason, and questions are quick.
    @Test func rowsWithoutOwnerAreRefused() throws {
        let plan = try Scratch.plan(RandomRules.package(seed: 4, rules: 30))
        let data = RandomClaims.make(seed: 4)
        let door = TimelineAudit(plan: plan, masters: data.caseTables.rows, absent: [])
        var tables = data.caseTables
        tables.rows[.encounter] = []
        tables.rows[.diagnosis] = []
        #expect(throws: RowRefusal.self) {
            try door.ask(
                TimelineAudit.Question(rows: tables.rows, message: [:], coverage: tables.coverage))
        }
        // The door is usable afterwards, and says the same each time it is asked.
        let whole = data.caseTables
        let question = TimelineAudit.Question(rows: whole.rows, message: [:], coverage: whole.coverage)
        let first = try door.ask(question).all
        #expect(try door.ask(question).all == first)
        let clock = ContinuousClock()
        let time = try clock.measure {
            for _ in 0..<20 { _ = try door.ask(question) }
        }
        print(
            "online door: \(plan.rules.count) rules over \(whole.rows[.line]?.count ?? 0) lines, \(time / 20) a question"
        )
    }
}

/// What is known of one person when a message arrives.
private struct Play {
    let data: ReferenceData
    let message: [Table: Set<String>]
    /// The diagnoses of the message as evidence calls them.
    let diagnoses: Set<String>

    /// For some encounters that have lines: their lines in two messages, after everything that began before.
    static func plays(of data: ReferenceData, seed: UInt64) -> [Play] {
        var random = Seeded(seed)
        var plays: [Play] = []
        let withLines = Set((data.rows[.line] ?? []).compactMap { owner(of: $0, in: .line) })
        for encounter in withLines.sorted() where random.chance(40) {
            let lines = (data.rows[.line] ?? []).indices.filter {
                owner(of: (data.rows[.line] ?? [])[$0], in: .line) == encounter
            }
            let cut = random.number(0...lines.count)
            let first = Set(lines.prefix(cut))
            let second = Set(lines).subtracting(first)
            if !first.isEmpty { plays.append(play(data, encounter, first, first)) }
            if !second.isEmpty { plays.append(play(data, encounter, Set(lines), second)) }
        }
        return plays
    }

    private static func owner(of row: ReferenceRow, in table: Table) -> Int? {
        guard let field = table.index(of: table == .encounter || table == .entitlement ? "person" : "encounter"),
            case .row(let index) = row.values[field]
        else { return nil }
        return index
    }

    private static func play(_ data: ReferenceData, _ encounter: Int, _ lines: Set<Int>, _ new: Set<Int>) -> Play {
        var part = data
        let encounters = data.rows[.encounter] ?? []
        let person = owner(of: encounters[encounter], in: .encounter)
        func start(_ index: Int) -> Int32 {
            if let field = Table.encounter.index(of: "start_day"), case .day(let day) = encounters[index].values[field]
            {
                return day
            }
            return Int32.min
        }
        let kept = encounters.indices.filter {
            owner(of: encounters[$0], in: .encounter) == person && ($0 == encounter || start($0) < start(encounter))
        }
        let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        func moved(_ row: ReferenceRow, _ table: Table, to place: Int) -> ReferenceRow {
            var row = row
            let name = table == .encounter || table == .entitlement ? "person" : "encounter"
            if let field = table.index(of: name) { row.values[field] = .row(place) }
            return row
        }
        part.rows[.person] = person.map { [(data.rows[.person] ?? [])[$0]] } ?? []
        part.rows[.entitlement] = (data.rows[.entitlement] ?? []).filter { owner(of: $0, in: .entitlement) == person }
            .map { moved($0, .entitlement, to: 0) }
        part.rows[.encounter] = kept.map { moved(encounters[$0], .encounter, to: 0) }
        for table in [Table.diagnosis, .operation, .prescription, .settlement, .line] {
            part.rows[table] = (data.rows[table] ?? []).enumerated().compactMap { index, row in
                guard let own = owner(of: row, in: table), let place = places[own] else { return nil }
                if table == .line, own == encounter, !lines.contains(index) { return nil }
                return moved(row, table, to: place)
            }
        }
        part.rows[.stock] = []
        part.rows[.scan] = []
        part.absent.formUnion([.stock, .scan])
        let names = new.map { (data.rows[.line] ?? [])[$0].id }
        let own = (data.rows[.diagnosis] ?? []).filter { owner(of: $0, in: .diagnosis) == encounter }
        let sequences = own.compactMap { row -> Int64? in
            guard let place = Table.diagnosis.index(of: "sequence"), case .number(let number) = row.values[place] else {
                return nil
            }
            return number
        }
        return Play(
            data: part, message: [.line: Set(names), .diagnosis: Set(own.map(\.id))],
            diagnoses: Set(sequences.map { "\(encounters[encounter].id)#\($0)" }))
    }
}

extension Scratch {
    /// The findings of a batch over the data.
    static func audit(_ data: ReferenceData, _ plan: Plan) throws -> [FindingsRecord] {
        try withFolder { folder in
            let dataset = try DatasetMaker.write(data, to: folder + "/dataset")
            var options = AuditOptions()
            options.undeterminedRows = true
            _ = try AuditRun.run(dataset: dataset, plan: plan, into: folder + "/run", options: options)
            var records: [FindingsRecord] = []
            try FindingsFile(path: folder + "/run/findings.arrow").visit {
                records.append($0)
                return true
            }
            return records
        }
    }
}
