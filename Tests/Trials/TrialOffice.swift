import Casework
import Database
import Foundation
import Ledger

@testable import Supervision

/// A bureau with some officers, made once in an empty store; other processes enter it with the tokens it wrote down.
package struct TrialOffice: Sendable {
    package let book: Casebook
    package let tokens: [SessionToken]
    /// The system administrator's.
    package let administrator: SessionToken
    /// The bureau, and what was made below it.
    package let organisations: [String]

    /// Somebody beside the bureau's officers: in which role, and in which organisation by its place in `organisations`.
    package struct Person: Sendable {
        let role: String
        let organisation: Int
        package init(_ role: String, in organisation: Int) { (self.role, self.organisation) = (role, organisation) }
    }

    /// Makes the bureau and `officers` of them, each signed in; keeps keys and tokens in the folder. `below` are organisations by the
    /// place of the one above them, the bureau being 0; `others` are signed in after the officers.
    package static func make(
        _ address: StoreAddress, knowledge: String, folder: String, officers: Int, below: [Int] = [],
        others: [Person] = [], surroundings: Surroundings = .system
    ) throws -> TrialOffice {
        try KeyFile.generate(at: folder + "/keys")
        // Codes work once and sessions end when they rest: the making happened a little while ago.
        let clock = Stopped(surroundings.now() - 600)
        let door = try Door.open(
            Store(address), knowledge: knowledge, keys: folder + "/keys",
            surroundings: Surroundings(now: { clock.now }, random: surroundings.random)
        ).withPasswordCost(log2: 4)
        func enter(_ access: FirstAccess, _ name: String) throws -> SessionToken {
            let secret = access.authenticator.split(separator: "=")[1].prefix { $0 != "&" }
            func code() -> String {
                let key = OneTimeCode(key: base32(secret))
                return key.code(step: OneTimeCode.step(at: clock.now))
            }
            try door.changePassword(name: name, old: access.password, code: code(), new: "Gongzhang-2026-Hao")
            clock.advance(60)
            return try door.signIn(name: name, password: "Gongzhang-2026-Hao", code: code())
        }
        let roles = ["system_admin": "xitong", "security_admin": "anquan", "audit_admin": "shenji"]
        let made = try door.begin(root: "某市医疗保障局", area: "370100", administrators: roles)
        var entered: [String: SessionToken] = [:]
        for (role, access) in made { entered[role] = try enter(access, roles[role] ?? "") }
        guard let system = entered["system_admin"], let security = entered["security_admin"] else {
            preconditionFailure("the three administrators were made")
        }
        let root = try door.store.read { try $0.row("SELECT id FROM organisation")?.text("id") ?? "" }
        var organisations = [root]
        for (number, above) in below.enumerated() {
            organisations.append(
                try door.addOrganisation(
                    "机构\(number)", under: organisations[above], kind: "bureau", area: "370100", by: system))
        }
        let people = Array(repeating: Person("officer", in: 0), count: officers) + others
        var tokens: [SessionToken] = []
        for (number, person) in people.enumerated() {
            let name = "person\(number)"
            let post = try door.addPost(
                name, in: organisations[person.organisation], department: "监管科", roles: [person.role], by: system)
            let access = try door.addAccount(name, title: name, by: system)
            try door.grant(post, to: access.account, basis: "任命", by: security)
            clock.advance(1)
            tokens.append(try enter(access, name))
        }
        try organisations.joined(separator: "\n").write(
            toFile: folder + "/organisations", atomically: false, encoding: .utf8)
        try ([system] + tokens).map(\.text).joined(separator: "\n").write(
            toFile: folder + "/tokens", atomically: false, encoding: .utf8)
        door.store.close()
        return try Self.enter(address, knowledge: knowledge, folder: folder, surroundings: surroundings)
    }

    /// Enters a bureau that was made.
    package static func enter(
        _ address: StoreAddress, knowledge: String, folder: String, connections: Int = 4,
        surroundings: Surroundings = .system
    ) throws -> TrialOffice {
        let door = try Door.open(
            Store(address, connectionsMax: connections), knowledge: knowledge, keys: folder + "/keys",
            surroundings: surroundings)
        guard let library = ProcedureLibrary.load(knowledge).library else {
            throw StoreError(
                .badStatement, "the procedures have mistakes", at: knowledge, advice: "run `yijian procedures check`")
        }
        let words = try String(contentsOfFile: folder + "/tokens", encoding: .utf8).split(separator: "\n")
        let tokens = words.compactMap { SessionToken(String($0)) }
        return TrialOffice(
            book: try Casebook(door: door, library: library), tokens: Array(tokens.dropFirst()), administrator: tokens[0],
            organisations: try String(contentsOfFile: folder + "/organisations", encoding: .utf8).split(separator: "\n")
                .map(String.init))
    }

    /// A clue that the first officer opened.
    package func openClue(_ id: String? = nil) throws -> String {
        var command = Command(.take("open"))
        command.fields = [
            "discovered": .single(.text("report")), "content": .single(.text("虚构诊疗")),
            "named": .single(.flag(true)), "suspect": .single(.text("甲医院")),
        ]
        return try book.open("clue", command, as: "officer", id: id, by: tokens[0]).matter.id
    }

    /// An act that carries a number nobody else writes.
    package static func score(_ value: Int) -> Command {
        var command = Command(.take("score"))
        command.fields = ["risk": .single(.number(Int64(value), scale: 0))]
        return command
    }

    /// The number that an act of `score` carries.
    package static func score(of act: Act) -> Int? {
        for case .field(_, "risk", .single(.number(let value, scale: 0))) in act.events { return Int(value) }
        return nil
    }

    private final class Stopped: @unchecked Sendable {
        private let lock = NSLock()
        private var seconds: Int
        init(_ seconds: Int) { self.seconds = seconds }
        var now: Int { lock.withLock { seconds } }
        func advance(_ by: Int) { lock.withLock { seconds += by } }
    }

    private static func base32(_ text: some StringProtocol) -> [UInt8] {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bytes: [UInt8] = []
        var (bits, held) = (0, 0)
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
