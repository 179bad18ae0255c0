import Claims
import Knowledge

/// How the point-of-care service runs (`yijian serve`): a YAML file, then the environment over it.
///
/// Everything has a default; a member that is not known, or a value out of its range, is a diagnostic with its line, and
/// the service does not start.
package struct ServiceSettings: Sendable {
    package var host = "127.0.0.1"
    package var port = 8301
    package var dataset: String?
    package var knowledge: String?
    package var areas: [String] = []
    package var journal = "journal"
    /// The journal's cipher keys; nil: beside its folder.
    package var journalKeys: String?
    package var keys: String?
    package var threads = 2
    /// Milliseconds after which a review is answered "accepted, not yet audited".
    package var budgetMilliseconds = 300
    package var bodyBytesMax = 4 << 20
    package var connectionsMax = 10_000
    /// Reviews and uploads that wait at most.
    package var reviewsMax = 1_024
    package var uploadsMax = 64
    package var waitingBytesMax = 256 << 20
    package var headSecondsMax = 10
    package var bodySecondsMax = 30
    /// Seconds for which the platform's answer to a relayed message is waited for, and messages on their way at most.
    package var relaySecondsMax = 30
    package var relaysMax = 64
    /// The key file of persons' pseudonyms in the dataset (`yijian ingest --key`), and the kind under which the numbers of
    /// messages were made pseudonyms there.
    package var personKey: String?
    package var personKind = "psn_no"
    /// Whether settlements reach us, so that no settlement means none.
    package var receivesSettlements = false
    /// Since when all sales with trace codes (3505) and their returns (3506) reach us; nil: more may exist.
    package var movementsSince: Day?
    /// Institutions that are not listed are served with the defaults, or refused.
    package var admitsUnlisted = true
    package var unlisted = InstitutionSettings()
    package var institutions: [String: InstitutionSettings] = [:]

    package init() {}

    package func institution(_ code: String) -> InstitutionSettings? {
        institutions[code] ?? (admitsUnlisted ? unlisted : nil)
    }
}

extension ServiceSettings {
    /// By which name the dataset knows a person: by the number, or by its pseudonym where there is a key.
    package func names(_ key: PersonKey?) -> PersonNames {
        guard let key else { return { $0 } }
        let kind = personKind
        return { key.pseudonym(kind: kind, number: $0) }
    }
}

/// How one institution talks to us.
package struct InstitutionSettings: Sendable, Equatable {
    package enum Signing: String, Sendable, CaseIterable {
        case none
        case tif = "T1"
        case api = "T2"
        case ciphers = "T3"
        case envelope = "T4"
    }

    package var name: String?
    package var kind: String?
    package var level: Int?
    package var signing = Signing.none
    /// The name of its keys in the key file; its code when nothing else is said.
    package var key: String?
    package var tables = CodeTables()
    package var notice = Reviewer.Notice.advisory
    /// Where its messages are passed on to; nil: they are copies, and the answer is our own (`mirror`).
    package var relay: RelayAddress?

    package init() {}
}

/// Reads the file. Diagnostics are values; with an error there are no settings.
package struct SettingsReader {
    private let file: String
    package private(set) var diagnostics: [Diagnostic] = []

    package init(file: String) { self.file = file }

    package mutating func read(_ content: [UInt8], environment: [String: String]) -> ServiceSettings? {
        var settings = ServiceSettings()
        if !content.isEmpty {
            let (document, problems) = YamlDocument.read(content, file: file)
            diagnostics += problems
            guard let document else { return nil }
            top(document.root, &settings)
        }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("YIJIAN_SERVE_") {
            let key = name.dropFirst("YIJIAN_SERVE_".count).lowercased()
            if !set(String(key), value, &settings) {
                report(
                    0, 0, "WEB201", "the variable \(name) is not known or its value does not fit",
                    "See docs/operations.md")
            }
        }
        return diagnostics.contains { $0.severity == .error } ? nil : settings
    }

    private mutating func report(_ line: Int, _ column: Int, _ code: String, _ message: String, _ advice: String) {
        diagnostics.append(
            Diagnostic(file: file, line: line, column: column, code: code, message: message, advice: advice))
    }

    private mutating func top(_ root: YamlNode, _ settings: inout ServiceSettings) {
        guard let pairs = root.pairs else {
            if !root.isNull {
                report(root.line, root.column, "WEB202", "settings are names and values", "Write `port: 8301`")
            }
            return
        }
        for (key, value) in pairs {
            let name = key.string ?? ""
            switch name {
            case "areas": settings.areas = (value.elements ?? [value]).compactMap(\.string)
            case "unlisted": settings.unlisted = institution(value)
            case "institutions":
                for (code, own) in value.pairs ?? [] {
                    if let code = code.string { settings.institutions[code] = institution(own) }
                }
            default:
                if value.string.map({ set(name, $0, &settings) }) != true {
                    report(
                        key.line, key.column, "WEB203", "`\(name)` is not a setting, or its value does not fit",
                        "See docs/operations.md for the names and ranges")
                }
            }
        }
    }

    /// False when the name is not known or the value does not fit.
    private func set(_ name: String, _ text: String, _ settings: inout ServiceSettings) -> Bool {
        func number(_ range: ClosedRange<Int>, _ place: WritableKeyPath<ServiceSettings, Int>) -> Bool {
            guard let value = Int(text), range.contains(value) else { return false }
            settings[keyPath: place] = value
            return true
        }
        func flag(_ place: WritableKeyPath<ServiceSettings, Bool>) -> Bool {
            guard let value = ["true": true, "yes": true, "false": false, "no": false][text] else { return false }
            settings[keyPath: place] = value
            return true
        }
        switch name {
        case "host": settings.host = text
        case "dataset": settings.dataset = text
        case "knowledge": settings.knowledge = text
        case "journal": settings.journal = text
        case "journal_keys": settings.journalKeys = text
        case "keys": settings.keys = text
        case "person_key": settings.personKey = text
        case "person_kind": settings.personKind = text
        case "relay_seconds_max": return number(1...300, \.relaySecondsMax)
        case "relays_max": return number(1...10_000, \.relaysMax)
        case "port": return number(0...65_535, \.port)
        case "threads": return number(1...64, \.threads)
        case "budget_milliseconds": return number(10...10_000, \.budgetMilliseconds)
        case "body_bytes_max": return number(65_536...(64 << 20), \.bodyBytesMax)
        case "connections_max": return number(1...100_000, \.connectionsMax)
        case "reviews_max": return number(1...100_000, \.reviewsMax)
        case "uploads_max": return number(1...10_000, \.uploadsMax)
        case "waiting_bytes_max": return number((8 << 20)...(4 << 30), \.waitingBytesMax)
        case "head_seconds_max": return number(1...120, \.headSecondsMax)
        case "body_seconds_max": return number(1...600, \.bodySecondsMax)
        case "receives_settlements": return flag(\.receivesSettlements)
        case "movements_since":
            settings.movementsSince = Day(text)
            return settings.movementsSince != nil
        case "admits_unlisted": return flag(\.admitsUnlisted)
        default: return false
        }
        return true
    }

    private mutating func institution(_ node: YamlNode) -> InstitutionSettings {
        var own = InstitutionSettings()
        for (key, value) in node.pairs ?? [] {
            let name = key.string ?? ""
            let text = value.string ?? ""
            var fits = true
            switch name {
            case "name": own.name = text
            case "kind": own.kind = text
            case "key": own.key = text
            case "level":
                own.level = Int(text)
                fits = own.level.map { (0...3).contains($0) } ?? false
            case "signing":
                fits = InstitutionSettings.Signing(rawValue: text) != nil
                own.signing = InstitutionSettings.Signing(rawValue: text) ?? .none
            case "notice":
                fits = Reviewer.Notice(rawValue: text) != nil
                own.notice = Reviewer.Notice(rawValue: text) ?? .advisory
            case "relay":
                own.relay = RelayAddress(text)
                fits = own.relay != nil
            case "visit_kinds": own.tables.visitKinds = texts(value)
            case "sexes": own.tables.sexes = texts(value)
            case "settings": own.tables.settings.merge(texts(value)) { $1 }
            default: fits = false
            }
            if !fits {
                report(
                    key.line, key.column, "WEB204",
                    "`\(name)` is not a setting of an institution, or its value does not fit",
                    "See docs/operations.md for the names and ranges")
            }
        }
        return own
    }

    private func texts(_ node: YamlNode) -> [String: String] {
        var found: [String: String] = [:]
        for (key, value) in node.pairs ?? [] { if let key = key.string { found[key] = value.string } }
        return found
    }
}
