import Audit
import Claims
import Columns
import Rules

/// One entry of `output.result` (违规结果), filled from the evidence of a finding.
package struct ReviewResult: Sendable {
    package struct Detail: Sendable {
        package let id: String
        package let visit: String?
        package let order: String?
        /// 1 违规项, 2 涉及项.
        package let kind: Int
        /// Fen; nil is not known.
        package let amount: Int64?
    }

    package let id: String
    package let ruleID: String
    package let ruleName: String
    package let content: String
    package let patient: String
    package let visit: String?
    package let details: [Detail]
    /// Fen; nil: it could not be computed (`vola_amt_stas` 0).
    package let amount: Int64?
    package let severity: Int
    package let evidence: String
    /// 1 就诊类, 2 项目类.
    package let behaviour: Int
    package let task: String?
    /// remind, ask-reason, block; an extension of ours beside the national members.
    package let disposition: String

    /// The reserved identifier of what is no finding but a notice (未决、未审核提示).
    package static let noticeRule = "YIJIAN-NOTICE"

    init(
        _ finding: TimelineAudit.Finding, rule: Rule, disposition: String, patient: ReviewMessage.Patient,
        task: String?, wording: FindingsWording, about subject: String? = nil
    ) {
        let record = finding.record
        id = Self.identifier(of: record)
        ruleID = rule.id
        ruleName = rule.name
        var sentence = Self.prefix(disposition) + wording.statement(of: record)
        if let counterfact = wording.counterfact(of: record) { sentence += counterfact }
        content = sentence + (subject ?? "")
        self.patient = patient.identifier
        visit = record.encounter ?? patient.currentVisit
        severity = Int(max(1, min(3, record.grade)))
        evidence = rule.basis.joined(separator: "；")
        behaviour = record.table == .line || record.table == .scan ? 2 : 1
        self.task = task
        self.disposition = disposition
        let written = Set(finding.written)
        let isOfLines = record.table == .line
        var details: [Detail] = []
        var own: Int64 = 0
        var isAmountKnown = record.gross != nil
        for (number, row) in record.violating.enumerated() {
            let isWritten = written.contains(row)
            let stake = number < record.stakes.count ? DecimalText.parse(record.stakes[number], scale: 2) : nil
            if isWritten || !isOfLines {
                if let stake { own += stake } else if isOfLines { isAmountKnown = false }
            }
            details.append(
                Detail(
                    id: "\(id)-\(number + 1)", visit: record.table == .encounter ? row : nil,
                    order: patient.orders[row] ?? (isOfLines ? row : nil), kind: isWritten ? 1 : 2,
                    amount: isWritten || !isOfLines ? stake : nil))
        }
        for (number, row) in record.involvedRows.enumerated() {
            details.append(
                Detail(
                    id: "\(id)-\(record.violating.count + number + 1)", visit: row.table == .encounter ? row.id : nil,
                    order: row.table == .line ? patient.orders[row.id] ?? row.id : nil, kind: 2, amount: nil))
        }
        self.details = details
        amount = isAmountKnown ? (isOfLines && !record.stakes.isEmpty ? own : record.gross) : nil
    }

    /// A notice that a doctor sees where an empty list would read as clean.
    package init(advising sentence: String, _ patient: ReviewMessage.Patient?, task: String?) {
        id = "notice"
        ruleID = Self.noticeRule
        ruleName = "系统提示"
        content = sentence
        self.patient = patient?.identifier ?? ""
        visit = patient?.currentVisit
        details = []
        amount = 0
        severity = 3
        evidence = ""
        behaviour = 1
        self.task = task
        disposition = "remind"
    }

    /// The finding, and in eight digits what it says: a group that grew is another entry of the same finding.
    private static func identifier(of record: FindingsRecord) -> String {
        let content =
            ([record.outcome] + record.violating + [record.value.map(String.init) ?? "", "\(record.gross ?? -1)"])
            .joined(separator: "|")
        let digest = SHA256.hex(of: Array(content.utf8))
        return String(record.id.prefix(32) + digest.prefix(8))
    }

    private static func prefix(_ disposition: String) -> String {
        switch disposition {
        case "block": "【拦截】"
        case "ask-reason": "【请说明理由】"
        default: "【提醒】"
        }
    }
}

extension ReviewResult {
    /// Writes the entry with the members of the national interface, within its lengths.
    func write(to writer: inout AnswerWriter) {
        writer.object { writer in
            writer.text("jr_id", id)
            writer.text("rule_id", ruleID)
            writer.text("rule_name", ruleName.limited(to: 200))
            writer.text("vola_cont", content.limited(to: 500))
            writer.text("patn_id", patient)
            writer.text("mdtrt_id", visit)
            writer.name("judge_result_detail_dtos")
            writer.list { writer in
                for detail in details { write(detail, to: &writer) }
            }
            writer.raw("vola_amt", Self.yuan(amount ?? 0))
            writer.text("vola_amt_stas", amount == nil ? "0" : "1")
            writer.text("sev_deg", String(severity))
            writer.text("vola_evid", evidence.limited(to: 500))
            writer.text("vola_bhvr_type", String(behaviour))
            writer.text("task_id", task)
            writer.text("yj_dspo", disposition)
        }
    }

    private func write(_ detail: Detail, to writer: inout AnswerWriter) {
        writer.object { writer in
            writer.text("jrd_id", detail.id)
            writer.text("patn_id", patient)
            writer.text("mdtrt_id", detail.visit ?? visit)
            writer.text("rx_id", detail.order)
            writer.text("vola_item_type", String(detail.kind))
            writer.raw("vola_amt", detail.amount.map(Self.yuan) ?? "null")
        }
    }

    private static func yuan(_ fen: Int64) -> String { DecimalText.format(fen, scale: 2) }
}
