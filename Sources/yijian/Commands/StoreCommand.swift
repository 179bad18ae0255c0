import ArgumentParser
import Database
import Foundation
import Ledger
import Supervision

/// `yijian store`: make, bring up to date, check, copy the system of record.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Make, update, check and copy the store of matters and posts (存储).",
        subcommands: [StoreInitCommand.self, StoreMigrateCommand.self, StoreCheckCommand.self, StoreCopyCommand.self])
}

/// `yijian store init`: an empty store with its three administrators.
struct StoreInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a store, its key file and the three administrators (三员).",
        discussion:
            "First passwords and authenticators are printed once and kept nowhere. Each must be changed with `yijian password`."
    )

    @OptionGroup var options: DoorOptions
    @Option(name: .long, help: "The name of the bureau.") var organisation: String
    @Option(name: .long, help: "Its division code, six digits.") var area: String
    @Option(name: .long, help: "Account of the system administrator.") var system = "system"
    @Option(name: .long, help: "Account of the security administrator.") var security = "security"
    @Option(name: .long, help: "Account of the audit administrator.") var audit = "audit"

    func run() throws {
        if !FileManager.default.fileExists(atPath: options.keysPath) { try KeyFile.generate(at: options.keysPath) }
        let door = try options.open(making: true)
        let made = try door.begin(
            root: organisation, area: area,
            administrators: ["system_admin": system, "security_admin": security, "audit_admin": audit])
        try Terminal.show(
            made.sorted { $0.key < $1.key }.flatMap { role, access in
                [
                    "\(role)  \(access.account)", "  password       \(access.password)",
                    "  authenticator  \(access.authenticator)",
                ]
            })
    }
}

/// `yijian store migrate`.
struct StoreMigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the store's tables up to this program.")
    @OptionGroup var options: DoorOptions

    func run() throws {
        let taken = try Store(try StoreAddress(options.storeText)).migrate([supervisionTables])
        try Terminal.show(taken.isEmpty ? ["nothing to do"] : taken)
    }
}

/// `yijian store check`: tables against acts.
struct StoreCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Compare every matter's tables with its acts, and every chain with its leaves (投影核对).")
    @OptionGroup var options: DoorOptions
    @Flag(name: .long, help: "Make the tables again from the acts first.") var rebuild = false

    func run() throws {
        let book = try options.casebook()
        if rebuild { try Terminal.show(["rebuilt \(try book.rebuild()) matters"]) }
        let result = try book.check()
        try Terminal.show(result.differences + ["\(result.matters) matters, \(result.differences.count) differences"])
        if !result.differences.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}

/// `yijian store copy FILE`: a backup while others write (SQLite).
struct StoreCopyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy an SQLite store while others write (备份).")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The file to make.") var file: String

    func run() throws {
        try Store(try StoreAddress(options.storeText)).copy(to: file)
        try Terminal.show(["copied to \(file); the key file is not in it"])
    }
}

/// `yijian sign-in NAME`.
struct SignInCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign-in",
        abstract:
            "Open a session (登录): password and one-time code from the keyboard, or as two lines on standard input.")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The account.") var name: String

    func run() throws {
        let door = try options.open()
        let token = try door.signIn(name: name, password: try Secret.read("password"), code: try Secret.read("code"))
        unlink(options.sessionPath)
        let made = FileManager.default.createFile(
            atPath: options.sessionPath, contents: Data(token.text.utf8), attributes: [.posixPermissions: 0o600])
        guard made else {
            throw CommandError(
                code: "YJ-505", what: "the session cannot be kept", place: options.sessionPath, status: .worldFailed)
        }
        try Terminal.show(["signed in as \(name)"])
    }
}

/// `yijian password NAME`.
struct PasswordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "password", abstract: "Change one's password (修改口令): old password, one-time code, new password.")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The account.") var name: String

    func run() throws {
        let door = try options.open()
        let old = try Secret.read("old password")
        let code = try Secret.read("code")
        try door.changePassword(name: name, old: old, code: code, new: try Secret.read("new password"))
        try Terminal.show(["changed; sign in with the next code"])
    }
}
