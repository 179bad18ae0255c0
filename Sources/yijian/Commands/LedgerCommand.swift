import ArgumentParser
import Columns
import Database
import Documents
import Foundation
import Ledger
import Supervision

/// `yijian ledger`: prove that history is what it was, and let others prove it.
struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Verify the ledger, sign checkpoints, write extracts for others (账本).",
        subcommands: [
            LedgerVerifyCommand.self, LedgerSequenceCommand.self, LedgerCheckpointCommand.self,
            LedgerExtractCommand.self, LedgerKeyCommand.self,
        ])
}

/// `yijian ledger verify LEDGER`: every act, every chain, every checkpoint.
struct LedgerVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify acts, chains and checkpoints, above all those that others hold.",
        discussion: """
            LEDGER is a live store (a file of SQLite or postgresql://user@host/database), the folder of a ledger, or an extract
            that `ledger extract` wrote. A second verifier that shares nothing with this one is deploy/verify-ledger.py. Whether the
            tables that lists are read from agree with the acts, `yijian store check` says.
            """)

    @OptionGroup var place: LedgerPlace

    @Option(name: .long, help: "The signing key that is trusted, as NAME+ID+BASE64.")
    var key: String

    @Option(name: .long, help: "A checkpoint that an outsider holds; may be repeated.")
    var held: [String] = []

    @Option(name: .long, help: "A checkpoint kept beside an extract; may be repeated.")
    var own: [String] = []

    @Flag(name: .long, help: "As JSON.")
    var json = false

    private struct Result {
        let run: LedgerVerification
        let own: Int
        var waiting = 0
    }

    func run() throws {
        guard let verifier = VerifierKey(text: key) else {
            throw ValidationError("--key is NAME+ID+BASE64, as `yijian ledger key` prints it")
        }
        let result = try verify(trusted: verifier)
        let check = result.run
        if json {
            try Terminal.show([
                JSONText.members([
                    "whole": .flag(check.isWhole), "acts": .integer(Int64(check.acts)),
                    "withheld": .integer(Int64(check.withheld)), "matters": .integer(Int64(check.matters)),
                    "waiting": .integer(Int64(result.waiting)),
                    "checkpoints": .integer(Int64(result.own)), "held": .integer(Int64(held.count)),
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
                        "\(check.acts) acts (\(check.withheld) without content) in \(check.matters) matters, \(result.own) "
                            + "checkpoints kept, \(held.count) held outside, root \(HexText.text(check.root))",
                        result.waiting > 0
                            ? "note: \(result.waiting) acts wait for their place; `yijian ledger sequence` gives it"
                            : "",
                        held.isEmpty
                            ? "note: only a checkpoint that an outsider holds (--held) shows a rewritten history" : "",
                        check.isWhole ? "The ledger is whole." : "The ledger is NOT what its checkpoints say.",
                    ].filter { !$0.isEmpty })
        }
        if !check.isWhole { throw CommandError.Quiet(status: .checkFailed) }
    }

    private func verify(trusted: VerifierKey) throws -> Result {
        let held = try held.map { try SignedCheckpoint(path: $0) }
        func run(_ source: any LedgerSource, _ hash: HashAlgorithm, _ own: [SignedCheckpoint]) throws -> Result {
            Result(
                run: try LedgerVerification.run(source, hash: hash, own: own, held: held, trusted: [trusted]),
                own: own.count)
        }
        switch try place.open() {
        case .store(let store, let seals):
            let result = try StoreLedger.verify(store, seals, held: held, trusted: [trusted])
            return Result(run: result.run, own: result.own, waiting: result.waiting)
        case .folder(let folder): return try run(folder, folder.hash, folder.checkpoints())
        case .extract(let extract): return try run(extract, extract.hash, own.map { try SignedCheckpoint(path: $0) })
        }
    }
}

/// `yijian ledger sequence STORE`: gives acts their place in the tree.
struct LedgerSequenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sequence",
        abstract: "Give the acts of a store their place in the ledger's tree, until interrupted (排序).",
        discussion: """
            May run beside every server on a shared store: one at a time does the work, and a killed one is replaced by the next.
            With --sign it makes a checkpoint after every so many minutes in which something was done, and prints it.
            """)

    @Argument(help: "The store: a file of SQLite or postgresql://user@host/database.")
    var store: String

    @Flag(name: .long, help: "Place what waits now, and end.")
    var once = false

    @Option(name: .long, help: "The signing key's file.")
    var sign: String?

    @Option(name: .long, help: "Whose ledger it is, for example yijian/330106; needed for the first checkpoint.")
    var origin: String?

    @Option(name: .long, help: "Minutes between checkpoints.")
    var minutes = 10

    func validate() throws {
        if minutes < 1 { throw ValidationError("--minutes is at least 1") }
    }

    func run() throws {
        let sequencer = Sequencer(try LedgerPlace.openStore(store))
        let key = try sign.map { try SigningKey.read($0) }
        if once {
            try Terminal.show(["\(try sequencer.placeWaiting()) acts placed"])
            if let key { try Terminal.show([Self.text(try sequencer.checkpoint(key, origin: origin))]) }
            return
        }
        var signed = try sequencer.checkpoints().last?.checkpoint.size ?? 0
        var last = Date()
        sequencer.run {
            if let key, Date().timeIntervalSince(last) >= Double(minutes) * 60 {
                last = Date()
                do {
                    if try UInt64(sequencer.standing().placed) > signed {
                        let note = try sequencer.checkpoint(key, origin: origin)
                        signed = note.checkpoint.size
                        try Terminal.show([Self.text(note)])
                    }
                } catch {
                    Terminal.say(CommandError(error).lines(style: Terminal.errorStyle))
                }
            }
            return !Interrupt.isPending
        } report: { error in
            Terminal.say(CommandError(error).lines(style: Terminal.errorStyle))
        }
    }

    static func text(_ note: SignedCheckpoint) -> String { String(note.text.dropLast()) }
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

    @Option(
        name: .long,
        help: "Whose ledger it is, for example yijian/330106; a store remembers it from the last checkpoint.")
    var origin: String?

    func run() throws {
        let (key, old) = (try SigningKey.read(sign), try replacing.map { try SigningKey.read($0) })
        let note: SignedCheckpoint
        if place.isStore {
            note = try Sequencer(try LedgerPlace.openStore(place.ledger)).checkpoint(
                key, replacing: old, origin: origin)
        } else {
            guard let origin else { throw ValidationError("--origin NAME: say whose ledger it is") }
            let ledger = try place.openFolder(origin: origin, toWrite: true)
            defer { ledger.close() }
            note = try ledger.checkpoint(key, replacing: old)
        }
        try Terminal.show([LedgerSequenceCommand.text(note)])
    }
}

/// `yijian ledger extract LEDGER --into FILE`: leaves of all acts, content of those meant for the reader.
struct LedgerExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Write what another verifier needs (账本摘录).",
        discussion: """
            Content may be personal data: --reason is needed unless --no-content is given, and a store keeps it in its trail. The
            checkpoints of a store are written beside the extract, FILE.checkpoint-1 and so on, with --checkpoints.
            """)

    @OptionGroup var place: LedgerPlace

    @Option(name: .long, help: "The file to write.")
    var into: String

    @Option(name: .long, help: "Disclose only this matter's content; may be repeated.")
    var matter: [String] = []

    @Flag(name: .long, help: "Disclose no content: leaves only.")
    var noContent = false

    @Flag(name: .long, help: "Write the checkpoints that are kept as well.")
    var checkpoints = false

    @Option(name: .long, help: "Why content is disclosed.")
    var reason: String?

    func validate() throws {
        if !noContent, (reason ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--reason TEXT: say why content is disclosed, or give --no-content")
        }
    }

    func run() throws {
        switch try place.open() {
        case .store(let store, let seals):
            if !noContent, let reason {
                let object = matter.isEmpty ? "every matter" : matter.joined(separator: " ")
                try StoreLedger.recordDisclosure(in: store, of: object, reason: reason)
            }
            try StoreLedger.read(store, seals) { try write($0, $0.hash) }
            if checkpoints { try write(Sequencer(store).checkpoints()) }
        case .folder(let folder):
            try write(folder, folder.hash)
            if checkpoints { try write(folder.checkpoints()) }
        case .extract(let extract): try write(extract, extract.hash)
        }
    }

    private func write(_ source: any LedgerSource, _ hash: HashAlgorithm) throws {
        if let reason { Terminal.say("note: content is disclosed (脱敏已解除); reason: \(reason)") }
        var disclosed: UInt64 = 0
        try JournalFile.writeBytes(to: into) { sink in
            disclosed = try LedgerExtract.write(
                source, hash: hash, disclosing: { !noContent && (matter.isEmpty || matter.contains($0.matter)) },
                to: { try sink(Array($0.utf8)) })
        }
        try Terminal.show(["\(source.count) acts, \(disclosed) with content, written to \(into)"])
    }

    private func write(_ notes: [SignedCheckpoint]) throws {
        for (index, note) in notes.enumerated() {
            try JournalFile.write(note.text, to: "\(into).checkpoint-\(index + 1)")
        }
        try Terminal.show(["\(notes.count) checkpoints written beside it"])
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
    /// Writes piece by piece under another name, and gives the file its name when all is on the disk.
    static func writeBytes(to path: String, _ body: (([UInt8]) throws -> Void) throws -> Void) throws {
        let part = path + ".part"
        guard let file = fopen(part, "w") else { throw failure(path) }
        var isOpen = true
        defer {
            if isOpen { fclose(file) }
            unlink(part)
        }
        try body { bytes in
            guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw failure(path) }
        }
        guard fflush(file) == 0, fsync(fileno(file)) == 0 else { throw failure(path) }
        fclose(file)
        isOpen = false
        guard rename(part, path) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> CommandError {
        CommandError(
            code: "YJ-401", what: "writing failed (\(String(cString: strerror(errno))))", place: path,
            advice: "check the folder, its rights and its space", status: .worldFailed)
    }

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
