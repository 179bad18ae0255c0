import Audit
import Claims
import Rules

/// What uploads say of charges, settlements and operations.
extension UploadReader {
    // MARK: Charges

    static let lineNames = NameTable([
        "feedetl_sn", "mdtrt_id", "med_list_codg", "fee_ocur_time", "cnt", "pric", "det_item_fee_sumamt", "prd_days",
        "init_feedetl_sn", "bilg_dr_codg|bilg_dr_code", "bilg_dept_codg", "comb_no", "rxno", "drord_no", "sin_dos_dscr",
        "used_frqu_dscr", "chrg_bchno", "psn_no",
    ])

    mutating func charges(_ history: inout PersonHistory) -> String? {
        var contradiction: String?
        for value in envelope.input.member("feedetail")?.objects ?? [] {
            let record = MessageRecord(value, Self.lineNames)
            // A message may bring lines of several persons.
            if let owner = record.text(17), owner != history.number { continue }
            guard let visit = record.text(1) ?? visit, let row = line(record, visit) else { continue }
            if !history.put(row, in: .line, said: said), contradiction == nil { contradiction = row.id }
            if let batch = record.text(16) { history.note(batch: batch, of: row.id) }
        }
        return contradiction
    }

    /// nil when it has no number, or a value cannot be read.
    mutating func line(_ record: MessageRecord, _ visit: String) -> TimelineRow? {
        guard let serial = record.text(0) else { return nil }
        var strict = Tolerance()
        // What is often written as words says nothing and costs nothing.
        var lenient = Tolerance()
        typealias Field = RowFields.Line
        var values = RowFields.unknown(.line)
        values[Field.encounter] = .row(visit)
        values[Field.item] = record.code(2)?.value
        let time = record.moment(3, &strict, name: "fee_ocur_time")
        values[Field.day] = time.map { .day($0.day) }
        values[Field.second] = time?.second.map { .second($0) }
        values[Field.quantity] = record.decimal(4, scale: Schema.quantityScale, &strict, name: "cnt")
            .map { .number($0) }
        values[Field.price] = record.decimal(5, scale: Schema.priceScale, &strict, name: "pric").map { .number($0) }
        values[Field.amount] =
            record.decimal(6, scale: Schema.moneyScale, &strict, name: "det_item_fee_sumamt").map { .number($0) }
        values[Field.daysSupply] = record.decimal(7, scale: 0, &lenient, name: "prd_days").map { .number($0) }
        values[Field.reverses] = record.text(8).map { .text("\(visit)-\($0)") }
        values[Field.practitioner] = record.code(9)?.value
        values[Field.department] = record.code(10)?.value
        values[Field.till] = envelope.operatorCode?.value
        values[Field.operation] = record.code(11)?.value
        values[Field.prescription] = (record.code(12) ?? record.code(13))?.value
        values[Field.dose] = record.decimal(14, scale: Schema.quantityScale, &lenient, name: "sin_dos_dscr")
            .map { .number($0) }
        values[Field.frequency] = record.code(15)?.value
        guard accept(strict) else { return nil }
        return TimelineRow(id: "\(visit)-\(serial)", values: values)
    }

    mutating func withdrawCharges(_ history: inout PersonHistory) {
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

    static let settlementNames = NameTable([
        "setl_id", "mdtrt_id", "setl_time", "clr_optins", "clr_way", "medfee_sumamt", "inscp_scp_amt|inscp_amt",
        "hifp_pay", "hifmi_pay", "maf_pay", "cvlserv_pay", "oth_pay", "acct_pay", "psn_cash_pay|cash_payamt", "gend",
        "brdy", "insutype", "init_setl_id", "med_type", "psn_no",
    ])

    mutating func settlementRow(_ record: MessageRecord, reverses: String?) -> TimelineRow? {
        guard let id = record.text(0), let visit = record.text(1) ?? visit else { return nil }
        typealias Field = RowFields.Settlement
        var values = RowFields.unknown(.settlement)
        values[Field.encounter] = .row(visit)
        var strict = Tolerance()
        let time = record.moment(2, &strict, name: "setl_time") ?? moment
        values[Field.day] = .day(time.day)
        values[Field.second] = time.second.map { .second($0) }
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
            values[field] = record.decimal(place, scale: Schema.moneyScale, &strict, name: "output.setlinfo")
                .map { .number($0) }
        }
        values[Field.longTermCare] = .number(0)
        guard accept(strict) else { return nil }
        return TimelineRow(id: id, values: values)
    }

    mutating func settlement(_ history: inout PersonHistory) -> String? {
        var contradiction: String?
        if envelope.number == "2102" { contradiction = pharmacy(&history) }
        guard let record = settled, record.text(19) ?? history.number == history.number else { return contradiction }
        if let row = settlementRow(record, reverses: nil), !history.put(row, in: .settlement, said: said) {
            contradiction = row.id
        }
        var strict = Tolerance()
        var values = RowFields.unknown(.person)
        values[RowFields.Person.sex] = record.code(14).flatMap { tables.sexes[$0] }?.value
        values[RowFields.Person.birth] = record.moment(15, &strict, name: "brdy").map { .day($0.day) }
        values[RowFields.Person.insurance] = record.code(16)?.value
        guard accept(strict) else { return contradiction }
        _ = history.put(
            TimelineRow(id: history.person, values: values), in: .person, said: said, merging: true)
        return contradiction
    }

    mutating func pharmacy(_ history: inout PersonHistory) -> String? {
        guard let visit, let head, var values = encounter(head, history) else { return nil }
        values[RowFields.Encounter.setting] = .text("pharmacy")
        values[RowFields.Encounter.endDay] = values[RowFields.Encounter.startDay]
        values[RowFields.Encounter.endSecond] = values[RowFields.Encounter.startSecond]
        _ = history.put(TimelineRow(id: visit, values: values), in: .encounter, said: said, merging: true)
        notePerson(&history)
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
            if !history.put(row, in: .line, said: said) { contradiction = row.id }
        }
        return contradiction
    }

    mutating func reversal(_ history: inout PersonHistory) -> String? {
        let original = head?.text(2)
        guard let record = settled, record.text(0) != nil else {
            // Without an answer only the number taken back is known.
            if let original { history.withdraw(original, from: .settlement) }
            return nil
        }
        guard let row = settlementRow(record, reverses: original) else { return nil }
        return history.put(row, in: .settlement, said: said) ? nil : row.id
    }

    // MARK: Settlement lists

    private static let operationNames = NameTable([
        "oprn_oprt_code", "oprn_oprt_begntime", "oper_dr_code", "anst_way",
    ])

    mutating func operations(_ history: inout PersonHistory) {
        guard let head, let visit = head.text(1), let settlement = head.text(2) else { return }
        for value in envelope.input.member("oprninfo")?.objects ?? [] {
            let record = MessageRecord(value, Self.operationNames)
            guard let code = record.text(0) else { continue }
            var values = RowFields.unknown(.operation)
            values[RowFields.Operation.encounter] = .row(visit)
            values[RowFields.Operation.code] = code.value
            var strict = Tolerance()
            let time = record.moment(1, &strict, name: "oprn_oprt_begntime")
            values[RowFields.Operation.day] = time.map { .day($0.day) }
            values[RowFields.Operation.second] = time?.second.map { .second($0) }
            values[RowFields.Operation.practitioner] = record.code(2)?.value
            values[RowFields.Operation.anaesthesia] = record.code(3)?.value
            guard accept(strict) else { continue }
            let id = "\(settlement)|\(code)|\(record.text(1) ?? "-")"
            _ = history.put(TimelineRow(id: id, values: values), in: .operation, said: said)
        }
    }
}
