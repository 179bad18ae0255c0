import ArgumentParser
import Columns
import Documents
import Foundation
import Ledger

/// `yijian ledger`: prove that history is what it was, and let others prove it.
struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Verify the ledger, sign checkpoints, write extracts for others (账本).",
        subcommands: [
            LedgerVerifyCommand.self, LedgerCheckpointCommand.self, LedgerExtractCommand.self, LedgerKeyCommand.self,
        ])
}

/// The ledger and its keys.
struct LedgerPlace: ParsableArguments {
    @Argument(help: "The folder of the ledger.")
    var ledger: String

    @Option(name: .long, help: "The key file its content is enciphered with (密钥文件).")
    var keys: String

    func open(origin: String = "", toWrite: Bool = false) throws -> ActLedger {
        try ActLedger.open(ledger, origin: origin, keys: KeyFile.read(keys), toWrite: toWrite)
    }
}

/// `yijian ledger verify LEDGER`: every act, every chain, every checkpoint.
struct LedgerVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify acts, chains and checkpoints, above all those that others hold.",
        discussion: """
            LEDGER is the folder, or an extract that `ledger extract` wrote. A second verifier that shares nothing with this
            one is deploy/verify-ledger.py.
            """)

    @Argument(help: "The folder of the ledger, or the file of an extract.")
    var ledger: String

    @Option(name: .long, help: "The key file; not needed for an extract.")
    var keys: String?

    @Option(name: .long, help: "The signing key that is trusted, as NAME+ID+BASE64.")
    var key: String

    @Option(name: .long, help: "A checkpoint that an outsider holds; may be repeated.")
    var held: [String] = []

    @Option(name: .long, help: "A checkpoint kept beside an extract; may be repeated.")
    var own: [String] = []

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        guard let verifier = VerifierKey(text: key) else {
            throw ValidationError("--key is NAME+ID+BASE64, as `yijian ledger key` prints it")
        }
        let (source, hash, own) = try open()
        let check = try LedgerVerification.run(
            source, hash: hash, own: own, held: held.map { try SignedCheckpoint(path: $0) }, trusted: [verifier])
        if json {
            try Terminal.show([
                JSONText.members([
                    "whole": .flag(check.isWhole), "acts": .integer(Int64(check.acts)),
                    "withheld": .integer(Int64(check.withheld)), "matters": .integer(Int64(check.matters)),
                    "checkpoints": .integer(Int64(own.count)), "held": .integer(Int64(held.count)),
                    "root": .text(HexText.text(check.root)),
                    "problems": .array(
                        check.problems.map {
                            .members([
                                "code": .text($0.code), "act": $0.index.map { .integer(Int64($0)) },
                                "message": .text($0.message),
                            ])
                        }),
                ]).pretty
            ])
        } else {
            let style = Terminal.style
            try Terminal.show(
                check.problems.map { style.red("found") + " " + $0.description }
                    + [
                        "\(check.acts) acts (\(check.withheld) without content) in \(check.matters) matters, \(own.count) "
                            + "checkpoints kept, \(held.count) held outside, root \(HexText.text(check.root))",
                        held.isEmpty
                            ? "note: only a checkpoint that an outsider holds (--held) shows a rewritten history" : "",
                        check.isWhole ? "The ledger is whole." : "The ledger is NOT what its checkpoints say.",
                    ].filter { !$0.isEmpty })
        }
        if !check.isWhole { throw CommandError.Quiet(status: .checkFailed) }
    }

    private func open() throws -> (any LedgerSource, HashAlgorithm, [SignedCheckpoint]) {
        var isFolder = ObjCBool(false)
        if FileManager.default.fileExists(atPath: ledger, isDirectory: &isFolder), !isFolder.boolValue {
            let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: ledger)), as: UTF8.self)
            let (extract, badLine) = LedgerExtract.parse(text)
            guard let extract else {
                throw CommandError(
                    code: "LDG040", what: "this extract cannot be read", place: "\(ledger):\(badLine)",
                    advice: "ask for it again; it begins with `yijian-ledger 1`")
            }
            return (extract, extract.hash, try own.map { try SignedCheckpoint(path: $0) })
        }
        guard let keys else { throw ValidationError("a ledger in a folder needs --keys FILE") }
        let folder = try ActLedger.open(ledger, origin: "", keys: KeyFile.read(keys), toWrite: false)
        return (folder, folder.hash, try folder.checkpoints())
    }
}

/// `yijian ledger checkpoint LEDGER`: signs what the ledger is now.
struct LedgerCheckpointCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Sign what the ledger is now, and print the note for outsiders (检查点).")

    @OptionGroup var place: LedgerPlace

    @Option(name: .long, help: "The signing key's file.")
    var sign: String

    @Option(name: .long, help: "The signing key's file it replaces; both sign.")
    var replacing: String?

    @Option(name: .long, help: "Whose ledger it is, for example yijian/330106.")
    var origin: String

    func run() throws {
        let ledger = try place.open(origin: origin, toWrite: true)
        defer { ledger.close() }
        let note = try ledger.checkpoint(SigningKey.read(sign), replacing: replacing.map { try SigningKey.read($0) })
        try Terminal.show([String(note.text.dropLast())])
    }
}

/// `yijian ledger extract LEDGER --into FILE`: leaves of all acts, content of those meant for the reader.
struct LedgerExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Write what another verifier needs (账本摘录).",
        discussion: "Content may be personal data: --reason is needed unless --no-content is given.")

    @OptionGroup var place: LedgerPlace

    @Option(name: .long, help: "The file to write.")
    var into: String

    @Option(name: .long, help: "Disclose only this matter's content; may be repeated.")
    var matter: [String] = []

    @Flag(name: .long, help: "Disclose no content: leaves only.")
    var noContent = false

    @Option(name: .long, help: "Why content is disclosed.")
    var reason: String?

    func validate() throws {
        if !noContent, (reason ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--reason TEXT: say why content is disclosed, or give --no-content")
        }
    }

    func run() throws {
        let ledger = try place.open()
        let extract = try LedgerExtract(ledger, hash: ledger.hash) { act in
            !noContent && (matter.isEmpty || matter.contains(act.matter))
        }
        if let reason { Terminal.say("note: content is disclosed (脱敏已解除); reason: \(reason)") }
        let disclosed = extract.lines.count { $0.content != nil }
        try JournalFile.write(extract.text, to: into)
        try Terminal.show(["\(extract.lines.count) acts, \(disclosed) with content, written to \(into)"])
    }
}

/// `yijian ledger key FILE --name NAME`: a key to sign checkpoints with.
struct LedgerKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make a signing key, or print the public half of one that is there.")

    @Argument(help: "The signing key's file.")
    var file: String

    @Option(name: .long, help: "Its name; makes a new key.")
    var name: String?

    func run() throws {
        let key = try name.map { try SigningKey.generate(at: file, name: $0) } ?? SigningKey.read(file)
        try Terminal.show([key.verifier.text])
    }
}

/// Writing a result whole or not at all.
enum JournalFile {
    static func write(_ text: String, to path: String) throws {
        do throws(FileTrouble) {
            try FileCalls().replace(path, with: Array(text.utf8), in: FileCalls.folder(of: path))
        } catch {
            throw CommandError(
                code: "YJ-401", what: "writing failed (\(error.reason))", place: path,
                advice: "check the folder, its rights and its space", status: .worldFailed)
        }
    }
}
