import Audit
import Claims
import Rules

/// A request for advance or in-process review (3101 明细审核事前分析, 3102 事中分析) as rows of the claims model.
package struct ReviewMessage {
    package struct Patient {
        /// As the sender wrote it; echoed in the answer.
        package let identifier: String
        package let currentVisit: String?
        /// What the message says; rows being written now (`curr_drord_flag`) are marked, everything else is context.
        package let sheet = TimelineSheet()
        /// The order identifier (`rx_id`) of a line, where the line had to be named otherwise.
        package var orders: [String: String] = [:]
        /// Trace codes (追溯码) that the lines being written name, as sales at the visit's institution.
        package var scans: [TimelineRow] = []

        init(identifier: String, currentVisit: String?) {
            self.identifier = identifier
            self.currentVisit = currentVisit
        }

        /// By number of a text: whether it is an order or prescription number in the message. By these, charged lines are known
        /// to be the same thing.
        var orderNumbers: [Bool] {
            var isNumber = [Bool](repeating: false, count: sheet.texts.count)
            for place in 0..<sheet.count(.line) {
                let row = sheet.row(.line, place)
                // The order of a line that had to be named otherwise is a line of that name.
                if orders.isEmpty || orders[sheet.text(row.name)] == nil { isNumber[Int(row.name)] = true }
                if let number = row.text(RowFields.Line.prescription) { isNumber[Int(number)] = true }
            }
            return isNumber
        }
    }

    /// Scenes as the sender wrote them (`trig_scen`), and the rules asked for; none means all.
    package let scenes: [String]
    package let rules: Set<String>
    /// Whether the sender wants to hear of a rule.
    func asks(_ rule: String) -> Bool { rules.isEmpty || rules.contains(rule) }

    package let task: String?
    package private(set) var patients: [Patient] = []
    package private(set) var lineCount = 0
    private let input: JSONValue

    package static let linesMax = 5_000

    private static let patientNames = NameTable([
        "patn_id|psn_no", "gend", "brdy", "poolarea|insuplc_admdvs", "curr_mdtrt_id",
        "fsi_encounter_dtos|encounterDtos",
    ])

    package init(
        _ envelope: Envelope, tables: CodeTables, _ tolerance: inout Tolerance
    ) throws(InterfaceError) {
        let input = envelope.input
        self.input = input
        let data = input.member("data") ?? input.member("trigScen") ?? input
        scenes =
            (data.member("trig_scen")?.texts ?? []).flatMap { $0.split(separator: ",").map(String.init) }
        for scene in scenes where !(1...10).contains(Int(scene) ?? 0) { tolerance.note(.unknownScene) }
        rules = Set(
            (data.member("rule_ids")?.texts ?? []).flatMap { $0.split(separator: ",").map(String.init) })
        task = data.member("task_id")?.text
        let persons = Self.children(["patient_dtos", "patientDtos"], data, input, &tolerance)
        for person in persons {
            let record = MessageRecord(person, Self.patientNames)
            var encounters = record.value(5).map { Self.list($0, &tolerance) } ?? []
            if encounters.isEmpty, persons.count == 1 {
                encounters = Self.children(["fsi_encounter_dtos"], data, input, &tolerance)
            }
            guard !encounters.isEmpty else { continue }
            var reader = PatientReader(record, envelope, tables)
            for encounter in encounters {
                try reader.read(encounter, beside: encounters.count == 1 ? (data, input) : nil, &tolerance)
            }
            patients.append(reader.finished(&tolerance))
            lineCount += reader.lineCount
            guard lineCount <= Self.linesMax else { throw .tooLarge(4 << 20) }
        }
        guard !patients.isEmpty else { throw .nothingToReview }
    }

    private static let callingNames = NameTable(["hilist_code", "hilist_name", "medins_id", "medins_name"])

    /// What the sender calls items and institutions (医保目录名称、医疗机构名称), by table and code.
    ///
    /// Another pass over the message, while it still lies on its tape: only for answers that have something to say.
    package var names: [Table: [String: String]] {
        var found: [Table: [String: String]] = [:]
        input.visitObjects { value in
            let record = MessageRecord(value, Self.callingNames)
            for (table, code, name) in [(Table.item, 0, 1), (.institution, 2, 3)] {
                guard let code = record.code(code), let name = record.code(name) else { continue }
                found[table, default: [:]][code] = name
            }
        }
        return found
    }

    /// A list of objects inside `data`, or beside it.
    static func children(
        _ names: [StaticString], _ data: JSONValue, _ input: JSONValue, _ tolerance: inout Tolerance
    ) -> [JSONValue] {
        for name in names {
            if let value = data.member(name) {
                let found = list(value, &tolerance)
                if !found.isEmpty { return found }
            }
        }
        for name in names {
            if let value = input.member(name) {
                let found = list(value, &tolerance)
                if !found.isEmpty {
                    tolerance.note(.siblingsOfData)
                    return found
                }
            }
        }
        return []
    }

    static func list(_ value: JSONValue, _ tolerance: inout Tolerance) -> [JSONValue] {
        if value.kind == .object { tolerance.note(.objectForList) }
        return value.objects
    }
}
