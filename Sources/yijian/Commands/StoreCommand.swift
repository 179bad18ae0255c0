import ArgumentParser
import Database
import Foundation
import Ledger
import Supervision

/// `yijian store`: make, bring up to date, check, copy the system of record.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Make, update, check, back up and restore the store of matters and posts (存储).",
        subcommands: [
            StoreInitCommand.self, StoreMigrateCommand.self, StoreCheckCommand.self, StoreBackupCommand.self,
            StoreRestoreCommand.self, StoreCopyCommand.self, StoreRotateKeysCommand.self, StoreResealCommand.self,
        ])
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
        if !taken.isEmpty { _ = try options.casebook() }
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
        let standing = try book.sequencer.standing()
        try Terminal.show(
            result.differences + [
                "\(result.matters) matters, \(result.differences.count) differences",
                "\(standing.placed) acts have a place in the tree, \(standing.waiting) wait; `yijian ledger verify` proves them",
            ])
        if !result.differences.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}

/// `yijian store backup FILE`: everything in one sealed file.
struct StoreBackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write the whole store to one sealed file, while others work (备份).",
        discussion: """
            Of SQLite and of PostgreSQL alike; evidence is in it, the key file is not: without that the backup cannot be read. Keep
            both, apart from each other.
            """)
    @OptionGroup var options: DoorOptions
    @Argument(help: "The file to make.") var file: String

    func run() throws {
        let backup = try StoreBackup.write(
            LedgerPlace.openStore(options.storeText), seals: Seals.read(options.keysPath), to: file)
        try Terminal.show([
            "backup \(backup.identifier): \(backup.rows) rows of \(backup.tables) tables, \(backup.acts) acts in the tree, "
                + "\(backup.bytes) bytes, written to \(file)", "the key file is not in it",
        ])
    }
}

/// `yijian store restore FILE`: an empty store from a backup, verified.
struct StoreRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Fill an empty store from a backup, then verify it (恢复).",
        discussion: """
            A store with anything in it is refused. The restore is noted in the ledger with its reason. Afterwards the tables are compared
            with the acts; with --key the ledger is verified as well, with --held against what outsiders hold: acts after the backup
            are then named as missing, which is the truth.
            """)
    @OptionGroup var options: DoorOptions
    @Argument(help: "The backup.") var file: String
    @Option(help: "Why it is restored.") var reason: String
    @Option(help: "The signing key that is trusted, as NAME+ID+BASE64.") var key: String?
    @Option(help: "A checkpoint that an outsider holds; may be repeated.") var held: [String] = []

    func run() throws {
        let trusted = try key.map { text in
            guard let key = VerifierKey(text: text) else { throw ValidationError("--key is NAME+ID+BASE64") }
            return key
        }
        let notes = try held.map { try SignedCheckpoint(path: $0) }
        let seals = try Seals.read(options.keysPath)
        let store = try Store(try StoreAddress(options.storeText))
        let backup = try StoreBackup.restore(file, into: store, seals: seals, reason: reason)
        try Terminal.show(["restored \(backup.rows) rows of \(backup.tables) tables from backup \(backup.identifier)"])
        store.close()
        var isWhole = true
        let check = try options.casebook().check()
        try Terminal.show(check.differences + ["\(check.matters) matters, \(check.differences.count) differences"])
        isWhole = check.differences.isEmpty
        if let trusted {
            let verified = try StoreLedger.verify(
                LedgerPlace.openStore(options.storeText), seals, held: notes, trusted: [trusted])
            try Terminal.show(
                verified.run.problems.map(\.description) + [
                    "\(verified.run.acts) acts, \(verified.own) checkpoints kept, \(notes.count) held outside: "
                        + (verified.run.isWhole ? "the ledger is whole" : "NOT what its checkpoints say")
                ])
            isWhole = isWhole && verified.run.isWhole
        }
        if !isWhole { throw CommandError.Quiet(status: .checkFailed) }
    }
}

/// `yijian store rotate-keys`: a fresh key for what is sealed from now on.
struct StoreRotateKeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-keys",
        abstract: "Add a fresh key to the key file; it seals from the next start on (密钥轮换).",
        discussion: "Then `yijian store reseal` seals what is there anew. Earlier keys stay: backups need them.")
    @OptionGroup var options: DoorOptions
    @Option(help: "aes-256-gcm or sm4-ctr-hmac-sm3.") var suite = "aes-256-gcm"

    func run() throws {
        guard let suite = CipherSuite(name: suite) else {
            throw ValidationError("--suite is \(CipherSuite.allCases.map(\.name).joined(separator: " or "))")
        }
        try KeyFile.rotate(at: options.keysPath, suite: suite)
        try Terminal.show([
            "a fresh key in \(options.keysPath): copy the file to its safe, then run `yijian store reseal`"
        ])
    }
}

/// `yijian store reseal`: seals everything with the key in use.
struct StoreResealCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reseal",
        abstract:
            "Seal everything anew with the key in use, beside the work of others (重新加密). By the system administrator.")
    @OptionGroup var options: DoorOptions

    func run() throws {
        let count = try options.open().reseal(by: try options.token())
        try Terminal.show(["\(count) rows sealed anew"])
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
