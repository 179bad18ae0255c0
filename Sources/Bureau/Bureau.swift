import Casework
import Claims
import Supervision

/// A believable spring at a city's bureau, from the findings of its audit (故事里的医保局): batches, appeals, clues, agreements, cases,
/// the police, a list from above, and the money. Everything is done by invented people through the one door, on a clock of
/// their own; equal findings and seeds give equal acts.
package struct Bureau {
    /// Batches that are carried to their end; the others pass the first review and wait.
    package static let batchesWorked = 8
    package static let firstDay = "2026-03-02"

    let cast: Cast
    let chapter: Chapter
    let desk: Desk
    let findings: [Triage.Finding]
    let mapping: SenderMapping
    var record = BureauRecord()
    private let seconds: () -> Double
    /// Cases that wait for their decision.
    var open: [(matter: String, loss: [String: Int64], payer: String)] = []
    var agreement: (matter: String, recovery: String)?

    /// Plays the story on a new store; `open` makes the door with the surroundings it is given.
    ///
    /// - Parameters:
    ///   - findings: what the audit found, as triage takes it; money in fen.
    ///   - mapping: how the superior's list is read; of the procedure `superior_list`.
    ///   - seconds: a watch for the timings; the story itself reads no clock but its own.
    package static func play(
        _ findings: [Triage.Finding], cityArea: String, countyArea: String, mapping: SenderMapping, seed: UInt64,
        library: ProcedureLibrary, seconds: @escaping () -> Double, progress: (String) throws -> Void = { _ in },
        open: (Surroundings) throws -> Door
    ) throws -> BureauRecord {
        guard let day = Day(firstDay) else { throw BureauMistake("\(firstDay) is not a day") }
        let clock = StoryClock(from: day, seed: seed)
        let door = try open(clock.surroundings).withPasswordCost(log2: 4)
        let desk = Desk(book: try Casebook(door: door, library: library), clock: clock)
        var bureau = try Bureau(
            desk, findings, cityArea: cityArea, countyArea: countyArea, mapping: mapping, seconds: seconds)
        try bureau.tell(progress)
        return bureau.record
    }

    private init(
        _ desk: Desk, _ findings: [Triage.Finding], cityArea: String, countyArea: String, mapping: SenderMapping,
        seconds: @escaping () -> Double
    ) throws {
        self.desk = desk
        self.findings = findings
        self.mapping = mapping
        self.seconds = seconds
        // Institutions with the most at stake have somebody who signs in and answers.
        let plain = Triage(findings, earlier: [:])
        var chosen: [Triage.Institution] = []
        for batch in plain.batches where !batch.area.hasPrefix(countyArea) && chosen.count < 6 {
            if !chosen.contains(batch.institution) { chosen.append(batch.institution) }
        }
        let began = seconds()
        cast = try Cast(desk, cityArea: cityArea, countyArea: countyArea, institutions: chosen)
        chapter = Chapter(cast: cast)
        record.phases.append(
            .init(
                name: "设机构、定岗、开户", what: "\(desk.people.count)人，各自改口令、登录", acts: 0, seconds: seconds() - began))
    }

    private mutating func phase(_ name: String, _ body: (inout Bureau) throws -> String) throws {
        let began = seconds()
        let before = desk.acts
        let what = try body(&self)
        record.phases.append(.init(name: name, what: what, acts: desk.acts - before, seconds: seconds() - began))
    }

    // MARK: The story

    private mutating func tell(_ progress: (String) throws -> Void) throws {
        let city = Chapter.Reviewers(first: "zhou", second: "zheng")
        var batches: [(matter: String, batch: Triage.Batch)] = []
        var works: [BatchWork] = []
        var clues: [(clue: String, work: BatchWork, loss: [String: Int64])] = []
        var list = ""
        var sent: [Triage.Finding] = []

        try progress("findings")
        try phase("疑点分流成批次") { bureau in
            batches = try bureau.triage()
            return "\(batches.count)个批次；再分流一次，\(bureau.record.skipped)条疑点都已在办，不重复立"
        }
        try phase("规则撤回、及时冲销") { try $0.withdraw(batches) }
        try phase("初审、复审、公布") { bureau in
            try bureau.chapter.morning("2026-03-03")
            let worked = batches.prefix(Self.batchesWorked)
            for (number, entry) in worked.enumerated() {
                works.append(
                    try bureau.chapter.review(entry.matter, entry.batch.institution, city, number: number))
            }
            for entry in batches.dropFirst(Self.batchesWorked) {
                let hits = bureau.chapter.items(["hit"], of: try bureau.desk.matter(entry.matter, by: "zhou"))
                try bureau.desk.each(hits, "zhou", "first_review", on: entry.matter)
            }
            return "\(works.count)个批次公布给机构，其余\(batches.count - works.count)个待复审"
        }
        try progress("list")
        try phase("上级清单：接收、逐条核查") { bureau in
            try bureau.chapter.morning("2026-03-05")
            sent = Array(bureau.findings.filter { $0.gross > 0 }.sorted { $0.id < $1.id }.prefix(12))
            list = try bureau.receiveList(sent)
            try bureau.chapter.morning("2026-03-09")
            try bureau.chapter.answerRows(of: list, sent)
            return "\(sent.count)行，期限2026-03-31"
        }
        try phase("纸质案卷接续、简易程序") { try $0.paperAndSpot() }
        try progress("appeals")
        try phase("机构申诉、调查核实、转行政") { bureau in
            try bureau.chapter.morning("2026-03-10")
            for work in works { try bureau.chapter.answer(work) }
            try bureau.chapter.morning("2026-03-11")
            clues = try bureau.handOver(works)
            return
                "申诉\(works.reduce(0) { $0 + $1.appealed.count })条，认可\(works.reduce(0) { $0 + $1.accepted.count })条，转行政\(clues.count)条"
        }
        try progress("cases")
        try phase("立案、移送公安、转卫健、协议处理") { try $0.cases(clues) }
        try progress("money")
        try phase("逾期视为认可、认定、扣款、追回") { bureau in
            try bureau.chapter.morning("2026-03-25")
            var recovered = 0
            for (number, work) in works.enumerated() {
                try bureau.chapter.decide(work, city, panel: number == 0)
                if let recovery = try bureau.chapter.settle(work, city, sample: number < 3, compensate: number == 1) {
                    try bureau.chapter.recover(
                        recovery, kind: recovered % 2 == 1 ? "refused" : "recovered", payer: work.institution.name)
                    recovered += 1
                }
            }
            return "\(works.count)个批次办结，\(recovered)个有追回"
        }
        try phase("上级清单：反馈、抽查、补核、销号") { try $0.closeList(list, sent) }
        try progress("court")
        try phase("处罚决定、送达、执行、结案") { try $0.endCases() }
        try phase("核对：投影、链、收支") { try $0.check() }
    }

    private mutating func check() throws -> String {
        try chapter.morning("2026-04-30")
        let head = try desk.token("zhao")
        record.reports = try ["2026-03", "2026-04"].map { try desk.book.report(month: $0, by: head) }
        record.outcomes = try desk.book.outcomes(by: try desk.token("li"))
        var batches: [Matter] = []
        var filter = Casebook.Filter()
        filter.procedure = "findings"
        for id in try desk.book.identifiers(filter, by: head) { batches.append(try desk.matter(id, by: "zhao")) }
        if let balance = batches.first?.procedure.balances.first { note(balance, batches, "疑点") }
        filter.procedure = "recovery"
        var recoveries: [Matter] = []
        for id in try desk.book.identifiers(filter, by: head) { recoveries.append(try desk.matter(id, by: "zhao")) }
        for recovery in recoveries {
            for item in recovery.items {
                guard let kind = recovery.fields[item.key]?["kind"]?.description else { continue }
                record.received[kind, default: 0] += recovery.balance("received", item: item.key)
            }
        }
        if let balance = recoveries.first?.procedure.balances.first { note(balance, recoveries, "应收款项") }
        let checked = try desk.book.check()
        record.matters = checked.matters
        record.differences = checked.differences
        record.people = desk.people
        record.acts = desk.acts
        return "\(checked.matters)个事项逐一由行为重算，\(checked.differences.count)处不符"
    }

    mutating func note(_ balance: Balance, _ matters: [Matter], _ what: String) {
        var received = 0
        var open = 0
        var groups: [(name: String, count: Int)] = balance.groups.map { ($0.name, 0) }
        for matter in matters {
            let sum = matter.sum(balance)
            received += sum.received
            open += sum.open
            for (index, group) in sum.groups.enumerated() { groups[index].count += group.count }
        }
        record.balances.append(.init(what: what, received: received, groups: groups, open: open))
    }
}
