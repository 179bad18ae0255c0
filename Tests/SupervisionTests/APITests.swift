import Casework
import Claims
import Documents
import Foundation
import StoreTesting
import Testing

@testable import Database
@testable import Supervision
@testable import Web

/// The HTTP/JSON API without a network: calls go in as values, every answer is held against what was declared.
@Suite("API")
struct APITests {
    /// A bureau with its people, a hospital, and the API before them.
    final class Bureau {
        let test: TestDoor
        let api: API
        let hospital: String
        private(set) var accounts: [String: String] = [:]

        init(_ kind: StoreKind = .sqlite) throws {
            test = try TestDoor(kind)
            let library = try #require(ProcedureLibrary.load(Shipped.folder).library)
            api = API(try Casebook(door: test.door, library: library), log: ServiceLog(level: .quiet))
            hospital = try test.door.addOrganisation(
                "甲医院", under: test.root, kind: "hospital", area: "370102", by: test.system)
            for (name, role) in [
                ("li", "officer"), ("sun", "officer"), ("wang", "section_head"), ("zhao", "head"),
            ] {
                accounts[name] = try test.person(name, in: test.root, roles: [role]).account
            }
            accounts["yuan"] = try test.person("yuan", in: hospital, department: "医保办", roles: ["institution"]).account
            accounts["shen"] = try test.person("shen", in: test.root, department: "稽核科", roles: ["auditor"]).account
        }

        deinit { api.stop() }

        func token(_ name: String) throws -> String {
            if (try? test.door.caller(of: test.token(name))) == nil { try test.signIn(name) }
            return test.token(name).text
        }

        struct Reply {
            let status: Int
            let type: String
            let headers: [String: String]
            let bytes: [UInt8]
            let json: JSONText

            func text(_ path: String...) -> String? {
                var value: JSONText? = json
                for name in path { value = value?[name] }
                if case .text(let text)? = value { return text }
                return nil
            }

            func list(_ name: String) -> [JSONText] {
                if case .array(let values)? = json[name] { return values }
                return []
            }
        }

        /// A call; an answer that is not what its operation declares is a failure of the test.
        @discardableResult
        func ask(
            _ method: String, _ target: String, by name: String? = nil, _ body: String? = nil,
            headers: [String: String] = [:]
        ) throws -> Reply {
            var heads = headers
            if let name { heads["authorization"] = "Bearer " + (try token(name)) }
            if body != nil, heads["content-type"] == nil { heads["content-type"] = "application/json" }
            let reply = api.answer(APIRequest(method, target, headers: heads, body: Array((body ?? "").utf8)))
            let json = (try? JSONText.read(reply.body, limits: .init())) ?? .null
            if reply.type.contains("json"), !reply.body.isEmpty {
                let path = target.split(separator: "?").first.map(String.init) ?? ""
                let operation = Router.match(path).first { $0.operation.method.rawValue == method }?.operation
                let shape = reply.type == Problem.contentType ? Problem.shape : operation?.answer
                if let mistake = shape?.mistake(in: json) {
                    Issue.record("\(method) \(target): \(mistake.place) \(mistake.message)")
                }
            }
            return Reply(
                status: reply.status, type: reply.type,
                headers: Dictionary(reply.headers.map { ($0.name, $0.value) }) { first, _ in first },
                bytes: reply.body, json: json)
        }

        func openClue(by name: String = "li") throws -> String {
            let reply = try ask(
                "POST", "/api/matters", by: name,
                #"{"procedure":"clue","role":"officer","fields":{"discovered":"report","content":"虚构诊疗","named":"yes","suspect":"欧阳某某"}}"#
            )
            return try #require(reply.text("matter"))
        }

        func account(_ name: String) -> String { accounts[name] ?? "" }
    }

    @Test func nobodyComesInWithoutASession() throws {
        let bureau = try Bureau()
        for operation in API.operations where !operation.isOpen {
            var target = operation.path
            for parameter in operation.parameters where parameter.place == .path {
                target = target.replacing("{\(parameter.name)}", with: "x")
            }
            let reply = try bureau.ask(operation.method.rawValue, target, operation.body == nil ? nil : "{}")
            #expect(reply.status == 401 && reply.text("code") == "SUP001", "\(operation.id): \(reply.status)")
            #expect(reply.headers["www-authenticate"] == "Bearer")
            let forged = try bureau.ask(
                operation.method.rawValue, target,
                headers: ["authorization": "Bearer " + String(repeating: "0", count: 64)])
            #expect(forged.status == 401, "\(operation.id)")
        }
    }

    @Test func whatIsNotThereIsSaid() throws {
        let bureau = try Bureau()
        #expect(try bureau.ask("GET", "/api/nothing").status == 404)
        let wrong = try bureau.ask("PUT", "/api/session")
        #expect(wrong.status == 405 && wrong.headers["allow"] == "DELETE, GET, POST")
        #expect(try bureau.ask("GET", "/api/matters?size=0", by: "li").text("code") == "WEB131")
        #expect(try bureau.ask("GET", "/api/matters?colour=red", by: "li").text("instance") == "colour")
        #expect(try bureau.ask("GET", "/api/matters?after=%ff", by: "li").status == 400)
        #expect(try bureau.ask("GET", "/api/matters?after=AAAA", by: "li").text("code") == "DBS014")
        #expect(try bureau.ask("GET", "/api/matters/M-none", by: "li").text("code") == "SUP009")
        #expect(
            try bureau.ask("POST", "/api/matters", by: "li", #"{"procedure":"clue","colour":1}"#).text("instance")
                == "/colour")
        #expect(try bureau.ask("POST", "/api/matters", by: "li", #"{"procedure":}"#).text("code") == "WEB101")
        #expect(
            try bureau.ask("POST", "/api/matters", by: "li", "{}", headers: ["content-type": "text/plain"]).status
                == 415)
        #expect(try bureau.ask("POST", "/api/matters", by: "li", #"{"procedure":"nothing"}"#).text("code") == "WEB137")
        let long = "\"" + String(repeating: "x", count: 1 << 20) + "\""
        #expect(try bureau.ask("POST", "/api/matters", by: "li", long).status == 413)
    }

    @Test func aSessionIsOpenedAndEnded() throws {
        let bureau = try Bureau()
        bureau.test.clock.now += 60
        let wrong = try bureau.ask("POST", "/api/session", #"{"name":"li","password":"wrong","code":"000000"}"#)
        #expect(wrong.status == 401 && wrong.text("code") == "SUP002")
        let body = "{\"name\":\"li\",\"password\":\"\(TestDoor.password)\",\"code\":\"\(bureau.test.code("li"))\"}"
        let opened = try bureau.ask("POST", "/api/session", body)
        let token = try #require(opened.text("token"))
        #expect(opened.status == 201 && opened.text("caller", "name") == "li")
        let head = ["authorization": "Bearer " + token]
        #expect(try bureau.ask("GET", "/api/session", headers: head).text("name") == "li")
        #expect(try bureau.ask("DELETE", "/api/session", headers: head).status == 204)
        #expect(try bureau.ask("GET", "/api/session", headers: head).status == 401)
    }

    /// A page of another site can make a browser send the cookie, but not the header that goes with it.
    @Test func aCookieAloneChangesNothing() throws {
        let bureau = try Bureau()
        bureau.test.clock.now += 60
        let body =
            "{\"name\":\"li\",\"password\":\"\(TestDoor.password)\",\"code\":\"\(bureau.test.code("li"))\",\"carrier\":\"cookie\"}"
        let opened = try bureau.ask("POST", "/api/session", body)
        let cookie = try #require(opened.headers["set-cookie"])
        #expect(opened.json["token"] == .null)
        #expect(cookie.hasPrefix("__Host-yijian=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
        let carried = ["cookie": String(cookie.prefix { $0 != ";" })]
        #expect(try bureau.ask("GET", "/api/session", headers: carried).status == 200)
        #expect(try bureau.ask("DELETE", "/api/session", headers: carried).text("code") == "WEB135")
        let own = carried.merging(["x-yijian-request": "1"]) { $1 }
        #expect(
            try bureau.ask("DELETE", "/api/session", headers: own.merging(["sec-fetch-site": "cross-site"]) { $1 })
                .status
                == 403)
        #expect(try bureau.ask("DELETE", "/api/session", headers: own).status == 204)
    }

    @Test(arguments: TestStore.kinds)
    func aClueIsWorkedOn(kind: StoreKind) throws {
        let bureau = try Bureau(kind)
        let id = try bureau.openClue()
        let tasks = try bureau.ask("GET", "/api/tasks", by: "wang")
        #expect(tasks.list("rows").contains { $0["id"] == .text(id) })
        let shown = try bureau.ask("GET", "/api/matters/\(id)", by: "wang")
        guard case .integer(let seen)? = shown.json["acts"] else {
            Issue.record("no acts")
            return
        }
        let handler = bureau.account("li")
        let done = try bureau.ask(
            "POST", "/api/matters/\(id)/acts", by: "wang",
            #"{"step":"verify","fields":{"handler":"\#(handler)"},"seen":\#(seen)}"#)
        #expect(done.status == 200, "\(String(decoding: done.bytes, as: UTF8.self))")
        let late = try bureau.ask(
            "POST", "/api/matters/\(id)/acts", by: "wang",
            #"{"step":"verify","fields":{"handler":"\#(handler)"},"seen":\#(seen)}"#)
        #expect(late.status == 409 && late.text("code") == "DBS009")
        func file(_ record: String) throws -> Bureau.Reply {
            try bureau.ask(
                "POST", "/api/matters/\(id)/acts", by: "li",
                #"{"step":"file","fields":{"facts":"属实","amount":"120000.00"},"together":["\#(bureau.account("sun"))"],"papers":{"record":"\#(record)"}}"#
            )
        }
        let absent = try file(String(repeating: "a", count: 64))
        #expect(absent.status == 422 && absent.text("code") == "SUP021")
        let text = Data("现场笔录（虚构）".utf8).base64EncodedString()
        let handed = try bureau.ask(
            "POST", "/api/matters/\(id)/evidence", by: "li", #"{"name":"笔录.txt","content":"\#(text)"}"#)
        #expect(
            handed.status == 201 && handed.text("kind") == "text", "\(String(decoding: handed.bytes, as: UTF8.self))")
        let record = try #require(handed.text("hash"))
        #expect(try bureau.ask("GET", "/api/matters/\(id)/evidence", by: "wang").list("rows").count == 1)
        let read = try bureau.ask("GET", "/api/matters/\(id)/evidence/\(record)", by: "wang")
        #expect(read.text("content") == text && read.text("name") == "笔录.txt")
        #expect(try bureau.ask("GET", "/api/matters/\(id)/evidence", by: "yuan").status == 404)
        let program = Data([0x7F, 0x45, 0x4C, 0x46, 1, 1, 1, 0]).base64EncodedString()
        let refused = try bureau.ask(
            "POST", "/api/matters/\(id)/evidence", by: "li", #"{"name":"笔录.pdf","content":"\#(program)"}"#)
        #expect(refused.status == 422 && refused.text("code") == "SUP020")
        let proposed = try file(record)
        #expect(proposed.status == 200, "\(String(decoding: proposed.bytes, as: UTF8.self))")
        // What waits for a signature is the next step of who signs, not of who proposed.
        func answers(_ name: String) throws -> [JSONText] {
            try bureau.ask("GET", "/api/matters/\(id)", by: name).list("next").filter { $0["verb"] == .text("approve") }
        }
        #expect(try answers("wang").count == 1)
        #expect(try answers("li").isEmpty)
        #expect(try answers("zhao").isEmpty, "the head signs after the section head")
        let own = try bureau.ask("POST", "/api/matters/\(id)/acts", by: "li", #"{"verb":"approve"}"#)
        #expect(own.status == 403)
        #expect(try bureau.ask("POST", "/api/matters/\(id)/acts", by: "wang", #"{"verb":"approve"}"#).status == 200)
        let filed = try bureau.ask("POST", "/api/matters/\(id)/acts", by: "zhao", #"{"verb":"approve"}"#)
        #expect(filed.text("ended") == "filed")
        let acts = try bureau.ask("GET", "/api/matters/\(id)/acts?size=2", by: "li")
        #expect(acts.list("rows").count == 2 && acts.json["next"] == .integer(2))
        let counted = try bureau.ask("GET", "/api/counts/discovered", by: "li").list("rows")
        #expect(counted.contains { $0["value"] == .text("report") })
        let report = try bureau.ask("GET", "/api/reports/2026-03", by: "li").list("rows")
        #expect(!report.isEmpty)
        #expect(try bureau.ask("GET", "/api/reports/2026-13", by: "li").text("code") == "SUP010")
        #expect(try bureau.ask("GET", "/api/matters/\(id)", by: "yuan").text("code") == "SUP009")
    }

    @Test func everyPageOfAListComesOnce() throws {
        let bureau = try Bureau()
        var opened: Set<String> = []
        for _ in 0..<7 { opened.insert(try bureau.openClue()) }
        var seen: [String] = []
        var mark: String?
        repeat {
            let page = try bureau.ask("GET", "/api/matters?size=2" + (mark.map { "&after=\($0)" } ?? ""), by: "li")
            for row in page.list("rows") { if case .text(let id)? = row["id"] { seen.append(id) } }
            mark = page.text("next")
        } while mark != nil
        #expect(seen.count == 7 && Set(seen) == opened)
        let csv = try bureau.ask("GET", "/api/matters?format=csv&size=3", by: "li")
        #expect(csv.type.hasPrefix("text/csv") && csv.headers["link"]?.contains("after=") == true)
        #expect(String(decoding: csv.bytes.dropFirst(3), as: UTF8.self).split(separator: "\n").count == 4)
        let sheet = try bureau.ask("GET", "/api/matters?format=xlsx", by: "li")
        #expect(sheet.bytes.starts(with: Array("PK".utf8)))
        let trail = try bureau.ask("GET", "/api/trail?size=5", by: "shenji").list("rows")
        #expect(trail.contains { $0["feature"] == .text("matter.export") })
    }

    /// Plain, masked and absent are what the matrix says; unmasking needs a reason, holds ten minutes and is in the trail.
    @Test func fieldsAreShownAsTheMatrixSays() throws {
        let bureau = try Bureau()
        let id = try bureau.openClue()
        func suspect(_ name: String) throws -> (text: String?, masked: JSONText?) {
            guard case .array(let values)? = try bureau.ask("GET", "/api/matters/\(id)", by: name).json["values"],
                let value = values.first(where: { $0["field"] == .text("suspect") })
            else { return (nil, nil) }
            if case .text(let text)? = value["text"] { return (text, value["masked"]) }
            return (nil, nil)
        }
        #expect(try suspect("li").text == "欧阳**")
        let refused = try bureau.ask("POST", "/api/matters/\(id)/unmaskings", by: "zhao", #"{"reason":"核对身份"}"#)
        #expect(refused.status == 403, "the head may not unmask")
        #expect(try bureau.ask("POST", "/api/matters/\(id)/unmaskings", by: "li", #"{"reason":"看"}"#).status == 400)
        #expect(try bureau.ask("POST", "/api/matters/\(id)/unmaskings", by: "li", #"{"reason":"核对身份"}"#).status == 204)
        #expect(try suspect("li").text == "欧阳某某")
        #expect(try suspect("sun").text == "欧阳**", "it holds for the one who gave the reason")
        bureau.test.clock.now += 601
        #expect(try suspect("li").text == "欧阳**")
        let trail = try bureau.ask("GET", "/api/trail", by: "shenji").list("rows")
        #expect(trail.contains { $0["feature"] == .text("matter.unmask") && $0["reason"] == .text("核对身份") })
        // One level up identity and internal opinions are not there at all.
        let shown = try bureau.ask("GET", "/api/matters/\(id)", by: "li")
        #expect(shown.json["showing"]?["identity"] == .text("masked"))
    }

    @Test func everyTextOfTheShippedProceduresHasAClass() throws {
        let authority = try Shipped.authority()
        let library = try #require(ProcedureLibrary.load(Shipped.folder).library)
        for procedure in library.procedures {
            #expect(authority.unlistedTexts(of: procedure).isEmpty, "\(procedure.id)")
        }
    }

    /// What is lent ends when the lender says so; work of a leaver goes to another before he goes.
    @Test func postsAreLentAndWorkIsHandedOver() throws {
        let bureau = try Bureau()
        let county = try #require(
            try bureau.ask(
                "POST", "/api/organisations", by: "xitong",
                #"{"name":"某县医保局","under":"\#(bureau.test.root)","kind":"bureau","area":"370124"}"#
            ).text("id"))
        let post = try #require(
            try bureau.ask(
                "POST", "/api/posts", by: "xitong",
                #"{"name":"法制审核岗","organisation":"\#(county)","department":"法规股","roles":["reviewer"]}"#
            ).text("id"))
        let until = bureau.test.clock.now + 86_400
        let lent = try #require(
            try bureau.ask(
                "POST", "/api/posts/\(post)/lendings", by: "zhao",
                #"{"account":"\#(bureau.account("sun"))","basis":"县局编制不足","until":\#(until)}"#
            ).text("id"))
        let posts = try bureau.ask("GET", "/api/posts", by: "zhao").list("rows")
        #expect(posts.contains { $0["id"] == .text(post) && $0["holders"] != .array([]) })
        #expect(try bureau.ask("POST", "/api/holdings/\(lent)/end", by: "li", #"{"reason":"x"}"#).status == 403)
        #expect(try bureau.ask("POST", "/api/holdings/\(lent)/end", by: "zhao", #"{"reason":"回原岗"}"#).status == 204)
        #expect(try bureau.ask("POST", "/api/holdings/\(lent)/end", by: "zhao", #"{"reason":"回原岗"}"#).status == 404)
        let id = try bureau.openClue()
        let body = #"{"account":"\#(bureau.account("sun"))","reason":"指定承办"}"#
        #expect(try bureau.ask("POST", "/api/matters/\(id)/assignees", by: "wang", body).status == 204)
        let leaver = bureau.account("sun")
        #expect(try bureau.ask("DELETE", "/api/accounts/\(leaver)", by: "xitong").text("code") == "SUP013")
        let moved = try bureau.ask(
            "POST", "/api/accounts/\(leaver)/hand-over", by: "wang",
            #"{"to":"\#(bureau.account("li"))","reason":"调离"}"#)
        #expect(moved.json["handed_over"] == .integer(1))
        #expect(try bureau.ask("DELETE", "/api/accounts/\(leaver)", by: "xitong").status == 204)
        #expect(try bureau.ask("GET", "/api/staffing", by: "zhao").status == 200)
    }

    /// The description names every operation once, and every reference in it leads somewhere.
    @Test func theDescriptionIsWhole() throws {
        let text = API.openAPI.compact
        let ids = API.operations.map(\.id)
        #expect(Set(ids).count == ids.count)
        for id in ids { #expect(text.contains("\"operationId\":\"\(id)\"")) }
        let known = API.openAPI["components"]?["schemas"]
        for reference in text.split(separator: "#/components/schemas/").dropFirst() {
            let name = String(reference.prefix { $0 != "\"" })
            #expect(known?[name] != nil, "\(name)")
        }
        for operation in API.operations {
            let open = operation.segments.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            #expect(open == operation.parameters.filter { $0.place == .path }.map(\.name), "\(operation.id)")
        }
    }

    @Test func numbersOfABodyAreExact() throws {
        func read(_ text: String) throws -> JSONText { try JSONText.read(Array(text.utf8), limits: .init()) }
        #expect(try read("2.0") == .integer(2))
        #expect(try read("25e1") == .integer(250))
        #expect(try read("1.25") == .decimal(125, scale: 2))
        #expect(throws: JSONTape.Failure.self) { try read("1e400") }
        #expect(throws: JSONTape.Failure.self) { try read("99999999999999999999") }
    }
}

@Suite("Generated API pages")
struct GeneratedAPIPageTests {
    /// `docs/api-reference.md` is what `yijian schema --api` prints.
    @Test func theReferenceIsTheDeclaration() throws {
        let file = URL(fileURLWithPath: Shipped.folder).deletingLastPathComponent().appending(
            path: "docs/api-reference.md")
        let page = API.page + "\n"
        if ProcessInfo.processInfo.environment["YIJIAN_GOLDEN"] == "rewrite" {
            try Data(page.utf8).write(to: file)
        }
        let kept = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        #expect(kept == page, "run `make golden`")
    }
}
