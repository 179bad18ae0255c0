import Casework
import Claims
import Columns

extension Chapter {
    /// A list of suspicious rows as the province would send it: columns of its own, thousands with commas, one row twice.
    func sentList(_ findings: [Triage.Finding]) -> CommaTable {
        var rows: [[String]] = []
        for (index, finding) in findings.enumerated() {
            rows.append([
                String(index + 1), finding.institution.code, finding.institution.name, finding.statement,
                Self.yuan(finding.gross), "",
            ])
        }
        if let last = rows.last { rows.append(last) }
        return CommaTable(head: ["序号", "机构编码", "机构名称", "疑点说明", "疑点金额", "备注"], rows: rows)
    }

    /// The list becomes a matter with the sender's deadline; every row gets a first answer.
    func receive(_ list: SenderList, number: String, deadline: String) throws -> String {
        let id = try desk.open(
            "superior_list", by: "li", as: "officer",
            .init(
                fields: [
                    "discovered": "superior", "list_number": number, "deadline": deadline, "source_list": number,
                    "file_hash": SHA256.hex(of: Array(list.table.text.utf8)),
                    "received": String(list.table.rows.count), "repeated": String(list.repeated),
                    "rejected": String(list.rejects.count),
                ], adds: list.items, parties: ["superior": cast.province, "agency": cast.agency]))
        try desk.act("li", "begin", on: id)
        return id
    }

    /// 逐条核查: true, partly, not, not to be known, the same as another row, in turn.
    func answerRows(of id: String, _ findings: [Triage.Finding]) throws {
        let rows = try desk.matter(id, by: "li").items.filter { $0.kind == "row" }.map(\.key)
        var form: [(step: String, deed: Desk.Deed)] = []
        for (index, row) in rows.enumerated() {
            if index == rows.count - 1 {
                form.append(("merge_row", .init(item: row, fields: ["merged_into": rows[0]])))
                continue
            }
            form.append(("verify", .init(item: row)))
            let finding = findings[index]
            switch index % 4 {
            case 0:
                form += answer(row, "established", finding.gross, "经核实与清单一致", "refusal", finding.loss)
            case 1:
                let half = finding.gross / 2
                form += answer(
                    row, half > 0 ? "partly" : "not_established", half, "部分明细有医嘱和记录",
                    half > 0 ? "agreement" : "none", [:])
            case 2: form += answer(row, "not_established", 0, "病历与费用一致", "none", [:])
            default: form += answer(row, "unverifiable", 0, "原始凭证已移交档案部门，正在调取", "none", [:])
            }
        }
        try desk.form(form, "li", on: id)
    }

    func answer(
        _ row: String, _ word: String, _ amount: Int64, _ reason: String, _ handling: String, _ loss: [String: Int64]
    ) -> [(step: String, deed: Desk.Deed)] {
        let positive = loss.filter { $0.value > 0 }
        let recorded: [(step: String, deed: Desk.Deed)] =
            positive.isEmpty ? [] : [("record_loss", .init(item: row, splits: ["found_loss": positive]))]
        let answer = Desk.Deed(
            item: row,
            fields: [
                "answer": word, "answer_reason": reason, "found_amount": Self.yuan(amount), "handling": handling,
            ], together: ["sun"], papers: ["evidence"])
        return recorded + [("answer", answer)]
    }

    func feedBack(_ id: String) throws -> Matter? {
        try desk.act("li", "feed_back", on: id)
        return try desk.approve(["wang", "zhao"], id)
    }

    /// The superior re-checks two rows: one is as it was answered, one is not and goes back.
    func sample(_ id: String) throws -> String? {
        let matter = try desk.matter(id, by: "superior")
        let rows = matter.items.filter { $0.kind == "row" }.map(\.key)
        guard let good = rows.first, let bad = rows.first(where: { matter.state("row", item: $0) == "unverifiable" })
        else { return nil }
        try desk.act(
            "superior", "sample", on: id,
            .init(adds: [Self.item("sample", "抽1", of: good), Self.item("sample", "抽2", of: bad)]))
        try desk.act("superior", "sample_conforms", on: id, .init(item: "抽1"))
        try desk.act(
            "superior", "sample_differs", on: id, .init(item: "抽2", fields: ["sample_opinion": "凭证可以调取，请补查"]))
        try desk.act("superior", "send_back", on: id, .init(fields: ["reason": "抽查一行答复不实"]))
        try desk.act("superior", "reopen", on: id, .init(item: bad, fields: ["recheck": "调取凭证后重新答复"]))
        return bad
    }
}
