import Casework
import Claims
import Foundation
import StoreTesting
import Testing

@testable import Database
@testable import Supervision

/// The case scripts of every procedure once more, on a store: what was done in memory is done again in transactions, and nothing
/// may come out otherwise.
@Suite("Scripts on a store")
struct StoreScriptTests {
    private final class Stage {
        let test: TestDoor
        let book: Casebook
        private let held: [String: Set<String>]
        private var away: Set<String> = []
        private(set) var tasks = 0

        init(_ kind: StoreKind, _ library: ProcedureLibrary, _ docket: Docket) throws {
            test = try TestDoor(kind)
            book = try Casebook(door: test.door, library: library)
            // Everybody whom the script shows holds the roles in which it shows them, at the organisations of these roles.
            var held = docket.directory
            // Of whom the script says nothing but that he was there, nothing is asked.
            for deed in docket.deeds {
                let command: Command
                switch deed.what {
                case .open(_, let given), .handle(let given): command = given
                case .tick: continue
                }
                for person in command.together where held[person] == nil {
                    held[person] = Set(library.roles.all.map(\.id))
                }
            }
            for step in library.procedures.flatMap(\.steps) {
                for signature in step.signatures where signature.absent != nil {
                    held["usual-" + signature.role] = [signature.role]
                }
            }
            self.held = held
            var organisations: Set<String> = []
            for matter in docket.matters.values { organisations.formUnion(matter.parties.values) }
            let root = test.root
            try test.door.store.write { transaction in
                for organisation in organisations.sorted() {
                    try transaction.change(
                        """
                        INSERT INTO organisation (id, parent, path, name, kind, area)
                        VALUES (\(organisation), \(root), \(root + "/" + organisation + "/"), \(organisation),
                            'bureau', '370100')
                        """)
                }
                for (person, roles) in held.sorted(by: { $0.key < $1.key }) {
                    try transaction.change(
                        """
                        INSERT INTO account (id, name, title, state, password, password_since, must_change)
                        VALUES (\(person), \(person), \(person), 'active', '', 0, 0)
                        """)
                    for organisation in organisations.sorted() {
                        let post = person + "@" + organisation
                        try transaction.change(
                            """
                            INSERT INTO post (id, organisation, department, name)
                            VALUES (\(post), \(organisation), '', \(person))
                            """)
                        for role in roles.sorted() {
                            try transaction.change("INSERT INTO post_role (post, role) VALUES (\(post), \(role))")
                        }
                        try transaction.change(
                            """
                            INSERT INTO holding (id, post, account, kind, basis, since)
                            VALUES (\(post), \(post), \(person), 'own', '', 0)
                            """)
                    }
                }
            }
        }

        /// Whoever holds a role that is away is away.
        private func mark(_ absent: Set<String>) throws {
            guard absent != away else { return }
            away = absent
            try test.door.store.write { transaction in
                try transaction.change("DELETE FROM absence")
                for (person, roles) in held where !roles.isDisjoint(with: absent) {
                    try transaction.change(
                        """
                        INSERT INTO absence (account, since, until, reason)
                        VALUES (\(person), 0, 4000000000, '学习')
                        """)
                }
            }
        }

        /// Everybody's list of tasks is what looking at every matter finds.
        func expectTasks(_ place: String) throws {
            try test.door.store.read { transaction in
                let matters = try transaction.rows("SELECT * FROM matter")
                for person in held.keys.sorted() {
                    let caller = try test.door.caller(account: person, in: transaction)
                    let named = try transaction.rows("SELECT matter FROM matter_person WHERE person = \(person)")
                    let known = try Set(named.map { try $0.text("matter") })
                    let expected = try matters.filter { row in
                        let isKnown = try row.text("standing") != "sealed" || known.contains(try row.text("id"))
                        return try isKnown && !book.duties(in: row, of: caller, transaction).isEmpty
                    }.map { try $0.text("id") }
                    var listed: [String] = []
                    var after: Continuation?
                    repeat {
                        let page = try book.tasks(of: caller, after: after, size: 2, in: transaction)
                        listed += page.rows.map(\.matter.id)
                        after = try page.next.map { try Continuation($0) }
                    } while after != nil
                    #expect(listed.sorted() == expected.sorted(), "\(place) \(person)")
                    tasks += listed.count
                }
            }
        }

        /// Does it; the code of its refusal.
        func again(_ deed: Docket.Deed) throws -> String? {
            test.clock.now = Int(deed.instant.minute) * 60 - 8 * 3_600
            try mark(deed.absent)
            do {
                switch deed.what {
                case .tick: while try book.lapse() > 0 {}
                case .open(let procedure, let command):
                    try book.door.store.write { transaction in
                        let (matter, response) = try Matter.open(
                            procedure, id: deed.matter, command, by: deed.actor, at: deed.instant,
                            seeing: try book.view(
                                for: deed.matter, of: procedure.id, [],
                                naming: Set([deed.actor.person] + command.together), transaction))
                        try book.keep(matter, response, department: "", transaction)
                    }
                case .handle(let command):
                    try book.door.store.write { transaction in
                        let lock = try book.lock(deed.matter, for: command, transaction)
                        guard let matter = try book.shelf(transaction).matter(deed.matter) else {
                            throw Refusal("CAS023", "没有这一事项")
                        }
                        _ = try book.handle(command, in: matter, by: deed.actor, lock, transaction)
                    }
                }
                return nil
            } catch let refusal as Refusal {
                return refusal.code
            }
        }
    }

    @Test(arguments: TestStore.kinds)
    func whatAScriptDoesInMemoryItDoesOnAStore(kind: StoreKind) throws {
        let library = try #require(ProcedureLibrary.load(Shipped.folder).library)
        var (scripts, deeds, tasks) = (0, 0, 0)
        for procedure in library.procedures {
            for script in procedure.cases {
                let docket = ScriptRun.play(script.script, of: procedure, in: library).docket
                let stage = try Stage(kind, library, docket)
                for (number, deed) in docket.deeds.enumerated() {
                    let code = try stage.again(deed)
                    #expect(code == deed.refusal, "\(procedure.id) “\(script.title)” \(number): \(deed.what)")
                    deeds += 1
                    try stage.expectTasks("\(procedure.id) “\(script.title)” \(number)")
                }
                tasks += stage.tasks
                for (id, matter) in docket.matters {
                    let stored = try stage.test.door.store.read { try stage.book.shelf($0).matter(id) }
                    #expect(
                        stored?.acts.map(\.events) == matter.acts.map(\.events),
                        "\(procedure.id) “\(script.title)” \(id)")
                    #expect(stored?.states == matter.states && stored?.coffers == matter.coffers)
                }
                #expect(try stage.book.check().differences.isEmpty)
                try stage.book.sequencer.placeWaiting()
                scripts += 1
            }
        }
        #expect(scripts > 25 && deeds > 300 && tasks > 1_000, "\(scripts) scripts, \(deeds) deeds, \(tasks) tasks")
    }

    /// The head is away; the deputy signs as long as that lasts, and not a day longer.
    @Test(arguments: TestStore.kinds)
    func whoIsAwayIsSignedFor(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let library = try #require(ProcedureLibrary.load(Shipped.folder).library)
        let book = try Casebook(door: test.door, library: library)
        for (name, role) in [("li", "officer"), ("wang", "section_head"), ("zhao", "head"), ("fu", "deputy_head")] {
            _ = try test.person(name, in: test.root, roles: [role])
        }
        func token(_ name: String) throws -> SessionToken { try test.signIn(name) }
        func propose() throws -> String {
            var open = Command(.take("open"))
            open.fields = [
                "discovered": .single(.text("superior")), "list_number": .single(.text("省〔2026〕5号")),
                "deadline": .single(.day(book.today)),
            ]
            open.adds = [
                Command.Item(kind: "row", key: "R1", parent: nil, fields: ["row_amount": .single(.money(fen: 500))])
            ]
            let id = try book.open("superior_list", open, as: "officer", by: token("li")).matter.id
            _ = try book.act(Command(.take("begin")), on: id, by: token("li"))
            var merge = Command(.take("merge_row"))
            merge.item = "R1"
            merge.fields = ["merged_into": .single(.text("另一清单"))]
            _ = try book.act(merge, on: id, by: token("li"))
            _ = try book.act(Command(.take("feed_back")), on: id, by: token("li"))
            _ = try book.act(Command(.approve), on: id, by: token("wang"))
            return id
        }
        let id = try propose()
        func sign() throws { _ = try book.act(Command(.approve), on: id, by: token("fu")) }
        func code(_ body: () throws -> Void) -> String? {
            do {
                try body()
                return nil
            } catch {
                return (error as? Refusal)?.code ?? (error as? DoorRefusal)?.code ?? "\(error)"
            }
        }
        #expect(code(sign) == "CAS019", "the head is there")
        #expect(
            code { try test.door.markAbsent(until: test.clock.now - 1, reason: "出差", by: token("zhao")) } == "SUP010")
        let head = try test.door.caller(of: token("zhao")).account
        #expect(
            code { try test.door.markAbsent(head, until: test.clock.now + 999, reason: "x", by: token("li")) }
                == "SUP006"
        )
        try test.door.markAbsent(until: test.clock.now + 86_400, reason: "出差", by: token("zhao"))
        try test.door.markPresent(by: token("zhao"))
        #expect(code(sign) == "CAS019", "the head came back")
        try test.door.markAbsent(until: test.clock.now + 86_400, reason: "出差", by: token("zhao"))
        test.clock.now += 90_000
        #expect(code(sign) == "CAS019", "the absence is over")
        try test.door.markAbsent(head, until: test.clock.now + 86_400, reason: "病假", by: test.signIn("anquan"))
        #expect(code(sign) == nil)
        let answered = try book.matter(id, by: token("li")).matter
        #expect(answered.state("main") == "answered")
    }
}
