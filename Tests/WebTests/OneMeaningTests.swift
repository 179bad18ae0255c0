import Audit
import Claims
import Foundation
import Reference
import Rules
import Testing

@testable import Web

/// The online answer is the batch's finding (一个口径): random persons are told to the service message by message — late,
/// twice, corrected, withdrawn, refunded — and every answer is compared with a batch over the same rows.
@Suite struct OneMeaningTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64]) func answersAreThoseOfABatch(_ seed: UInt64) throws {
        let plan = try RandomPlan.make(seed: seed, rules: 25)
        var settings = RandomClaims.Settings()
        settings.unknownPercent = 0
        let data = RandomClaims.make(seed: seed, settings)
        var compared = 0
        var open = 0
        var random = Seeded(seed)
        for person in (data.rows[.person] ?? []).indices {
            let encounters = data.rows[.encounter] ?? []
            let own = encounters.indices.filter { encounters[$0].owner(.encounter) == person }
            let withLines = own.filter { visit in
                (data.rows[.line] ?? []).contains { $0.owner(.line) == visit && $0.text(.line, "reverses") == nil }
            }
            guard let current = withLines.last else { continue }
            let story = Story(data, person: person, current: current)
            let service = Rehearsal(plan: plan)
            let uploads = story.uploads(&random)
            for message in uploads {
                let answer = service.ask(message.json)
                #expect(answer["infcode"] as? Int == 0, "\(answer["err_msg"] ?? "")")
            }
            let results = service.review(story.review.json)
            try compareSieved(service, plan, uploads, story, results)
            let notRun = service.care.rulebook.ask { door, _ in Set(door.notRun.map(\.rule)) }
            let batch = try story.batch(plan, without: notRun)
            let expected = batch.filter { $0.isConclusion }
            let online = results.filter { $0["rule_id"] as? String != ReviewResult.noticeRule }
            #expect(
                Set(online.compactMap { ($0["jr_id"] as? String)?.prefix(32) })
                    == Set(expected.map { $0.id.prefix(32) }),
                "\(Self.differing(seed, expected, online)) seed \(seed), \(story.visit): online \(online.map { "\($0["rule_id"] ?? "")" }.sorted()), batch \(expected.map(\.rule).sorted())"
            )
            for record in expected {
                guard
                    let result = online.first(where: {
                        ($0["jr_id"] as? String)?.hasPrefix(record.id.prefix(32)) == true
                    })
                else { continue }
                #expect(result["sev_deg"] as? String == "\(record.grade)")
                let details = result["judge_result_detail_dtos"] as? [[String: Any]] ?? []
                if record.violatingTable == "line" {
                    let named = details.prefix(record.violating.count).compactMap { $0["rx_id"] as? String }
                    #expect(named == record.violating)
                    let written = details.filter { $0["vola_item_type"] as? String == "1" }.compactMap {
                        $0["rx_id"] as? String
                    }
                    #expect(Set(written) == Set(record.violating).intersection(story.written))
                }
            }
            let undetermined = batch.contains { !$0.isConclusion }
            #expect(results.contains { $0["rule_id"] as? String == ReviewResult.noticeRule } == undetermined)
            compared += expected.count
            open += undetermined ? 1 : 0
        }
        print("one meaning, seed \(seed): \(compared) findings as in a batch, \(open) answers with something open")
    }
}

extension OneMeaningTests {
    /// The rules and records that only the batch has.
    private static func differing(_ seed: UInt64, _ expected: [FindingsRecord], _ online: [[String: Any]]) -> String {
        let known = Set(online.compactMap { ($0["jr_id"] as? String)?.prefix(32) })
        let package = RandomRules.package(seed: seed, rules: 25)
        return expected.filter { !known.contains($0.id.prefix(32)) }.map {
            "\(package["rules/\($0.rule).yaml"] ?? "") \($0.key) violating \($0.violating) involved \($0.involved)"
        }.joined(separator: "\n")
    }

    /// Where every code is familiar the sieves of a batch go first: the answer is the same.
    private func compareSieved(
        _ service: Rehearsal, _ plan: Plan, _ uploads: [[String: Any]], _ story: Story, _ results: [[String: Any]]
    ) throws {
        let codes = service.care.rulebook.ask { door, _ in door.codesMet }
        let sieved = Rehearsal(plan: plan, familiar: codes)
        for message in uploads { _ = sieved.ask(message.json) }
        let others = sieved.review(story.review.json)
        #expect(others.map(\.json) == results.map(\.json))
        let strangers = sieved.care.rulebook.ask { door, _ in door.strangerCount }
        #expect(strangers == 0 && codes.count > 0)
    }
}

/// What is known of one person, as rows that messages can say, and as the messages that say it.
struct Story {
    let person: String
    let visit: String
    private(set) var data: ReferenceData
    private var lines: [ReferenceRow] { data.rows[.line] ?? [] }
    private let home: String?

    init(_ whole: ReferenceData, person: Int, current: Int) {
        let encounters = whole.rows[.encounter] ?? []
        let kept = encounters.indices.filter { encounters[$0].owner(.encounter) == person }
        let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        var part = ReferenceData(absent: [.entitlement, .prescription, .stock, .scan])
        for table in Table.allCases where table.role == .master { part.absent.insert(table) }
        var own = (whole.rows[.person] ?? [])[person]
        self.person = own.id
        visit = encounters[current].id
        home = own.text(.person, "home_area")
        own.set(.person, "insurance", encounters[current].value(.encounter, "insurance"))
        if own.value(.person, "death") != nil, kept.count == 1 { own.set(.person, "death", nil) }
        part.rows[.person] = [own]
        part.rows[.encounter] = kept.map { index in
            var row = encounters[index]
            row.set(.encounter, "person", .row(0))
            for name in ["ward", "care_level"] { row.set(.encounter, name, nil) }
            if index == current {
                row.set(.encounter, "home_area", own.value(.person, "home_area"))
                let isInpatient = row.text(.encounter, "setting") == "inpatient"
                if isInpatient, row.value(.encounter, "end_day") == row.value(.encounter, "start_day"),
                    row.value(.encounter, "end_second") == row.value(.encounter, "start_second")
                {
                    row.set(.encounter, "end_day", nil)
                    row.set(.encounter, "end_second", nil)
                }
            }
            return row
        }
        for table in [Table.diagnosis, .operation, .settlement, .line] {
            var seen: Set<String> = []
            part.rows[table] = (whole.rows[table] ?? []).compactMap { row in
                guard let owner = row.owner(table), let place = places[owner] else { return nil }
                var row = row
                row.set(table, "encounter", .row(place))
                guard Self.adapt(&row, table, encounters[owner].id, isCurrent: owner == current) else { return nil }
                return seen.insert(row.id).inserted ? row : nil
            }
        }
        data = part
        data.coverage = Self.coverage(part)
    }

    /// Leaves what a message can say; false for what it cannot say at all.
    private static func adapt(_ row: inout ReferenceRow, _ table: Table, _ visit: String, isCurrent: Bool) -> Bool {
        switch table {
        case .diagnosis: if isCurrent { row.set(.diagnosis, "kind", nil) }
        case .operation:
            row.set(.operation, "minutes", nil)
            if !isCurrent {
                row.id =
                    "X\(visit)|\(row.text(.operation, "code") ?? "")|\(row.moment(.operation, "day", "second") ?? "-")"
                row.set(.operation, "id", .text(row.id))
            }
        case .settlement:
            row.set(.settlement, "kind", nil)
            row.set(.settlement, "long_term_care", .number(0))
        case .line:
            let target = row.text(.line, "reverses")
            if isCurrent, target != nil { return false }
            for name in ["in_scope", "body_site", "minutes", "settlement", "till"] { row.set(.line, name, nil) }
            if isCurrent { for name in ["dose", "frequency", "operation"] { row.set(.line, name, nil) } }
            row.id = "\(visit)-\(row.id)"
            row.set(.line, "id", .text(row.id))
            row.set(.line, "reverses", target.map { .text("\(visit)-\($0)") })
        default: break
        }
        return true
    }

    private static func coverage(_ data: ReferenceData) -> ReferenceCoverage {
        var from: Int32?
        var to: Int32?
        for row in data.rows[.encounter] ?? [] {
            if case .day(let day) = row.value(.encounter, "start_day") {
                from = min(from ?? day, day)
                to = max(to ?? day, day)
            }
            if case .day(let day) = row.value(.encounter, "end_day") { to = max(to ?? day, day) }
        }
        for row in data.rows[.line] ?? [] {
            if case .day(let day) = row.value(.line, "day") { to = max(to ?? day, day) }
        }
        return ReferenceCoverage(from: from, to: to, closedWorld: false)
    }

    private var current: Int { (data.rows[.encounter] ?? []).firstIndex { $0.id == visit } ?? 0 }

    var written: Set<String> { Set(lines.filter { $0.owner(.line) == current }.map(\.id)) }

    /// What a batch finds that concerns the message.
    func batch(_ plan: Plan, without notRun: Set<String>) throws -> [FindingsRecord] {
        let narrowed = Plan(
            rules: plan.rules.filter { !notRun.contains($0.id) }, lists: plan.lists, packageName: plan.packageName,
            packageVersion: plan.packageVersion, packageHash: plan.packageHash)
        let folder = FileManager.default.temporaryDirectory.appending(path: "yijian-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let dataset = try DatasetMaker.write(data, to: folder + "/dataset")
        var options = AuditOptions()
        options.undeterminedRows = true
        _ = try AuditRun.run(dataset: dataset, plan: narrowed, into: folder + "/run", options: options)
        let operations = Set((data.rows[.operation] ?? []).filter { $0.owner(.operation) == current }.map(\.id))
        // Evidence calls a diagnosis by its visit and sequence.
        let diagnoses = Set(
            (data.rows[.diagnosis] ?? []).filter { $0.owner(.diagnosis) == current }.map {
                "\(visit)#\($0.number(.diagnosis, "sequence", 0) ?? "")"
            })
        let message: [Table: Set<String>] = [
            .line: written, .encounter: [visit], .operation: operations, .diagnosis: diagnoses,
        ]
        var records: [FindingsRecord] = []
        try FindingsFile(path: folder + "/run/findings.arrow").visit { record in
            let own = record.table.flatMap { message[$0] } ?? []
            if record.violating.contains(where: own.contains)
                || record.involvedRows.contains(where: { message[$0.table]?.contains($0.id) ?? false })
            {
                records.append(record)
            }
            return true
        }
        return records
    }

    // MARK: Messages

    private func envelope(_ infno: String, _ number: Int, _ input: [String: Any], output: [String: Any]? = nil)
        -> [String: Any]
    {
        let encounter = (data.rows[.encounter] ?? [])[current]
        _ = encounter
        var message: [String: Any] = [
            "infno": infno, "msgid": "M\(person)-\(number)", "input": input,
            "inf_time": "2026-01-01 \(Self.two(number / 3600)):\(Self.two(number / 60 % 60)):\(Self.two(number % 60))",
        ]
        if let output { message["output"] = output }
        return message
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static let kinds = ["inpatient": "21", "outpatient": "11", "emergency": "13", "pharmacy": "41"]

    /// Everything but the visit at hand: out of order, some twice, some wrong and corrected, some taken back.
    func uploads(_ random: inout Seeded) -> [[String: Any]] {
        var messages: [[String: Any]] = []
        var number = 0
        func say(_ infno: String, _ institution: String?, _ input: [String: Any], output: [String: Any]? = nil) {
            number += 1
            var message = envelope(infno, number, input, output: output)
            message["fixmedins_code"] = institution ?? "H0"
            messages.append(message)
        }
        for (place, row) in (data.rows[.encounter] ?? []).enumerated() {
            let institution = row.text(.encounter, "institution")
            let areas: [String: Any] = [
                "insuplc_admdvs": row.text(.encounter, "home_area") ?? "",
                "mdtrtarea_admvs": row.text(.encounter, "care_area") ?? "",
            ]
            if row.id != visit {
                let diagnoses = (data.rows[.diagnosis] ?? []).filter { $0.owner(.diagnosis) == place }.map {
                    row -> [String: Any] in
                    [
                        "diag_srt_no": row.number(.diagnosis, "sequence", 0) ?? "",
                        "diag_code": row.text(.diagnosis, "code") ?? "",
                        "diag_type": row.text(.diagnosis, "kind") ?? "", "vali_flag": "1",
                    ]
                }
                let visitInfo: [String: Any] = [
                    "psn_no": person, "mdtrt_id": row.id,
                    "begntime": row.moment(.encounter, "start_day", "start_second") ?? "",
                    "insutype": row.text(.encounter, "insurance") ?? "",
                    "med_type": Self.kinds[row.text(.encounter, "setting") ?? ""] ?? "",
                    "adm_dept_codg": row.text(.encounter, "department") ?? "",
                    "atddr_no": row.text(.encounter, "practitioner") ?? "",
                    "dscg_maindiag_code": row.text(.encounter, "diagnosis") ?? "",
                ].merging(areas) { $1 }
                say("2401", institution, ["mdtrtinfo": visitInfo, "diseinfo": diagnoses])
                if let end = row.moment(.encounter, "end_day", "end_second") {
                    say(
                        "2402", institution,
                        [
                            "dscginfo": [
                                "psn_no": person, "mdtrt_id": row.id, "endtime": end,
                                "dscg_dept_codg": row.text(.encounter, "department") ?? "",
                                "insutype": row.text(.encounter, "insurance") ?? "",
                            ] as [String: Any], "diseinfo": diagnoses,
                        ])
                }
                sayLines(place, row.id, institution, &random, say)
                sayOperations(place, row.id, institution, say)
            }
            saySettlements(place, row.id, institution, say)
        }
        if let death = (data.rows[.person] ?? [])[0].moment(.person, "death", nil),
            let other = data.rows[.encounter]?.first(where: { $0.id != visit })
        {
            // A death is told with a discharge; this one says nothing else.
            let end = other.moment(.encounter, "end_day", "end_second")
            var input: [String: Any] = ["psn_no": person, "mdtrt_id": other.id, "die_date": death]
            if let end { input["endtime"] = end }
            say("2402", other.text(.encounter, "institution"), ["dscginfo": input])
        }
        for _ in 0..<random.number(0...3) where !messages.isEmpty { messages.append(random.pick(messages)) }
        for index in messages.indices.reversed() where index > 0 { messages.swapAt(index, random.number(0...index)) }
        return messages
    }

    private func sayLines(
        _ place: Int, _ visit: String, _ institution: String?, _ random: inout Seeded,
        _ say: (String, String?, [String: Any], [String: Any]?) -> Void
    ) {
        for row in lines where row.owner(.line) == place {
            let serial = String(row.id.dropFirst(visit.count + 1))
            var line: [String: Any] = [
                "feedetl_sn": serial, "mdtrt_id": visit, "psn_no": person,
                "med_list_codg": row.text(.line, "item") ?? "",
                "fee_ocur_time": row.moment(.line, "day", "second") ?? "",
                "cnt": row.number(.line, "quantity", 4) ?? "",
                "pric": row.number(.line, "price", 6) ?? "",
                "det_item_fee_sumamt": row.number(.line, "amount", 2) ?? "",
                "prd_days": row.number(.line, "days_supply", 0) ?? "",
                "bilg_dr_codg": row.text(.line, "practitioner") ?? "",
                "bilg_dept_codg": row.text(.line, "department") ?? "", "comb_no": row.text(.line, "operation") ?? "",
                "rxno": row.text(.line, "prescription") ?? "", "sin_dos_dscr": row.number(.line, "dose", 4) ?? "",
                "used_frqu_dscr": row.text(.line, "frequency") ?? "",
            ]
            if let target = row.text(.line, "reverses") {
                line["init_feedetl_sn"] = String(target.dropFirst(visit.count + 1))
            }
            if random.chance(15) {
                // First told wrong, then corrected.
                var wrong = line
                wrong["cnt"] = "77"
                say("2301", institution, ["feedetail": [wrong]], nil)
            }
            if random.chance(15) {
                // Told under another number, then taken back.
                var other = line
                other["feedetl_sn"] = serial + "9"
                say("2301", institution, ["feedetail": other], nil)
                say(
                    "2302", institution, ["data": ["feedetl_sn": serial + "9", "mdtrt_id": visit, "psn_no": person]],
                    nil)
            }
            say("2301", institution, ["feedetail": [line]], nil)
        }
    }

    private func sayOperations(
        _ place: Int, _ visit: String, _ institution: String?,
        _ say: (String, String?, [String: Any], [String: Any]?) -> Void
    ) {
        for row in data.rows[.operation] ?? [] where row.owner(.operation) == place {
            say(
                "4101", institution,
                [
                    "setlinfo": ["psn_no": person, "mdtrt_id": visit, "setl_id": "X\(visit)"],
                    "oprninfo": [
                        [
                            "oprn_oprt_code": row.text(.operation, "code") ?? "",
                            "oprn_oprt_begntime": row.moment(.operation, "day", "second") ?? "",
                            "oper_dr_code": row.text(.operation, "practitioner") ?? "",
                            "anst_way": row.text(.operation, "anaesthesia") ?? "",
                        ]
                    ],
                ], nil)
        }
    }

    private func saySettlements(
        _ place: Int, _ visit: String, _ institution: String?,
        _ say: (String, String?, [String: Any], [String: Any]?) -> Void
    ) {
        let own = (data.rows[.person] ?? [])[0]
        for row in data.rows[.settlement] ?? [] where row.owner(.settlement) == place {
            var settled: [String: Any] = [
                "setl_id": row.id, "mdtrt_id": visit, "psn_no": person,
                "setl_time": row.moment(.settlement, "day", "second") ?? "",
                "gend": own.text(.person, "sex") == "M" ? "1" : "2", "brdy": own.moment(.person, "birth", nil) ?? "",
            ]
            for (name, field) in [
                ("medfee_sumamt", "total"), ("inscp_scp_amt", "in_scope"), ("hifp_pay", "basic"),
                ("hifmi_pay", "large"),
                ("maf_pay", "assistance"), ("cvlserv_pay", "civil"), ("oth_pay", "other_funds"),
                ("acct_pay", "account"),
                ("psn_cash_pay", "cash"),
            ] {
                if let amount = row.number(.settlement, field, 2) { settled[name] = amount }
            }
            if let original = row.text(.settlement, "reverses") {
                say(
                    "2208", institution, ["data": ["setl_id": original, "mdtrt_id": visit, "psn_no": person]],
                    ["setlinfo": settled])
            } else {
                settled["clr_optins"] = row.text(.settlement, "pool") ?? ""
                settled["clr_way"] = row.text(.settlement, "method") ?? ""
                say("2207", institution, ["data": ["psn_no": person, "mdtrt_id": visit]], ["setlinfo": settled])
            }
        }
    }

    /// The visit at hand as a request for review.
    var review: [String: Any] {
        let row = (data.rows[.encounter] ?? [])[current]
        let own = (data.rows[.person] ?? [])[0]
        let orders = lines.filter { $0.owner(.line) == current }.map { row -> [String: Any] in
            [
                "rx_id": row.id, "rxno": row.text(.line, "prescription") ?? "",
                "hilist_code": row.text(.line, "item") ?? "",
                "cnt": row.number(.line, "quantity", 4) ?? "", "pric": row.number(.line, "price", 6) ?? "",
                "sumamt": row.number(.line, "amount", 2) ?? "",
                "drord_begn_date": row.moment(.line, "day", "second") ?? "",
                "drord_dept_codg": row.text(.line, "department") ?? "",
                "drord_dr_codg": row.text(.line, "practitioner") ?? "",
                "curr_drord_flag": 1, "extend_order_map": ["o_prdDays": row.number(.line, "days_supply", 0) ?? ""],
            ]
        }
        let diagnoses = (data.rows[.diagnosis] ?? []).filter { $0.owner(.diagnosis) == current }.map {
            row -> [String: Any] in
            [
                "dias_srt_no": (Int(row.number(.diagnosis, "sequence", 0) ?? "") ?? 1) - 1, "maindise_flag": 0,
                "dise_codg": row.text(.diagnosis, "code") ?? "",
            ]
        }
        let operations = (data.rows[.operation] ?? []).filter { $0.owner(.operation) == current }.map {
            row -> [String: Any] in
            [
                "setl_list_oprn_id": row.id, "oprn_code": row.text(.operation, "code") ?? "",
                "oprn_date": row.moment(.operation, "day", "second") ?? "",
                "anst_way": row.text(.operation, "anaesthesia") ?? "",
                "oper_dr_code": row.text(.operation, "practitioner") ?? "",
            ]
        }
        let encounter: [String: Any] = [
            "mdtrt_id": visit, "medins_id": row.text(.encounter, "institution") ?? "",
            "medins_admdvs": row.text(.encounter, "care_area") ?? "",
            "adm_date": row.moment(.encounter, "start_day", "start_second") ?? "",
            "dscg_date": row.moment(.encounter, "end_day", "end_second") ?? "",
            "dscg_main_dise_codg": row.text(.encounter, "diagnosis") ?? "",
            "dr_codg": row.text(.encounter, "practitioner") ?? "",
            "adm_dept_codg": row.text(.encounter, "department") ?? "", "dscg_dept_codg": "",
            "med_type": Self.kinds[row.text(.encounter, "setting") ?? ""] ?? "",
            "insutype": row.text(.encounter, "insurance") ?? "",
            "fsi_diagnose_dtos": diagnoses, "fsi_operation_dtos": operations, "fsi_order_dtos": orders,
        ]
        return [
            "infno": "3102", "msgid": "R\(person)", "fixmedins_code": row.text(.encounter, "institution") ?? "",
            "input": [
                "data": [
                    "trig_scen": "7",
                    "patient_dtos": [
                        [
                            "patn_id": person, "gend": own.text(.person, "sex") == "M" ? "1" : "2",
                            "brdy": own.moment(.person, "birth", nil) ?? "", "poolarea": home ?? "",
                            "curr_mdtrt_id": visit,
                            "fsi_encounter_dtos": [encounter],
                        ] as [String: Any]
                    ],
                ]
            ],
        ]
    }
}

extension ReferenceRow {
    func value(_ table: Table, _ name: String) -> FieldValue? { table.index(of: name).flatMap { values[$0] } }

    func owner(_ table: Table) -> Int? {
        guard case .row(let index) = value(table, table == .encounter || table == .entitlement ? "person" : "encounter")
        else { return nil }
        return index
    }

    func text(_ table: Table, _ name: String) -> String? {
        if case .text(let text) = value(table, name) { return text }
        return nil
    }

    func number(_ table: Table, _ name: String, _ scale: Int) -> String? {
        if case .number(let number) = value(table, name) { return DecimalText.format(number, scale: scale) }
        return nil
    }

    func moment(_ table: Table, _ day: String, _ second: String?) -> String? {
        guard case .day(let number) = value(table, day) else { return nil }
        guard let second, case .second(let at) = value(table, second) else { return "\(Day(number: number))" }
        func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
        return "\(Day(number: number)) \(two(at / 3600)):\(two(at / 60 % 60)):\(two(at % 60))"
    }

    mutating func set(_ table: Table, _ name: String, _ value: FieldValue?) {
        if let place = table.index(of: name) { values[place] = value }
    }
}

/// A package of random rules as a plan.
enum RandomPlan {
    static func make(seed: UInt64, rules: Int) throws -> Plan {
        let folder = FileManager.default.temporaryDirectory.appending(path: "yijian-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in RandomRules.package(seed: seed, rules: rules) {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return try #require(PlanLoader.load(package: folder.path()).plan)
    }
}
