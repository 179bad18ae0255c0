import Audit
import Claims
import Foundation
import Rules
import Testing

@testable import Web

/// What real senders write is taken, and what is not is said with a code (national interface, tolerant reader).
@Suite struct InterfaceTests {
    private func order(_ id: String, _ fields: [String: Any] = [:]) -> [String: Any] {
        [
            "rx_id": id, "hilist_code": "XA", "cnt": "1", "pric": "10", "sumamt": "10",
            "drord_begn_date": "2025-05-01 08:00:00",
            "curr_drord_flag": "1",
        ].merging(fields) { $1 }
    }

    private func visit(_ orders: Any, _ fields: [String: Any] = [:]) -> [String: Any] {
        [
            "mdtrt_id": "V1", "medins_id": "H1", "med_type": "11", "adm_date": "2025-05-01 08:00:00",
            "fsi_order_dtos": orders,
            "fsi_diagnose_dtos": "", "fsi_operation_dtos": NSNull(),
        ].merging(fields) { $1 }
    }

    private func patient(_ visits: Any) -> [String: Any] {
        ["patn_id": "P1", "gend": 1, "brdy": "1970-01-01", "curr_mdtrt_id": "V1", "fsi_encounter_dtos": visits]
    }

    private func read(_ input: Any) throws -> (ReviewMessage, Tolerance) {
        let message: [String: Any] = ["infno": "3101", "fixmedins_code": "H1", "input": input]
        let bytes = Array(message.json.utf8)
        let tape = JSONTape()
        let inner = JSONTape()
        let buffers = TextBuffers()
        return try bytes.withUnsafeBufferPointer { buffer in
            try tape.read(buffer)
            var tolerance = Tolerance()
            let envelope = try Envelope(.root(tape), inner: inner, buffers: buffers, &tolerance)
            return (try ReviewMessage(envelope, tables: CodeTables(), &tolerance), tolerance)
        }
    }

    @Test func oneMeaningInManyShapes() throws {
        let whole: [String: Any] = [
            "data": ["trig_scen": "2", "patient_dtos": [patient([visit([order("1"), order("2")])])]]
        ]
        let (plain, _) = try read(whole)
        #expect(plain.patients[0].rows[.line]?.count == 2)
        let objects: [String: Any] = ["data": ["patient_dtos": patient(visit([order("1"), order("2")]))]]
        let (asObjects, tolerated) = try read(objects)
        #expect(asObjects.patients[0].rows == plain.patients[0].rows)
        #expect(tolerated.has(.objectForList) && tolerated.has(.noMessageIdentifier))
        let (asText, textTolerated) = try read(whole.json)
        #expect(asText.patients[0].rows == plain.patients[0].rows)
        #expect(textTolerated.has(.inputAsText))
        let siblings: [String: Any] = [
            "data": ["patient_dtos": "", "trig_scen": "23"], "patient_dtos": [patient("")],
            "fsi_encounter_dtos": [visit("")], "fsi_order_dtos": [order("1"), order("2")],
        ]
        let (beside, besideTolerated) = try read(siblings)
        #expect(beside.patients[0].rows[.line] == plain.patients[0].rows[.line])
        #expect(besideTolerated.has(.siblingsOfData) && besideTolerated.has(.unknownScene))
        let camel: [String: Any] = [
            "trigScen": [
                "trig_scen": "1,2",
                "patientDtos": [
                    [
                        "psn_no": "P1", "currMdtrtId": "V1",
                        "encounterDtos": ["mdtrt_id": "V1", "orderDtos": [order("1")]],
                    ] as [String: Any]
                ],
            ]
        ]
        let (hainan, _) = try read(camel)
        #expect(hainan.scenes == ["1", "2"] && hainan.patients[0].rows[.line]?.count == 1)
    }

    @Test func whatIsWrittenNowIsMarked() throws {
        let marked: [String: Any] = [
            "data": ["patient_dtos": [patient([visit([order("1"), order("2", ["curr_drord_flag": 0])])])]]
        ]
        #expect(try read(marked).0.patients[0].written[.line] == ["1"])
        let unmarked: [String: Any] = [
            "data": [
                "patient_dtos": [
                    patient([
                        visit([
                            order("1", ["curr_drord_flag": ""]), order("2", ["curr_drord_flag": NSNull()]),
                        ])
                    ])
                ]
            ]
        ]
        let (message, tolerance) = try read(unmarked)
        #expect(message.patients[0].written[.line] == ["1", "2"] && tolerance.has(.noCurrentFlag))
        let twice: [String: Any] = ["data": ["patient_dtos": [patient([visit([order("1"), order("1")])])]]]
        let (repeated, noted) = try read(twice)
        #expect(Set(repeated.patients[0].rows[.line]?.map(\.id) ?? []).count == 2 && noted.has(.lineRepeated))
    }

    /// M01 is about a diagnosis: it reaches the doctor when the diagnosis is of the visit that is being written.
    @Test func diagnosesOfTheVisitAreWhatIsWritten() throws {
        let service = Rehearsal(plan: try #require(Shipped.plan))
        func message(_ id: String, _ codes: [String], _ current: String) -> [String: Any] {
            let diagnoses = codes.enumerated().map {
                ["dias_srt_no": "\($0 + 1)", "dise_codg": $1, "maindise_flag": $0 == 0 ? "1" : "0"]
            }
            let visits = [
                visit([order("1")], ["fsi_diagnose_dtos": diagnoses]),
                visit([order("2")], ["mdtrt_id": "V2", "adm_date": "2025-05-02 08:00:00"]),
            ]
            let woman = patient(visits).merging(["gend": "2", "curr_mdtrt_id": current]) { $1 }
            return [
                "infno": "3102", "msgid": id, "fixmedins_code": "H1", "input": ["data": ["patient_dtos": [woman]]],
            ]
        }
        func found(_ message: [String: Any]) -> [[String: Any]] {
            service.review(message.json).filter { $0["rule_id"] as? String == "M01" }
        }
        let result = try #require(found(message("a", ["I10.x00", "N40.x00"], "V1")).first)
        #expect(result["mdtrt_id"] as? String == "V1" && result["vola_bhvr_type"] as? String == "1")
        #expect((result["vola_cont"] as? String)?.contains("前列腺增生") == true)
        let details = result["judge_result_detail_dtos"] as? [[String: Any]] ?? []
        #expect(details.first?["vola_item_type"] as? String == "1" && details.first?["mdtrt_id"] as? String == "V1")
        #expect(found(message("b", ["I10.x00", "K40.900"], "V1")).isEmpty)
        // The diagnosis of an earlier visit was told there.
        #expect(found(message("c", ["I10.x00", "N40.x00"], "V2")).isEmpty)
    }

    /// Without a dataset the words of the answer are the sender's.
    @Test func itemsAreCalledAsTheSenderCallsThem() throws {
        let text = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent().appending(path: "examples/his/review.json"),
            encoding: .utf8)
        let service = Rehearsal(plan: try #require(Shipped.plan))
        let results = service.review(text).filter { $0["rule_id"] as? String == "P17-day" }
        let words = try #require(results.first?["vola_cont"] as? String)
        let message = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        var names: [String] = []
        func look(_ value: Any) {
            if let object = value as? [String: Any] {
                if let name = object["hilist_name"] as? String { names.append(name) }
                object.values.forEach(look)
            }
            (value as? [Any])?.forEach(look)
        }
        look(message)
        #expect(names.contains(where: words.contains), "\(words)")
    }

    @Test func errorsHaveACodeAndAnswerTwoHundred() throws {
        let service = Rehearsal(plan: try #require(Shipped.plan))
        for (message, code) in [
            ("", "WEB101"), ("[1]", "WEB102"), ("{\"input\":{}}", "WEB103"), ("{\"infno\":\"3101\"}", "WEB104"),
            ("{\"infno\":\"9999\",\"input\":{}}", "WEB106"), ("{\"infno\":\"3101\",\"input\":{\"data\":{}}}", "WEB110"),
            ("{\"infno\":\"3101\",\"input\":\"{{\"}", "WEB101"),
            ("{\"infno\":\"3101\",\"infno\":\"3102\",\"input\":{}}", "WEB101"),
        ] {
            let answer = service.ask(message)
            #expect(
                answer["infcode"] as? Int == -1 && (answer["err_msg"] as? String)?.contains("[\(code)]") == true,
                "\(message): \(answer["err_msg"] ?? "")")
            #expect(answer["output"] is NSNull)
        }
        #expect(service.kept.isEmpty)
    }

    @Test func answersHaveTheOneShapeThatAllClientsTake() throws {
        let records = VolatileRecords()
        let service = Rehearsal(plan: try #require(Shipped.plan), keeper: records)
        let message: [String: Any] = [
            "infno": "3101", "msgid": "m1", "fixmedins_code": "H1",
            "input": ["data": ["patient_dtos": [patient([visit([order("1")])])]]],
        ]
        let answer = service.ask(message.json)
        #expect(answer["infcode"] as? Int == 0 && answer["err_msg"] as? String == "")
        #expect((answer["output"] as? [String: Any])?["result"] is [Any])
        // The same message again is answered with the same bytes, and recorded once.
        let again = service.ask(message.json)
        #expect(again["inf_refmsgid"] as? String == answer["inf_refmsgid"] as? String)
        #expect(service.kept.count == 1)
        // Another message under the same identifier is reviewed afresh and marked.
        var other = message
        other["inf_time"] = "2025-05-01 10:00:00"
        let marked = service.ask(other.json)
        #expect(marked["infcode"] as? Int == 0 && (marked["warn_msg"] as? String)?.contains("msgid") == true)
        // A disk that is full: still an answer, which says that it was not recorded.
        records.fail(KeepingFailure(kind: .full, message: "full"))
        var third = message
        third["msgid"] = "m3"
        let unrecorded = service.ask(third.json)
        #expect(unrecorded["infcode"] as? Int == 0 && (unrecorded["warn_msg"] as? String)?.contains("WEB120") == true)
        let upload: [String: Any] = [
            "infno": "2301", "msgid": "u1",
            "input": ["feedetail": [["feedetl_sn": "1", "mdtrt_id": "V", "psn_no": "P"]]],
        ]
        #expect(service.ask(upload.json)["infcode"] as? Int == -1)
        records.fail(nil)
        #expect(service.ask(upload.json)["infcode"] as? Int == 0)
    }

    @Test func otherContentUnderTheSameNumberIsRefused() throws {
        let service = Rehearsal(plan: try #require(Shipped.plan))
        func upload(_ message: String, count: String, at time: String) -> [String: Any] {
            [
                "infno": "2301", "msgid": message, "inf_time": time, "fixmedins_code": "H1",
                "input": ["feedetail": [["feedetl_sn": "1", "mdtrt_id": "V1", "psn_no": "P1", "cnt": count]]],
            ]
        }
        let time = "2025-05-01 08:00:00"
        #expect(service.ask(upload("a", count: "1", at: time).json)["infcode"] as? Int == 0)
        // Repeated under another message: nothing new, and no contradiction.
        #expect(service.ask(upload("b", count: "1", at: time).json)["infcode"] as? Int == 0)
        // Other content without being later.
        #expect((service.ask(upload("c", count: "2", at: time).json)["err_msg"] as? String)?.contains("WEB112") == true)
        // Later: a correction.
        #expect(service.ask(upload("d", count: "2", at: "2025-05-01 09:00:00").json)["infcode"] as? Int == 0)
        // The same message identifier with other content.
        #expect(
            (service.ask(upload("a", count: "5", at: "2025-05-02 09:00:00").json)["err_msg"] as? String)?.contains(
                "WEB112") == true)
    }

    @Test func lateReviewsAreAuditedAfterwards() throws {
        let service = Rehearsal(plan: try #require(Shipped.plan))
        let message: [String: Any] = [
            "infno": "3101", "msgid": "late", "fixmedins_code": "H1",
            "input": ["data": ["patient_dtos": [patient([visit([order("1")])])]]],
        ]
        let body = Array(message.json.utf8)
        let answers = Answers()
        let job = Job(body: body, head: MessageHead(), arrived: 0) { answers.add($0.body) }
        let desk = Desk(service.care)
        desk.degrade(job)
        #expect(
            answers.texts.count == 1 && answers.texts[0].contains("已受理")
                && answers.texts[0].contains(ReviewResult.noticeRule))
        desk.handle(job.later())
        #expect(answers.texts.count == 1)
        #expect(service.kept.map(\.kind) == [.degraded, .reviewedLater])
        // A repeat gets what was found later.
        #expect((service.ask(body)["warn_msg"] as? String)?.contains("已受理") != true)
        // What was answered late and not audited when the service ended is taken up again.
        var other = message
        other["msgid"] = "left"
        desk.degrade(Job(body: Array(other.json.utf8), head: MessageHead(), arrived: 0) { _ in })
        service.care.resume()
        #expect(service.care.queue.counts.later == 1)
    }

    @Test func feedbackIsKeptUnderItsFinding() throws {
        let service = Rehearsal(plan: try #require(Shipped.plan))
        let message: [String: Any] = [
            "infno": "3103", "msgid": "f1", "fixmedins_code": "H1",
            "input": [
                "data": ["warn_type": "1", "warns": [["warn_rslt_id": "J1", "dspo_way": "1", "dspo_way_rea": ""]]]
            ],
        ]
        let answer = service.ask(message.json)
        #expect(answer["infcode"] as? Int == 0 && (answer["warn_msg"] as? String)?.contains("dspo_way_rea") == true)
        #expect(try service.records.newest(.finding("J1"))?.kind == .feedback)
    }
}

final class Answers: @unchecked Sendable {
    private let lock = NSLock()
    private var bodies: [[UInt8]] = []
    func add(_ body: [UInt8]) { lock.withLock { bodies.append(body) } }
    var texts: [String] { lock.withLock { bodies.map { String(decoding: $0, as: UTF8.self) } } }
}

extension ReviewMessage.Patient {
    /// What the message says, as plain rows.
    fileprivate var rows: [Table: [TimelineRow]] {
        var rows: [Table: [TimelineRow]] = [:]
        for table in Table.allCases where sheet.count(table) > 0 {
            rows[table] = (0..<sheet.count(table)).map { sheet.values(table, $0) }
        }
        return rows
    }

    /// The names of the rows that are being written.
    fileprivate var written: [Table: Set<String>] {
        rows.mapValues { _ in Set<String>() }.merging(
            rows.map { table, rows in
                (table, Set(rows.indices.filter { sheet.row(table, $0).isWritten }.map { rows[$0].id }))
            }
        ) { $1 }
    }
}
