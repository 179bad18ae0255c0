import Audit
import Claims
import Rules

/// Reads the visits of one person in a review message: visits, diagnoses, operations and order lines become rows.
struct PatientReader {
    private(set) var patient: ReviewMessage.Patient
    private let envelope: Envelope
    private let tables: CodeTables
    private let sheet: TimelineSheet
    private let homeArea: String?
    private let careArea: Int32?
    private let till: Int32?
    /// Of each line: what it says of being written now.
    private var isCurrent: [Bool?] = []
    /// By number of a text: whether a line has that name.
    private var isTaken: [Bool] = []
    private(set) var lineCount = 0

    private static let encounterNames = NameTable([
        "mdtrt_id", "medins_id", "medins_admdvs", "wardarea_codg", "adm_date", "dscg_date", "dscg_main_dise_codg",
        "dr_codg", "adm_dept_codg", "dscg_dept_codg", "med_mdtrt_type", "med_type", "insutype",
        "fsi_diagnose_dtos|diagnoseDtos", "fsi_order_dtos|orderDtos", "fsi_operation_dtos|operationDtos",
    ])
    private static let orderNames = NameTable([
        "rx_id", "rxno", "hilist_code", "cnt", "pric", "sumamt", "drord_begn_date", "drord_dept_codg",
        "drord_dr_codg", "curr_drord_flag", "extend_order_map", "drugtracinfo|drug_trac_info|durg_trac_info",
        "drug_trac_codg|drug_trac_code", "trdn_flag",
    ])
    private static let traceNames = NameTable(["drug_trac_codg|drug_trac_code", "trdn_flag"])
    private static let diagnosisNames = NameTable(["dias_srt_no", "dise_codg", "maindise_flag"])
    private static let operationNames = NameTable([
        "setl_list_oprn_id", "oprn_code", "oprn_date", "anst_way", "oper_dr_code",
    ])
    private static let extensionNames = NameTable(["o_prdDays"])

    init(_ record: MessageRecord, _ envelope: Envelope, _ tables: CodeTables) {
        var unused = Tolerance()
        let identifier = record.text(0) ?? "?"
        patient = ReviewMessage.Patient(identifier: identifier, currentVisit: record.text(4))
        sheet = patient.sheet
        self.envelope = envelope
        self.tables = tables
        homeArea = record.code(3) ?? envelope.homeArea
        careArea = envelope.careArea.map { [sheet] in sheet.number(of: $0) }
        till = envelope.operatorCode.map { [sheet] in sheet.number(of: $0) }
        let row = sheet.append(.person, name: sheet.number(of: identifier))
        typealias Field = RowFields.Person
        row.set(Field.sex, record.code(1).flatMap { tables.sexes[$0] }.map { [sheet] in sheet.number(of: $0) })
        row.set(Field.birth, record.moment(2, &unused, name: "brdy")?.day)
        row.set(Field.homeArea, homeArea.map { [sheet] in sheet.number(of: $0) })
    }

    /// Reads one visit; children may lie beside `data` when there is only one.
    mutating func read(
        _ value: JSONValue, beside: (data: JSONValue, input: JSONValue)?, _ tolerance: inout Tolerance
    ) throws(InterfaceError) {
        let record = MessageRecord(value, Self.encounterNames)
        guard let visit = record.text(0) ?? patient.currentVisit else { throw .missing("mdtrt_id") }
        let number = sheet.number(of: visit)
        guard !(0..<sheet.count(.encounter)).contains(where: { sheet.row(.encounter, $0).name == number }) else {
            throw .missing("mdtrt_id（就诊标识重复）")
        }
        addEncounter(number, record, &tolerance)
        func children(_ place: Int, _ name: StaticString) -> [JSONValue] {
            let own = record.value(place).map { ReviewMessage.list($0, &tolerance) } ?? []
            guard own.isEmpty, let beside else { return own }
            return ReviewMessage.children([name], beside.data, beside.input, &tolerance)
        }
        for (place, diagnosis) in children(13, "fsi_diagnose_dtos").enumerated() {
            addDiagnosis(MessageRecord(diagnosis, Self.diagnosisNames), place, visit, number)
        }
        for (place, operation) in children(15, "fsi_operation_dtos").enumerated() {
            addOperation(MessageRecord(operation, Self.operationNames), place, visit, number, &tolerance)
        }
        let orders = children(14, "fsi_order_dtos")
        lineCount += orders.count
        guard lineCount <= ReviewMessage.linesMax else { throw .tooLarge(4 << 20) }
        sheet.reserve(.line, orders.count)
        isCurrent.reserveCapacity(isCurrent.count + orders.count)
        for order in orders { addLine(MessageRecord(order, Self.orderNames), visit, number, &tolerance) }
    }

    private func addEncounter(_ visit: Int32, _ record: MessageRecord, _ tolerance: inout Tolerance) {
        typealias Field = RowFields.Encounter
        let texts = sheet.texts
        let row = sheet.append(.encounter, name: visit)
        let setting = tables.setting(medType: record.code(11), visitKind: record.code(10))
        row.set(Field.person, sheet.row(.person, 0).name)
        row.set(Field.institution, record.number(1, texts) ?? sheet.number(of: envelope.institution))
        row.set(Field.setting, setting.map { sheet.number(of: $0) })
        row.set(Field.insurance, record.number(12, texts))
        let start = record.moment(4, &tolerance, name: "adm_date")
        row.set(Field.startDay, start?.day)
        row.set(Field.startSecond, start?.second)
        // An open stay repeats the admission or leaves the discharge empty.
        if let end = record.moment(5, &tolerance, name: "dscg_date"), setting != "inpatient" || end != start {
            row.set(Field.endDay, end.day)
            row.set(Field.endSecond, end.second)
        }
        row.set(Field.department, record.number(9, texts) ?? record.number(8, texts))
        row.set(Field.ward, record.number(3, texts))
        row.set(Field.practitioner, record.number(7, texts))
        row.set(Field.diagnosis, record.number(6, texts))
        row.set(Field.homeArea, homeArea.map { sheet.number(of: $0) })
        row.set(Field.careArea, record.number(2, texts) ?? careArea)
        if let insurance = record.number(12, texts) { sheet.row(.person, 0).set(RowFields.Person.insurance, insurance) }
    }

    private func addDiagnosis(_ record: MessageRecord, _ place: Int, _ visit: String, _ number: Int32) {
        guard let code = record.number(1, sheet.texts) else { return }
        let row = sheet.append(.diagnosis, name: sheet.number(of: "\(visit)|\(place + 1)"))
        row.set(RowFields.Diagnosis.encounter, number)
        // The main diagnosis is the first, whatever its number in the list.
        let isMain = record.text(2) == "1"
        let written = record.text(0).flatMap { Int64($0) } ?? Int64(place + 1)
        row.set(RowFields.Diagnosis.sequence, isMain ? 1 : max(2, written &+ 1))
        row.set(RowFields.Diagnosis.code, code)
    }

    private func addOperation(
        _ record: MessageRecord, _ place: Int, _ visit: String, _ number: Int32, _ tolerance: inout Tolerance
    ) {
        typealias Field = RowFields.Operation
        let texts = sheet.texts
        guard let code = record.number(1, texts) else { return }
        let id = record.number(0, texts, isCode: false) ?? sheet.number(of: "\(visit)|\(place + 1)")
        let row = sheet.append(.operation, name: id)
        row.set(Field.encounter, number)
        row.set(Field.code, code)
        let time = record.moment(2, &tolerance, name: "oprn_date")
        row.set(Field.day, time?.day)
        row.set(Field.second, time?.second)
        row.set(Field.anaesthesia, record.number(3, texts))
        row.set(Field.practitioner, record.number(4, texts))
    }

    private mutating func addLine(
        _ record: MessageRecord, _ visit: String, _ number: Int32, _ tolerance: inout Tolerance
    ) {
        typealias Field = RowFields.Line
        let texts = sheet.texts
        let row = sheet.append(.line, name: name(record, visit, &tolerance))
        row.set(Field.encounter, number)
        row.set(Field.item, record.number(2, texts))
        let time = record.moment(6, &tolerance, name: "drord_begn_date")
        row.set(Field.day, time?.day)
        row.set(Field.second, time?.second)
        row.set(Field.quantity, record.decimal(3, scale: Schema.quantityScale, &tolerance, name: "cnt"))
        row.set(Field.price, record.decimal(4, scale: Schema.priceScale, &tolerance, name: "pric"))
        row.set(Field.amount, record.decimal(5, scale: Schema.moneyScale, &tolerance, name: "sumamt"))
        row.set(Field.department, record.number(7, texts))
        row.set(Field.practitioner, record.number(8, texts))
        row.set(Field.prescription, record.number(1, texts))
        row.set(Field.till, till)
        if let extensions = record.value(10), extensions.kind == .object {
            let own = MessageRecord(extensions, Self.extensionNames)
            row.set(Field.daysSupply, own.decimal(0, scale: 0, &tolerance, name: "o_prdDays"))
        }
        if record.value(9)?.kind == .number { tolerance.note(.flagAsNumber) }
        if record.has(11) || record.has(12) { addScans(record, row, visit) }
        isCurrent.append(record.flag(9))
    }

    /// The order identifier, and where one order is charged in several rows, a name of its own.
    private mutating func name(_ record: MessageRecord, _ visit: String, _ tolerance: inout Tolerance) -> Int32 {
        let place = isCurrent.count + 1
        let order = record.number(0, sheet.texts, isCode: false) ?? sheet.number(of: "\(visit)#\(place)")
        if take(order) { return order }
        tolerance.note(.lineRepeated)
        let written = sheet.text(order)
        let id = "\(written)#\(place)"
        patient.orders[id] = written
        let number = sheet.number(of: id)
        _ = take(number)
        return number
    }

    /// False when a line has that name already.
    private mutating func take(_ name: Int32) -> Bool {
        if isTaken.count <= Int(name) {
            isTaken += repeatElement(false, count: max(256, sheet.texts.count) + 1 - isTaken.count)
        }
        guard !isTaken[Int(name)] else { return false }
        isTaken[Int(name)] = true
        return true
    }

    /// The trace codes of a line: in a node of their own, as uploads have it, or one code in the line itself.
    private mutating func addScans(_ record: MessageRecord, _ line: TimelineSheet.Row, _ visit: String) {
        var codes = (record.value(11)?.objects ?? []).compactMap { value -> (String, String?)? in
            let own = MessageRecord(value, Self.traceNames)
            return own.text(0).map { ($0, own.text(1)) }
        }
        if codes.isEmpty, let code = record.text(12) { codes = [(code, nil)] }
        guard !codes.isEmpty else { return }
        // The visit that is being read is the last.
        let owner = sheet.row(.encounter, sheet.count(.encounter) - 1)
        let id = sheet.text(line.name)
        func text(_ row: TimelineSheet.Row, _ field: Int) -> CaseValue? {
            row.text(field).map { .text(sheet.text($0)) }
        }
        for (code, split) in codes {
            var values = RowFields.unknown(.scan)
            let name = "\(visit)|\(patient.orders[id] ?? id)|\(code)"
            values[RowFields.Scan.id] = name.value
            values[RowFields.Scan.trace] = code.value
            values[RowFields.Scan.institution] = text(owner, RowFields.Encounter.institution)
            values[RowFields.Scan.item] = text(line, RowFields.Line.item)
            values[RowFields.Scan.day] = line[RowFields.Line.day].map { .day(Int32(truncatingIfNeeded: $0)) }
            values[RowFields.Scan.second] = line[RowFields.Line.second].map { .second(Int32(truncatingIfNeeded: $0)) }
            values[RowFields.Scan.kind] = .text("sale")
            // Who says nothing of splitting hands out the whole package.
            values[RowFields.Scan.split] = .flag((split ?? record.text(13)) == "1")
            patient.scans.append(TimelineRow(id: name, values: values))
            patient.orders[name] = id
        }
    }

    /// Of the trace codes those of lines that are being written stay, each with its order.
    private mutating func keepWrittenScans() {
        guard !patient.scans.isEmpty else { return }
        let written = Set(
            (0..<sheet.count(.line)).map { sheet.row(.line, $0) }.filter(\.isWritten).map { sheet.text($0.name) })
        let orders = patient.orders
        patient.scans = patient.scans.filter { orders[$0.id].map(written.contains) ?? false }
        for scan in patient.scans { patient.orders[scan.id] = orders[scan.id].map { orders[$0] ?? $0 } }
    }

    /// Decides what is being written now: lines so marked; without any mark all lines of the current visit.
    mutating func finished(_ tolerance: inout Tolerance) -> ReviewMessage.Patient {
        let visits = sheet.count(.encounter)
        let current =
            patient.currentVisit.map { sheet.number(of: $0) }
            ?? (visits > 0 ? sheet.row(.encounter, visits - 1).name : nil)
        let isMarked = isCurrent.contains { $0 != nil }
        if !isMarked, !isCurrent.isEmpty { tolerance.note(.noCurrentFlag) }
        for (place, isCurrent) in isCurrent.enumerated() {
            let row = sheet.row(.line, place)
            row.isWritten = isMarked ? isCurrent == true : row.text(RowFields.Line.encounter) == current
        }
        for place in 0..<visits {
            let row = sheet.row(.encounter, place)
            row.isWritten = row.name == current
        }
        keepWrittenScans()
        // Who describes the visit states its diagnoses and operations with it.
        for (table, field) in [
            (Table.diagnosis, RowFields.Diagnosis.encounter), (.operation, RowFields.Operation.encounter),
        ] {
            for place in 0..<sheet.count(table) {
                let row = sheet.row(table, place)
                row.isWritten = row.text(field) == current
            }
        }
        return patient
    }
}
