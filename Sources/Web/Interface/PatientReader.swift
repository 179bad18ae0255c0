import Audit
import Claims
import Rules

/// Reads the visits of one person in a review message: visits, diagnoses, operations and order lines become rows.
struct PatientReader {
    private(set) var patient: ReviewMessage.Patient
    private let envelope: Envelope
    private let tables: CodeTables
    private let personKey: CaseValue
    private let homeArea: String?
    private var lines: [(row: TimelineRow, visit: String, isCurrent: Bool?)] = []
    private var names: Set<String> = []
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
        self.envelope = envelope
        self.tables = tables
        personKey = .row(identifier)
        homeArea = record.code(3) ?? envelope.homeArea
        var values = RowFields.unknown(.person)
        values[RowFields.Person.sex] = record.code(1).flatMap { tables.sexes[$0] }?.value
        values[RowFields.Person.birth] = record.moment(2, &unused, name: "brdy").map { .day($0.day) }
        values[RowFields.Person.homeArea] = homeArea?.value
        patient.rows[.person] = [TimelineRow(id: identifier, values: values)]
    }

    /// Reads one visit; children may lie beside `data` when there is only one.
    mutating func read(
        _ value: JSONValue, beside: (data: JSONValue, input: JSONValue)?, _ tolerance: inout Tolerance
    ) throws(InterfaceError) {
        let record = MessageRecord(value, Self.encounterNames)
        guard let visit = record.text(0) ?? patient.currentVisit else { throw .missing("mdtrt_id") }
        guard patient.rows[.encounter]?.contains(where: { $0.id == visit }) != true else {
            throw .missing("mdtrt_id（就诊标识重复）")
        }
        addEncounter(visit, record, &tolerance)
        func children(_ place: Int, _ name: StaticString) -> [JSONValue] {
            let own = record.value(place).map { ReviewMessage.list($0, &tolerance) } ?? []
            guard own.isEmpty, let beside else { return own }
            return ReviewMessage.children([name], beside.data, beside.input, &tolerance)
        }
        for (number, diagnosis) in children(13, "fsi_diagnose_dtos").enumerated() {
            addDiagnosis(MessageRecord(diagnosis, Self.diagnosisNames), number, visit)
        }
        for (number, operation) in children(15, "fsi_operation_dtos").enumerated() {
            addOperation(MessageRecord(operation, Self.operationNames), number, visit, &tolerance)
        }
        let orders = children(14, "fsi_order_dtos")
        lineCount += orders.count
        guard lineCount <= ReviewMessage.linesMax else { throw .tooLarge(4 << 20) }
        for order in orders { addLine(MessageRecord(order, Self.orderNames), visit, &tolerance) }
    }

    private mutating func addEncounter(_ visit: String, _ record: MessageRecord, _ tolerance: inout Tolerance) {
        var values = RowFields.unknown(.encounter)
        typealias Field = RowFields.Encounter
        let setting = tables.setting(medType: record.code(11), visitKind: record.code(10))
        values[Field.person] = personKey
        values[Field.institution] = (record.code(1) ?? envelope.institution).value
        values[Field.setting] = setting?.value
        values[Field.insurance] = record.code(12)?.value
        let start = record.moment(4, &tolerance, name: "adm_date")
        values[Field.startDay] = start.map { .day($0.day) }
        values[Field.startSecond] = start?.second.map { .second($0) }
        // An open stay repeats the admission or leaves the discharge empty.
        if let end = record.moment(5, &tolerance, name: "dscg_date"), setting != "inpatient" || end != start {
            values[Field.endDay] = .day(end.day)
            values[Field.endSecond] = end.second.map { .second($0) }
        }
        values[Field.department] = (record.code(9) ?? record.code(8))?.value
        values[Field.ward] = record.code(3)?.value
        values[Field.practitioner] = record.code(7)?.value
        values[Field.diagnosis] = record.code(6)?.value
        values[Field.homeArea] = homeArea?.value
        values[Field.careArea] = (record.code(2) ?? envelope.careArea)?.value
        patient.rows[.encounter, default: []].append(TimelineRow(id: visit, values: values))
        if let insurance = record.code(12), patient.rows[.person]?.isEmpty == false {
            patient.rows[.person]?[0].values[RowFields.Person.insurance] = insurance.value
        }
    }

    private mutating func addDiagnosis(_ record: MessageRecord, _ number: Int, _ visit: String) {
        guard let code = record.code(1) else { return }
        var values = RowFields.unknown(.diagnosis)
        values[RowFields.Diagnosis.encounter] = .row(visit)
        // The main diagnosis is the first, whatever its number in the list.
        let isMain = record.text(2) == "1"
        let written = record.text(0).flatMap { Int64($0) } ?? Int64(number + 1)
        values[RowFields.Diagnosis.sequence] = .number(isMain ? 1 : max(2, written + 1))
        values[RowFields.Diagnosis.code] = code.value
        patient.rows[.diagnosis, default: []].append(TimelineRow(id: "\(visit)|\(number + 1)", values: values))
    }

    private mutating func addOperation(
        _ record: MessageRecord, _ number: Int, _ visit: String, _ tolerance: inout Tolerance
    ) {
        guard let code = record.code(1) else { return }
        var values = RowFields.unknown(.operation)
        values[RowFields.Operation.encounter] = .row(visit)
        values[RowFields.Operation.code] = code.value
        let time = record.moment(2, &tolerance, name: "oprn_date")
        values[RowFields.Operation.day] = time.map { .day($0.day) }
        values[RowFields.Operation.second] = time?.second.map { .second($0) }
        values[RowFields.Operation.anaesthesia] = record.code(3)?.value
        values[RowFields.Operation.practitioner] = record.code(4)?.value
        let id = record.text(0) ?? "\(visit)|\(number + 1)"
        patient.rows[.operation, default: []].append(TimelineRow(id: id, values: values))
    }

    private mutating func addLine(_ record: MessageRecord, _ visit: String, _ tolerance: inout Tolerance) {
        var values = RowFields.unknown(.line)
        typealias Field = RowFields.Line
        values[Field.encounter] = .row(visit)
        values[Field.item] = record.code(2)?.value
        let time = record.moment(6, &tolerance, name: "drord_begn_date")
        values[Field.day] = time.map { .day($0.day) }
        values[Field.second] = time?.second.map { .second($0) }
        values[Field.quantity] = record.decimal(3, scale: Schema.quantityScale, &tolerance, name: "cnt")
            .map { .number($0) }
        values[Field.price] = record.decimal(4, scale: Schema.priceScale, &tolerance, name: "pric").map { .number($0) }
        values[Field.amount] = record.decimal(5, scale: Schema.moneyScale, &tolerance, name: "sumamt")
            .map { .number($0) }
        values[Field.department] = record.code(7)?.value
        values[Field.practitioner] = record.code(8)?.value
        values[Field.prescription] = record.code(1)?.value
        values[Field.till] = envelope.operatorCode?.value
        if let extensions = record.value(10), extensions.kind == .object {
            let own = MessageRecord(extensions, Self.extensionNames)
            values[Field.daysSupply] = own.decimal(0, scale: 0, &tolerance, name: "o_prdDays").map { .number($0) }
        }
        let order = record.text(0) ?? "\(visit)#\(lines.count + 1)"
        var id = order
        if !names.insert(id).inserted {
            // One order may be charged in several rows.
            tolerance.note(.lineRepeated)
            id = "\(order)#\(lines.count + 1)"
            names.insert(id)
            patient.orders[id] = order
        }
        if record.value(9)?.kind == .number { tolerance.note(.flagAsNumber) }
        addScans(record, values, id: id, order: order, visit)
        lines.append((TimelineRow(id: id, values: values), visit, record.text(9).map { $0 == "1" || $0 == "true" }))
    }

    /// The trace codes of a line: in a node of their own, as uploads have it, or one code in the line itself.
    private mutating func addScans(
        _ record: MessageRecord, _ line: [CaseValue?], id: String, order: String, _ visit: String
    ) {
        var codes = (record.value(11)?.objects ?? []).compactMap { value -> (String, String?)? in
            let own = MessageRecord(value, Self.traceNames)
            return own.text(0).map { ($0, own.text(1)) }
        }
        if codes.isEmpty, let code = record.text(12) { codes = [(code, nil)] }
        guard !codes.isEmpty else { return }
        let owner = patient.rows[.encounter]?.last { $0.id == visit }
        for (code, split) in codes {
            var values = RowFields.unknown(.scan)
            let name = "\(visit)|\(order)|\(code)"
            values[RowFields.Scan.id] = name.value
            values[RowFields.Scan.trace] = code.value
            values[RowFields.Scan.institution] = owner?.values[RowFields.Encounter.institution]
            values[RowFields.Scan.item] = line[RowFields.Line.item]
            values[RowFields.Scan.day] = line[RowFields.Line.day]
            values[RowFields.Scan.second] = line[RowFields.Line.second]
            values[RowFields.Scan.kind] = .text("sale")
            // Who says nothing of splitting hands out the whole package.
            values[RowFields.Scan.split] = .flag((split ?? record.text(13)) == "1")
            patient.scans.append(TimelineRow(id: name, values: values))
            patient.orders[name] = id
        }
    }

    /// Decides what is being written now: lines so marked; without any mark all lines of the current visit.
    mutating func finished(_ tolerance: inout Tolerance) -> ReviewMessage.Patient {
        patient.rows[.line] = lines.map(\.row)
        let current = patient.currentVisit ?? patient.rows[.encounter]?.last?.id
        let isMarked = lines.contains { $0.isCurrent != nil }
        if !isMarked, !lines.isEmpty { tolerance.note(.noCurrentFlag) }
        let written = lines.filter { isMarked ? $0.isCurrent == true : $0.visit == current }
        patient.written[.line] = written.count == lines.count ? names : Set(written.map(\.row.id))
        patient.written[.encounter] = current.map { [$0] } ?? []
        let now = patient.written[.line] ?? []
        patient.scans.removeAll { scan in patient.orders[scan.id].map { !now.contains($0) } ?? true }
        for scan in patient.scans {
            patient.orders[scan.id] = patient.orders[scan.id].map { patient.orders[$0] ?? $0 }
        }
        // Who describes the visit states its diagnoses and operations with it.
        for (table, field) in [
            (Table.diagnosis, RowFields.Diagnosis.encounter), (.operation, RowFields.Operation.encounter),
        ] {
            let own = (patient.rows[table] ?? []).filter { row in
                if case .row(let visit) = row.values[field] { return visit == current }
                return false
            }
            patient.written[table] = Set(own.map(\.id))
        }
        return patient
    }
}
