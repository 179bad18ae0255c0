import Audit
import Claims
import Rules

/// Reviews one message: its rows and the person's history are asked of every rule, and what was found is put into the
/// words and fields of the national interface.
package struct Reviewer: Sendable {
    /// 事前 or 事中: which disposition of a rule applies.
    package enum Stage: String, Sendable, CaseIterable { case before, during }

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
            let history = try histories.settled(of: patient.identifier)
            let question = question(patient, history)
            var open: [TimelineAudit.Open] = []
            let edition = try rulebook.ask { door, edition in
                let answer = try door.ask(question, at: stage.rawValue, onlyMessage: true, openInShort: true)
                open += answer.open.filter { message.asks($0.rule) }
                // Another pass over the message: only when something is told.
                var told: FindingsWording?
                for finding in answer.findings where message.asks(finding.record.rule) {
                    guard finding.record.isConclusion else {
                        open.append(TimelineAudit.Open(finding.record))
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

    /// The rows of history and message side by side. The message speaks for the visits it describes; its sheet takes over what
    /// only history knows of the person.
    func question(_ patient: ReviewMessage.Patient, _ history: SettledHistory) -> TimelineAudit.Question {
        Self.complete(patient.sheet, history)
        let beside = HistoryBeside(patient, history)
        let parts = [
            TimelineAudit.Question.Part(patient.sheet),
            TimelineAudit.Question.Part(history.sheet, leftOut: beside.leftOut),
        ]
        let from = coverage?.from ?? Self.firstDay(parts)
        return TimelineAudit.Question(
            parts,
            coverage: CaseTables.Coverage(
                from: from, to: nil, closed: coverage?.closed == true && !beside.isLinkMissing))
    }

    /// Calls the message's person by the name that the dataset has for it, and says what was known where the message is silent.
    private static func complete(_ sheet: TimelineSheet, _ history: SettledHistory) {
        let row = sheet.row(.person, 0)
        let name = sheet.number(of: history.person)
        if row.name != name {
            row.name = name
            for place in 0..<sheet.count(.encounter) {
                sheet.row(.encounter, place).set(RowFields.Encounter.person, name)
            }
        }
        if let known = history.known { sheet.fill(row, with: known.values) }
    }

    private static func firstDay(_ parts: [TimelineAudit.Question.Part]) -> Day? {
        var first: Int64?
        for part in parts {
            let leftOut = part.leftOut[.encounter] ?? []
            for place in 0..<part.sheet.count(.encounter) where leftOut.isEmpty || !leftOut[place] {
                guard let day = part.sheet.row(.encounter, place)[RowFields.Encounter.startDay] else { continue }
                first = min(first ?? day, day)
            }
        }
        return first.map { Day(number: Int32(truncatingIfNeeded: $0)) }
    }

    private static func sentence(_ open: [TimelineAudit.Open], _ edition: Rulebook.Edition) -> String {
        var parts: [String] = []
        for open in open {
            let name = edition.wording.ruleName(open.rule)
            let cause = open.cause.map { FindingsWording.cause($0) }
            let part = name + (cause.map { "（缺：\($0)）" } ?? "")
            if !parts.contains(part) { parts.append(part) }
        }
        let shown = parts.prefix(5).joined(separator: "；")
        return "以下规则因信息不足未能判定，不代表合规：" + shown + (parts.count > 5 ? "等 \(parts.count) 项" : "") + "。"
    }
}
