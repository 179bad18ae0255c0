import ArgumentParser
import Audit
import Columns
import Documents
import Foundation
import Glibc
import Ledger
import Rules
import Web

/// `yijian doctor`: looks at everything the service stands on, and says what to do about what is not well (体检).
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check settings, rules, dataset, journal, keys, disk and port of the service (体检).",
        discussion: "Exit code 0: all well; 1: something needs a hand. Nothing is changed.")

    @OptionGroup var place: ServicePlace
    @OptionGroup var matters: APIPlace

    @Flag(name: .long, help: "Print only what is not well.")
    var quiet = false

    func run() throws {
        var examination = Examination()
        let settings = examination.look("settings") {
            try place.read()
        } saying: { settings in
            "\(settings.institutions.count) institutions listed, port \(settings.port)"
        }
        guard let settings else { return try finish(examination) }
        let plan = examination.look("rules") {
            try KnowledgePlan.load(try place.knowledgeFolder(settings), areas: settings.areas, rules: nil)
        } saying: { plan in
            "\(plan.rules.count) rules, package \(plan.packageName) \(plan.packageVersion)"
        }
        if let dataset = settings.dataset {
            examination.look("dataset") {
                try place.openDataset(dataset).map { try DatasetTimelines($0) }
            } saying: { timelines in
                guard let timelines else { return "nothing was imported at \(dataset) yet" }
                return "generation \(timelines.dataset.generation)"
                    + (timelines.absent.isEmpty
                        ? "" : ", without \(timelines.absent.map(\.rawValue).sorted().joined(separator: ", "))")
            }
        }
        examination.look("keys of institutions") {
            try place.file.gatewayKeys(settings)
        } saying: {
            "\($0.keys.count)"
        }
        let unsigned = settings.institutions.filter { $0.value.signing == .none }.keys.sorted()
        if !unsigned.isEmpty || settings.admitsUnlisted {
            examination.warn(
                "signing",
                settings.admitsUnlisted
                    ? "anyone who reaches the port is served" : "\(unsigned.count) institutions do not sign",
                "set `signing` per institution and `admits_unlisted: no`, or keep the port inside the hospital's network"
            )
        }
        if settings.host == "0.0.0.0" {
            examination.warn(
                "network", "listens on all addresses without TLS", "put a proxy with TLS in front (docs/operations.md)")
        }
        journal(settings, &examination)
        disk(settings, &examination)
        ciphers(&examination)
        clock(&examination)
        port(settings, plan, &examination)
        staffing(settings, &examination)
        try finish(examination)
    }

    /// With a store: whether every step of every procedure has people who can take it (无人可办的步骤).
    private func staffing(_ settings: ServiceSettings, _ examination: inout Examination) {
        let book = examination.look("store of matters") {
            try matters.casebook(knowledge: try place.knowledgeFolder(settings))
        } saying: {
            $0.map { "\($0.library.procedures.count) procedures" } ?? "none: matters are not served"
        }
        guard let found = book, let book = found else { return }
        let steps = examination.look("posts") {
            try book.unstaffedSteps()
        } saying: {
            "\($0.count) steps that nobody can take"
        }
        for step in steps ?? [] {
            examination.warn(
                "post", "\(step.procedure) \(step.step): \(step.reason)",
                "grant, lend or delegate a post with that role (`yijian posts`)")
        }
    }

    private func finish(_ examination: Examination) throws {
        try Terminal.show(examination.lines(isQuiet: quiet, style: Terminal.style))
        if examination.hasFailed { throw CommandError.Quiet(status: .checkFailed) }
    }

    private func journal(_ settings: ServiceSettings, _ examination: inout Examination) {
        guard FileManager.default.fileExists(atPath: settings.journal) else {
            return examination.note("journal", "will be made at \(settings.journal) on the first start")
        }
        examination.look("journal") {
            let keys = try KeyFile.read(settings.journalKeys ?? settings.journal + ".keys")
            return try Journal.read(settings.journal, keys: keys).opening
        } saying: { opening in
            "records \(opening.firstSequence) to \(Int64(opening.nextSequence) - 1)"
                + (opening.problems.isEmpty ? "" : "; \(opening.problems.map(\.description).joined(separator: "; "))")
        }
    }

    private func disk(_ settings: ServiceSettings, _ examination: inout Examination) {
        var facts = statvfs()
        let folder =
            FileManager.default.fileExists(atPath: settings.journal)
            ? settings.journal : URL(fileURLWithPath: settings.journal).deletingLastPathComponent().path
        guard statvfs(folder, &facts) == 0 else {
            return examination.fail(
                "disk", "\(folder) cannot be looked at", "make the folder, owned by the service's user")
        }
        let free = (UInt64(facts.f_bavail) * UInt64(facts.f_frsize)) >> 20
        let text = "\(free) MiB free for the journal"
        if free < 1024 {
            examination.fail("disk", text, "make room: full disks mean answers that are not recorded")
        } else if access(folder, W_OK) != 0 {
            examination.fail("disk", "\(folder) cannot be written", "give it to the service's user")
        } else {
            examination.note("disk", text)
        }
    }

    private func ciphers(_ examination: inout Examination) {
        let digest = Bytes.hex(NationalCiphers.sm3(Array("abc".utf8)))
        let isRight =
            digest == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
            && NationalCiphers.sm4(
                Array(repeating: 1, count: 16), key: Array(repeating: 2, count: 16), isEncrypting: true) != nil
        if isRight {
            examination.note("ciphers", "SM3 and SM4 answer the standard's vectors")
        } else {
            examination.fail(
                "ciphers", "the cryptographic library has no SM3 or SM4",
                "install OpenSSL 3 with the national algorithms")
        }
    }

    private func clock(_ examination: inout Examination) {
        let year = Int(WallClock.compact(WallClock.milliseconds).prefix(4)) ?? 0
        if year < 2025 || year > 2100 {
            examination.fail(
                "clock", "it is the year \(year) here", "set the clock (chrony): signatures and records depend on it")
        } else {
            examination.note("clock", WallClock.compact(WallClock.milliseconds) + " (UTC+8)")
        }
    }

    private func port(_ settings: ServiceSettings, _ plan: Plan?, _ examination: inout Examination) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(settings.port).bigEndian
        inet_pton(AF_INET, settings.host, &address.sin_addr)
        let isFree = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard !isFree else { return examination.note("port", "\(settings.port) is free") }
        guard let running = HealthAnswer.ask(host: settings.host, port: settings.port) else {
            return examination.warn(
                "port", "\(settings.port) is taken by a program that does not answer as this service does",
                "end that program, or choose another `port`")
        }
        examination.note("port", "\(settings.port): the service runs there, \(running.recorded) messages recorded")
        service(running, settings, plan, &examination)
    }

    /// What only the running service can say: which rules and which dataset it works with, and whether it records.
    private func service(
        _ running: HealthAnswer, _ settings: ServiceSettings, _ plan: Plan?, _ examination: inout Examination
    ) {
        if !running.isRecording {
            examination.fail(
                "service", "it cannot record what it receives: uploads are refused, reviews are marked",
                "look at the disk of \(settings.journal) and at the service's log")
        }
        if let why = running.refusedRules {
            examination.fail(
                "rules in force",
                "the service refused the package that it read last and goes on with "
                    + "\(running.package): \(why)",
                "mend it (`yijian rules check`): the service reads it again by itself, or at once on SIGHUP")
        } else if let plan, plan.packageHash != running.packageHash {
            examination.warn(
                "rules in force", "the service works with \(running.package), which is not the package on disk",
                "wait some seconds, or send it SIGHUP; is `knowledge` the folder that the service was started with?")
        } else {
            examination.note("rules in force", running.package)
        }
        guard let dataset = settings.dataset, let there = Dataset.currentGeneration(dataset), there > 0,
            let used = running.generation, used != there
        else { return }
        examination.warn(
            "dataset in use", "the service works with generation \(used), on disk is \(there)",
            "wait some seconds; if it stays, the service's log says why it refused it")
    }
}

/// What was looked at, and how it is.
private struct Examination {
    private enum State { case well, doubtful, ill }
    private var entries: [(state: State, name: String, text: String, advice: String?)] = []

    var hasFailed: Bool { entries.contains { $0.state == .ill } }

    @discardableResult
    mutating func look<Result>(
        _ name: String, _ body: () throws -> Result, saying: (Result) -> String
    ) -> Result? {
        do {
            let result = try body()
            note(name, saying(result))
            return result
        } catch {
            let error = CommandError(error)
            let text = [error.what, error.place, error.why].compactMap { $0 }.joined(separator: ": ")
            fail(name, "\(error.code) \(text)", error.advice ?? "")
            return nil
        }
    }

    mutating func note(_ name: String, _ text: String) { entries.append((.well, name, text, nil)) }
    mutating func warn(_ name: String, _ text: String, _ advice: String) {
        entries.append((.doubtful, name, text, advice))
    }
    mutating func fail(_ name: String, _ text: String, _ advice: String) { entries.append((.ill, name, text, advice)) }

    func lines(isQuiet: Bool, style: TerminalStyle) -> [String] {
        entries.filter { !isQuiet || $0.state != .well }.flatMap { entry -> [String] in
            let mark =
                switch entry.state {
                case .well: "ok  "
                case .doubtful: "look"
                case .ill: style.red("fail")
                }
            let name = entry.name.padding(toLength: 22, withPad: " ", startingAt: 0)
            return ["\(mark)  \(name)\(entry.text)"] + (entry.advice.map { ["      do: \($0)"] } ?? [])
        }
    }
}
