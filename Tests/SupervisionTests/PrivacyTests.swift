import Foundation
import Ledger
import StoreTesting
import Testing

@testable import Database
@testable import Supervision

@Suite("Privacy")
struct PrivacyTests {
    @Test(arguments: [
        ("张三", "张*"), ("欧阳修文", "欧阳**"), ("欧阳", "欧*"), ("李", "*"), ("", ""), ("司马懿", "司马*"), ("阿依古丽·买买提", "阿*******"),
    ])
    func names(name: String, masked: String) { #expect(Mask.name(name) == masked) }

    @Test func otherMasks() {
        #expect(Mask.number("110101199003078515") == "110***********8515")
        #expect(Mask.number("110101900307851") == "110********7851")
        #expect(Mask.number("E1234567") == "********")
        #expect(Mask.phone("13812345678") == "138****5678")
        #expect(Mask.ending("6222020200112233") == "************2233")
        #expect(Mask.mail("zhangsan@example.cn") == "z***@example.cn")
        #expect(Mask.birth("1990-03-07") == "1990-**-**")
        for count in 0..<30 {
            let text = String((0..<count).map { _ in "7" })
            for mask in [Mask.name, Mask.number, Mask.phone, Mask.ending, Mask.mail] {
                #expect(mask(text).count <= max(count, 1))
            }
        }
    }

    /// Synthetic: the area code does not exist.
    private static let number = "990101199003078515"

    @Test(arguments: TestStore.kinds)
    func nothingInTheStoreIsReadable(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        try test.door.keepPerson("p1", number: Self.number, name: "欧阳试验")
        try test.door.keepPerson("p1", number: Self.number, name: "欧阳试验")
        let row = try #require(try test.stored.store.read { try $0.row("SELECT * FROM person") })
        for value in row.values {
            let shown = "\(value)"
            #expect(!shown.contains(Self.number) && !shown.contains("欧阳"))
            if case .bytes(let bytes) = value { #expect(!String(decoding: bytes, as: UTF8.self).contains("9901")) }
        }
        if case .file(let path) = test.stored.store.address {
            for file in [path, path + "-wal"] {
                let data = FileManager.default.contents(atPath: file) ?? Data()
                #expect(data.range(of: Data(Self.number.utf8)) == nil && data.range(of: Data("欧阳".utf8)) == nil)
            }
        }
    }

    @Test(arguments: TestStore.kinds)
    func whoLooksGivesAReasonAndLeavesATrail(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let door = test.door
        _ = try test.person("wang", in: test.root, roles: ["officer"])
        _ = try test.person("fenxi", in: test.root, roles: ["analyst"])
        try door.keepPerson("p1", number: Self.number, name: "欧阳试验")
        let path = try test.path(test.root)
        let mine = MatterPlace(organisation: test.root, path: path, department: "基金监管科", state: .open)
        let others = MatterPlace(organisation: test.root, path: path, department: "待遇科", state: .open)
        let sealed = MatterPlace(organisation: test.root, path: path, department: "基金监管科", state: .sealed)

        let found = try door.findPersons(" 990101-19900307-8515 ", reason: "核查线索", by: test.token("wang"))
        #expect(found.map(\.name) == ["欧阳**"] && found.map(\.number) == ["990***********8515"])
        #expect(try door.findPersons("欧阳试验", reason: "核查线索", by: test.token("wang")).map(\.id) == ["p1"])
        #expect(try door.findPersons("欧阳", reason: "核查线索", by: test.token("wang")).isEmpty, "no parts of names")
        #expect(refusal { try door.findPersons("欧阳试验", reason: "", by: test.token("wang")) } == .reasonMissing)
        #expect(refusal { try door.findPersons("欧阳试验", reason: "好奇", by: test.token("fenxi")) } == .notGranted)

        func unmask(_ place: MatterPlace, _ reason: String, _ name: String = "wang") throws -> ShownPerson {
            try door.unmask(person: "p1", in: "M1", lying: place, reason: reason, by: test.token(name))
        }
        #expect(refusal { try unmask(mine, "x") } == .reasonMissing)
        #expect(refusal { try unmask(others, "核对身份") } == .unknown, "what one may not know of does not exist")
        #expect(refusal { try unmask(sealed, "核对身份") } == .unknown)
        #expect(refusal { try unmask(mine, "核对身份", "fenxi") } == .unknown)
        let plain = try unmask(mine, "核对身份")
        #expect(plain.name == "欧阳试验" && plain.number == Self.number)
        let wang = try door.caller(of: test.token("wang"))
        let fenxi = try door.caller(of: test.token("fenxi"))
        let seen = { (caller: Caller) in
            try test.stored.store.read { try door.person("p1", for: caller, in: $0).isPlain }
        }
        #expect(try seen(wang) && !seen(fenxi))
        test.clock.now += 601
        #expect(try !seen(wang), "ten minutes")

        let trail = try door.trail(size: 200, by: test.token("shenji")).rows
        let lines = try trail.map {
            "\(try $0.text("feature")) \(try $0.text("object")) \(try $0.integer("allowed")) \(try $0.text("reason"))"
        }
        #expect(lines.contains("matter.unmask M1 1 核对身份") && lines.contains("matter.unmask M1 0 SUP009"))
        #expect(lines.filter { $0.hasPrefix("person.search") }.count == 4)
        #expect(!lines.joined().contains("欧阳") && !lines.joined().contains("9901"))
    }

    @Test(arguments: TestStore.kinds)
    func keysRotate(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        for index in 0..<5 { try test.door.keepPerson("p\(index)", number: "99010119900307851\(index)", name: "试验") }
        _ = try test.person("wang", in: test.root, roles: ["officer"])
        let (wang, system) = (test.token("wang"), test.system)
        try KeyFile.rotate(at: test.keyFile, suite: .sm4ctrHmacSm3)
        let reopened = try Door.open(
            test.stored.store, knowledge: Shipped.folder, keys: test.keyFile, surroundings: test.door.surroundings)
        #expect(try reopened.reseal(by: system) == 9, "the rows of five persons, of four authenticators")
        #expect(try reopened.reseal(by: system) == 0)
        #expect(try reopened.findPersons("990101199003078513", reason: "核查", by: wang).map(\.id) == ["p3"])
    }

    @Test(arguments: TestStore.kinds)
    func aSealedValueOpensOnlyInItsRow(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        try test.door.keepPerson("p1", number: Self.number, name: "甲")
        try test.door.keepPerson("p2", number: "990101199003078523", name: "乙")
        try test.stored.store.write {
            try $0.change("UPDATE person SET name = (SELECT name FROM person WHERE id = 'p2') WHERE id = 'p1'")
        }
        _ = try test.person("wang", in: test.root, roles: ["officer"])
        #expect(refusal { try test.door.findPersons(Self.number, reason: "核查", by: test.token("wang")) } == .setUp)
    }
}

@Suite("Supervision's tables")
struct TableTests {
    @Test(arguments: TestStore.kinds)
    func fromEveryEarlierSchema(kind: StoreKind) throws {
        let fresh = try TestStore(kind)
        try fresh.store.migrate([supervisionTables])
        let tables = ["organisation", "account", "holding", "session", "trail", "person", "unmasking", "assignment"]
        for earlier in 0..<supervisionTables.migrations.count {
            let stored = try TestStore(kind)
            try stored.store.migrate([supervisionTables], upTo: ["supervision": earlier])
            try stored.store.migrate([supervisionTables])
            for table in tables {
                let columns = try stored.store.read { try $0.columns(of: table) }
                #expect(try !columns.isEmpty && columns == fresh.store.read { try $0.columns(of: table) })
            }
        }
    }

    /// What stood in the tables before a step stands where that step's lists look for it.
    @Test(arguments: TestStore.kinds)
    func rowsComeAlong(kind: StoreKind) throws {
        let stored = try TestStore(kind)
        try stored.store.migrate([supervisionTables], upTo: ["supervision": 5])
        try stored.store.write { transaction in
            try transaction.change(
                """
                INSERT INTO matter (id, procedure, version, acts, organisation, path, department, standing, state, opened, changed, due)
                VALUES ('M', 'clue', 1, 1, 'city', '/city/', '', 'open', 'verifying', 0, 0, 77)
                """)
            for (side, organisation) in [("body", "city"), ("police", "county")] {
                try transaction.change(
                    "INSERT INTO matter_party (matter, side, organisation) VALUES ('M', \(side), \(organisation))")
            }
            try transaction.change(
                "INSERT INTO matter_attribute (matter, name, value) VALUES ('M', 'discovered', 'audit')")
        }
        try stored.store.migrate([supervisionTables])
        let beside = try stored.store.read { transaction in
            try transaction.rows(
                """
                SELECT due, procedure, standing, state, elsewhere FROM matter_party UNION ALL
                SELECT due, procedure, standing, state, 2 FROM matter_attribute ORDER BY elsewhere
                """)
        }
        #expect(
            beside.map(\.values)
                == (0...2).map { [.integer(77), .text("clue"), .text("open"), .text("verifying"), .integer($0)] })
    }

    @Test func sessionsSurviveARestart() throws {
        let test = try TestDoor(.sqlite)
        let again = try Door.open(
            test.stored.store, knowledge: Shipped.folder, keys: test.keyFile, surroundings: test.door.surroundings)
        #expect(try again.caller(of: test.system).roles == ["system_admin"])
    }
}
