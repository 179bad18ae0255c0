import ArgumentParser
import Columns
import Documents
import Foundation
import Glibc
import Ledger

/// `yijian journal`: look at the record of what was received and answered, and prove that it is whole.
struct JournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "Show, verify or replay the journal of received messages (日志).",
        subcommands: [
            JournalVerifyCommand.self, JournalShowCommand.self, JournalReplayCommand.self, JournalEraseCommand.self,
            JournalRetireCommand.self, JournalKeysCommand.self,
        ])
}

/// The journal and its keys.
struct JournalPlace: ParsableArguments {
    @Argument(help: "The folder of the journal.")
    var journal: String

    @Option(name: .long, help: "Its key file (密钥文件).")
    var keys: String

    func open() throws -> Journal { try Journal.read(journal, keys: KeyFile.read(keys)) }
}

/// `yijian journal verify JOURNAL`: reads every byte.
struct JournalVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read every byte of a journal and find any that changed.",
        discussion: """
            Without --keys: checksums, numbering and links. With it also every body. A tail that was cut off, or an old copy
            put back, shows only against an anchor, as `verify` printed it at an earlier time.
            """)

    @Argument(help: "The folder of the journal.")
    var journal: String

    @Option(name: .long, help: "Its key file; bodies are compared too.")
    var keys: String?

    @Option(name: .long, help: "An anchor kept elsewhere, as COUNT:LINK; may be repeated.")
    var anchor: [String] = []

    @Option(
        name: .long,
        help: "A file of anchors, one a line: all are compared, and the new one is added when all is whole.")
    var anchors: String?

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        let anchors = try (anchor + keptAnchors()).map { text -> (next: UInt64, link: [UInt8]) in
            let parts = text.split(separator: ":")
            guard parts.count == 2, let next = UInt64(parts[0]), let link = HexText.bytes(parts[1]), link.count == 32
            else {
                throw ValidationError("an anchor is COUNT:LINK, a number and 64 hex digits; this is none: \(text)")
            }
            return (next, link)
        }
        let check = try JournalVerification.run(
            journal, keys: keys.map { try KeyFile.read($0) }, anchors: anchors, progress: { _ in !Interrupt.isPending })
        try Interrupt.check()
        let anchor = "\(check.next):\(HexText.text(check.lastLink))"
        if check.isWhole, check.next > 0 { try keep(anchor) }
        if json {
            try Terminal.show([
                JSONText.members([
                    "whole": .flag(check.isWhole), "records": .integer(Int64(check.next - check.first)),
                    "erased": .integer(Int64(check.erased)), "segments": .integer(Int64(check.segments)),
                    "bytes": .integer(Int64(check.bytes)), "anchor": .text(anchor),
                    "problems": .array(
                        check.problems.map {
                            .members(["code": .text($0.code), "path": .text($0.path), "message": .text($0.message)])
                        }),
                ]).pretty
            ])
        } else {
            let style = Terminal.style
            try Terminal.show(
                check.problems.map { style.red("damaged") + " " + $0.description } + [
                    "\(check.next - check.first) records (\(check.erased) erased) in \(check.segments) segments, "
                        + "\(check.bytes) bytes; bodies \(keys == nil ? "not compared: give --keys" : "compared")",
                    "anchor \(anchor)",
                    check.isWhole ? "The journal is whole." : "Restore the segments named from a copy.",
                ])
        }
        if !check.isWhole { throw CommandError.Quiet(status: .checkFailed) }
    }

    /// The anchors of the file, without the day behind them; none while there is no file. Those of records that were
    /// retired since have nothing left to be held against.
    private func keptAnchors() throws -> [String] {
        guard let path = anchors, FileManager.default.fileExists(atPath: path) else { return [] }
        let first = Disk.names(in: journal).filter { $0.hasSuffix(".journal") }.compactMap { UInt64($0.dropLast(8)) }
            .min()
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .compactMap { $0.split(separator: " ").first.map(String.init) }
            .filter { (UInt64($0.prefix { $0 != ":" }) ?? .max) > first ?? 0 }
    }

    /// Adds an anchor to the file, with its day; nothing that stands there is changed.
    private func keep(_ anchor: String) throws {
        guard let path = anchors, try keptAnchors().last != anchor else { return }
        let line = anchor + " " + JournalLine.time(WallClock.milliseconds()) + "\n"
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CommandError(
                code: "YJ-428", what: "the anchor cannot be added", place: path,
                why: String(cString: strerror(errno)), advice: "let this user write there, or keep by hand: \(anchor)",
                status: .worldFailed)
        }
        defer { close(descriptor) }
        guard line.utf8.count == line.withCString({ write(descriptor, $0, line.utf8.count) }), fsync(descriptor) == 0
        else {
            throw CommandError(
                code: "YJ-428", what: "the anchor could not be written whole", place: path,
                why: String(cString: strerror(errno)), advice: "make room and run this again", status: .worldFailed)
        }
    }
}

/// `yijian journal show JOURNAL`: the last records, or one of them.
struct JournalShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "List records, or show one of them whole.",
        discussion: "What records say is personal data: --record needs --unmask and --reason.")

    @OptionGroup var place: JournalPlace

    @Option(name: .long, help: "How many, the last ones.")
    var last = 20

    @Option(name: .long, help: "One record whole, by its number.")
    var record: UInt64?

    @Flag(name: .long, help: "Show what the record says; needs --reason.")
    var unmask = false

    @Option(name: .long, help: "Why it is shown; printed with the result.")
    var reason: String?

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func validate() throws {
        if !(1...100_000).contains(last) { throw ValidationError("--last must be 1 to 100000") }
        if unmask, (reason ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--unmask needs --reason TEXT: say why it must be seen")
        }
    }

    func run() throws {
        let journal = try place.open()
        if let record { return try show(try journal.record(record)) }
        let next = journal.opening.nextSequence
        var table = TextTable([
            ColumnHead("record", "record", .integer), ColumnHead("time", "time"), ColumnHead("kind", "kind", .integer),
            ColumnHead("request", "request bytes", .integer), ColumnHead("answer", "answer bytes", .integer),
        ])
        var lines: [String] = []
        try journal.replay(from: max(journal.opening.firstSequence, next - min(next, UInt64(last)))) { record in
            if json { lines.append(JournalLine.members(record, withBody: false).compact) }
            table.append([
                .integer(Int64(record.sequence)), .text(JournalLine.time(record.instant)), .integer(Int64(record.kind)),
                .integer(Int64(record.request.count)), .integer(Int64(record.answer.count)),
            ])
            return true
        }
        if json { return try Terminal.show(lines) }
        let problems = journal.opening.problems.map(\.description)
        try Terminal.show(
            table.lines(width: Terminal.width, style: Terminal.style)
                + ["records \(journal.opening.firstSequence) to \(Int64(next) - 1)"] + problems)
    }

    private func show(_ record: JournalRecord) throws {
        guard unmask else {
            throw CommandError.usage(
                "YJ-207", "what a record says is shown only with --unmask and --reason",
                advice: "add --unmask --reason \"why it must be seen\"")
        }
        Terminal.say("note: a record is shown in full (脱敏已解除); reason: \(reason ?? "")")
        try Terminal.show([
            json
                ? JournalLine.members(record, withBody: true).pretty
                : [
                    "record \(record.sequence), \(JournalLine.time(record.instant)), kind \(record.kind)", "request:",
                    String(decoding: record.request, as: UTF8.self), "answer:",
                    String(decoding: record.answer, as: UTF8.self),
                ].joined(separator: "\n")
        ])
    }
}

/// `yijian journal replay JOURNAL`: every record as a line of JSON, for another program to play again.
struct JournalReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Write every record, request and answer, as lines of JSON (重放).",
        discussion: "This is personal data: --reason is needed, and printed on standard error.")

    @OptionGroup var place: JournalPlace

    @Option(name: .long, help: "From this record on.")
    var from: UInt64 = 0

    @Option(name: .long, help: "Up to this record.")
    var through: UInt64 = .max

    @Option(name: .long, help: "Only records of this kind.")
    var kind: UInt8?

    @Option(name: .long, help: "Why it is read.")
    var reason: String

    func validate() throws {
        if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason TEXT: say why it is read") }
    }

    func run() throws {
        let journal = try place.open()
        Terminal.say("note: records are written in full (脱敏已解除); reason: \(reason)")
        try journal.replay(from: from) { record in
            try Interrupt.check()
            guard record.sequence <= through else { return false }
            if kind == nil || kind == record.kind {
                try Terminal.show([JournalLine.members(record, withBody: true).compact])
            }
            return true
        }
    }
}

/// `yijian journal erase JOURNAL RECORD`: forgets what a record says.
struct JournalEraseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase", abstract: "Erase what one record says, for good; everything still verifies (遗忘).",
        discussion: "Not while the service runs. Copies and backups are for you to find.")

    @OptionGroup var place: JournalPlace

    @Argument(help: "The number of the record.")
    var record: UInt64

    func run() throws {
        let journal = try Journal.open(place.journal, keys: KeyFile.read(place.keys))
        defer { journal.close() }
        try journal.erase(record)
        try Terminal.show(["record \(record) is erased; its number, link and commitment stay"])
    }
}

/// `yijian journal retire JOURNAL --keep-days N`: gives up what was kept long enough.
struct JournalRetireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Give up segments whose records are all older than the days given (保存期限).",
        discussion: """
            Not while the service runs. Whole segments only, oldest first. Network logs must be kept for six months
            (网络安全法): fewer than 183 days are refused.
            """)

    @OptionGroup var place: JournalPlace

    @Option(name: .long, help: "Days that are kept; at least 183.")
    var keepDays: Int

    func validate() throws {
        if !(183...36_600).contains(keepDays) { throw ValidationError("--keep-days must be 183 to 36600") }
    }

    func run() throws {
        let journal = try Journal.open(place.journal, keys: KeyFile.read(place.keys))
        defer { journal.close() }
        let before = journal.opening.firstSequence
        let first = try journal.retire(olderThan: WallClock.milliseconds() - Int64(keepDays) * 86_400_000)
        try Terminal.show(["\(first - before) records retired; the journal begins with record \(first)"])
    }
}

/// `yijian journal keys FILE`: makes a key file, or adds a key to one.
struct JournalKeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make a key file, or add a key to it with --rotate (密钥轮换).")

    @Argument(help: "The key file.")
    var file: String

    @Option(name: .long, help: "aes-256-gcm or sm4-ctr-hmac-sm3 (国密).")
    var suite = "aes-256-gcm"

    @Flag(name: .long, help: "Add a key: it enciphers from the next start on.")
    var rotate = false

    func run() throws {
        guard let suite = CipherSuite(name: suite) else {
            throw ValidationError("--suite is aes-256-gcm or sm4-ctr-hmac-sm3")
        }
        if rotate { try KeyFile.rotate(at: file, suite: suite) } else { try KeyFile.generate(at: file, suite: suite) }
        try Terminal.show([
            "key \(try KeyFile.read(file).current.identifier), \(suite.name); keep a copy in a safe, apart from the journal"
        ])
    }
}

/// A record as JSON and its time as a person reads it, in China Standard Time.
enum JournalLine {
    static func time(_ instant: Int64) -> String {
        let style = Date.ISO8601FormatStyle(
            includingFractionalSeconds: true, timeZone: TimeZone(secondsFromGMT: 8 * 3600) ?? .gmt)
        return Date(timeIntervalSince1970: Double(instant) / 1000).formatted(style)
    }

    static func members(_ record: JournalRecord, withBody: Bool) -> JSONText {
        .members([
            "record": .integer(Int64(record.sequence)), "time": .text(time(record.instant)),
            "instant": .integer(record.instant), "kind": .integer(Int64(record.kind)),
            "commitment": .text(HexText.text(record.commitment)),
            "request_bytes": .integer(Int64(record.request.count)),
            "answer_bytes": .integer(Int64(record.answer.count)),
            "request": withBody ? .text(String(decoding: record.request, as: UTF8.self)) : nil,
            "answer": withBody ? .text(String(decoding: record.answer, as: UTF8.self)) : nil,
        ])
    }
}
