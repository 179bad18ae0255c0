import Casework
import Claims
import Supervision

/// What the findings of the audit and the lists from above become in the story (故事：疑点与清单).
extension Bureau {
    mutating func triage() throws -> [(matter: String, batch: Triage.Batch)] {
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
    mutating func withdraw(_ batches: [(matter: String, batch: Triage.Batch)]) throws -> String {
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

    mutating func receiveList(_ sent: [Triage.Finding]) throws -> String {
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

    mutating func paperAndSpot() throws -> String {
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

    mutating func closeList(_ id: String, _ sent: [Triage.Finding]) throws -> String {
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
}
