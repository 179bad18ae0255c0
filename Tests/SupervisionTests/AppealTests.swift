import Casework
import Claims
import Foundation
import StoreTesting
import Testing

@testable import Database
@testable import Supervision
@testable import Web

/// Appeals by messages of the national interface (3701 to 3704) take the steps of the matter as the institution's actor.
@Suite("Appeals")
struct AppealTests {
    /// A batch of three findings sent to a hospital, and the counter that takes its messages.
    private final class Desk {
        let test: TestDoor
        let book: Casebook
        let counter: AppealCounter
        let hospital: String
        let other: String
        var batch = ""
        static let code = "H37010000001"

        init(_ kind: StoreKind) throws {
            test = try TestDoor(kind)
            let door = test.door
            book = try Casebook(door: door, library: try #require(ProcedureLibrary.load(Shipped.folder).library))
            counter = AppealCounter(book: book, log: ServiceLog(level: .quiet))
            hospital = try door.addOrganisation(
                "甲医院", under: test.root, kind: "hospital", area: "370102", by: test.system)
            other = try door.addOrganisation("乙医院", under: test.root, kind: "hospital", area: "370102", by: test.system)
            try door.setInstitutionCode(Self.code, of: hospital, by: test.system)
            try door.setInstitutionCode("H2", of: other, by: test.system)
            _ = try test.person("shen", in: test.root, department: "稽核科", roles: ["auditor"])
            _ = try test.person("fu", in: test.root, department: "稽核科", roles: ["senior_auditor"])
            _ = try test.person("yuan", in: hospital, department: "医保办", roles: ["institution"])
            var command = Command(.take("open"))
            command.fields = [
                "discovered": .single(.text("monitoring")), "institution": .single(.text(hospital)),
                "period": .single(.text("2026-02")),
            ]
            command.parties = ["agency": test.root, "subject": hospital, "body": test.root]
            for number in 1...3 {
                command.adds.append(
                    .init(kind: "finding", key: "F\(number)", parent: nil, fields: ["rule": .single(.text("P17"))]))
                command.adds.append(.init(kind: "line", key: "L\(number)", parent: "F\(number)", fields: [:]))
            }
            batch = try book.open("findings_appeal_first", command, as: "auditor", by: try fresh("shen")).matter.id
            for finding in ["F1", "F2", "F3"] { try act("shen", "first_review", finding) }
            try act("shen", "publish", "")
            for finding in ["F1", "F2", "F3"] { try act("shen", "send", finding) }
        }

        func fresh(_ name: String) throws -> SessionToken {
            if (try? test.door.caller(of: test.token(name))) != nil { return test.token(name) }
            return try test.signIn(name)
        }

        func act(_ name: String, _ step: String, _ item: String) throws {
            var command = Command(.take(step))
            command.item = item
            _ = try book.act(command, on: batch, by: try fresh(name))
        }

        func state(_ finding: String) throws -> String? {
            try book.matter(batch, by: try fresh("shen")).matter.state("finding", item: finding)
        }

        /// `output` of the answer, or the code of the refusal.
        func send(_ number: String, _ input: String, from code: String = Desk.code) throws -> (
            output: Any?, code: String?
        ) {
            let text = """
                {"infno":"\(number)","msgid":"m1","fixmedins_code":"\(code)","mdtrtarea_admvs":"370100","input":\(input)}
                """
            let bytes = Array(text.utf8)
            let (tape, inner, buffers) = (JSONTape(), JSONTape(), TextBuffers())
            return try bytes.withUnsafeBufferPointer { buffer in
                try tape.read(buffer)
                var tolerance = Tolerance()
                let envelope = try Envelope(.root(tape), inner: inner, buffers: buffers, &tolerance)
                do throws(InterfaceError) {
                    let answer = try counter.answer(envelope)
                    let object = try? JSONSerialization.jsonObject(with: Data(answer)) as? [String: Any]
                    return (object?["output"], nil)
                } catch {
                    return (nil, error.code)
                }
            }
        }

        func listed(_ stage: String = "1", from code: String = Desk.code) throws -> [String] {
            let input =
                #"{"startTime":"2020-01-01","endTime":"2030-01-01","medinsCodg":"\#(code)","currentPage":1,"pageSize":10,"stage":"\#(stage)"}"#
            let output = try send("3701", input, from: code).output as? [String: Any]
            let documents = output?["data"] as? [[String: Any]] ?? []
            return documents.flatMap {
                ($0["docSusptDTOS"] as? [[String: Any]] ?? []).compactMap { $0["docSusptId"] as? String }
            }
        }

        func appeal(_ entries: String, from code: String = Desk.code) throws -> [[String: Any]] {
            let output = try send(
                "3702", #"{"remark":"","docs":[{"docId":"\#(batch)","docSusptDTOS":[\#(entries)]}]}"#, from: code
            )
            .output
            return ((output as? [[String: Any]])?.first?["docsuspt"] as? [[String: Any]]) ?? []
        }
    }

    @Test(arguments: TestStore.kinds)
    func aFindingIsAppealedAgainstByMessage(kind: StoreKind) throws {
        let desk = try Desk(kind)
        #expect(try desk.listed() == ["F1", "F2", "F3"])
        let file = Data("病历".utf8).base64EncodedString()
        let stored = try desk.send("3704", #"{"fsiAppealFileDTOList":[{"name":"病历.txt","bytes":"\#(file)"}]}"#)
        let bundle = try #require((stored.output as? [String: Any])?["attUploadId"] as? String)
        let entry =
            #"{"docSusptId":"F1","applyFlag":"1","susptAmt":"12.50","attUploadId":"\#(bundle)","auditOpinion":"有适应症"}"#
        let results = try desk.appeal(
            entry + #",{"docSusptId":"F2","applyFlag":"0"},{"docSusptId":"F9","applyFlag":"0"}"#)
        #expect(results.map { $0["susptCode"] as? String } == ["0", "0", "1"])
        #expect(try desk.state("F1") == "appealed" && desk.state("F2") == "accepted" && desk.state("F3") == "sent")
        let act = try #require(
            try desk.book.matter(desk.batch, by: try desk.fresh("shen")).matter.acts.first { $0.what == "appeal" })
        #expect(act.actor == Actor(person: "interface:" + Desk.code, role: "institution", organisation: desk.hospital))
        #expect(try desk.listed() == ["F3"])
        // The same again changes nothing; another statement is refused.
        #expect(try desk.appeal(entry).map { $0["susptCode"] as? String } == ["0"])
        let acts = try desk.book.matter(desk.batch, by: try desk.fresh("shen")).matter.acts.count
        #expect(try desk.appeal(entry.replacing("有适应症", with: "另一说法")).map { $0["susptCode"] as? String } == ["1"])
        #expect(try desk.book.matter(desk.batch, by: try desk.fresh("shen")).matter.acts.count == acts)
        #expect(
            try desk.book.matter(desk.batch, by: try desk.fresh("shen")).matter.field("appeal_amount", item: "F1")?
                .description == "12.50")
        // Not content with it, the institution asks for a joint review; then only a panel decides.
        let joint = try desk.send(
            "3703", #"{"remark":"","docs":[{"docId":"\#(desk.batch)","docSusptDTOS":[\#(entry)]}]}"#)
        let asked = ((joint.output as? [[String: Any]])?.first?["docsuspt"] as? [[String: Any]])?.first
        #expect(asked?["susptCode"] as? String == "0", "\(asked ?? [:])")
        #expect(try desk.state("F1") == "to_panel")
        // Who reads the matter reads what was sent, and the trail knows.
        let papers = try desk.book.shown(desk.batch, by: try desk.fresh("shen")).papers.filter(\.isReceived)
        let digest = try #require(papers.first?.number)
        let files = try desk.book.appealFiles(digest, of: desk.batch, by: try desk.fresh("shen"))
        #expect(files.map(\.name) == ["病历.txt"] && files.first?.bytes == Array("病历".utf8))
        let api = API(desk.book, log: ServiceLog(level: .quiet))
        defer { api.stop() }
        let head = ["authorization": "Bearer " + (try desk.fresh("shen")).text]
        let reply = api.answer(APIRequest("GET", "/api/matters/\(desk.batch)/papers/\(digest)", headers: head))
        #expect(reply.status == 200 && String(decoding: reply.body, as: UTF8.self).contains(file))
        #expect(try desk.book.check().differences.isEmpty)
    }

    @Test func oneInstitutionKnowsNothingOfAnother() throws {
        let desk = try Desk(.sqlite)
        #expect(try desk.listed(from: "H2").isEmpty)
        let results = try desk.appeal(
            #"{"docSusptId":"F1","applyFlag":"1","auditOpinion":"x","susptAmt":"1","attUploadId":"none"}"#, from: "H2")
        #expect(results.map { $0["susptCode"] as? String } == ["1"])
        #expect(try desk.state("F1") == "sent")
        #expect(try desk.send("3701", "{}", from: "H-unknown").code == "SUP009")
        #expect(try desk.send("3701", #"{"medinsCodg":"H2"}"#).code == "WEB113")
        #expect(try desk.send("3701", #"{"stage":"9"}"#).code == "WEB111")
        #expect(try desk.send("3702", #"{"docs":[]}"#).code == "WEB111")
        #expect(try desk.send("3704", #"{"fsiAppealFileDTOList":[{"name":"a","bytes":"***"}]}"#).code == "WEB111")
    }

    /// After its last day an appeal is refused, with the reason.
    @Test func aLateAppealIsRefused() throws {
        let desk = try Desk(.sqlite)
        desk.test.clock.now += 86_400 * 60
        let results = try desk.appeal(
            #"{"docSusptId":"F1","applyFlag":"0"}"#)
        #expect(results.first?["susptCode"] as? String == "1")
        #expect((results.first?["susptReason"] as? String)?.contains("CAS") == true, "\(results)")
    }
}
