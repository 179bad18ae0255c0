import ArgumentParser
import Casework
import Database
import Foundation
import Knowledge
import Ledger
import Supervision

/// Where the store, its keys and the experts' package are, and who asks.
struct DoorOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "The store: a path, or postgresql://user@host/database. Default: YIJIAN_STORE, else yijian.sqlite.")
    var store: String?

    @Option(
        name: .long,
        help: "The key file of what is sealed. Default: YIJIAN_KEYS, else yijian.keys. Keep it apart from backups.")
    var keys: String?

    @Option(name: .long, help: "The experts' package (知识包).")
    var knowledge: String?

    @Option(name: .long, help: "The policy of passwords and sessions: dengbao or asvs.")
    var policy = "dengbao"

    @Option(
        name: .long,
        help: "Where the session of `yijian sign-in` is kept. Default: YIJIAN_SESSION, else ~/.yijian-session.")
    var session: String?

    private static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    var storeText: String { store ?? Self.environment("YIJIAN_STORE") ?? "yijian.sqlite" }
    var keysPath: String { keys ?? Self.environment("YIJIAN_KEYS") ?? "yijian.keys" }
    var sessionPath: String { session ?? Self.environment("YIJIAN_SESSION") ?? NSHomeDirectory() + "/.yijian-session" }

    func knowledgeFolder() throws -> String {
        guard let folder = knowledge ?? Shipped.folder("knowledge", holding: "package.yaml") else {
            throw CommandError(
                code: "YJ-500", what: "the experts' package was not found", advice: "name it with --knowledge FOLDER")
        }
        return folder
    }

    /// The door of a store that is there; only `store init` makes one.
    func open(making isNew: Bool = false) throws -> Door {
        let address = try StoreAddress(storeText)
        if case .file(let path) = address, !isNew, !FileManager.default.fileExists(atPath: path) {
            throw CommandError(
                code: "YJ-501", what: "there is no store", place: path,
                advice: "make one with `yijian store init`, or name it with --store")
        }
        return try Door.open(Store(address), knowledge: try knowledgeFolder(), keys: keysPath, policy: policy)
    }

    func casebook() throws -> Casebook {
        let door = try open()
        let folder = try knowledgeFolder()
        let (library, diagnostics) = ProcedureLibrary.load(folder)
        guard let library else {
            var text = DiagnosticText(folder: folder)
            Terminal.write(text.text(diagnostics.filter { $0.severity == .error }))
            throw CommandError(
                code: "YJ-502", what: "the procedures have mistakes", place: folder,
                advice: "run `yijian procedures check`")
        }
        var book = try Casebook(door: door, library: library)
        // A command ends after its act; nobody else may be there to place it.
        book.placesAtOnce = true
        return book
    }

    /// The session of `yijian sign-in`.
    func token() throws -> SessionToken {
        let text = FileManager.default.contents(atPath: sessionPath).map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let token = SessionToken(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw CommandError(
                code: "YJ-503", what: "nobody is signed in", place: sessionPath, advice: "run `yijian sign-in NAME`",
                status: .badInput)
        }
        return token
    }
}

/// Secrets from the keyboard without echo, or line by line from a pipe.
enum Secret {
    static func read(_ prompt: String) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            guard let line = readLine() else {
                throw CommandError.usage(
                    "YJ-504", "\(prompt) is expected on standard input", advice: "one line for each secret")
            }
            return line
        }
        Terminal.write(prompt + ": ")
        var settings = termios()
        tcgetattr(STDIN_FILENO, &settings)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            Terminal.write("\n")
        }
        return readLine() ?? ""
    }
}
