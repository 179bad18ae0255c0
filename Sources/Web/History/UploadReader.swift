import Audit
import Claims
import Rules

/// Reads what builds history into a person's history (就诊、费用、结算等上传交易): 2201, 2203, 2204/2205, 2207/2208,
/// 2301/2302, 2304/2305, 2401–2405, 2102/2103, 4101. It says of a person what `mappings/national-messages.yaml` says in a
/// batch.
package struct UploadReader {
    package let envelope: Envelope
    let tables: CodeTables
    /// The platform's answer, in the message or beside it.
    let output: JSONValue?
    package private(set) var tolerance: Tolerance
    private let version: Int64

    package init(_ envelope: Envelope, answer: JSONValue?, tables: CodeTables, _ tolerance: Tolerance) {
        self.envelope = envelope
        self.tables = tables
        self.tolerance = tolerance
        output = envelope.output ?? answer?.member("output")
        version = Self.version(envelope.moment)
    }

    /// Seconds since 1970 in China Standard Time; a message without a time is older than all that have one.
    package static func version(_ moment: Moment?) -> Int64 {
        moment.map { Int64($0.day) * 86_400 + Int64($0.second ?? 0) } ?? -1
    }

    /// Numbers that are taken; of those that build no timeline (stock, trace codes, 2601) the message is kept alone.
    package static let numbers: Set<String> = [
        "2101", "2102", "2103", "2201", "2202", "2203", "2204", "2205", "2206", "2207", "2208", "2301", "2302", "2303",
        "2304", "2305", "2401", "2402", "2403", "2404", "2405", "2601", "3501", "3502", "3503", "3504", "3505",
        "3506", "3507", "4101",
    ]

    // MARK: Who and which visit

    private static let dataNames = NameTable([
        "psn_no", "mdtrt_id", "setl_id", "insutype", "begntime", "dept_code", "atddr_no", "feedetl_sn", "chrg_bchno",
        "med_type", "adm_dept_codg", "dscg_maindiag_code", "endtime", "dscg_dept_codg", "die_date", "insuplc_admdvs",
        "mdtrtarea_admvs", "oinfno", "omsgid",
    ])

    /// The object that says whose visit it is.
    private var head: MessageRecord? {
        let input = envelope.input
        let names: [StaticString] = [
            "data", "mdtrtinfo", "adminfo", "dscginfo", "druginfo", "setlinfo", "feedetail", "selinfo", "selinfoDetail",
        ]
        for name in names {
            if let first = input.member(name)?.objects.first { return MessageRecord(first, Self.dataNames) }
        }
        return nil
    }

    private var settled: MessageRecord? {
        output?.member("setlinfo")?.objects.first.map { MessageRecord($0, Self.settlementNames) }
    }

    package var person: String? { head?.text(0) ?? settled?.text(19) }

    package var visit: String? {
        switch envelope.number {
        case "2201":
            output?.member("data")?.member("mdtrt_id")?.text ?? output?.member("mdtrt_id")?.text ?? head?.text(1)
        case "2401": output?.member("result")?.member("mdtrt_id")?.text ?? head?.text(1)
        case "2102", "2101": settled?.text(1) ?? head?.text(1) ?? envelope.messageIdentifier
        default: head?.text(1) ?? settled?.text(1)
        }
    }

    /// What a reversal of an unknown outcome (2601) takes back.
    package var reversed: (infno: String, message: String)? {
        guard envelope.number == "2601", let head, let number = head.text(17), let message = head.text(18) else {
            return nil
        }
        return (number, message)
    }

    // MARK: Application

    /// Applies the message; the key of the first contradiction, if there is one.
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
        guard let visit, let head else { return }
        var values = encounter(head)
        values[RowFields.Encounter.department] = head.code(5)?.value
        values[RowFields.Encounter.practitioner] = head.code(6)?.value
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, version: version, merging: true)
        notePerson(&history, insurance: nil)
    }

    private mutating func visitUpload(_ history: inout PersonHistory) {
        guard let visit, let head else { return }
        var values = encounter(head)
        values[RowFields.Encounter.setting] = tables.setting(medType: head.code(9), visitKind: nil)?.value
        values[RowFields.Encounter.insurance] = nil
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, version: version, merging: true)
        diagnoses(&history, visit, skipsInvalid: true)
    }

    private mutating func admission(_ history: inout PersonHistory) {
        guard let visit, let head else { return }
        var values = encounter(head)
        values[RowFields.Encounter.setting] = tables.setting(medType: head.code(9), visitKind: nil)?.value
        values[RowFields.Encounter.department] = head.code(10)?.value
        values[RowFields.Encounter.practitioner] = head.code(6)?.value
        values[RowFields.Encounter.diagnosis] = head.code(11)?.value
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, version: version, merging: true)
        diagnoses(&history, visit, skipsInvalid: false)
    }

    private mutating func change(_ history: inout PersonHistory) {
        guard let visit, let head else { return }
        var values = RowFields.unknown(.encounter)
        values[RowFields.Encounter.person] = .row(history.person)
        values[RowFields.Encounter.setting] = tables.setting(medType: head.code(9), visitKind: nil)?.value
        setStart(&values, head)
        values[RowFields.Encounter.department] = head.code(10)?.value
        values[RowFields.Encounter.practitioner] = head.code(6)?.value
        values[RowFields.Encounter.diagnosis] = head.code(11)?.value
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, version: version, merging: true)
    }

    private mutating func discharge(_ history: inout PersonHistory) {
        guard let visit, let head else { return }
        var values = RowFields.unknown(.encounter)
        values[RowFields.Encounter.person] = .row(history.person)
        values[RowFields.Encounter.insurance] = head.code(3)?.value
        if let end = head.moment(12, &tolerance, name: "endtime") {
            values[RowFields.Encounter.endDay] = .day(end.day)
            values[RowFields.Encounter.endSecond] = end.second.map { .second($0) }
        }
        values[RowFields.Encounter.department] = head.code(13)?.value
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, version: version, merging: true)
        diagnoses(&history, visit, skipsInvalid: false)
        if let death = head.moment(14, &tolerance, name: "die_date") {
            var values = RowFields.unknown(.person)
            values[RowFields.Person.death] = .day(death.day)
            _ = history.put(
                TimelineRow(id: history.person, values: values), in: .person, version: version, merging: true)
        }
    }

    private mutating func encounter(_ head: MessageRecord) -> [CaseValue?] {
        var values = RowFields.unknown(.encounter)
        values[RowFields.Encounter.person] = head.text(0).map { .row($0) }
        values[RowFields.Encounter.institution] = envelope.institution.isEmpty ? nil : envelope.institution.value
        values[RowFields.Encounter.insurance] = head.code(3)?.value
        setStart(&values, head)
        values[RowFields.Encounter.homeArea] = (head.code(15) ?? envelope.homeArea)?.value
        values[RowFields.Encounter.careArea] = (head.code(16) ?? envelope.careArea)?.value
        return values
    }

    private mutating func setStart(_ values: inout [CaseValue?], _ head: MessageRecord) {
        guard let start = head.moment(4, &tolerance, name: "begntime") else { return }
        values[RowFields.Encounter.startDay] = .day(start.day)
        values[RowFields.Encounter.startSecond] = start.second.map { .second($0) }
    }

    private func notePerson(_ history: inout PersonHistory, insurance: String?) {
        guard history.row(.person, history.person) == nil else { return }
        _ = history.put(
            TimelineRow(id: history.person, values: RowFields.unknown(.person)), in: .person, version: -2,
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
            var values = RowFields.unknown(.diagnosis)
            values[RowFields.Diagnosis.encounter] = .row(visit)
            values[RowFields.Diagnosis.sequence] =
                record.decimal(0, scale: 0, &tolerance, name: "diag_srt_no").map { .number($0) }
            values[RowFields.Diagnosis.code] = code.value
            values[RowFields.Diagnosis.kind] = record.code(2)?.value
            fresh.append(TimelineRow(id: "\(visit)|\(number + 1)", values: values))
        }
        history.replaceDiagnoses(ofVisit: visit, with: fresh, version: version)
    }

    // MARK: Charges

    static let lineNames = NameTable([
        "feedetl_sn", "mdtrt_id", "med_list_codg", "fee_ocur_time", "cnt", "pric", "det_item_fee_sumamt", "prd_days",
        "init_feedetl_sn", "bilg_dr_codg|bilg_dr_code", "bilg_dept_codg", "comb_no", "rxno", "drord_no", "sin_dos_dscr",
        "used_frqu_dscr", "chrg_bchno",
    ])

    private mutating func charges(_ history: inout PersonHistory) -> String? {
        var contradiction: String?
        for value in envelope.input.member("feedetail")?.objects ?? [] {
            let record = MessageRecord(value, Self.lineNames)
            guard let visit = record.text(1) ?? visit, let row = line(record, visit) else { continue }
            if !history.put(row, in: .line, version: version), contradiction == nil { contradiction = row.id }
            if let batch = record.text(16) { history.note(batch: batch, of: row.id) }
        }
        return contradiction
    }

    private mutating func line(_ record: MessageRecord, _ visit: String) -> TimelineRow? {
        guard let serial = record.text(0) else { return nil }
        typealias Field = RowFields.Line
        var values = RowFields.unknown(.line)
        values[Field.encounter] = .row(visit)
        values[Field.item] = record.code(2)?.value
        let time = record.moment(3, &tolerance, name: "fee_ocur_time")
        values[Field.day] = time.map { .day($0.day) }
        values[Field.second] = time?.second.map { .second($0) }
        values[Field.quantity] = record.decimal(4, scale: Schema.quantityScale, &tolerance, name: "cnt")
            .map { .number($0) }
        values[Field.price] = record.decimal(5, scale: Schema.priceScale, &tolerance, name: "pric").map { .number($0) }
        values[Field.amount] =
            record.decimal(6, scale: Schema.moneyScale, &tolerance, name: "det_item_fee_sumamt").map { .number($0) }
        values[Field.daysSupply] = record.decimal(7, scale: 0, &tolerance, name: "prd_days").map { .number($0) }
        values[Field.reverses] = record.text(8).map { .text("\(visit)-\($0)") }
        values[Field.practitioner] = record.code(9)?.value
        values[Field.department] = record.code(10)?.value
        values[Field.till] = envelope.operatorCode?.value
        values[Field.operation] = record.code(11)?.value
        values[Field.prescription] = (record.code(12) ?? record.code(13))?.value
        var unused = Tolerance()
        values[Field.dose] = record.decimal(14, scale: Schema.quantityScale, &unused, name: "sin_dos_dscr")
            .map { .number($0) }
        values[Field.frequency] = record.code(15)?.value
        return TimelineRow(id: "\(visit)-\(serial)", values: values)
    }

    private mutating func withdrawCharges(_ history: inout PersonHistory) {
        for value in envelope.input.member("data")?.objects ?? [] {
            let record = MessageRecord(value, Self.dataNames)
            guard let visit = record.text(1) else { continue }
            let serial = record.text(7)
            let batch = record.text(8)
            if (serial ?? batch) == "0000" {
                history.withdrawLines(ofVisit: visit)
            } else if let serial {
                history.withdraw("\(visit)-\(serial)", from: .line)
            } else if let batch {
                history.withdrawLines(ofVisit: visit, batch: batch)
            }
        }
    }

    // MARK: Settlements

    private static let settlementNames = NameTable([
        "setl_id", "mdtrt_id", "setl_time", "clr_optins", "clr_way", "medfee_sumamt", "inscp_scp_amt|inscp_amt",
        "hifp_pay", "hifmi_pay", "maf_pay", "cvlserv_pay", "oth_pay", "acct_pay", "psn_cash_pay|cash_payamt", "gend",
        "brdy", "insutype", "init_setl_id", "med_type", "psn_no",
    ])

    private mutating func settlementRow(_ record: MessageRecord, reverses: String?) -> TimelineRow? {
        guard let id = record.text(0), let visit = record.text(1) ?? visit else { return nil }
        typealias Field = RowFields.Settlement
        var values = RowFields.unknown(.settlement)
        values[Field.encounter] = .row(visit)
        let time = record.moment(2, &tolerance, name: "setl_time") ?? envelope.moment
        values[Field.day] = time.map { .day($0.day) }
        values[Field.second] = time?.second.map { .second($0) }
        values[Field.reverses] = reverses?.value
        if reverses == nil {
            values[Field.pool] = (record.code(3) ?? envelope.homeArea)?.value
            values[Field.method] = record.code(4)?.value
        }
        let money = [
            Field.total, Field.inScope, Field.basic, Field.large, Field.assistance, Field.civil, Field.otherFunds,
            Field.account, Field.cash,
        ]
        for (place, field) in zip(5..., money) {
            values[field] = record.decimal(place, scale: Schema.moneyScale, &tolerance, name: "output.setlinfo")
                .map { .number($0) }
        }
        values[Field.longTermCare] = .number(0)
        return TimelineRow(id: id, values: values)
    }

    private mutating func settlement(_ history: inout PersonHistory) -> String? {
        var contradiction: String?
        if envelope.number == "2102" { contradiction = pharmacy(&history) }
        guard let record = settled, let row = settlementRow(record, reverses: nil) else { return contradiction }
        if !history.put(row, in: .settlement, version: version) { contradiction = row.id }
        var values = RowFields.unknown(.person)
        values[RowFields.Person.sex] = record.code(14).flatMap { tables.sexes[$0] }?.value
        values[RowFields.Person.birth] = record.moment(15, &tolerance, name: "brdy").map { .day($0.day) }
        values[RowFields.Person.insurance] = record.code(16)?.value
        _ = history.put(
            TimelineRow(id: history.person, values: values), in: .person, version: version, merging: true)
        return contradiction
    }

    private mutating func pharmacy(_ history: inout PersonHistory) -> String? {
        guard let visit, let head else { return nil }
        var values = encounter(head)
        values[RowFields.Encounter.setting] = .text("pharmacy")
        values[RowFields.Encounter.endDay] = values[RowFields.Encounter.startDay]
        values[RowFields.Encounter.endSecond] = values[RowFields.Encounter.startSecond]
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, version: version, merging: true)
        notePerson(&history, insurance: nil)
        var contradiction: String?
        for value in envelope.input.member("drugdetail")?.objects ?? [] {
            let record = MessageRecord(value, Self.lineNames)
            guard var row = line(record, visit) else { continue }
            row.values[RowFields.Line.settlement] = settled?.text(0)?.value
            row.values[RowFields.Line.department] = nil
            row.values[RowFields.Line.operation] = nil
            row.values[RowFields.Line.reverses] = nil
            row.values[RowFields.Line.dose] = nil
            row.values[RowFields.Line.frequency] = nil
            if !history.put(row, in: .line, version: version) { contradiction = row.id }
        }
        return contradiction
    }

    private mutating func reversal(_ history: inout PersonHistory) -> String? {
        let original = head?.text(2)
        guard let record = settled, let row = settlementRow(record, reverses: original) else {
            // Without an answer only the number taken back is known.
            if let original { history.withdraw(original, from: .settlement) }
            return nil
        }
        return history.put(row, in: .settlement, version: version) ? nil : row.id
    }

    // MARK: Settlement lists

    private static let operationNames = NameTable([
        "oprn_oprt_code", "oprn_oprt_begntime", "oper_dr_code", "anst_way",
    ])

    private mutating func operations(_ history: inout PersonHistory) {
        guard let head, let visit = head.text(1), let settlement = head.text(2) else { return }
        for value in envelope.input.member("oprninfo")?.objects ?? [] {
            let record = MessageRecord(value, Self.operationNames)
            guard let code = record.text(0) else { continue }
            var values = RowFields.unknown(.operation)
            values[RowFields.Operation.encounter] = .row(visit)
            values[RowFields.Operation.code] = code.value
            let time = record.moment(1, &tolerance, name: "oprn_oprt_begntime")
            values[RowFields.Operation.day] = time.map { .day($0.day) }
            values[RowFields.Operation.second] = time?.second.map { .second($0) }
            values[RowFields.Operation.practitioner] = record.code(2)?.value
            values[RowFields.Operation.anaesthesia] = record.code(3)?.value
            let id = "\(settlement)|\(code)|\(record.text(1) ?? "-")"
            _ = history.put(TimelineRow(id: id, values: values), in: .operation, version: version)
        }
    }
}
