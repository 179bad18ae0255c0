import Columns

extension Desk {
    /// Takes what an institution says about findings against it: a step in the matter through the door, as the institution's actor;
    /// recorded like every message, and the same message gets the same answer.
    func appeal(_ job: Job, _ envelope: Envelope, _ institution: InstitutionSettings) throws(InterfaceError) {
        guard let book = service.casebook else { throw .unknownTransaction(envelope.infno) }
        // An appeal has effects in law: who is not known by a signature cannot make one.
        guard institution.signing != .none else {
            throw .badSignature("机构未配置签名，不能经接口申诉；请为该机构配置 signing")
        }
        let key = Self.name(of: envelope, job.body)
        let isQuery = envelope.number == "3701"
        // A query without an identifier is asked afresh each time: what it answers changes.
        if !isQuery || envelope.messageIdentifier != nil {
            let (known, collides) = earlier(key, job)
            if let known {
                guard job.claim() else { return }
                service.figures.add(.repeats)
                return job.reply(Reply(body: known))
            }
            if collides { throw .contradiction(envelope.messageIdentifier ?? "msgid") }
        }
        let answer = try AppealCounter(book: book, log: service.log).answer(envelope)
        let isFresh = isQuery && envelope.messageIdentifier == nil
        keep(job, .appeal, [isFresh ? .content(SHA256.hex(of: job.body + answer)) : key], answer) {}
    }
}
