import Audit
import Claims
import Columns
import Foundation
import Glibc
import Rules
import Synchronization

/// The counter where messages are taken: rules, history, journal, threads and door put together (在线审核服务).
package final class Counter: Sendable {
    package let care: PointOfCare
    private let server: HTTPServer
    private let api: API?
    private let left: Atomic<Int>
    private let rulesWatch: RulesWatch?
    private let datasetWatch: DatasetWatch?
    private let isStopped = Atomic<Bool>(false)
    package let log: ServiceLog
    private static let pause = 2.0

    /// `plan` is in force at first; `reload` reads the package again when its files change. `personKey` makes the numbers
    /// of persons the pseudonyms by which the dataset knows them.
    package init(
        settings: ServiceSettings, plan: Plan, dataset: Dataset?, keeper: any RecordKeeping, keys: GatewayKeys,
        personKey: PersonKey? = nil, log: ServiceLog, watching folder: String?, api: API? = nil,
        reload: (@Sendable () throws -> Plan)?
    ) throws {
        self.log = log
        self.api = api
        let timelines = try dataset.map { try DatasetTimelines($0) }
        var masters = timelines?.masters ?? [:]
        var absent =
            timelines?.absent
            ?? Set(Table.allCases.filter { $0.role != .timeline })
            .union([.entitlement, .prescription, .settlement])
        Self.addInstitutions(settings, to: &masters, &absent)
        if settings.receivesSettlements { absent.remove(.settlement) }
        let names = try dataset.map { try FindingsNames(dataset: $0) } ?? FindingsNames()
        let rulebook = Rulebook(
            plan: plan, names: names, masters: masters, absent: absent,
            familiar: timelines?.familiarCodes ?? FamiliarCodes(), threads: settings.threads)
        let verifier = SignatureVerifier(keys: keys)
        let histories = Histories(
            timelines.map { Histories.Source($0.dataset, keeper, $0) } ?? Histories.Source(timelines: nil),
            keeper: keeper,
            tables: { settings.institution($0)?.tables ?? CodeTables() },
            decipher: { verifier.decipher($0, settings) }, names: settings.names(personKey))
        let reviewer = Reviewer(
            rulebook: rulebook, histories: histories, coverage: timelines?.coverage,
            movementsSince: settings.movementsSince)
        care = PointOfCare(
            settings: settings, rulebook: rulebook, reviewer: reviewer, keeper: keeper, verifier: verifier,
            casebook: api?.book, log: log)
        server = HTTPServer(care, api: api)
        left = Atomic(settings.threads)
        if let folder, let reload {
            rulesWatch = RulesWatch(folder: folder, care: care, reload: reload)
        } else {
            rulesWatch = nil
        }
        datasetWatch = settings.dataset.map { [care] in DatasetWatch(folder: $0, care: care) }
    }

    /// Institutions of the settings are known to rules where the dataset does not have them.
    private static func addInstitutions(
        _ settings: ServiceSettings, to masters: inout [Table: [CaseRow]], _ absent: inout Set<Table>
    ) {
        let known = Set((masters[.institution] ?? []).map(\.id))
        var added: [CaseRow] = []
        for (code, institution) in settings.institutions.sorted(by: { $0.key < $1.key }) where !known.contains(code) {
            var values: [Int: CaseValue] = [:]
            func set(_ name: String, _ value: CaseValue?) {
                if let value, let place = Table.institution.index(of: name) { values[place] = value }
            }
            set("code", .text(code))
            set("name", institution.name.map { .text($0) })
            set("kind", institution.kind.map { .text($0) })
            set("level", institution.level.map { .number(Int64($0)) })
            added.append(CaseRow(id: code, values: values))
        }
        guard !added.isEmpty else { return }
        masters[.institution, default: []] += added
        absent.remove(.institution)
    }

    /// Begins to take messages; the port.
    package func start() throws -> Int {
        for number in 0..<care.settings.threads {
            let care = care
            // With more than one thread the first is kept for reviews.
            let takesUploads = care.settings.threads == 1 || number > 0
            let running = self
            let thread = Thread {
                care.work(takesUploads: takesUploads)
                running.left.subtract(1, ordering: .acquiringAndReleasing)
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        care.resume()
        let running = self
        Thread.detachNewThread {
            while !running.isStopped.load(ordering: .relaxed) {
                Thread.sleep(forTimeInterval: Self.pause)
                running.look()
            }
        }
        return try server.start()
    }

    /// Looks whether rules or dataset changed; two looks in a row must see the same files before rules are read.
    package func look() {
        rulesWatch?.check(isForced: false)
        datasetWatch?.check()
    }

    /// Reads the rules again now.
    package func reloadRules() { rulesWatch?.check(isForced: true) }

    /// Takes nothing new, finishes what is at hand, closes the journal.
    package func stop(seconds: Int = 20) {
        isStopped.store(true, ordering: .relaxed)
        server.stop(seconds: seconds)
        api?.stop()
        care.queue.close()
        let deadline = WallClock.steady + UInt64(seconds) * 1_000_000_000
        while left.load(ordering: .acquiring) > 0, WallClock.steady < deadline { usleep(5_000) }
        care.upstream?.close()
        care.keeper.close()
    }
}
