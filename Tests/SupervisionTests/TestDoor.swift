import Database
import Foundation
import Ledger
import StoreTesting

@testable import Supervision

/// A door with a clock that tests move and chance that comes from a seed; a small county under a city.
final class TestDoor {
    final class Clock: @unchecked Sendable {
        private let lock = NSLock()
        private var seconds = 1_772_323_200
        private var state: UInt64 = 7
        var now: Int {
            get { lock.withLock { seconds } }
            set { lock.withLock { seconds = newValue } }
        }
        func random(_ count: Int) -> [UInt8] {
            lock.withLock {
                (0..<count).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(truncatingIfNeeded: state >> 40)
                }
            }
        }
    }

    let stored: TestStore
    let clock = Clock()
    let door: Door
    let keyFile: String
    private(set) var first: [String: FirstAccess] = [:]
    private var secrets: [String: [UInt8]] = [:]
    private(set) var tokens: [String: SessionToken] = [:]
    var root = ""

    init(_ kind: StoreKind, policy: String = "dengbao") throws {
        stored = try TestStore(kind)
        keyFile = FileManager.default.temporaryDirectory.path + "/yijian-keys-\(UUID().uuidString)"
        try KeyFile.generate(at: keyFile)
        let clock = clock
        door = try Door.open(
            stored.store, knowledge: Shipped.folder, keys: keyFile, policy: policy,
            surroundings: Surroundings(now: { clock.now }, random: { clock.random($0) })
        ).withPasswordCost(log2: 4)
        let roles = ["system_admin": "xitong", "security_admin": "anquan", "audit_admin": "shenji"]
        for (role, access) in try door.begin(root: "某市医疗保障局", area: "370100", administrators: roles) {
            try enter(access, name: roles[role] ?? "")
        }
        root = try stored.store.read { try $0.row("SELECT id FROM organisation")?.text("id") ?? "" }
    }

    deinit { unlink(keyFile) }

    static let password = "Gongzhang-2026-Hao"

    func code(_ name: String) -> String {
        OneTimeCode(key: secrets[name] ?? []).code(step: OneTimeCode.step(at: clock.now))
    }

    /// First password changed, signed in.
    func enter(_ access: FirstAccess, name: String) throws {
        first[name] = access
        let secret = access.authenticator.split(separator: "=")[1].prefix { $0 != "&" }
        secrets[name] = Self.unbase32(secret)
        try door.changePassword(name: name, old: access.password, code: code(name), new: Self.password)
        try signIn(name)
    }

    @discardableResult
    func signIn(_ name: String) throws -> SessionToken {
        clock.now += 60
        let token = try door.signIn(name: name, password: Self.password, code: code(name))
        tokens[name] = token
        return token
    }

    func token(_ name: String) -> SessionToken {
        tokens[name] ?? SessionToken(bytes: [UInt8](repeating: 0, count: 32))
    }

    var system: SessionToken { token("xitong") }
    var security: SessionToken { token("anquan") }

    /// A person with one post; signed in.
    func person(_ name: String, in organisation: String, department: String = "基金监管科", roles: Set<String>) throws -> (
        account: String, post: String, holding: String
    ) {
        let access = try door.addAccount(name, title: name, by: system)
        let post = try door.addPost(name + "岗", in: organisation, department: department, roles: roles, by: system)
        let holding = try door.grant(post, to: access.account, basis: "任命", by: security)
        try enter(access, name: name)
        return (access.account, post, holding)
    }

    func path(_ organisation: String) throws -> String {
        try stored.store.read {
            try $0.row("SELECT path FROM organisation WHERE id = \(organisation)")?.text("path") ?? ""
        }
    }

    private static func unbase32(_ text: some StringProtocol) -> [UInt8] {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bytes: [UInt8] = []
        var bits = 0
        var held = 0
        for letter in text {
            held = (held << 5 | (letters.firstIndex(of: letter) ?? 0)) & 0xFFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(held >> bits & 255))
            }
        }
        return bytes
    }
}

/// The kind of a refusal, or nil when it was done.
func refusal<T>(_ body: () throws -> T) -> DoorRefusal.Kind? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? DoorRefusal)?.kind ?? .setUp
    }
}
