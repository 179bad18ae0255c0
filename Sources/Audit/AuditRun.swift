import Claims
import Columns
import Dispatch
import Foundation
import Rules
import Synchronization

/// What to audit and how.
package struct AuditOptions: Sendable {
    package var threads = 2
    /// Only focus rows of these days.
    package var from: Day?
    package var to: Day?
    /// Rules about one person look only at persons of whom something new was said since this generation.
    package var since: Int?
    /// Rules about one person look only at these.
    package var persons: [String]?
    /// Also write undetermined units as rows.
    package var undeterminedRows = false
    /// Use no sieve: every row of every rule goes to the evaluator.
    package var generalPathOnly = false
    /// Scopes with more rows are indexed; nil: where that begins to pay.
    package var largeScope: Int?
    /// How many rows of an `EXISTS` stand as evidence; nil: as many as `docs/language.md` says.
    package var evidenceMost: Int?
    /// Go on from where an equal run was stopped or killed.
    package var goesOn = true
    /// A longer run puts down so often how far it is, in seconds.
    package var checkpointSeconds = 20.0
    /// Rows of a batch in `findings.arrow`.
    package var findingsPerBatch = 65_536

    package init() {}
}

package struct AuditProgress: Sendable {
    package let linesDone: Int
    package let linesTotal: Int
    package let findings: Int
}

/// One audit of a dataset with a plan: reads once, evaluates all rules, writes findings in a canonical order.
package struct AuditRun {
    private let dataset: Dataset
    private let options: AuditOptions
    let reader: ClaimsReader
    let binding: Binding
    private let runnable: [CompiledRule]
    /// Rules that the dataset does not allow, and why.
    let notRunnable: [String: String]
    private var phases: [AuditReport.Phase] = []

    /// Runs an audit and writes `findings.arrow`, `run.json` and `coverage.json` into the folder.
    ///
    /// `progress` may answer false: the run then stops after the chunks at hand, puts down how far it is and throws
    /// `AuditCancelled`. The next run of the same dataset, package and options goes on from there; its findings are
    /// byte for byte those of a run that was never stopped.
    package static func run(
        dataset: Dataset, plan: Plan, into folder: String, options: AuditOptions,
        progress: @escaping @Sendable (AuditProgress) -> Bool = { _ in true }
    ) throws -> AuditReport {
        var run = try AuditRun(dataset: dataset, plan: plan, options: options)
        return try run.execute(into: folder, progress: progress)
    }

    init(dataset: Dataset, plan: Plan, options: AuditOptions) throws {
        let clock = Stopwatch()
        self.dataset = dataset
        self.options = options
        let vocabulary = Vocabulary()
        reader = ClaimsReader(dataset)
        try reader.internItems(vocabulary)
        let masters = Masters()
        let binding = Binding(
            plan: plan, vocabulary: vocabulary, masters: masters, coverage: dataset.coverage,
            horizonDay: dataset.coverage.to)
        if let largeScope = options.largeScope { binding.largeScope = largeScope }
        if let evidenceMost = options.evidenceMost { binding.evidenceMost = evidenceMost }
        self.binding = binding
        var used = binding.usedFields()
        if try reader.has(.settlement) {
            used[.settlement, default: []].formUnion(["reverses"].compactMap { Table.settlement.index(of: $0) })
            used[.line, default: []].formUnion(Losses.lineFields.compactMap { Table.line.index(of: $0) })
            used[.settlement, default: []].formUnion(
                Losses.settlementFields.compactMap { Table.settlement.index(of: $0) })
        }
        for table in ClaimsReader.timeline where table != .person {
            used[table, default: []].insert(
                table == .encounter || table == .entitlement
                    ? table.index(of: "person") ?? 0 : table.index(of: "encounter") ?? 0)
        }
        if binding.rules.contains(where: { $0.table == Table.scan.position }) {
            used[.scan, default: []].formUnion(
                ["person", "institution", "item"].compactMap { Table.scan.index(of: $0) })
        }
        if binding.rules.contains(where: { $0.table == Table.stock.position }) {
            used[.stock, default: []].formUnion(
                ["institution", "item", "day"].compactMap { Table.stock.index(of: $0) })
        }
        used[.diagnosis, default: []].formUnion(["sequence", "code"].compactMap { Table.diagnosis.index(of: $0) })
        for table in [Table.stock, .scan, .operation, .prescription, .settlement] { used[table, default: []].insert(0) }
        try reader.bind(used, vocabulary: vocabulary)
        for table in Table.allCases where table.role == .master {
            if let file = try dataset.master(table.rawValue) {
                try masters.bind(table, from: file, batchOwner: file, vocabulary: vocabulary)
            }
        }
        vocabulary.freeze()
        for table in Table.allCases {
            let isThere = table.role == .master ? masters.chunk[table].isPresent : try reader.has(table)
            binding.isAbsent[table.position] = !isThere
        }
        binding.diagnosisRanks = DiagnosisRanks(reader.codes(of: [(.diagnosis, "code")]), vocabulary)
        for (index, field) in Table.encounter.fields.enumerated() {
            binding.encounterCodes[index] = reader.codes(of: [(.encounter, field.name)]).sorted()
        }
        let reach = try Self.reach(reader, masters)
        var runnable: [CompiledRule] = []
        var missing: [String: String] = [:]
        for rule in binding.rules {
            if let reason = reach.reasonNotToRun(rule) {
                missing[rule.rule.id] = reason
            } else {
                runnable.append(rule)
            }
        }
        self.runnable = runnable
        notRunnable = missing
        phases.append(AuditReport.Phase(name: "bind", seconds: clock.seconds))
    }

    /// Beside one another: how rows are found, and the names that findings may speak of.
    private static func prepare(
        _ personal: [CompiledRule], _ keyed: [CompiledRule], _ binding: Binding, _ reader: ClaimsReader, isGeneral: Bool
    ) -> (SievePlan, [KeyedPlan], FindingDictionaries) {
        let named = Mutex<FindingDictionaries?>(nil)
        let planned = Mutex<(sieves: SievePlan, keyed: [KeyedPlan])?>(nil)
        DispatchQueue.concurrentPerform(iterations: 2) { part in
            if part == 0 {
                let sieves = SievePlan(personal, binding, isGeneral: isGeneral)
                let plans = keyed.map { KeyedPlan($0, binding, isGeneral: isGeneral) }
                planned.withLock { $0 = (sieves, plans) }
            } else {
                let names = dictionaries(binding, reader)
                named.withLock { $0 = names }
            }
        }
        guard let (sieves, plans) = planned.withLock({ $0 }), let names = named.withLock({ $0 }) else {
            preconditionFailure("an audit went on before it was planned")
        }
        return (sieves, plans, names)
    }

    private static func dictionaries(_ binding: Binding, _ reader: ClaimsReader) -> FindingDictionaries {
        FindingDictionaries(
            binding,
            institutions: reader.codes(of: [
                (.encounter, "institution"), (.stock, "institution"), (.scan, "institution"),
                (.prescription, "institution"),
            ]),
            items: reader.codes(of: [(.line, "item"), (.stock, "item"), (.scan, "item")]),
            pools: reader.codes(of: [(.settlement, "pool")]))
    }

    /// Which tables and fields the dataset has.
    private static func reach(_ reader: ClaimsReader, _ masters: Masters) throws -> Reach {
        var fields: [Table: Set<Int>] = [:]
        for table in Table.allCases where table.role != .master {
            guard try reader.has(table) else { continue }
            fields[table] = Set(try table.fields.indices.filter { try reader.has(table, field: $0) })
        }
        return Reach { table, field in
            guard table.role == .master else {
                return fields[table].map { known in field.map { known.contains($0) } ?? true } ?? false
            }
            let rows = masters.chunk[table]
            return rows.isPresent && (field.map { rows.slots[$0].kind != .absent } ?? true)
        }
    }

    private mutating func execute(
        into folder: String, progress: @escaping @Sendable (AuditProgress) -> Bool
    ) throws -> AuditReport {
        let clock = Stopwatch()
        let started = Date()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let keyed = runnable.filter { if case .keyed = $0.partition { true } else { false } }
        let personal = runnable.filter { if case .person = $0.partition { true } else { false } }
        let twins = RuleTwins(personal, binding, isGeneral: options.generalPathOnly)
        let (sieves, keyedPlans, dictionaries) = Self.prepare(
            twins.asked, keyed, binding, reader, isGeneral: options.generalPathOnly)
        let threads = max(1, min(options.threads, 64))
        let touched =
            try options.persons.map { TouchedPersons(persons: $0) }
            ?? options.since.map { try TouchedPersons(dataset, since: $0) }
        phases.append(AuditReport.Phase(name: "plan", seconds: clock.seconds))

        let pass = Stopwatch()
        let unfinished = try UnfinishedRun(
            in: folder, of: dataset, runnable, binding, options, chunks: reader.chunkCount, dictionaries)
        let shared = SharedRun(
            unfinished, chunks: reader.chunkCount, lines: reader.rows(of: .line),
            progress: progress)
        do {
            let workers = (0..<threads).map { _ in
                ChunkWorker(
                    binding, reader, sieves, twins, keyedPlans, dictionaries, options, shared, touched: touched)
            }
            if !keyedPlans.isEmpty, unfinished.nextChunk > 0 {
                // What was counted for rules across persons is not kept: it is counted again.
                shared.begin(0..<unfinished.nextChunk)
                DispatchQueue.concurrentPerform(iterations: threads) { workers[$0].recount() }
                try shared.check()
            }
            while unfinished.nextChunk < reader.chunkCount {
                shared.begin(unfinished.nextChunk..<reader.chunkCount, seconds: options.checkpointSeconds)
                DispatchQueue.concurrentPerform(iterations: threads) { workers[$0].run() }
                try unfinished.advance(to: shared, workers)
            }
            let findings = unfinished.writer
            phases.append(AuditReport.Phase(name: "timelines", seconds: pass.seconds))
            let across = Stopwatch()
            let keyedPass = KeyedPass(binding, reader, keyedPlans, dictionaries, options, workers: workers)
            try keyedPass.run(firstChunk: reader.chunkCount, into: findings) { try shared.goOn() }
            phases.append(AuditReport.Phase(name: "across", seconds: across.seconds))
            let closing = Stopwatch()
            let summary = try unfinished.finish(as: folder + "/findings.arrow")
            phases.append(AuditReport.Phase(name: "close", seconds: closing.seconds))
            var report = AuditReport(
                binding, dataset, shared, tallies: unfinished.tallies, keyed: keyedPass, sieves: sieves,
                twins: twins, keyedPlans: keyedPlans, notRunnable: notRunnable, findings: findings.rows,
                bytes: summary.bytes,
                sha256: summary.sha256, phases: phases)
            report.seconds = clock.seconds
            report.threads = threads
            report.judgedFrom = options.from?.description
            report.judgedTo = options.to?.description
            report.narrowed = options.since.flatMap { since in touched?.words(since: since) }
            report.started = started
            try report.write(into: folder)
            return report
        } catch {
            throw unfinished.left(by: error)
        }
    }
}

/// The run was stopped by its user; nothing was written over.
package struct AuditCancelled: Error, CustomStringConvertible {
    /// The share of the timelines with which the same run goes on; 0: it begins again.
    package let shareDone: Double

    package init(shareDone: Double = 0) { self.shareDone = shareDone }

    package var description: String { "the audit was cancelled; earlier findings are untouched" }
}

struct Stopwatch {
    private let start = DispatchTime.now().uptimeNanoseconds
    var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9 }
}

enum Files {
    static func replace(_ target: String, with source: String) throws {
        guard rename(source, target) == 0 else {
            throw ColumnsError(
                "AUD001", "cannot rename \(source): \(String(cString: strerror(errno)))", at: target,
                advice: "Check the folder's permissions and free space, then run again")
        }
    }
}

/// What all workers of a run share.
final class SharedRun: @unchecked Sendable {
    /// What was looked at so far.
    struct Counts: Codable {
        var lines = 0
        var encounters = 0
        var persons = 0
        var reversals = 0
        var orphanReversals = 0
    }

    private let nextChunk = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private let state: Mutex<State>
    private let progress: @Sendable (AuditProgress) -> Bool
    private let lines: Int
    /// The chunks of this round; set while no worker runs.
    private var round = 0..<0
    private var secondsOfRound = Double.infinity
    private var clock = Stopwatch()

    private struct State {
        var failure: (any Error)?
        var counts: Counts
    }

    /// Used under the lock only.
    private let writer: FindingWriter

    init(
        _ unfinished: UnfinishedRun, chunks: Int, lines: Int,
        progress: @escaping @Sendable (AuditProgress) -> Bool
    ) {
        self.lines = lines
        self.progress = progress
        writer = unfinished.writer
        state = Mutex(State(counts: unfinished.counts))
    }

    /// Before the workers set out: which chunks, and after how many seconds none is begun any more.
    func begin(_ chunks: Range<Int>, seconds: Double = .infinity) {
        round = chunks
        secondsOfRound = seconds
        clock = Stopwatch()
        nextChunk.store(chunks.lowerBound, ordering: .relaxed)
    }

    /// After they came back: all chunks before this one were claimed.
    var claimed: Int { min(nextChunk.load(ordering: .relaxed), round.upperBound) }

    func claim() -> Int? {
        guard !isStopped.load(ordering: .relaxed) else { return nil }
        if clock.seconds > secondsOfRound, nextChunk.load(ordering: .relaxed) > round.lowerBound { return nil }
        let chunk = nextChunk.add(1, ordering: .relaxed).oldValue
        return chunk < round.upperBound ? chunk : nil
    }

    func deposit(_ chunk: Chunk, _ columns: [ColumnBuffer], rows: Int, _ netting: ClaimsReader.NettingCounts) {
        let (number, lines, encounters, persons) = (
            chunk.number, chunk[.line].rows, chunk[.encounter].rows, chunk[.person].rows
        )
        let goesOn = state.withLock { state in
            do { try writer.deposit(number, columns, rows: rows) } catch { state.failure = error }
            state.counts.lines += lines
            state.counts.encounters += encounters
            state.counts.persons += persons
            state.counts.reversals += netting.reversals
            state.counts.orphanReversals += netting.orphans
            if state.failure != nil { return false }
            return progress(
                AuditProgress(linesDone: state.counts.lines, linesTotal: self.lines, findings: writer.rows))
        }
        if !goesOn { stop(nil) }
    }

    /// A fault outweighs the user's wish to stop: then the chunks claimed are not all deposited.
    func stop(_ error: (any Error)?) {
        isStopped.store(true, ordering: .relaxed)
        state.withLock {
            if $0.failure == nil || error != nil && $0.failure is AuditCancelled {
                $0.failure = error ?? AuditCancelled()
            }
        }
    }

    /// Throws when the user asked to stop; for the work after the chunks.
    func goOn() throws {
        let goesOn = state.withLock { state in
            progress(AuditProgress(linesDone: state.counts.lines, linesTotal: lines, findings: writer.rows))
        }
        if !goesOn { throw AuditCancelled() }
    }

    var failure: (any Error)? { state.withLock { $0.failure } }

    func check() throws {
        if let failure { throw failure }
    }

    var counts: Counts { state.withLock { $0.counts } }
}
