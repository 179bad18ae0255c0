import Audit
import Claims
import Columns
import Foundation
import Ingest
import Ledger
import Reference
import Rules
import Testing

@testable import Web

/// What is received becomes part of the dataset without changing a word (并入数据集): history told message by message, taken
/// over at once, in pieces, or read by ingest from the sender's own log is one and the same.
@Suite struct AbsorptionTests {
    @Test(arguments: [11, 12, 13, 14] as [UInt64]) func serviceAndIngestSayTheSame(_ seed: UInt64) throws {
        let ground = try Ground()
        defer { ground.remove() }
        let plan = try #require(Shipped.plan)
        let service = Rehearsal(plan: plan)
        var random = Seeded(seed)
        var persons: [String] = []
        var log: [String] = []
        for story in try Story.all(seed: seed) {
            persons.append(story.person)
            for message in story.uploads(&random) {
                #expect(service.ask(message.json)["infcode"] as? Int == 0)
                log.append(message.json)
            }
        }
        #expect(persons.count > 3 && log.count > 30)
        try ground.ingest(lines: log, into: "log")
        try ground.absorb(service.records, into: "whole")
        let cuts = (0..<3).map { _ in UInt64(random.number(1...log.count)) }.sorted()
        for cut in cuts { try ground.absorb(service.records, into: "pieces", until: cut) }
        try ground.absorb(service.records, into: "pieces")
        var rows = 0
        for person in persons {
            let told = try Known(service.care.histories.history(of: person))
            rows += told.count
            #expect(try ground.known(person, in: "log") == told, "the sender's log, \(person)")
            #expect(try ground.known(person, in: "whole") == told, "taken over at once, \(person)")
            #expect(try ground.known(person, in: "pieces") == told, "taken over in pieces, \(person)")
            // Over a dataset that holds a part, or all, nothing is counted twice.
            for name in ["pieces", "whole"] {
                for generation in 1...(try ground.dataset(name).generation) {
                    let histories = try ground.histories(service.records, over: name, generation)
                    let over = try Known(histories.history(of: person))
                    #expect(over == told, "over generation \(generation) of \(name), \(person)")
                }
            }
        }
        print("absorption, seed \(seed): \(log.count) messages, \(rows) rows, cut at \(cuts)")
    }

    /// Corrections that cross the position up to which a dataset took the journal.
    @Test func whatComesLateFindsItsPlace() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let service = Rehearsal(plan: try #require(Shipped.plan))
        let at = Moments()
        service.take(
            at.message("2401", "08:00:00", ["mdtrtinfo": ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "2101"]]),
            at.charges("09:00:00", "b1", ["1": "1", "2": "1"]), at.charges("09:10:00", "b2", ["3": "1"]),
            at.charges("10:00:00", nil, ["4": "5"]),
            at.message("2304", "11:00:00", ["data": ["psn_no": "P1", "mdtrt_id": "V1"]], id: "unknown", settled: "S1"),
            at.diagnoses("2402", "12:00:00", ["I10", "E11"]))
        try ground.absorb(service.records, into: "dataset")
        #expect(try ground.known("P1", in: "dataset").ids(.line) == ["V1-1", "V1-2", "V1-3", "V1-4"])
        service.take(
            // A batch is withdrawn whose lines are in the dataset; a late message says what was corrected since.
            at.message("2302", "13:00:00", ["data": ["psn_no": "P1", "mdtrt_id": "V1", "chrg_bchno": "b1"]]),
            at.charges("09:30:00", nil, ["4": "99"]),
            // A settlement of unknown outcome is reversed; diagnoses of an earlier hour come late.
            at.message("2601", "14:00:00", ["data": ["psn_no": "P1", "oinfno": "2304", "omsgid": "unknown"]]),
            at.diagnoses("2401", "07:00:00", ["J18"]))
        let told = try Known(service.care.histories.history(of: "P1"))
        #expect(told.ids(.line) == ["V1-3", "V1-4"] && told.ids(.settlement) == [])
        #expect(told.texts(.diagnosis, "code") == ["E11", "I10"])
        let histories = try ground.histories(service.records, over: "dataset", 1)
        #expect(try Known(histories.history(of: "P1")) == told)
        try ground.absorb(service.records, into: "dataset")
        #expect(try ground.known("P1", in: "dataset") == told)
        // Nothing is left to do, and nothing was taken twice.
        #expect(try ground.absorb(service.records, into: "dataset") == nil)
        #expect(try Known(ground.histories(service.records, over: "dataset", 2).history(of: "P1")) == told)
    }

    /// A visit that comes as messages and in the bureau's export (national-tables) is one visit, whichever came first.
    @Test func whatComesBothWaysCountsOnce() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let service = Rehearsal(plan: try #require(Shipped.plan))
        let at = Moments()
        var refund = at.line("3", "-1")
        refund["init_feedetl_sn"] = "2"
        refund["det_item_fee_sumamt"] = "-20.00"
        service.take(
            at.message("2401", "08:00:00", ["mdtrtinfo": ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "21"]]),
            at.charges("09:00:00", nil, ["1": "1", "2": "1"]),
            at.message("2301", "09:30:00", ["feedetail": refund]),
            at.message(
                "4101", "10:00:00",
                [
                    "setlinfo": ["psn_no": "P1", "mdtrt_id": "V1", "setl_id": "S1"],
                    "oprninfo": [["oprn_oprt_code": "47.0100", "oprn_oprt_begntime": "2025-05-01 08:30:00"]],
                ]),
            at.message("2304", "11:00:00", ["data": ["psn_no": "P1", "mdtrt_id": "V1"]], settled: "S1"),
            at.diagnoses("2402", "12:00:00", ["I10", "E11"]))
        let told = try Known(service.care.histories.history(of: "P1"))
        #expect(told.ids(.line) == ["V1-1", "V1-2", "V1-3"] && told.ids(.operation).count == 1)
        try ground.absorb(service.records, into: "first")
        for name in ["first", "second"] { try ground.ingest(export: Self.export, into: name) }
        let histories = try ground.histories(service.records, over: "second", 1)
        let over = try Known(histories.history(of: "P1"))
        try ground.absorb(service.records, into: "second")
        let known = try [over, ground.known("P1", in: "first"), ground.known("P1", in: "second")]
        for one in known {
            for table in [Table.encounter, .line, .operation, .settlement] {
                #expect(one.ids(table) == told.ids(table), "\(table): \(one)")
            }
            #expect(one.texts(.diagnosis, "code").sorted() == ["E11", "I10"])
        }
    }

    private static let export = [
        "mdtrt_d": [
            "mdtrt_id,psn_no,fixmedins_code,med_type,begntime,endtime,gend,brdy,updt_time",
            "V1,P1,H1,21,2025-05-01 08:00:00,2025-05-01 12:00:00,1,1960-01-01,2025-06-01 00:00:00",
        ],
        "fee_list_d": [
            "bkkp_sn,mdtrt_id,setl_id,fee_ocur_time,cnt,pric,det_item_fee_sumamt,inscp_amt,hilist_code,init_feedetl_sn,updt_time",
            "1,V1,S1,2025-05-01 09:00:00,1,20,20.00,20.00,001102000050000,,2025-06-01 00:00:00",
            "2,V1,S1,2025-05-01 09:00:00,1,20,20.00,20.00,001102000050000,,2025-06-01 00:00:00",
            "3,V1,S1,2025-05-01 09:00:00,-1,20,-20.00,-20.00,001102000050000,2,2025-06-01 00:00:00",
        ],
        "setl_d": [
            "setl_id,mdtrt_id,psn_no,setl_time,medfee_sumamt,hifp_pay,updt_time",
            "S1,V1,P1,2025-05-01 11:00:00,10.00,7.00,2025-06-01 00:00:00",
        ],
        "setl_list_diag_d": [
            "mdtrt_id,maindiag_flag,diag_code,diag_type", "V1,1,I10,1", "V1,0,E11,1",
        ],
        "setl_list_oprn_d": [
            "setl_list_oprn_id,setl_id,mdtrt_id,oprn_oprt_code,oprn_oprt_begntime,updt_time",
            "77,S1,V1,47.0100,2025-05-01 08:30:00,2025-06-01 00:00:00",
        ],
    ]

    /// Rows that cannot be read are no history here and rejects there; their neighbours are.
    @Test func unreadableRowsAreNoHistory() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let service = Rehearsal(plan: try #require(Shipped.plan))
        let at = Moments()
        service.take(
            at.message("2401", "08:00:00", ["mdtrtinfo": ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "21"]]),
            at.charges("09:00:00", nil, ["1": "1", "2": "1e9", "3": "2", "4": "1.00001"]))
        let answer = service.ask(at.charges("09:05:00", nil, ["5": "x"]).json)
        #expect((answer["warn_msg"] as? String)?.contains("cnt") == true)
        let told = try Known(service.care.histories.history(of: "P1"))
        #expect(told.ids(.line) == ["V1-1", "V1-3"])
        let report = try #require(try ground.absorb(service.records, into: "dataset"))
        #expect(report.balances.first { $0.table == .line }?.rejected == 3)
        #expect(try ground.known("P1", in: "dataset") == told)
    }

    /// Times in every form that senders write, good and bad, are read alike by both.
    @Test func timesAreReadAlike() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let service = Rehearsal(plan: try #require(Shipped.plan))
        let at = Moments()
        service.take(
            at.message("2401", "08:00:00", ["mdtrtinfo": ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "21"]]))
        let written = [
            "2025-05-01", "2025/5/1", "2025.05.01", "20250501", "202505010805", "20250501080500", "20250501080500123",
            "2025-05-01 08:05", "2025-05-01T08:05:06", "2025-05-01 08:05:06.5", "2025-05-01T08:05:06Z",
            "2025-05-01T23:05:06-05:00", "2025-05-01T02:05:06+1400", "2025-05-01T08:05:06.25+08", "2025-05-01 24:00:00",
            "2025-05-01T08:05Z", "2025-05-01 8:5:6", "2025-05-01 24:00:01", "2025-02-30", "2025-05-01 08",
            "2025-05-01t08:05:06", "2025-05-01 08:05:06 ", "01.05.2025", "2025-05-01 08:05:06x",
            "2025-05-01T08:05:06+15",
            "20250501 080500", "2025-05-01 08:60:00", "2025-5", "yesterday", "0000-00-00",
        ]
        for (number, time) in written.enumerated() {
            var line = at.line("\(number)", "1")
            line["fee_ocur_time"] = time
            service.take(at.message("2301", "09:00:00", ["feedetail": line], id: "t\(number)"))
        }
        let told = try Known(service.care.histories.history(of: "P1"))
        #expect((17..<written.count).contains(told.ids(.line).count))
        try ground.absorb(service.records, into: "dataset")
        let known = try ground.known("P1", in: "dataset")
        #expect(known == told, "\(known.difference(told)) in \(written)")
    }

    /// A dataset that knows persons by keyed pseudonyms is the history of the numbers in messages, and a finding has the
    /// identifier that a batch gives it.
    @Test func pseudonymsFindTheirPerson() throws {
        let ground = try Ground()
        defer { ground.remove() }
        let key = try #require(PersonKey(Array("0123456789abcdef".utf8)))
        let names: PersonNames = { key.pseudonym(kind: "psn_no", number: $0) }
        let service = Rehearsal(plan: try #require(Shipped.plan), names: names)
        let at = Moments()
        service.take(
            at.message("2401", "08:00:00", ["mdtrtinfo": ["psn_no": "P1", "mdtrt_id": "V1", "med_type": "21"]]),
            at.charges("09:00:00", nil, ["1": "1"]))
        try ground.absorb(service.records, into: "dataset", names: names)
        let told = try Known(service.care.histories.history(of: "P1"))
        #expect(try ground.known(names("P1"), in: "dataset") == told && told.ids(.line) == ["V1-1"])
        #expect(try ground.known("P1", in: "dataset").count == 0)
        let fresh = VolatileRecords()
        let histories = try ground.histories(fresh, over: "dataset", 1, names: names)
        #expect(try Known(histories.history(of: "P1")) == told)
        // Nobody can read the number in the dataset.
        let bytes = try ground.bytes(of: "dataset")
        #expect(!bytes.contains(Data("\"P1\"".utf8)) && bytes.contains(Data(names("P1").utf8)))
    }
}
