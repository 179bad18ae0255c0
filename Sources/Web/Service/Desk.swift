import Audit
import Claims
import Columns
import Rules

/// Where one thread reads and answers messages: its tapes are used again for every message.
package final class Desk {
    let service: PointOfCare
    private let tape: JSONTape
    private let inner: JSONTape
    private let buffers = TextBuffers()

    package init(_ service: PointOfCare) {
        self.service = service
        var limits = JSONTape.Limits()
        limits.bytes = service.settings.bodyBytesMax
        // Attachments of appeals are one long text each (3704).
        limits.text = service.settings.bodyBytesMax
        tape = JSONTape(limits: limits)
        inner = JSONTape(limits: limits)
    }

    /// What was read of a message, before anything is done with it.
    private struct Opened {
        let envelope: Envelope
        let institution: InstitutionSettings
        var tolerance: Tolerance
    }

    package func handle(_ job: Job) {
        defer { buffers.clear() }
        job.body.withUnsafeBufferPointer { bytes in
            do throws(InterfaceError) {
                let opened = try open(bytes, job.head, isTrusted: job.isLater)
                service.figures.note(opened.tolerance)
                try dispatch(job, opened)
            } catch {
                refuse(job, error)
            }
        }
    }

    private func open(
        _ bytes: UnsafeBufferPointer<UInt8>, _ head: MessageHead, isTrusted: Bool
    ) throws(InterfaceError) -> Opened {
        do {
            try tape.read(bytes)
        } catch {
            throw .malformed(error)
        }
        var tolerance = Tolerance()
        let root = JSONValue.root(tape)
        let code = root.member("fixmedins_code")?.text ?? root.member("medins_code")?.text ?? ""
        guard let institution = service.settings.institution(code) else { throw .unknownInstitution(code) }
        if institution.signing == .ciphers {
            let input = try service.verifier.open(root, institution, code, head, buffers)
            let envelope = try Envelope(root, deciphered: input, inner: inner, buffers: buffers, &tolerance)
            return Opened(envelope: envelope, institution: institution, tolerance: tolerance)
        }
        if institution.signing != .none, !isTrusted { try service.verifier.verify(root, institution, code, head) }
        let envelope = try Envelope(root, inner: inner, buffers: buffers, &tolerance)
        return Opened(envelope: envelope, institution: institution, tolerance: tolerance)
    }

    private func dispatch(_ job: Job, _ opened: Opened) throws(InterfaceError) {
        let number = opened.envelope.number
        if let stage = PointOfCare.reviews[number] { return try review(job, opened, stage) }
        if number == "3103" { return try feedback(job, opened) }
        let isAppeal = AppealMessage.numbers.contains(number)
        // Where matters are not kept here, appeals go to the platform like everything else.
        if let address = opened.institution.relay, !isAppeal || service.casebook == nil {
            return relay(job, opened.envelope, to: address)
        }
        if isAppeal { return try appeal(job, opened.envelope, opened.institution) }
        guard UploadReader.numbers.contains(String(number)) else { throw .unknownTransaction(opened.envelope.infno) }
        try upload(job, opened)
    }

    private func refuse(_ job: Job, _ error: InterfaceError) {
        guard job.claim() else { return }
        service.figures.add(.refused)
        service.log.event("refused", [("code", error.code)])
        job.reply(Reply(body: InterfaceAnswer.failure(error, area: nil)))
    }

    /// What a message is known by when it comes again: sender, number and identifier; without one its content.
    static func name(of envelope: Envelope, _ body: [UInt8]) -> RecordKey {
        if let message = envelope.messageIdentifier {
            return .transport(institution: envelope.institution, infno: envelope.infno, message: message)
        }
        return .content(SHA256.hex(of: body))
    }

    /// The answer that the same message was given before. Another message under the same identifier is noted.
    func earlier(_ key: RecordKey, _ job: Job) -> (answer: [UInt8]?, collides: Bool) {
        guard !job.isLater, let kept = try? service.keeper.newest(key) else { return (nil, false) }
        if kept.request == job.body { return (kept.answer, false) }
        return (nil, true)
    }

    // MARK: Reviews

    private func review(_ job: Job, _ opened: Opened, _ stage: Reviewer.Stage) throws(InterfaceError) {
        let key = Self.name(of: opened.envelope, job.body)
        let (known, collides) = earlier(key, job)
        if let known {
            guard job.claim() else { return }
            service.figures.add(.repeats)
            return job.reply(Reply(body: known))
        }
        var tolerance = Tolerance()
        let message = try ReviewMessage(opened.envelope, tables: opened.institution.tables, &tolerance)
        service.figures.note(tolerance)
        let started = WallClock.steady
        var review: Reviewer.Review
        do {
            review = try service.reviewer.review(message, stage: stage, notice: opened.institution.notice)
        } catch {
            // The history cannot be read or a row has no place: care goes on, the answer says what is missing.
            service.log.event("review failed", [("why", "\(type(of: error))")])
            review = Reviewer.Review()
            review.results = [ReviewResult(advising: "本次未能完成审核，请稍后重新提交。", message.patients.first, task: message.task)]
        }
        service.figures.note(reviewed: Int(WallClock.steady - started))
        service.figures.add(.reviews)
        service.figures.add(.findings, review.results.count)
        service.figures.add(.undetermined, review.undetermined)
        var warnings = review.warning.map { [$0] } ?? []
        if collides {
            service.figures.add(.collisions)
            warnings.append("报文标识 msgid 与此前不同内容的报文重复，已重新审核。")
        }
        if tolerance.unreadableCount > 0 {
            warnings.append("无法识别的字段按未知处理：" + tolerance.unreadableNames.joined(separator: "、"))
        }
        let warning = warnings.isEmpty ? nil : warnings.joined(separator: " ").limited(to: 500)
        let area = opened.envelope.careArea
        let answer = InterfaceAnswer.review(review.results, area: area, warning: warning)
        var keys = [key]
        for result in review.results where result.ruleID != ReviewResult.noticeRule { keys.append(.finding(result.id)) }
        let isFirst = job.claim()
        let record = Record(
            kind: isFirst ? .reviewed : .reviewedLater, keys: keys, request: job.body, answer: answer)
        let (service, results) = (service, review.results)
        service.keeper.append(record, unless: isFirst && !collides ? key : nil) { outcome in
            guard isFirst else {
                service.figures.add(.auditedLater)
                return
            }
            if case .failure = outcome {
                // The disk is full or failing: still an answer, marked not recorded, to be sent again.
                service.figures.add(.notRecorded)
                let sentence = ([InterfaceError.notRecorded.message] + (warning.map { [$0] } ?? [])).joined(
                    separator: " ")
                return job.reply(
                    Reply(body: InterfaceAnswer.review(results, area: area, warning: sentence)))
            }
            job.reply(Reply(body: service.answer(outcome, to: job.body, else: answer)))
        }
    }

    /// Answers a review that waits too long, and leaves it in its place in the queue to be audited.
    func degrade(_ job: Job) {
        defer { buffers.clear() }
        job.body.withUnsafeBufferPointer { bytes in
            guard let opened = try? open(bytes, job.head, isTrusted: false),
                PointOfCare.reviews[opened.envelope.number] != nil
            else { return }
            guard job.claim() else { return }
            let area = opened.envelope.careArea
            let sentence = "已受理，尚未完成审核；审核结果稍后生成，请勿视为无违规。"
            let results =
                opened.institution.notice == .advisory
                ? [ReviewResult(advising: sentence, nil, task: nil)] : []
            let answer = InterfaceAnswer.review(results, area: area, warning: sentence)
            let key = Self.name(of: opened.envelope, job.body)
            let record = Record(
                kind: .degraded, keys: [key, .degraded], request: job.body, answer: answer)
            let service = service
            service.figures.add(.degraded)
            service.keeper.append(record, unless: key) { outcome in
                if case .failure = outcome {
                    service.figures.add(.notRecorded)
                    let both = InterfaceError.notRecorded.message + " " + sentence
                    return job.reply(Reply(body: InterfaceAnswer.review(results, area: area, warning: both)))
                }
                job.reply(Reply(body: service.answer(outcome, to: job.body, else: answer)))
            }
        }
    }

    // MARK: Feedback

    private static let warnNames = NameTable(["warn_rslt_id", "dspo_way", "dspo_way_rea"])

    private func feedback(_ job: Job, _ opened: Opened) throws(InterfaceError) {
        let data = opened.envelope.input.member("data") ?? opened.envelope.input
        var keys = [Self.name(of: opened.envelope, job.body)]
        var missing = 0
        for warn in data.member("warns")?.objects ?? [] {
            let record = MessageRecord(warn, Self.warnNames)
            guard let finding = record.text(0) else { continue }
            if record.text(1) == "1", record.text(2) == nil { missing += 1 }
            keys.append(.finding(finding))
            guard keys.count < 4_000 else { throw .tooLarge(service.settings.bodyBytesMax) }
        }
        let (known, collides) = earlier(keys[0], job)
        if let known {
            guard job.claim() else { return }
            service.figures.add(.repeats)
            return job.reply(Reply(body: known))
        }
        if collides { throw .contradiction(opened.envelope.messageIdentifier ?? "msgid") }
        service.figures.add(.feedback)
        let warning = missing > 0 ? "有 \(missing) 条继续执行的反馈未填写处理原因（dspo_way_rea）。" : nil
        keep(job, .feedback, keys, InterfaceAnswer.done(area: opened.envelope.careArea, warning: warning)) {}
    }

    // MARK: Uploads

    private func upload(_ job: Job, _ opened: Opened) throws(InterfaceError) {
        let envelope = opened.envelope
        let key = Self.name(of: envelope, job.body)
        let (known, collides) = earlier(key, job)
        if let known {
            guard job.claim() else { return }
            service.figures.add(.repeats)
            return job.reply(Reply(body: known))
        }
        if collides { throw .contradiction(envelope.messageIdentifier ?? "msgid") }
        var reader = UploadReader(
            envelope, answer: nil, tables: opened.institution.tables, Tolerance(), received: WallClock.milliseconds)
        let subject = UploadSubject(reader, service.histories)
        guard subject.keys.count <= UploadSubject.keysMax else { throw .tooLarge(service.settings.bodyBytesMax) }
        for person in subject.persons {
            guard var history = try? service.histories.history(of: person) else { continue }
            if let contradiction = reader.apply(to: &history) { throw .contradiction(contradiction) }
        }
        service.figures.note(reader.tolerance)
        service.figures.add(.uploads)
        let names = reader.tolerance.unreadableNames
        var warnings =
            names.isEmpty ? [] : ["含有无法识别的字段的记录未计入历史，请更正后重传：" + names.joined(separator: "、")]
        do {
            warnings += try service.reviewer.warnings(about: reader)
        } catch {
            service.log.event("trace codes could not be looked at", [("why", "\(type(of: error))")])
        }
        let answer = InterfaceAnswer.done(
            area: envelope.careArea,
            warning: warnings.isEmpty ? nil : warnings.joined(separator: " ").limited(to: 500))
        let histories = service.histories
        keep(job, .upload, [key] + subject.keys, answer) { histories.forget(subject) }
    }

    /// Records what is not a review; what cannot be recorded is refused, to be sent again.
    func keep(
        _ job: Job, _ kind: Record.Kind, _ keys: [RecordKey], _ answer: [UInt8], then: @escaping @Sendable () -> Void
    ) {
        guard job.claim() else { return }
        let service = service
        let record = Record(kind: kind, keys: keys, request: job.body, answer: answer)
        service.keeper.append(record, unless: keys.first) { outcome in
            if case .failure = outcome {
                service.figures.add(.notRecorded)
                return job.reply(Reply(body: InterfaceAnswer.failure(.notRecorded, area: nil)))
            }
            then()
            job.reply(Reply(body: service.answer(outcome, to: job.body, else: answer)))
        }
    }
}

extension PointOfCare {
    /// The answer that leaves: that of the same message when it was recorded a moment before.
    fileprivate func answer(
        _ outcome: Result<Kept, KeepingFailure>, to request: [UInt8], else answer: [UInt8]
    ) -> [UInt8] {
        guard case .success(.known(let sequence)) = outcome, let kept = try? keeper.record(sequence),
            kept.request == request
        else { return answer }
        figures.add(.repeats)
        return kept.answer
    }
}
