import Casework
import Claims

extension Chapter {
    /// A finding that the agency cannot settle goes to the administration; the clue it becomes.
    func handOver(_ finding: String, of id: String, why: String) throws -> String {
        let first = try desk.matter(id, by: "zhou")
        if first.state("finding", item: finding) == "appealed" {
            try desk.act("zhou", "field_check", on: id, .init(item: finding, together: ["wu"]))
        }
        try desk.act(
            "zhou", "check_result", on: id,
            .init(
                item: finding, fields: ["check_result": "现场核实：病历与收费明细不符"], together: ["wu"],
                papers: ["check_record"]))
        try desk.act("zhou", "hand_over_finding", on: id, .init(item: finding, fields: ["opinion": why]))
        guard let clue = try desk.approve(["jiang"], id, item: finding)?.children.last?.id else {
            throw BureauMistake("\(id) gave rise to no clue")
        }
        return clue
    }

    func verify(_ clue: String) throws { try desk.act("wang", "verify", on: clue, .init(fields: ["handler": "li"])) }

    /// Filed with two signatures; the case.
    func file(_ clue: String, suspect: String, facts: String, amount: Int64) throws -> String {
        try desk.act(
            "li", "file", on: clue,
            .init(
                fields: ["facts": facts, "suspect": suspect, "amount": Self.yuan(amount)], together: ["sun"],
                papers: ["record"]))
        guard let matter = try desk.approve(["wang", "zhao"], clue)?.children.last?.id else {
            throw BureauMistake("\(clue) gave rise to no case")
        }
        return matter
    }

    func investigate(_ matter: String) throws {
        try desk.act(
            "li", "investigate", on: matter,
            .init(
                together: ["sun"],
                adds: [
                    Self.item(
                        "subject", "T1", of: nil,
                        ["role": .single(.text("institution")), "answerable": .single(.text("main"))])
                ]))
        try desk.act("li", "add", on: matter, .init(adds: [Self.item("behaviour", "B1", of: "T1")]))
    }

    /// From the facts to the notice: qualified, reported, reviewed by who did not handle it, notified.
    func bringToNotice(_ matter: String, article: String, conduct: String, loss: Int64, multiple: String) throws {
        try desk.act(
            "li", "qualify", on: matter,
            .init(
                item: "B1",
                fields: [
                    "article": article, "conduct_to": conduct, "loss": Self.yuan(loss), "multiple": multiple,
                    "discretion": "normal",
                ]))
        try desk.act(
            "li", "report", on: matter,
            .init(fields: ["facts": "多收费用属实"], together: ["sun"], papers: ["report", "inquiry"]))
        try desk.act(
            "tang", "legal_review", on: matter, .init(fields: ["review_opinion": "事实清楚，适用法律正确"], papers: ["review"]))
        try desk.act("li", "notify", on: matter, .init(fields: ["hearing_right": "false"]))
        try desk.approve(["zhao"], matter)
    }

    /// Heard, decided within what was notified, punished; the fine is in the books.
    func bringToDecision(_ matter: String, found: [String: Int64]) throws {
        try desk.act("li", "hear", on: matter, .init(fields: ["heard": "当事人意见已复核"], together: ["sun"]))
        try desk.act(
            "li", "decide", on: matter,
            .init(
                fields: ["decision_kind": "punish", "discretion_reason": "主动退回，配合检查", "major": "false"],
                splits: ["found": found]))
        try desk.approve(["wang", "zhao"], matter)
        try desk.act("li", "punish", on: matter, .init(item: "B1"))
    }

    /// Served; the recovery of principal and fine.
    func serve(_ matter: String) throws -> String {
        try desk.act("li", "deliver", on: matter, .init(fields: ["served_how": "direct"], papers: ["receipt"]))
        guard let recovery = try desk.act("li", "execute", on: matter).children.last?.id else {
            throw BureauMistake("\(matter) gave rise to no recovery")
        }
        return recovery
    }

    func close(_ matter: String) throws {
        try desk.act(
            "li", "close", on: matter,
            .init(fields: ["closing": "executed", "result": "established"], papers: ["closing_report"]))
        try desk.approve(["wang", "zhao"], matter)
    }

    /// To the police: reported by two, approved by the head, sent within a day, received.
    func toPolice(_ matter: String, facts: String) throws -> String {
        let done = try desk.act("li", "to_police", on: matter, .init(fields: ["facts": facts], together: ["sun"]))
        guard let criminal = done.children.last?.id else { throw BureauMistake("\(matter) gave rise to no transfer") }
        try desk.act(
            "li", "report", on: criminal, .init(fields: ["facts": facts], together: ["sun"], papers: ["report"]))
        try desk.act("zhao", "approve_transfer", on: criminal)
        try desk.act(
            "li", "send", on: criminal,
            .init(papers: ["items_list"], parties: ["police": cast.police, "procurator": cast.procurator]))
        try desk.act("gong", "receive", on: criminal, .init(papers: ["receipt"]))
        return criminal
    }

    /// To another department, with what belongs to it; received and taken on.
    func toDepartment(_ clue: String, receiver: String, reason: String) throws -> String {
        try desk.act("li", "transfer", on: clue, .init(fields: ["reason": reason]))
        guard let transfer = try desk.approve(["zhao"], clue)?.children.last?.id else {
            throw BureauMistake("\(clue) gave rise to no transfer")
        }
        try desk.act(
            "li", "add_evidence", on: transfer,
            .init(adds: [Self.item("evidence", "E1", of: nil, ["hash": .single(.text("病程记录"))])]))
        try desk.act(
            "li", "send", on: transfer,
            .init(
                fields: ["department": "health", "seal": "封袋一"], papers: ["list"], parties: ["receiver": receiver]))
        try desk.approve(["zhao"], transfer)
        try desk.act("weijian", "receive", on: transfer, .init(fields: ["receipt_number": "卫收1"], papers: ["receipt"]))
        try desk.act("weijian", "accept", on: transfer)
        return transfer
    }

    /// Settled by agreement: told, heard or silent, decided by two signatures, each measure by itself.
    func beginAgreement(_ clue: String, facts: String) throws -> String {
        try desk.act("li", "to_agency", on: clue, .init(fields: ["facts": facts], papers: ["record"]))
        guard let agreement = try desk.approve(["zhao"], clue)?.children.last?.id else {
            throw BureauMistake("\(clue) gave rise to no agreement matter")
        }
        return agreement
    }

    func inform(_ agreement: String, amount: Int64) throws {
        try desk.act(
            "wu", "verify", on: agreement,
            .init(fields: ["amount": Self.yuan(amount)], together: ["zhou"], papers: ["record"]))
        try desk.act(
            "wu", "propose", on: agreement,
            .init(
                adds: ["D1", "D2", "D3", "D4"].map { Self.item("measure", $0) } + [Self.item("person", "P1")]))
        try desk.act("wu", "inform", on: agreement)
    }

    func decideAgreement(_ agreement: String, amount: Int64, found: [String: Int64], rectifyBy: String) throws -> String
    {
        try desk.act(
            "wu", "decide", on: agreement,
            .init(fields: ["heard": "申辩已复核，部分采纳"], splits: ["found": found]))
        try desk.approve(["zheng", "jiang"], agreement)
        for (item, fields) in [
            ("D1", ["kind": "talk", "clause": "第七十七条"]),
            ("D2", ["kind": "rectify", "clause": "第七十八条", "until_day": rectifyBy]),
            ("D3", ["kind": "damages", "clause": "第八十条", "sum": Self.yuan(amount * 30 / 100)]),
            ("D4", ["kind": "suspend", "clause": "第八十一条", "months": "2"]),
        ] { try desk.act("wu", "settle_measure", on: agreement, .init(item: item, fields: fields)) }
        try desk.act("wu", "report_up", on: agreement)
        try desk.act("wu", "execute_measure", on: agreement, .init(item: "D1", fields: ["outcome": "已约谈主要负责人"]))
        try desk.act("wu", "record_points", on: agreement, .init(item: "P1", fields: ["duty": "main", "points": "3"]))
        try desk.approve(["chen", "jiang"], agreement, item: "P1")
        guard let recovery = try desk.act("wu", "execute", on: agreement, .init(papers: ["receipt"])).children.last?.id
        else { throw BureauMistake("\(agreement) gave rise to no recovery") }
        return recovery
    }
}
