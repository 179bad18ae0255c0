import ArgumentParser
import Foundation
import Supervision

/// `yijian evidence`: files of evidence in matters.
struct EvidenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Hand in, list, read and verify files of evidence (证据文件).",
        subcommands: [
            EvidenceAddCommand.self, EvidenceListCommand.self, EvidenceShowCommand.self, EvidenceVerifyCommand.self,
        ])
}

private struct EvidenceLine: Encodable {
    let hash, kind, name, account: String
    let bytes, instant: Int

    init(_ file: EvidenceFile) {
        (hash, kind, name, account) = (file.hash, file.kind.rawValue, file.name, file.account)
        (bytes, instant) = (file.bytes, file.instant)
    }

    var text: String { "\(hash)  \(kind)  \(bytes)  \(name)" }
}

/// `yijian evidence add MATTER FILE…`.
struct EvidenceAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Hand files in to a matter; prints the hash that `act --paper kind=HASH` names.",
        discussion: "What a file is, its content says. Kinds and sizes: knowledge/access/evidence.yaml.")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var matter: String
    @Argument(help: "The files.") var files: [String]
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let book = try options.casebook()
        let lines = try files.map { EvidenceLine(try options.handIn($0, to: matter, in: book)) }
        try Terminal.show(json ? [try Json.text(lines)] : lines.map(\.text))
    }
}

extension DoorOptions {
    /// Hands a file in to a matter.
    func handIn(_ path: String, to matter: String, in book: Casebook) throws -> EvidenceFile {
        let file = try evidence(path, in: book)
        return try book.addEvidence(file.bytes, named: file.name, to: matter, by: try token())
    }

    /// A file's name and content; of one that is longer than any kind may be, enough to refuse it.
    func evidence(_ path: String, in book: Casebook) throws -> (name: String, bytes: [UInt8]) {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw CommandError(code: "YJ-402", what: "there is no such file", place: path, status: .worldFailed)
        }
        let largest = book.door.evidence.bytesMax.values.max() ?? 0
        let bytes = [UInt8](try file.read(upToCount: largest + 1) ?? Data())
        return (URL(fileURLWithPath: path).lastPathComponent, bytes)
    }
}

/// `yijian evidence list MATTER`.
struct EvidenceListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The files of a matter.")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var matter: String
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let lines = try options.casebook().evidence(of: matter, by: try options.token()).map(EvidenceLine.init)
        try Terminal.show(json ? [try Json.text(lines)] : lines.map(\.text))
    }
}

/// `yijian evidence show MATTER HASH --into FILE`.
struct EvidenceShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Write a file of a matter to disk; the reading is in the trail.")
    @OptionGroup var options: DoorOptions
    @Argument(help: "The matter.") var matter: String
    @Argument(help: "The file's hash.") var hash: String
    @Option(help: "The file to write.") var into: String

    func run() throws {
        var written: EvidenceFile?
        try JournalFile.writeBytes(to: into) { sink in
            written = try options.casebook().readEvidence(hash, of: matter, by: try options.token(), sink)
        }
        if let written { try Terminal.show(["\(written.name), \(written.bytes) bytes, written to \(into)"]) }
    }
}

/// `yijian evidence verify`.
struct EvidenceVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read every file of the store again and compare it with its hash (证据核对).")
    @OptionGroup var options: DoorOptions

    func run() throws {
        let result = try options.casebook().verifyEvidence()
        try Terminal.show(
            result.problems + ["\(result.files) files, \(result.bytes) bytes, \(result.problems.count) problems"])
        if !result.problems.isEmpty { throw CommandError.Quiet(status: .checkFailed) }
    }
}
