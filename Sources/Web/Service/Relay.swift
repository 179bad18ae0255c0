import Claims

/// What a service does as a relay (转发): settlements and all other messages but reviews go to the platform and its answer
/// goes back untouched. What the platform did becomes history, what it refused does not.
extension Desk {
    /// Nothing waits here: the answer comes when the platform's does.
    func relay(_ job: Job, _ envelope: Envelope, to address: RelayAddress) {
        let isHistory = UploadReader.numbers.contains(String(envelope.number))
        let key = Self.name(of: envelope, job.body)
        if isHistory, let kept = try? service.keeper.newest(key), kept.request == job.body {
            guard job.claim() else { return }
            service.figures.add(.repeats)
            return job.reply(Reply(body: kept.answer))
        }
        guard job.claim(), let upstream = service.upstream else { return }
        let (service, area, code) = (service, envelope.careArea, envelope.institution)
        upstream.send(job.body, job.head, to: address) { result in
            switch result {
            case .success(let answer):
                service.figures.add(.relayed)
                service.keepRelayed(job, answer, key: key, isHistory: isHistory)
            case .failure(let failure):
                service.figures.add(.relayFailed)
                service.log.event("relay failed", [("institution", code), ("why", "\(failure)")])
                let answer = InterfaceAnswer.failure(.upstream(failure.why), area: area)
                // Under no name: when it comes again, it is passed on again.
                let record = Record(kind: .refused, keys: [], request: job.body, answer: answer)
                service.keeper.append(record, unless: nil) { _ in job.reply(Reply(body: answer)) }
            }
        }
    }
}

extension PointOfCare {
    /// Records what the platform answered, and lets the answer go. It goes also when it cannot be recorded: the platform
    /// has done its work, and the sender must know.
    fileprivate func keepRelayed(
        _ job: Job, _ answer: Upstream.Answer, key: RecordKey, isHistory: Bool
    ) {
        let kept = KeptRecord(
            sequence: .max, instant: WallClock.milliseconds, kind: .upload, request: job.body, answer: answer.body)
        let histories = histories
        let told = makeReading().read(kept) { reader -> (subject: UploadSubject, isDone: Bool) in
            (UploadSubject(reader, histories), reader.isDone)
        }
        let isDone = answer.status == 200 && told?.isDone == true
        let subject = told?.subject
        let kind: Record.Kind = !isDone ? .refused : isHistory ? .upload : .relayed
        let keys = kind == .upload ? [key] + (subject?.keys ?? []) : []
        var reply = Reply(body: answer.body)
        reply.status = answer.status
        let ready = reply
        keeper.append(Record(kind: kind, keys: keys, request: job.body, answer: answer.body), unless: nil) { outcome in
            if case .failure = outcome {
                self.figures.add(.notRecorded)
                self.log.event("a relayed message could not be recorded")
            } else if let subject, kind == .upload {
                self.figures.add(.uploads)
                histories.forget(subject)
            }
            job.reply(ready)
        }
    }
}

/// Whom and what an upload is about, and the names under which it is found again.
struct UploadSubject: Sendable {
    let persons: [String]
    let visits: [String]
    /// The institution whose sales of scanned drugs it tells of.
    let seller: String?
    let keys: [RecordKey]

    static let keysMax = 1_000

    /// Where a message names a visit alone, its person is the one of whom that visit is known.
    init(_ reader: UploadReader, _ histories: Histories) {
        visits = reader.visits
        let named = reader.persons
        persons = named.isEmpty ? visits.compactMap { histories.owner(ofVisit: $0) }.distinct : named
        let sales = reader.saleKeys
        seller = sales.isEmpty ? nil : reader.envelope.institution
        keys =
            persons.map { .person($0) } + reader.subjects + sales
            + (reader.reversed.map { [.reversal(of: $0)] } ?? [])
    }
}
