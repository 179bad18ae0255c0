import Casework
import Claims
import Foundation
import Knowledge
import StoreTesting
import Testing

@testable import Database
@testable import Supervision

@Suite("Casebook")
struct CasebookTests {
    /// A bureau with the people a clue needs, and a hospital.
    private final class Office {
        let test: TestDoor
        let book: Casebook
        let hospital: String
        private(set) var accounts: [String: String] = [:]

        static let library = ProcedureLibrary.load(Shipped.folder).library

        init(_ kind: StoreKind) throws {
            test = try TestDoor(kind)
            book = try Casebook(door: test.door, library: try #require(Self.library))
            hospital = try test.door.addOrganisation(
                "甲医院", under: test.root, kind: "hospital", area: "370102", by: test.system)
            for (name, role) in [
                ("li", "officer"), ("sun", "officer"), ("wang", "section_head"), ("zhao", "head"), ("bao", "custodian"),
            ] {
                accounts[name] = try test.person(name, in: test.root, roles: [role]).account
            }
            accounts["yuan"] = try test.person("yuan", in: hospital, department: "医保办", roles: ["institution"]).account
        }

        func account(_ name: String) -> String { accounts[name] ?? "" }

        func take(
            _ step: String, _ fields: [String: FieldValue] = [:], together: [String] = [],
            papers: [String: String] = [:]
        ) -> Command {
            var command = Command(.take(step))
            command.fields = fields
            command.together = together.map(account)
            command.papers = papers
            return command
        }

        @discardableResult
        func act(_ name: String, _ command: Command, on id: String) throws -> Casebook.Outcome {
            test.clock.now += 60
            var command = command
            for (paper, text) in command.papers {
                command.papers[paper] =
                    try book.addEvidence(
                        Array(text.utf8), named: paper + ".txt", to: id, by: try fresh(name)
                    ).hash
            }
            return try book.act(command, on: id, by: try fresh(name))
        }

        /// The session of a person, renewed when it rested too long.
        func fresh(_ name: String) throws -> SessionToken {
            if (try? test.door.caller(of: test.token(name))) != nil { return test.token(name) }
            return try test.signIn(name)
        }

        func openClue(level: String = "", by name: String = "li") throws -> String {
            var command = take(
                "open",
                [
                    "discovered": .single(.text("report")), "content": .single(.text("虚构诊疗")),
                    "named": .single(.flag(true)), "suspect": .single(.text("甲医院")),
                ])
            command.target = level
            return try book.open("clue", command, as: "officer", by: try fresh(name)).matter.id
        }

        func ids(_ name: String, _ filter: Casebook.Filter = .init()) throws -> [String] {
            try book.matters(filter, by: try fresh(name)).rows.map { try $0.text("id") }
        }

        /// Every matter's tables agree with its acts, and no procedure's invariant is broken.
        func expectWhole() throws {
            #expect(try book.check().differences.isEmpty)
        }
    }

    private static let record = ["record": "现场笔录（虚构）"]

    private func refused<T>(_ body: () throws -> T) -> String? {
        do {
            _ = try body()
            return nil
        } catch let refusal as Refusal {
            return refusal.code
        } catch let refusal as DoorRefusal {
            return refusal.code
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: TestStore.kinds)
    func aClueBecomesACase(kind: StoreKind) throws {
        let office = try Office(kind)
        let id = try office.openClue()
        try office.act("wang", office.take("verify", ["handler": .single(.text(office.account("li")))]), on: id)
        let command = office.take(
            "file", ["facts": .single(.text("属实")), "amount": .single(.money(fen: 12_000_000))], together: ["sun"],
            papers: Self.record)
        try office.act("li", command, on: id)
        // The proposer does not approve; each signature is another person's.
        #expect(
            refused { try office.book.act(Command(.approve), on: id, as: "officer", by: try office.fresh("li")) } != nil
        )
        try office.act("wang", Command(.approve), on: id)
        let done = try office.act("zhao", Command(.approve), on: id)
        #expect(done.matter.ended == "filed")
        let child = try office.book.matter(id + ".1", by: try office.fresh("li"))
        #expect(child.matter.procedure.id == "penalty" && child.matter.parent == id)
        #expect(try office.ids("li").sorted() == [id, id + ".1"])
        let filed = try office.test.stored.store.read {
            try $0.row("SELECT number FROM series")?.integer("number")
        }
        #expect(filed == 1, "the number of the filing form is used")
        let errands = try office.test.stored.store.read { try $0.rows("SELECT kind, what FROM errand") }
        #expect(try errands.contains { try $0.text("what") == "filing_form" })
        try office.expectWhole()
    }

    /// What one organisation handles and another takes part in is signed where the procedure says (本机关参与办理).
    @Test(arguments: TestStore.kinds)
    func whoTakesPartSignsWhereTheMatterLies(kind: StoreKind) throws {
        let office = try Office(kind)
        let (test, root) = (office.test, office.test.root)
        let agency = try test.door.addOrganisation(
            "某市医疗保险中心", under: root, kind: "agency", area: "370100", by: test.system)
        let neighbour = try test.door.addOrganisation(
            "邻市医疗保障局", under: root, kind: "bureau", area: "370200", by: test.system)
        _ = try test.person("shen", in: agency, department: "稽核科", roles: ["auditor"])
        _ = try test.person("zhu", in: agency, department: "财务科", roles: ["finance"])
        _ = try test.person("ling", in: neighbour, department: "", roles: ["head"])
        let found = FieldValue.split(["统筹/379900": 1_000])
        var open = office.take("open", ["discovered": .single(.text("monitoring")), "found": found])
        open.parties = ["agency": agency, "body": root, "subject": office.hospital]
        let id = try office.book.open("recovery", open, as: "auditor", by: try office.fresh("shen")).matter.id
        try office.act("shen", office.take("establish", ["found": found]), on: id)
        var enter = office.take("enter")
        enter.adds = [Command.Item(kind: "sum", key: "S1", parent: nil, fields: [:])]
        try office.act("shen", enter, on: id)
        var waive = office.take("waive")
        waive.item = "S1"
        try office.act("zhu", waive, on: id)
        #expect(try office.ids("zhao") == [id] && office.ids("ling").isEmpty)
        #expect(refused { try office.book.act(waive, on: id, by: try office.fresh("ling")) } == "SUP009")
        var approve = Command(.approve)
        approve.item = "S1"
        #expect(refused { try office.act("li", approve, on: id) } == "SUP006")
        let signed = try office.act("zhao", approve, on: id)
        #expect(signed.matter.state("sum", item: "S1") == "waived")
        try office.expectWhole()
    }

    @Test(arguments: TestStore.kinds)
    func whoMayNotKnowFindsNothing(kind: StoreKind) throws {
        let office = try Office(kind)
        let open = try office.openClue()
        let covert = try office.openClue(level: "covert")
        let sealed = try office.openClue(level: "sealed")
        #expect(try Set(office.ids("li")) == [open, covert], "the matrix gives an officer no sealed matters")
        #expect(try office.ids("bao").contains(covert))
        #expect(try office.ids("yuan").isEmpty)
        #expect(try !office.ids("zhao").contains(sealed), "sealed: only who is named in it")
        for id in [open, covert, sealed] {
            #expect(refused { try office.book.matter(id, by: try office.fresh("yuan")) } == "SUP009")
            #expect(refused { try office.act("yuan", office.take("verify"), on: id) } == "SUP009")
        }
        #expect(
            refused { try office.book.matter("M-none", by: try office.fresh("yuan")) } == "SUP009", "the same answer")
        // An organisation beside sees nothing, one above the open ones only.
        let city = try office.test.door.addOrganisation(
            "邻县医保局", under: office.test.root, kind: "bureau", area: "370124", by: try office.fresh("xitong"))
        _ = try office.test.person("lin", in: city, roles: ["officer"])
        #expect(try office.ids("lin").isEmpty)
        #expect(refused { try office.book.matter(open, by: try office.fresh("lin")) } == "SUP009")
        let counts = try office.book.count(by: "discovered", by: try office.fresh("li"))
        #expect(counts.map(\.count) == [2], "what one may not know of is not counted")
    }

    /// What lists are filtered by, and what passes.
    private static var filters: [(Casebook.Filter, (Row) throws -> Bool)] {
        func filter(_ set: (inout Casebook.Filter) -> Void) -> Casebook.Filter {
            var filter = Casebook.Filter()
            set(&filter)
            return filter
        }
        return [
            (filter { _ in }, { _ in true }),
            (filter { $0.isOpen = true }, { try $0.textIfAny("ended") == nil }),
            (filter { $0.isOpen = false }, { try $0.textIfAny("ended") != nil }),
            (filter { $0.state = "verifying" }, { try $0.text("state") == "verifying" }),
            (filter { $0.procedure = "penalty" }, { _ in false }),
            (filter { $0.procedures = ["clue", "penalty"] }, { _ in true }),
            (
                filter { $0.attributes = ["discovered": "audit"] },
                { try Int($0.text("id").dropFirst()).map { $0 % 2 == 0 } ?? false }
            ),
        ]
    }

    /// A list and the matrix say the same of every matter for every person.
    @Test(arguments: TestStore.kinds)
    func listsAreWhatTheMatrixSays(kind: StoreKind) throws {
        let office = try Office(kind)
        let store = office.test.stored.store
        let county = try office.test.door.addOrganisation(
            "某县医保局", under: office.test.root, kind: "bureau", area: "370124", by: try office.fresh("xitong"))
        _ = try office.test.person("xian", in: county, department: "基金股", roles: ["officer"])
        _ = try office.test.person("shen", in: office.test.root, department: "法规科", roles: ["reviewer"])
        _ = try office.test.person("jing", in: county, department: "经侦", roles: ["police"])
        let organisations = [office.test.root, county, office.hospital]
        var number = 0
        try store.write { transaction in
            for organisation in organisations {
                for standing in Authority.State.allCases where standing != .sealed {
                    for department in ["", "基金监管科", "基金股", "医保办"] {
                        for party in [
                            ("none", ""), ("subject", office.hospital), ("receiver", county), ("police", county),
                            ("subject", county),
                        ] {
                            number += 1
                            let id = "X\(number)"
                            let rows = MatterRows(
                                id: id, procedure: "clue", version: 1, acts: 1, organisation: organisation,
                                path: try office.test.path(organisation), department: department,
                                standing: standing.rawValue, state: number % 3 == 0 ? "verifying" : "registered",
                                ended: standing == .closed ? "filed" : nil, parent: nil, opened: 0, changed: 0,
                                due: number % 7, parties: party.1.isEmpty ? [:] : [party.0: party.1],
                                attributes: number % 2 == 0 ? ["discovered": "audit"] : [:], persons: [], turns: [:])
                            try MatterShelf.write(rows, transaction)
                        }
                    }
                }
            }
        }
        for name in ["li", "wang", "zhao", "bao", "yuan", "xian", "shen", "jing"] {
            let token = try office.fresh(name)
            let (listed, decided) = try store.read { transaction -> (Set<String>, Set<String>) in
                let caller = try office.test.door.caller(of: token, in: transaction)
                let listed = try transaction.rows(office.book.list(.init(), for: caller, in: transaction)).map {
                    try $0.text("id")
                }
                // Page by page and by every filter: the same, each once, in order. An attribute may be rare or frequent.
                for (index, (filter, passes)) in (Self.filters + Self.filters.suffix(1)).enumerated() {
                    var book = office.book
                    book.fewWithValue = index < Self.filters.count ? 2_000 : 10
                    var paged: [String] = []
                    var after: Continuation?
                    repeat {
                        let page = try transaction.page(
                            anyOf: book.branches(filter, for: caller, in: transaction), by: ["due", "id"],
                            after: after, size: 7)
                        paged += try page.rows.map { try $0.text("id") }
                        after = page.next
                    } while after != nil
                    let passing = try transaction.rows("SELECT * FROM matter").filter(passes).map { try $0.text("id") }
                    #expect(
                        paged.count == Set(paged).count && Set(paged) == Set(listed).intersection(passing),
                        "\(name) \(filter)")
                }
                let decided = try transaction.rows("SELECT * FROM matter").filter { row in
                    let place = try office.book.place(of: row, transaction)
                    return office.test.door.authority.decide("matter.list", caller, on: place).isAllowed
                }
                return (Set(listed), Set(try decided.map { try $0.text("id") }))
            }
            #expect(listed == decided, "\(name)")
            #expect(!listed.isEmpty, "\(name)")
        }
    }

    @Test(arguments: TestStore.kinds)
    func twoOfficersNeverOverwriteEachOther(kind: StoreKind) throws {
        let office = try Office(kind)
        let id = try office.openClue()
        let tokens = try ["li", "sun"].map { try office.fresh($0) }
        let failures = Failures()
        let book = office.book
        let commands = (0..<12).map { office.take("score", ["risk": .single(.number(Int64($0), scale: 0))]) }
        DispatchQueue.concurrentPerform(iterations: 12) { index in
            do {
                _ = try book.act(commands[index], on: id, by: tokens[index % 2])
            } catch {
                failures.add(error)
            }
        }
        #expect(failures.all.isEmpty)
        let matter = try office.book.matter(id, by: try office.fresh("li")).matter
        #expect(matter.acts.map(\.number) == Array(1...13), "each act once, in one order")
        try office.expectWhole()
    }

    @Test(arguments: TestStore.kinds)
    func aRefusedCommandLeavesNoTrace(kind: StoreKind) throws {
        let office = try Office(kind)
        let id = try office.openClue()
        let before = try office.test.stored.store.read { try $0.integer("SELECT COUNT(*) FROM act") }
        #expect(refused { try office.act("li", office.take("file"), on: id) } != nil)
        #expect(refused { try office.act("li", office.take("nothing"), on: id) } != nil)
        #expect(refused { try office.act("wang", office.take("entrust"), on: id) } != nil)
        #expect(try office.test.stored.store.read { try $0.integer("SELECT COUNT(*) FROM act") } == before)
        try office.expectWhole()
    }

    @Test(arguments: TestStore.kinds)
    func limitsOfTimeTakeEffectOnce(kind: StoreKind) throws {
        let office = try Office(kind)
        var command = office.take(
            "open", ["discovered": .single(.text("inspection")), "facts": .single(.text("冒名就医"))])
        command.parties = ["subject": office.hospital]
        command.adds = [.init(kind: "order", key: "O1", parent: nil, fields: [:])]
        let id = try office.book.open("administrative", command, as: "officer", by: try office.fresh("li")).matter.id
        try office.act("li", office.take("inform", together: ["sun"]), on: id)
        #expect(try office.ids("yuan") == [id], "the institution sees what is open and about it")
        #expect(try office.book.lapse() == 0, "not yet")
        office.test.clock.now += 20 * 86_400
        #expect(try office.book.lapse() == 1)
        #expect(try office.book.lapse() == 0, "once")
        let matter = try office.book.matter(id, by: try office.fresh("li")).matter
        #expect(matter.ended == nil && matter.state("main") == "heard")
        #expect(matter.acts.last.map { $0.effective < $0.recorded.day } == true, "it counts from the day it was due")
        try office.expectWhole()
    }

    /// Each row by itself: what is refused does not hold up the others.
    @Test(arguments: TestStore.kinds)
    func batchesHaveAResultForEachRow(kind: StoreKind) throws {
        let office = try Office(kind)
        var command = office.take(
            "open", ["discovered": .single(.text("inspection")), "facts": .single(.text("冒名就医"))])
        command.parties = ["subject": office.hospital]
        command.adds = ["O1", "O2"].map { .init(kind: "order", key: $0, parent: nil, fields: [:]) }
        let id = try office.book.open("administrative", command, as: "officer", by: try office.fresh("li")).matter.id
        try office.act("li", office.take("inform", together: ["sun"]), on: id)
        let before = try office.book.matter(id, by: try office.fresh("li")).matter.acts.count
        let rows = try office.book.act(
            batch: ["O1", "none", "O2"], office.take("order"), on: id, by: try office.fresh("li"))
        #expect(
            rows.map(\.item) == ["O1", "none", "O2"] && rows.allSatisfy { $0.refusal != nil },
            "nothing is ordered before it is decided")
        #expect(try office.book.matter(id, by: try office.fresh("li")).matter.acts.count == before)
        try office.expectWhole()
    }

    @Test(arguments: TestStore.kinds)
    func changedTablesAndChangedActsAreFound(kind: StoreKind) throws {
        let office = try Office(kind)
        let store = office.test.stored.store
        let id = try office.openClue()
        try office.act("wang", office.take("verify", ["handler": .single(.text(office.account("li")))]), on: id)
        try office.expectWhole()
        let changes: [SQL] = [
            "UPDATE matter SET state = 'filed'", "UPDATE matter SET due = due + 1",
            "UPDATE matter SET standing = 'closed'",
            "DELETE FROM matter_attribute", "UPDATE matter_party SET organisation = \(office.hospital)",
            "DELETE FROM matter_person", "DELETE FROM matter_turn", "UPDATE matter_turn SET due = due + 1",
            "UPDATE matter_party SET elsewhere = 1 - elsewhere", "UPDATE matter_party SET state = ''",
            "UPDATE matter_attribute SET standing = 'sealed'",
            "UPDATE matter SET acts = 7",
        ]
        for change in changes {
            try store.write { try $0.change(change) }
            #expect(try office.book.check().differences.count >= 1, "\(change)")
            #expect(try office.book.rebuild() == 1)
            try office.expectWhole()
        }
        // Tables of an earlier program are made again when they are entered.
        try store.write { transaction in
            try transaction.change("DELETE FROM matter_turn")
            try transaction.change("UPDATE counter SET value = 0 WHERE name = 'projection'")
        }
        _ = try Casebook(door: office.test.door, library: office.book.library)
        try office.expectWhole()
        // The acts themselves: cut off, swapped, altered.
        let rows = try store.read { try $0.rows("SELECT number, leaf, sealed FROM act ORDER BY number") }
        let (first, second) = (try rows[0].bytes("sealed"), try rows[1].bytes("sealed"))
        let attacks: [(SQL, SQL)] = [
            ("UPDATE act SET sealed = \(second) WHERE number = 1", "UPDATE act SET sealed = \(first) WHERE number = 1"),
            (
                "UPDATE act SET leaf = \([UInt8](repeating: 1, count: 32)) WHERE number = 2",
                "UPDATE act SET leaf = \(try rows[1].bytes("leaf")) WHERE number = 2"
            ),
            ("UPDATE act SET number = 3 WHERE number = 2", "UPDATE act SET number = 2 WHERE number = 3"),
            ("UPDATE act SET matter = 'other' WHERE number = 2", "UPDATE act SET matter = \(id) WHERE number = 2"),
        ]
        for (attack, repair) in attacks {
            try store.write { try $0.change(attack) }
            #expect(try !office.book.check().differences.isEmpty, "\(attack)")
            #expect(
                refused { try office.act("li", office.take("score", ["risk": .single(.number(1, scale: 0))]), on: id) }
                    != nil, "nothing is built on it")
            try store.write { try $0.change(repair) }
            try office.expectWhole()
        }
    }

    @Test func stepsThatNobodyCanTakeAreNamed() throws {
        let office = try Office(.sqlite)
        func steps() throws -> Set<String> {
            Set(try office.book.unstaffedSteps().filter { $0.procedure == "clue" }.map(\.step))
        }
        #expect(try steps().isEmpty, "two officers, a section head, a head and a custodian suffice for a clue")
        #expect(try office.book.unstaffedSteps().contains { $0.procedure == "penalty" && $0.reason.contains("法制审核") })
        let holding = try #require(
            try office.test.stored.store.read {
                try $0.row("SELECT id FROM holding WHERE account = \(office.account("sun"))")?.text("id")
            })
        try office.test.door.revoke(holding, by: try office.fresh("anquan"))
        #expect(try steps() == ["file"], "one officer is not two")
    }

    /// Who works is not signed out; who rests is.
    @Test(arguments: TestStore.kinds)
    func workKeepsTheSession(kind: StoreKind) throws {
        let office = try Office(kind)
        let id = try office.openClue()
        let token = office.test.token("li")
        for round in 1...4 {
            office.test.clock.now += 10 * 60
            if round % 2 == 0 {
                _ = try office.book.matters(by: token)
            } else {
                _ = try office.book.act(
                    office.take("score", ["risk": .single(.number(1, scale: 0))]), on: id, by: token)
            }
        }
        office.test.clock.now += 16 * 60
        #expect(refused { try office.book.matters(by: token) } == "SUP001")
    }

    @Test func actsComeBackAsTheyWere() throws {
        let library = try #require(Office.library)
        var acts = 0
        for procedure in library.procedures {
            for matter in RandomPlay.play(procedure, in: library, seed: 5, moves: 40).docket.matters.values {
                for act in matter.acts {
                    let bytes = try ActText.bytes(act)
                    #expect(try ActText.act(bytes) == act && ActText.bytes(try ActText.act(bytes)) == bytes)
                    acts += 1
                }
            }
        }
        #expect(acts > 100)
        #expect(throws: DoorRefusal.self) { try ActText.act(Array("2{}".utf8)) }
        #expect(throws: DoorRefusal.self) { try ActText.act(Array("1{}".utf8)) }
        #expect(throws: DoorRefusal.self) { try ActText.act([]) }
    }
}

/// Errors of several threads.
private final class Failures: @unchecked Sendable {
    private let lock = NSLock()
    private var errors: [String] = []
    func add(_ error: any Error) { lock.withLock { errors.append(String(describing: error)) } }
    var all: [String] { lock.withLock { errors } }
}
