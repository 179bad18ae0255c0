import Audit
import Claims
import Rules

/// Trace codes (追溯码) at the point of care: a code that was sold before is told while the package is still on the counter.
///
/// The codes at hand are those that the lines being written name, and those of the sales (3505) to the person that the
/// institution sent since the visit began. What else is known of them, in the dataset and from everybody who sends here,
/// is looked up by code.
extension Reviewer {
    /// Codes of one message that are looked up at most.
    static let tracesMax = 200

    /// Adds what was found of the visit's trace codes to the review; gives back what stayed open.
    func reviewTraces(
        _ patient: ReviewMessage.Patient, _ history: SettledHistory, _ message: ReviewMessage, _ stage: Stage,
        into review: inout Review
    ) throws -> [TimelineAudit.Open] {
        guard rulebook.edition.asksTraces, let handed = try handedOut(patient, history) else { return [] }
        let (findings, edition) = rulebook.askTraces(
            handed.rows, written: handed.written, coverage: movementCoverage(handed.rows))
        var open: [TimelineAudit.Open] = []
        for finding in findings where !Rule.isShadow(finding.record.rule) {
            guard message.asks(finding.record.rule), let rule = edition.rules[finding.record.rule],
                let disposition = rule.disposition[stage.rawValue]
            else { continue }
            guard finding.record.isConclusion else {
                // Of a code that nobody else is known to have scanned there is nothing to tell.
                if handed.isKnownElsewhere(finding) { open.append(TimelineAudit.Open(finding.record)) }
                continue
            }
            let wording = edition.wording.calling(message.names)
            review.results.append(
                ReviewResult(
                    finding, rule: rule, disposition: disposition, patient: patient, task: message.task,
                    wording: wording, about: handed.trace(finding).map { "追溯码：\($0)。" }))
        }
        return open
    }

    /// What a sale (3505) that comes in says of codes which were sold before: sentences for `warn_msg`.
    func warnings(about upload: UploadReader) throws -> [String] {
        guard rulebook.edition.asksTraces else { return [] }
        let own = upload.scans(histories.names).filter { $0.values[RowFields.Scan.kind] == .text("sale") }
        guard !own.isEmpty, own.count <= Self.tracesMax else { return [] }
        var handed = Handed(rows: try histories.scans(of: Set(own.compactMap(Handed.trace))))
        handed.rows.removeAll { row in own.contains { $0.id == row.id } }
        handed.rows += own
        handed.written = Set(own.map(\.id))
        let (findings, edition) = rulebook.askTraces(
            handed.rows, written: handed.written, coverage: movementCoverage(handed.rows))
        return findings.compactMap { finding in
            guard finding.record.isConclusion || handed.isKnownElsewhere(finding), !Rule.isShadow(finding.record.rule),
                edition.rules[finding.record.rule]?.disposition[Stage.during.rawValue] != nil, !finding.written.isEmpty
            else { return nil }
            return "追溯码 \(handed.trace(finding) ?? "")：" + edition.wording.statement(of: finding.record)
        }
    }

    /// Scans of some codes, and which of them are of the message.
    private struct Handed {
        var rows: [TimelineRow]
        var written: Set<String> = []

        static func trace(_ row: TimelineRow) -> String? {
            if case .text(let code) = row.values[RowFields.Scan.trace] { return code }
            return nil
        }

        /// The code that a finding is about.
        func trace(_ finding: TimelineAudit.Finding) -> String? {
            rows.first { finding.record.violating.contains($0.id) }.flatMap(Self.trace)
        }

        /// Whether somebody else's scan of the finding's code is known.
        func isKnownElsewhere(_ finding: TimelineAudit.Finding) -> Bool {
            guard let code = trace(finding) else { return false }
            return rows.contains { Self.trace($0) == code && !written.contains($0.id) }
        }
    }

    /// nil when the visit hands out nothing with a code.
    private func handedOut(_ patient: ReviewMessage.Patient, _ history: SettledHistory) throws -> Handed? {
        let sheet = patient.sheet
        let visits = (0..<sheet.count(.encounter)).map { sheet.row(.encounter, $0) }
        guard let visit = visits.first(where: \.isWritten),
            let institution = visit.text(RowFields.Encounter.institution)
        else { return nil }
        var sold: [TimelineRow] = []
        if let day = visit[RowFields.Encounter.startDay] {
            sold = try histories.sold(
                to: patient.identifier, by: sheet.text(institution), since: Int32(truncatingIfNeeded: day))
        }
        let traces = Set((sold + patient.scans).compactMap(Handed.trace))
        guard !traces.isEmpty, traces.count <= Self.tracesMax else { return nil }
        var handed = Handed(rows: try histories.scans(of: traces), written: Set(sold.map(\.id)))
        for var scan in patient.scans {
            // The same package, already told as a sale.
            let isTold = handed.rows.contains {
                handed.written.contains($0.id) && Handed.trace($0) == Handed.trace(scan)
            }
            guard !isTold else { continue }
            scan.values[RowFields.Scan.person] = history.person.value
            handed.rows.append(scan)
            handed.written.insert(scan.id)
        }
        return handed
    }

    /// Complete from a day on only where somebody says so: by a setting, or the dataset by its coverage.
    private func movementCoverage(_ rows: [TimelineRow]) -> CaseTables.Coverage {
        var first: Int32?
        for row in rows {
            if case .day(let day) = row.values[RowFields.Scan.day] { first = min(first ?? day, day) }
        }
        return CaseTables.Coverage(
            from: movementsSince ?? coverage?.from ?? first.map { Day(number: $0) }, to: nil,
            closed: movementsSince != nil || coverage?.closed == true)
    }
}
