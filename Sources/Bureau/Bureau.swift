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

    private let cast: Cast
    private let chapter: Chapter
    private let desk: Desk
    private let findings: [Triage.Finding]
    private let mapping: SenderMapping
    private var record = BureauRecord()
    private let seconds: () -> Double

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

    private mutating func triage() throws -> [(matter: String, batch: Triage.Batch)] {
        try chapter.morning(Self.firstDay)
        let first = try desk.book.triage(findings, by: try desk.token("zhou"))
        let county = try desk.book.triage(findings, by: try desk.token("qin"))
        let again = try desk.book.triage(findings, by: try desk.token("zhou"))
        record.unassigned = again.unassigned.reduce(0) { $0 + $1.findings.count }
        record.skipped = again.skipped.count
        guard again.opened.isEmpty, record.skipped + record.unassigned == findings.count else {
            throw BureauMistake("a second triage opened \(again.opened.count) batches")
        }
        if let batch = first.opened.first { record.worthSeeing.append((batch.matter, "疑点最重的批次")) }
        if let batch = county.opened.first { record.worthSeeing.append((batch.matter, "就医地在清河县，由县中心办理")) }
        return first.opened
    }

    /// A rule that was wrong closes its findings with notice; so does a charge that was taken back in time.
    private mutating func withdraw(_ batches: [(matter: String, batch: Triage.Batch)]) throws -> String {
        var rules: [String: Int] = [:]
        for entry in batches.dropFirst(Self.batchesWorked) {
            for finding in entry.batch.findings { rules[finding.rule, default: 0] += 1 }
        }
        guard let rule = rules.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })?.key else { return "没有其余批次" }
        let open = try desk.book.openFindings(ofRule: rule, by: try desk.token("zhou"))
        let withdrawn = try desk.book.close(
            findings: open, by: "withdraw_rule", opinion: "规则\(rule)撤回复核，疑点一并撤销", by: try desk.token("zhou"))
        var reversed = 0
        if let last = batches.last, last.batch.findings.first?.rule != rule,
            let item = chapter.items(["hit"], of: try desk.matter(last.matter, by: "zhou")).first
        {
            reversed = try desk.book.close(
                findings: [(last.matter, item)], by: "reverse", opinion: "机构已于结算前冲销", by: try desk.token("zhou")
            ).filter { $0.refusal == nil }.count
        }
        return "规则\(rule)撤回\(withdrawn.filter { $0.refusal == nil }.count)条，冲销\(reversed)条，均已通知机构"
    }

    private mutating func receiveList(_ sent: [Triage.Finding]) throws -> String {
        let table = chapter.sentList(sent)
        guard let procedure = desk.book.library.procedure("superior_list") else {
            throw BureauMistake("there is no procedure superior_list")
        }
        let list = SenderList(table, mapping, for: procedure)
        record.sentList = table.text
        let id = try chapter.receive(list, number: "省医保监〔2026〕5号", deadline: "2026-03-31")
        record.worthSeeing.append((id, "省局下发的清单"))
        return id
    }

    private mutating func paperAndSpot() throws -> String {
        let days = ["2026-01-12", "2026-01-13", "2026-02-02", "2026-02-09", "2026-02-11", "2026-02-26"].compactMap {
            Day($0)
        }
        guard days.count == 6 else { throw BureauMistake("a day of the paper file cannot be read") }
        func text(_ text: String) -> FieldValue { .single(.text(text)) }
        let history = [
            PaperStep(step: "investigate", day: days[0], persons: ["li", "sun"]),
            PaperStep(
                step: "add", day: days[1], persons: ["li"], adds: [Chapter.item("behaviour", "B1", of: "T1")]),
            PaperStep(
                step: "qualify", item: "B1", day: days[2], persons: ["li"],
                fields: [
                    "article": text("a38"), "conduct_to": .single(.day(days[0])), "loss": .single(.money(fen: 320_000)),
                    "multiple": .single(.number(10_000, scale: 4)), "discretion": text("lighter"),
                ]),
            PaperStep(step: "report", day: days[3], persons: ["li", "sun"], fields: ["facts": text("超标准收费属实")]),
            PaperStep(step: "legal_review", day: days[4], persons: ["tang"], fields: ["review_opinion": text("同意")]),
            PaperStep(
                step: "notify", day: days[5], persons: ["li"], fields: ["hearing_right": .single(.flag(false))],
                numbers: ["notice": "医保罚告〔2025〕31号"]),
        ]
        let suspect = findings.first?.institution.name ?? "某医院"
        let matter = try desk.open(
            "penalty", by: "li", as: "officer",
            .init(
                fields: ["discovered": "inspection", "cause": "超标准收费", "suspect": suspect],
                adds: [Chapter.item("subject", "T1")],
                parties: ["agency": cast.agency, "subject": findings.first?.institution.code ?? "party"]))
        try desk.act(
            "bao", "take_over", on: matter,
            .init(fields: ["paper_file": "〔2025〕31号卷"], papers: ["paper_case"], history: history))
        record.refusals.append(
            try desk.refusal("li", "decide", on: matter, .init(fields: ["decision_kind": "punish", "major": "false"])))
        try desk.approve(["wang", "zhao"], matter)
        try chapter.bringToDecision(matter, found: ["统筹/379900": 320_000])
        let recovery = try chapter.serve(matter)
        try chapter.recover(recovery, payer: suspect, plus: ("fine", ["国库/379900": 320_000]))
        try chapter.close(matter)
        record.worthSeeing.append((matter, "中途接续的纸质案卷"))

        let spot = try desk.open(
            "summary_penalty", by: "li", as: "officer",
            .init(
                fields: [
                    "discovered": "report", "facts": "出借医保凭证", "suspect": "参保人张某", "party_kind": "person",
                    "institution_kind": "person",
                ]))
        try desk.act(
            "li", "tell", on: spot,
            .init(
                fields: ["card": "true", "ground": "条例第四十一条", "kind": "fine", "fine": "100.00"], together: ["sun"],
                papers: ["record"]))
        try desk.act("li", "no_defence", on: spot, .init(together: ["sun"], papers: ["record"]))
        try desk.act("li", "decide", on: spot, .init(together: ["sun"]))
        try desk.act("li", "deliver", on: spot, .init(papers: ["receipt"]))
        try desk.act("bao", "file", on: spot)
        try desk.act("li", "pay", on: spot, .init(papers: ["voucher"]))
        try desk.act("li", "close", on: spot, .init(fields: ["result": "established"]))
        return "一件纸质案卷自告知环节接续并结案；一件当场处罚"
    }

    /// The heaviest appealed finding of five batches goes to the administration.
    private func handOver(_ works: [BatchWork]) throws -> [(clue: String, work: BatchWork, loss: [String: Int64])] {
        var clues: [(clue: String, work: BatchWork, loss: [String: Int64])] = []
        for work in works where clues.count < 5 {
            let matter = try desk.matter(work.matter, by: "zhou")
            for finding in chapter.items(["appealed"], of: matter) {
                var loss: [String: Int64] = [:]
                for line in matter.items where line.parent == finding {
                    if case .split(let claimed)? = matter.fields[line.key]?["claimed"] {
                        loss.merge(claimed.filter { $0.value > 0 }, uniquingKeysWith: +)
                    }
                }
                guard loss.values.contains(where: { $0 > 0 }) else { continue }
                clues.append((try chapter.handOver(finding, of: work.matter, why: "涉嫌违规使用基金，需行政调查"), work, loss))
                break
            }
        }
        return clues
    }

    private var open: [(matter: String, loss: [String: Int64], payer: String)] = []
    private var agreement: (matter: String, recovery: String)?

    private mutating func cases(_ clues: [(clue: String, work: BatchWork, loss: [String: Int64])]) throws -> String {
        try chapter.morning("2026-03-12")
        for entry in clues { try chapter.verify(entry.clue) }
        var told: [String] = []
        for (number, entry) in clues.enumerated() {
            let total = entry.loss.values.reduce(0, +)
            let name = entry.work.institution.name
            switch number {
            case 0:
                let matter = try chapter.file(entry.clue, suspect: name, facts: "重复收费", amount: total)
                try chapter.investigate(matter)
                open.append((matter, entry.loss, name))
                record.worthSeeing.append((matter, "处罚案件，罚款入库"))
                told.append("立案处罚一件")
            case 1:
                let matter = try chapter.file(entry.clue, suspect: name, facts: "虚构医药服务", amount: total)
                try chapter.investigate(matter)
                let criminal = try chapter.toPolice(matter, facts: "虚构医药服务项目，涉嫌骗取基金")
                try desk.act("gong", "police_file", on: criminal, .init(papers: ["filing"]))
                try desk.act(
                    "li", "move_things", on: criminal, .init(together: ["sun"], papers: ["items_list"]))
                record.worthSeeing.append((criminal, "公安已立案"))
                told.append("公安立案一件")
            case 2:
                let matter = try chapter.file(entry.clue, suspect: name, facts: "串换项目收费", amount: total)
                try chapter.investigate(matter)
                let criminal = try chapter.toPolice(matter, facts: "串换项目，涉嫌骗取基金")
                try desk.act(
                    "gong", "police_refuse", on: criminal, .init(fields: ["reason": "未达到立案数额"], papers: ["refusal"]))
                try desk.act("gong", "take_back", on: criminal, .init(fields: ["reason": "退回行政机关处理"]))
                try desk.act("li", "back_from_police", on: matter, .init(fields: ["reason": "公安不立案，继续行政处罚"]))
                open.append((matter, entry.loss, name))
                record.worthSeeing.append((matter, "公安退回后继续处罚"))
                told.append("公安退回一件")
            case 3:
                let transfer = try chapter.toDepartment(
                    entry.clue, receiver: cast.health, reason: "涉及诊疗行为，属卫生健康部门职责")
                record.worthSeeing.append((transfer, "移送卫生健康部门"))
                told.append("移送卫健一件")
            default:
                let matter = try chapter.beginAgreement(entry.clue, facts: "超标准收费，情节较轻")
                try chapter.inform(matter, amount: total)
                if let hospital = cast.hospitals[entry.work.institution.code] {
                    try desk.act(hospital, "defend", on: matter, .init(fields: ["defence": "系统升级所致，已整改"]))
                } else {
                    try chapter.morning(try chapter.after(6, "2026-03-12"))
                }
                let recovery = try chapter.decideAgreement(
                    matter, amount: total, found: entry.loss, rectifyBy: "2026-04-15")
                try chapter.recover(
                    recovery, payer: name, plus: ("damages", ["违约金/379900": max(1, total * 30 / 100)]))
                agreement = (matter, recovery)
                record.worthSeeing.append((matter, "协议处理：约谈、整改、违约金、中止"))
                told.append("协议处理一件")
            }
        }
        try chapter.morning("2026-03-19")
        for entry in open {
            try chapter.bringToNotice(
                entry.matter, article: "a38", conduct: "2025-12-01", loss: entry.loss.values.reduce(0, +),
                multiple: "1.2")
        }
        return told.joined(separator: "，")
    }

    private mutating func closeList(_ id: String, _ sent: [Triage.Finding]) throws -> String {
        let recoveries = try chapter.feedBack(id)?.children.map(\.id) ?? []
        try chapter.morning("2026-03-26")
        if let bad = try chapter.sample(id) {
            try desk.form(
                chapter.answer(bad, "not_established", 0, "调取凭证核实，费用与病历一致", "none", [:]), "li", on: id)
            _ = try chapter.feedBack(id)
        }
        for recovery in recoveries { try chapter.recover(recovery, payer: "清单所列机构") }
        try desk.act("li", "close", on: id)
        let matter = try desk.matter(id, by: "li")
        guard let procedure = desk.book.library.procedure("superior_list"), let table = CommaTable(record.sentList)
        else { throw BureauMistake("the list cannot be read again") }
        record.answeredList = SenderList(table, mapping, for: procedure).answered(by: matter).text
        for balance in matter.procedure.balances where balance.track == "row" { note(balance, [matter], "上级清单行") }
        return "反馈、抽查二行、退回一行补核、销号；答复写回来文原列"
    }

    private mutating func endCases() throws -> String {
        try chapter.morning("2026-03-30")
        var recoveries: [String] = []
        for entry in open {
            try chapter.bringToDecision(entry.matter, found: entry.loss)
            recoveries.append(try chapter.serve(entry.matter))
        }
        try chapter.morning("2026-04-08")
        for (entry, recovery) in zip(open, recoveries) {
            let total = entry.loss.values.reduce(0, +)
            try chapter.recover(
                recovery, payer: entry.payer, plus: ("fine", ["国库/379900": (total * 12 + 5) / 10]))
            try chapter.close(entry.matter)
        }
        try chapter.morning("2026-04-15")
        if let agreement {
            for (item, outcome) in [("D2", "复查合格"), ("D3", "已缴清")] {
                try desk.act(
                    "wu", "execute_measure", on: agreement.matter, .init(item: item, fields: ["outcome": outcome]))
            }
            record.refusals.append(
                try desk.refusal(
                    "wu", "execute_measure", on: agreement.matter, .init(item: "D4", fields: ["outcome": "期满"])))
        }
        return "\(open.count)件处罚结案，罚款缴入国库；一件中止协议期限未满"
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

    private mutating func note(_ balance: Balance, _ matters: [Matter], _ what: String) {
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
