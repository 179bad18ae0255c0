import Foundation
import Rules
import Synchronization

/// Puts new rules in force when the files of the package change (规则热更新). A package with an error changes nothing: the
/// rules in force stay, the refusal is counted, logged and shown by `/health`.
final class RulesWatch: Sendable {
    private let folder: String
    private let care: PointOfCare
    private let reload: @Sendable () throws -> Plan
    private let seen: Mutex<Seen>

    /// What the files looked like: when they were last read, and at the last look.
    private struct Seen {
        var read: [String]
        var last: [String]
    }

    init(folder: String, care: PointOfCare, reload: @escaping @Sendable () throws -> Plan) {
        self.folder = folder
        self.care = care
        self.reload = reload
        let now = Self.state(of: folder)
        seen = Mutex(Seen(read: now, last: now))
    }

    /// Reads the package when its files changed and have come to rest.
    func check(isForced: Bool) {
        let now = Self.state(of: folder)
        let mustRead = seen.withLock { seen -> Bool in
            let isQuiet = seen.last == now
            seen.last = now
            guard isForced || (isQuiet && seen.read != now) else { return false }
            seen.read = now
            return true
        }
        guard mustRead else { return }
        let plan: Plan
        do {
            plan = try reload()
        } catch {
            let why = "\(error)".limited(to: 600)
            care.figures.add(.rulesRefused)
            care.refusedRules.withLock { $0 = why }
            care.log.event(
                "rules refused",
                [("package", folder), ("in_force", care.rulebook.edition.plan.packageHash), ("why", why)])
            return
        }
        care.refusedRules.withLock { $0 = nil }
        guard isForced || plan.packageHash != care.rulebook.edition.plan.packageHash else { return }
        care.rulebook.replace(with: plan)
        care.figures.add(.rulesReloaded)
        care.log.event("rules in force", [("package", plan.packageHash), ("rules", "\(plan.rules.count)")])
    }

    /// Name, size and time of every file.
    private static func state(of folder: String) -> [String] {
        guard let files = FileManager.default.enumerator(atPath: folder) else { return [] }
        var lines: [String] = []
        for case let name as String in files {
            let facts = files.fileAttributes
            let time = (facts?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            lines.append("\(name) \((facts?[.size] as? Int) ?? 0) \(time)")
        }
        return lines.sorted()
    }
}
