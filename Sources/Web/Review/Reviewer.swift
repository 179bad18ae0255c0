import Audit
import Claims
import Rules

/// Reviews one message: its rows and the person's history are asked of every rule, and what was found is put into the
/// words and fields of the national interface.
package struct Reviewer: Sendable {
    /// 事前 or 事中: which disposition of a rule applies.
    package enum Stage: String, Sendable { case before, during }

    /// How a doctor is told that something could not be decided, or was not audited yet.
    package enum Notice: String, Sendable { case advisory, warning, none }

    package struct Review: Sendable {
        package var results: [ReviewResult] = []
        /// For `warn_msg`.
        package var warning: String?
        package var undetermined = 0
        package var isSomethingWritten: Bool { !results.isEmpty }
    }

    package let rulebook: Rulebook
    package let histories: Histories
    /// From when on history is complete, when a dataset says so.
    package let coverage: CaseTables.Coverage?
    /// Since when all sales with trace codes and their returns are here; nil: more may exist than is known.
    package let movementsSince: Day?

    package init(
        rulebook: Rulebook, histories: Histories, coverage: CaseTables.Coverage?, movementsSince: Day? = nil
    ) {
        self.movementsSince = movementsSince
        self.rulebook = rulebook
        self.histories = histories
        self.coverage = coverage
    }

    package func review(
        _ message: ReviewMessage, stage: Stage, notice: Notice
    ) throws -> Review {
        var review = Review()
        for patient in message.patients {
            let history = try histories.history(of: patient.identifier)
            let question = question(patient, history)
            var open: [FindingsRecord] = []
            let edition = try rulebook.ask { door, edition in
                let answer = try door.ask(question, onlyMessage: true)
                // Another pass over the message: only when something is told.
                var told: FindingsWording?
                // A rule in shadow (影子运行) is recorded by the batch and shown to nobody at the point of care.
                for finding in answer.findings where !Rule.isShadow(finding.record.rule) {
                    guard message.rules.isEmpty || message.rules.contains(finding.record.rule) else { continue }
                    guard finding.record.isConclusion else {
                        open.append(finding.record)
                        continue
                    }
                    guard let rule = edition.rules[finding.record.rule],
                        let disposition = rule.disposition[stage.rawValue]
                    else { continue }
                    let wording = told ?? edition.wording.calling(message.names)
                    told = wording
                    review.results.append(
                        ReviewResult(
                            finding, rule: rule, disposition: disposition, patient: patient, task: message.task,
                            wording: wording))
                }
                return edition
            }
            open += try reviewTraces(patient, history, message, stage, into: &review)
            review.undetermined += open.count
            guard !open.isEmpty else { continue }
            let sentence = Self.sentence(open, edition)
            switch notice {
            case .advisory: review.results.append(ReviewResult(advising: sentence, patient, task: message.task))
            case .warning: review.warning = sentence
            case .none: break
            }
        }
        return review
    }

    /// The rows of history and message side by side. The message speaks for the visits it describes.
    func question(_ patient: ReviewMessage.Patient, _ history: PersonHistory) -> TimelineAudit.Question {
        var rows = patient.rows
        if history.person != patient.identifier { Self.rename(&rows, to: history.person) }
        let described = (rows[.encounter] ?? []).map { CaseValue.row($0.id) }
        var visits = Set(described)
        for row in history.values(.encounter) where visits.insert(.row(row.id)).inserted {
            rows[.encounter, default: []].append(row)
        }
        // A charge may come before its visit is registered: then nothing can be asked of it yet.
        // Rows of one visit mostly stand together.
        var last: (visit: CaseValue, isThere: Bool)?
        func owner(_ row: TimelineRow, _ field: Int) -> CaseValue? {
            guard let visit = row.values[field] else { return nil }
            if last?.visit != visit { last = (visit, visits.contains(visit)) }
            return last?.isThere == true ? visit : nil
        }
        var isLinkMissing = false
        var numbers: Set<String>?
        var lines = rows[.line] ?? []
        for row in history.values(.line) {
            guard let visit = owner(row, RowFields.Line.encounter) else { continue }
            if described.contains(visit) {
                // A charge and an order are two things; what links them is the order or prescription number. Without a
                // link the charge is left out, so that nothing is counted twice, and history is no longer complete.
                guard case .text(let number) = row.values[RowFields.Line.prescription] else {
                    isLinkMissing = true
                    continue
                }
                if numbers == nil { numbers = patient.orderNumbers }
                if numbers?.contains(number) == true || numbers?.contains(row.id) == true { continue }
            }
            lines.append(row)
        }
        rows[.line] = lines
        let diagnosed = Set((rows[.diagnosis] ?? []).compactMap { $0.values[RowFields.Diagnosis.encounter] })
        for row in history.values(.diagnosis) {
            guard let visit = owner(row, RowFields.Diagnosis.encounter), !diagnosed.contains(visit) else { continue }
            rows[.diagnosis, default: []].append(row)
        }
        let operations = Set((rows[.operation] ?? []).map(\.id))
        for row in history.values(.operation) where !operations.contains(row.id) {
            if owner(row, RowFields.Operation.encounter) != nil { rows[.operation, default: []].append(row) }
        }
        for (table, field) in [
            (Table.settlement, RowFields.Settlement.encounter), (.prescription, RowFields.prescriptionEncounter),
        ] {
            for row in history.values(table) where owner(row, field) != nil { rows[table, default: []].append(row) }
        }
        rows[.entitlement] = history.values(.entitlement)
        rows[.person] = [Self.person(rows[.person]?.first, history)]
        let from = coverage?.from ?? Self.firstDay(rows)
        return TimelineAudit.Question(
            rows: rows, message: patient.written,
            coverage: CaseTables.Coverage(from: from, to: nil, closed: coverage?.closed == true && !isLinkMissing))
    }

    /// Calls the message's person by the name that the dataset has for it.
    private static func rename(_ rows: inout [Table: [TimelineRow]], to name: String) {
        rows[.person] = rows[.person]?.map { TimelineRow(id: name, values: $0.values) }
        rows[.encounter] = rows[.encounter]?.map { row in
            var row = row
            row.values[RowFields.Encounter.person] = .row(name)
            return row
        }
    }

    /// What the message says of a person, and where it is silent what was known.
    private static func person(_ said: TimelineRow?, _ history: PersonHistory) -> TimelineRow {
        var row = said ?? TimelineRow(id: history.person, values: RowFields.unknown(.person))
        guard let known = history.row(.person, history.person) else { return row }
        for (field, value) in known.values.enumerated() where row.values[field] == nil { row.values[field] = value }
        return row
    }

    private static func firstDay(_ rows: [Table: [TimelineRow]]) -> Day? {
        var first: Int32?
        for row in rows[.encounter] ?? [] {
            if case .day(let day) = row.values[RowFields.Encounter.startDay] { first = min(first ?? day, day) }
        }
        return first.map { Day(number: $0) }
    }

    private static func sentence(_ open: [FindingsRecord], _ edition: Rulebook.Edition) -> String {
        var parts: [String] = []
        for record in open {
            let name = edition.wording.ruleName(record.rule)
            let cause = record.cause.map { FindingsWording.cause($0) }
            let part = name + (cause.map { "（缺：\($0)）" } ?? "")
            if !parts.contains(part) { parts.append(part) }
        }
        let shown = parts.prefix(5).joined(separator: "；")
        return "以下规则因信息不足未能判定，不代表合规：" + shown + (parts.count > 5 ? "等 \(parts.count) 项" : "") + "。"
    }
}
