import Audit
import Claims
import Rules

/// Reads what builds history into a person's history (就诊、费用、结算等上传交易): 2201–2205, 2207/2208, 2301/2302, 2304/2305,
/// 2401–2405, 2102/2103, 4101. It says of a person what `mappings/national-messages.yaml` says in a batch; tests hold the
/// two readings together.
package struct UploadReader {
    package let envelope: Envelope
    let tables: CodeTables
    private let answer: JSONValue?
    /// The platform's answer, in the message or beside it.
    let output: JSONValue?
    package internal(set) var tolerance: Tolerance
    let said: SaidOrder
    /// When it was said, for what states no time of its own.
    let moment: Moment

    /// `received` are milliseconds since 1970 and `sequence` the number in the journal; at the counter it has none yet and
    /// is the last of its second.
    package init(
        _ envelope: Envelope, answer: JSONValue?, tables: CodeTables, _ tolerance: Tolerance, received: Int64,
        sequence: UInt64 = .max
    ) {
        self.envelope = envelope
        self.tables = tables
        self.tolerance = tolerance
        self.answer = answer
        output = envelope.output ?? answer?.member("output")
        said = SaidOrder(envelope.moment, received: received, sequence: sequence)
        moment =
            envelope.moment
            ?? Moment(
                day: Int32(truncatingIfNeeded: said.seconds / 86_400),
                second: Int32(truncatingIfNeeded: said.seconds % 86_400))
    }

    /// Numbers that are taken; of those that build no timeline (stock, trace codes, 2601) the message is kept alone.
    package static let numbers: Set<String> = [
        "2101", "2102", "2103", "2201", "2202", "2203", "2204", "2205", "2206", "2207", "2208", "2301", "2302", "2303",
        "2304", "2305", "2401", "2402", "2403", "2404", "2405", "2601", "3501", "3502", "3503", "3504", "3505",
        "3506", "3507", "4101",
    ]

    // MARK: Who and which visit

    static let dataNames = NameTable([
        "psn_no", "mdtrt_id", "setl_id", "insutype", "begntime", "dept_code", "atddr_no", "feedetl_sn", "chrg_bchno",
        "med_type", "adm_dept_codg", "dscg_maindiag_code", "endtime", "dscg_dept_codg", "die_date", "insuplc_admdvs",
        "mdtrtarea_admvs", "oinfno", "omsgid", "fixmedins_bchno",
    ])

    private static let headNames: [StaticString] = [
        "data", "mdtrtinfo", "adminfo", "dscginfo", "druginfo", "setlinfo", "feedetail", "selinfo", "selinfoDetail",
        "purcinfo", "purcinfoDetail", "invinfo",
    ]

    /// The objects that say whose visits they are.
    private var heads: [MessageRecord] {
        for name in Self.headNames {
            let objects = envelope.input.member(name)?.objects ?? []
            if !objects.isEmpty { return objects.map { MessageRecord($0, Self.dataNames) } }
        }
        return []
    }

    /// The first of them.
    var head: MessageRecord? {
        for name in Self.headNames {
            if let first = envelope.input.member(name)?.objects.first { return MessageRecord(first, Self.dataNames) }
        }
        return nil
    }

    var settled: MessageRecord? {
        output?.member("setlinfo")?.objects.first.map { MessageRecord($0, Self.settlementNames) }
    }

    /// The persons the message tells of, by their numbers; as a rule one.
    package var persons: [String] {
        let told = heads.compactMap { $0.text(0) }.distinct
        return told.isEmpty ? settled?.text(19).map { [$0] } ?? [] : told
    }

    /// The visit of a message about one.
    package var visit: String? {
        switch envelope.number {
        case "2201":
            output?.member("data")?.member("mdtrt_id")?.text ?? output?.member("mdtrt_id")?.text ?? head?.text(1)
        case "2401": output?.member("result")?.member("mdtrt_id")?.text ?? head?.text(1)
        case "2102", "2101": settled?.text(1) ?? envelope.messageIdentifier
        default: head?.text(1) ?? settled?.text(1)
        }
    }

    package var visits: [String] {
        switch envelope.number {
        case "2204", "2205", "2301", "2302":
            let told = heads.compactMap { $0.text(1) }.distinct
            return told.isEmpty ? visit.map { [$0] } ?? [] : told
        default: return visit.map { [$0] } ?? []
        }
    }

    /// What the message is about: its visits, and the stock movements by their serial numbers. Whoever takes account of a
    /// message takes account of all messages with the same subject.
    package var subjects: [RecordKey] {
        guard envelope.number.hasPrefix("35") else { return visits.map { .visit($0) } }
        return heads.compactMap { $0.text(19) }.distinct.map {
            .movement(institution: envelope.institution, number: $0)
        }
    }

    /// What a reversal of an unknown outcome (2601) takes back.
    package var reversed: RecordKey? {
        guard envelope.number == "2601", let head, let number = head.text(17), let message = head.text(18) else {
            return nil
        }
        return .transport(institution: envelope.institution, infno: number, message: message)
    }

    /// The rows that the message states by their identifiers: what is left of it in a dataset when it is taken back.
    package var stated: [(table: Table, id: String)] {
        switch envelope.number {
        case "2201", "2203", "2401": return visits.map { (.encounter, $0) }
        case "2204", "2301":
            return (envelope.input.member("feedetail")?.objects ?? []).compactMap { value in
                let record = MessageRecord(value, Self.lineNames)
                guard let visit = record.text(1) ?? visit, let serial = record.text(0) else { return nil }
                return (.line, "\(visit)-\(serial)")
            }
        case "2102": return visits.map { (.encounter, $0) } + (settled?.text(0).map { [(.settlement, $0)] } ?? [])
        case "2207", "2304", "2208", "2305", "2103": return settled?.text(0).map { [(.settlement, $0)] } ?? []
        default: return []
        }
    }

    /// Whether the platform's answer says that it was done.
    var isDone: Bool {
        guard let code = answer?.member("infcode")?.text else { return false }
        return Int(code) == 0
    }

    // MARK: Application

    /// Applies what the message says of the history's person; the key of the first contradiction, if there is one.
    package mutating func apply(to history: inout PersonHistory) -> String? {
        switch envelope.number {
        case "2201": registration(&history)
        case "2203": visitUpload(&history)
        case "2204", "2301": return charges(&history)
        case "2205", "2302": withdrawCharges(&history)
        case "2207", "2304", "2102": return settlement(&history)
        case "2208", "2305", "2103": return reversal(&history)
        case "2401": admission(&history)
        case "2402": discharge(&history)
        case "2403": change(&history)
        case "2404", "2202": if let visit { history.withdraw(visit, from: .encounter) }
        case "2405":
            if let visit {
                history.clear([RowFields.Encounter.endDay, RowFields.Encounter.endSecond], of: visit, in: .encounter)
            }
        case "4101": operations(&history)
        default: break
        }
        return nil
    }

    private mutating func registration(_ history: inout PersonHistory) {
        guard let visit, let head, var values = encounter(head, history) else { return }
        values[RowFields.Encounter.department] = head.code(5)?.value
        values[RowFields.Encounter.practitioner] = head.code(6)?.value
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, said: said, merging: true)
        notePerson(&history)
    }

    private mutating func visitUpload(_ history: inout PersonHistory) {
        guard let visit, let head, var values = encounter(head, history) else { return }
        values[RowFields.Encounter.setting] = tables.setting(medType: head.code(9), visitKind: nil)?.value
        values[RowFields.Encounter.insurance] = nil
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, said: said, merging: true)
        diagnoses(&history, visit, skipsInvalid: true)
    }

    private mutating func admission(_ history: inout PersonHistory) {
        guard let visit, let head, var values = encounter(head, history) else { return }
        values[RowFields.Encounter.setting] = tables.setting(medType: head.code(9), visitKind: nil)?.value
        values[RowFields.Encounter.department] = head.code(10)?.value
        values[RowFields.Encounter.practitioner] = head.code(6)?.value
        values[RowFields.Encounter.diagnosis] = head.code(11)?.value
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, said: said, merging: true)
        diagnoses(&history, visit, skipsInvalid: false)
    }

    private mutating func change(_ history: inout PersonHistory) {
        guard let visit, let head else { return }
        var values = RowFields.unknown(.encounter)
        values[RowFields.Encounter.person] = .row(history.person)
        values[RowFields.Encounter.setting] = tables.setting(medType: head.code(9), visitKind: nil)?.value
        guard setStart(&values, head) else { return }
        values[RowFields.Encounter.department] = head.code(10)?.value
        values[RowFields.Encounter.practitioner] = head.code(6)?.value
        values[RowFields.Encounter.diagnosis] = head.code(11)?.value
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, said: said, merging: true)
    }

    private mutating func discharge(_ history: inout PersonHistory) {
        guard let visit, let head else { return }
        var values = RowFields.unknown(.encounter)
        values[RowFields.Encounter.person] = .row(history.person)
        values[RowFields.Encounter.insurance] = head.code(3)?.value
        var strict = Tolerance()
        if let end = head.moment(12, &strict, name: "endtime") {
            values[RowFields.Encounter.endDay] = .day(end.day)
            values[RowFields.Encounter.endSecond] = end.second.map { .second($0) }
        }
        values[RowFields.Encounter.department] = head.code(13)?.value
        if accept(strict) {
            _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, said: said, merging: true)
        }
        diagnoses(&history, visit, skipsInvalid: false)
        strict = Tolerance()
        guard let death = head.moment(14, &strict, name: "die_date"), accept(strict) else { return }
        var person = RowFields.unknown(.person)
        person[RowFields.Person.death] = .day(death.day)
        _ = history.put(TimelineRow(id: history.person, values: person), in: .person, said: said, merging: true)
    }

    /// What the objects that open a visit have in common; nil when a value cannot be read.
    mutating func encounter(_ head: MessageRecord, _ history: PersonHistory) -> [CaseValue?]? {
        var values = RowFields.unknown(.encounter)
        values[RowFields.Encounter.person] = .row(history.person)
        values[RowFields.Encounter.institution] = envelope.institution.isEmpty ? nil : envelope.institution.value
        values[RowFields.Encounter.insurance] = head.code(3)?.value
        guard setStart(&values, head) else { return nil }
        values[RowFields.Encounter.homeArea] = (head.code(15) ?? envelope.homeArea)?.value
        values[RowFields.Encounter.careArea] = (head.code(16) ?? envelope.careArea)?.value
        return values
    }

    private mutating func setStart(_ values: inout [CaseValue?], _ head: MessageRecord) -> Bool {
        var strict = Tolerance()
        if let start = head.moment(4, &strict, name: "begntime") {
            values[RowFields.Encounter.startDay] = .day(start.day)
            values[RowFields.Encounter.startSecond] = start.second.map { .second($0) }
        }
        return accept(strict)
    }

    /// False when a value of a row could not be read: as in a batch such a row is no history, and its sender is told.
    mutating func accept(_ strict: Tolerance) -> Bool {
        tolerance.note(strict)
        return strict.unreadableCount == 0
    }

    func notePerson(_ history: inout PersonHistory) {
        guard history.row(.person, history.person) == nil else { return }
        _ = history.put(
            TimelineRow(id: history.person, values: RowFields.unknown(.person)), in: .person, said: .dataset,
            merging: true)
    }

    private static let diagnosisNames = NameTable(["diag_srt_no", "diag_code", "diag_type", "vali_flag"])

    private mutating func diagnoses(_ history: inout PersonHistory, _ visit: String, skipsInvalid: Bool) {
        let given = envelope.input.member("diseinfo")?.objects ?? []
        guard !given.isEmpty else { return }
        var fresh: [TimelineRow] = []
        for (number, value) in given.enumerated() {
            let record = MessageRecord(value, Self.diagnosisNames)
            if skipsInvalid, record.text(3) == "0" { continue }
            guard let code = record.code(1) else { continue }
            var strict = Tolerance()
            var values = RowFields.unknown(.diagnosis)
            values[RowFields.Diagnosis.encounter] = .row(visit)
            values[RowFields.Diagnosis.sequence] =
                record.decimal(0, scale: 0, &strict, name: "diag_srt_no").map { .number($0) }
            values[RowFields.Diagnosis.code] = code.value
            values[RowFields.Diagnosis.kind] = record.code(2)?.value
            guard accept(strict) else { continue }
            fresh.append(TimelineRow(id: "\(visit)|\(number + 1)", values: values))
        }
        history.replaceDiagnoses(ofVisit: visit, with: fresh, said: said)
    }
}
