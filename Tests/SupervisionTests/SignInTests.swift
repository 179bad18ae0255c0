import Foundation
import StoreTesting
import Testing

@testable import Database
@testable import Supervision

@Suite("Sign-in")
struct SignInTests {
    /// RFC 6238, appendix B, SHA-1, eight digits.
    @Test(arguments: [
        (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
    ])
    func oneTimeCodesOfTheStandard(instant: Int, code: String) {
        let made = OneTimeCode(key: Array("12345678901234567890".utf8)).code(
            step: OneTimeCode.step(at: instant), digits: 8)
        #expect(made == code)
    }

    /// RFC 7914, section 12, shortened to 32 bytes, which PBKDF2's first block gives alike.
    @Test func scryptOfTheStandard() {
        let stored = StoredPassword(
            "pleaseletmein", salt: Array("SodiumChloride".utf8), costLog2: 14, blockSize: 8, lanes: 1)
        #expect(stored.text.hasSuffix("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"))
    }

    @Test func passwordsAreKeptAsCostSaltAndHash() throws {
        let stored = StoredPassword("Łódź-口令-é", salt: [UInt8](repeating: 3, count: 16), costLog2: 10)
        let again = try #require(StoredPassword(text: stored.text))
        #expect(again == stored && again.isWeaker(than: 11) && !again.isWeaker(than: 10))
        #expect(again.isOpened(by: "Łódź-口令-e\u{301}"), "the same characters in another form")
        #expect(!again.isOpened(by: "Łódź-口令-e"))
        for bad in [
            "", "scrypt$16$8$2$00$11", "bcrypt$1$1$1$1$1", stored.text + "$",
            stored.text.replacing("scrypt$10", with: "scrypt$40"),
        ] {
            #expect(StoredPassword(text: bad) == nil)
        }
    }

    @Test func twoPoliciesRuleDifferently() throws {
        let dengbao = try AccessPolicy.read(knowledge: Shipped.folder, name: "dengbao")
        let asvs = try AccessPolicy.read(knowledge: Shipped.folder, name: "asvs")
        #expect(dengbao.ageDaysMax == 180 && asvs.ageDaysMax == nil)
        #expect(dengbao.objection(to: "correcthorsebatterystaple", accountName: "li") != nil, "one kind of character")
        #expect(asvs.objection(to: "correcthorsebatterystaple", accountName: "li") == nil)
        #expect(dengbao.objection(to: "Short1!", accountName: "li") != nil)
        #expect(asvs.objection(to: "Gongzhang-26", accountName: "li") != nil, "under 15")
        #expect(dengbao.objection(to: "Gongzhang-26", accountName: "gongzhang") != nil)
        #expect(refusal { try AccessPolicy.read(knowledge: Shipped.folder, name: "../x") } == .setUp)
        #expect(refusal { try AccessPolicy.read(knowledge: Shipped.folder, name: "none") } == .setUp)
    }

    @Test(arguments: TestStore.kinds)
    func fiveFailuresLock(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        test.clock.now += 60
        for attempt in 1...5 {
            #expect(
                refusal { try test.door.signIn(name: "xitong", password: "falsch", code: test.code("xitong")) }
                    == .wrongCredentials, "\(attempt)")
        }
        #expect(
            refusal { try test.door.signIn(name: "xitong", password: TestDoor.password, code: test.code("xitong")) }
                == .locked)
        test.clock.now += 15 * 60
        #expect(throws: Never.self) { try test.signIn("xitong") }
        #expect(refusal { try test.door.signIn(name: "nobody", password: "x", code: "000000") } == .wrongCredentials)
    }

    @Test(arguments: TestStore.kinds)
    func aCodeWorksOnceAndIsNeeded(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        test.clock.now += 60
        let code = test.code("xitong")
        func signIn(_ code: String) throws {
            _ = try test.door.signIn(name: "xitong", password: TestDoor.password, code: code)
        }
        #expect(refusal { try signIn("") } == .wrongCredentials)
        #expect(refusal { try signIn(code) } == nil)
        #expect(refusal { try signIn(code) } == .wrongCredentials)
        test.clock.now += 300
        #expect(refusal { try signIn(code) } == .wrongCredentials)
    }

    @Test(arguments: TestStore.kinds)
    func sessionsRestAndEnd(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        let token = test.system
        for _ in 0..<3 {
            test.clock.now += 12 * 60
            #expect(refusal { try test.door.caller(of: token) } == nil)
        }
        test.clock.now += 15 * 60 + 1
        #expect(refusal { try test.door.caller(of: token) } == .notSignedIn)
        // However busy, not longer than a working day.
        let busy = try test.signIn("xitong")
        for _ in 0..<32 {
            test.clock.now += 15 * 60
            _ = try? test.door.caller(of: busy)
        }
        #expect(refusal { try test.door.caller(of: busy) } == nil)
        test.clock.now += 60
        #expect(refusal { try test.door.caller(of: busy) } == .notSignedIn)
        let other = try test.signIn("xitong")
        try test.door.signOut(other)
        #expect(refusal { try test.door.caller(of: other) } == .notSignedIn)
        #expect(SessionToken("x") == nil && SessionToken(other.text) == other)
        let kept = try test.stored.store.read { try $0.rows("SELECT token FROM session").map { try $0.bytes("token") } }
        #expect(!kept.contains(Array(other.text.utf8)), "the store has hashes only")
    }

    @Test(arguments: TestStore.kinds)
    func passwordsAge(kind: StoreKind) throws {
        let test = try TestDoor(kind)
        test.clock.now += 181 * 86_400
        #expect(refusal { try test.signIn("xitong") } == .passwordTooOld)
        func change(_ new: String) -> DoorRefusal.Kind? {
            test.clock.now += 60
            return refusal {
                try test.door.changePassword(
                    name: "xitong", old: TestDoor.password, code: test.code("xitong"), new: new)
            }
        }
        #expect(change("kurz") == .badPassword)
        #expect(change(TestDoor.password) == .badPassword)
        #expect(change("Guanliyuan-2027-Ben") == nil)
        test.clock.now += 60
        #expect(
            refusal { try test.door.signIn(name: "xitong", password: "Guanliyuan-2027-Ben", code: test.code("xitong")) }
                == nil)
        #expect(change("x-Guanliyuan-2028") == .wrongCredentials, "the old password no longer counts")
    }
}
