import Foundation
import StoreTesting
import Testing

@testable import Database
@testable import Supervision

@Suite("Directory")
struct DirectoryTests {
    @Test(arguments: TestStore.kinds)
    func administratorsExcludeEachOtherAndEveryoneElse(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let door = test.door
        #expect(
            refusal {
                try door.begin(
                    root: "x", area: "x",
                    administrators: ["system_admin": "a", "security_admin": "b", "audit_admin": "c"])
            } == .setUp)
        // Each does its own part only.
        #expect(refusal { try door.addAccount("li", title: "李", by: test.security) } == .notGranted)
        #expect(refusal { try door.addAccount("li", title: "李", by: test.token("shenji")) } == .notGranted)
        let officer = try test.person("wang", in: test.root, roles: ["officer"])
        #expect(
            refusal { try door.grant(officer.post, to: officer.account, basis: "x", by: test.system) } == .notGranted)
        #expect(refusal { try door.trail(by: test.system) } == .notGranted)
        // No combination is accepted, in either order.
        let roles = ["system_admin", "security_admin", "audit_admin", "officer"]
        for one in roles {
            for other in roles where one != other {
                let pair: Set<String> = [one, other]
                #expect(
                    refusal { try door.addPost("x", in: test.root, department: "", roles: pair, by: test.system) }
                        == .notExclusive)
                let access = try door.addAccount("a-\(one)-\(other)", title: "x", by: test.system)
                let posts = try [one, other].map {
                    try door.addPost("x", in: test.root, department: "", roles: [$0], by: test.system)
                }
                try door.grant(posts[0], to: access.account, basis: "x", by: test.security)
                #expect(
                    refusal { try door.grant(posts[1], to: access.account, basis: "x", by: test.security) }
                        == .notExclusive)
            }
        }
        // Nobody grants himself.
        let own = try #require(test.first["anquan"]).account
        #expect(refusal { try door.grant(officer.post, to: own, basis: "x", by: test.security) } == .samePerson)
    }

    @Test(arguments: TestStore.kinds)
    func aChangeOfPostCountsAtOnce(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let officer = try test.person("wang", in: test.root, roles: ["officer"])
        let token = test.token("wang")
        #expect(try test.door.caller(of: token).roles == ["officer"])
        let second = try test.door.addPost("复核", in: test.root, department: "法规科", roles: ["reviewer"], by: test.system)
        try test.door.grant(second, to: officer.account, basis: "兼任", until: test.clock.now + 3_600, by: test.security)
        #expect(try test.door.caller(of: token).roles == ["officer", "reviewer"], "several posts for one person")
        test.clock.now += 600
        try test.door.revoke(officer.holding, by: try test.signIn("anquan"))
        #expect(try test.door.caller(of: token).roles == ["reviewer"])
        test.clock.now += 800
        _ = try? test.door.caller(of: token)
        test.clock.now += 800
        _ = try? test.door.caller(of: token)
        test.clock.now += 800
        _ = try? test.door.caller(of: token)
        test.clock.now += 700
        #expect(try test.door.caller(of: token).roles.isEmpty, "it ended on its day")
    }

    @Test(arguments: TestStore.kinds)
    func postsAreLentDownwardAndDelegatedOnce(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let door = test.door
        let county = try door.addOrganisation(
            "某县医疗保障局", under: test.root, kind: "bureau", area: "370124", by: test.system)
        let beside = try door.addOrganisation(
            "某区医疗保障局", under: test.root, kind: "bureau", area: "370102", by: test.system)
        let head = try test.person("ju", in: test.root, department: "", roles: ["head"])
        let reviewer = try test.person("fa", in: test.root, department: "法规科", roles: ["reviewer"])
        let countyHead = try test.person("xian", in: county, department: "", roles: ["head"])
        let besideHead = try test.person("qu", in: beside, department: "", roles: ["head"])
        let post = try door.addPost("法制审核", in: county, department: "法规股", roles: ["reviewer"], by: test.system)
        let until = test.clock.now + 86_400
        #expect(
            refusal { try door.lend(reviewer.account, to: post, basis: "x", until: until, by: test.token("fa")) }
                == .notGranted)
        #expect(
            refusal { try door.lend(countyHead.account, to: post, basis: "x", until: until, by: test.token("ju")) }
                == .notGranted, "not one's own person")
        #expect(
            refusal { try door.lend(besideHead.account, to: post, basis: "x", until: until, by: test.token("qu")) }
                == .samePerson)
        #expect(
            refusal { try door.lend(reviewer.account, to: post, basis: "x", until: until, by: test.token("qu")) }
                == .notGranted, "not below")
        try door.lend(reviewer.account, to: post, basis: "县级法制审核力量不足", until: until, by: test.token("ju"))
        let lent = try door.caller(of: test.token("fa"))
        #expect(lent.holdings.map(\.kind).sorted() == ["lent", "own"])
        // In the county the reviewer now has the county's matters; the officer of the city has not.
        let matter = MatterPlace(organisation: county, path: try test.path(county), department: "基金股", state: .open)
        #expect(door.authority.decide("matter.act", lent, on: matter).isAllowed)

        let deputy = try test.person("fuju", in: test.root, department: "", roles: ["deputy_head"])
        let delegated = try door.delegate(
            head.holding, to: deputy.account, basis: "出差", until: until, by: test.token("ju"))
        let standIn = try door.caller(of: test.token("fuju"))
        #expect(standIn.roles == ["head", "deputy_head"])
        #expect(
            refusal {
                try door.delegate(delegated, to: reviewer.account, basis: "x", until: until, by: test.token("fuju"))
            } == .notHeld)
        #expect(
            refusal {
                try door.delegate(head.holding, to: reviewer.account, basis: "x", until: until, by: test.token("fuju"))
            } == .notHeld)
        // It ends with the post it stands in for.
        try door.revoke(head.holding, by: test.security)
        #expect(try door.caller(of: test.token("fuju")).roles == ["deputy_head"])
    }

    @Test(arguments: TestStore.kinds)
    func aLeaverHandsOver(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let door = test.door
        let leaver = try test.person("zhou", in: test.root, roles: ["officer"])
        let heir = try test.person("wu", in: test.root, roles: ["officer"])
        _ = try test.person("kezhang", in: test.root, roles: ["section_head"])
        let stranger = try door.addAccount("lu", title: "陆", by: test.system)
        try test.stored.store.write { transaction in
            for index in 1...3 { try door.assign("verify", of: "M\(index)", to: leaver.account, in: transaction) }
        }
        let path = try test.path(test.root)
        func place(_ matter: String, _: Transaction) -> MatterPlace {
            MatterPlace(organisation: test.root, path: path, department: "基金监管科", state: .open)
        }
        #expect(refusal { try door.leave(leaver.account, by: test.system) } == .openWork)
        func handOver(_ to: String, _ by: String) -> DoorRefusal.Kind? {
            refusal {
                try door.handOver(from: leaver.account, to: to, reason: "调离", by: test.token(by), placeOf: place)
            }
        }
        #expect(handOver(heir.account, "wu") == .notGranted)
        #expect(handOver(stranger.account, "kezhang") == .notHeld)
        #expect(handOver(heir.account, "kezhang") == nil)
        let tasks = try test.stored.store.read { try door.tasks(of: heir.account, size: 2, in: $0) }
        #expect(tasks.rows.count == 2 && tasks.next != nil)
        try door.leave(leaver.account, by: test.system)
        #expect(refusal { try door.caller(of: test.token("zhou")) } == .notSignedIn)
        #expect(refusal { try test.signIn("zhou") } == .wrongCredentials)
        #expect(handOver(leaver.account, "kezhang") == .samePerson)
    }

    @Test(arguments: TestStore.kinds)
    func mandatesEndOnTheirDay(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let team = try test.door.addOrganisation(
            "执法支队", under: test.root, kind: "team", area: "370100", by: test.system)
        try test.door.addMandate(
            of: team, for: test.root, kind: "delegated", basis: "委托书〔2026〕1号", until: test.clock.now + 60,
            by: test.system)
        try test.door.addPool("3701-居民", name: "居民基本医保", handledBy: test.root, by: test.system)
        let names = { try test.stored.store.read { try test.door.names(of: team, in: $0) } }
        #expect(try names() == [team, test.root])
        test.clock.now += 61
        #expect(try names() == [team])
        #expect(
            refusal { try test.door.addMandate(of: team, for: team, kind: "team", basis: "x", by: test.system) }
                == .badInput)
    }

    @Test(arguments: TestStore.kinds)
    func everyCallLeavesItsTrail(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        _ = try test.person("wang", in: test.root, roles: ["officer"])
        #expect(refusal { try test.door.addAccount("x", title: "x", by: test.token("wang")) } == .notGranted)
        #expect(refusal { try test.door.addAccount("wang", title: "x", by: test.system) } == .badInput)
        let page = try test.door.trail(size: 100, by: test.token("shenji"))
        let numbers = try page.rows.map { try $0.integer("number") }
        #expect(numbers == Array((1...numbers.count).reversed()), "no number is missing")
        let refused = try page.rows.filter { try $0.text("feature") == "account.create" && !$0.truth("allowed") }
        #expect(try refused.map { try $0.text("reason") } == ["SUP010", "SUP006"])
        let texts = try page.rows.map { "\(try $0.text("object")) \(try $0.text("reason"))" }.joined()
        #expect(!texts.contains(TestDoor.password))
    }
}
