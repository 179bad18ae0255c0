import ArgumentParser
import Audit
import Claims
import Columns
import Foundation
import Glibc
import Knowledge
import Ledger
import Rules
import Web

/// `yijian serve`: the point-of-care service over the national interface (事前、事中服务).
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Answer 3101, 3102 and 3103 of the national interface, and take uploads (在线审核).",
        discussion: """
            Settings come from a YAML file, then from variables YIJIAN_SERVE_NAME, then from the options here. An answer
            leaves after request and answer are recorded in the journal. SIGHUP reads the rules again; they are also read
            when their files change. SIGTERM ends the service after what is at hand was answered.
            """)

    @OptionGroup var place: ServicePlace
    @OptionGroup var matters: APIPlace

    @Option(name: .long, help: "The port; 0 takes any free one and prints it.")
    var port: Int?

    @Option(name: .long, help: "What is logged to standard error: quiet, events, requests.")
    var log = "events"

    func run() throws {
        var settings = try place.read()
        if let port { settings.port = port }
        let level: ServiceLog.Level? = ["quiet": .quiet, "events": .events, "requests": .requests][log]
        guard let level else {
            throw CommandError.usage("YJ-210", "there is no log level `\(log)`", advice: "quiet, events or requests")
        }
        let folder = try place.knowledgeFolder(settings)
        let areas = settings.areas
        let plan = try KnowledgePlan.load(folder, areas: areas, rules: nil)
        let dataset = try settings.dataset.flatMap { try place.openDataset($0) }
        let book = try matters.casebook(knowledge: folder)
        let log = ServiceLog(level: level)
        let service = try Counter(
            settings: settings, plan: plan, dataset: dataset, keeper: try place.keeper(settings),
            keys: try place.file.gatewayKeys(settings), personKey: try place.file.personKey(settings), log: log,
            watching: folder, api: book.map { API($0, threads: matters.threads, log: log) },
            reload: { try KnowledgePlan.load(folder, areas: areas, rules: nil) })
        let port = try start(service, settings)
        let line = "yijian serve: http://\(settings.host):\(port) with \(plan.rules.count) rules\n"
        FileHandle.standardOutput.write(Data(line.utf8))
        Hangup.listen()
        while !Interrupt.isPending {
            usleep(100_000)
            if Hangup.take() { service.reloadRules() }
        }
        service.log.event("stopping")
        service.stop()
        service.log.event("stopped")
    }

    private func start(_ service: Counter, _ settings: ServiceSettings) throws -> Int {
        do {
            return try service.start()
        } catch {
            throw CommandError(
                code: "YJ-420", what: "the service cannot listen on \(settings.host):\(settings.port)",
                place: "\(error)",
                why: "another process may have the port, or the address is not of this machine",
                advice: "choose another with --port or `port:` in the settings", status: .worldFailed)
        }
    }
}

/// The service's settings and its journal, as other commands than the service read them too.
struct ServiceFile: ParsableArguments {
    @Option(name: .long, help: "The file of settings (YAML).")
    var settings: String?

    @Option(name: .long, help: "The folder of the journal.")
    var journal: String?

    func read() throws -> ServiceSettings {
        var content: [UInt8] = []
        if let settings {
            guard let data = FileManager.default.contents(atPath: settings) else {
                throw CommandError(
                    code: "YJ-421", what: "the settings cannot be read", place: settings,
                    advice: "name a file that exists and may be read")
            }
            content = Array(data)
        }
        var reader = SettingsReader(file: settings ?? "the environment")
        guard var result = reader.read(content, environment: ProcessInfo.processInfo.environment) else {
            throw CommandError(
                code: "YJ-422", what: "the settings do not fit", place: settings,
                why: reader.diagnostics.map(\.description).joined(separator: "\n         "),
                advice: "mend what is named; docs/operations.md lists every setting")
        }
        if let journal { result.journal = journal }
        return result
    }

    func gatewayKeys(_ settings: ServiceSettings) throws -> GatewayKeys {
        guard let path = settings.keys else { return GatewayKeys() }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                code: "YJ-423", what: "the key file cannot be read", place: path,
                advice: "name a file that exists and that this user may read")
        }
        let (keys, diagnostics) = GatewayKeys.read(Array(data), file: path)
        guard let keys else {
            throw CommandError(
                code: "YJ-424", what: "the key file does not fit", place: path,
                why: diagnostics.map(\.description).joined(separator: "\n         "),
                advice: "see docs/interface.md, signing")
        }
        return keys
    }

    /// The key of persons' pseudonyms in the dataset; nil when the dataset knows persons by their numbers.
    func personKey(_ settings: ServiceSettings) throws -> PersonKey? {
        guard let path = settings.personKey else { return nil }
        guard let data = FileManager.default.contents(atPath: path), let key = PersonKey(Array(data)) else {
            throw CommandError(
                code: "YJ-427", what: "the key of persons' pseudonyms cannot be used", place: path,
                why: "it cannot be read, or is shorter than 16 bytes",
                advice: "name the file that the dataset was imported with (`yijian ingest --key`)")
        }
        return key
    }
}

/// Where the service finds its settings and what they name.
struct ServicePlace: ParsableArguments {
    @OptionGroup var file: ServiceFile

    @Option(name: .long, help: "The dataset that gives history; none: history is what was received.")
    var dataset: String?

    @Option(name: .long, help: "The experts' package (知识包); default: the one that ships.")
    var knowledge: String?

    func read() throws -> ServiceSettings {
        var result = try file.read()
        if let dataset { result.dataset = dataset }
        if let knowledge { result.knowledge = knowledge }
        return result
    }

    /// nil when nothing was imported there yet: the service takes the first generation into use when it is there.
    func openDataset(_ path: String) throws -> Dataset? {
        guard FileManager.default.fileExists(atPath: path + "/CURRENT"), Dataset.currentGeneration(path) != 0 else {
            Terminal.say("note: there is no dataset at \(path) yet; history is what was received")
            return nil
        }
        return try Dataset.open(path)
    }

    func knowledgeFolder(_ settings: ServiceSettings) throws -> String {
        guard let folder = settings.knowledge ?? Shipped.folder("knowledge", holding: "package.yaml") else {
            throw CommandError.usage(
                "YJ-204", "there is no experts' package here", advice: "name one with --knowledge FOLDER")
        }
        return folder
    }

    /// The journal; its key file lies beside its folder and is made with it.
    func keeper(_ settings: ServiceSettings) throws -> any RecordKeeping {
        let keyPath = settings.journalKeys ?? settings.journal + ".keys"
        if settings.journalKeys == nil, !FileManager.default.fileExists(atPath: keyPath) {
            guard !FileManager.default.fileExists(atPath: settings.journal) else {
                throw CommandError(
                    code: "YJ-425", what: "the journal is here but its key file is not", place: keyPath,
                    why: "without its keys nothing in the journal can be read",
                    advice: "bring the key file back from where it is kept, or name another journal")
            }
            try FileManager.default.createDirectory(
                at: URL(fileURLWithPath: keyPath).deletingLastPathComponent(), withIntermediateDirectories: true)
            try KeyFile.generate(at: keyPath)
        }
        return JournalRecords(try Journal.open(settings.journal, keys: try KeyFile.read(keyPath)))
    }
}

/// Whether somebody asked for the rules to be read again (SIGHUP).
enum Hangup {
    nonisolated(unsafe) private static var flag: sig_atomic_t = 0

    static func listen() { signal(SIGHUP) { _ in Hangup.flag = 1 } }

    static func take() -> Bool {
        defer { flag = 0 }
        return flag != 0
    }
}
